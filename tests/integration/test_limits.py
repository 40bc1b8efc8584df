# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each ceiling has a key in virt-bootstrapd.conf, and going past it ends with LimitExceeded; and
the cache's file system, which no image fills."""

import json
import os

import pytest

from support import faulty, samples, tar
from support.image import Image, Layer, dumps
from support.process import wait_for

pytestmark = pytest.mark.root

DEEP = b'/'.join([b'd'] * 40) + b'/f'
CASES = {
    'UnpackedSize=64K': [[tar.file('f', bytes(100_000))]],
    'Entries=3': [[tar.file(f'f{n}') for n in range(4)]],
    'Layers=1': [[tar.file('a')], [tar.file('b')]],
    'PathLength=60': [[tar.file(DEEP)]],
    'NameLength=20': [[tar.file('n' * 21)]],
    'PathDepth=30': [[tar.file(DEEP)]],
    'XattrSize=100': [[tar.file('f', xattrs={'user.x': b'x' * 101})]],
    'HeaderSize=4K': [[tar.file('f', pax={'comment': 'x' * 200_000})]],
    'BlobSize=64K': [[tar.file('f', samples.noise(100_000))]],
    'DownloadSize=128K': [[tar.file(n, samples.noise(100_000, i))] for i, n in enumerate('ab')],
    'CompressionRatio=2\nCompressionRatioFloor=1K': [[tar.file('f', bytes(4 << 20))]],
}


def configured(env, tmp_path, text):
    path = tmp_path / 'virt-bootstrapd.conf'
    path.write_text(text)
    env['VIRTBOOTSTRAP_CONFIG'] = str(path)


@pytest.mark.parametrize('keys', CASES, ids=lambda keys: keys.partition('=')[0])
def test_going_past_a_limit_ends_the_job(client, env, tmp_path, faulty_registry, dest, keys):
    faulty_registry.add('limits', Image(CASES[keys]))
    reference = faulty_registry.reference('limits')
    configured(env, tmp_path, f'[Limits]\n{keys}\n')
    result = client.fail(reference, dest, '--json')
    assert result.error == 'LimitExceeded', str(result)
    assert result.sentence.endswith(f'({keys.partition("=")[0]}= in virt-bootstrapd.conf)'), result.sentence
    assert not dest.exists()
    configured(env, tmp_path, '')
    client.bootstrap(reference, dest)


def test_window_of_a_zstd_layer_is_limited(client, env, tmp_path, faulty_registry, dest):
    faulty_registry.add('zstd', Image([Layer([tar.file('f', samples.noise(3 << 20))], 'zstd')]))
    configured(env, tmp_path, '[Limits]\nZstdWindow=64K\n')
    result = client.fail(faulty_registry.reference('zstd'), dest, '--json')
    assert result.error == 'LimitExceeded', str(result)
    assert result.sentence.endswith('bytes (ZstdWindow= in virt-bootstrapd.conf)')


def test_job_without_progress_ends(client, env, tmp_path, faulty_registry, dest):
    image = samples.large(files=4)
    faulty_registry.add('stall', image)
    gate = faulty_registry.gate(image.layers[0].digest, 1000)
    configured(env, tmp_path, '[Daemon]\nStallTimeoutSec=1\n')
    result = client.fail(faulty_registry.reference('stall'), dest, '--json')
    gate.set()
    assert result.error == 'LimitExceeded', str(result)
    assert 'no progress' in result.sentence


def test_registry_that_never_answers_is_given_up(client, env, tmp_path, faulty_registry, work):
    faulty_registry.add('silent', samples.small())
    gate = faulty_registry.gate('/manifests/', 0)
    configured(env, tmp_path, '[Daemon]\nStallTimeoutSec=1\n')
    result = client.fail(faulty_registry.reference('silent'), work / 'root', '--json')
    assert not gate.is_set()
    assert faulty_registry.count('/manifests/') == 1
    assert result.error == 'LimitExceeded', str(result)
    assert 'There was no progress for 1 seconds (StallTimeoutSec= in virt-bootstrapd.conf)' in result.sentence
    assert os.listdir(work) == []


# The cache's file system

MIB = 1 << 20


def noisy(mib, seed):
    """An image of one layer of about so many MiB, which nothing makes smaller."""
    return Image([Layer([tar.file(f'noise-{seed}', samples.noise(mib * MIB, seed))], 'none')])


def claim(registry, name, one, size):
    """Offers @one with a manifest that says that its layer has @size bytes."""
    manifest = json.loads(one.manifest())
    manifest['layers'][0]['size'] = size
    registry.add(name, one, manifest=dumps(manifest))
    return registry.reference(name)


def partials(cache):
    return {path.name for path in (cache / 'virt-bootstrap/partial').iterdir()}


def endless(size):
    """Noise without an end, of which @size bytes are announced."""
    def act(request):
        piece = samples.noise(MIB)
        request.head(200, size)
        for _ in range(64):  # more than any file system here has
            request.wfile.write(piece)
        request.hang_up()
        return True
    return act


@pytest.fixture
def small_cache(env, tmpfs):
    """A cache in a file system of 20 MiB, of which one is kept free."""
    path = tmpfs('20m', 'small') / 'cache'
    env['VIRTBOOTSTRAP_CACHE'] = str(path)
    return path


def free_bytes(path):
    st = os.statvfs(path)
    return st.f_bavail * st.f_frsize


@pytest.mark.parametrize('keys', ['', 'BlobSize=4T\nDownloadSize=4T'], ids=['default', 'large'])
def test_layer_of_a_tebibyte_does_not_fill_the_cache(
        client, env, tmp_path, faulty_registry, small_cache, work, keys):
    """It is refused before a byte of it is fetched, and another image can be had afterwards."""
    configured(env, tmp_path, f'[Limits]\n{keys}\n')
    hostile = noisy(1, 1)
    reference = claim(faulty_registry, 'hostile', hostile, 1 << 40)
    faulty_registry.fault(hostile.layers[0].digest, endless(1 << 40))
    result = client.fail(reference, work / 'hostile')
    faulty_registry.add('good', noisy(8, 2))
    client.bootstrap(faulty_registry.reference('good'), work / 'good')
    if keys:
        assert result.error == 'NoSpace'
        assert f'Not enough space in {small_cache}: {1 << 40} bytes are needed' in result.sentence
        assert 'CacheKeepFree=' in result.sentence
    else:
        assert result.error == 'LimitExceeded'
        assert 'BlobSize=' in result.sentence
    assert hostile.layers[0].digest not in faulty_registry.blob_requests()


def leave_partial(client, registry, cache, dest, seed):
    """A job that fails when 7 MiB of its layer have come; returns the layer's hexadecimal digits."""
    one = noisy(8, seed)
    digits = one.layers[0].digest.partition(':')[2]
    refuse = faulty.error(403, 'DENIED', 'not now')

    def refuse_later(request):
        """Once what has come is in its file: a worker that is ended loses what is in its pipe."""
        wait_for(lambda: [path for path in (cache / 'virt-bootstrap/partial').iterdir()
                          if digits in path.name and path.stat().st_size >= 6 * MIB],
                 'the download to be kept')
        return refuse(request)

    registry.add(f'left-{seed}', one)
    registry.fault(one.layers[0].digest, faulty.cut(7 * MIB), times=1)
    registry.fault(one.layers[0].digest, refuse_later)
    client.fail(registry.reference(f'left-{seed}'), dest)
    return digits


def test_what_failed_jobs_left_makes_room_the_oldest_first(
        client, faulty_registry, small_cache, work):
    old, new = (leave_partial(client, faulty_registry, small_cache, work / 'left', seed)
                for seed in (1, 2))
    assert len(partials(small_cache)) == 2
    faulty_registry.add('good', noisy(8, 3))
    client.bootstrap(faulty_registry.reference('good'), work / 'good')
    left = partials(small_cache)
    assert len(left) == 1 and new in left.pop()


def test_what_failed_jobs_left_makes_room_while_a_blob_arrives(
        client, faulty_registry, small_cache, work):
    leave_partial(client, faulty_registry, small_cache, work / 'left', 1)
    one = noisy(8, 3)
    faulty_registry.add('good', one)
    gate = faulty_registry.gate(one.layers[0].digest, 4 * MIB)
    started = client.start('--json', '--not-secure', faulty_registry.reference('good'),
                           work / 'good')
    try:
        wait_for(lambda: free_bytes(small_cache.parent) < 10 * MIB, 'half of it')
        (small_cache.parent / 'ballast').write_bytes(bytes(6 * MIB))
    finally:
        gate.set()
        client.finish(started)
    assert not partials(small_cache)


def test_what_has_arrived_needs_no_room_again(client, faulty_registry, small_cache, work):
    one = noisy(14, 1)
    digest = one.layers[0].digest
    faulty_registry.add('large', one)
    faulty_registry.fault(digest, faulty.cut(10 * MIB), times=1)
    faulty_registry.fault(digest, faulty.error(403, 'DENIED', 'not now'), times=1)
    client.fail(faulty_registry.reference('large'), work / 'large')
    client.bootstrap(faulty_registry.reference('large'), work / 'large')
    starts = [headers.get('Range') for _, path, headers in faulty_registry.requests
              if path.endswith(digest)]
    assert starts[-1] == f'bytes={10 * MIB}-'


def test_download_leaves_the_reserve_alone(client, env, tmp_path, faulty_registry, small_cache, work):
    """The space goes while the blob arrives; it stops, and what it had goes for the next one."""
    configured(env, tmp_path, '[Daemon]\nCacheKeepFree=4M\n')
    one = noisy(8, 3)
    faulty_registry.add('large', one)
    gate = faulty_registry.gate(one.layers[0].digest, 4 * MIB)
    started = client.start('--json', '--not-secure', faulty_registry.reference('large'),
                           work / 'large')
    try:
        wait_for(lambda: free_bytes(small_cache.parent) < 17 * MIB, 'half of it')
        (small_cache.parent / 'ballast').write_bytes(bytes(10 * MIB))
    finally:
        gate.set()
        result = client.finish(started, 1)
    assert result.error == 'NoSpace'
    assert result.sentence.startswith(f'{small_cache}: There is no room for sha256:')
    assert f'of which {4 * MIB} must stay free (CacheKeepFree= in virt-bootstrapd.conf)' in result.sentence
    assert free_bytes(small_cache.parent) >= 4 * MIB
    faulty_registry.add('small', noisy(4, 4))
    client.bootstrap(faulty_registry.reference('small'), work / 'small')


def test_reserve_holds_for_what_is_not_kept(client, env, tmp_path, faulty_registry, tmpfs, work):
    place = tmpfs('20m', 'temporary')
    configured(env, tmp_path, '[Daemon]\nCacheKeepFree=16M\n')
    faulty_registry.add('large', noisy(8, 3))
    result = client.fail(faulty_registry.reference('large'), work / 'large', '--no-cache',
                         env={'VIRTBOOTSTRAP_TMPDIR': str(place)})
    assert result.error == 'NoSpace'
    assert f'Not enough space in {place}' in result.sentence


def test_what_failed_jobs_leave_has_a_limit(
        client, env, tmp_path, faulty_registry, cache, work):
    configured(env, tmp_path, '[Daemon]\nCachePartialSize=16M\n')
    left = [leave_partial(client, faulty_registry, cache, work / 'left', seed)
            for seed in (1, 2, 3)]
    assert sorted(name.partition('-')[2].partition('.')[0] for name in partials(cache)) == \
        sorted(left[1:])
