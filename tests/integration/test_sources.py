# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images in files: oci:, oci-archive:, docker-archive: and dir:, from files, pipes and sockets."""

import contextlib
import gzip
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

from support import archives, image, process, programs, samples, tar, tree
from support.archives import KINDS, NAME, path_of
from support.image import Image, Layer
from test_limits import configured


@pytest.fixture(scope='module')
def oracle(everything, layouts, tmp_path_factory):
    """umoci's tree of it."""
    root = tmp_path_factory.mktemp('umoci') / 'root'
    process.run(['umoci', 'raw', 'unpack', '--image', f'{layouts["everything"]}:latest', root])
    return tree.snapshot(root)


@pytest.mark.root
@pytest.mark.parametrize('kind', KINDS)
def test_tree_is_the_same_from_every_source(
        everything, oracle, docker_registry, layouts, client, work, kind):
    docker_registry.push(layouts['everything'], 'sources/everything', 'oci')
    client.bootstrap(docker_registry.reference('sources/everything'), work / 'registry')
    client.bootstrap(everything[kind], work / kind)
    found = tree.snapshot(work / kind)
    tree.assert_same(found, tree.snapshot(work / 'registry'))
    tree.assert_same(found, oracle)


@pytest.mark.root
@pytest.mark.parametrize('kind', ['oci-archive', 'docker-archive'])
@pytest.mark.parametrize('tool', ['podman', 'buildah'])
def test_archives_of_other_tools_are_read(storage, layouts, client, folder, work, tool, kind):
    path, name = folder / 'archive', 'example.org/order:2'
    if tool == 'podman':
        storage.save(path, kind, name)
    else:
        storage.push(name, f'{kind}:{path}:{name}')
    client.bootstrap(f'{kind}:{path}', work / 'archive')
    client.bootstrap(f'oci:{layouts["order"]}', work / 'layout')
    assert tree.names(work / 'archive') == samples.ORDER
    found, want = tree.snapshot(work / 'archive'), tree.snapshot(work / 'layout')
    found.pop(b'.'), want.pop(b'.')  # no layer has it
    tree.assert_same(found, want)


# How an archive comes in


def through_pipe(path):
    return subprocess.Popen(['cat', path], stdout=subprocess.PIPE).stdout


def through_socket(path):
    ours, theirs = socket.socketpair()

    def send():
        with open(path, 'rb') as f:
            ours.sendfile(f)
        ours.close()
    threading.Thread(target=send, daemon=True).start()
    return theirs.makefile('rb', buffering=0)


@pytest.mark.parametrize('through', [through_pipe, through_socket, lambda path: open(path, 'rb')],
                         ids=['pipe', 'socket', 'file'])
@pytest.mark.parametrize('kind', ['oci-archive', 'docker-archive'])
def test_standard_input_is_read(everything, client, dest, kind, through):
    with through(path_of(everything[kind])) as stdin:
        client.bootstrap(f'{kind}:-', dest, stdin=stdin)
    assert (dest / 'etc/release').read_bytes() == b'third\n'


def test_standard_input_has_a_path_and_a_name_too(everything, client, dest):
    with through_pipe(path_of(everything['docker-archive'])) as stdin:
        client.bootstrap(f'docker-archive:/dev/stdin:{NAME}', dest, stdin=stdin)
    assert (dest / 'etc/release').exists()


def test_named_pipe_is_read(everything, client, folder, dest):
    os.mkfifo(folder / 'pipe')
    writer = subprocess.Popen(['sh', '-c', 'cat "$0" > "$1"', path_of(everything['oci-archive']),
                               folder / 'pipe'])
    client.bootstrap(f'oci-archive:{folder}/pipe', dest)
    assert writer.wait() == 0
    assert (dest / 'etc/release').exists()


@pytest.fixture
def impatient(client, env, tmp_path):
    configured(env, tmp_path, '[Daemon]\nStallTimeoutSec=2\n')
    return client


@contextlib.contextmanager
def slowly(body, pieces=15, seconds=3):
    """A pipe into which @body comes. The pace is the test: all takes longer than the daemon waits for a part."""
    size = len(body) // pieces + 1
    ours, theirs = os.pipe()

    def send():
        with open(theirs, 'wb', buffering=0) as f:
            for start in range(0, len(body), size):
                f.write(body[start:start + size])
                time.sleep(seconds / pieces)

    threading.Thread(target=send, daemon=True).start()
    with open(ours, 'rb') as stdin:
        yield stdin


@pytest.mark.parametrize('kind', ['oci-archive', 'docker-archive'])
def test_archive_that_comes_slowly_is_waited_for(everything, impatient, dest, kind):
    with open(path_of(everything[kind]), 'rb') as f:
        body = f.read()
    with slowly(body) as stdin:
        impatient.bootstrap(f'{kind}:-', dest, stdin=stdin)
    assert (dest / 'etc/release').exists()


def test_zeros_that_come_slowly_behind_a_tarball_are_waited_for(impatient, dest):
    tarball = gzip.compress(tar.archive([tar.directory('etc'), tar.file('etc/release')]))
    with slowly(tarball + bytes(1 << 20)) as stdin:
        impatient.bootstrap('-', dest, stdin=stdin)
    assert (dest / 'etc/release').exists()


@pytest.mark.parametrize('kind', ['oci-archive', 'docker-archive'])
def test_archive_that_does_not_go_on_is_not_waited_for(everything, impatient, dest, kind):
    ours, theirs = os.pipe()
    with open(ours, 'rb') as stdin, open(theirs, 'wb') as pipe:
        with open(path_of(everything[kind]), 'rb') as f:
            pipe.write(f.read(2000))
        pipe.flush()
        result = impatient.fail(f'{kind}:-', dest, stdin=stdin)
    assert result.error == 'LimitExceeded'
    assert 'no progress for 2 seconds' in result.sentence


@pytest.mark.parametrize('kind', ['oci-archive', 'docker-archive'])
def test_what_is_no_archive_is_refused_before_it_ends(client, dest, kind):
    with subprocess.Popen(['yes'], stdout=subprocess.PIPE) as endless:
        result = client.fail(f'{kind}:-', dest, stdin=endless.stdout)
        endless.stdout.close()
    assert result.error == 'CorruptArchive'
    assert result.sentence.startswith(f'{kind}:-: This is not a tar archive')


@pytest.mark.parametrize('kind', ['docker-archive:', 'oci-archive:', ''])
def test_file_at_standard_input_is_read_from_where_it_stands(
        everything, folder, client, dest, kind):
    if kind:
        body = open(path_of(everything[kind[:-1]]), 'rb').read()
    else:
        body = tar.archive([tar.directory('etc'), tar.file('etc/release', b'x')])
    (folder / 'file').write_bytes(b'ten bytes.' + body)
    with open(folder / 'file', 'rb', buffering=0) as stdin:
        stdin.seek(10)
        client.bootstrap(f'{kind}-', dest, stdin=stdin)
    assert (dest / 'etc/release').exists()


@pytest.mark.parametrize('piped', [False, True], ids=['file', 'pipe'])
@pytest.mark.parametrize('compression', ['gzip', 'zstd'])
def test_archive_may_be_compressed_as_a_whole(
        everything, client, folder, dest, compression, piped):
    path = folder / 'archive'
    with open(path_of(everything['docker-archive']), 'rb') as f:
        path.write_bytes(image.compress(f.read(), compression))
    with open(os.devnull, 'rb') if not piped else through_pipe(path) as stdin:
        client.bootstrap(f'docker-archive:{"-" if piped else path}', dest, stdin=stdin)
    assert (dest / 'etc/release').exists()


def test_path_is_relative_to_where_the_user_stands(everything, client, folder, dest):
    odd = folder / 'with:colon'
    odd.mkdir()
    shutil.copy(path_of(everything['oci-archive']), odd / 'a.tar')
    client.bootstrap('oci-archive:a.tar', dest, cwd=odd)
    assert (dest / 'etc/release').exists()


@pytest.mark.parametrize('source', [*(f'{kind}:' for kind in KINDS), 'file://', ''])
def test_file_that_is_not_there_is_named(client, folder, dest, source):
    result = client.fail(f'{source}{folder}/nowhere', dest)
    assert result.error == 'NotFound'
    assert f'Cannot open {folder}/nowhere: No such file or directory' == result.sentence
    assert not dest.exists()


@pytest.mark.parametrize('kind', ['oci', 'dir'])
def test_file_where_a_directory_should_be_is_named(everything, client, dest, kind):
    path = path_of(everything['oci-archive'])
    result = client.fail(f'{kind}:{path}', dest)
    assert result.sentence == (f'Cannot open {path}: Not a directory; for an image in one file, use '
                               'oci-archive:PATH or docker-archive:PATH')


@pytest.mark.parametrize('scheme', ['oci-archive:', 'docker-archive:', 'file://', ''])
def test_directory_where_an_archive_should_be_is_refused(everything, client, dest, scheme):
    source = f'{scheme}{path_of(everything["oci"])}'
    result = client.fail(source, dest)
    assert result.error == 'InvalidReference'
    assert result.sentence == (f'The source {source} is a directory, neither a regular file nor a '
                               'pipe; for an image in a directory, use oci:PATH or dir:PATH')


@pytest.mark.parametrize('kind, other', [
    ('oci', 'dir'), ('dir', 'oci'), ('oci-archive', 'docker-archive'),
    ('docker-archive', 'oci-archive')])
def test_image_of_another_kind_is_told(everything, client, dest, kind, other):
    source = f'{kind}:{path_of(everything[other])}'
    result = client.fail(source, dest)
    assert result.error == 'NotFound'
    assert result.sentence.startswith(f'{source}: It contains no ')
    assert result.sentence.endswith(f'; use {other}:PATH')


@pytest.mark.parametrize('kind', ['oci-archive', 'docker-archive'])
def test_tarball_in_place_of_an_image_is_told(client, folder, dest, kind):
    path = archives.write(folder / 'root.tar', [tar.directory('etc'), tar.file('etc/release')])
    result = client.fail(f'{kind}:{path}', dest)
    assert result.sentence.endswith(
        'for a tarball of a root file system give its path alone')


@pytest.mark.root
@pytest.mark.parametrize('options', [[], ['--format=qcow2']], ids=['dir', 'qcow2'])
@pytest.mark.parametrize('kind', ['oci-archive', 'docker-archive'])
def test_image_in_place_of_a_tarball_is_warned_of(everything, client, dest, kind, options):
    result = client.bootstrap(path_of(everything[kind]), dest, '--json', *options)
    assert [one['text'] for one in result.of('message')] == [
        f'This is not a root file system but an archive that contains an image; use {kind}:PATH']


def test_image_with_files_like_an_archives_is_not_warned_of(client, folder, dest):
    one = Image([Layer([tar.file(name) for name in (
        'manifest.json', 'repositories', 'oci-layout', 'index.json')])])
    image.write_layout(folder / 'layout', one)
    result = client.bootstrap(f'oci:{folder}/layout', dest, '--json')
    assert not result.of('message')


def test_root_file_system_with_such_names_is_not_warned_of(client, folder, dest):
    path = archives.write(folder / 'root.tar', [tar.directory('etc'), tar.file('manifest.json')])
    assert not client.bootstrap(path, dest, '--json').of('message')


@pytest.mark.parametrize('scheme', ['oci-archive:', 'OCI-Archive:'])
def test_path_may_be_any_bytes(everything, client, folder, dest, scheme):
    path = folder / os.fsdecode(b'b\xe4r')
    shutil.copy(path_of(everything['oci-archive']), path)
    client.bootstrap(f'{scheme}{path}', dest)
    assert (dest / 'etc/release').exists()
    result = client.fail(f'{scheme}{path}:nothing', dest, '--overwrite')
    assert result.sentence.startswith(f'{scheme}{folder}/b?r:nothing: ')


@pytest.mark.parametrize('scheme', ['file://localhost', 'FILE://', 'File:'])
def test_uri_may_name_this_host(client, folder, dest, scheme):
    path = archives.write(folder / 'root.tar', [tar.file('f')])
    client.bootstrap(f'{scheme}{path}', dest)
    assert tree.names(dest) == ['f']


def test_uri_of_another_host_is_refused(client, dest):
    result = client.fail('file://elsewhere/root.tar', dest)
    assert result.error == 'InvalidReference'
    assert result.sentence.endswith(
        'expected file:///PATH with the absolute path of a file on this host')


def test_device_is_refused(client, dest):
    result = client.fail('docker-archive:/dev/zero', dest)
    assert result.error == 'InvalidReference'
    assert '/dev/zero' in result.sentence


@pytest.mark.parametrize('kind, why', [('oci', 'no index.json'), ('dir', 'no manifest.json')])
def test_other_directory_is_told_apart(client, folder, dest, kind, why):
    result = client.fail(f'{kind}:{folder}', dest)
    assert result.error == 'NotFound'
    assert why in result.sentence and str(folder) in result.sentence


@pytest.mark.root
@pytest.mark.parametrize('kind', KINDS)
def test_daemon_needs_no_access_to_the_files(layouts, env, tmp_path, work, dest, kind):
    """A client that may read the files, and a daemon whose user may not even see them."""
    daemon, owner = 4711, 4712
    home = tmp_path / 'home'
    home.mkdir(mode=0o700)
    archives.skopeo(layouts['order'], f'{kind}:{home}/image' +
                    (f':{NAME}' if kind == 'docker-archive' else ''))
    os.chown(home, owner, owner)
    if kind.endswith('archive'):
        os.chown(home / 'image', owner, owner)
        (home / 'image').chmod(0o600)

    for path in tmp_path.parents[:2]:
        path.chmod(0o755)
    for path in (work, tmp_path / 'user'):
        os.chown(path, daemon, daemon)
    for program in (programs.DAEMON, *programs.WORKERS):
        shutil.copy(program, tmp_path)
    wrapper = tmp_path / 'as-user'
    wrapper.write_text(f'#!/bin/sh\nexec setpriv --reuid={daemon} --regid={daemon} --clear-groups '
                       f'{tmp_path / programs.DAEMON.name} "$@"\n')
    wrapper.chmod(0o755)
    client = programs.Client({**env, 'VIRTBOOTSTRAP_DAEMON': str(wrapper),
                              'VIRTBOOTSTRAP_WORKERS': str(tmp_path)})
    client.bootstrap(f'{kind}:{home}/image', dest)
    assert tree.names(dest) == samples.ORDER
    assert dest.stat().st_uid == daemon


@pytest.mark.root
@pytest.mark.parametrize('kind', ['oci', 'dir'])
def test_root_reads_files_that_only_their_owner_may(everything, client, folder, dest, kind):
    shutil.copytree(path_of(everything[kind]), folder / 'image')
    for path in [folder, *folder.rglob('*')]:
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.chown(path, 4712, 4712)
    client.bootstrap(f'{kind}:{folder}/image', dest)
    assert (dest / 'etc/release').exists()


@pytest.mark.parametrize('verb', [['inspect'], []], ids=['inspect', 'bootstrap'])
def test_files_are_not_for_another_host(everything, env, daemon, tmp_path, dest, verb):
    """By ssh, which is a program here that leads to a bus of the test's own."""
    ssh = tmp_path / 'bin/ssh'
    ssh.parent.mkdir()
    ssh.write_text(f'#!/bin/sh\nexec systemd-stdio-bridge --bus-path={daemon.address}\n')
    ssh.chmod(0o755)
    client = programs.Client({**env, 'PATH': f'{ssh.parent}:{env["PATH"]}'})
    client.where = ['--host=elsewhere']
    result = client.run(*verb, everything['oci'], *([] if verb else [dest]), expect=2)
    assert result.sentence == ('Files of this host cannot be passed over this connection, '
                               'which does not carry file descriptors')
