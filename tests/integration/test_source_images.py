# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which image of several it is, what the store makes of it, and what a job can do with it."""

import hashlib
import json
import os
import shutil
import signal

import pytest

from support import archives, image, process, programs, samples, tar, tree
from support.archives import KINDS, path_of
from support.image import Image, Layer
from support.process import wait_for


@pytest.fixture(scope='module')
def several(tmp_path_factory, layouts, storage):
    """Two images, by kind, with the name to ask for one by."""
    folder = tmp_path_factory.mktemp('several')
    small = image.write_layout(folder / 'small', samples.small())
    archives.skopeo(layouts['order'], f'oci:{folder}/oci:order')
    archives.skopeo(small, f'oci:{folder}/oci:small')
    archives.write(folder / 'oci-archive', archives.of_folder(folder / 'oci'))
    storage.save(folder / 'docker-archive', 'docker-archive', 'example.org/order:2',
                 'example.org/small:1')
    return {'oci': (f'oci:{folder}/oci', 'order'),
            'oci-archive': (f'oci-archive:{folder}/oci-archive', 'order'),
            'docker-archive': (f'docker-archive:{folder}/docker-archive', 'example.org/order:2')}


SEVERAL = ['oci', 'oci-archive', 'docker-archive']


@pytest.mark.parametrize('kind', SEVERAL)
def test_image_is_found_by_its_name(several, client, dest, kind):
    source, name = several[kind]
    client.bootstrap(f'{source}:{name}', dest)
    assert tree.names(dest) == samples.ORDER


@pytest.mark.parametrize('kind', SEVERAL)
def test_image_is_found_by_its_number(several, client, work, kind):
    found = set()
    for number in range(2):
        client.bootstrap(f'{several[kind][0]}:@{number}', work / str(number))
        found.add(tuple(tree.names(work / str(number))) == tuple(samples.ORDER))
    assert found == {True, False}


@pytest.mark.parametrize('kind', SEVERAL)
@pytest.mark.parametrize('selector', ['', ':no/such:name', ':@2'])
def test_images_are_listed_when_none_is_meant(several, client, dest, kind, selector):
    source, name = several[kind]
    result = client.fail(source + selector, dest)
    assert result.error == 'InvalidReference'
    assert name in result.sentence and 'small' in result.sentence
    assert '@0' in result.sentence and '@1' in result.sentence
    assert result.sentence.startswith(source)
    assert not dest.exists()


@pytest.fixture
def platforms(folder):
    """A layout with an index of two platforms, below another index."""
    one, other = samples.small(b'here'), samples.small(b'there', architecture='s390x')
    layout = image.write_layout(folder / 'platforms', one)
    blobs = layout / 'blobs/sha256'
    inner = image.index([image.manifest_descriptor(it) for it in (other, one)])
    for blob in [inner, other.manifest(), *other.blobs()]:
        (blobs / image.digest_of(blob)[7:]).write_bytes(blob)
    (layout / 'index.json').write_bytes(image.index(
        [{'mediaType': image.OCI_INDEX, 'digest': image.digest_of(inner), 'size': len(inner)}]))
    return f'oci:{layout}'


@pytest.mark.parametrize('options, want', [([], b'here'), (['--platform=linux/s390x'], b'there')])
def test_index_is_followed_to_the_platform(platforms, client, dest, options, want):
    client.bootstrap(platforms, dest, *options)
    assert (dest / 'etc/greeting').read_bytes() == want


def test_platform_that_is_not_there_is_an_error(platforms, client, dest):
    result = client.fail(platforms, dest, '--platform=linux/riscv64')
    assert result.error == 'NoMatchingPlatform'


REF = 'org.opencontainers.image.ref.name'
ATTESTATION = {'vnd.docker.reference.type': 'attestation-manifest'}


@pytest.fixture
def index_of(folder):
    """Makes a layout whose index.json has these images, each with more for its descriptor."""
    def index_of(*images):
        entries = []
        for n, (one, more) in enumerate(images):
            part = image.write_layout(folder / f'part{n}', one)
            shutil.copytree(part, folder / 'layout', dirs_exist_ok=True)
            entries.append({**image.manifest_descriptor(one), **more})
        (folder / 'layout/index.json').write_bytes(image.index(entries))
        return f'oci:{folder}/layout'
    return index_of


def platform_of(architecture, name):
    return {'platform': {'os': 'linux', 'architecture': architecture}, 'annotations': {REF: name}}


@pytest.mark.parametrize('options, want', [([], b'here'), (['--platform=linux/s390x'], b'there')])
def test_name_of_several_platforms_is_followed_to_one(index_of, client, dest, options, want):
    source = index_of((samples.small(b'here'), platform_of(image.MACHINE, 'a')),
                      (samples.small(b'there', architecture='s390x'), platform_of('s390x', 'a')),
                      (samples.small(b'else'), platform_of(image.MACHINE, 'b')))
    client.bootstrap(f'{source}:a', dest, *options)
    assert (dest / 'etc/greeting').read_bytes() == want
    result = client.fail(f'{source}:a', dest, '--platform=linux/riscv64', '--overwrite')
    assert result.error == 'NoMatchingPlatform'


@pytest.mark.parametrize('more', [{}, {'platform': {'os': 'unknown', 'architecture': 'unknown'}}])
def test_attestation_is_no_image(index_of, client, dest, more):
    source = index_of((samples.small(b'attested'), {**more, 'annotations': ATTESTATION}),
                      (samples.small(b'image'), {'annotations': {REF: 'latest'}}))
    client.bootstrap(source, dest)
    assert (dest / 'etc/greeting').read_bytes() == b'image'
    result = client.fail(f'{source}:@0', dest, '--overwrite')
    assert result.sentence.endswith("it has: @1 'latest'")


def test_entry_without_a_type_is_told_by_its_content(layouts, folder, client, dest):
    shutil.copytree(layouts['order'], folder / 'layout')
    index = json.loads((folder / 'layout/index.json').read_text())
    del index['manifests'][0]['mediaType']
    (folder / 'layout/index.json').write_text(json.dumps(index))
    client.bootstrap(f'oci:{folder}/layout', dest)
    assert tree.names(dest) == samples.ORDER


# Digests


def sha512(blob):
    return hashlib.sha512(blob).hexdigest()


@pytest.fixture
def longer(folder):
    """A layout in which sha512 names everything, and its manifest."""
    one = samples.small(b'longer')
    blobs = {image.digest_of(it): it for it in one.blobs()}
    manifest = json.loads(one.manifest())
    for part in (manifest['config'], *manifest['layers']):
        part['digest'] = 'sha512:' + sha512(blobs[part['digest']])
    manifest = image.dumps(manifest)
    layout = folder / 'longer'
    (layout / 'blobs/sha512').mkdir(parents=True)
    (layout / 'oci-layout').write_text('{"imageLayoutVersion": "1.0.0"}')
    for blob in (manifest, *blobs.values()):
        (layout / 'blobs/sha512' / sha512(blob)).write_bytes(blob)
    (layout / 'index.json').write_bytes(image.index(
        [{'mediaType': image.OCI_MANIFEST, 'digest': 'sha512:' + sha512(manifest),
          'size': len(manifest)}]))
    return f'oci:{layout}', manifest


@pytest.mark.parametrize('digest', [lambda it: 'sha512:' + sha512(it), image.digest_of],
                         ids=['sha512', 'sha256'])
def test_digest_may_be_of_either_kind(longer, client, dest, digest):
    source, manifest = longer
    client.bootstrap(source, dest, '--digest', digest(manifest))
    assert (dest / 'etc/greeting').read_bytes() == b'longer'


@pytest.mark.parametrize('digest', [lambda it: 'sha512:' + sha512(it), image.digest_of],
                         ids=['sha512', 'sha256'])
def test_other_digest_is_refused(longer, client, work, dest, digest):
    source, manifest = longer
    result = client.fail(source, dest, '--digest', digest(b'other'))
    assert result.error == 'DigestMismatch'
    assert digest(manifest) in result.sentence and digest(b'other') in result.sentence
    assert result.sentence.startswith(source)
    assert not list(work.iterdir())


def test_digest_of_a_docker_archive_is_the_one_that_is_inspected(everything, client, dest):
    source = everything['docker-archive']
    told = client.run('inspect', '--json', source).events[0]['Digest']
    result = client.fail(source, dest, '--digest', image.digest_of(b'other'))
    assert result.error == 'DigestMismatch'
    assert 'A docker archive does not state its image\'s digest' in result.sentence
    assert f'has the digest {told}, not' in result.sentence
    client.bootstrap(source, dest, '--digest', told)
    assert (dest / 'etc/release').exists()


# The store


@pytest.mark.parametrize('kind', ['oci', 'oci-archive', 'dir'])
def test_layers_are_shared_with_a_registry(
        everything, faulty_registry, client, work, kind):
    one = samples.everything()
    faulty_registry.add('image', one)
    client.bootstrap(everything[kind], work / 'file')
    client.bootstrap(faulty_registry.reference('image'), work / 'registry')
    assert not faulty_registry.blob_requests()
    tree.assert_same(tree.snapshot(work / 'file'), tree.snapshot(work / 'registry'))


def test_uncompressed_layers_are_shared_between_archives(client, folder, work, cache):
    one = samples.order()
    archives.write(folder / 'old', archives.docker_entries(one))
    archives.write(folder / 'again', archives.docker_entries(one, tags=['other:2']))
    client.bootstrap(f'docker-archive:{folder}/old', work / '1')
    before = sorted(os.listdir(cache / 'blobs/sha256'))
    client.bootstrap(f'docker-archive:{folder}/again', work / '2')
    assert sorted(os.listdir(cache / 'blobs/sha256')) == before


def test_local_image_is_not_remembered_by_its_name(everything, client, dest, cache):
    client.bootstrap(everything['oci-archive'], dest)
    index = cache / 'index.json'
    assert not index.exists() or not json.loads(index.read_text())['manifests']


@pytest.mark.parametrize('kind', ['oci', 'docker-archive'])
def test_image_in_a_file_never_answers_for_a_registry(client, folder, work, kind):
    """Whatever it calls itself."""
    name = 'registry.example/private/image:latest'
    if kind == 'oci':
        layout = image.write_layout(folder / 'layout', samples.small())
        index = json.loads((layout / 'index.json').read_text())
        index['manifests'][0]['annotations'] = {
            'org.opencontainers.image.ref.name': name, 'io.containerd.image.name': name,
            'org.opencontainers.image.base.name': name}
        (layout / 'index.json').write_text(json.dumps(index))
        source = f'oci:{layout}'
    else:
        archives.write(folder / 'archive', archives.docker_entries(samples.small(), tags=[name]))
        source = f'docker-archive:{folder}/archive'
    client.bootstrap(source, work / 'file')
    result = client.fail(f'docker://{name}', work / 'registry', '--offline')
    assert result.error == 'NotFound'
    assert f'{name} is not in the cache' in result.sentence
    assert not (work / 'registry').exists()


def test_being_offline_makes_no_difference(everything, client, dest):
    client.bootstrap(everything['docker-archive'], dest, '--offline')
    assert (dest / 'etc/release').exists()


def test_nothing_is_kept_without_a_cache(everything, client, dest, cache):
    client.bootstrap(everything['oci-archive'], dest, '--no-cache')
    assert (dest / 'etc/release').exists()
    layers = {digest[7:] for digest in samples.everything().layer_digests()}
    assert not layers & set(os.listdir(cache / 'blobs/sha256'))


def damage(kind, folder, layer):
    """A copy of a small image, whose one layer is another than its digest says."""
    layout = image.write_layout(folder / 'layout', Image([layer]))
    wrong = bytearray(layer.blob)
    wrong[len(wrong) // 2] ^= 0xff
    blob = layout / 'blobs/sha256' / layer.digest[7:]
    if kind == 'dir':
        archives.skopeo(layout, f'dir:{folder}/dir')
        blob = folder / 'dir' / layer.digest[7:]
    blob.write_bytes(wrong)
    if kind == 'oci-archive':
        return f'{kind}:{archives.write(folder / "archive", archives.of_folder(layout))}'
    return f'{kind}:{folder / "dir" if kind == "dir" else layout}'


@pytest.mark.parametrize('kind', ['oci', 'oci-archive', 'dir'])
def test_damaged_layer_is_refused(client, folder, work, dest, kind):
    layer = Layer([tar.file('f', samples.noise(100_000))], 'none')
    result = client.fail(damage(kind, folder, layer), dest)
    assert result.error == 'DigestMismatch'
    assert layer.digest in result.sentence
    assert not list(work.iterdir())


def test_damaged_layer_of_a_docker_archive_is_refused(client, folder, work, dest):
    one = Image([Layer([tar.file('f', samples.noise(100_000))], 'none')])
    wrong = one.layers[0].tar.replace(samples.noise(100_000)[:50], bytes(50))
    path = archives.write(folder / 'archive', archives.docker_entries(one, blobs=[wrong]))
    result = client.fail(f'docker-archive:{path}', dest)
    assert result.error == 'DigestMismatch'
    assert not list(work.iterdir())


# Forms of docker archives


@pytest.mark.parametrize('how', ['gzip', 'zstd', 'none'])
def test_layers_of_a_docker_archive_may_be_compressed(client, folder, dest, how):
    one = samples.order()
    blobs = [image.compress(layer.tar, how) for layer in one.layers]
    path = archives.write(folder / 'archive', archives.docker_entries(one, blobs=blobs))
    client.bootstrap(f'docker-archive:{path}', dest)
    assert tree.names(dest) == samples.ORDER


@pytest.mark.parametrize('link', [tar.symlink('1/layer.tar', '../0/layer.tar'),
                                  tar.hardlink('1/layer.tar', '0/layer.tar')],
                         ids=['symbolic', 'hard'])
def test_layer_may_be_a_link_to_another(client, folder, dest, link):
    layer = Layer([tar.file('f', b'x'), tar.whiteout('g')], 'none')
    entries = archives.docker_entries(Image([layer, layer]))
    entries[2] = link
    client.bootstrap(f'docker-archive:{archives.write(folder / "archive", entries)}', dest)
    assert tree.names(dest) == ['f']


def test_member_may_be_several_layers(client, folder, dest):
    layer, upper = Layer([tar.file('f', b'1')], 'none'), Layer([tar.file('f', b'2')], 'none')
    one = Image([layer, upper, layer])
    entries = archives.docker_entries(one)
    manifest = archives.docker_manifest(['0/layer.tar', '1/layer.tar', '0/layer.tar'])
    entries[3:] = [tar.file('manifest.json', json.dumps([manifest]))]
    client.bootstrap(f'docker-archive:{archives.write(folder / "archive", entries)}', dest)
    assert (dest / 'f').read_bytes() == b'1'


@pytest.mark.parametrize('kind', ['docker-archive', 'oci-archive'])
@pytest.mark.parametrize('name', ['', ':example', ':docker.io/library/example:latest'])
def test_archive_of_a_newer_docker_is_both(client, folder, dest, kind, name):
    if kind == 'oci-archive' and name == ':example':
        name = ':latest'
    entries = archives.docker25_entries(folder / 'layout', samples.order())
    path = archives.write(folder / 'archive', entries)
    client.bootstrap(f'{kind}:{path}{name}', dest)
    assert tree.names(dest) == samples.ORDER


# What a job can do with them


def test_progress_is_told(everything, client, dest):
    result = client.bootstrap(everything['docker-archive'], dest, '--json')
    fractions = [one['fraction'] for one in result.of('progress')]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert result.of('finished')[0]['result'] == 'done'
    assert result.of('finished')[0]['digest'].startswith('sha256:')


def test_waiting_for_the_rest_of_a_pipe_can_be_cancelled(everything, client, work, dest):
    read, write = os.pipe()
    with open(read, 'rb') as stdin:
        started = client.start('docker-archive:-', dest, stdin=stdin)
    with open(path_of(everything['docker-archive']), 'rb') as f:
        os.write(write, f.read(10_000))
    wait_for(lambda: programs.workers_of(started) and list(work.iterdir()), 'the job to begin')
    started.send_signal(signal.SIGINT)
    client.finish(started, expect=130)
    os.close(write)
    assert not list(work.iterdir())


def test_pipe_that_ends_early_is_an_error(everything, client, work, dest):
    with open(path_of(everything['docker-archive']), 'rb') as f:
        part = f.read(30_000)
    read, write = os.pipe()
    os.write(write, part)
    os.close(write)
    with open(read, 'rb') as stdin:
        result = client.fail('docker-archive:-', dest, stdin=stdin)
    assert result.error == 'CorruptArchive'
    assert result.sentence.startswith('docker-archive:-: ')
    assert not list(work.iterdir())


@pytest.mark.root
def test_password_and_owners_are_changed(everything, client, tmp_path, dest):
    (tmp_path / 'password').write_text('secret\n')
    client.bootstrap(everything['oci-archive'], dest, '--idmap=0:100000:65536',
                     f'--root-password=file:{tmp_path}/password')
    found = tree.snapshot(dest)
    assert found[b'bin/tool']['uid'] == 100000
    assert (dest / 'etc/shadow').read_text().splitlines()[1].startswith('root:$')


@pytest.mark.parametrize('kind', KINDS)
def test_image_is_inspected(everything, client, kind):
    told = client.run('inspect', '--json', everything[kind]).events[0]
    one = samples.everything()
    want = [layer.diff_id if kind == 'docker-archive' else layer.digest for layer in one.layers]
    assert told['Layers'] == want
    assert told['Labels'] == {'org.example.name': 'everything'}
    assert (told['Os'], told['Architecture']) == ('linux', image.MACHINE)
    assert 'Name' not in told


@pytest.mark.parametrize('kind', KINDS)
def test_digest_option_holds(everything, client, work, kind):
    digest = client.run('inspect', '--json', everything[kind]).events[0]['Digest']
    if kind != 'docker-archive':
        assert digest == image.digest_of(samples.everything().manifest())
    client.bootstrap(everything[kind], work / 'right', '--digest', digest)
    result = client.fail(everything[kind], work / 'wrong', '--digest', image.digest_of(b'another'))
    assert result.error == 'DigestMismatch'
    assert os.listdir(work) == ['right']


def test_schema1_copy_of_a_registry_is_read(layouts, docker_registry, client, folder, dest):
    docker_registry.push(layouts['order'], 'sources/old', 'v2s1')
    process.run(['skopeo', '--insecure-policy', 'copy', '-q', '--src-tls-verify=false',
                 docker_registry.reference('sources/old'), f'dir:{folder}/old'])
    client.bootstrap(f'dir:{folder}/old', dest)
    assert tree.names(dest) == samples.ORDER
