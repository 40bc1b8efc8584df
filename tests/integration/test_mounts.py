# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is mounted below a destination stays mounted: it is found, named, and keeps its content."""

import os
import signal
import subprocess

import pytest

from support import programs, samples, tree
from support.process import run, running, wait_for

pytestmark = pytest.mark.root


@pytest.fixture
def mount():
    """Mounts, with the arguments of mount(8), and takes it off again if it is still there."""
    mounted = []

    def one(*args):
        run(['mount', *args])
        mounted.append(str(args[-1]))

    yield one
    for path in reversed(mounted):
        if path in points():
            run(['umount', path])


def points():
    """Where something is mounted."""
    with open('/proc/self/mountinfo') as f:
        return [line.split()[4] for line in f]


@pytest.fixture
def reference(faulty_registry):
    faulty_registry.add('small', samples.small())
    return faulty_registry.reference('small')


@pytest.fixture
def full(dest):
    """A destination with content, and a folder for a mount."""
    (dest / 'data/db').mkdir(parents=True)
    (dest / 'mine').write_text('kept')
    return dest


def put_tmpfs(mount, path):
    mount('-t', 'tmpfs', 'test', path)
    (path / 'precious').write_text('precious')


def refuse(client, reference, dest, *where):
    """Overwriting is refused, and says why."""
    result = client.fail(reference, dest, '--overwrite')
    assert result.error == 'InvalidDestination', str(result)
    assert result.sentence == (f'The destination {dest} cannot be overwritten: something is '
                               f'mounted in it, on {", ".join(map(str, where))}')


def test_mounts_below_are_named_and_stay(client, reference, full, work, mount):
    put_tmpfs(mount, full / 'data')
    (full / 'data/db').mkdir()
    put_tmpfs(mount, full / 'data/db')
    refuse(client, reference, full, full / 'data', full / 'data/db')
    assert (full / 'data/precious').exists() and (full / 'data/db/precious').exists()
    assert os.listdir(work) == ['root'] and not (full / 'etc').exists()


def test_bind_mount_of_the_same_file_system_is_one(client, reference, full, tmp_path, mount):
    (tmp_path / 'other').mkdir()
    mount('--bind', tmp_path / 'other', full / 'data')
    refuse(client, reference, full, full / 'data')
    assert str(full / 'data') in points()


def test_file_that_is_mounted_is_one(client, reference, full, tmp_path, mount):
    (tmp_path / 'other').write_text('other')
    mount('--bind', tmp_path / 'other', full / 'mine')
    refuse(client, reference, full, full / 'mine')
    assert (full / 'mine').read_text() == 'other'


def test_mount_that_is_seen_at_another_path_only_is_one(
        client, reference, full, work, tmp_path, mount):
    """It is on a directory of the destination, and would go with it."""
    (tmp_path / 'alias').mkdir()
    mount('--bind', work, tmp_path / 'alias')
    mount('--make-private', tmp_path / 'alias')
    put_tmpfs(mount, tmp_path / 'alias/root/data')
    refuse(client, reference, full, tmp_path / 'alias/root/data')
    assert (tmp_path / 'alias/root/data/precious').exists()


def test_mount_point_with_a_mount_below_is_not_overwritten_in_place(
        client, reference, dest, mount):
    dest.mkdir()
    put_tmpfs(mount, dest)
    (dest / 'boot').mkdir()
    put_tmpfs(mount, dest / 'boot')
    refuse(client, reference, dest, dest / 'boot')
    assert tree.names(dest) == ['boot', 'boot/precious', 'precious']


def test_mount_that_comes_while_the_job_works_is_found_before_the_exchange(
        client, faulty_registry, full, work, mount):
    image = samples.large(32)
    faulty_registry.add('large', image)
    gate = faulty_registry.gate(image.layers[0].digest, len(image.layers[0].blob) // 2)
    job = client.start('--json', '--not-secure', '--overwrite',
                       faulty_registry.reference('large'), full)
    wait_for(lambda: list(work.glob('.virt-bootstrap-*/root/data/*')), 'the first files')
    put_tmpfs(mount, full / 'data')
    gate.set()
    result = client.finish(job, expect=1)
    assert result.error == 'InvalidDestination'
    assert str(full / 'data') in result.sentence
    assert (full / 'data/precious').exists() and (full / 'mine').exists()
    assert os.listdir(work) == ['root']


def test_mount_in_what_a_killed_daemon_left_is_named_and_stays(
        client, faulty_registry, dest, work, mount, env):
    image = samples.large(32)
    faulty_registry.add('large', image)
    gate = faulty_registry.gate(image.layers[0].digest, len(image.layers[0].blob) // 2)
    job = client.start('--not-secure', faulty_registry.reference('large'), dest)
    wait_for(lambda: list(work.glob('.virt-bootstrap-*/root/data/*')), 'the first files')
    for pid in running([programs.DAEMON]):
        os.kill(pid, signal.SIGSTOP)
    left = next(work.glob('.virt-bootstrap-*')) / 'root/data'
    mount('-t', 'tmpfs', 'test', left)
    (left / 'precious').write_text('precious')
    for pid in running([programs.DAEMON]):
        os.kill(pid, signal.SIGKILL)
    gate.set()
    client.finish(job, expect=1)
    done = subprocess.run([programs.DAEMON, '--recover'], env=env, text=True, capture_output=True)
    assert f'something is mounted on {left}' in done.stderr
    assert (left / 'precious').exists()
    run(['umount', left])
    run([programs.DAEMON, '--recover'], env=env)
    assert not os.listdir(work)


def test_destination_on_an_overlay_is_overwritten(client, reference, tmp_path, mount):
    """As in a container: files are on another device there than directories, as far as one can see."""
    for name in ('lower', 'upper', 'merged'):
        (tmp_path / name).mkdir()
    mount('-t', 'tmpfs', 'test', tmp_path / 'lower')
    mount('-t', 'tmpfs', 'test', tmp_path / 'upper')
    for name in ('upper', 'work'):
        (tmp_path / 'upper' / name).mkdir()
    mount('-t', 'overlay', '-o', f'lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper/upper,'
          f'workdir={tmp_path}/upper/work,xino=off', 'test', tmp_path / 'merged')
    dest = tmp_path / 'merged/root'
    (dest / 'data').mkdir(parents=True)
    (dest / 'mine').write_text('kept')
    assert os.stat(dest / 'mine').st_dev != os.stat(dest).st_dev

    put_tmpfs(mount, dest / 'data')
    refuse(client, reference, dest, dest / 'data')
    run(['umount', dest / 'data'])
    client.bootstrap(reference, dest, '--overwrite')
    assert (dest / 'mine').read_text() == 'kept' and (dest / 'etc/greeting').exists()
    assert os.listdir(tmp_path / 'merged') == ['root']
