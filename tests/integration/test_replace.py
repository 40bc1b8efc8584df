# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trees over time: exchanged for a new one in one step, or filled without becoming another directory."""

import os
import random
import signal
import subprocess
import time

import pytest

from support import programs, samples, tree
from support.process import run, running, wait_for

MOMENTS = int(os.environ.get('TEST_MOMENTS', 12))
SEED = int(os.environ.get('TEST_SEED', random.randrange(10**9)))


@pytest.fixture
def one(faulty_registry):
    it = samples.large(32)
    faulty_registry.add('image', it)
    faulty_registry.add('small', samples.small())
    return it


@pytest.fixture
def small(faulty_registry, one):
    return faulty_registry.reference('small')


@pytest.fixture
def gate(faulty_registry, one):
    """Lets the layer of `reference` arrive as far as its half, until it is set."""
    it = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    yield it
    it.set()


@pytest.fixture
def old(dest):
    dest.mkdir()
    (dest / 'old').write_text('old')
    return dest


@pytest.fixture
def fresh(client, small, work):
    """The names of a tree of `small` that replaces nothing."""
    client.bootstrap(small, work / 'fresh')
    names = tree.names(work / 'fresh')
    run(['rm', '-r', work / 'fresh'])
    return names


# --replace

def test_replacing_leaves_nothing_of_the_old_tree(client, small, old, fresh, work):
    client.bootstrap(small, old, '--replace')
    assert tree.names(old) == fresh and 'old' not in fresh
    assert os.listdir(work) == [old.name]


def test_replacing_what_is_missing_or_empty_makes_a_tree(client, small, dest, fresh, work):
    client.bootstrap(small, dest, '--replace')
    assert tree.names(dest) == fresh
    client.bootstrap(small, work / 'second', '--replace', '--keep-old=previous')
    assert tree.names(work / 'second') == fresh
    assert sorted(os.listdir(work)) == sorted([dest.name, 'second'])


def test_replaced_tree_is_kept_under_the_name_that_was_given(client, small, old, fresh, work):
    inode = old.stat().st_ino
    client.bootstrap(small, old, '--replace', '--keep-old=previous')
    assert tree.names(old) == fresh
    assert tree.names(work / 'previous') == ['old'] and (work / 'previous').stat().st_ino == inode
    assert sorted(os.listdir(work)) == sorted([old.name, 'previous'])


def test_old_tree_is_there_until_the_new_one_is_complete(client, gate, reference, old, work):
    started = client.start('--not-secure', '--replace', reference, old)
    wait_for(lambda: list(work.glob('.virt-*/root/data/*')), 'the first files')
    assert tree.names(old) == ['old']
    # Other than with --overwrite, nothing that happens to it now matters.
    (old / 'log').write_text('more')
    gate.set()
    client.finish(started)
    assert not (old / 'log').exists() and (old / 'data').exists()
    assert os.listdir(work) == [old.name]


def test_old_tree_stays_if_the_job_is_cancelled(client, gate, reference, old, work):
    started = client.start('--not-secure', '--replace', '--keep-old=previous', reference, old)
    wait_for(lambda: list(work.glob('.virt-*/root/data/*')), 'the first files')
    started.send_signal(signal.SIGINT)
    client.finish(started, expect=130)
    assert tree.names(old) == ['old'] and os.listdir(work) == [old.name]


def test_old_tree_comes_back_if_its_new_name_is_taken_meanwhile(client, gate, reference, old, work):
    started = client.start('--json', '--not-secure', '--replace', '--keep-old=previous', reference, old)
    wait_for(lambda: list(work.glob('.virt-*/root/data/*')), 'the first files')
    (work / 'previous').write_text('theirs')
    gate.set()
    result = client.finish(started, expect=1)
    assert f'Cannot keep the old tree of {old} as "previous" beside it: File exists' in result.sentence
    assert tree.names(old) == ['old'] and (work / 'previous').read_text() == 'theirs'
    assert sorted(os.listdir(work)) == sorted([old.name, 'previous'])


def test_name_for_the_old_tree_that_exists_is_refused(client, small, old, work):
    (work / 'previous').mkdir()
    result = client.fail(small, old, '--replace', '--keep-old=previous')
    assert (result.error, result.sentence) == (
        'InvalidDestination',
        f'The old tree of {old} cannot be kept as "previous": that name exists beside it')
    assert tree.names(old) == ['old']


@pytest.mark.parametrize('name', ['', '.', '..', 'a/b', '/tmp/x', 300 * 'x'])
def test_name_for_the_old_tree_that_is_no_name_is_refused(client, small, old, name):
    result = client.fail(small, old, '--replace', f'--keep-old={name}')
    assert result.error == 'InvalidOption'
    assert f'"{name}" cannot be the name of the old tree; want a name beside the destination' \
        in result.sentence
    assert tree.names(old) == ['old']


@pytest.mark.parametrize('options, sentence', [
    (['--replace', '--overwrite'], 'Options "replace" and "overwrite" cannot be combined'),
    (['--replace', '--in-place'], 'Options "in-place" and "replace" cannot be combined'),
    (['--overwrite', '--in-place'], 'Options "in-place" and "overwrite" cannot be combined'),
    (['--keep-old=x'], 'Option "keep-old" needs "replace"')])
def test_options_that_exclude_each_other_are_refused(client, small, old, options, sentence):
    result = client.fail(small, old, *options)
    assert (result.error, result.sentence) == ('InvalidOption', sentence)
    assert tree.names(old) == ['old']


@pytest.mark.root
def test_mount_point_with_content_is_not_replaced(client, small, tmpfs):
    volume = tmpfs('32m')
    (volume / 'old').write_text('old')
    result = client.fail(small, volume, '--replace')
    assert result.error == 'InvalidDestination'
    assert f'The destination {volume} cannot be replaced: it is a mount point' in result.sentence
    assert tree.names(volume) == ['old']


@pytest.mark.root
def test_empty_mount_point_is_filled(client, small, fresh, tmpfs):
    volume = tmpfs('32m')
    client.bootstrap(small, volume, '--replace')
    assert tree.names(volume) == fresh


@pytest.mark.root
def test_tree_with_something_mounted_in_it_is_not_replaced(client, small, old):
    (old / 'proc').mkdir()
    run(['mount', '-t', 'tmpfs', 'test', old / 'proc'])
    try:
        result = client.fail(small, old, '--replace')
    finally:
        run(['umount', old / 'proc'])
    assert result.error == 'InvalidDestination'
    assert f'cannot be replaced: something is mounted in it, on {old}/proc' in result.sentence
    assert tree.names(old) == ['old', 'proc']


@pytest.mark.parametrize('keep', [False, True])
def test_killed_process_leaves_the_old_tree_or_the_new_one(client, reference, work, env, keep):
    """And of the old one, what was asked for, after the next start."""
    whole = work / 'whole'
    before = time.monotonic()
    client.bootstrap(reference, whole, '--replace')
    duration, complete = time.monotonic() - before, tree.names(whole)
    pick = random.Random(SEED)
    outcomes = set()
    options = ['--keep-old=previous'] if keep else []
    for moment in range(MOMENTS):
        place = work / str(moment)
        dest = place / 'dest'
        dest.mkdir(parents=True)
        (dest / 'old').write_text('old')
        started = client.start('--not-secure', '--no-cache', '--replace', *options, reference, dest)
        try:
            started.wait(timeout=pick.uniform(0, duration))
        except subprocess.TimeoutExpired:
            pass
        for pid in running([programs.DAEMON], started.pid):
            os.kill(pid, signal.SIGKILL)
        started.communicate(timeout=60)
        wait_for(lambda: not running(programs.ALL), 'every process to end')
        subprocess.run([programs.DAEMON, '--recover', '--log-level=err'], env=env, check=True)
        names = tree.names(dest)
        where = f'seed {SEED}, moment {moment}'
        assert names in (['old'], complete), f'{where}: {names}'
        beside = sorted(path.name for path in place.iterdir())
        assert beside == (['dest', 'previous'] if keep and names != ['old'] else ['dest']), where
        assert 'previous' not in beside or tree.names(place / 'previous') == ['old'], where
        outcomes.add(names == ['old'])
    assert len(outcomes) == 2, 'no kill was early, or none was late, enough'


# --in-place

def test_directory_that_is_filled_in_place_stays_the_same(client, small, dest, fresh, work):
    dest.mkdir()
    inode = dest.stat().st_ino
    client.bootstrap(small, dest, '--in-place')
    assert dest.stat().st_ino == inode
    assert tree.names(dest) == fresh and os.listdir(work) == [dest.name]


@pytest.mark.root
def test_bind_mount_of_a_directory_that_is_filled_in_place_shows_the_tree(
        client, small, dest, fresh, tmp_path):
    dest.mkdir()
    bound = tmp_path / 'bound'
    bound.mkdir()
    run(['mount', '--bind', dest, bound])
    try:
        client.bootstrap(small, dest, '--in-place')
        assert tree.names(bound) == fresh
    finally:
        run(['umount', bound])


def test_directory_with_content_is_not_filled_in_place(client, small, old):
    result = client.fail(small, old, '--in-place')
    assert (result.error, tree.names(old)) == ('DestinationNotEmpty', ['old'])


def test_directory_that_is_missing_is_made_as_without_in_place(client, small, dest, fresh):
    client.bootstrap(small, dest, '--in-place')
    assert tree.names(dest) == fresh


def test_directory_that_is_filled_in_place_is_emptied_if_the_job_is_cancelled(
        client, gate, reference, dest):
    dest.mkdir()
    inode = dest.stat().st_ino
    started = client.start('--not-secure', '--in-place', reference, dest)
    wait_for(lambda: list(dest.glob('data/*')), 'the first files')
    started.send_signal(signal.SIGINT)
    client.finish(started, expect=130)
    assert dest.stat().st_ino == inode and not os.listdir(dest)


def test_directory_that_is_filled_in_place_is_emptied_after_a_kill(
        client, env, gate, reference, dest):
    dest.mkdir()
    started = client.start('--not-secure', '--in-place', reference, dest)
    wait_for(lambda: list(dest.glob('data/*')), 'the first files')
    started.send_signal(signal.SIGSTOP)
    for pid in running([programs.DAEMON], started.pid):
        os.kill(pid, signal.SIGKILL)
    started.kill()
    started.communicate()
    wait_for(lambda: not running(programs.ALL), 'every process to end')
    subprocess.run([programs.DAEMON, '--recover', '--log-level=err'], env=env, check=True)
    assert not os.listdir(dest)


@pytest.mark.parametrize('name', ['.', '', 'link'])
def test_current_directory_is_filled_in_place(client, small, dest, fresh, work, name):
    """A shell in it sees the tree."""
    dest.mkdir()
    (work / 'link').symlink_to(dest)
    inode = dest.stat().st_ino
    client.bootstrap(small, work / 'link' if name == 'link' else name or dest, cwd=dest)
    assert dest.stat().st_ino == inode and tree.names(dest) == fresh


def test_current_directory_with_content_is_replaced_if_that_is_wanted(client, small, old, fresh):
    client.bootstrap(small, old, '--replace', cwd=old)
    assert tree.names(old) == fresh
