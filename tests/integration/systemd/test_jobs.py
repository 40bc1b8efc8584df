# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs of the system's service, as it is installed: what they give, and what they leave when they end badly."""

import crypt
import json
import re
import stat

import pytest

from support import disk
from support.machine import UNIT, HalfJob
from support.process import wait_for

CACHE = '/var/cache/virt-bootstrap'
PASSWORD = 'drowssap'


def test_disk_images_with_password_and_mapping(machine, service, srv):
    machine.client().run('--format=qcow2', '--size=1G', '--idmap=0:100000:65536',
                         f'--root-password=file:{srv}/secret', f'{srv}/root.tar', f'{srv}/disk')
    folder = machine.path(f'{srv}/disk')
    assert disk.names(folder) == ['layer-0.qcow2', 'layer-1.qcow2']
    assert stat.S_IMODE(disk.top(folder).stat().st_mode) == 0o600
    assert len(disk.info(disk.top(folder))) == 2
    disk.check(disk.top(folder))
    with disk.raw(disk.top(folder)) as path:
        disk.fsck(path)
        block = disk.superblock(path)
        assert block['Filesystem volume name'] == 'root'
        assert re.fullmatch(r'[0-9a-f-]{36}', block['Filesystem UUID'])
        with disk.mounted(path) as tree:
            shadow = type(folder)(tree) / 'etc/shadow'
            assert (shadow.stat().st_uid, shadow.stat().st_gid) == (100000, 100000)
            hashed = shadow.read_text().split(':')[1]
    assert crypt.crypt(PASSWORD, hashed) == hashed


def test_client_hands_over_what_the_service_cannot_see(machine, service, srv):
    """The tarball is on a file system that is mounted for the client alone."""
    client = machine.client()
    client.prefix += ['unshare', '--mount', 'sh', '-ec',
                      f'mount -t tmpfs x /mnt; mv {srv}/root.tar /mnt/private.tar; exec "$@"', 'sh']
    client.run('/mnt/private.tar', f'{srv}/root')
    assert service.state == 'active'
    assert machine.path(f'{srv}/root/etc/greeting').read_text() == 'hello\n'


def test_workers_are_in_their_sandboxes(machine, service, srv):
    job = HalfJob(machine.client(), machine, f'{srv}/root')
    machine.sandboxed_worker()
    job.go_on()
    assert 'andbox' not in machine.journal(f'--unit={UNIT}')


def test_journal_tells_what_was_put_where_by_whom_and_how_it_ended(machine, service, srv):
    machine.client().run(f'{srv}/root.tar', f'{srv}/root')
    machine.client().fail('docker://127.0.0.1:1/none', f'{srv}/other', '--format=qcow2')
    entries = [json.loads(line) for line in machine.journal(
        f'--unit={UNIT}', '--output=json').splitlines() if 'VIRTBOOTSTRAP_JOB' in line and f'{srv}/' in line]
    wanted = [('done', f'{srv}/root.tar', f'{srv}/root', 'dir', '6'),
              ('failed', 'docker://127.0.0.1:1/none', f'{srv}/other', 'qcow2', '5')]
    for started, ended, (result, source, dest, kind, priority) in zip(
            entries[::2], entries[1::2], wanted, strict=True):
        assert started['MESSAGE_ID'] == '71f3c58cd3484fdfa5e0bbf8b7ad1d6e'
        assert ended['MESSAGE_ID'] == '4e2a87ea6f5e4b0a9a3a2f1c0d5c7b93'
        assert ended['VIRTBOOTSTRAP_JOB'] == started['VIRTBOOTSTRAP_JOB']
        for entry in (started, ended):
            assert entry['VIRTBOOTSTRAP_SOURCE'] == source
            assert entry['VIRTBOOTSTRAP_DESTINATION'] == dest
            assert (entry['VIRTBOOTSTRAP_FORMAT'], entry['VIRTBOOTSTRAP_CALLER_UID']) == (kind, '0')
            assert f'{source} to {dest} ({kind}), for user 0' in entry['MESSAGE']
        assert (ended['VIRTBOOTSTRAP_RESULT'], ended['PRIORITY']) == (result, priority)
        assert int(ended['VIRTBOOTSTRAP_USEC']) > 0
    assert int(entries[1]['VIRTBOOTSTRAP_UNPACKED_BYTES']) > 0
    assert entries[3]['VIRTBOOTSTRAP_ERROR'] == 'org.virtbootstrap1.Error.RegistryUnavailable'


def listed(client):
    return {row['destination']: row for row in client.run('--json', 'list', '--all').events}


def test_list_all_has_what_the_journal_remembers(machine, service, srv):
    client = machine.client()
    client.run(f'{srv}/root.tar', f'{srv}/root')
    client.fail('docker://127.0.0.1:1/none', f'{srv}/other', '--format=qcow2')
    live = listed(client)
    service.stop()
    machine.run('journalctl', '--sync')
    assert client.run('--json', 'list').events == []
    rows = listed(client)
    done, failed = rows[f'{srv}/root'], rows[f'{srv}/other']
    for row, result in (done, 'finished'), (failed, 'failed'):
        before = live[row['destination']]
        assert before['path'] and not row['path']
        assert (row['id'], row['source'], row['state']) == (before['id'], before['source'], result)
        assert (row['owner'], row['owner-name']) == (0, 'root')
        assert 0 < row['start-time'] <= row['end-time']
    assert done['digest'] == live[f'{srv}/root']['digest'] and done['error'] is None
    assert failed['error'] == 'org.virtbootstrap1.Error.RegistryUnavailable'
    assert re.search(rf'^\w+ +\d+\w+ root +failed: RegistryUnavailable docker://127.0.0.1:1/none +{srv}/other$',
                     client.run('list', '--all').out, re.M)


def test_list_all_does_not_believe_lines_of_other_users(machine, service, srv, someone):
    """Nor of a system user, whose lines are in the same file as the service's."""
    fields = {'MESSAGE': 'forged', 'MESSAGE_ID': '4e2a87ea6f5e4b0a9a3a2f1c0d5c7b93',
              'VIRTBOOTSTRAP_JOB': 'NAME', 'VIRTBOOTSTRAP_CALLER_UID': '0', 'VIRTBOOTSTRAP_RESULT': 'done',
              'VIRTBOOTSTRAP_DESTINATION': f'{srv}/NAME', 'VIRTBOOTSTRAP_SOURCE': 'docker://evil'}
    for uid, name in (someone.uid, 'user'), (1, 'system'), (0, 'root'):
        lines = ''.join(f'{key}={value}\n' for key, value in fields.items()).replace('NAME', name)
        machine.run('setpriv', f'--reuid={uid}', '--clear-groups', 'sh', '-c',
                    f"printf '{lines}' | logger --journald")
    machine.run('journalctl', '--sync')
    assert [dest for dest in listed(machine.client()) if dest.startswith(f'{srv}/')] == [f'{srv}/root']


def test_list_all_tells_of_a_job_without_an_end(machine, service, srv):
    job = HalfJob(machine.client(), machine, f'{srv}/root')
    service.kill('all')
    job.finish()
    machine.run('journalctl', '--sync')
    row = listed(machine.client())[f'{srv}/root']
    assert (row['state'], row['end-time'], row['error']) == ('unknown', None, None)


def test_secrets_are_not_in_the_journal(machine, service, srv):
    machine.client().run('--root-password', f'file:{srv}/secret', f'{srv}/root.tar', f'{srv}/root')
    machine.client().fail('docker://127.0.0.1:1/none', f'{srv}/other', '--username=someone',
                          f'--password=file:{srv}/secret')
    said = machine.journal(f'--unit={UNIT}', '--output=export')
    assert re.search(r'MESSAGE=Job \w+: finished after .*root\.tar to ', said)
    assert re.search(r'MESSAGE=Job \w+: failed after .*127\.0\.0\.1', said)
    everything = machine.journal('--output=export')
    assert PASSWORD not in everything


def test_cache_is_closed_to_users(machine, service, srv, someone):
    machine.client().run(f'{srv}/root.tar', f'{srv}/root')
    status = machine.path(CACHE).stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o711, 0, 0)
    closed = {path.name for path in machine.path(CACHE).iterdir()
              if not path.stat().st_mode & 0o077}
    assert {'blobs', 'index.json', 'virt-bootstrap'} <= closed
    machine.run('ls', CACHE, user=someone, expect=2)
    machine.run('ls', f'{CACHE}/blobs', user=someone, expect=2)


@pytest.mark.parametrize('who', ['all', 'main'])
def test_killed_service_cleans_up_and_the_client_says_so(machine, service, srv, who):
    job = HalfJob(machine.client(), machine, f'{srv}/root')
    service.kill(who)
    result = job.finish()
    assert result.error == 'Interrupted' and result.sentence
    assert not result.of('message'), 'the next service did not answer'
    assert not job.left()
    machine.client().run(f'{srv}/root.tar', f'{srv}/root')
    assert machine.path(f'{srv}/root/etc/greeting').exists()


@pytest.mark.parametrize('who', ['all', 'main'])
def test_killed_service_cleans_up_when_nobody_waits(machine, service, srv, who):
    job = HalfJob(machine.client(), machine, f'{srv}/root', '--detach')
    assert job.process.wait(10) == 0
    service.kill(who)
    wait_for(lambda: service.show('NRestarts') == '1' and service.state == 'active',
             'systemd to start the service again')
    assert not job.left()
    assert not machine.workers()
    machine.client().run(f'{srv}/root.tar', f'{srv}/root')


def test_stopped_service_ends_its_jobs_and_stays_stopped(machine, service, srv):
    job = HalfJob(machine.client(), machine, f'{srv}/root')
    service.stop()
    result = job.finish()
    assert result.error == 'Interrupted'
    assert not job.left()
    assert service.state == 'inactive' and service.show('Result') == 'success'


def test_bus_that_goes_away_ends_jobs(machine, service, srv):
    job = HalfJob(machine.client(), machine, f'{srv}/root')
    machine.run('systemctl', 'restart', 'dbus.service')
    assert job.finish().error == 'Interrupted'
    wait_for(lambda: not job.left(), 'the job to be cleaned up')
    wait_for(lambda: not machine.workers(), 'the workers to end')


def test_cancelled_job_leaves_nothing(machine, service, srv):
    job = HalfJob(machine.client(), machine, f'{srv}/root', '--detach')
    assert job.process.wait(10) == 0
    name = job.process.stdout.read()
    identity = re.search(r'"id":"(\w+)"', name)[1]
    machine.client().run('cancel', identity)
    wait_for(lambda: not machine.workers(), 'the workers to end')
    wait_for(lambda: not job.left(), 'the job to be cleaned up')
    assert service.state == 'active'
