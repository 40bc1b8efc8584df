# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ordinary users: with a service of their own, started by their session bus, and without any bus."""

import crypt
import stat

import pytest

from support import disk
from support.machine import HalfJob
from support.process import wait_for

PASSWORD = 'drowssap'


def check_tree(folder, uid):
    assert (folder / 'etc/greeting').read_text() == 'hello\n'
    assert {path.stat().st_uid for path in (folder, *folder.rglob('*'))} == {uid}


def check_disk(folder, uid):
    assert disk.names(folder) == ['layer-0.qcow2', 'layer-1.qcow2']
    assert {path.stat().st_uid for path in folder.iterdir()} == {uid}
    disk.check(disk.top(folder))
    with disk.raw(disk.top(folder)) as path:
        disk.fsck(path)
        with disk.mounted(path) as tree:
            shadow = type(folder)(tree) / 'etc/shadow'
            assert shadow.stat().st_uid == 100000
            hashed = shadow.read_text().split(':')[1]
    assert crypt.crypt(PASSWORD, hashed) == hashed


@pytest.mark.parametrize('where', [[], ['--user']], ids=['by itself', '--user'])
def test_call_on_the_session_bus_starts_the_service(machine, user_service, someone, home, where):
    assert user_service.state == 'inactive'
    machine.client(*where, user=someone).run(f'{home}/root.tar', f'{home}/root')
    assert user_service.state == 'active'
    check_tree(machine.path(f'{home}/root'), someone.uid)
    cache = machine.path(f'{someone.home}/.cache/virt-bootstrap').stat()
    assert (cache.st_uid, stat.S_IMODE(cache.st_mode) & 0o022) == (someone.uid, 0)


def test_disk_images_by_the_users_service(machine, user_service, someone, home):
    machine.client('--user', user=someone).run(
        '--format=qcow2', '--size=1G', '--idmap=0:100000:65536',
        f'--root-password=file:{home}/secret', f'{home}/root.tar', f'{home}/disk')
    assert user_service.state == 'active'
    check_disk(machine.path(f'{home}/disk'), someone.uid)


def test_list_all_has_what_the_users_journal_remembers(machine, user_service, someone, home):
    client = machine.client('--user', user=someone)
    client.run(f'{home}/root.tar', f'{home}/root')
    user_service.stop()
    machine.run('journalctl', '--sync')
    rows = [row for row in client.run('--json', 'list', '--all').events if row['destination'] == f'{home}/root']
    assert [(row['state'], row['owner-name'], row['path']) for row in rows] == [('finished', someone.name, None)]


def test_workers_of_a_user_are_in_their_sandboxes(machine, user_service, someone, home):
    job = HalfJob(machine.client('--user', user=someone), machine, f'{home}/root')
    machine.sandboxed_worker()
    job.go_on()


def test_killed_service_of_a_user_cleans_up(machine, user_service, someone, home):
    job = HalfJob(machine.client('--user', user=someone), machine, f'{home}/root', '--detach')
    assert job.process.wait(10) == 0
    user_service.kill('all')
    wait_for(lambda: user_service.state == 'failed', 'systemd to have cleaned up')
    assert not job.left()


def test_stopped_service_of_a_user_ends_its_jobs_and_stays_stopped(
        machine, user_service, someone, home):
    job = HalfJob(machine.client('--user', user=someone), machine, f'{home}/root')
    user_service.stop()
    assert job.finish().error == 'Interrupted'
    assert not job.left()
    assert user_service.state == 'inactive'


@pytest.fixture
def busless(machine, someone):
    """A client in an environment like that of a cron job."""
    return machine.client('--embedded', user=someone, session=False)


def test_directory_without_a_bus(machine, user_service, someone, home, busless):
    busless.run(f'{home}/root.tar', f'{home}/root')
    check_tree(machine.path(f'{home}/root'), someone.uid)
    assert user_service.state == 'inactive'


def test_disk_images_without_a_bus(machine, someone, home, busless):
    busless.run('--format=qcow2', '--size=1G', '--idmap=0:100000:65536',
                f'--root-password=file:{home}/secret', f'{home}/root.tar', f'{home}/disk')
    check_disk(machine.path(f'{home}/disk'), someone.uid)


def test_client_without_a_bus_does_it_by_itself(machine, service, someone, home):
    machine.client(user=someone, session=False).run(f'{home}/root.tar', f'{home}/root')
    check_tree(machine.path(f'{home}/root'), someone.uid)
    assert service.state == 'inactive'
