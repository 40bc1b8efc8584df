# SPDX-License-Identifier: LGPL-2.1-or-later
"""Workers that were taken over: what they make is looked at before it is used."""

import os
import pathlib

import pytest

from support import disk, programs, samples, tar
from support.bus import JOB
from support.image import Image, digest_of

HOSTILE_DISK = pathlib.Path(os.environ.get(
    'TEST_HOSTILE_DISK', programs.BUILD / 'tests/integration/hostile/hostile-disk.so')).resolve()
HOSTILE_UNPACK = pathlib.Path(os.environ.get(
    'TEST_HOSTILE_UNPACK', programs.BUILD / 'tests/integration/hostile/hostile-unpack.so')).resolve()
HOSTILE_VERIFY = pathlib.Path(os.environ.get(
    'TEST_HOSTILE_VERIFY', programs.BUILD / 'tests/integration/hostile/hostile-verify.so')).resolve()
QCOW2 = ['--format=qcow2', '--size=64M']


@pytest.fixture
def hostile(env, tmp_path):
    """Has the worker of one step do what a preloaded library says; returns an undo."""
    def turn(step, library, what):
        workers = programs.wrap_workers(
            tmp_path / 'workers', f'if [ $STEP = {step} ]; then\n'
            f'    echo $$ >>{tmp_path}/started\n'
            '    export ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0"\n'
            f'    export LD_PRELOAD={library} HOSTILE={what}\nfi\n'
            'exec $WORKER\n')
        env['VIRTBOOTSTRAP_WORKERS'] = str(workers)

        def undo():
            env['VIRTBOOTSTRAP_WORKERS'] = str(programs.WORKERS_DIR)
        return undo
    return turn


@pytest.mark.parametrize('what, why', [
    ('backing', 'it has a backing file'),
    ('data', 'it has a feature that was not requested'),
    ('snapshot', 'it has snapshots')])
@pytest.mark.parametrize('options', [(), ('--share-layers',)], ids=['own', 'shared'])
def test_image_with_a_header_of_the_workers_own_is_refused(
        hostile, client, cache, faulty_registry, work, dest, what, why, options):
    faulty_registry.add('image', samples.small())
    hostile('disk', HOSTILE_DISK, what)
    result = client.fail(faulty_registry.reference('image'), dest, *QCOW2, *options)
    assert result.error == 'WorkerFailed'
    assert f'not as requested: {why}' in result.sentence
    assert os.listdir(work) == []
    assert os.listdir(cache / 'disks') == []


@pytest.mark.root
def test_base_that_its_worker_can_still_change_is_not_shared(
        hostile, client, cache, faulty_registry, work):
    base = [tar.file('base', b'right')]
    faulty_registry.add('base', Image([base]))
    faulty_registry.add('evil', Image([base, [tar.file('evil', b'x')]]))
    undo = hostile('disk', HOSTILE_DISK, 'keep')
    result = client.fail(
        faulty_registry.reference('evil'), work / 'evil', *QCOW2, '--share-layers')
    assert result.error == 'WorkerFailed'
    assert 'The disk worker can still write to' in result.sentence
    assert os.listdir(work) == []
    assert os.listdir(cache / 'disks') == []
    undo()
    client.bootstrap(faulty_registry.reference('base'), work / 'good', *QCOW2, '--share-layers')
    assert disk.snapshot(work / 'good/layer-1.qcow2').keys() == {b'.', b'base'}


@pytest.mark.root
def test_images_of_others_are_opened_when_the_worker_is_in_its_sandbox(
        hostile, client, faulty_registry, work):
    base = [tar.file('base', b'right')]
    faulty_registry.add('base', Image([base]))
    faulty_registry.add('other', Image([base, [tar.file('other', b'x')]]))
    client.bootstrap(faulty_registry.reference('base'), work / 'base', *QCOW2, '--share-layers')
    hostile('disk', HOSTILE_DISK, 'peek')
    client.bootstrap(faulty_registry.reference('other'), work / 'other', *QCOW2, '--share-layers')


@pytest.mark.parametrize('how', ['descriptor', 'mapping'])
def test_blob_that_has_its_name_is_not_changed_by_who_hashed_it(
        hostile, client, cache, faulty_registry, tmp_path, dest, how):
    """A worker that keeps a file hashes no other one."""
    image = Image([[tar.file(name, b'x')] for name in ('one', 'two', 'three')])
    faulty_registry.add('image', image)
    hostile('verify', HOSTILE_VERIFY, how)
    client.bootstrap(faulty_registry.reference('image'), dest)
    paths = list((cache / 'blobs/sha256').iterdir())
    assert len(paths) == len(image.blobs()) + 1
    for path in paths:
        assert digest_of(path.read_bytes()).partition(':')[2] == path.name
    assert len((tmp_path / 'started').read_text().split()) == len(paths)


@pytest.mark.parametrize('what', ['boast', 'waver'])
@pytest.mark.parametrize('step, options', [
    ('unpack', {}), ('disk', {'format': ('s', 'qcow2'), 'size': ('t', 64 << 20)})], ids=['unpack', 'disk'])
def test_progress_is_not_more_than_is_possible(
        hostile, daemon_on, env, tmp_path, faulty_registry, dest, step, what, options):
    """With the second layer missing, a worker cannot have unpacked it."""
    image = samples.large(files=8, layers=2)
    faulty_registry.add('image', image)
    hostile(step, HOSTILE_UNPACK, what)
    (tmp_path / 'limits').write_text('[Limits]\nEntries=5000\nUnpackedSize=20M\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(tmp_path / 'limits')
    api = daemon_on().connect()
    gate = faulty_registry.gate(image.layers[1].digest, len(image.layers[1].blob) // 2)
    _, job = api.bootstrap(faulty_registry.reference('image'), dest, **options)

    def layers():
        return [s.body[1]['Layers'][1] for s in api.signals
                if s.path == job and s.member == 'PropertiesChanged' and 'Layers' in s.body[1]]
    api.wait_until(lambda: layers() and layers()[-1][0][2] == 'unpacked', 'the first layer')
    phase, done, total, fraction = api.get(job, JOB, 'Progress')
    assert phase == 'download' and done < total
    assert fraction == pytest.approx(done / total, abs=0.01)
    assert api.get(job, JOB, 'Layers')[1][2] == 'downloading'
    assert api.get(job, JOB, 'Files') == 5000
    assert api.get(job, JOB, 'BytesUnpacked') == 20 << 20
    gate.set()
    assert api.wait(job)[0] == 'done'
    for one in layers():
        assert all(layer[3] <= layer[4] for layer in one)
    files = [s.body[1]['Files'][1] for s in api.signals
             if s.path == job and s.member == 'PropertiesChanged' and 'Files' in s.body[1]]
    assert files == sorted(files)
    api.close()
