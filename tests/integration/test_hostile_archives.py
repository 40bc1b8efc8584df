# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images in files that mean no good: each ends with a clear error, and the daemon goes on."""

import json
import os
import shutil
import socket

import pytest

from support import archives, image, programs, samples, tar
from support.image import Image, Layer
from test_limits import configured

INDEX = 'index.json'


@pytest.fixture
def client(daemon, env):
    """Of one daemon for all of a test's jobs."""
    return programs.Client(env, daemon.address)


@pytest.fixture
def one():
    return Image([Layer([tar.directory('etc'), tar.file('etc/greeting', samples.noise(9000))],
                        'none')])


@pytest.fixture
def layout(folder, one):
    return image.write_layout(folder / 'layout', one)


@pytest.fixture
def check(client, layout, work, tmp_path):
    """Bootstraps a source that must fail; returns the one sentence."""
    good = tmp_path / 'good'
    shutil.copytree(layout, good)

    def check(source, *errors):
        result = client.fail(source, work / 'root')
        assert result.error in errors, str(result)
        assert result.sentence.startswith((source, 'Layer sha256:'))
        assert not list(work.iterdir())
        assert not (tmp_path / 'escaped').exists()
        client.bootstrap(f'oci:{good}', work / 'good')
        assert os.listdir(work) == ['good']
        return result.sentence
    return check


def put_index(layout, body):
    (layout / INDEX).write_bytes(body)


def put_blob(layout, blob):
    """Adds it under its digest; returns a descriptor of what it is."""
    digest = image.digest_of(blob)
    (layout / 'blobs/sha256' / digest[7:]).write_bytes(blob)
    return {'mediaType': image.OCI_INDEX, 'digest': digest, 'size': len(blob)}


# What is in place of a file of a directory; each gets the path at which it is to be.


def fifo(path):
    os.mkfifo(path)


def unix_socket(path):
    """By its name in the folder: its path may be longer than such an address can be."""
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name[:90])
            os.rename(path.name[:90], path.name)
    finally:
        os.chdir(here)


def device(path):
    os.mknod(path, 0o020666, os.makedev(1, 5))


def terminal(path):
    os.mknod(path, 0o020666, os.makedev(5, 0))


def directory(path):
    path.mkdir()


def link_out(path):
    path.symlink_to('../' * (len(path.parts) - 2) + 'etc/hostname')


def absolute_link(path):
    path.symlink_to('/etc/hostname')


def magic_link(path):
    path.symlink_to('/proc/self/fd/3')


def link_to_itself(path):
    path.symlink_to(path.name)


SPECIAL = [fifo, unix_socket, device, terminal, directory, link_out, absolute_link, magic_link,
           link_to_itself]


EVERYWHERE = [(what, put) for what in ('index', 'layer') for put in SPECIAL]
EVERYWHERE += [(what, put) for what in ('manifest', 'config') for put in (fifo, link_out)]


@pytest.mark.root
@pytest.mark.parametrize('what, put', EVERYWHERE, ids=lambda it: getattr(it, '__name__', it))
def test_special_file_in_a_layout_is_refused(layout, one, check, what, put):
    names = {'index': INDEX,
             'manifest': 'blobs/sha256/' + image.digest_of(one.manifest())[7:],
             'config': 'blobs/sha256/' + image.digest_of(one.config)[7:],
             'layer': 'blobs/sha256/' + one.layers[0].digest[7:]}
    path = layout / names[what]
    path.unlink()
    put(path)
    assert path.name[:40] in check(f'oci:{layout}', 'UnsafeArchive')


@pytest.mark.root
@pytest.mark.parametrize('put', SPECIAL, ids=lambda put: put.__name__)
def test_special_file_in_a_directory_copy_is_refused(layout, folder, one, check, put):
    archives.skopeo(layout, f'dir:{folder}/copy')
    path = folder / 'copy' / one.layers[0].digest[7:]
    path.unlink()
    put(path)
    check(f'dir:{folder}/copy', 'UnsafeArchive')


def test_link_within_the_directory_is_followed(layout, one, client, dest):
    blobs = layout / 'blobs/sha256'
    (blobs / one.layers[0].digest[7:]).rename(layout / 'elsewhere')
    (blobs / one.layers[0].digest[7:]).symlink_to('../../elsewhere')
    client.bootstrap(f'oci:{layout}', dest)
    assert (dest / 'etc/greeting').exists()


def test_link_in_place_of_the_blobs_is_refused(layout, folder, check):
    (layout / 'blobs').rename(folder / 'blobs')
    (layout / 'blobs').symlink_to('../blobs')
    check(f'oci:{layout}', 'UnsafeArchive')


# What documents say


@pytest.mark.parametrize('body, errors', {
    'empty': (b'', ['UnsupportedImage']),
    'no JSON': (b'\x89PNG', ['UnsupportedImage']),
    'deep': (b'[' * 100_000, ['UnsupportedImage']),
    'no list': (b'{"schemaVersion": 2}', ['UnsupportedImage', 'InvalidReference']),
    'nothing in it': (b'{"schemaVersion": 2, "manifests": []}', ['InvalidReference']),
    'large': (b'{"schemaVersion": 2, "manifests": []' + b' ' * (5 << 20) + b'}',
              ['LimitExceeded']),
    'digest that leads out': (image.index([{
        'mediaType': image.OCI_MANIFEST, 'digest': 'sha256:../../../../etc/hostname',
        'size': 2}]), ['UnsupportedImage', 'InvalidReference']),
}.values(), ids=['empty', 'no-json', 'deep', 'no-list', 'nothing', 'large', 'digest'])
def test_index_that_is_none_is_refused(layout, check, body, errors):
    put_index(layout, body)
    check(f'oci:{layout}', *errors)


def test_index_of_many_gigabytes_is_not_read(layout, check):
    os.truncate(layout / INDEX, 64 << 30)
    check(f'oci:{layout}', 'LimitExceeded')


@pytest.mark.parametrize('change', [-1, 1])
@pytest.mark.parametrize('what', ['config', 'layers'])
def test_size_that_is_not_the_blobs_is_refused(layout, one, check, what, change):
    manifest = json.loads(one.manifest())
    part = manifest[what] if what == 'config' else manifest[what][0]
    part['size'] += change
    put_index(layout, image.index(
        [{**put_blob(layout, image.dumps(manifest)), 'mediaType': image.OCI_MANIFEST}]))
    check(f'oci:{layout}', 'DigestMismatch')


@pytest.mark.parametrize('what', ['manifest', 'config', 'layer'])
def test_blob_that_is_missing_is_named(layout, one, check, what):
    digest = {'manifest': image.digest_of(one.manifest()), 'config': image.digest_of(one.config),
              'layer': one.layers[0].digest}[what]
    (layout / 'blobs/sha256' / digest[7:]).unlink()
    assert digest in check(f'oci:{layout}', 'NotFound')


@pytest.mark.parametrize('what', ['manifest', 'config', 'layer'])
def test_blob_with_another_digest_is_refused(layout, one, check, what):
    body = {'manifest': one.manifest(), 'config': one.config, 'layer': one.layers[0].blob}[what]
    path = layout / 'blobs/sha256' / image.digest_of(body)[7:]
    path.write_bytes(body.replace(b'0', b'1'))
    check(f'oci:{layout}', 'DigestMismatch')


def test_cycle_of_indexes_is_refused(layout, check):
    """One cannot be made of digests that are right: this one says so of itself."""
    name = 'sha256:' + 'a' * 64
    body = image.index([{'mediaType': image.OCI_INDEX, 'digest': name, 'size': 200}])
    (layout / 'blobs/sha256' / ('a' * 64)).write_bytes(body)
    put_index(layout, body)
    check(f'oci:{layout}', 'DigestMismatch')


def test_indexes_in_indexes_have_an_end(layout, one, check):
    inner = image.manifest_descriptor(one)
    for _ in range(8):
        inner = put_blob(layout, image.index([inner]))
    put_index(layout, image.index([inner]))
    check(f'oci:{layout}', 'LimitExceeded')


def test_index_of_a_directory_copy_that_leads_to_itself_is_refused(folder, check):
    copy = folder / 'copy'
    copy.mkdir()
    body = image.index([{'mediaType': image.OCI_INDEX, 'digest': 'sha256:' + 'b' * 64,
                         'size': 200}])
    (copy / 'manifest.json').write_bytes(body)
    (copy / f'{"b" * 64}.manifest.json').write_bytes(body)
    check(f'dir:{copy}', 'DigestMismatch')


def test_two_images_of_one_name_are_ambiguous(layout, one, check):
    entry = image.manifest_descriptor(one, annotations={
        'org.opencontainers.image.ref.name': 'latest'})
    other = {**put_blob(layout, one.manifest() + b' '), 'mediaType': image.OCI_MANIFEST,
             'annotations': entry['annotations']}
    put_index(layout, image.index([entry, other]))
    assert '@1' in check(f'oci:{layout}:latest', 'InvalidReference')


# Archives


def archive_of(layout, change):
    entries = archives.of_folder(layout)
    change(entries)
    return archives.write(layout.parent / 'archive', entries)


def replace(entries, name, *others):
    entries[:] = [it for it in entries if it.name != name.encode()] + list(others)


@pytest.mark.parametrize('member', [
    tar.symlink(INDEX, '/etc/hostname'), tar.symlink(INDEX, '../../etc/hostname'),
    tar.hardlink(INDEX, '/etc/hostname'), tar.symlink(INDEX, INDEX),
    tar.device(INDEX, 'c', 1, 5), tar.fifo(INDEX),
], ids=['absolute', 'out', 'hard', 'itself', 'device', 'fifo'])
def test_member_that_is_no_file_of_the_archive_is_refused(layout, check, member):
    path = archive_of(layout, lambda entries: replace(entries, INDEX, member))
    check(f'oci-archive:{path}', 'UnsafeArchive')


@pytest.mark.parametrize('name', [INDEX, './index.json', 'blobs/../index.json'])
def test_member_that_is_there_twice_is_refused(layout, check, name):
    path = archive_of(layout, lambda entries: entries.append(
        tar.file(name, '{"schemaVersion": 2, "manifests": []}')))
    check(f'oci-archive:{path}', 'UnsafeArchive')


@pytest.mark.parametrize('name', ['../escaped', '/escaped', 'a/../../escaped'])
def test_members_outside_of_the_archive_are_written_nowhere(layout, client, dest, tmp_path, name):
    path = archive_of(layout, lambda entries: entries.append(tar.file(name, b'x')))
    client.bootstrap(f'oci-archive:{path}', dest)
    assert (dest / 'etc/greeting').exists()
    assert not list(tmp_path.rglob('escaped'))


@pytest.mark.parametrize('size', [1 << 20, 1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_size_that_is_not_the_members_is_refused(layout, check, size):
    path = archive_of(layout, lambda entries: replace(
        entries, INDEX, tar.file(INDEX, b'{}', size=size)))
    check(f'oci-archive:{path}', 'CorruptArchive', 'LimitExceeded', 'NotFound')


@pytest.mark.parametrize('part', [0, 1, 511, 512, 2000, -3000])
def test_archive_that_ends_early_is_refused(layout, check, part):
    path = archive_of(layout, lambda entries: None)
    os.truncate(path, part if part >= 0 else path.stat().st_size + part)
    check(f'oci-archive:{path}', 'CorruptArchive', 'NotFound')


def test_archive_that_is_none_is_refused(folder, check):
    (folder / 'noise').write_bytes(samples.noise(100_000))
    check(f'docker-archive:{folder}/noise', 'CorruptArchive', 'UnsupportedImage')


def test_member_that_is_gone_is_named(layout, one, check):
    name = 'blobs/sha256/' + one.layers[0].digest[7:]
    path = archive_of(layout, lambda entries: replace(entries, name))
    assert one.layers[0].digest in check(f'oci-archive:{path}', 'NotFound')


def test_compressed_archive_may_not_be_larger_than_all_layers(
        env, tmp_path, daemon_on, folder, dest):
    configured(env, tmp_path, '[Limits]\nUnpackedSize=1M\n')
    client = programs.Client(env, daemon_on().address)
    blob = image.compress(tar.archive([tar.file('f', bytes(4 << 20))]), 'zstd')
    (folder / 'bomb').write_bytes(blob)
    result = client.fail(f'docker-archive:{folder}/bomb', dest)
    assert result.error == 'LimitExceeded'
    assert '1048576' in result.sentence
    assert not dest.exists()


# What is the content of the first for some programs, and a member for others.
HIDING = {
    'label': [tar.Entry(b'label', b'V', size=512)],
    'directory': [tar.directory('folder', pax={'size': '512'})],
    'file': [tar.file('folder/', size=512)],
    'headers': [tar.file('a', pax={'SUN.holesdata': ' 0 0 512'}, size=512)],
}


@pytest.mark.parametrize('members', HIDING.values(), ids=HIDING)
def test_archive_that_hides_a_member_is_refused(layout, check, members):
    path = archive_of(layout, lambda entries: entries.extend([*members, tar.file('hidden')]))
    assert 'is ambiguous' in check(f'oci-archive:{path}', 'UnsafeArchive')


@pytest.mark.parametrize('members', HIDING.values(), ids=HIDING)
def test_layer_that_hides_a_member_is_refused(folder, check, members):
    hiding = Image([Layer([tar.file('first'), *members, tar.file('hidden')], 'gzip')])
    layout = image.write_layout(folder / 'hiding', hiding)
    assert 'is ambiguous' in check(f'oci:{layout}', 'UnsafeArchive')


# Archives of docker


def docker_archive(folder, manifest, *members):
    body = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return archives.write(folder / 'archive', [*members, tar.file('manifest.json', body)])


LAYERS = ['0/layer.tar']


@pytest.mark.parametrize('manifest, errors', {
    'empty': (b'', ['UnsupportedImage']),
    'object': ({}, ['UnsupportedImage']),
    'none': ([], ['InvalidReference']),
    'large': (b'[' + b' ' * (5 << 20) + b']', ['LimitExceeded']),
    'config': ([archives.docker_manifest(LAYERS, config='nowhere.json')], ['NotFound']),
    'config-out': ([archives.docker_manifest(LAYERS, config='../../etc/hostname')],
                   ['NotFound', 'UnsafeArchive']),
    'layer': ([archives.docker_manifest(['1/layer.tar'])], ['NotFound']),
    'layer-out': ([archives.docker_manifest(['/etc/hostname'])], ['NotFound', 'UnsafeArchive']),
    'more': ([archives.docker_manifest(LAYERS * 2)], ['UnsupportedImage']),
    'fewer': ([archives.docker_manifest([])], ['UnsupportedImage', 'NoLayers']),
}.values(), ids=['empty', 'object', 'none', 'large', 'config', 'config-out', 'layer', 'layer-out',
                 'more', 'fewer'])
def test_manifest_of_an_archive_that_is_wrong_is_refused(folder, one, check, manifest, errors):
    path = docker_archive(folder, manifest, *archives.docker_entries(one)[:-1])
    check(f'docker-archive:{path}', *errors)


@pytest.mark.parametrize('member', [
    tar.symlink('0/layer.tar', '../../../etc/hostname'), tar.hardlink('0/layer.tar', 'nowhere'),
    tar.symlink('0/layer.tar', 'layer.tar'), tar.device('0/layer.tar', 'c', 1, 5),
    tar.fifo('0/layer.tar'),
], ids=['out', 'hard', 'itself', 'device', 'fifo'])
def test_layer_that_is_no_file_of_the_archive_is_refused(folder, one, check, member):
    config, _, manifest = archives.docker_entries(one)
    path = archives.write(folder / 'archive', [config, member, manifest])
    check(f'docker-archive:{path}', 'UnsafeArchive', 'NotFound')


@pytest.mark.parametrize('how', ['none', 'gzip'])
def test_layer_that_is_not_the_configs_is_refused(folder, one, check, how):
    other = tar.archive([tar.file('etc/greeting', b'wrong')])
    path = archives.write(folder / 'archive', archives.docker_entries(
        one, blobs=[image.compress(other, how)]))
    check(f'docker-archive:{path}', 'DigestMismatch')


def test_member_of_a_docker_archive_that_is_there_twice_is_refused(folder, one, check):
    entries = archives.docker_entries(one)
    path = archives.write(folder / 'archive', [*entries, tar.file('config.json', one.config)])
    check(f'docker-archive:{path}', 'UnsafeArchive')
