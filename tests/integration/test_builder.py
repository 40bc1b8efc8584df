# SPDX-License-Identifier: LGPL-2.1-or-later
"""Templates of virt-builder, whose place is taken by a script: all of the job but the building. The real
one is in slow/."""

import contextlib
import os
import signal
import stat
import subprocess

import pytest

from support import samples, tar, tree
from support.hanging import FileSystem
from support.memory import memories_of, who_has
from support.others import NOBODY
from support.process import command_line, descendants, running, wait_for
from support.programs import WORKERS, Client, workers_of, wrap_workers

BUILDER = """#!/bin/sh
[ "$1" = tiny ] || { echo 'virt-builder: error: cannot find os-version x' >&2; exit 1; }
echo '[   0.1] Downloading: tiny'
echo '[   0.2] Opening the new disk'
echo 'virt-builder: warning: this is a script'
echo disk >disk.img
"""
GUESTFISH = """#!/bin/sh
exec cat {0}
"""
NONSENSE = """#!/bin/sh
while :; do echo nonsense; done
"""
# A worker; the one of a step ends only when there are no other workers left.
LAST = """
[ $STEP = {step} ] || exec $WORKER
$WORKER
status=$?
while [ "$(cat /proc/$PPID/task/$PPID/children)" != "$$ " ]; do sleep 0.01; done
exit $status
"""
# The same, but it never ends.
ENDLESS = """
[ $STEP = {step} ] || exec $WORKER
$WORKER
exec sleep 1000
"""
# Until it is told to go on, by the name that it has got.
WAITING = """
: >{0}/ready-"$LIBGUESTFS_NAME"
while [ ! -e {0}/go-"$LIBGUESTFS_NAME" ]; do sleep 0.01; done
"""
SLOW = """#!/bin/sh
echo '[   0.2] Opening the new disk'
sleep 1000 & wait
"""


@pytest.fixture
def programs_at(tmp_path, env, work):
    """The folder of the scripts, which nobody can reach."""
    for path in tmp_path.parents[:2]:
        path.chmod(0o755)
    folder = tmp_path / 'bin'
    folder.mkdir()
    env['PATH'] = f'{folder}:{env["PATH"]}'
    env['VIRTBOOTSTRAP_TMPDIR'] = str(tmp_path / 'temporary')
    (tmp_path / 'temporary').mkdir()
    sample = tmp_path / 'sample.tar'
    sample.write_bytes(tar.archive(samples.base_layer()))
    put(folder / 'virt-builder', BUILDER)
    put(folder / 'guestfish', GUESTFISH.format(sample))
    yield folder
    place = tmp_path / 'temporary/virt-bootstrap-builder'
    assert not place.exists() or not list(place.glob('place-*'))
    assert set(os.listdir(tmp_path / 'temporary')) <= {place.name}


def put(path, text):
    path.write_text(text)
    path.chmod(0o755)


def use_workers(env, folder, script, step='unpack'):
    env['VIRTBOOTSTRAP_WORKERS'] = str(wrap_workers(folder, script.format(step=step)))


@pytest.mark.root
@pytest.mark.parametrize('slashes', ['/', '//', '///'])
def test_template_becomes_a_directory(client, programs_at, tmp_path, work, slashes):
    client.bootstrap(f'file://{tmp_path}/sample.tar', work / 'tarball')
    client.bootstrap(f'virt-builder:{slashes}tiny', work / 'template')
    tree.assert_same(tree.snapshot(work / 'template'), tree.snapshot(work / 'tarball'))


@pytest.mark.root
def test_owners_are_mapped(client, programs_at, dest):
    client.bootstrap('virt-builder://tiny', dest, '--uidmap=0:100000:1', '--gidmap=0:200000:1')
    info = os.lstat(dest / 'etc')
    assert (info.st_uid, info.st_gid) == (100000, 200000)
    assert os.lstat(dest / 'home/owned').st_uid == 1234


def test_progress_and_warnings_are_told(client, programs_at, dest):
    result = client.run('--json', 'virt-builder://tiny', dest)
    assert 'build' in [one['phase'] for one in result.of('progress')]
    fractions = [one['fraction'] for one in result.of('progress')]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert 'virt-builder: this is a script' in [one['text'] for one in result.of('message')]


def test_unknown_template_is_not_found(client, programs_at, work):
    result = client.fail('virt-builder://other', work / 'root')
    assert result.error == 'NotFound'
    assert '"other"' in result.sentence and 'virt-builder --list' in result.sentence
    assert not os.listdir(work)


def test_what_is_missing_is_named_with_its_package(client, programs_at, env, work):
    (programs_at / 'guestfish').unlink()
    env['PATH'] = str(programs_at)
    result = client.fail('virt-builder://tiny', work / 'root')
    assert result.error == 'NotFound'
    assert result.sentence == ('guestfish is not installed; on Debian it is in the package '
                               'guestfish')


def test_broken_tarball_is_the_reason_and_not_the_broken_pipe(client, programs_at, work):
    put(programs_at / 'guestfish', NONSENSE)
    result = client.fail('virt-builder://tiny', work / 'root')
    assert result.error == 'CorruptArchive'
    assert result.sentence == 'virt-builder://tiny: It is not a tar archive'
    assert not os.listdir(work)


@pytest.mark.parametrize('last', ['unpack', 'builder'])
def test_broken_tarball_is_the_reason_whichever_worker_ends_last(
        client, programs_at, env, tmp_path, work, last):
    use_workers(env, tmp_path / 'workers', LAST, step=last)
    put(programs_at / 'guestfish', NONSENSE)
    result = client.fail('virt-builder://tiny', work / 'root')
    assert result.error == 'CorruptArchive', str(result)
    assert not os.listdir(work)


def test_unpacker_that_never_tells_why_it_stopped_reading_is_not_waited_for(
        client, programs_at, env, tmp_path, work):
    use_workers(env, tmp_path / 'workers', ENDLESS)
    put(programs_at / 'guestfish', NONSENSE)
    (tmp_path / 'conf').write_text('[Daemon]\nStallTimeoutSec=1\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(tmp_path / 'conf')
    result = client.fail('virt-builder://tiny', work / 'root')
    assert 'Cannot forward the output of guestfish' in result.sentence
    assert not os.listdir(work)


def test_builders_own_words_are_a_better_reason_than_a_broken_tarball(
        client, programs_at, env, tmp_path, work):
    use_workers(env, tmp_path / 'workers', LAST, step='builder')
    put(programs_at / 'guestfish', '#!/bin/sh\nprintf nonsense\n'
        'echo "libguestfs: error: tar_out: it broke" >&2\nexit 1\n')
    result = client.fail('virt-builder://tiny', work / 'root')
    assert result.sentence == 'guestfish failed: tar_out: it broke'
    assert not os.listdir(work)


def test_tarball_that_was_not_finished_is_not_taken(client, programs_at, tmp_path, work):
    put(programs_at / 'guestfish', f'#!/bin/sh\ncat {tmp_path}/sample.tar\n'
        'echo "libguestfs: error: tar_out: it broke" >&2\nexit 1\n')
    result = client.fail('virt-builder://tiny', work / 'root')
    assert result.sentence == 'guestfish failed: tar_out: it broke'
    assert not os.listdir(work)


def test_cancelled_job_leaves_no_process_and_no_file(client, programs_at, work):
    put(programs_at / 'virt-builder', SLOW)
    job = client.start('virt-builder://tiny', work / 'root')
    wait_for(lambda: len(workers_of(job)) == 3, 'the builder, who is two, and the unpack worker')
    wait_for(lambda: len(descendants(job.pid)) > 5, 'virt-builder')
    below = descendants(job.pid)
    job.send_signal(signal.SIGINT)
    client.finish(job, expect=130)
    assert not [pid for pid in below if os.path.exists(f'/proc/{pid}/exe')]
    assert not running(WORKERS)
    assert not os.listdir(work)


def test_password_is_set_by_virt_builder_alone(client, programs_at, tmp_path, dest):
    secret = tmp_path / 'secret'
    secret.write_text('drowssap\n')
    put(programs_at / 'virt-builder', BUILDER + '[ "$(cat password)" = drowssap ]\n')
    client.bootstrap('virt-builder://tiny', dest, f'--root-password=file:{secret}')
    assert stat.S_ISDIR(os.lstat(dest).st_mode)


@pytest.mark.root
def test_password_is_in_no_memory_while_virt_builder_works(client, programs_at, tmp_path, work):
    """The builder has written it into the file by then, which virt-builder reads."""
    put(programs_at / 'virt-builder', SLOW)
    secret = f'{"x" * 400} sesame of the tree'
    job = client.start('virt-builder://tiny', work / 'root', f'--root-password={secret}')
    wait_for(lambda: any(str(programs_at / 'virt-builder').encode() in command_line(pid)
                         for pid in descendants(job.pid)), 'virt-builder')
    memories = memories_of(job)
    files = list((tmp_path / 'temporary').glob('virt-bootstrap-builder/place-*/password'))
    assert [path.read_text() for path in files] == [secret]
    assert 'virt-bootstrap-builder' in {name for name, _ in memories}
    assert not who_has(memories, secret.encode()[-16:])  # the beginning may be written over
    job.send_signal(signal.SIGINT)
    client.finish(job, expect=130)


def parent_of_places(tmp_path):
    """As an earlier builder has left it."""
    parent = tmp_path / 'temporary/virt-bootstrap-builder'
    parent.mkdir(mode=0o700)
    return parent


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def finish_build(programs_at, client, job, name):
    (programs_at / f'go-{name}').touch()
    client.finish(job)


@pytest.mark.root
def test_builder_of_root_that_may_not_mount_works_all_the_same(
        env, programs_at, tmp_path, dest):
    """It finds its place where it is, in a directory that nobody else may list or change."""
    parent = tmp_path / 'temporary/virt-bootstrap-builder'
    put(programs_at / 'virt-builder',
        BUILDER + f'pwd >{programs_at}/place\nstat -c %a {parent} >{programs_at}/mode\n')
    programs_at.chmod(0o777)
    client = Client(env, prefix=['setpriv', '--bounding-set=-sys_admin'])
    client.bootstrap('virt-builder://tiny', dest)
    assert (programs_at / 'mode').read_text().strip() == '711'
    assert mode_of(parent) == 0o700
    place = (programs_at / 'place').read_text().strip()
    assert place.startswith(f'{parent}/place-') and not os.path.exists(place)


def kill_all(job):
    """Returns when nobody has anything open any more."""
    pids = [*descendants(job.pid), job.pid]
    for pid in pids:
        # Those of one that is gone may have ended with it.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    job.wait()
    for pid in pids:
        wait_for(lambda pid=pid: not os.path.exists(f'/proc/{pid}/exe'), 'the processes to end')


@pytest.mark.root
def test_directory_of_places_is_open_as_long_as_a_builder_needs_it(
        env, programs_at, tmp_path, work):
    """Also while others come and go. What a killed one left open the next one closes."""
    put(programs_at / 'virt-builder', BUILDER + WAITING.format(programs_at))
    programs_at.chmod(0o777)
    parent = tmp_path / 'temporary/virt-bootstrap-builder'
    jobs = {}
    for name in ('one', 'other', 'killed'):
        client = Client({**env, 'LIBGUESTFS_NAME': name,
                         'VIRTBOOTSTRAP_CACHE': str(tmp_path / f'cache-{name}')},
                        prefix=['setpriv', '--bounding-set=-sys_admin'])
        jobs[name] = client, client.start('virt-builder://tiny', work / name)
        wait_for((programs_at / f'ready-{name}').exists, 'virt-builder to run')
    assert mode_of(parent) == 0o711
    finish_build(programs_at, *jobs.pop('one'), 'one')
    assert mode_of(parent) == 0o711
    kill_all(jobs.pop('killed')[1])
    assert mode_of(parent) == 0o711
    finish_build(programs_at, *jobs.pop('other'), 'other')
    assert mode_of(parent) == 0o700
    parent.chmod(0o711)
    put(programs_at / 'virt-builder', BUILDER)
    Client(env).bootstrap('virt-builder://tiny', work / 'last')
    assert mode_of(parent) == 0o700


@pytest.mark.root
def test_place_is_emptied_by_a_process_that_sees_nothing_else(client, env, tmp_path, programs_at,
                                                              dest):
    slow = FileSystem(tmp_path)
    try:
        env['VIRTBOOTSTRAP_TMPDIR'] = str(slow.path)
        slow.hang('unlink')
        job = client.start('virt-builder://tiny', dest)
        slow.wait_until_hung('unlink')
        place, = slow.path.glob('virt-bootstrap-builder/place-*')
        roots = [os.stat(f'/proc/{pid}/root/') for pid in descendants(job.pid)]
        assert [root for root in roots if os.path.samestat(root, os.stat(place))]
        slow.answer()
        client.finish(job)
        assert os.listdir(slow.path / 'virt-bootstrap-builder') == ['templates']
    finally:
        slow.stop()


@pytest.mark.root
def test_places_that_cannot_go_are_told_and_keep_no_others(client, tmp_path, programs_at, dest):
    parent = parent_of_places(tmp_path)
    for name in ('place-a', 'place-b', 'place-c', 'place-d'):
        (parent / name / 'below').mkdir(parents=True)
        (parent / name / 'disk.img').touch()
    stuck = [parent / name for name in ('place-a', 'place-d')]
    for place in stuck:
        (place / 'below/precious').mkdir()
        subprocess.run(['mount', '--bind', programs_at, place / 'below'], check=True)
    try:
        result = client.run('--json', 'virt-builder://tiny', dest)
        told = [one['text'] for one in result.of('message')]
        for place in stuck:
            assert [text for text in told
                    if f'Cannot remove {place}, left by an earlier builder: ' in text
                    and 'mounted' in text]
            assert (place / 'below/virt-builder').exists() and (place / 'disk.img').exists()
        assert sorted(os.listdir(parent)) == ['place-a', 'place-d', 'templates']
    finally:
        for place in stuck:
            subprocess.run(['umount', place / 'below'], check=True)
    client.bootstrap('virt-builder://tiny', dest.with_name('again'))
    assert os.listdir(parent) == ['templates']


@pytest.mark.root
@pytest.mark.parametrize('kind, reason', [('directory', 'belongs to another user'),
                                          ('link', 'Not a directory')])
def test_directory_of_places_that_somebody_else_has_made_is_refused(
        client, tmp_path, programs_at, work, kind, reason):
    theirs = tmp_path / 'theirs'
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)
    place = tmp_path / 'temporary/virt-bootstrap-builder'
    if kind == 'link':
        place.symlink_to(theirs)
        os.chown(place, NOBODY, NOBODY, follow_symlinks=False)
    else:
        theirs = theirs.rename(place)
    result = client.fail('virt-builder://tiny', work / 'root')
    assert reason in result.sentence and str(place) in result.sentence
    assert os.listdir(theirs) == [] and os.stat(theirs).st_uid == NOBODY


@pytest.mark.root
def test_builder_sees_its_own_place_where_those_of_all_are(client, programs_at, tmp_path, dest):
    put(programs_at / 'virt-builder', BUILDER + f'pwd >{programs_at}/place\n')
    programs_at.chmod(0o777)
    client.bootstrap('virt-builder://tiny', dest)
    parent = tmp_path / 'temporary/virt-bootstrap-builder'
    assert (programs_at / 'place').read_text().strip() == str(parent)
    assert stat.S_IMODE(os.stat(parent).st_mode) == 0o700 and os.stat(parent).st_uid == 0


@pytest.mark.root
def test_disk_image_is_one_layer(client, programs_at, dest):
    client.bootstrap('virt-builder://tiny', dest, '--format=qcow2', '--size=64M')
    assert os.listdir(dest) == ['layer-0.qcow2']
