# SPDX-License-Identifier: LGPL-2.1-or-later
"""--host: another host's daemon by ssh, which is a program here that leads to a bus of the test's own."""

import os
import signal

import pytest

from support import programs
from support.process import DEADLINE, command_line, descendants, wait_for
from support.terminal import Terminal


@pytest.fixture
def log(tmp_path):
    """What ssh was started with, an argument a line."""
    return tmp_path / 'ssh.log'


@pytest.fixture
def use_ssh(env, tmp_path, log):
    """Lets a program be ssh; returns a client of the host elsewhere."""
    def use(script):
        ssh = tmp_path / 'bin/ssh'
        ssh.parent.mkdir()
        ssh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{log}\n{script}')
        ssh.chmod(0o755)
        client = programs.Client({**env, 'PATH': f'{ssh.parent}:{env["PATH"]}'})
        client.where = ['--host=elsewhere']
        return client
    return use


@pytest.fixture
def elsewhere(use_ssh, daemon):
    return use_ssh(f'exec systemd-stdio-bridge --bus-path={daemon.address}\n')


def test_job_runs_on_the_other_host(elsewhere, log, reference, dest):
    result = elsewhere.bootstrap(reference, dest, '--json')
    assert result.of('finished')[-1]['result'] == 'done' and result.of('progress')
    assert (dest / 'data').is_dir()
    assert log.read_text().splitlines() == ['-xT', '--', 'elsewhere', 'systemd-stdio-bridge']


def test_ssh_gets_the_user_the_port_and_the_container(elsewhere, log):
    """The bridge here knows no --machine, so that there is no answer."""
    elsewhere.where = ['-H', 'me@[::1]:2222/guest']
    elsewhere.run('list', expect=None)
    assert log.read_text().splitlines() == [
        '-xT', '-p', '2222', '--', 'me@::1', 'systemd-stdio-bridge', '--machine=guest']


@pytest.mark.parametrize('host', ['-oProxyCommand=touch x', 'me@-oProxyCommand=x', 'a;b', '$(b)', '', 'a:-p'])
def test_what_would_be_an_option_or_a_command_is_no_host(elsewhere, log, host):
    elsewhere.where = ['-H', host]
    result = elsewhere.run('--json', 'list', expect=2)
    assert result.error == 'InvalidOption'
    assert result.sentence == f'"{host}" is not a host; expected [USER@]HOST[:PORT][/CONTAINER]'
    assert not log.exists(), 'ssh was started'


def test_jobs_of_the_other_host_are_listed_and_their_owners_are_numbers(elsewhere, reference, dest):
    job = elsewhere.bootstrap(reference, dest, '--detach').out.strip()
    row = elsewhere.run('list', '--no-legend').out.split()
    assert (row[0], row[2]) == (job, str(os.getuid()))
    assert elsewhere.run('show', '--json', job).events[0]['owner-name'] is None
    elsewhere.run('cancel', job)


def test_ctrl_c_cancels_the_job_there(elsewhere, held, reference, work, dest):
    """ssh gets it, too, and must not end before the job has."""
    terminal = Terminal(elsewhere.argv('--json', '--not-secure', reference, dest), elsewhere.env)
    try:
        while '"phase":"download"' not in terminal.process.stdout.readline():
            pass
        terminal.type(b'\x03')
        out, err = terminal.process.communicate(timeout=2 * DEADLINE)
    finally:
        programs.stop(terminal.process)
        terminal.close()
    assert terminal.process.returncode == 130, err
    assert '"result":"cancelled"' in out.splitlines()[-1]
    assert os.listdir(work) == []


def test_signal_to_the_process_group_cancels_the_job_there(elsewhere, held, reference, work, dest):
    """As timeout(1) and service managers send it, to ssh as well."""
    started = elsewhere.start('--json', '--not-secure', reference, dest)
    while '"phase":"download"' not in started.stdout.readline():
        pass
    os.killpg(started.pid, signal.SIGTERM)
    assert elsewhere.finish(started, 130).of('finished')[-1]['result'] == 'cancelled'
    assert os.listdir(work) == []


def test_ssh_that_goes_on_after_the_connection_is_ended(use_ssh, daemon):
    use_ssh(f'systemd-stdio-bridge --bus-path={daemon.address}\nexec sleep 1000\n').run('list')


def test_connection_that_breaks_is_told_and_the_job_goes_on(elsewhere, held, api, reference, dest):
    started = elsewhere.start('--json', '--not-secure', reference, dest)
    while '"phase":"download"' not in started.stdout.readline():
        pass
    bridge, = descendants(started.pid)
    os.kill(bridge, signal.SIGKILL)
    result = elsewhere.finish(started, 1)
    assert (result.error, result.sentence) == (
        'Interrupted', 'The connection to the host ended; the job may go on there')
    assert api.manager('ListJobs')[0][0][5] == 'running'
    held.set()
    api.wait(api.manager('ListJobs')[0][0][1])
    assert (dest / 'data').is_dir()


def test_host_that_cannot_be_reached_is_told(use_ssh):
    client = use_ssh('echo ssh: no route >&2; exit 255\n')
    result = client.run('--json', 'list', expect=1)
    assert result.error == 'DaemonUnavailable'
    assert result.sentence.startswith('Cannot connect to elsewhere: ')
    assert 'ssh: no route' in result.err


def test_missing_ssh_is_told(env, tmp_path):
    client = programs.Client({**env, 'PATH': str(tmp_path)})
    client.where = ['-H', 'elsewhere']
    result = client.run('list', expect=1)
    assert 'Cannot start ssh: No such file or directory' in result.err


@pytest.mark.parametrize('options', [['--username=someone', '--password'], ['--root-password']])
def test_passwords_are_not_for_another_host(elsewhere, tmp_path, reference, dest, options):
    (tmp_path / 'secret').write_text('geheim\n')
    result = elsewhere.run('--json', '--not-secure', *options, f'file:{tmp_path}/secret', reference, dest, expect=2)
    assert (result.error, result.sentence) == (
        'InvalidOption', 'Passwords cannot be passed over this connection, which does not carry file descriptors')


def test_ssh_that_waits_ends_with_the_client(use_ssh, log):
    """For the answer to a question, such as for a password: it does not see that its input has ended."""
    started = use_ssh('exec sleep 1000\n').start('list')
    wait_for(lambda: log.exists() and any(b'sleep' in command_line(pid) for pid in descendants(started.pid)), 'ssh')
    ssh, = descendants(started.pid)
    started.kill()
    started.communicate()
    wait_for(lambda: not any(command_line(ssh)), 'ssh to end')
