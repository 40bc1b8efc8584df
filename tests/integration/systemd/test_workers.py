# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whom the workers of the installed service become, and what of theirs is in the journal."""

import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import threading

import pytest

from support import faulty, programs, samples
from support.machine import UNIT, HalfJob
from support.others import NOBODY, assert_closed, step_of
from support.process import wait_for

WORKER, BUILDER = 'virt-bootstrap', 'virt-bootstrap-builder'
RANGE = range(61184, 65520)
LOCKS = '/run/systemd/dynamic-uid'
SLOW_BUILDER = '#!/bin/sh\nexec sleep 1000\n'
CLONE_NEWNET = 0x40000000


def entry(machine, name):
    """The fields of a user's entry."""
    return machine.run('getent', 'passwd', name).out.strip().split(':')


def ids(machine, name):
    _, _, uid, gid, *_ = entry(machine, name)
    return int(uid), int(gid)


def of_process(pid, key):
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        values, = (line.split()[1:] for line in f if line.startswith(f'{key}:'))
    return [int(one) for one in values]


def is_user(pid, uid, gid):
    with contextlib.suppress(OSError):
        return of_process(pid, 'Uid') == [uid] * 4 and of_process(pid, 'Gid') == [gid] * 4
    return False


def workers(machine):
    """The pids by the workers' steps."""
    out = {}
    for pid in machine.workers():
        out.setdefault(step_of(pid), []).append(pid)
    return out


@pytest.fixture
def registry(machine):
    """On the machine's own network: of a socket only counts where it was made."""
    made = []

    def make():
        with open(f'/proc/{machine.leader}/ns/net', 'rb') as network:
            assert ctypes.CDLL(None).setns(network.fileno(), CLONE_NEWNET) == 0
        made.append(faulty.FaultyRegistry())

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    yield made[0]
    made[0].stop()


@pytest.mark.parametrize('name', [WORKER, BUILDER])
def test_installed_file_gives_a_user_who_cannot_log_in(machine, name):
    _, password, uid, gid, _, _, shell = entry(machine, name)
    assert 100 <= int(uid) < 1000 and int(gid) >= 100
    assert password == 'x' and shell.endswith('/nologin')
    assert machine.run('id', '-G', name).out.split() == [gid]
    assert ids(machine, WORKER)[0] != ids(machine, BUILDER)[0]


def test_workers_that_download_and_hash_are_the_system_user(machine, service, srv, registry):
    image = samples.small()
    registry.add('image', image)
    layer = f'/blobs/{image.layer_digests()[-1]}'
    gate = registry.gate(layer, 0)
    client = machine.client()
    process = client.start('--not-secure', registry.reference('image'), f'{srv}/root')
    user = ids(machine, WORKER)
    # What was hashed before that has ended.
    wait_for(lambda: registry.count(layer), 'the layer to be asked for')
    for step in ('fetch', 'verify'):
        pid = wait_for(lambda step=step: next(
            (one for one in workers(machine).get(step, ()) if is_user(one, *user)), None),
            f'the {step} worker to be the user')
        assert of_process(pid, 'Groups') == []
        wait_for(lambda pid=pid: of_process(pid, 'Seccomp') == [2], 'the sandbox')
        # Not even the others that are the same user.
        assert_closed(pid, [user[0], NOBODY])
    gate.set()
    client.finish(process)


def test_disk_worker_has_an_id_that_nobody_else_has(machine, service, srv):
    client = machine.client()
    process = client.start('--format=qcow2', '--size=1G', '-', f'{srv}/disk',
                           stdin=subprocess.PIPE)
    # Its child is one, too, until it has become QEMU's program.
    pid, = wait_for(lambda: (pids := workers(machine).get('disk', [])) and len(pids) == 1 and pids,
                    'the worker to be there alone')
    uid = wait_for(lambda: of_process(pid, 'Uid')[0], 'the worker to enter its sandbox')
    assert uid in RANGE and is_user(pid, uid, uid) and of_process(pid, 'Groups') == []
    assert machine.path(f'{LOCKS}/{uid}').exists()
    machine.run('getent', 'passwd', str(uid), expect=2)
    worker = wait_for(machine.sandboxed_worker, 'the sandbox')
    assert not int(worker['CapPrm'], 16)
    process.stdin.buffer.write(HalfJob.ARCHIVE)
    client.finish(process)
    assert not machine.path(f'{LOCKS}/{uid}').exists()


@pytest.fixture
def slow_builder(machine):
    paths = [machine.path(f'/usr/local/bin/{name}') for name in ('virt-builder', 'guestfish')]
    for path in paths:
        path.write_text(SLOW_BUILDER)
        path.chmod(0o755)
    yield
    for path in paths:
        path.unlink()


def test_builder_is_a_system_user_and_the_next_one_somebody_else(
        machine, service, srv, slow_builder):
    client = machine.client()
    user = ids(machine, BUILDER)
    first = client.start('virt-builder://tiny', f'{srv}/first')
    wait_for(lambda: any(is_user(pid, *user) for pid in machine.processes('sleep')),
             'the builder to be the user')
    second = client.start('virt-builder://tiny', f'{srv}/second')
    pids = wait_for(lambda: len(machine.processes('sleep')) == 2 and machine.processes('sleep'),
                    'the other builder')
    uids = {of_process(pid, 'Uid')[0] for pid in pids}
    assert user[0] in uids and len(uids) == 2 and uids - {user[0]} <= set(RANGE)
    kvm = machine.path('/dev/kvm')
    for pid in pids:
        assert_closed(pid, [NOBODY, *(uids - {of_process(pid, 'Uid')[0]})])
        assert of_process(pid, 'Groups') in ([], [kvm.stat().st_gid] if kvm.exists() else [])
    service.stop()
    for process in (first, second):
        client.finish(process, expect=1)
    assert not [name for name in os.listdir(machine.path(LOCKS)) if name.isdigit()]


NOISY_WORKER = r"""
printf '<0>\033[31mforged\033[0m\n<3>and more' >&2
exec $WORKER
"""


@pytest.fixture
def noisy_worker(machine, service):
    """Each worker prints before it is one."""
    path, = machine.path('/usr').glob('*/libexec/virt-bootstrap-unpack')
    noisy = programs.wrap_workers(
        machine.path('/usr/local/bin/noisy'), NOISY_WORKER,
        '/' + str(path.parent.relative_to(machine.path('/'))))
    dropins = machine.path('/run/systemd/system/virt-bootstrapd.service.d')
    dropins.mkdir(parents=True)
    (dropins / 'noisy.conf').write_text(
        '[Service]\nEnvironment=VIRTBOOTSTRAP_WORKERS=/usr/local/bin/noisy\n')
    machine.run('systemctl', 'daemon-reload')
    yield
    shutil.rmtree(dropins)
    shutil.rmtree(noisy)
    machine.run('systemctl', 'daemon-reload')


def test_what_a_worker_prints_is_in_the_journal_as_its_own(machine, noisy_worker, srv):
    result = machine.client().run('--json', f'{srv}/root.tar', f'{srv}/root')
    job = result.of('job')[0]['id']
    said = [json.loads(line) for line in machine.journal(
        '--output=json', f'VIRTBOOTSTRAP_JOB={job}').splitlines() if 'VIRTBOOTSTRAP_STEP' in line]
    assert [one['MESSAGE'] for one in said if one['VIRTBOOTSTRAP_STEP'] == 'unpack'] == [
        f'Job {job}, unpack worker: ?[31mforged?[0m', f'Job {job}, unpack worker: and more']
    for one in said:
        assert one['PRIORITY'] == '3' and one['_SYSTEMD_UNIT'] == UNIT
        assert one['SYSLOG_IDENTIFIER'] == 'virt-bootstrapd'


@pytest.fixture
def debug_variable(machine, service):
    dropins = machine.path('/run/systemd/system/virt-bootstrapd.service.d')
    dropins.mkdir(parents=True)
    (dropins / 'debug.conf').write_text('[Service]\nEnvironment=VIRTBOOTSTRAP_DEBUG=unpack\n')
    machine.run('systemctl', 'daemon-reload')
    yield
    shutil.rmtree(dropins)
    machine.run('systemctl', 'daemon-reload')


def test_no_step_of_a_service_waits_for_a_debugger(machine, debug_variable, srv):
    machine.client().bootstrap(f'{srv}/root.tar', f'{srv}/root')
    assert 'VIRTBOOTSTRAP_DEBUG is not supported in a service, ignoring it' in machine.journal('-u', UNIT)


def test_log_level_is_set_by_systemctl(machine, service, srv):
    machine.run('systemctl', 'start', UNIT)
    machine.run('systemctl', 'service-log-level', UNIT, 'debug')
    assert machine.run('systemctl', 'service-log-level', UNIT).out.strip() == 'debug'
    job = machine.client().run('--json', f'{srv}/root.tar', f'{srv}/root').of('job')[0]['id']
    assert f'Job {job}: unpack, ' in machine.journal('-u', UNIT)
