# SPDX-License-Identifier: LGPL-2.1-or-later
"""A certificate authority of the tests' own, for 127.0.0.1."""

import pathlib

from .process import run


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / 'ca.crt'
        self._key = self.folder / 'ca.key'
        run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
             '-subj', '/CN=Test authority', '-addext', 'basicConstraints=critical,CA:TRUE',
             '-keyout', self._key, '-out', self.certificate])

    def issue(self, name='server', address='IP:127.0.0.1,DNS:localhost'):
        """Returns (certificate, key) for @address."""
        key, request = self.folder / f'{name}.key', self.folder / f'{name}.csr'
        certificate, extra = self.folder / f'{name}.crt', self.folder / f'{name}.ext'
        extra.write_text(f'subjectAltName={address}\n')
        run(['openssl', 'req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', f'/CN={name}',
             '-keyout', key, '-out', request])
        run(['openssl', 'x509', '-req', '-in', request, '-CA', self.certificate,
             '-CAkey', self._key, '-CAcreateserial', '-days', '2', '-extfile', extra,
             '-out', certificate])
        return certificate, key
