# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system that does not answer holds up nobody but the job that is to use it."""

import os
import signal
import socket
import subprocess

import pytest

from support import programs, samples, tar, tree
from support.bus import BusError
from support.hanging import Call, FileSystem, check_served, is_dead, names_at
from support.process import DEADLINE, wait_for

pytestmark = pytest.mark.root

# How a job's steps meet it: what they call.
MOMENTS = {'prepare': 'mkdir', 'commit': 'rename', 'clean': 'rmdir'}


@pytest.fixture
def reference(faulty_registry):
    faulty_registry.add('small', samples.small())
    return faulty_registry.reference('small')


def start_job(api, reference, slow, moment):
    """One that hangs in that step."""
    slow.hang(MOMENTS[moment])
    identity, job = api.bootstrap(reference, slow.path / 'root')
    slow.wait_until_hung(MOMENTS[moment])
    return identity, job


def recover(env):
    """As systemd has it done when a daemon has ended."""
    subprocess.run([programs.DAEMON, '--recover', '--log-level=err'], env=env, check=True,
                   timeout=2 * DEADLINE)


def any_thread_waits(pid):
    """Besides the first one, which has the event loop."""
    for thread in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{thread}/stat') as f:
            if int(thread) != pid and f.read().rpartition(')')[2].split()[0] in 'SD':
                return True
    return False


@pytest.mark.parametrize('option', [{}, {'overwrite': ('b', True)}])
def test_call_whose_destination_does_not_answer_keeps_nobody_waiting(
        api, other, slow, reference, work, option):
    slow.hang('getattr')
    call = Call(other.bootstrap, reference, slow.path / 'root', timeout=2 * DEADLINE, **option)
    slow.wait_until_hung('getattr')
    check_served(api, reference, work / 'beside')
    slow.answer()
    _, job = call.finish()
    assert api.wait(job)[0] == 'done'
    assert 'etc/greeting' in tree.names(slow.folder / 'root')


def test_call_whose_source_does_not_answer_keeps_nobody_waiting(
        api, other, slow, reference, work):
    (slow.folder / 'root.tar').write_bytes(tar.archive([tar.file('greeting', b'hello')]))
    slow.hang('open')
    call = Call(other.bootstrap, str(slow.path / 'root.tar'), work / 'root', timeout=2 * DEADLINE)
    slow.wait_until_hung('open')
    check_served(api, reference, work / 'beside')
    slow.answer()
    _, job = call.finish()
    assert api.wait(job)[0] == 'done'
    assert tree.names(work / 'root') == ['greeting']


def test_failure_to_accept_is_told_as_before(api, slow, reference):
    (slow.folder / 'file').touch()
    with pytest.raises(BusError) as info:
        api.bootstrap(reference, slow.path / 'file')
    assert info.value.short == 'InvalidDestination'
    assert 'is not a directory' in info.value.message


def test_caller_that_goes_starts_nothing(api, other, slow, reference):
    slow.hang('getattr')
    call = Call(other.bootstrap, reference, slow.path / 'root')
    slow.wait_until_hung('getattr')
    other.sock.shutdown(socket.SHUT_RDWR)
    call.finish()
    assert api.manager('ListJobs')[0] == []
    slow.answer()
    with pytest.raises(BusError):
        api.bootstrap(reference, slow.path / 'nowhere' / '..' / 'root')
    assert api.manager('ListJobs')[0] == []
    assert names_at(slow) == []


@pytest.mark.parametrize('moment', MOMENTS)
def test_job_whose_step_hangs_holds_up_no_other(api, slow, reference, work, moment):
    identity, job = start_job(api, reference, slow, moment)
    check_served(api, reference, work / 'beside')
    assert api.manager('Progress', 's', identity)[0] == 'running'
    slow.answer()
    assert api.wait(job)[0] == 'done'
    assert names_at(slow) == ['root']
    assert 'etc/greeting' in tree.names(slow.folder / 'root')


def test_job_that_is_cancelled_while_its_tree_gets_its_name_says_what_came_of_it(
        api, slow, reference):
    identity, job = start_job(api, reference, slow, 'commit')
    api.manager('Cancel', 's', identity)
    slow.answer()
    assert api.wait(job) == ('done', '', '')
    assert names_at(slow) == ['root']


def test_job_that_is_cancelled_while_it_only_cleans_up_is_done(api, slow, reference):
    identity, job = start_job(api, reference, slow, 'clean')
    assert 'etc/greeting' in tree.names(slow.folder / 'root')
    api.manager('Cancel', 's', identity)
    slow.answer()
    assert api.wait(job) == ('done', '', '')
    assert names_at(slow) == ['root']


@pytest.mark.parametrize('moment, end',
                         [('prepare', 'cancelled'), ('commit', 'cancelled'), ('clean', 'done')])
def test_job_whose_step_hangs_can_be_cancelled(api, slow, reference, work, moment, end):
    """What hangs is given up: also when the tree has its name, and only cleaning up is left."""
    identity, job = start_job(api, reference, slow, moment)
    api.manager('Cancel', 's', identity)
    assert api.wait(job, timeout=2 * DEADLINE)[0] == end
    check_served(api, reference, work / 'beside')
    slow.answer()


def test_job_that_was_given_up_leaves_nothing_for_good(daemon, api, env, slow, reference):
    identity, job = start_job(api, reference, slow, 'prepare')
    api.manager('Cancel', 's', identity)
    assert api.wait(job, timeout=2 * DEADLINE)[0] == 'cancelled'
    slow.answer()
    wait_for(lambda: names_at(slow), 'what was given up to happen')
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.wait(DEADLINE)
    recover(env)
    assert names_at(slow) == []


@pytest.mark.parametrize('moment', MOMENTS)
def test_daemon_ends_while_a_step_hangs(daemon, api, slow, reference, moment):
    start_job(api, reference, slow, moment)
    daemon.process.send_signal(signal.SIGTERM)
    # A thread whose request the file system has, and does not answer, is not even killed: that is all
    # that is left, until then.
    wait_for(lambda: is_dead(daemon.process.pid), 'the daemon to end')
    slow.answer()
    assert daemon.process.wait(DEADLINE) == 0


def test_daemon_ends_while_a_call_hangs(daemon, other, slow, reference):
    """Of a program that has stopped, as of a server that is gone, threads can be killed."""
    slow.freeze()
    try:
        call = Call(other.bootstrap, reference, slow.path / 'root')
        wait_for(lambda: any_thread_waits(daemon.process.pid), 'a thread to hang')
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(DEADLINE) == 0
        assert isinstance(call.finish(), (BusError, OSError))
    finally:
        slow.process.send_signal(signal.SIGCONT)


def test_file_system_that_hangs_keeps_no_job_from_starting_at_the_next_start(
        daemon_on, env, tmp_path, reference, work):
    first = daemon_on()
    one = FileSystem(tmp_path)
    try:
        api = first.connect()
        start_job(api, reference, one, 'commit')
        first.process.kill()
        one.answer()
        first.process.wait(DEADLINE)
        one.hang('getattr')
        second = daemon_on()
        later = second.connect()
        check_served(later, reference, work / 'beside')
        assert one.hangs('getattr')
        one.answer()
        api.close()
        later.close()
    finally:
        one.stop()


def test_what_a_killed_daemon_left_keeps_nobody_waiting_but_jobs_there(
        daemon_on, faulty_registry, tmp_path, reference, work):
    """While it is being removed, for which there is no limit."""
    big = samples.large()
    faulty_registry.add('big', big)
    gate = faulty_registry.gate(big.layers[0].digest, len(big.layers[0].blob) // 2)
    first, one = daemon_on(), FileSystem(tmp_path)
    try:
        api = first.connect()
        api.bootstrap(faulty_registry.reference('big'), one.path / 'root')
        wait_for(lambda: list(one.folder.glob('.virt-*/root/data/*')), 'the first files')
        first.process.kill()
        first.process.wait(DEADLINE)
        one.hang('unlink')
        later = daemon_on().connect()
        one.wait_until_hung('unlink')
        identity, job = later.bootstrap(reference, one.path / 'root')
        check_served(later, reference, work / 'beside')
        assert later.manager('Progress', 's', identity)[0] == 'queued'
        one.answer()
        assert later.wait(job)[0] == 'done'
        assert names_at(one) == ['root']
        api.close()
        later.close()
    finally:
        gate.set()
        one.stop()


@pytest.mark.parametrize('method, arguments', [
    ('Prune', ['a{sv}', {}]), ('Prune', ['a{sv}', {'dry-run': ('b', True)}]), ('ListDisks', [])],
    ids=['prune', 'dry', 'list'])
def test_lease_on_a_file_system_that_hangs_holds_up_nothing_but_who_asks(
        api, other, slow, faulty_registry, work, reference, method, arguments):
    faulty_registry.add('big', samples.small())
    _, job = api.bootstrap(faulty_registry.reference('big'), slow.path / 'disks',
                           format=('s', 'qcow2'), share_layers=('b', True))
    assert api.wait(job) == ('done', '', '')
    slow.hang('getattr')
    call = Call(other.cache, method, *arguments)
    slow.wait_until_hung('getattr')
    check_served(api, reference, work / 'beside')
    for further in (['ListDisks'], ['Prune', 'a{sv}', {}]):
        with pytest.raises(BusError) as caught:
            api.cache(*further)
        assert caught.value.short == 'CacheBusy'
        assert 'Another call still lists or prunes the cache' in str(caught.value)
    slow.answer()
    assert call.finish()[-1]['disks'] > 0
    assert len(api.cache('ListDisks')[0]) == 1


def test_watchdog_is_fed_while_everything_hangs(daemon_on, env, tmp_path, reference):
    path = tmp_path / 'notify'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(path))
        notified.settimeout(DEADLINE)
        daemon = daemon_on(NOTIFY_SOCKET=path, WATCHDOG_USEC='2000000')
        one = FileSystem(tmp_path)
        try:
            start_job(daemon.connect(), reference, one, 'prepare')
            drain(notified)
            fed = 0
            while fed < 3:
                fed += b'WATCHDOG=1' in notified.recv(4096)
        finally:
            one.stop()


def drain(notified):
    """What was told before."""
    notified.setblocking(False)
    try:
        while True:
            notified.recv(4096)
    except BlockingIOError:
        notified.settimeout(DEADLINE)
