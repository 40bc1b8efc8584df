# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user without privileges gets a usable tree, and one warning of all that is not kept in it."""

import os
import pathlib
import re
import shutil
import signal
import stat
import struct

import pytest

from support import disk, programs, samples, tar, tree
from support.image import Image
from support.others import step_of
from support.process import descendants, run, wait_for

pytestmark = pytest.mark.root

UID = programs.UID
WARNING = 4  # syslog's


def layer():
    return [tar.directory('etc', uid=0, gid=0), tar.file('etc/f', b'x', uid=33, gid=34),
            tar.device('null', 'c', 1, 3), tar.device('zero', 'c', 1, 5), tar.fifo('pipe'),
            tar.directory('closed', mode=0, mtime_ns=5), tar.file('closed/inside', b'y', mode=0),
            tar.symlink('link', 'etc/f'), tar.hardlink('hard', 'etc/f')]


def warnings(result):
    return [line.removeprefix('Warning: ') for line in result.err.splitlines()
            if line.startswith('Warning: ')]


def counts(result, word):
    """What the warning counts of @word."""
    return [count for line in warnings(result)
            for count in re.findall(rf'{word} \((\d+ entr(?:y|ies), [^)]*)\)', line)]


def test_tree_belongs_to_the_user_and_is_whole(user, faulty_registry, dest):
    faulty_registry.add('user', Image([layer(), [tar.file('closed/more', b'z')]]))
    user.bootstrap(faulty_registry.reference('user'), dest)
    found = tree.snapshot(dest)
    assert {(node['uid'], node['gid']) for node in found.values()} == {(UID, UID)}
    assert found[b'closed']['mode'] == 0
    assert found[b'closed/inside']['mode'] == 0
    assert (dest / 'closed/more').read_bytes() == b'z'
    assert found[b'hard']['links'] == [b'etc/f', b'hard']
    assert stat.S_ISFIFO(found[b'pipe']['kind'])
    assert not {b'null', b'zero'} & found.keys()


def test_all_that_is_not_kept_is_told_in_one_warning(user, faulty_registry, dest):
    rights = [tar.file('su', b'x', mode=0o4755), tar.file('sg', b'x', mode=0o2755)]
    faulty_registry.add('user', Image([layer(), rights]))
    result = user.bootstrap(faulty_registry.reference('user'), dest)
    assert warnings(result) == [
        'Not kept in the directory: owners (8 entries, such as "etc"), setuid, setgid and file capabilities '
        '(2 entries, such as "su"), device nodes (2 entries, such as "null"); the format qcow2 keeps everything']


def test_warning_of_what_is_not_kept_is_one_message_for_scripts_too(user, faulty_registry, dest):
    faulty_registry.add('user', Image([layer()]))
    result = user.bootstrap(faulty_registry.reference('user'), dest, '--json')
    assert [(event['priority'], event['text'].partition(':')[0]) for event in result.of('message')
            if event['priority'] == WARNING] == [(WARNING, 'Not kept in the directory')]


def test_user_whose_tree_loses_nothing_is_not_warned(user, faulty_registry, dest):
    faulty_registry.add('user', Image([[tar.file('own', uid=UID, gid=UID)]]))
    assert not warnings(user.bootstrap(faulty_registry.reference('user'), dest))


def test_program_of_the_image_gives_nobody_the_rights_of_who_unpacked_it(user, tmp_path, dest):
    """As a tarball that anybody can hand out, with a shell that is root's, or the victim's own."""
    shell = pathlib.Path('/bin/bash').read_bytes()
    capability = struct.pack('<IIIII', 0x02000001, 1 << 13, 0, 0, 0)
    entries = [tar.file('rootbash', shell, mode=0o4755), tar.file('mybash', shell, mode=0o6755,
                                                                  uid=UID, gid=UID),
               tar.file('ping', b'x', mode=0o755, xattrs={'security.capability': capability})]
    (tmp_path / 'root.tar').write_bytes(tar.archive(entries))
    result = user.bootstrap(tmp_path / 'root.tar', dest)
    for name in ('rootbash', 'mybash'):
        said = run(['setpriv', '--reuid=4712', '--regid=4712', '--clear-groups', dest / name, '-pc',
                    'echo $UID $EUID; id -g'])
        assert said.split() == ['4712', '4712', '4712'], name
    assert not os.listxattr(dest / 'ping')
    assert counts(result, 'file capabilities') == ['3 entries, such as "rootbash"']


def test_lost_owners_are_counted(user, faulty_registry, dest):
    faulty_registry.add('user', Image([layer(), [tar.file('own', uid=UID, gid=UID)]]))
    result = user.bootstrap(faulty_registry.reference('user'), dest)
    assert counts(result, 'owners') == ['6 entries, such as "etc"']


def test_nothing_is_lost_or_warned_of_in_a_disk_image(user, faulty_registry, dest):
    faulty_registry.add('user', Image([[tar.file('su', b'x', mode=0o4755, uid=3),
                                        tar.device('sda', 'b', 8, 0, mode=0o666, uid=3)]]))
    result = user.bootstrap(faulty_registry.reference('user'), dest, '--format=qcow2', '--size=64M')
    found = disk.snapshot(disk.top(dest))
    assert (found[b'su']['mode'], found[b'su']['uid']) == (0o4755, 3)
    assert (found[b'sda']['mode'], found[b'sda']['uid'], found[b'sda']['rdev']) == (0o666, 3, (8, 0))
    assert not warnings(result)


def test_failed_job_of_a_user_leaves_nothing(user, faulty_registry, work, dest):
    faulty_registry.add('user', Image([layer(), [tar.hardlink('x', 'missing')]]))
    user.fail(faulty_registry.reference('user'), dest)
    assert not list(work.iterdir())


def test_acl_of_somebody_else_is_left_out_with_one_warning(user, faulty_registry, dest):
    entries = ((1, 6, -1), (2, 6, 1000), (4, 4, -1), (0x10, 6, -1), (0x20, 4, -1))
    acl = struct.pack('<I', 2) + b''.join(
        struct.pack('<HHi', tag, permissions, who) for tag, permissions, who in entries)
    layer = [tar.file(name, b'x', xattrs={'system.posix_acl_access': acl}) for name in 'ab']
    faulty_registry.add('user', Image([layer]))
    result = user.bootstrap(faulty_registry.reference('user'), dest)
    assert sum('xtended attributes' in line for line in result.err.splitlines()) == 1
    assert (dest / 'a').read_bytes() == b'x'


# The scratch user's subordinate ids, in files that only its programs see.
FIRST, COUNT = 300000, 70000
FILES = {'passwd': f'root:x:0:0::/root:/bin/sh\nscratch:x:{UID}:{UID}::/nonexistent:/bin/sh\n',
         'subuid': f'other:1000:5\nscratch:{FIRST}:{COUNT}\n', 'subgid': f'{UID}:{FIRST}:{COUNT}\n'}
MAP = f'0:{FIRST}:65536'


@pytest.fixture
def subordinate(user, tmp_path):
    """Gives the user subordinate ids, or whatever @files say instead; the machine's own stay as they are."""
    def give(**files):
        script = 'set -e\n'
        for name, text in {**FILES, **files}.items():
            (tmp_path / name).write_text(text)
            script += f'mount --bind {tmp_path / name} /etc/{name}\n'
        if not os.path.exists('/etc/subuid'):
            pytest.fail('there is no /etc/subuid to mount another on')
        user.prefix[:0] = ['unshare', '--mount', 'sh', '-c', script + 'exec "$0" "$@"']
        return user

    assert user.prefix == programs.AS_USER
    return give


def owners(dest):
    return {name.decode(): (node['uid'], node['gid'], node['mode'])
            for name, node in tree.snapshot(dest).items()}


MAPPED = [tar.directory('etc', mode=0o750, uid=0, gid=7), tar.file('etc/f', b'x', mode=0, uid=33, gid=34),
          tar.file('su', b'x', mode=0o4755), tar.symlink('link', 'etc/f', uid=5, gid=6),
          tar.device('null', 'c', 1, 3)]
OWNERS = {'.': (FIRST, FIRST, 0o755), 'etc': (FIRST, FIRST + 7, 0o750),
          'etc/f': (FIRST + 33, FIRST + 34, 0), 'su': (FIRST, FIRST, 0o4755),
          'link': (FIRST + 5, FIRST + 6, 0o777)}


def test_user_with_subordinate_ids_really_maps(subordinate, faulty_registry, dest):
    client = subordinate()
    faulty_registry.add('user', Image([MAPPED]))
    result = client.bootstrap(faulty_registry.reference('user'), dest, '--idmap', MAP)
    assert owners(dest) == OWNERS
    assert counts(result, 'device nodes') == ['1 entry, "null"']
    assert len(warnings(result)) == 2 and '(1, such as "su")' in result.err
    assert sorted(os.listdir(dest.parent)) == ['root']


def test_worker_that_maps_is_in_its_sandbox(subordinate, faulty_registry, dest):
    client, image = subordinate(), Image([MAPPED, [tar.file('big', samples.noise(1 << 20))]])
    faulty_registry.add('user', image)
    gate = faulty_registry.gate(image.layers[1].digest, 1 << 19)
    process = client.start('--not-secure', '--idmap', MAP, faulty_registry.reference('user'), dest)
    try:
        wait_for(lambda: list(dest.parent.glob('.virt-bootstrap-*/root/link')), 'the first layer')
        worker, = [pid for pid in descendants(process.pid)
                   if step_of(pid) == 'unpack']
        status = pathlib.Path(f'/proc/{worker}/status').read_text()
        assert re.search(r'^NoNewPrivs:\s1$', status, re.M) and re.search(r'^Seccomp:\s2$', status, re.M)
        assert {'etc', 'link', 'su'} <= set(os.listdir(f'/proc/{worker}/root')) <= {
            'etc', 'link', 'su', 'big'}
        for kind in ('user', 'mnt', 'net'):
            assert os.readlink(f'/proc/{worker}/ns/{kind}') != os.readlink(
                f'/proc/{process.pid}/ns/{kind}')
    finally:
        gate.set()
        client.finish(process)


def test_mapped_tree_can_be_overwritten_with_a_map(subordinate, faulty_registry, dest):
    client = subordinate()
    closed = tar.directory('.', mode=0o700)
    faulty_registry.add('user', Image([[closed, *MAPPED]]))
    faulty_registry.add('more', Image([[tar.file('etc/f', b'new', uid=1), tar.file('etc/g', uid=2)]]))
    client.bootstrap(faulty_registry.reference('user'), dest, '--idmap', MAP)
    result = client.fail(faulty_registry.reference('more'), dest, '--overwrite')
    assert result.error == 'AccessDenied'
    client.bootstrap(faulty_registry.reference('more'), dest, '--overwrite', '--idmap', MAP)
    assert owners(dest) == {**OWNERS, '.': (FIRST, FIRST, 0o700), 'etc/f': (FIRST + 1, FIRST, 0o644),
                            'etc/g': (FIRST + 2, FIRST, 0o644)}
    assert (dest / 'etc/f').read_text() == 'new'
    assert sorted(os.listdir(dest.parent)) == ['root']


class Overwriting:
    """A job that has cloned a mapped tree that is there, and waits; its workers are started by a script."""

    def __init__(self, env, client, registry, work, dest):
        image = Image([[tar.file('new', b'x')], [tar.file('big', samples.noise(1 << 20))]])
        self.client, self.workers = client, pathlib.Path(env['VIRTBOOTSTRAP_WORKERS'])
        self.start_by('exec $WORKER\n')
        env['VIRTBOOTSTRAP_WORKERS'] = str(self.workers / 'scripts')
        registry.add('user', Image([[tar.directory('a'), *MAPPED]]))
        registry.add('more', image)
        client.bootstrap(registry.reference('user'), dest, '--idmap', MAP)
        self.gate = registry.gate(image.layers[1].digest, 1 << 19)
        self.started = client.start('--json', '--not-secure', '--overwrite', '--idmap', MAP,
                                    registry.reference('more'), dest)
        wait_for(lambda: list(work.glob('.virt-bootstrap-*/root/new')), 'the first layer')

    def start_by(self, script):
        programs.wrap_workers(self.workers / 'scripts', script, self.workers)

    def fail(self):
        self.gate.set()
        return self.client.finish(self.started, expect=1)


@pytest.fixture
def overwriting(env, subordinate, faulty_registry, work, dest):
    it = Overwriting(env, subordinate(), faulty_registry, work, dest)
    yield it
    it.gate.set()


@pytest.mark.parametrize('name', ['mine', 'a/mine'])
def test_what_is_put_into_a_mapped_tree_while_it_is_overwritten_is_not_lost(
        overwriting, work, dest, name):
    (dest / name).write_text('mine')
    changed = tree.snapshot(dest)
    result = overwriting.fail()
    assert tree.snapshot(dest) == changed
    assert result.error == 'DestinationBusy', str(result)
    assert 'was changed while it was being overwritten' in result.sentence
    assert os.listdir(work) == ['root']


def test_tree_at_the_place_of_a_mapped_one_is_put_back(overwriting, work, dest):
    dest.rename(work / 'mapped')
    dest.mkdir()
    (dest / 'other').write_text('theirs')
    os.chown(dest, FIRST, FIRST)
    result = overwriting.fail()
    assert tree.names(dest) == ['other']
    assert result.error == 'InvalidDestination', str(result)
    assert 'somebody has put something else in its place' in result.sentence
    assert sorted(os.listdir(work)) == ['mapped', 'root']


@pytest.mark.parametrize('changes', [True, False])
def test_mapped_tree_is_looked_at_when_the_daemon_was_killed_before_it_did(
        overwriting, faulty_registry, work, dest, tmp_path, changes):
    """The worker that is to look is there, and does not."""
    client, started = overwriting.client, overwriting.started
    reached = tmp_path / 'user/reached'
    if changes:
        (dest / 'a/mine').write_text('mine')
    overwriting.start_by(
        f'n=$(cat {reached} 2>/dev/null || echo 0)\n'
        f'if [ $STEP = tree ]; then\n    echo $((n + 1)) > {reached}\n'
        '    [ $n = 0 ] || exec sleep 600\nfi\nexec $WORKER\n')
    overwriting.gate.set()
    wait_for(lambda: reached.exists() and reached.read_text() == '2\n', 'the look at the old tree')
    for end in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (started.pid, *descendants(started.pid)):
            os.kill(pid, end)
    started.communicate()
    assert (dest / 'new').exists()

    overwriting.start_by('exec $WORKER\n')
    faulty_registry.add('other', Image([[tar.file('x')]]))
    client.bootstrap(faulty_registry.reference('other'), work / 'other')
    left = list(work.glob('.virt-*/root'))
    assert [(path / 'a/mine').read_text() for path in left] == ['mine'] * changes
    assert sorted(os.listdir(work))[-2:] == ['other', 'root']
    assert len(os.listdir(work)) == 2 + changes


def test_failed_job_with_a_map_leaves_nothing(subordinate, faulty_registry, work, dest):
    faulty_registry.add('user', Image([MAPPED, [tar.hardlink('x', 'missing')]]))
    result = subordinate().fail(faulty_registry.reference('user'), dest, '--idmap', MAP)
    assert result.error in ('UnsafeArchive', 'CorruptArchive')
    assert not list(work.iterdir())


def test_killed_job_with_a_map_leaves_nothing(subordinate, faulty_registry, work, dest):
    """The next daemon removes what is not this user's."""
    client = subordinate()
    image = Image([MAPPED, [tar.file('big', samples.noise(1 << 20))]])
    faulty_registry.add('user', image)
    faulty_registry.add('other', Image([[tar.file('x')]]))
    gate = faulty_registry.gate(image.layers[1].digest, 1 << 19)
    process = client.start('--not-secure', '--idmap', MAP, faulty_registry.reference('user'), dest)
    wait_for(lambda: list(work.glob('.virt-bootstrap-*/root/link')), 'the first layer')
    # None is left that could tidy up.
    for end in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (process.pid, *descendants(process.pid)):
            os.kill(pid, end)
    process.communicate()
    gate.set()
    assert owners(next(work.glob('.virt-bootstrap-*/root')))['etc'] == OWNERS['etc']
    client.bootstrap(faulty_registry.reference('other'), work / 'other')
    assert sorted(os.listdir(work)) == ['other']


@pytest.mark.parametrize('option, wrong', [
    ('--idmap', f'0:{FIRST}:{COUNT + 1}'), ('--uidmap', '0:0:65536'), ('--gidmap', f'0:{FIRST - 1}:2'),
    ('--idmap', '0:0:4294967295')])
def test_map_beyond_the_subordinate_ids_is_refused_at_once(subordinate, work, option, wrong):
    result = subordinate().fail('docker://127.0.0.1:1/never', work / 'root', option, wrong)
    assert result.error == 'InvalidOption'
    for word in ('root', 'subordinate ids in /etc/sub', 'the format qcow2'):
        assert word in result.sentence
    assert not list(work.iterdir())


def test_map_of_a_user_without_subordinate_ids_is_refused_at_once(user, work):
    result = user.fail('docker://127.0.0.1:1/never', work / 'root', '--idmap', '0:100000:65536')
    assert result.error == 'InvalidOption'
    assert 'the ids 100000 to 165535' in result.sentence
    assert not list(work.iterdir())


def test_map_without_newuidmap_is_refused_at_once(subordinate, work):
    bare = work.parent / 'bare'
    bare.mkdir()
    for name in ('unshare', 'sh', 'mount', 'setpriv'):
        (bare / name).symlink_to(shutil.which(name))
    result = subordinate().fail('docker://127.0.0.1:1/never', work / 'root', '--idmap', MAP,
                                env={'PATH': str(bare)})
    assert result.error == 'InvalidOption'
    assert 'newuidmap, which is not installed' in result.sentence


def test_disk_image_is_mapped_without_any_right(user, faulty_registry, dest):
    faulty_registry.add('user', Image([[tar.file('su', mode=0o4755, uid=3)]]))
    user.bootstrap(faulty_registry.reference('user'), dest, '--format=qcow2', '--size=64M', '--idmap',
                   '0:100000:65536')
    found = disk.snapshot(disk.top(dest))
    assert (found[b'su']['mode'], found[b'su']['uid']) == (0o4755, 100003)


def test_owner_that_a_namespace_has_not_is_lost_with_its_rights(subordinate, faulty_registry, dest):
    acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in (
        (1, 6, 2**32 - 1), (2, 6, 65536), (4, 4, 2**32 - 1), (0x10, 6, 2**32 - 1),
        (0x20, 4, 2**32 - 1)))
    faulty_registry.add('user', Image([[
        tar.file('su', mode=0o6755, uid=70000, gid=3), tar.file('own', mode=0o4755, uid=3, gid=70000),
        tar.file('acl', xattrs={'system.posix_acl_access': acl})]]))
    result = subordinate().bootstrap(faulty_registry.reference('user'), dest, '--idmap', MAP)
    assert owners(dest) == {'.': OWNERS['.'], 'su': (UID, FIRST + 3, 0o755),
                            'own': (FIRST + 3, UID, 0o755), 'acl': (FIRST, FIRST, 0o644)}
    assert counts(result, 'owners') == ['2 entries, such as "su"']
    assert counts(result, 'file capabilities') == ['2 entries, such as "su"']


def test_capabilities_of_a_mapped_tree_are_for_the_mapped_root(subordinate, faulty_registry, dest):
    capability = struct.pack('<IIIII', 0x02000001, 1 << 13, 0, 0, 0)
    faulty_registry.add('user', Image([[
        tar.file('ping', mode=0o755, xattrs={'security.capability': capability})]]))
    subordinate().bootstrap(faulty_registry.reference('user'), dest, '--idmap', MAP)
    assert os.getxattr(dest / 'ping', 'security.capability') == struct.pack(
        '<IIIIII', 0x03000001, 1 << 13, 0, 0, 0, FIRST)
