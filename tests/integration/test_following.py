# SPDX-License-Identifier: LGPL-2.1-or-later
"""attach and watch, which follow a job of anybody and let it go on."""

import shlex
import signal

import pytest

from support import programs
from support.process import DEADLINE, wait_for
from support.terminal import Terminal

BOTH = pytest.mark.parametrize('verb', ['attach', 'watch'])


@pytest.fixture
def running(remote, held, faulty_registry, dest):
    """The id of a job in its middle."""
    job = remote.bootstrap(faulty_registry.reference('image'), dest, '--detach').out.strip()
    wait_for(lambda: remote.run('show', '--json', job).events[0]['phase'] == 'download', 'the download')
    return job


def follow(remote, verb, job, *args):
    """When it follows the job."""
    process = remote.start('--json', verb, job, *args)
    assert '"event":"job"' in process.stdout.readline()
    return process


def state(remote, job):
    return remote.run('show', '--json', job).events[0]['state']


@BOTH
def test_ctrl_c_lets_the_job_go_on_and_says_how_to_cancel_it(remote, running, held, verb, dest):
    terminal = Terminal(remote.argv(verb, running), {**remote.env, 'TERM': 'dumb'})
    try:
        assert terminal.process.stderr.readline().startswith('Downloading')
        terminal.type(b'\x03')
        out, err = terminal.process.communicate(timeout=2 * DEADLINE)
    finally:
        programs.stop(terminal.process)
        terminal.close()
    assert terminal.process.returncode == 130
    assert err.splitlines()[-1] == (
        f'Detached from job {running}, which goes on; to end it: '
        f'virt-bootstrap {remote.where[0]} cancel {running}')
    assert out == '' and 'virt-bootstrap: ' not in err
    assert state(remote, running) == 'running'
    held.set()
    assert remote.run('--json', verb, running).of('finished')[-1]['result'] == 'done'
    assert (dest / 'data').is_dir()


def test_command_that_cancels_is_for_a_shell(remote, running):
    """Addresses of buses may contain what a shell interprets."""
    remote.where[0] += ';unix:path=/nowhere'
    terminal = Terminal(remote.argv('attach', running), {**remote.env, 'TERM': 'dumb'})
    try:
        assert terminal.process.stderr.readline().startswith('Downloading')
        terminal.type(b'\x03')
        _, err = terminal.process.communicate(timeout=2 * DEADLINE)
    finally:
        programs.stop(terminal.process)
        terminal.close()
    command = err.splitlines()[-1].partition('to end it: ')[2]
    assert "--address='unix:" in command
    assert shlex.split(command) == ['virt-bootstrap', *remote.where, 'cancel', running]


@pytest.mark.parametrize('sig', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_following_only(remote, running, held, sig):
    process = follow(remote, 'attach', running)
    process.send_signal(sig)
    result = remote.finish(process, 130)
    assert result.events[-1]['event'] == 'detached' and result.events[-1]['job'] == running
    assert not result.of('finished') and result.err == ''
    assert state(remote, running) == 'running'


@BOTH
def test_exit_status_is_that_of_the_job(remote, running, held, verb, faulty_registry, work):
    process = follow(remote, verb, running)
    held.set()
    assert remote.finish(process, 0).events[-1]['result'] == 'done'
    failed = remote.bootstrap(faulty_registry.reference('none'), work / 'other', '--detach').out.strip()
    result = remote.run('--json', verb, failed, expect=1)
    assert result.error == 'NotFound' and 'none' in result.sentence


@BOTH
def test_job_that_is_cancelled_meanwhile_is_told(remote, running, verb):
    process = follow(remote, verb, running)
    remote.run('cancel', running)
    assert remote.finish(process, 130).events[-1]['result'] == 'cancelled'


@BOTH
def test_job_that_does_not_exist_is_told(remote, verb):
    result = remote.run('--json', verb, 'nosuch', expect=1)
    assert result.error == 'NoSuchJob' and '"nosuch"' in result.sentence


def test_quiet_detaches_silently(remote, running, held):
    process = remote.start('-q', 'attach', running)
    # It blocks the signal before it calls the daemon, and handles it once it follows the job.
    wait_for(lambda: 'SigBlk:\t0000000008084003' in open(f'/proc/{process.pid}/status', encoding='ascii').read(),
             'the signals to be blocked')
    process.send_signal(signal.SIGINT)
    result = remote.finish(process, 130)
    assert (result.out, result.err) == ('', '')
    assert state(remote, running) == 'running'
