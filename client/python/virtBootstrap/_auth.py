# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the user has logged in with, as virt-bootstrap(1) finds it: files that podman, skopeo and docker write, and
credential helpers. The daemon gets only what is for one repository."""

import base64
import binascii
import json
import os
import re
import subprocess

from ._errors import error, error_of_os

_FILE_BYTES_MAX = 1 << 20
_HELPER_SECONDS = 120  # it may ask its user for a passphrase meanwhile
_HELPER_NAME = re.compile(r'[\w.-]{1,128}', re.ASCII)
_HUB = 'docker.io'
_HUB_HOSTS = (_HUB, f'index.{_HUB}', f'registry-1.{_HUB}')
_HUB_KEY = f'https://index.{_HUB}/v1/'  # where Docker logs in to it
_IMAGE = re.compile(r'(?is)docker:/{0,3}(?P<name>[^@]*?)(?::[^:/@]*)?(?:@.*)?/?')


def _split(uri):
    """Host and repository of an image in a registry; None for another source, or a name that the daemon refuses."""
    found = _IMAGE.fullmatch(uri)
    if not found or not found['name']:
        return None
    host, slash, repository = found['name'].partition('/')
    if not slash or not (re.search('[.:A-Z]', host) or host == 'localhost'):
        host, repository = _HUB, found['name']
    if host == f'index.{_HUB}':
        host = _HUB
    if host == _HUB and '/' not in repository:
        repository = f'library/{repository}'
    return host, repository


def _normalize(host):
    host = host.lower()
    return _HUB if host in _HUB_HOSTS else host


def _rank(key, host, repository):
    """How much of host/repository an entry's key is; -1 for another one."""
    address = re.sub('^https?://', '', key)
    name, slash, path = address.partition('/')
    if _normalize(name) != _normalize(host):
        return -1
    if address != key or not slash:  # an address is for the whole host
        return 0
    return len(path) if f'{repository}/'.startswith(f'{path}/') else -1


def _places():
    """Where to look, in order, and whether the file must be there."""
    named = os.environ.get('REGISTRY_AUTH_FILE')
    if named:
        return [named], True
    home, runtime = os.environ.get('HOME'), os.environ.get('XDG_RUNTIME_DIR')
    config = os.environ.get('XDG_CONFIG_HOME') or (home and f'{home}/.config')
    docker = os.environ.get('DOCKER_CONFIG') or (home and f'{home}/.docker')
    paths = [f'{runtime}/containers/auth.json' if runtime else f'/run/containers/{os.geteuid()}/auth.json']
    paths += [f'{config}/containers/auth.json'] if config else []
    return paths + ([f'{docker}/config.json'] if docker else []), False


class _File:
    """One file with credentials."""

    def __init__(self, path, text):
        self._path = path
        try:
            root = json.loads(text)
        except ValueError:
            raise self._broken('it is not JSON') from None
        if not isinstance(root, dict):
            raise self._broken('it is not a JSON object')
        self._auths, self._helpers = (root.get(name) or {} for name in ('auths', 'credHelpers'))
        self._store = root.get('credsStore') or ''
        if not isinstance(self._auths, dict) or not isinstance(self._helpers, dict) or \
                not isinstance(self._store, str):
            raise self._broken('"auths" or "credHelpers" is not an object, or "credsStore" is not a string')

    def _broken(self, why):
        return error('InvalidOption', f'The credentials file {self._path} is broken: {why}')

    def find(self, host, repository):
        """An entry, {"auth": …} or {"identitytoken": …}, or None."""
        for key, name in self._helpers.items():
            if _rank(key, host, '') == 0:
                return self._ask(name, key)
        keys = [key for key, entry in self._auths.items()
                if _rank(key, host, repository) >= 0 and not self._is_marker(entry)]
        if keys:
            # Of a host's several keys, its own name is the one that counts.
            best = max(keys, key=lambda key: (_rank(key, host, repository), key.startswith(_normalize(host))))
            return self._read(best)
        if self._store:
            return self._ask(self._store, _HUB_KEY if host in _HUB_HOSTS else host)
        return None

    @staticmethod
    def _is_marker(entry):
        """Docker leaves {} behind where a helper has the credentials."""
        return isinstance(entry, dict) and not entry.get('auth') and not entry.get('identitytoken')

    def _read(self, key):
        try:
            entry = {name: self._auths[key][name] for name in ('auth', 'identitytoken') if self._auths[key].get(name)}
            if b':' not in base64.b64decode(entry.get('auth', 'Og=='), validate=True):
                raise ValueError
            return {name: str(value) for name, value in entry.items()}
        except (AttributeError, TypeError, ValueError, binascii.Error):
            raise self._broken(f'"{key}" has no usable credentials') from None

    def _ask(self, name, server):
        """Runs a credential helper."""
        if not isinstance(name, str) or not _HELPER_NAME.fullmatch(name):
            raise self._broken('it has a credential helper without a usable name')
        program = f'docker-credential-{name}'
        try:
            done = subprocess.run([program, 'get'], input=server.encode(), stdout=subprocess.PIPE,
                                  timeout=_HELPER_SECONDS, check=False)
        except FileNotFoundError:
            raise error('Failed', f'The credential helper {name} for {server} is not installed') from None
        except OSError as reason:
            raise error_of_os(f'Cannot run {program} for {server}', reason) from None
        except subprocess.TimeoutExpired:
            raise error('Failed', f'{program} did not answer for {server} within {_HELPER_SECONDS} seconds') from None
        if done.returncode:
            if done.stdout.startswith(b'credentials not found'):
                return None
            raise error('Failed', f'{program} has no credentials for {server}')
        return self._read_answer(program, server, done.stdout)

    @staticmethod
    def _read_answer(program, server, text):
        try:
            answer = json.loads(text)
            user, secret = answer['Username'], answer['Secret']
            login = base64.b64encode(f'{user}:{secret}'.encode()).decode()
        except (KeyError, TypeError, ValueError):
            raise error('Failed', f'{program} gives no usable credentials for {server}') from None
        if not user and not secret:
            return None
        return {'identitytoken': secret} if user == '<token>' else {'auth': login}


def _read(path, is_named):
    """None if there is no such file."""
    try:
        with open(path, 'rb') as file:
            text = file.read(_FILE_BYTES_MAX + 1)
    except OSError as reason:
        if not is_named and isinstance(reason, (FileNotFoundError, NotADirectoryError)):
            return None
        raise error_of_os(f'Cannot open the credentials file {path}', reason, 'InvalidOption') from None
    if len(text) > _FILE_BYTES_MAX:
        raise error('InvalidOption', f'The credentials file {path} is larger than {_FILE_BYTES_MAX} bytes')
    return _File(path, text)


def find_login(uri):
    """A file for the daemon, as bytes, with what there is for the image; None if there is nothing."""
    image = _split(uri)
    if not image:
        return None
    paths, is_named = _places()
    for path in paths:
        file = _read(path, is_named)
        entry = file.find(*image) if file else None
        if entry:
            return json.dumps({'auths': {'/'.join(image): entry}}).encode()
    return None
