# SPDX-License-Identifier: LGPL-2.1-or-later
"""One machine for all tests; each test has a stopped service, a folder and a cache of its own.

Where no container can boot they are skipped, or fail if TEST_MUST_BOOT is set."""

import itertools
import os
import shutil

import pytest

from support import samples, tar
from support.machine import CannotBoot, Machine, Service, User

FOLDERS = itertools.count(1)
CACHE = '/var/cache/virt-bootstrap'
SHADOW = b'root:*:19000:0:99999:7:::\n'
ROOT = [tar.directory('etc'), tar.file('etc/shadow', SHADOW, mode=0o640),
        tar.file('etc/greeting', b'hello\n')]


@pytest.fixture(scope='session')
def machine(tmp_path_factory):
    try:
        if not samples.is_root():
            raise CannotBoot('only root can boot a container')
        one = Machine(tmp_path_factory.mktemp('machine'))
    except CannotBoot as error:
        reason = f'systemd-nspawn cannot boot a container here: {error}'
        if 'TEST_MUST_BOOT' in os.environ:
            pytest.exit(reason, returncode=1)
        pytest.skip(reason)
    yield one
    one.stop()


@pytest.fixture(scope='session')
def someone(machine):
    """An ordinary user with a systemd and a session bus of their own."""
    user = User(machine, 'someone')
    machine.run('loginctl', 'enable-linger', user.name)
    machine.run('systemctl', 'start', f'user@{user.uid}.service')
    return user


@pytest.fixture
def service(machine):
    one = Service(machine)
    shutil.rmtree(machine.path(CACHE), ignore_errors=True)
    yield one
    one.reset()


@pytest.fixture
def user_service(machine, someone):
    one = Service(machine, someone)
    shutil.rmtree(machine.path(f'{someone.home}/.cache'), ignore_errors=True)
    yield one
    one.reset()


def make_folder(machine, parent, uid):
    name = f'{parent}/{next(FOLDERS)}'
    machine.path(name).mkdir()
    for path, data in (('root.tar', tar.archive(ROOT)), ('secret', b'drowssap\n')):
        path = machine.path(f'{name}/{path}')
        path.write_bytes(data)
        path.chmod(0o600)
    machine.run('chown', '-R', f'{uid}:{uid}', name)
    return name


@pytest.fixture
def srv(machine):
    """A folder of root's in the machine, by its name there, with a tarball and a password."""
    return make_folder(machine, '/srv', 0)


@pytest.fixture
def home(machine, someone):
    """The same, of a user's, in a home that is closed to all others."""
    return make_folder(machine, someone.home, someone.uid)
