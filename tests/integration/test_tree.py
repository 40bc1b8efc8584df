# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a layer's tar brings arrives whole. The oracle is umoci, or written out here."""

import crypt
import os
import re
import stat

import pytest

from support import archives, disk, samples, tar, tree
from support.image import Image, write_layout
from support.process import run

pytestmark = pytest.mark.root


@pytest.fixture(scope='module')
def everything(docker_registry, layouts, tmp_path_factory):
    """The reference of the image with everything, and umoci's tree of it."""
    docker_registry.push(layouts['everything'], 'tree/everything', 'oci')
    root = tmp_path_factory.mktemp('umoci') / 'root'
    run(['umoci', 'raw', 'unpack', '--image', f'{layouts["everything"]}:latest', root])
    return docker_registry.reference('tree/everything'), root


def bootstrap(registry, client, dest, *layers, options=()):
    registry.add('tree', Image(list(layers)))
    client.bootstrap(registry.reference('tree'), dest, *options)
    return tree.snapshot(dest)


def test_tree_equals_umocis(everything, client, dest):
    reference, oracle = everything
    client.bootstrap(reference, dest)
    tree.assert_same(tree.snapshot(dest), tree.snapshot(oracle))


def test_tree_of_a_docker_image_equals_that_of_an_oci_image(
        everything, docker_registry, layouts, client, work):
    reference, _ = everything
    docker_registry.push(layouts['everything'], 'tree/docker', 'v2s2')
    client.bootstrap(reference, work / 'oci')
    client.bootstrap(docker_registry.reference('tree/docker'), work / 'docker')
    tree.assert_same(tree.snapshot(work / 'docker'), tree.snapshot(work / 'oci'))


def test_compression_makes_no_difference_to_the_tree(everything, docker_registry, client, dest):
    docker_registry.put('tree/zstd', 'latest', samples.everything('zstd'))
    client.bootstrap(docker_registry.reference('tree/zstd'), dest)
    tree.assert_same(tree.snapshot(dest), tree.snapshot(everything[1]))


def test_metadata_is_what_the_archive_says(faulty_registry, client, dest):
    layer = samples.base_layer() + samples.beyond_umoci()
    found = bootstrap(faulty_registry, client, dest, layer)
    for entry in layer:
        if entry.kind == tar.HARDLINK:
            continue
        node = found[os.path.normpath(entry.name)]
        want = (entry.uid, entry.gid, entry.mtime_ns)
        assert (node['uid'], node['gid'], node['mtime_ns']) == want, entry.name
        if entry.kind != tar.SYMLINK:
            assert node['mode'] == entry.mode, entry.name
        assert node['xattrs'] == entry.xattrs, entry.name


def test_hard_links_share_an_inode_also_across_layers(everything, client, dest):
    client.bootstrap(everything[0], dest)
    found = tree.snapshot(dest)
    assert found[b'home/tool']['links'] == [b'bin/tool', b'bin/tool-too', b'home/tool']


def test_sparse_file_stays_sparse(faulty_registry, client, dest):
    bootstrap(faulty_registry, client, dest, samples.base_layer())
    st = os.stat(dest / 'home/sparse')
    assert st.st_size == samples.SPARSE_SIZE
    assert st.st_blocks * 512 < samples.SPARSE_SIZE // 4
    with open(dest / 'home/sparse', 'rb') as f:
        f.seek(4 << 20)
        assert f.read(8) == b'tailtail'


def test_device_nodes_and_fifos_are_made(faulty_registry, client, dest):
    found = bootstrap(faulty_registry, client, dest, samples.base_layer())
    assert (found[b'home/null']['kind'], found[b'home/null']['rdev']) == (stat.S_IFCHR, (1, 3))
    assert (found[b'home/disk']['kind'], found[b'home/disk']['rdev']) == (
        stat.S_IFBLK, (259, 70000))
    assert found[b'home/pipe']['kind'] == stat.S_IFIFO


NODES = [tar.device('null', 'c', 1, 3, mode=0o666, uid=3, gid=4),
         tar.device('sda', 'b', 8, 0, mode=0o666, uid=3, gid=4),
         tar.device('zero', 'b', 1, 5, mode=0o4644, uid=3, gid=4),
         tar.device('mem', 'c', 1, 1, mode=0o600)]


def nodes_of(found):
    return {name.decode(): (node['mode'], node['uid'], node['gid'], node['rdev'])
            for name, node in found.items() if name != b'.' and name != b'lost+found'}


def test_device_nodes_but_harmless_ones_are_for_root_alone(faulty_registry, client, dest):
    faulty_registry.add('tree', Image([NODES]))
    result = client.bootstrap(faulty_registry.reference('tree'), dest, '--idmap', '0:100000:65536')
    assert nodes_of(tree.snapshot(dest)) == {
        'null': (0o666, 100003, 100004, (1, 3)), 'sda': (0o600, 100000, 100000, (8, 0)),
        'zero': (0o600, 100000, 100000, (1, 5)), 'mem': (0o600, 100000, 100000, (1, 1))}
    lines = [line for line in result.err.splitlines() if 'evice node' in line]
    assert len(lines) == 1 and '2 entries, such as "sda"' in lines[0]


@pytest.mark.parametrize('options', [['--keep-devices'], ['--format=qcow2', '--size=64M']],
                         ids=['keep-devices', 'qcow2'])
def test_device_nodes_are_kept_as_the_image_has_them(faulty_registry, client, dest, options):
    faulty_registry.add('tree', Image([NODES]))
    result = client.bootstrap(faulty_registry.reference('tree'), dest, *options)
    found = disk.snapshot(disk.top(dest)) if 'qcow2' in options[0] else tree.snapshot(dest)
    assert nodes_of(found) == {
        entry.name.decode(): (entry.mode, entry.uid, entry.gid, entry.rdev) for entry in NODES}
    assert 'evice node' not in result.err


def test_owner_outside_of_all_ranges_stays_but_lends_no_rights(faulty_registry, client, dest):
    faulty_registry.add('tree', Image([[
        tar.file('in', mode=0o6755), tar.file('user', mode=0o4755, uid=70000),
        tar.file('group', mode=0o2755, gid=70000), tar.file('plain', uid=70000)]]))
    result = client.bootstrap(faulty_registry.reference('tree'), dest, '--idmap', '0:100000:65536')
    found = tree.snapshot(dest)
    assert {name: (node['uid'], node['gid'], node['mode']) for name, node in found.items()} == {
        b'.': (100000, 100000, 0o755), b'in': (100000, 100000, 0o6755),
        b'user': (70000, 100000, 0o755), b'group': (100000, 70000, 0o755),
        b'plain': (70000, 100000, 0o644)}
    lines = [line for line in result.err.splitlines() if 'ranges' in line]
    assert len(lines) == 1 and '3 entries, such as "user"' in lines[0]


RIGHTS = [tar.directory('usr'), tar.file('usr/su', mode=0o4755), tar.file('usr/wall', mode=0o2755),
          tar.file('usr/ping', mode=0o755, xattrs={'security.capability': samples.CAPABILITY}),
          tar.directory('usr/games', mode=0o2755), tar.file('usr/plain', mode=0o755)]


def rights_told(result):
    return [re.search(r'\(.*?\)', line)[0] for line in result.err.splitlines()
            if 'users of this host' in line]


@pytest.fixture
def public(tmp_path):
    """Makes all directories above the tests' own ones accessible, as /srv and /var are."""
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)


@pytest.mark.parametrize('options', [[], ['--idmap=0:100000:65536'], ['--overwrite']])
def test_rights_of_a_tree_that_everybody_reaches_are_told_once(
        faulty_registry, client, public, dest, options):
    faulty_registry.add('tree', Image([RIGHTS]))
    dest.mkdir()
    result = client.bootstrap(faulty_registry.reference('tree'), dest, *options)
    assert rights_told(result) == ['(3, such as "usr/su")']
    assert f'{0o700:o}' in result.err and 'nosuid' in result.err


def test_rights_below_a_closed_directory_are_no_reason_to_warn(
        faulty_registry, client, public, work, tmp_path):
    faulty_registry.add('tree', Image([RIGHTS]))
    faulty_registry.add('closed', Image([[tar.directory('.', mode=0o750), *RIGHTS]]))
    for closed, name in ((tmp_path, 'tree'), (work, 'tree'), (None, 'closed')):
        if closed:
            closed.chmod(0o700)
        result = client.bootstrap(faulty_registry.reference(name), work / f'{closed and closed.name}')
        assert not rights_told(result), closed
        if closed:
            closed.chmod(0o755)


def test_rights_on_a_file_system_without_setuid_are_no_reason_to_warn(
        faulty_registry, client, public, tmpfs):
    root = tmpfs('4m')
    faulty_registry.add('tree', Image([RIGHTS]))
    run(['mount', '-o', 'remount,nosuid', root])
    for dest in (root, root / 'below'):
        assert not rights_told(client.bootstrap(faulty_registry.reference('tree'), dest, '--overwrite'))
    run(['mount', '-o', 'remount,suid', root])
    assert rights_told(client.bootstrap(faulty_registry.reference('tree'), root / 'more'))


def test_tree_without_rights_is_no_reason_to_warn(faulty_registry, client, public, dest):
    faulty_registry.add('tree', Image([[tar.file('x', mode=0o1755), tar.directory('d', mode=0o2775)]]))
    assert not rights_told(client.bootstrap(faulty_registry.reference('tree'), dest))


def test_whiteout_removes_only_what_is_below(faulty_registry, client, dest):
    found = bootstrap(
        faulty_registry, client, dest,
        [tar.directory('d'), tar.file('d/gone', b'1'), tar.file('d/replaced', b'1')],
        [tar.file('d/replaced', b'2'), tar.whiteout('d/replaced'), tar.whiteout('d/gone'),
         tar.whiteout('never/was')])
    assert sorted(found) == [b'.', b'd', b'd/replaced']
    assert (dest / 'd/replaced').read_bytes() == b'2'


@pytest.mark.parametrize('late', [False, True], ids=['marker-first', 'marker-last'])
def test_opaque_directory_hides_what_is_below(faulty_registry, client, dest, late):
    upper = [tar.file('d/sub/new', b'2')]
    upper.insert(1 if late else 0, tar.opaque('d'))
    found = bootstrap(
        faulty_registry, client, dest,
        [tar.directory('d'), tar.file('d/old', b'1'), tar.directory('d/sub'),
         tar.file('d/sub/old', b'1')], upper)
    assert sorted(found) == [b'.', b'd', b'd/sub', b'd/sub/new']


def test_whiteout_leaves_the_times_of_its_directory(faulty_registry, client, dest):
    found = bootstrap(faulty_registry, client, dest,
                      [tar.directory('d', mtime_ns=5_000_000_007), tar.file('d/x', b'1')],
                      [tar.whiteout('d/x')])
    assert found[b'd']['mtime_ns'] == 5_000_000_007


def test_upper_entry_follows_a_lower_link_inside_the_root(faulty_registry, client, dest):
    found = bootstrap(faulty_registry, client, dest,
                      [tar.directory('var'), tar.directory('run'), tar.symlink('var/run', '/run')],
                      [tar.file('var/run/pid', b'1')])
    assert found[b'var/run']['kind'] == stat.S_IFLNK
    assert (dest / 'run/pid').read_bytes() == b'1'


def test_directory_replaces_a_link_to_a_directory(faulty_registry, client, dest):
    found = bootstrap(faulty_registry, client, dest,
                      [tar.directory('real'), tar.file('real/x', b'1'), tar.symlink('d', 'real')],
                      [tar.directory('d'), tar.file('d/y', b'2')])
    assert found[b'd']['kind'] == stat.S_IFDIR
    assert sorted(found) == [b'.', b'd', b'd/y', b'real', b'real/x']


@pytest.mark.parametrize('name', ['../escaped', '/escaped', 'a/../../escaped'])
def test_names_stay_inside_the_root(faulty_registry, client, work, name):
    dest = work / 'root'
    faulty_registry.add('tree', Image([[tar.file(name, b'x')]]))
    client.bootstrap(faulty_registry.reference('tree'), dest)
    assert os.listdir(work) == ['root']
    assert (dest / 'escaped').read_bytes() == b'x'


def test_hard_link_to_nothing_is_an_error(faulty_registry, client, dest):
    faulty_registry.add('tree', Image([[tar.hardlink('a', '/etc/hostname')]]))
    result = client.fail(faulty_registry.reference('tree'), dest)
    assert result.error in ('UnsafeArchive', 'CorruptArchive')
    assert not dest.exists()


def test_layer_that_is_not_a_tar_is_an_error(faulty_registry, client, dest):
    faulty_registry.add('tree', Image([samples.noise(100_000)]))
    assert client.fail(faulty_registry.reference('tree'), dest).error == 'CorruptArchive'
    assert not dest.exists()


def test_truncated_archive_is_an_error(faulty_registry, client, dest):
    whole = tar.archive([tar.file('x', samples.noise(100_000))])
    faulty_registry.add('tree', Image([whole[:50_000]]))
    assert client.fail(faulty_registry.reference('tree'), dest).error == 'CorruptArchive'
    assert not dest.exists()


@pytest.mark.parametrize('option', ['--uidmap', '--gidmap', '--idmap'])
def test_owners_are_mapped_while_writing(faulty_registry, client, dest, option):
    found = bootstrap(faulty_registry, client, dest,
                      [tar.file('a', uid=0, gid=0), tar.file('b', uid=1000, gid=1000),
                       tar.file('c', uid=70000, gid=70000)],
                      options=(option, '0:100000:1000', option, '1000:5:1'))
    want = {b'a': 100000, b'b': 5, b'c': 70000}
    for name, mapped in want.items():
        plain = {b'a': 0, b'b': 1000, b'c': 70000}[name]
        assert found[name]['uid'] == (mapped if option != '--gidmap' else plain), name
        assert found[name]['gid'] == (mapped if option != '--uidmap' else plain), name


@pytest.mark.parametrize('turned', [False, True], ids=['one-way', 'other-way'])
def test_swapped_ids_do_not_depend_on_the_order_of_the_options(
        faulty_registry, client, dest, turned):
    maps = ['--uidmap', '1:2:1', '--uidmap', '2:1:1']
    found = bootstrap(faulty_registry, client, dest, [tar.file('a', uid=1), tar.file('b', uid=2)],
                      options=maps[2:] + maps[:2] if turned else maps)
    assert (found[b'a']['uid'], found[b'b']['uid']) == (2, 1)


def test_missing_parents_belong_to_the_mapped_root(faulty_registry, client, dest):
    found = bootstrap(faulty_registry, client, dest, [tar.file('no/entry/file', uid=7)],
                      options=('--idmap', '0:1000:10'))
    for name in (b'no', b'no/entry'):
        assert (found[name]['uid'], found[name]['gid'], found[name]['mode']) == (1000, 1000, 0o755)


def owner_of(node):
    return node['uid'], node['gid'], node['mode']


def test_root_without_an_entry_belongs_to_the_mapped_root_in_each_format(
        faulty_registry, client, work):
    options = ('--uidmap', '0:1000:10', '--gidmap', '0:2000:10')
    found = bootstrap(faulty_registry, client, work / 'dir', [tar.file('x')], options=options)
    assert owner_of(found[b'.']) == (1000, 2000, 0o755)
    client.bootstrap(faulty_registry.reference('tree'), work / 'disk', '--format=qcow2',
                     '--size=64M', *options)
    assert owner_of(disk.snapshot(disk.top(work / 'disk'))[b'.']) == owner_of(found[b'.'])


@pytest.mark.parametrize('before, after', [(0, 1000), (7, 7)])
def test_root_of_an_empty_directory_is_mapped_if_it_was_roots(
        faulty_registry, client, dest, before, after):
    dest.mkdir(mode=0o750)
    os.chown(dest, before, before)
    found = bootstrap(faulty_registry, client, dest, [tar.file('x')], options=('--idmap', '0:1000:10'))
    assert owner_of(found[b'.']) == (after, after, 0o750)


def test_root_of_a_mount_point_is_mapped(faulty_registry, client, tmpfs):
    root = tmpfs('4m')
    found = bootstrap(faulty_registry, client, root, [tar.file('x')], options=('--idmap', '0:1000:10'))
    assert owner_of(found[b'.'])[:2] == (1000, 1000)


def test_root_with_an_entry_of_its_own_is_what_that_says(faulty_registry, client, dest):
    layer = [tar.directory('.', mode=0o711, uid=3, gid=30), tar.file('x')]
    found = bootstrap(faulty_registry, client, dest, layer, options=('--idmap', '0:1000:10'))
    assert owner_of(found[b'.']) == (1003, 30, 0o711)


def test_root_of_a_directory_with_content_stays_whose_it_is(faulty_registry, client, dest):
    dest.mkdir()
    (dest / 'mine').write_text('kept')
    found = bootstrap(faulty_registry, client, dest, [tar.file('x')],
                      options=('--overwrite', '--idmap', '0:1000:10'))
    assert (found[b'.']['uid'], found[b'mine']['uid'], found[b'x']['uid']) == (0, 0, 1000)


@pytest.mark.parametrize('end', ['end', 'no end', 'no padding'])
def test_layer_whose_digest_is_right_needs_no_end(faulty_registry, client, dest, end):
    data = tar.archive([tar.file('a', b'1'), tar.file('b', b'2' * 700)], end=end == 'end')
    faulty_registry.add('tree', Image([data[:-324] if end == 'no padding' else data]))
    result = client.bootstrap(faulty_registry.reference('tree'), dest)
    assert (dest / 'b').read_bytes() == b'2' * 700
    assert 'end-of-archive' not in result.out + result.err


def test_image_with_a_layer_of_umoci_insert_is_taken(tmp_path, client, dest):
    """It does not close its archives: the last file has no padding."""
    layout = write_layout(tmp_path / 'layout', samples.small())
    (tmp_path / 'added').write_text('more')
    run(['umoci', 'insert', '--image', f'{layout}:latest', tmp_path / 'added', '/etc/added'])
    client.bootstrap(f'oci:{layout}', dest)
    assert (dest / 'etc/added').read_text() == 'more'


def test_layer_of_an_archive_that_cannot_be_unpacked_is_named_with_the_archive(
        tmp_path, client, dest):
    layout = write_layout(tmp_path / 'layout', Image([[tar.file('x'), tar.whiteout('..')]]))
    source = f'oci-archive:{tmp_path}/image.tar'
    archives.skopeo(layout, source)
    result = client.fail(source, dest)
    assert result.error == 'UnsafeArchive'
    assert result.sentence.startswith(f'{source}: Layer sha256:')
    assert 'Cannot unpack ".wh..."' in result.sentence


def password_of(dest):
    lines = (dest / 'etc/shadow').read_text().splitlines()
    return next(line.split(':')[1] for line in lines if line.startswith('root:'))


def test_root_password_is_the_first_line_of_the_file(faulty_registry, client, dest, tmp_path):
    secret = tmp_path / 'secret'
    secret.write_text('correct horse\nsecond line\n')
    before = samples.SHADOW.decode().splitlines()
    found = bootstrap(faulty_registry, client, dest, samples.base_layer(),
                      options=('--root-password', f'file:{secret}'))
    hashed = password_of(dest)
    assert hashed.startswith(('$y$', '$6$'))
    assert crypt.crypt('correct horse', hashed) == hashed
    after = (dest / 'etc/shadow').read_text().splitlines()
    assert [after[0], after[2]] == [before[0], before[2]]
    assert (found[b'etc/shadow']['mode'], found[b'etc/shadow']['gid']) == (0o640, 42)


def test_plain_root_password_works_with_a_warning(faulty_registry, client, dest):
    faulty_registry.add('tree', Image([samples.base_layer()]))
    result = client.bootstrap(faulty_registry.reference('tree'), dest, '--root-password', 'secret')
    assert crypt.crypt('secret', password_of(dest)) == password_of(dest)
    assert 'warning' in result.err.lower()


def test_root_password_needs_a_shadow_file(faulty_registry, client, dest, tmp_path):
    (tmp_path / 'secret').write_text('x\n')
    faulty_registry.add('tree', samples.small())
    result = client.fail(faulty_registry.reference('tree'), dest,
                         '--root-password', f'file:{tmp_path}/secret')
    assert 'etc/shadow' in result.sentence
    assert not dest.exists()


def test_link_in_place_of_the_shadow_file_is_not_followed(
        faulty_registry, client, dest, tmp_path):
    (tmp_path / 'secret').write_text('x\n')
    outside = tmp_path / 'shadow'
    outside.write_bytes(samples.SHADOW)
    faulty_registry.add('tree', Image([[tar.directory('etc'),
                                        tar.symlink('etc/shadow', str(outside))]]))
    result = client.fail(faulty_registry.reference('tree'), dest,
                         '--root-password', f'file:{tmp_path}/secret')
    assert 'etc/shadow' in result.sentence
    assert outside.read_bytes() == samples.SHADOW
    assert not dest.exists()


def test_overwrite_writes_into_a_directory_that_has_content(faulty_registry, client, dest):
    dest.mkdir()
    (dest / 'mine').write_text('kept')
    faulty_registry.add('tree', samples.small())
    client.bootstrap(faulty_registry.reference('tree'), dest, '--overwrite')
    assert (dest / 'mine').read_text() == 'kept'
    assert (dest / 'etc/greeting').exists()


def test_empty_directory_is_filled(faulty_registry, client, dest):
    dest.mkdir()
    found = bootstrap(faulty_registry, client, dest, [tar.file('x', b'1')])
    assert sorted(found) == [b'.', b'x']


def test_mount_point_is_filled_in_place(faulty_registry, client, tmpfs):
    root = tmpfs('4m')
    device = root.stat().st_dev
    faulty_registry.add('tree', samples.small())
    client.bootstrap(faulty_registry.reference('tree'), root)
    assert tree.names(root) == ['etc', 'etc/greeting']
    assert root.stat().st_dev == device


def test_umask_of_the_caller_does_not_matter(faulty_registry, client, dest):
    faulty_registry.add('tree', Image([[tar.file('x', mode=0o666), tar.file('a/b', b'')]]))
    client.bootstrap(faulty_registry.reference('tree'), dest, umask=0o077)
    found = tree.snapshot(dest)
    assert (found[b'x']['mode'], found[b'a']['mode']) == (0o666, 0o755)


def test_umoci_agrees_about_a_layout_that_the_tests_wrote(tmp_path):
    layout = write_layout(tmp_path / 'layout', samples.small())
    run(['umoci', 'raw', 'unpack', '--image', f'{layout}:latest', tmp_path / 'root'])
    assert tree.names(tmp_path / 'root') == ['etc', 'etc/greeting']
