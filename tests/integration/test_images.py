# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which document of a registry is an image, and which layers it has."""

import os
import pathlib

import pytest

from support import image, programs, samples, tar, tree
from support.image import Image, Layer
from support.others import step_of
from support.process import running, wait_for

# An architecture that is not this machine's, and what its image says.
FOREIGN = 's390x'


@pytest.fixture(scope='module')
def order_kinds(docker_registry, layouts):
    for form in ('v2s2', 'oci', 'v2s1'):
        docker_registry.push(layouts['order'], f'order/{form}', form)
    return docker_registry


@pytest.mark.parametrize('form', ['v2s2', 'oci', 'v2s1'])
def test_layers_are_applied_root_layer_first(order_kinds, client, dest, form):
    client.bootstrap(order_kinds.reference(f'order/{form}:latest'), dest)
    assert tree.names(dest) == samples.ORDER
    assert (dest / 'etc/order').read_bytes() == b'3'


@pytest.mark.parametrize('form', ['v2s2', 'oci', 'v2s1'])
def test_image_is_found_by_digest(order_kinds, client, dest, form):
    headers = order_kinds.request('GET', f'/v2/order/{form}/manifests/latest', Accept=', '.join(
        [image.DOCKER_MANIFEST, image.OCI_MANIFEST, image.SCHEMA1]))
    digest = headers['Docker-Content-Digest']
    client.bootstrap(order_kinds.reference(f'order/{form}@{digest}'), dest)
    assert tree.names(dest) == samples.ORDER


@pytest.fixture(scope='module')
def platforms(docker_registry):
    """A Docker manifest list and an OCI index with an entry for this machine and for another."""
    here, there = samples.small(b'here'), samples.small(b'there', architecture=FOREIGN)
    for docker, name in ((True, 'platforms/list'), (False, 'platforms/index')):
        entries = []
        for one in (there, here):
            docker_registry.put(name, one.platform['architecture'], one, docker)
            entries.append(image.manifest_descriptor(one, docker))
        docker_registry.put_manifest(name, 'latest', image.index(entries, docker),
                                     image.DOCKER_LIST if docker else image.OCI_INDEX)
    return docker_registry


@pytest.mark.parametrize('kind', ['list', 'index'])
def test_this_machines_entry_is_taken(platforms, client, dest, kind):
    client.bootstrap(platforms.reference(f'platforms/{kind}'), dest)
    assert (dest / 'etc/greeting').read_bytes() == b'here'


@pytest.mark.parametrize('kind', ['list', 'index'])
def test_platform_option_takes_another_entry(platforms, client, dest, kind):
    client.bootstrap(platforms.reference(f'platforms/{kind}'), dest,
                     '--platform', f'linux/{FOREIGN}')
    assert (dest / 'etc/greeting').read_bytes() == b'there'


@pytest.mark.parametrize('kind', ['list', 'index'])
def test_platform_that_is_not_offered_is_an_error(platforms, client, dest, kind):
    result = client.fail(platforms.reference(f'platforms/{kind}'), dest,
                         '--platform', 'linux/riscv64')
    assert result.error == 'NoMatchingPlatform'
    assert 'riscv64' in result.sentence
    assert not dest.exists()


def test_best_variant_of_an_architecture_is_taken(faulty_registry, client, dest):
    entries = []
    for variant in ('v6', 'v7', 'v5'):
        one = samples.small(variant.encode(), architecture='arm', variant=variant)
        faulty_registry.add('arm', one, tag=variant)
        entries.append(image.manifest_descriptor(one))
    faulty_registry.add_manifest('arm', image.index(entries), image.OCI_INDEX)
    client.bootstrap(faulty_registry.reference('arm'), dest, '--platform', 'linux/arm/v8')
    assert (dest / 'etc/greeting').read_bytes() == b'v7'


def test_attestation_and_unknown_entries_are_passed_over(faulty_registry, client, dest):
    one = samples.small(b'right')
    faulty_registry.add('attested', one, tag='one')
    attestation = image.manifest_descriptor(samples.small(b'wrong'))
    attestation['platform'] = {'os': 'unknown', 'architecture': 'unknown'}
    strange = {'mediaType': 'application/x-strange', 'digest': image.digest_of(b'?'), 'size': 1}
    entries = [attestation, strange, image.manifest_descriptor(one)]
    faulty_registry.add_manifest('attested', image.index(entries), image.OCI_INDEX)
    client.bootstrap(faulty_registry.reference('attested'), dest)
    assert (dest / 'etc/greeting').read_bytes() == b'right'


def test_nested_index_is_followed(faulty_registry, client, dest):
    one = samples.small(b'nested')
    faulty_registry.add('nested', one, tag='one')
    inner = image.index([image.manifest_descriptor(one)])
    faulty_registry.add_manifest('nested', inner, image.OCI_INDEX, tag='inner')
    outer = image.index([{'mediaType': image.OCI_INDEX, 'digest': image.digest_of(inner),
                          'size': len(inner)}])
    faulty_registry.add_manifest('nested', outer, image.OCI_INDEX)
    client.bootstrap(faulty_registry.reference('nested'), dest)
    assert (dest / 'etc/greeting').read_bytes() == b'nested'


def nest(registry, one, depth):
    """Offers @one below @depth indexes."""
    registry.add('nested', one, tag='one')
    entry = image.manifest_descriptor(one)
    for i in range(depth):
        index = image.index([entry])
        registry.add_manifest('nested', index, image.OCI_INDEX, f'depth-{i + 1}')
        entry = {'mediaType': image.OCI_INDEX, 'digest': image.digest_of(index), 'size': len(index)}
    return f'{registry.reference("nested")}:depth-{depth}'


INDEX_DEPTH_MAX = 4


def test_indexes_inside_each_other_have_a_limit(faulty_registry, client, work):
    one = samples.small(b'nested')
    client.bootstrap(nest(faulty_registry, one, INDEX_DEPTH_MAX), work / 'good')
    assert (work / 'good/etc/greeting').read_bytes() == b'nested'
    result = client.fail(nest(faulty_registry, one, INDEX_DEPTH_MAX + 1), work / 'bad')
    assert result.error == 'LimitExceeded'
    assert 'more than 4 nested indexes' in result.sentence
    assert os.listdir(work) == ['good']


@pytest.mark.parametrize('docker', [True, False], ids=['docker', 'oci'])
def test_manifest_without_layers_ends_with_no_layers(faulty_registry, client, dest, docker):
    faulty_registry.add('empty', Image([]), docker)
    result = client.fail(faulty_registry.reference('empty'), dest)
    assert result.error == 'NoLayers'
    assert not dest.exists()


def test_index_that_also_lists_layers_is_refused(faulty_registry, client, dest):
    one = samples.small()
    faulty_registry.add('both', one, tag='one')
    body = one.manifest().rstrip(b'\n }') + b', "manifests": [] }'
    faulty_registry.add_manifest('both', body, image.OCI_MANIFEST)
    result = client.fail(faulty_registry.reference('both'), dest)
    assert result.error in ('UnsupportedImage', 'RegistryError')


def test_unknown_layer_type_is_an_error(faulty_registry, client, dest):
    one = samples.small()
    body = one.manifest().replace(b'image.layer.v1.tar+gzip', b'image.layer.v1.cpio')
    faulty_registry.add('cpio', one, manifest=body)
    result = client.fail(faulty_registry.reference('cpio'), dest)
    assert result.error == 'UnsupportedImage'
    assert 'cpio' in result.sentence


@pytest.mark.parametrize('compression', ['gzip', 'gzip-members', 'zstd', 'none'])
def test_layer_compression(docker_registry, client, dest, compression):
    content = [tar.directory('etc'), tar.file('etc/data', samples.noise(300_000) * 3)]
    docker_registry.put(f'compression/{compression}', 'latest',
                        Image([Layer(content, compression)]))
    client.bootstrap(docker_registry.reference(f'compression/{compression}'), dest)
    assert (dest / 'etc/data').read_bytes() == samples.noise(300_000) * 3


def test_compression_is_told_by_content_not_by_media_type(faulty_registry, client, dest):
    one = Image([Layer([tar.file('file', b'x')], 'zstd')])
    body = one.manifest().replace(b'tar+zstd', b'tar+gzip')
    faulty_registry.add('mislabelled', one, manifest=body)
    client.bootstrap(faulty_registry.reference('mislabelled'), dest)
    assert (dest / 'file').read_bytes() == b'x'


def test_layers_of_one_image_may_differ_in_compression(docker_registry, client, dest):
    layers = [Layer([tar.file(how, how)], how) for how in ('gzip', 'none', 'zstd')]
    docker_registry.put('compression/mixed', 'latest', Image(layers))
    client.bootstrap(docker_registry.reference('compression/mixed'), dest)
    assert tree.names(dest) == ['gzip', 'none', 'zstd']


def test_same_layer_twice_is_applied_twice(faulty_registry, client, dest):
    first = Layer([tar.file('file', b'1')])
    second = Layer([tar.file('file', b'2')])
    faulty_registry.add('twice', Image([first, second, first]))
    client.bootstrap(faulty_registry.reference('twice'), dest)
    assert (dest / 'file').read_bytes() == b'1'
    assert faulty_registry.blob_requests()[first.digest] == 1


def test_number_of_layers_must_fit_the_config(faulty_registry, client, dest):
    one = samples.order()
    one.layers.pop()
    faulty_registry.add('short', one)
    result = client.fail(faulty_registry.reference('short'), dest)
    assert result.error in ('UnsupportedImage', 'DigestMismatch')
    assert not dest.exists()


def test_digest_option_takes_the_image_it_names(faulty_registry, client, dest):
    digest = faulty_registry.add('pinned', samples.small())
    client.bootstrap(faulty_registry.reference('pinned'), dest, '--digest', digest)
    assert dest.exists()


def test_digest_option_refuses_another_image(faulty_registry, client, dest):
    faulty_registry.add('pinned', samples.small())
    result = client.fail(faulty_registry.reference('pinned'), dest,
                         '--digest', image.digest_of(b'another'))
    assert result.error == 'DigestMismatch'
    assert image.digest_of(b'another') in result.sentence
    assert faulty_registry.count('/blobs/') == 0, 'nothing of a wrong image is fetched'
    assert not dest.exists()


def worker_of(step, process):
    for pid in running(programs.WORKERS, process.pid):
        if step_of(pid) == step:
            return pid
    return None


def status_of(pid):
    lines = pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()
    return dict(line.split(':\t', 1) for line in lines if ':\t' in line)


@pytest.mark.root
def test_documents_are_read_where_there_is_no_network(faulty_registry, client, dest):
    """Who says what an image consists of is in its sandbox before it gets the first document."""
    one = samples.small()
    faulty_registry.add('image', one)
    gate = faulty_registry.gate(image.digest_of(one.config), 0)
    process = client.start('--not-secure', faulty_registry.reference('image'), dest)
    try:
        resolver = wait_for(lambda: worker_of('resolve', process), 'the resolve worker')
        wait_for(lambda: status_of(resolver)['Seccomp'] == '2', 'its sandbox')
        status = status_of(resolver)
        assert '0' not in status['Uid'].split()
        assert status['CapEff'] == '0' * 16
        assert os.readlink(f'/proc/{resolver}/ns/net') != os.readlink('/proc/self/ns/net')
        fds = os.listdir(f'/proc/{resolver}/fd')
        assert sorted(map(int, fds)) == [0, 1, 2, 3]
        held = {os.readlink(f'/proc/{resolver}/fd/{fd}') for fd in '013'}
        assert all(name == '/dev/null' or not name.startswith('/') for name in held)
    finally:
        gate.set()
        client.finish(process)
    assert dest.exists()
