# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user without privileges gets a usable tree, and one warning for each kind of thing that is left out."""

import os
import pathlib
import re
import stat
import struct

import pytest

from support import disk, programs, tar, tree
from support.image import Image
from support.process import run

pytestmark = pytest.mark.root

UID = programs.UID


def layer():
    return [tar.directory('etc', uid=0, gid=0), tar.file('etc/f', b'x', uid=33, gid=34),
            tar.device('null', 'c', 1, 3), tar.device('zero', 'c', 1, 5), tar.fifo('pipe'),
            tar.directory('closed', mode=0, mtime_ns=5), tar.file('closed/inside', b'y', mode=0),
            tar.symlink('link', 'etc/f'), tar.hardlink('hard', 'etc/f')]


def counts(result, word):
    """What the warnings with @word in them count."""
    return [re.search(r'\d+ entr(y|ies), .*?"[^"]*"', line)[0] for line in result.err.splitlines()
            if line.startswith('Warning: ') and word in line]


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


def test_device_nodes_are_left_out_with_one_warning(user, faulty_registry, dest):
    faulty_registry.add('user', Image([layer()]))
    result = user.bootstrap(faulty_registry.reference('user'), dest)
    assert counts(result, 'evice node') == ['2 entries, such as "null"']


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
    assert counts(result, 'Setuid') == ['3 entries, such as "rootbash"']


def test_lost_owners_are_told_once_and_counted(user, faulty_registry, dest):
    faulty_registry.add('user', Image([layer(), [tar.file('own', uid=UID, gid=UID)]]))
    result = user.bootstrap(faulty_registry.reference('user'), dest)
    assert counts(result, 'Owners') == ['6 entries, such as "etc"']


def test_nothing_is_lost_or_warned_of_in_a_disk_image(user, faulty_registry, dest):
    faulty_registry.add('user', Image([[tar.file('su', b'x', mode=0o4755, uid=3),
                                        tar.device('sda', 'b', 8, 0, mode=0o666, uid=3)]]))
    result = user.bootstrap(faulty_registry.reference('user'), dest, '--format=qcow2', '--size=64M')
    found = disk.snapshot(disk.top(dest))
    assert (found[b'su']['mode'], found[b'su']['uid']) == (0o4755, 3)
    assert (found[b'sda']['mode'], found[b'sda']['uid'], found[b'sda']['rdev']) == (0o666, 3, (8, 0))
    assert 'arning' not in result.err


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
