# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user without privileges gets a usable tree, and one warning for each kind of thing that is left out."""

import stat
import struct

import pytest

from support import programs, tar, tree
from support.image import Image

pytestmark = pytest.mark.root

UID = programs.UID


def layer():
    return [tar.directory('etc', uid=0, gid=0), tar.file('etc/f', b'x', uid=33, gid=34),
            tar.device('null', 'c', 1, 3), tar.device('zero', 'c', 1, 5), tar.fifo('pipe'),
            tar.directory('closed', mode=0, mtime_ns=5), tar.file('closed/inside', b'y', mode=0),
            tar.symlink('link', 'etc/f'), tar.hardlink('hard', 'etc/f')]


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
    warnings = [line for line in result.err.splitlines() if 'evice node' in line]
    assert len(warnings) == 1, result.err


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
