# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whom root's workers become: what others, other workers among them, cannot get of theirs."""

import contextlib
import os
import pathlib
import stat

import pytest

from support import programs, samples, tar
from support.image import Image, Layer
from support.others import NOBODY, assert_closed, open_as, status, step_of, uid_of
from support.process import descendants, in_mount_namespace, wait_for

pytestmark = pytest.mark.root

RANGE = range(61184, 65520)
LOCKS = pathlib.Path('/run/systemd/dynamic-uid')
QEMU = 'qemu-storage-daemon'
PASSWORD = 'drowssap'
CANCELLED = 130  # the client's exit status
SLOW_BUILDER = """#!/bin/sh
echo '[   0.2] Opening the new disk'
exec sleep 1000
"""


def steps(process):
    """The pids below a client, by their steps."""
    out = {}
    for pid in descendants(process.pid):
        with contextlib.suppress(OSError):
            out.setdefault(step_of(pid), []).append(pid)
    return out


def await_user(pid):
    """Its user, once it is nobody else's: it starts as root."""
    wait_for(lambda: '0' not in status(pid)['Uid'], 'the worker to enter its sandbox')
    return uid_of(pid)


def locked():
    return {int(path.name) for path in LOCKS.glob('*') if path.name.isdigit()}


@pytest.fixture
def disk_jobs(faulty_registry, env, work, tmp_path):
    """Two daemons, each with a job that writes a disk image and waits for the rest of a layer."""
    jobs, gates = [], []
    for name in ('one', 'other'):
        entries = [tar.directory('etc'), tar.file(f'etc/{name}', os.urandom(4 << 20))]
        image = Image([Layer(entries)])
        faulty_registry.add(name, image)
        gates.append(faulty_registry.gate(f'/blobs/{image.layer_digests()[0]}', 1 << 20))
        client = programs.Client({**env, 'VIRTBOOTSTRAP_CACHE': str(tmp_path / f'cache-{name}')})
        process = client.start('--not-secure', '--format=qcow2', '--size=1G',
                               faulty_registry.reference(name), work / name)
        jobs.append((client, process))
    for _, process in jobs:
        wait_for(lambda process=process: {'fetch', 'verify', 'disk', QEMU} <= set(steps(process)),
                 'all workers to be there')
    yield [process for _, process in jobs]
    for gate in gates:
        gate.set()
    for client, process in jobs:
        client.finish(process)


def test_nobody_gets_at_a_job_that_writes_disk_images(disk_jobs):
    pids = {pid for process in disk_jobs for step, pids in steps(process).items()
            if step in ('fetch', 'verify', 'disk', QEMU) for pid in pids}
    for pid in pids:
        await_user(pid)
        assert_closed(pid, [NOBODY])


def test_no_two_workers_are_the_same(disk_jobs):
    uids = {}
    for process in disk_jobs:
        found = steps(process)
        for step in ('fetch', 'verify', 'disk'):
            pid, = found[step]
            uids[pid] = await_user(pid)
            assert not status(pid)['Groups']
        assert uid_of(found[QEMU][0]) == uids[found['disk'][0]]
        assert not status(found[QEMU][0])['Groups']
    assert len(set(uids.values())) == len(uids)
    assert set(uids.values()) <= set(RANGE)
    assert set(uids.values()) <= locked()


def test_workers_do_not_get_at_each_other(disk_jobs):
    found = [steps(process) for process in disk_jobs]
    uids = {await_user(pid) for one in found for step in ('fetch', 'verify', 'disk')
            for pid in one[step]}
    for one in found:
        for step in ('fetch', 'verify', 'disk'):
            # Also not who has the same id.
            assert_closed(one[step][0], uids)
        assert_closed(one[QEMU][0], uids - {uid_of(one[QEMU][0])})


def test_images_are_the_jobs_while_they_are_made(disk_jobs, work):
    for process, name in zip(disk_jobs, ('one', 'other')):
        path, = work.glob(f'.virt-bootstrap-{name}*/**/layer-0.qcow2')
        owner = await_user(steps(process)['disk'][0])
        info = path.stat()
        assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (owner, owner, 0o600)
        fd = os.open(path, os.O_PATH)
        for uid in (NOBODY, *(await_user(steps(other)['disk'][0]) for other in disk_jobs
                              if other is not process)):
            # Also not by who was handed it, as nobody was.
            assert open_as(uid, f'/proc/self/fd/{fd}', os.O_RDWR) == 'EACCES'
            assert open_as(uid, path, os.O_RDWR) == 'EACCES'
        os.close(fd)


def test_images_and_ids_are_given_back(env, faulty_registry, work, tmp_path):
    """On a machine of its own, as far as others' ids are concerned; and without systemd."""
    (tmp_path / 'run').mkdir()
    client = programs.Client(env, prefix=in_mount_namespace([(tmp_path / 'run', '/run')], []))
    faulty_registry.add('image', samples.small())
    client.bootstrap(faulty_registry.reference('image'), work / 'disk', '--format=qcow2',
                     '--size=1G', '--share-layers')
    client.fail(faulty_registry.reference('image'), work / 'small', '--format=qcow2', '--size=1M')
    for path in (work / 'disk').iterdir():
        assert (path.stat().st_uid, path.stat().st_gid) == (0, 0)
    assert (tmp_path / 'run/systemd/dynamic-uid').is_dir()
    assert not list((tmp_path / 'run/systemd/dynamic-uid').iterdir())


@pytest.mark.parametrize('has_directory', [False, True])
def test_ids_are_reserved_in_the_cache_where_run_is_read_only(
        env, faulty_registry, work, tmp_path, has_directory):
    run, cache = tmp_path / 'run', pathlib.Path(env['VIRTBOOTSTRAP_CACHE'])
    run.mkdir()
    if has_directory:
        (run / 'systemd/dynamic-uid').mkdir(parents=True)
    script = 'mount -o remount,bind,ro /run; exec "$@"'
    client = programs.Client(
        env, prefix=in_mount_namespace([(run, '/run')], ['sh', '-ec', script, 'sh']))
    image = samples.small()
    faulty_registry.add('image', image)
    gate = faulty_registry.gate(f'/blobs/{image.layer_digests()[0]}', 0)
    job = client.start('--not-secure', '--format=qcow2', '--size=1G',
                       faulty_registry.reference('image'), work / 'disk')
    wait_for(lambda: {'fetch', 'disk'} <= set(steps(job)), 'the workers to be there')
    uids = {await_user(pid) for step in ('fetch', 'disk') for pid in steps(job)[step]}
    assert len(uids) == 2
    assert uids <= {int(path.name) for path in (cache / 'virt-bootstrap/users').iterdir()}
    gate.set()
    client.finish(job)
    assert not list((cache / 'virt-bootstrap/users').iterdir())


def test_range_of_ids_is_configured(env, daemon_on, work, tmp_path, faulty_registry):
    """A range of one is too small for what downloads and what hashes."""
    uid = RANGE[-1]
    config = tmp_path / 'virt-bootstrapd.conf'
    config.write_text(f'[Daemon]\nWorkerUsers={uid}-{uid}\n')
    faulty_registry.add('image', samples.small())
    daemon = daemon_on(options=[f'--config={config}'])
    client = programs.Client(env, daemon.address)
    result = client.fail(faulty_registry.reference('image'), work / 'root')
    assert f'all of {uid}-{uid} are taken (WorkerUsers=)' in result.sentence


@pytest.fixture
def builder_jobs(env, work, tmp_path):
    """Two daemons, each of which runs virt-builder with a password for root."""
    for path in tmp_path.parents[:2]:
        path.chmod(0o755)
    folder, temporary = tmp_path / 'bin', tmp_path / 'temporary'
    folder.mkdir()
    temporary.mkdir()
    for name in ('virt-builder', 'guestfish'):
        (folder / name).write_text(SLOW_BUILDER)
        (folder / name).chmod(0o755)
    (tmp_path / 'password').write_text(PASSWORD)
    clients = []
    for name in ('one', 'other'):
        client = programs.Client({**env, 'PATH': f'{folder}:{env["PATH"]}',
                                  'VIRTBOOTSTRAP_TMPDIR': str(temporary),
                                  'VIRTBOOTSTRAP_CACHE': str(tmp_path / f'cache-{name}')})
        clients.append((client, client.start(
            f'--root-password=file:{tmp_path}/password', 'virt-builder://tiny', work / name)))
    for _, process in clients:
        wait_for(lambda process=process: 'sleep' in steps(process), 'the template to be built')
    yield [process for _, process in clients], temporary
    for client, process in clients:
        process.terminate()
        client.finish(process, expect=CANCELLED)


def test_nobody_gets_at_a_builder_and_its_password(builder_jobs):
    processes, temporary = builder_jobs
    pids = [steps(process)['sleep'][0] for process in processes]
    uids = [await_user(pid) for pid in pids]
    assert len(set(uids)) == 2 and set(uids) <= set(RANGE)
    files = {path.stat().st_uid: path for path in temporary.glob('**/password')}
    assert set(files) == set(uids)
    for pid, uid, other in zip(pids, uids, reversed(uids)):
        assert_closed(pid, [NOBODY, other])
        assert set(status(pid)['Groups']) <= {str(os.stat('/dev/kvm').st_gid)
                                              if os.path.exists('/dev/kvm') else ''}
        fd = os.open(files[uid], os.O_PATH)
        for somebody in (NOBODY, other):
            assert open_as(somebody, files[uid], os.O_RDONLY) == 'EACCES'
            assert open_as(somebody, f'/proc/self/fd/{fd}', os.O_RDONLY) == 'EACCES'
        os.close(fd)
