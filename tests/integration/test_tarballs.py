# SPDX-License-Identifier: LGPL-2.1-or-later
"""Root file systems out of a tarball: a single layer without an image, by path or from a pipe."""

import os
import subprocess

import pytest

from support import samples, tar, tree
from support.image import Image
from support.process import open_files, wait_for
from support.programs import Client, workers_of

pytestmark = pytest.mark.root

PROGRAMS = {
    'none': ['cat'], 'gzip': ['gzip'], 'bzip2': ['bzip2'], 'xz': ['xz'], 'zstd': ['zstd'],
    'lz4': ['lz4'], 'lzip': ['lzip'],
}


def compressed(data, program):
    return subprocess.run([*PROGRAMS[program], *(['-c'] if program != 'none' else [])],
                          input=data, stdout=subprocess.PIPE, check=True).stdout


@pytest.fixture(scope='module')
def sample():
    return tar.archive(samples.base_layer())


@pytest.fixture
def write(tmp_path):
    """Writes a file that has nothing to do with its name, and returns its path."""
    def one(data, name='rootfs.img'):
        path = tmp_path / name
        path.write_bytes(data)
        return path
    return one


@pytest.fixture
def as_image(faulty_registry, client, work):
    """The tree that a layer of an image gives."""
    faulty_registry.add('tarball', Image([samples.base_layer()]))
    client.bootstrap(faulty_registry.reference('tarball'), work / 'image')
    return tree.snapshot(work / 'image')


@pytest.mark.parametrize('program', PROGRAMS)
def test_tarball_is_unpacked_whatever_compressed_it(client, dest, write, sample, as_image, program):
    client.bootstrap(f'file://{write(compressed(sample, program))}', dest)
    tree.assert_same(tree.snapshot(dest), as_image)


def test_tarball_of_lzop_is_refused_with_what_to_do_about_it(client, work, dest, write):
    result = client.run(str(write(b'\x89LZO\0\r\n\x1a\n\x10\x40')), dest, expect=1)
    assert result.sentence.endswith(
        'It is compressed with lzop, which is not supported; decompress it first: lzop -d FILE')
    assert os.listdir(work) == []


def test_plain_path_is_a_tarball(client, dest, write, sample, as_image):
    client.bootstrap(str(write(sample)), dest)
    tree.assert_same(tree.snapshot(dest), as_image)


def test_standard_input_may_be_a_pipe(client, dest, sample, as_image):
    process = client.start('file:///dev/stdin', dest, stdin=subprocess.PIPE)
    with process.stdin as pipe:
        pipe.buffer.write(compressed(sample, 'gzip'))
    process.stdin = None
    client.finish(process)
    tree.assert_same(tree.snapshot(dest), as_image)


def test_standard_input_may_be_a_file(client, dest, write, sample, as_image):
    with open(write(sample), 'rb') as source:
        client.run('file:///dev/stdin', dest, stdin=source)
    tree.assert_same(tree.snapshot(dest), as_image)


def test_closed_standard_input_is_no_source(client, work, dest):
    closing = ['sh', '-c', 'exec "$@" <&-', 'sh']
    result = Client(client.env, prefix=closing).run('-', dest, expect=2)
    assert '/dev/stdin' in result.sentence
    assert os.listdir(work) == []


def test_job_that_has_ended_lets_go_of_its_source(api, daemon, dest, write, sample):
    path = write(sample)
    _, job = api.bootstrap(str(path), str(dest))
    api.wait(job)
    # In a thread, since closing it may take its time.
    wait_for(lambda: str(path) not in open_files(daemon.process.pid), 'the source to be closed')


def test_whiteouts_are_those_of_a_first_layer(client, dest, write):
    data = tar.archive([tar.file('gone'), tar.whiteout('gone'), tar.whiteout('never-there')])
    client.bootstrap(str(write(data)), dest)
    assert tree.names(dest) == ['gone']


def test_owners_are_mapped_and_root_gets_a_password(client, dest, write, tmp_path):
    secret = tmp_path / 'secret'
    secret.write_text('drowssap\n')
    data = tar.archive([
        tar.directory('etc'), tar.file('etc/shadow', b'root:*:1::::::\n', mode=0o640),
        tar.file('mine', uid=1, gid=2)])
    client.bootstrap(str(write(data)), dest, '--idmap', '0:100000:10',
                     '--root-password', f'file:{secret}')
    assert (os.lstat(dest / 'mine').st_uid, os.lstat(dest / 'mine').st_gid) == (100001, 100002)
    assert (dest / 'etc/shadow').read_text().startswith('root:$')


def test_progress_reaches_the_size_of_the_file(client, dest, write, sample):
    data = compressed(sample, 'gzip')
    result = client.run('--json', str(write(data)), dest)
    progress = result.of('progress')
    assert max(one['done'] for one in progress) == len(data)
    assert all(one['total'] == len(data) for one in progress if one['phase'] == 'unpack')


WHOLE = tar.archive([tar.file('f', b'x' * 5000)])
CUT_OFF = 'It ends without an end-of-archive block and may be truncated'
BAD = {
    'nonsense': (b'no archive at all' * 100, 'CorruptArchive', 'It is not a tar archive'),
    'empty': (b'', 'CorruptArchive', 'It is empty'),
    'nothing, compressed': (compressed(b'', 'gzip'), 'CorruptArchive', 'It is empty'),
    'zip': (b'PK\x03\x04' + bytes(100), 'CorruptArchive', 'It is a zip archive, not a tar archive'),
    'no entries': (bytes(1024), 'NoLayers', 'It is a tar archive without entries'),
    'cut in content': (WHOLE[:3000], 'CorruptArchive', None),
    'cut in padding': (WHOLE[:-1100], 'CorruptArchive', CUT_OFF),
    'cut between members': (WHOLE[:-1024], 'CorruptArchive', CUT_OFF),
    'cut, compressed': (compressed(WHOLE, 'gzip')[:-1], 'CorruptArchive', None),
    'unsafe': (tar.archive([tar.whiteout('..')]), 'UnsafeArchive', None),
}


@pytest.mark.parametrize('data, error, text', BAD.values(), ids=BAD)
@pytest.mark.parametrize('options', [(), ('--format=qcow2', '--size=64M')], ids=['dir', 'qcow2'])
def test_bad_tarball_ends_with_an_error_that_names_it_and_nothing_is_left(
        client, work, dest, write, data, error, text, options):
    path = write(data)
    result = client.fail(str(path), dest, *options)
    assert result.error == error, str(result)
    assert result.sentence.startswith(f'{path}: ')
    assert text is None or result.sentence == f'{path}: {text}'
    assert os.listdir(work) == []


def test_tarball_cut_off_in_a_pipe_is_refused(client, work, dest):
    process = client.start('--json', 'file:///dev/stdin', dest, stdin=subprocess.PIPE)
    with process.stdin as pipe:
        pipe.buffer.write(WHOLE[:-1024])
    process.stdin = None
    result = client.finish(process, expect=1)
    assert result.sentence == f'file:///dev/stdin: {CUT_OFF}'
    assert os.listdir(work) == []


def test_compressed_tarball_without_an_end_is_taken_with_a_warning(client, dest, write):
    result = client.run('--json', str(write(compressed(WHOLE[:-1024], 'xz'))), dest)
    assert (dest / 'f').read_bytes() == b'x' * 5000
    assert 'end-of-archive block' in result.of('message')[0]['text']


def test_what_follows_a_compressed_tarball_is_left_out_with_a_warning(client, dest, write):
    result = client.run('--json', str(write(compressed(WHOLE, 'gzip') + b'signature')), dest)
    assert tree.names(dest) == ['f']
    assert [one['text'] for one in result.of('message')] == [
        'Data after the compressed stream is ignored']


@pytest.mark.parametrize('program', ['none', 'gzip'])
def test_pipe_is_read_to_its_end(client, dest, program):
    """Whoever writes more than the archive does so in peace."""
    more = bytes(3 << 20)
    data = compressed(WHOLE + more, program) if program == 'none' else compressed(WHOLE, program) + more
    process = client.start('file:///dev/stdin', dest, stdin=subprocess.PIPE)
    with process.stdin as pipe:
        pipe.buffer.write(data)
    process.stdin = None
    client.finish(process)
    assert tree.names(dest) == ['f']


def test_missing_file_is_named(client, dest, tmp_path):
    result = client.run(f'file://{tmp_path}/missing.tar', dest, expect=1)
    assert 'missing.tar' in result.sentence


def test_directory_is_not_a_tarball(client, dest, tmp_path):
    result = client.run(str(tmp_path), dest, expect=2)
    assert str(tmp_path) in result.sentence


def test_options_of_images_are_refused(client, dest, write, sample):
    result = client.run('--platform=linux/arm64', str(write(sample)), dest, expect=2)
    assert 'platform' in result.sentence


def test_cancelling_a_tarball_from_a_pipe_leaves_nothing(client, work, dest, sample):
    process = client.start('--status-only', 'file:///dev/stdin', dest, stdin=subprocess.PIPE)
    process.stdin.buffer.write(sample[:len(sample) // 2])
    process.stdin.flush()
    wait_for(lambda: workers_of(process), 'the job to begin')
    process.send_signal(2)
    try:
        client.finish(process, expect=130)
    finally:
        process.stdin.close()
    assert os.listdir(work) == []


def test_tarball_does_not_enter_the_cache(client, cache, dest, write, sample):
    client.bootstrap(str(write(sample)), dest)
    assert list((cache / 'blobs/sha256').iterdir()) == []


def test_daemon_opens_a_path_itself_without_a_descriptor(api, dest, write, sample):
    _, job = api.bootstrap(f'file://{write(sample)}', str(dest))
    assert api.wait(job)[0] == 'done'
    assert (dest / 'bin').is_dir()


def test_relative_path_needs_a_descriptor(api, dest):
    with pytest.raises(Exception, match='InvalidReference'):
        api.bootstrap('docker-archive:-', str(dest))


def test_names_are_told_as_they_are(client, write, dest):
    path = write(tar.archive([tar.hardlink('häß', 'missing')]))
    assert '"häß"' in client.fail(path, dest).sentence
