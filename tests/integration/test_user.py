# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user without privileges gets a usable tree, and one warning for each kind of thing that is left out."""

import os
import shutil
import stat

import pytest

from support import programs, tar, tree
from support.image import Image

pytestmark = pytest.mark.root

UID = 4711
AS_USER = ['setpriv', f'--reuid={UID}', f'--regid={UID}', '--clear-groups']


@pytest.fixture
def user(env, tmp_path, work):
    """A client of that user, with programs that the user can reach."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name in (programs.DAEMON, programs.WORKER):
        shutil.copy(name, folder)
    shutil.copy(programs.CLIENT, folder)
    env['VIRTBOOTSTRAP_DAEMON'] = str(folder / os.path.basename(programs.DAEMON))
    env['VIRTBOOTSTRAP_WORKER'] = str(folder / os.path.basename(programs.WORKER))
    for path in tmp_path.parents[:2]:
        path.chmod(0o755)
    for path in (tmp_path, work, tmp_path / 'user'):
        path.mkdir(exist_ok=True)
        os.chown(path, UID, UID)
    return programs.Client(env, prefix=AS_USER)


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
