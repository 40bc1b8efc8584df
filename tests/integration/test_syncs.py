# SPDX-License-Identifier: LGPL-2.1-or-later
"""What gets its name is on the disk before, unless nobody wants that: seen in the system calls, whatever a file system
makes of them."""

import pathlib
import re
import shutil

import pytest

from support import programs, samples
from support.process import run

pytestmark = [pytest.mark.root,
              pytest.mark.skipif(not shutil.which('strace'), reason='strace is not installed')]

SYNCS = ('fsync', 'fdatasync', 'syncfs', 'sync', 'sync_file_range', 'msync')
CALLS = ','.join([*SYNCS, 'rename', 'renameat', 'renameat2'])
LAYERS = 2


@pytest.fixture
def trace(env, tmp_path):
    """Runs a bootstrap; returns its calls that went well, in the order in which they began or, if others ran
    meanwhile, ended: (name, arguments)."""
    log = tmp_path / 'calls'
    # Nobody can look for leaks in a program that is traced.
    env['ASAN_OPTIONS'] = f"{env.get('ASAN_OPTIONS', '')}:detect_leaks=0".lstrip(':')
    client = programs.Client(
        env, prefix=['strace', '-f', '-y', '-s', '4096', '-o', str(log), '-e', f'trace={CALLS}'])

    def bootstrap(source, dest, *options):
        client.bootstrap(source, dest, *options)
        return calls_of(log.read_text())
    return bootstrap


def calls_of(text):
    begun, calls = {}, []
    for line in text.splitlines():
        pid, rest = line.split(maxsplit=1)
        if rest.endswith('<unfinished ...>'):
            begun[pid] = rest.removesuffix('<unfinished ...>')
            continue
        rest = re.sub(r'^<\.\.\. \w+ resumed>', lambda match: begun.pop(pid), rest)
        match = re.fullmatch(r'(\w+)\((.*)\) += 0', rest)
        if match:
            calls.append(match.groups())
    return calls


def names_in(arguments):
    """What a rename has between quotes: the old name and the new one."""
    return re.findall(r'"([^"]*)"', arguments)


def index_of(calls, what, condition):
    found = [i for i, (name, arguments) in enumerate(calls) if condition(name, arguments)]
    assert found, f'{what} is not among the calls: {calls}'
    return found


def naming_of(calls, name):
    """When a file or directory gets its name for good."""
    return index_of(calls, f'a rename to {name}', lambda call, arguments:
                    call.startswith('rename') and pathlib.Path(names_in(arguments)[1]).name == name)[-1]


@pytest.fixture
def reference(faulty_registry):
    faulty_registry.add('image', samples.large(files=2, size=20_000, layers=LAYERS))
    return faulty_registry.reference('image')


def test_blob_is_on_the_disk_before_it_has_its_name(trace, reference, dest, cache):
    calls = trace(reference, dest)
    layers = [path.name for path in (cache / 'blobs/sha256').iterdir()]
    assert len(layers) >= LAYERS
    for name in layers:
        flushed = index_of(calls, f'a flush of {name}', lambda call, arguments:
                           call == 'fdatasync' and f'/partial/sha256-{name}' in arguments)
        assert flushed[0] < naming_of(calls, name)


def test_layer_and_files_are_on_their_way_to_the_disk_before_anybody_waits_for_them(
        trace, faulty_registry, dest):
    image = samples.large(files=1, size=20_000_000, layers=1)
    faulty_registry.add('image', image)
    calls = trace(faulty_registry.reference('image'), dest)
    layer = image.layer_digests()[0].removeprefix('sha256:')
    for wait, where in (('fdatasync', f'/partial/sha256-{layer}'), ('syncfs', '')):
        started = index_of(calls, f'a start of writing {where}', lambda call, arguments:
                           call == 'sync_file_range' and ('/partial/' in arguments) == bool(where)
                           and where in arguments)
        waited = index_of(calls, f'{wait} of {where}', lambda call, arguments:
                          call == wait and where in arguments)
        assert started[0] < waited[0]


@pytest.mark.parametrize('options', [[], ['--overwrite']])
def test_tree_is_on_the_disk_before_it_has_its_name(trace, reference, dest, options):
    if options:
        dest.mkdir()
    calls = trace(reference, dest, *options)
    flushed = index_of(calls, 'a flush of the tree', lambda call, arguments: call == 'syncfs')
    assert flushed[0] < naming_of(calls, dest.name)


def test_disk_images_are_on_the_disk_before_they_have_their_names(trace, reference, dest):
    calls = trace(reference, dest, '--format=qcow2', '--size=256M')
    for i in range(LAYERS):
        flushed = index_of(calls, f'a flush of image {i}', lambda call, arguments:
                           call == 'fdatasync' and f'layer-{i}.qcow2>' in arguments)
        assert flushed[0] < naming_of(calls, dest.name)


def test_disk_images_are_on_their_way_to_the_disk_before_anybody_waits_for_them(
        trace, faulty_registry, dest):
    faulty_registry.add('image', samples.large(files=1, size=40_000_000, layers=1))
    calls = trace(faulty_registry.reference('image'), dest, *QCOW2)
    started, waited = (index_of(calls, f'{what} of the image', lambda call, arguments, what=what:
                                call == what and 'layer-0.qcow2>' in arguments)
                       for what in ('sync_file_range', 'fdatasync'))
    assert started[0] < waited[0]


QCOW2 = ['--format=qcow2', '--size=256M']


def assert_no_sync(calls, dest):
    naming_of(calls, dest.name)
    assert not [call for call in calls if call[0] in SYNCS]


@pytest.mark.parametrize('options', [[], ['--overwrite'], ['--no-cache'], QCOW2,
                                     [*QCOW2, '--share-layers']], ids=' '.join)
def test_job_without_sync_syncs_nothing(trace, env, reference, dest, options):
    run([programs.DAEMON, '--recover'], env=env)  # makes the cache
    if '--overwrite' in options:
        dest.mkdir()
        (dest / 'old').write_text('old')
    assert_no_sync(trace(reference, dest, '--no-sync', *options), dest)
    # Nor with what is in the cache.
    second = dest.with_name('second')
    assert_no_sync(trace(reference, second, '--no-sync', *options), second)


def test_all_jobs_are_without_sync_where_that_is_configured(
        trace, env, tmp_path, reference, dest):
    run([programs.DAEMON, '--recover'], env=env)
    path = tmp_path / 'virt-bootstrapd.conf'
    path.write_text('[Daemon]\nDurability=none\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(path)
    assert_no_sync(trace(reference, dest), dest)


def test_job_without_sync_fills_a_mount_point_without_sync(trace, env, reference, dest):
    run([programs.DAEMON, '--recover'], env=env)
    dest.mkdir()
    run(['mount', '-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', dest])
    try:
        calls = trace(reference, dest, '--no-sync')
        assert (dest / '.').is_dir() and list(dest.iterdir())
    finally:
        run(['umount', dest])
    assert calls and not [call for call in calls if call[0] in SYNCS]


def test_what_the_cache_has_without_sync_is_synced_for_a_job_with_sync(
        trace, reference, work, cache):
    trace(reference, work / 'quick', '--no-sync')
    names = [path.name for path in (cache / 'blobs/sha256').iterdir()]

    def flushed(calls):
        return {name for name in names for call, arguments in calls
                if call == 'fdatasync' and f'/blobs/sha256/{name}>' in arguments}

    assert flushed(trace(reference, work / 'safe')) == set(names)
    assert not flushed(trace(reference, work / 'again'))


def test_shared_disk_image_without_sync_is_not_for_a_job_with_sync(trace, reference, work):
    options = [*QCOW2, '--share-layers']
    trace(reference, work / 'quick', '--no-sync', *options)

    def images_written(calls):
        return [call for call, arguments in calls if call == 'fdatasync' and '.qcow2>' in arguments]

    assert len(images_written(trace(reference, work / 'safe', *options))) == LAYERS + 1
    assert len(images_written(trace(reference, work / 'again', *options))) == 1
