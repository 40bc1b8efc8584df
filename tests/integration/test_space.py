# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a job needs is compared with what is free before a layer is requested, on small file systems."""

import os
import re

import pytest

from support import image, samples, tar
from support.image import Image

pytestmark = pytest.mark.root

MIB = 1 << 20
FIGURES = re.compile(r'(at least|about) (\d+) bytes are needed, but (\d+) are free')


def strict(env, tmp_path, more=''):
    (tmp_path / 'conf').write_text(f'[Daemon]\nStrictSpaceCheck=yes\n{more}')
    env['VIRTBOOTSTRAP_CONFIG'] = str(tmp_path / 'conf')


def noisy(mebibytes):
    """Layers of one MiB each, which cannot be compressed."""
    return samples.large(4, layers=mebibytes)


def soft(mebibytes):
    """A layer which is much larger than its blob."""
    return Image([[tar.directory('.'), tar.file('soft', b'soft' * (mebibytes * MIB // 4))]])


def free_bytes(path):
    st = os.statvfs(path)
    return st.f_bavail * st.f_frsize


def figures(text):
    found = FIGURES.search(text)
    assert found, text
    return found[1], int(found[2]), int(found[3])


def assert_nothing_fetched(registry, one):
    assert not set(one.layer_digests()) & set(registry.blob_requests())


def compressed(one):
    return sum(len(layer.blob) for layer in one.layers)


@pytest.fixture
def offered(faulty_registry):
    def offer(one):
        faulty_registry.add('image', one)
        return faulty_registry.reference('image')
    return offer


@pytest.mark.parametrize('form', ['dir', 'qcow2'])
def test_layers_that_cannot_fit_are_refused_before_they_are_fetched(
        client, offered, faulty_registry, tmpfs, form):
    one, work = noisy(8), tmpfs('4m')
    result = client.fail(offered(one), work / 'root', f'--format={form}')
    assert result.error == 'NoSpace'
    assert result.sentence.startswith(f'Not enough space for {work}/root: ')
    kind, needed, free = figures(result.sentence)
    assert (kind, needed) == ('at least', compressed(one))
    assert 3 * MIB < free <= 4 * MIB
    assert_nothing_fetched(faulty_registry, one)
    assert os.listdir(work) == []


def test_layer_that_is_used_twice_counts_once(client, env, tmp_path, offered, tmpfs):
    strict(env, tmp_path)
    layer = noisy(1).layers[0]
    client.bootstrap(offered(Image([layer, layer, layer, layer])), tmpfs('4m') / 'root')


def test_estimate_that_is_too_high_only_warns(client, offered, tmpfs):
    one = noisy(3)
    result = client.bootstrap(offered(one), tmpfs('5m') / 'root', '--json')
    warnings = [event['text'] for event in result.of('message') if event['priority'] == 4]
    assert len(warnings) == 1 and warnings[0].startswith('There may not be enough space for ')
    assert figures(warnings[0])[:2] == ('about', 2 * compressed(one))


def test_estimate_refuses_when_the_administrator_wants_it(
        client, env, tmp_path, offered, faulty_registry, tmpfs):
    strict(env, tmp_path)
    one, work = noisy(3), tmpfs('5m')
    result = client.fail(offered(one), work / 'root')
    assert result.error == 'NoSpace'
    assert result.sentence.endswith('(StrictSpaceCheck= in virt-bootstrapd.conf)')
    assert figures(result.sentence)[:2] == ('about', 2 * compressed(one))
    assert_nothing_fetched(faulty_registry, one)
    assert os.listdir(work) == []


def test_layer_of_an_earlier_job_has_a_known_size(client, env, tmp_path, offered, work, tmpfs):
    one = soft(8)
    reference = offered(one)
    client.bootstrap(reference, work / 'root')
    strict(env, tmp_path)
    small = tmpfs('4m')
    result = client.fail(reference, small / 'root')
    assert result.error == 'NoSpace'
    assert figures(result.sentence)[:2] == ('about', len(one.layers[0].tar))
    assert os.listdir(small) == []
    client.bootstrap(reference, tmpfs('16m', 'larger') / 'root')


def test_known_sizes_are_of_each_layer(client, env, tmp_path, offered, work, tmpfs):
    one = Image([soft(1).layers[0], samples.small().layers[0], soft(2).layers[0]])
    reference = offered(one)
    client.bootstrap(reference, work / 'root')
    strict(env, tmp_path)
    result = client.fail(reference, tmpfs('1m') / 'root')
    assert figures(result.sentence)[1] == sum(len(layer.tar) for layer in one.layers)


def test_known_size_goes_with_its_blob(client, env, tmp_path, offered, work, tmpfs):
    one = soft(8)
    reference = offered(one)
    client.bootstrap(reference, work / 'root')
    client.run('cache', 'remove', one.layers[0].digest)
    strict(env, tmp_path)
    result = client.fail(reference, tmpfs('4m') / 'root')
    assert result.error == 'NoSpace'
    assert 'StrictSpaceCheck' not in result.sentence


def test_unknown_size_fails_where_the_space_ends(client, offered, faulty_registry, tmpfs):
    one, small = soft(8), tmpfs('4m')
    result = client.fail(offered(one), small / 'root')
    assert result.error == 'NoSpace'
    assert 'needed' not in result.sentence
    assert one.layers[0].digest in faulty_registry.blob_requests()
    assert os.listdir(small) == []


def test_record_that_nobody_can_have_written_honestly_is_bounded(
        client, env, tmp_path, offered, cache, work, tmpfs):
    """By what the limits let a layer unpack to: here a hundred times its size."""
    one = soft(8)
    reference = offered(one)
    client.bootstrap(reference, work / 'root')
    record = cache / 'virt-bootstrap/unpacked' / one.layers[0].digest.replace(':', '-')
    assert record.read_text() == f'{len(one.layers[0].tar)}\n'
    record.write_text(f'{1 << 62}\n')
    strict(env, tmp_path, '[Limits]\nCompressionRatio=100\nCompressionRatioFloor=0\n')
    result = client.fail(reference, tmpfs('1m') / 'root')
    assert figures(result.sentence)[1] == 100 * compressed(one)


def test_download_counts_where_the_cache_shares_the_file_system(
        client, env, tmp_path, offered, faulty_registry, tmpfs):
    small = tmpfs('10m')
    strict(env, tmp_path, 'CacheKeepFree=0\n')
    env['VIRTBOOTSTRAP_CACHE'] = str(small / 'cache')
    one = noisy(6)
    result = client.fail(offered(one), small / 'root')
    assert result.error == 'NoSpace'
    assert figures(result.sentence)[:2] == ('at least', 2 * compressed(one))
    assert_nothing_fetched(faulty_registry, one)


def test_tarball_needs_about_its_size(client, env, tmp_path, tmpfs):
    path, small = tmp_path / 'soft.tar', tmpfs('4m')
    path.write_bytes(soft(8).layers[0].tar)
    warned = client.fail(f'file://{path}', small / 'root')
    assert warned.error == 'NoSpace'
    texts = [event['text'] for event in warned.of('message') if 'needed' in event['text']]
    assert [figures(text)[:2] for text in texts] == [('about', path.stat().st_size)]
    strict(env, tmp_path)
    refused = client.fail(f'file://{path}', small / 'root')
    assert refused.error == 'NoSpace'
    assert figures(refused.sentence)[:2] == ('about', path.stat().st_size)
    assert os.listdir(small) == []


def test_nothing_is_kept_from_a_job_without_cache(client, offered, cache, work):
    client.bootstrap(offered(soft(1)), work / 'root', '--no-cache')
    assert os.listdir(cache / 'virt-bootstrap/unpacked') == []


def test_digest_of_an_image_is_told_before_it_is_refused(client, offered, tmpfs):
    one = noisy(8)
    result = client.fail(offered(one), tmpfs('4m') / 'root')
    assert result.of('finished')[-1]['digest'] == image.digest_of(one.manifest())
