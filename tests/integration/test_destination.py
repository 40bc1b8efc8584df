# SPDX-License-Identifier: LGPL-2.1-or-later
"""What root does at a destination, while others change what is there: nothing outside of it, nothing to
what is not its own, and it says why."""

import os
import shutil
import signal
import subprocess

import pytest

from jeepney import FileDescriptor

from support import process, programs, samples, tar, tree
from support.bus import BusError
from support.image import Image
from support.process import running, wait_for


@pytest.fixture
def one(faulty_registry):
    it = samples.large(32)
    faulty_registry.add('image', it)
    faulty_registry.add('small', samples.small())
    return it


@pytest.fixture
def gate(faulty_registry, one):
    """Lets the layer of `reference` arrive as far as its half, until it is set."""
    it = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    yield it
    it.set()


@pytest.fixture
def api(daemon_on, env, tmp_path):
    """To a daemon that does one job at a time."""
    (tmp_path / 'one-job').write_text('[Daemon]\nMaxJobs=1\n')
    daemon = daemon_on(VIRTBOOTSTRAP_CONFIG=str(tmp_path / 'one-job'))
    connection = daemon.connect()
    connection.daemon = daemon
    yield connection
    connection.close()


def kill_half_way(client, reference, dest, has_begun, *options):
    """A daemon that is killed, with its client, which would clean up, while a job is half done."""
    started = client.start('--not-secure', *options, reference, dest)
    wait_for(has_begun, 'the first files')
    started.send_signal(signal.SIGSTOP)
    for pid in running([programs.DAEMON], started.pid):
        os.kill(pid, signal.SIGKILL)
    started.kill()
    started.communicate()
    wait_for(lambda: not running(programs.ALL), 'every process to end')


def next_daemon(env):
    """What it says of what it finds."""
    argv = [programs.DAEMON, '--recover', '--log-level=warning']
    return subprocess.run(argv, env=env, check=True, text=True, stderr=subprocess.PIPE).stderr


def refusal(api, source, dest, **options):
    with pytest.raises(BusError) as failure:
        api.bootstrap(source, dest, **options)
    return failure.value.short, failure.value.message


def by_descriptor(path, **options):
    """A destination that the caller has opened; released with the returned descriptor."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    return fd, {'destination_fd': ('h', FileDescriptor(os.dup(fd))), **options}


# The journal

@pytest.mark.root
def test_other_volume_at_the_place_of_a_killed_job_is_left_alone(
        env, client, gate, reference, tmp_path):
    volume = tmp_path / 'vol'
    volume.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'mode=0755', 'test', volume]
    process.run(mount)
    try:
        kill_half_way(client, reference, volume, lambda: list(volume.glob('data/*')))
        process.run(['umount', volume])
        process.run(mount)
        (volume / 'precious').write_text('restored')
        said = next_daemon(env)
        assert os.listdir(volume) == ['precious']
        assert f'{volume} is left as it is: the file system on which' in said
        client.run('cache', 'list')
        assert os.listdir(volume) == ['precious']
    finally:
        process.run(['umount', volume])


@pytest.mark.root
def test_mount_point_of_a_killed_job_that_somebody_has_filled_again_is_left_alone(
        env, client, gate, reference, tmpfs):
    volume = tmpfs('32m')
    kill_half_way(client, reference, volume, lambda: list(volume.glob('data/*')))
    process.run(['find', volume, '-mindepth', '1', '-delete'])
    (volume / 'precious').write_text('restored')
    said = next_daemon(env)
    assert os.listdir(volume) == ['precious']
    assert f"{volume} is left as it is: the job's mark" in said
    assert 'left as it is' not in next_daemon(env)


@pytest.mark.root
def test_mount_point_of_a_killed_job_is_emptied(env, client, gate, reference, tmpfs):
    volume = tmpfs('32m')
    kill_half_way(client, reference, volume, lambda: list(volume.glob('data/*')))
    assert 'left as it is' not in next_daemon(env)
    assert not os.listdir(volume)


@pytest.mark.root
def test_mount_point_of_a_killed_job_is_emptied_also_after_an_image_has_hidden_all_in_it(
        env, client, faulty_registry, tmpfs):
    """That does not hide what the daemon knows its work by."""
    image = Image([[tar.file('lower', b'x')],
                   [tar.opaque('.'), tar.file('upper', b'x'), tar.file('big', samples.noise(1 << 20))]])
    faulty_registry.add('opaque', image)
    gate = faulty_registry.gate(image.layers[1].digest, 1 << 19)
    volume = tmpfs('32m')
    try:
        kill_half_way(client, faulty_registry.reference('opaque'), volume, (volume / 'upper').exists)
    finally:
        gate.set()
    assert not (volume / 'lower').exists()
    assert 'left as it is' not in next_daemon(env)
    assert not os.listdir(volume)


@pytest.mark.root
def test_entry_that_a_power_failure_has_cut_off_is_not_believed(env, client, cache, work):
    """The old version of the journal had nothing but the path; a slash behind it meant to empty it."""
    client.run('cache', 'list')
    (work / 'vol').mkdir()
    (work / 'vol/precious').write_text('x')
    entry = cache / 'virt-bootstrap/journal' / (32 * 'a')
    entry.write_text(f'{work}/vol/')
    said = next_daemon(env)
    assert os.listdir(work / 'vol') == ['precious']
    assert f'check whether {work}/vol/ should be removed' in said
    assert not entry.exists()
    # Also when the daemon belongs to a command that has nothing to do with it.
    entry.write_text(f'{work}/vol/')
    assert f'check whether {work}/vol/ should be removed' in client.run('cache', 'list').err
    assert os.listdir(work / 'vol') == ['precious']


@pytest.mark.root
def test_link_on_the_way_to_what_a_killed_job_has_left_is_not_followed(
        env, client, gate, reference, work):
    (work / 'alice/mnt').mkdir(parents=True)
    kill_half_way(client, reference, work / 'alice/mnt/x',
                  lambda: list(work.glob('alice/mnt/.virt-*/root/data/*')))
    (work / 'alice/mnt').rename(work / 'alice/other')
    (work / 'alice/mnt').symlink_to('other')
    said = next_daemon(env)
    assert 'a directory on its path has been replaced by a link' in said
    assert list(work.glob('alice/other/.virt-*/root/data/*'))


# Paths

@pytest.fixture
def waiting(api, gate, reference, work, tmp_path):
    """A function: a job that waits in the queue with its destination at @dest; returns it."""
    def wait(dest, **options):
        api.bootstrap(reference, tmp_path / 'first')
        return api.bootstrap(reference, dest, **options)[1]
    return wait


@pytest.mark.root
@pytest.mark.parametrize('overwrite', [True, False])
def test_directory_that_becomes_a_link_while_the_job_waits_leads_nowhere(
        api, waiting, gate, work, overwrite):
    target, mine = work / 'srv', work / 'alice'
    (target / 'www').mkdir(parents=True)
    (mine / 'vm').mkdir(parents=True)
    if overwrite:
        (target / 'www/index').write_text('theirs')
        (mine / 'vm/www').mkdir()
    before = tree.snapshot(target)
    job = waiting(mine / 'vm/www', overwrite=('b', overwrite))
    (mine / 'vm').rename(mine / 'away')
    (mine / 'vm').symlink_to(target)
    gate.set()
    result, error, message = api.wait(job)
    assert tree.snapshot(target) == before
    assert (result, error.rpartition('.')[2]) == ('failed', 'InvalidDestination')
    assert 'put a link or a mount in its place' in message


@pytest.mark.root
def test_destination_that_is_exchanged_while_the_job_waits_is_left_alone(
        api, waiting, gate, work):
    (work / 'dest').mkdir()
    job = waiting(work / 'dest', overwrite=('b', True))
    (work / 'dest').rmdir()
    (work / 'other').mkdir()
    (work / 'other/theirs').write_text('x')
    (work / 'other').rename(work / 'dest')
    gate.set()
    result, error, message = api.wait(job)
    assert (result, error.rpartition('.')[2]) == ('failed', 'InvalidDestination')
    assert 'has changed since the job was accepted' in message
    assert os.listdir(work) == ['dest'] and os.listdir(work / 'dest') == ['theirs']


@pytest.mark.root
def test_staging_directory_that_is_moved_away_is_emptied_and_told(
        api, gate, reference, work):
    (work / 'alice').mkdir()
    _, job = api.bootstrap(reference, work / 'alice/x')
    staging, = wait_for(lambda: [path.parents[2] for path in
                                 work.glob('alice/.virt-*/root/data/*')][:1], 'the first file')
    staging.rename(work / 'kept')
    api.job(job, 'Cancel')
    assert api.wait(job)[0] == 'cancelled'
    assert sorted(os.listdir(work)) == ['alice', 'kept']
    assert not os.listdir(work / 'kept') and not os.listdir(work / 'alice')
    said = api.daemon.errors.read_text()
    assert f'moved the staging directory {staging.name}' in said
    assert f'remains at {work}/kept' in said



# What is overwritten

def into_the_top(dest):
    (dest / 'new').write_text('mine')


def into_a_directory(dest):
    (dest / 'a/b/new').write_text('mine')


def with_an_older_time(dest):
    """As by an unpacked archive, which sets the times that it knows."""
    (dest / 'a/new').write_text('mine')
    os.utime(dest / 'a', (0, 0))


def a_directory(dest):
    (dest / 'a/new').mkdir()


def by_renaming(dest):
    (dest / 'a/other').rename(dest / 'a/old')


@pytest.mark.root
@pytest.mark.parametrize('change', [into_the_top, into_a_directory, with_an_older_time, a_directory,
                                    by_renaming])
def test_what_is_put_into_a_tree_while_it_is_overwritten_is_not_lost(
        client, gate, reference, work, change):
    dest = work / 'dest'
    (dest / 'a/b').mkdir(parents=True)
    for name in ('a/other', 'old'):
        (dest / name).write_text('old')
    started = client.start('--json', '--not-secure', '--overwrite', reference, dest)
    wait_for(lambda: list(work.glob('.virt-*/root/data/*')), 'the first files')
    change(dest)
    changed = tree.snapshot(dest)
    gate.set()
    result = client.finish(started, expect=1)
    assert tree.snapshot(dest) == changed
    assert result.error == 'DestinationBusy', str(result)
    assert 'was changed while it was being overwritten' in result.sentence
    assert os.listdir(work) == ['dest']


@pytest.fixture
def unchecked(env, client, gate, reference, work, tmp_path):
    """A daemon that is killed when it has overwritten a tree, which @change has changed since it was cloned, and
    has not looked at it yet; returns where that was and what the next daemon says."""
    cloned, checks = tmp_path / 'cloned', tmp_path / 'checks'
    workers = programs.wrap_workers(
        tmp_path / 'workers', f'if [ $STEP = tree ] && [ -e {cloned} ]; then\n'
        f'    touch {checks}\n    exec sleep 600\nfi\nexec $WORKER\n')
    dest = work / 'dest'
    (dest / 'a/b').mkdir(parents=True)
    for name in ('a/other', 'old'):
        (dest / name).write_text('old')

    def cut(change):
        def has_overwritten():
            if not cloned.exists() and list(work.glob('.virt-*/root/data/*')):
                change(dest)
                cloned.touch()
                gate.set()
            return checks.exists()
        kill_half_way(client, reference, dest, has_overwritten, '--overwrite')
        assert (dest / 'data').exists()
        env['VIRTBOOTSTRAP_WORKERS'] = str(programs.WORKERS_DIR)
        return dest, next_daemon(env)
    env['VIRTBOOTSTRAP_WORKERS'] = str(workers)
    return cut


@pytest.mark.root
@pytest.mark.parametrize('change', [into_the_top, into_a_directory, by_renaming])
def test_tree_that_was_changed_before_the_daemon_was_killed_is_left_and_named(
        unchecked, env, work, change):
    dest, said = unchecked(change)
    left, = work.glob('.virt-*/root')
    assert f'The tree that was at {dest} was changed while being overwritten ' in said
    assert str(left) in said
    assert (left / 'old').read_text() == 'old'
    assert change is by_renaming or any(path.read_text() == 'mine' for path in left.rglob('new'))
    assert not next_daemon(env)
    assert left.exists() and (dest / 'data').exists()


@pytest.mark.root
def test_tree_that_was_not_changed_before_the_daemon_was_killed_is_removed(unchecked, work):
    _, said = unchecked(lambda dest: None)
    assert not said
    assert os.listdir(work) == ['dest']


@pytest.mark.root
def test_tree_in_which_files_are_written_to_is_overwritten(client, gate, reference, work):
    dest = work / 'dest'
    (dest / 'a').mkdir(parents=True)
    (dest / 'a/log').write_text('1')
    started = client.start('--json', '--not-secure', '--overwrite', reference, dest)
    wait_for(lambda: list(work.glob('.virt-*/root/data/*')), 'the first files')
    with open(dest / 'a/log', 'a') as log:
        log.write('2')
        gate.set()
        client.finish(started)
        log.write('3')
    assert (dest / 'a/log').read_text() == '123'
    assert list(dest.glob('data/*'))


@pytest.fixture
def volume(request, tmp_path):
    """A file system in a file, of the kind that the parameter names."""
    if not shutil.which(f'mkfs.{request.param}'):
        pytest.skip(f'there is no mkfs.{request.param}')
    image, folder = tmp_path / 'volume', tmp_path / 'mounted'
    folder.mkdir()
    with open(image, 'w') as file:
        file.truncate(320 << 20)
    process.run([f'mkfs.{request.param}', '-q', image])
    process.run(['mount', '-o', 'loop', image, folder])
    yield folder
    process.run(['umount', folder])


@pytest.mark.root
@pytest.mark.parametrize('volume', ['ext4', 'xfs', 'btrfs'], indirect=True)
def test_overwriting_alone_is_no_change_of_a_tree(client, gate, reference, volume):
    """Some of them change the times of what is renamed."""
    dest = volume / 'dest'
    (dest / 'a').mkdir(parents=True)
    (dest / 'a/old').write_text('old')
    for change in (None, into_the_top, a_directory):
        started = client.start('--json', '--not-secure', '--no-cache', '--overwrite', reference, dest)
        if change:
            wait_for(lambda: list(volume.glob('.virt-*/root/data/*')), 'the first files')
            change(dest)
        gate.set()
        result = client.finish(started, expect=1 if change else 0)
        assert not change or result.error == 'DestinationBusy', str(result)
        assert (dest / 'a/old').exists() and (dest / 'data').exists()
        gate.clear()
    assert (dest / 'new').exists() and (dest / 'a/new').exists()


# Destinations that are there

@pytest.mark.root
@pytest.mark.parametrize('mode, owner, group', [
    (0o777, 0, 0), (0o757, 0, 0), (0o1777, 0, 0), (0o775, 0, 1000), (0o777, 4711, 4711)])
@pytest.mark.parametrize('overwrite', [False, True])
def test_destination_that_others_may_write_to_is_refused(
        api, faulty_registry, one, dest, mode, owner, group, overwrite):
    dest.mkdir()
    os.chown(dest, owner, group)
    dest.chmod(mode)
    before = tree.snapshot(dest)
    error, message = refusal(api, faulty_registry.reference('small'), dest,
                             overwrite=('b', overwrite))
    assert error == 'InvalidDestination'
    assert f'Users other than its owner may write to the destination {dest} (mode {mode:04o})' in message
    assert 'chmod' in message
    assert tree.snapshot(dest) == before


@pytest.mark.root
@pytest.mark.parametrize('mode, owner', [(0o1777, 0), (0o755, 4711), (0o775, 4711)])
def test_destination_of_another_user_where_others_may_make_one_is_refused(
        api, faulty_registry, one, work, mode, owner):
    (work / 'x').mkdir()
    os.chown(work / 'x', 4711, 4711)
    os.chown(work, owner, owner)
    work.chmod(mode)
    error, message = refusal(api, faulty_registry.reference('small'), work / 'x')
    assert error == 'InvalidDestination'
    assert f'The destination {work}/x belongs to user 4711, in a directory where users other' in message
    assert 'chown' in message


@pytest.mark.root
def test_destination_that_the_user_has_by_an_acl_is_refused(
        api, faulty_registry, one, work):
    (work / 'x').mkdir()
    process.run(['setfacl', '-m', 'u:4711:rwx', work / 'x'])
    error, message = refusal(api, faulty_registry.reference('small'), work / 'x')
    assert (error, 'chmod' in message) == ('InvalidDestination', True)


@pytest.mark.root
def test_destination_that_root_has_prepared_for_another_user_is_theirs(
        client, faulty_registry, one, work):
    (work / 'x').mkdir(mode=0o750)
    os.chown(work / 'x', 4711, 4711)
    client.bootstrap(faulty_registry.reference('small'), work / 'x')
    st = (work / 'x').stat()
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (4711, 4711, 0o750)
    assert (work / 'x/etc/greeting').exists()


@pytest.mark.root
def test_destination_of_root_in_a_directory_for_everybody_is_used(
        client, faulty_registry, one, work):
    work.chmod(0o1777)
    (work / 'x').mkdir()
    client.bootstrap(faulty_registry.reference('small'), work / 'x')
    client.bootstrap(faulty_registry.reference('small'), work / 'y')
    assert sorted(os.listdir(work)) == ['x', 'y']


@pytest.mark.root
def test_destination_that_opens_while_the_job_waits_is_left_alone(
        api, waiting, gate, work):
    (work / 'dest').mkdir()
    job = waiting(work / 'dest')
    (work / 'dest').chmod(0o777)
    gate.set()
    result, error, message = api.wait(job)
    assert (result, error.rpartition('.')[2]) == ('failed', 'InvalidDestination')
    assert 'Users other than its owner may write' in message
    assert not os.listdir(work / 'dest')


def test_user_may_fill_a_directory_that_everybody_may_write_to(
        user, faulty_registry, one, dest):
    if not samples.is_root():
        pytest.skip('the user fixture needs root')
    dest.mkdir()
    os.chown(dest, programs.UID, programs.UID)
    dest.chmod(0o777)
    user.bootstrap(faulty_registry.reference('small'), dest)
    assert (dest / 'etc/greeting').exists()


# Two jobs

def assert_busy(api, reference, dest, **options):
    error, message = refusal(api, reference, dest, **options)
    assert error == 'DestinationBusy', message
    assert 'above it or below it' in message


@pytest.mark.parametrize('first, second', [
    ('a', 'a/b'), ('a/b', 'a'), ('a', 'a'), ('new/x', 'new/x/y/z'), ('new/x/y/z', 'new'),
    ('link', 'a/b'), ('a/b/c', 'link'), ('link/new', 'a/new/b')])
def test_destinations_of_two_jobs_inside_each_other_are_busy(
        api, gate, reference, work, first, second):
    (work / 'a/b').mkdir(parents=True)
    (work / 'link').symlink_to('a')
    options = {'overwrite': ('b', True)}
    api.bootstrap(reference, work / first, **options)
    assert_busy(api, reference, work / second, **options)
    api.bootstrap(reference, work / 'ab', **options)


@pytest.mark.root
@pytest.mark.parametrize('first, second', [('a', 'bind/b'), ('bind/b', 'a'), ('a/b/new', 'bind/b')])
def test_destinations_inside_each_other_through_a_bind_mount_are_busy(
        api, gate, reference, work, first, second):
    (work / 'a/b').mkdir(parents=True)
    (work / 'bind').mkdir()
    process.run(['mount', '--bind', work / 'a', work / 'bind'])
    try:
        options = {'overwrite': ('b', True)}
        api.bootstrap(reference, work / first, **options)
        assert_busy(api, reference, work / second, **options)
    finally:
        process.run(['umount', '--lazy', work / 'bind'])


def test_destination_that_was_handed_over_is_busy_by_what_it_is(api, gate, reference, work):
    (work / 'a/b').mkdir(parents=True)
    api.bootstrap(reference, work / 'a', overwrite=('b', True))
    fd, options = by_descriptor(work / 'a/b')
    try:
        assert_busy(api, reference, work / 'elsewhere', **options)
    finally:
        os.close(fd)


def test_destination_of_another_daemons_job_is_busy(client, gate, reference, work):
    """Each of them has a queue of its own, and the journal in common."""
    first = client.start('--not-secure', reference, work / 'a/x')
    wait_for(lambda: list(work.glob('a/.virt-*/root/data/*')), 'the first files')
    for second in ('a/x', 'a/x/y', 'a'):
        result = client.fail(reference, work / second, '--overwrite')
        assert result.error == 'DestinationBusy', str(result)
        assert f'{work}/a/x' in result.sentence
    gate.set()
    client.finish(first)
    assert os.listdir(work) == ['a'] and os.listdir(work / 'a') == ['x']


def test_root_of_the_system_is_refused_as_a_descriptor_too(api, work):
    # From where nothing can come, whatever becomes of the test.
    source = f'docker://127.0.0.1:{process.free_port()}/nothing'
    for path in ('/', '/proc/self/root'):
        fd, options = by_descriptor(path, overwrite=('b', True))
        try:
            error, message = refusal(api, source, work / 'x', **options)
        finally:
            os.close(fd)
        assert error == 'InvalidDestination'
        assert 'is the root of this system' in message


@pytest.mark.parametrize('mode', [0o2755, 0o2775, 0o3777])
def test_directory_that_gives_its_group_may_have_the_destination(
        client, faulty_registry, work, mode):
    faulty_registry.add('image', samples.small())
    parent = work / 'shared'
    parent.mkdir()
    os.chown(parent, -1, programs.UID)
    parent.chmod(mode)
    client.bootstrap(faulty_registry.reference('image'), parent / 'root')
    status = (parent / 'root').stat()
    assert (status.st_gid, status.st_mode & 0o7777) == (os.getegid(), 0o755)
    assert os.listdir(parent) == ['root']
    client.bootstrap(faulty_registry.reference('image'), parent / 'disk', '--format=qcow2')
    assert sorted(os.listdir(parent)) == ['disk', 'root']
