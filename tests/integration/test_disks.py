# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disk images: one a layer, and what is in them is what the directory format has."""

import crypt
import os
import re
import shutil
import signal
import subprocess

import pytest

from support import disk, programs, samples, tar, tree
from support.image import Image
from support.others import step_of
from support.process import run, running, wait_for
from support.programs import workers_of

pytestmark = pytest.mark.root

QEMU = shutil.which('qemu-storage-daemon')
QCOW2 = ('--format=qcow2', '--size=256M')


def bootstrap(client, source, dest, *options):
    client.bootstrap(source, dest, *QCOW2, *options)
    return disk.names(dest)


@pytest.fixture
def everything(faulty_registry):
    faulty_registry.add('everything', samples.everything())
    return faulty_registry.reference('everything')


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / 'secret'
    path.write_text('drowssap\n')
    path.chmod(0o644)
    return f'file:{path}'


def qemus_of(process):
    return running([QEMU], process.pid)


def without_shadow(snapshot):
    return {name: node for name, node in snapshot.items() if name != b'etc/shadow'}


def test_chain_has_an_image_for_each_layer_with_relative_backing(client, everything, dest):
    assert bootstrap(client, everything, dest) == [
        'layer-0.qcow2', 'layer-1.qcow2', 'layer-2.qcow2']
    chain = disk.info(dest / 'layer-2.qcow2')
    assert [one.get('backing-filename') for one in chain] == [
        'layer-1.qcow2', 'layer-0.qcow2', None]
    assert {one['format'] for one in chain} == {'qcow2'}
    assert {one['virtual-size'] for one in chain} == {256 << 20}
    assert {one.get('backing-filename-format', 'qcow2') for one in chain} == {'qcow2'}


def test_default_size_is_5_gib(client, everything, dest):
    client.bootstrap(everything, dest, '--format=qcow2')
    assert disk.info(disk.top(dest))[0]['virtual-size'] == 5 << 30
    assert sum(path.stat().st_blocks * 512 for path in dest.iterdir()) < 32 << 20


def test_each_level_is_the_tree_of_its_layers(client, faulty_registry, work):
    layers = [samples.base_layer(), samples.change_layer(), samples.last_layer()]
    faulty_registry.add('whole', Image(layers))
    bootstrap(client, faulty_registry.reference('whole'), work / 'chain')
    for n in range(len(layers)):
        faulty_registry.add(f'part-{n}', Image(layers[:n + 1]))
        client.bootstrap(faulty_registry.reference(f'part-{n}'), work / f'part-{n}')
        tree.assert_same(disk.snapshot(work / f'chain/layer-{n}.qcow2', holes=True),
                         tree.snapshot(work / f'part-{n}', holes=True))


def test_password_and_mapping_are_in_an_image_on_top(client, everything, work, secret):
    options = ['--idmap', '0:100000:65536', '--root-password', secret]
    names = bootstrap(client, everything, work / 'chain', *options)
    assert names == [f'layer-{n}.qcow2' for n in range(4)]
    client.bootstrap(everything, work / 'mapped', *options)
    client.bootstrap(everything, work / 'plain')
    top = disk.snapshot(work / 'chain/layer-3.qcow2')
    tree.assert_same(without_shadow(top), without_shadow(tree.snapshot(work / 'mapped')))
    assert top[b'etc/shadow']['mode'] == tree.snapshot(work / 'mapped')[b'etc/shadow']['mode']
    tree.assert_same(disk.snapshot(work / 'chain/layer-2.qcow2'), tree.snapshot(work / 'plain'))
    assert (work / 'chain/layer-3.qcow2').stat().st_mode & 0o777 == 0o600


def test_password_in_a_disk_is_the_one_that_was_given(client, everything, dest, secret):
    bootstrap(client, everything, dest, '--root-password', secret)
    with disk.raw(disk.top(dest)) as path, disk.mounted(path) as folder:
        with open(os.path.join(folder, 'etc/shadow')) as shadow:
            [hashed] = [line.split(':')[1] for line in shadow if line.startswith('root:')]
    assert crypt.crypt('drowssap', hashed) == hashed


def test_user_without_privileges_gets_everything_that_root_gets(
        user, everything, work, tmp_path, client, secret):
    options = ['--idmap', '0:100000:65536', '--root-password', secret]
    bootstrap(user, everything, work / 'chain', *options)
    owners = {path.stat().st_uid for path in (work / 'chain').iterdir()}
    assert owners == {programs.UID}
    (tmp_path / 'tree').mkdir()
    client.env['VIRTBOOTSTRAP_CACHE'] = str(tmp_path / 'cache')
    client.bootstrap(everything, tmp_path / 'tree', *options)
    tree.assert_same(without_shadow(disk.snapshot(disk.top(work / 'chain'))),
                     without_shadow(tree.snapshot(tmp_path / 'tree')))


def test_chain_opens_after_it_was_moved_and_from_anywhere(client, everything, work):
    bootstrap(client, everything, work / 'here')
    (work / 'here').rename(work / 'there')
    run(['qemu-img', 'check', '-q', work / 'there/layer-2.qcow2'], cwd='/')
    run(['qemu-img', 'convert', '-O', 'raw', '../there/layer-2.qcow2', work / 'raw'],
        cwd=work / 'there')


def test_file_system_is_one_that_a_machine_expects(client, faulty_registry, dest):
    faulty_registry.add('team/sample', samples.small())
    bootstrap(client, faulty_registry.reference('team/sample'), dest)
    with disk.raw(disk.top(dest)) as path:
        block = disk.superblock(path)
    assert block['Filesystem volume name'] == 'sample'
    assert block['Inode size'] == '256'
    assert block['Filesystem state'] == 'clean'
    assert re.fullmatch(r'[0-9a-f-]{36}', block['Filesystem UUID'])
    features = block['Filesystem features'].split()
    assert {'has_journal', 'extent', 'dir_index', 'metadata_csum', '64bit'} <= set(features)


def test_two_chains_differ_in_uuid(client, faulty_registry, work):
    faulty_registry.add('small', samples.small())
    uuids = set()
    for name in 'ab':
        bootstrap(client, faulty_registry.reference('small'), work / name)
        with disk.raw(disk.top(work / name)) as path:
            uuids.add(disk.superblock(path)['Filesystem UUID'])
    assert len(uuids) == 2


def test_layer_that_only_deletes_frees_space_and_is_small(client, faulty_registry, dest):
    layer = [tar.directory('data'), tar.file('data/big', samples.noise(20 << 20))]
    faulty_registry.add('deletes', Image([layer, [tar.whiteout('data/big')]]))
    bootstrap(client, faulty_registry.reference('deletes'), dest)
    before, after = (disk.used_blocks(dest / f'layer-{n}.qcow2') for n in (0, 1))
    assert (before - after) * 4096 >= 20 << 20
    assert (dest / 'layer-1.qcow2').stat().st_blocks * 512 < 4 << 20
    assert disk.snapshot(dest / 'layer-1.qcow2').keys() == {b'.', b'data'}


def test_unchanged_content_is_not_in_the_upper_image(client, faulty_registry, dest):
    layer = [tar.file(f'f{n}', samples.noise(1 << 20, n)) for n in range(16)]
    faulty_registry.add('small-change', Image([layer, [tar.file('new', b'x')]]))
    bootstrap(client, faulty_registry.reference('small-change'), dest)
    assert (dest / 'layer-1.qcow2').stat().st_blocks * 512 < 2 << 20


def test_empty_layer_has_an_image_too(client, faulty_registry, dest):
    faulty_registry.add('empty', Image([[tar.file('a')], [], [tar.file('b')]]))
    names = bootstrap(client, faulty_registry.reference('empty'), dest)
    assert names == [f'layer-{n}.qcow2' for n in range(3)]
    assert disk.snapshot(dest / 'layer-1.qcow2').keys() == {b'.', b'a'}
    assert disk.snapshot(dest / 'layer-2.qcow2').keys() == {b'.', b'a', b'b'}


def test_large_attributes_are_left_out_with_a_warning(client, faulty_registry, dest):
    small = {'trusted.a': b'v' * 3000}
    value = {**small, 'trusted.b': b'v' * 9000}
    layer = [tar.symlink('link', 'target', xattrs=value), tar.file('file', xattrs=value)]
    faulty_registry.add('attributes', Image([layer]))
    result = client.bootstrap(faulty_registry.reference('attributes'), dest, *QCOW2)
    assert 'xtended attributes' in result.err
    found = disk.snapshot(disk.top(dest))
    assert found[b'file']['xattrs'] == small and found[b'link']['xattrs'] == small


def test_larger_disk_has_no_fewer_inodes(client, tmp_path, dest):
    path = tmp_path / 'many.tar'
    path.write_bytes(tar.archive([tar.file(f'f{n}') for n in range(40000)]))
    client.bootstrap(str(path), dest, '--format=qcow2', '--size=600M')


def test_hard_link_across_layers_is_one_inode(client, faulty_registry, dest):
    faulty_registry.add('links', Image([[tar.file('a', b'x')], [tar.hardlink('b', 'a')]]))
    bootstrap(client, faulty_registry.reference('links'), dest)
    assert disk.snapshot(disk.top(dest))[b'a']['links'] == [b'a', b'b']


def test_tarball_becomes_a_disk(client, tmp_path, work):
    path = tmp_path / 'appliance.tar'
    path.write_bytes(tar.archive(samples.base_layer()))
    assert bootstrap(client, str(path), work / 'disk') == ['layer-0.qcow2']
    client.bootstrap(str(path), work / 'tree')
    tree.assert_same(disk.snapshot(work / 'disk/layer-0.qcow2'), tree.snapshot(work / 'tree'))


def test_full_disk_says_how_large_it_has_to_be(client, faulty_registry, work, dest):
    layer = [tar.file(f'f{n}', samples.noise(1 << 20, n)) for n in range(40)]
    faulty_registry.add('big', Image([layer]))
    reference = faulty_registry.reference('big')
    result = client.fail(reference, dest, '--format=qcow2', '--size=24M')
    assert result.error == 'NoSpace', str(result)
    assert os.listdir(work) == []
    needed = re.search(r'--size (\d+)M', result.sentence)
    assert needed and 40 <= int(needed[1]) <= 64, result.sentence
    client.bootstrap(reference, dest, '--format=qcow2', f'--size={needed[1]}M')
    assert len(disk.snapshot(disk.top(dest))) == 41


def size_told(result, size):
    """What a NoSpace error of a disk of @size MiB says, in MiB."""
    assert result.error == 'NoSpace', str(result)
    [(said, told)] = re.findall(r'a disk of (\d+) MiB.*--size (\d+)M', result.sentence)
    assert int(said) == size and int(told) > size, result.sentence
    return int(told)


def test_disk_without_inodes_says_so(client, tmp_path, work, dest):
    path = tmp_path / 'many.tar'
    path.write_bytes(tar.archive([tar.file(f'f{n}') for n in range(3000)]))
    result = client.fail(str(path), dest, '--format=qcow2', '--size=8M')
    assert 'more files than a disk of 8 MiB has inodes for' in result.sentence
    client.bootstrap(str(path), dest, '--format=qcow2', f'--size={size_told(result, 8)}M')


def test_tarball_from_a_pipe_does_not_say_how_large_its_disk_has_to_be(
        client, tmp_path, work, dest):
    path = tmp_path / 'big.tar'
    path.write_bytes(tar.archive([tar.file('f', samples.noise(12 << 20))]))
    with subprocess.Popen(['cat', path], stdout=subprocess.PIPE) as source:
        result = client.run('--json', 'file:///dev/stdin', dest, '--format=qcow2', '--size=8M',
                            stdin=source.stdout, expect=1)
    assert result.error == 'NoSpace', str(result)
    assert 'a disk of 8 MiB: the size that it needs is unknown' in result.sentence
    assert os.listdir(work) == []


def test_size_is_told_before_upper_layers_have_arrived(client, faulty_registry, dest):
    image = Image([[tar.file('lower', samples.noise(20 << 20))],
                   [tar.file('upper', samples.noise(20 << 20, 2))]])
    faulty_registry.add('two', image)
    gate = faulty_registry.gate(image.layers[1].digest, 500_000)
    reference = faulty_registry.reference('two')
    result = client.fail(reference, dest, '--format=qcow2', '--size=16M')
    gate.set()
    client.bootstrap(reference, dest, '--format=qcow2', f'--size={size_told(result, 16)}M')


def test_space_that_is_needed_for_a_while_only_counts(client, faulty_registry, dest):
    new = [tar.file('new', samples.noise(30 << 20, 2)), tar.whiteout('old')]
    faulty_registry.add('moves', Image([[tar.file('old', samples.noise(30 << 20))], new]))
    reference = faulty_registry.reference('moves')
    result = client.fail(reference, dest, '--format=qcow2', '--size=48M')
    needed = size_told(result, 48)
    assert needed <= 96
    client.bootstrap(reference, dest, '--format=qcow2', f'--size={needed}M')


def test_full_store_of_the_host_is_not_blamed_on_the_disk(client, faulty_registry, tmpfs):
    faulty_registry.add('big', samples.large(files=64))
    folder = tmpfs('8M')
    result = client.fail(faulty_registry.reference('big'), folder / 'x', *QCOW2)
    assert result.error == 'NoSpace', str(result)
    assert '--size' not in result.sentence
    assert os.listdir(folder) == []


@pytest.mark.parametrize('option', ['--size=1G'])
def test_size_without_disks_is_refused(client, everything, work, dest, option):
    result = client.fail(everything, dest, option)
    assert result.error == 'InvalidOption', str(result)
    assert os.listdir(work) == []


def test_overwriting_a_chain_leaves_no_image_of_the_old_one(
        client, faulty_registry, everything, dest):
    bootstrap(client, everything, dest)
    (dest / 'domain.xml').write_text('mine')
    faulty_registry.add('small', samples.small())
    bootstrap(client, faulty_registry.reference('small'), dest, '--overwrite')
    assert disk.names(dest) == ['domain.xml', 'layer-0.qcow2']
    assert (dest / 'domain.xml').read_text() == 'mine'


def test_progress_and_format_are_told(client, everything, dest):
    result = client.run('--json', '--not-secure', *QCOW2, everything, dest)
    fractions = [one['fraction'] for one in result.of('progress')]
    assert fractions == sorted(fractions)
    assert result.of('finished')[-1]['result'] == 'done'


@pytest.fixture
def gate(faulty_registry):
    """Holds the last layer of `slow_image` before it is whole, until it is set."""
    image = samples.large(files=8, layers=2)
    faulty_registry.add('slow', image)
    one = faulty_registry.gate(image.layers[1].digest, 500_000)
    yield one
    one.set()


@pytest.fixture
def slow_image(faulty_registry, gate):
    return faulty_registry.reference('slow')


def started(client, reference, dest, *options):
    process = client.start('--json', '--not-secure', *QCOW2, *options, reference, dest)
    wait_for(lambda: qemus_of(process), 'QEMU to start')
    return process


def test_cancelled_job_leaves_no_image_and_no_process(client, slow_image, work, dest):
    process = started(client, slow_image, dest)
    [qemu] = qemus_of(process)
    process.send_signal(signal.SIGINT)
    client.finish(process, expect=130)
    assert os.listdir(work) == []
    assert qemu not in running([QEMU])


def test_killed_qemu_is_a_clear_error(client, slow_image, gate, work, dest):
    process = started(client, slow_image, dest)
    [qemu] = qemus_of(process)
    os.kill(qemu, signal.SIGKILL)
    # The worker may already wait for more to write, and notices when it has some.
    gate.set()
    result = client.finish(process, expect=1)
    assert 'qemu-storage-daemon' in result.sentence and 'signal 9' in result.sentence
    assert os.listdir(work) == []


def test_killed_worker_takes_qemu_with_it(client, slow_image, work, dest):
    process = started(client, slow_image, dest)
    [qemu] = qemus_of(process)
    for pid in workers_of(process):
        if step_of(pid) == 'disk':
            os.kill(pid, signal.SIGKILL)
    result = client.finish(process, expect=1)
    assert result.error == 'WorkerFailed', str(result)
    wait_for(lambda: qemu not in running([QEMU]), 'QEMU to end')
    assert os.listdir(work) == []


def test_job_object_has_the_format(api, everything, dest):
    _, job = api.bootstrap(everything, str(dest), format=('s', 'qcow2'), size=('t', 256 << 20),
                           **{'not-secure': ('b', True)})
    assert api.get(job, 'org.virtbootstrap1.Job', 'Format') == 'qcow2'
    assert api.wait(job)[0] == 'done'


def share(client, reference, dest, *options):
    client.bootstrap(reference, dest, *QCOW2, '--share-layers', *options)


def shared_images(cache):
    return sorted(os.listdir(cache / 'disks'))


@pytest.fixture
def family(faulty_registry):
    """Two images with the same lower layers."""
    base, middle = samples.base_layer(), [tar.file('middle', b'm')]
    faulty_registry.add('one', Image([base, middle, [tar.file('one', b'1')]]))
    faulty_registry.add('two', Image([base, middle, [tar.file('two', b'2')]]))
    return faulty_registry.reference('one'), faulty_registry.reference('two')


def test_common_layers_are_shared(client, cache, family, work):
    share(client, family[0], work / 'one')
    assert len(shared_images(cache)) == 3
    share(client, family[1], work / 'two')
    assert len(shared_images(cache)) == 4
    for name, reference in zip(('one', 'two'), family):
        assert disk.names(work / name) == ['layer-3.qcow2']
        client.bootstrap(reference, work / f'{name}-tree')
        tree.assert_same(disk.snapshot(work / name / 'layer-3.qcow2'),
                         tree.snapshot(work / f'{name}-tree'))
        assert len(disk.info(work / name / 'layer-3.qcow2')) == 4


def identity(image):
    """Label and UUID of a disk, which has to be without fault and to be one that the kernel mounts."""
    with disk.raw(image) as path:
        disk.fsck(path)
        with disk.mounted(path) as folder:
            assert os.listdir(folder)
        block = disk.superblock(path)
    return block['Filesystem volume name'], block['Filesystem UUID']


@pytest.mark.parametrize('options', [(), ('--idmap', '0:100000:65536')])
def test_chains_with_common_layers_have_labels_and_uuids_of_their_own(
        client, cache, family, work, options):
    share(client, family[0], work / 'a')
    share(client, family[1], work / 'b', *options)
    share(client, family[0], work / 'c', *options)
    found = [identity(work / name / 'layer-3.qcow2') for name in 'abc']
    assert [label for label, uuid in found] == ['one', 'two', 'one']
    of_layers = {identity(cache / 'disks' / name) for name in shared_images(cache)}
    assert {label for label, uuid in of_layers} == {'<none>'}
    assert len({uuid for label, uuid in [*found, *of_layers]}) == 3 + len(of_layers)
    assert len(of_layers) == 1


def test_full_disk_above_shared_layers_says_how_large_it_has_to_be(client, faulty_registry, work):
    base = [tar.file('base', samples.noise(20 << 20)), tar.file('gone', samples.noise(10 << 20))]
    upper = [tar.whiteout('gone'), tar.file('upper', samples.noise(30 << 20, 2))]
    faulty_registry.add('base', Image([base]))
    faulty_registry.add('upper', Image([base, upper]))
    options = ['--format=qcow2', '--share-layers']
    client.bootstrap(faulty_registry.reference('base'), work / 'base', *options, '--size=48M')
    reference = faulty_registry.reference('upper')
    result = client.fail(reference, work / 'upper', *options, '--size=48M')
    needed = size_told(result, 48)
    assert needed <= 96
    client.bootstrap(reference, work / 'upper', *options, f'--size={needed}M')
    assert len(disk.snapshot(work / 'upper/layer-2.qcow2')) == 3


def test_password_that_does_not_fit_above_shared_layers_says_how_large_it_has_to_be(
        client, faulty_registry, work, secret):
    def add(blocks):
        shadow = b'root:*:1:0:99999:7:::\n'.ljust(4096, b'#')
        faulty_registry.add(f'packed-{blocks}', Image([[
            tar.file('etc/shadow', shadow), tar.file('packing', samples.noise(blocks << 12))]]))
        return faulty_registry.reference(f'packed-{blocks}')

    options = ['--format=qcow2', '--share-layers']
    client.bootstrap(add(1), work / 'probe', *options, '--size=8M')
    with disk.raw(work / 'probe/layer-1.qcow2') as path:
        reference = add(1 + int(disk.superblock(path)['Free blocks']))
    client.bootstrap(reference, work / 'x', *options, '--size=8M')
    options += ['--root-password', secret]
    result = client.fail(reference, work / 'y', *options, '--size=8M')
    client.bootstrap(reference, work / 'y', *options, f'--size={size_told(result, 8)}M')


def test_whiteouts_reach_layers_that_were_there_already(client, faulty_registry, work):
    base = [tar.file('gone'), tar.directory('d'), tar.file('d/hidden'), tar.file('stays')]
    faulty_registry.add('base', Image([base]))
    faulty_registry.add('upper', Image([base, [tar.whiteout('gone'), tar.opaque('d')]]))
    share(client, faulty_registry.reference('base'), work / 'base')
    share(client, faulty_registry.reference('upper'), work / 'upper')
    assert disk.snapshot(work / 'upper/layer-2.qcow2').keys() == {b'.', b'd', b'stays'}


def test_second_chain_of_an_image_makes_nothing_but_its_top(client, cache, family, work):
    share(client, family[0], work / 'first')
    before = {name: os.stat(cache / 'disks' / name).st_ino for name in shared_images(cache)}
    share(client, family[0], work / 'second')
    after = {name: os.stat(cache / 'disks' / name).st_ino for name in shared_images(cache)}
    assert after == before
    # Clusters: QEMU's own, and the one with the super block.
    assert (work / 'second/layer-3.qcow2').stat().st_size <= 6 << 16


def test_shared_chain_takes_a_password_and_a_mapping(client, cache, family, work, secret):
    options = ['--idmap', '0:100000:65536', '--root-password', secret]
    share(client, family[0], work / 'plain')
    share(client, family[0], work / 'chain', *options)
    client.bootstrap(family[0], work / 'tree', *options)
    tree.assert_same(without_shadow(disk.snapshot(work / 'chain/layer-3.qcow2')),
                     without_shadow(tree.snapshot(work / 'tree')))


def test_chain_keeps_its_layers_until_it_is_gone(client, cache, family, work):
    share(client, family[0], work / 'one')
    client.run('cache', 'prune')
    assert len(shared_images(cache)) == 3
    disk.check(work / 'one/layer-3.qcow2')
    shutil.rmtree(work / 'one')
    client.run('cache', 'prune')
    assert shared_images(cache) == []


def test_forced_prune_takes_the_layers_of_a_chain(client, cache, family, work):
    share(client, family[0], work / 'one')
    client.run('cache', 'prune', '--force')
    assert shared_images(cache) == []


def test_failed_job_leaves_whole_images_in_the_cache_and_no_others(
        client, cache, faulty_registry, work, dest):
    faulty_registry.add('bad', Image([[tar.file('a')], [tar.whiteout('..')]]))
    result = client.fail(faulty_registry.reference('bad'), dest, *QCOW2, '--share-layers')
    assert result.error == 'UnsafeArchive', str(result)
    # The lower layer's is whole, and others may use it by now.
    assert len(shared_images(cache)) == 1
    assert os.listdir(work) == []
    client.run('cache', 'prune')
    assert shared_images(cache) == []


def test_killed_daemon_leaves_no_unfinished_image(client, cache, slow_image, work, dest):
    process = started(client, slow_image, dest, '--share-layers')
    assert len(shared_images(cache)) == 2
    [daemon] = running([programs.DAEMON], process.pid)
    os.kill(daemon, signal.SIGKILL)
    process.communicate(timeout=60)
    wait_for(lambda: not running(programs.ALL), 'every process to end')
    subprocess.run([programs.DAEMON, '--recover'], env=client.env, check=True)
    assert shared_images(cache) == []
    assert os.listdir(work) == []


def test_shared_images_can_be_read_by_others_and_written_by_nobody(client, cache, family, work):
    share(client, family[0], work / 'one')
    for name in shared_images(cache):
        assert os.stat(cache / 'disks' / name).st_mode & 0o777 == 0o444

