# SPDX-License-Identifier: LGPL-2.1-or-later
"""The arguments of a call of Bootstrap. Secrets and files become descriptors."""

import contextlib
import fcntl
import os

from ._auth import find_login
from ._errors import error, error_of_os
from ._source import make_absolute, open_source

_SECRET_BYTES_MAX = 4096
_ID_MAX = 2 ** 32 - 1
_FILE = 'file:'
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def _text(what, text, kind='InvalidOption'):
    """A string that D-Bus can carry."""
    if not isinstance(text, (str, os.PathLike)):
        raise error(kind, f'{what} is not a string')
    text = os.fspath(text)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise error(kind, f'{what} is not valid UTF-8') from None
    if '\0' in text:
        raise error(kind, f'{what} contains a NUL character')
    return text


def _read_secret(path):
    """The first line of a file."""
    try:
        # A pipe is fine, and read no further than necessary.
        with open(path, 'rb', buffering=0) as file:
            return file.readline(_SECRET_BYTES_MAX + 1).partition(b'\n')[0].partition(b'\r')[0]
    except OSError as reason:
        raise error_of_os(f'Cannot read the password file {path}', reason, 'InvalidOption') from None


def _check_length(password):
    if len(password) > _SECRET_BYTES_MAX - 1:
        raise error('LimitExceeded', f'A password is longer than {_SECRET_BYTES_MAX - 1} bytes')
    return password


def _seal(secret):
    """Returns a descriptor of memory, which nobody can change any more."""
    fd = os.memfd_create('secret', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.write(fd, secret)
        os.lseek(fd, 0, os.SEEK_SET)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _ranges(what, idmap):
    """[[start, target, count], …] as a(uuu)."""
    try:
        ranges = [tuple(map(int, (start, target, count))) for start, target, count in idmap]
    except (TypeError, ValueError):
        ranges = None
    if ranges is None or any(not 0 <= number <= _ID_MAX for one in ranges for number in one):
        raise error('InvalidOption', f'{what} is not a list of [START, TARGET, COUNT], such as [[0, 100000, 65536]]')
    return ranges


class Request:
    """source, destination and options of Bootstrap; owns the descriptors among them, and closes them as a context."""

    def __init__(self, uri, dest, **options):
        self.options = {}
        with contextlib.ExitStack() as files:
            self.source, fd = open_source(os.fspath(uri))
            if fd is not None:
                self._add_fd(files, 'source-fd', fd)
            _text('The source', self.source, 'InvalidReference')
            self.destination = make_absolute(_text('The destination', dest, 'InvalidDestination'))
            self._read(files, **options)
            self._files = files.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._files.close()

    def _add_fd(self, files, name, fd):
        files.callback(os.close, fd)
        self.options[name] = ('h', fd)

    def _read(self, files, fmt, username, password, root_password, uid_map, gid_map, not_secure, no_cache):
        self.options['format'] = ('s', _text('The format', fmt))
        # virt-manager asks before it passes a directory with content.
        self.options['overwrite'] = ('b', True)
        self.options['not-secure'] = ('b', bool(not_secure))
        self.options['no-cache'] = ('b', bool(no_cache))
        for name, what, idmap in (('uidmap', 'uid_map', uid_map), ('gidmap', 'gid_map', gid_map)):
            if idmap:
                self.options[name] = ('a(uuu)', _ranges(what, idmap))
        if username:
            if password is None:
                raise error('AuthenticationRequired', 'A user name is given without a password')
            self.options['username'] = ('s', _text('The user name', username))
            self._add_fd(files, 'password-fd', _seal(_check_length(_text('The password', password).encode())))
        elif login := find_login(self.source):
            self._add_fd(files, 'auth-fd', _seal(login))
        if root_password is not None:
            self._add_fd(files, 'root-password-fd', _seal(_check_length(self._root_password(root_password))))

    @staticmethod
    def _root_password(selector):
        selector = _text('The root password', selector)
        if not selector.startswith(_FILE):
            return selector.encode()
        path = selector.removeprefix(_FILE)
        secret = _read_secret(path)
        if not secret:
            raise error('InvalidOption', f'The first line of the password file {path} is empty')
        return secret
