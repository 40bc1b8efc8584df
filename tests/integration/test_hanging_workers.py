# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system that does not answer holds up the worker that meets it, and neither other jobs nor the daemon."""

import os
import signal

import pytest

from support import samples, tar
from support.bus import BusError
from support.hanging import FileSystem, check_served, is_dead, names_at
from support.image import Image
from support.process import DEADLINE, wait_for

pytestmark = pytest.mark.root


@pytest.fixture
def reference(faulty_registry):
    faulty_registry.add('small', samples.small())
    return faulty_registry.reference('small')


@pytest.mark.parametrize('option', ['source-fd', 'root-password-fd'])
def test_descriptor_of_a_caller_that_does_not_close_keeps_nobody_waiting(
        daemon_on, tmp_path, reference, work, option):
    (tmp_path / 'root.tar').write_bytes(tar.archive(
        [tar.directory('etc'), tar.file('etc/shadow', b'root::1::::::\n')]))
    # Not on a bus, which closes what it has passed on as well.
    daemon = daemon_on('peer')
    mine, others = daemon.connect(), daemon.connect()
    slow = FileSystem(tmp_path)
    (slow.folder / 'file').write_bytes(
        (tmp_path / 'root.tar').read_bytes() if option == 'source-fd' else b'secret\n')
    fd = os.open(slow.path / 'file', os.O_RDONLY)
    try:
        slow.hang('flush')
        _, job = mine.bootstrap(str(tmp_path / 'root.tar'), work / 'root',
                                **{option.replace('-', '_'): ('h', fd)})
        slow.wait_until_hung('flush')
        check_served(others, reference, work / 'beside')
        slow.answer()
        assert mine.wait(job) == ('done', '', '')
        with pytest.raises(BusError):
            slow.hang('flush')
            mine.bootstrap('nothing at all', work / 'other', source_fd=('h', fd))
        check_served(others, reference, work / 'again')
    finally:
        slow.answer()
        os.close(fd)
        mine.close()
        others.close()
        slow.stop()


@pytest.fixture
def emptying(api, faulty_registry, slow):
    """A cancelled job whose tree worker hangs, as it removes what was unpacked."""
    image = Image([[tar.file('first', b'1')], [tar.file('second', b'2')]])
    faulty_registry.add('image', image)
    gate = faulty_registry.gate(f'/image/blobs/{image.layers[-1].digest}', 0)
    identity, job = api.bootstrap(faulty_registry.reference('image'), slow.path / 'root')
    wait_for(lambda: list(slow.folder.glob('.virt-bootstrap-*/root/first')), 'a layer')
    slow.hang('unlink')
    api.manager('Cancel', 's', identity)
    gate.set()
    slow.wait_until_hung('unlink')
    return identity, job


def test_tree_worker_that_hangs_holds_up_no_other_job(
        api, slow, reference, work, emptying):
    check_served(api, reference, work / 'beside')
    slow.answer()
    assert api.wait(emptying[1])[0] == 'cancelled'
    assert names_at(slow) == []


def test_tree_worker_that_hangs_does_not_keep_its_job(api, slow, emptying):
    assert api.wait(emptying[1], timeout=3 * DEADLINE)[0] == 'cancelled'
    slow.answer()


def test_daemon_ends_while_a_tree_worker_hangs(daemon, slow, emptying):
    daemon.process.send_signal(signal.SIGTERM)
    wait_for(lambda: is_dead(daemon.process.pid), 'the daemon to end', 3 * DEADLINE)
    slow.answer()
    assert daemon.process.wait(DEADLINE) == 0
