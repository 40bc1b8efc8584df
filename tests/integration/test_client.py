# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line: verbs, options, what goes where, and the exit status."""

import json
import os
import pty
import re
import signal
import subprocess

import pytest

from support import faulty, image, programs
from support.process import DEADLINE, wait_for
from support.terminal import Terminal


def test_success_prints_plain_lines_on_standard_error_only(client, reference, dest):
    result = client.bootstrap(reference, dest)
    assert result.out == ''
    assert result.err
    assert '\r' not in result.err and '\x1b' not in result.err


def test_quiet_prints_nothing(client, reference, dest):
    result = client.bootstrap(reference, dest, '-q')
    assert (result.out, result.err) == ('', '')


def test_failure_prints_one_sentence(client, dest):
    result = client.run('--not-secure', 'docker://127.0.0.1:1/name', dest, expect=1)
    assert result.out == ''
    assert result.err.count(result.sentence) == 1


def test_quiet_failure_still_prints_its_sentence(client, dest):
    result = client.run('-q', '--not-secure', 'docker://127.0.0.1:1/name', dest, expect=1)
    assert result.err == f'virt-bootstrap: {result.sentence}\n'


def test_status_only(client, reference, dest):
    result = client.bootstrap(reference, dest, '--status-only')
    lines = [line for line in re.split(r'[\r\n]+', result.out) if line.strip()]
    found = [re.fullmatch(r'Status: (.+), Progress: +(\d+\.\d\d)%', line.strip()) for line in lines]
    assert found and all(found), result.out
    shares = [float(one[2]) for one in found]
    assert shares == sorted(shares)
    assert shares[-1] == 100.0


def test_json_events(client, reference, dest):
    result = client.bootstrap(reference, dest, '--json')
    kinds = [one['event'] for one in result.events]
    assert kinds[0] == 'job' and kinds[-1] == 'finished'
    assert 'progress' in kinds
    assert result.events[0]['id']
    end = result.events[-1]
    assert end['result'] == 'done'
    assert not end.get('error')


def test_json_error_has_the_whole_name(client, dest):
    result = client.fail('docker://127.0.0.1:1/name', dest)
    assert result.of('finished')[-1]['error'] == \
        'org.virtbootstrap1.Error.RegistryUnavailable'
    assert result.of('finished')[-1]['message'] == result.sentence


def test_progress_on_a_terminal(client, reference, dest):
    parent, child = pty.openpty()
    process = subprocess.Popen(client.argv('--not-secure', reference, dest), stderr=child,
                               stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               env={**client.env, 'TERM': 'xterm', 'NO_COLOR': '1'})
    os.close(child)
    seen = b''
    try:
        while piece := os.read(parent, 4096):
            seen += piece
    except OSError:
        pass  # the end of a terminal
    os.close(parent)
    assert process.wait() == 0
    assert b'%' in seen
    assert not re.search(rb'\x1b\[[0-9;]*m', seen), 'NO_COLOR is honoured'


@pytest.mark.parametrize('args', [
    ['--no-such-option', 'docker://a', '/tmp/x'], [], ['docker://a'], ['docker://a', 'b', 'c'],
    ['--uidmap', 'nonsense', 'docker://a', '/tmp/x'], ['--format', 'floppy', 'docker://a', '/x'],
    ['--size', 'big', 'docker://a', '/tmp/x'], ['cancel']])
def test_wrong_usage_ends_with_two(client, args):
    result = client.run(*args, expect=2)
    assert result.out == ''
    assert result.err


def test_help_and_version_go_to_standard_output(client):
    assert '--root-password' in client.run('--help').out
    assert client.run('-h').out == client.run('--help').out
    assert re.search(r'\d+\.\d+', client.run('--version').out)


def test_every_documented_option_is_known(client):
    text = client.run('--help').out
    for option in ('format', 'root-password', 'uidmap', 'gidmap', 'idmap', 'username', 'password',
                   'not-secure', 'no-cache', 'quiet', 'debug', 'status-only', 'version', 'platform',
                   'json', 'embedded', 'address', 'user', 'system', 'offline', 'overwrite', 'no-sync'):
        assert f'--{option}' in text, option


def test_list_shows_jobs(remote, held, reference, dest):
    started = remote.start('--not-secure', reference, dest)
    wait_for(lambda: 'running' in remote.run('list').out, 'the job to be listed')
    text = remote.run('list').out
    assert reference in text and str(dest) in text
    rows = [json.loads(line) for line in remote.run('list', '--json').out.splitlines()]
    assert rows[0]['source'] == reference
    held.set()
    remote.finish(started)


def test_list_without_legend_has_rows_only(remote, reference, dest):
    remote.bootstrap(reference, dest)
    whole = remote.run('list').out.splitlines()
    rows = remote.run('list', '--no-legend').out.splitlines()
    assert len(rows) == 1
    assert len(whole) > 1


def test_list_of_no_jobs(remote):
    assert remote.run('list', '--no-legend').out == ''


def test_cancel_by_id(remote, held, reference, work, dest):
    started = remote.start('--json', '--not-secure', reference, dest)
    job_id = json.loads(started.stdout.readline())['id']
    remote.run('cancel', job_id)
    result = remote.finish(started, 130)
    assert result.of('finished')[-1]['result'] == 'cancelled'
    assert os.listdir(work) == []


def test_cancel_of_an_unknown_job(remote):
    result = remote.run('cancel', 'no-such-id', expect=1)
    assert 'no-such-id' in result.sentence


def test_detach_prints_the_job_and_returns(remote, held, reference, dest):
    result = remote.run('--detach', '--not-secure', reference, dest)
    job_id = result.out.strip()
    assert job_id in remote.run('list').out
    held.set()
    wait_for(lambda: (dest / 'data').is_dir(), 'the tree')


def test_inspect(client, reference, one):
    text = client.run('inspect', '--not-secure', reference).out
    assert image.digest_of(one.manifest()) in text
    assert one.layers[0].digest[7:19] in text


def test_inspect_of_what_is_not_there(client, faulty_registry):
    result = client.run('inspect', '--not-secure', faulty_registry.reference('none'), expect=1)
    assert result.sentence


def test_interrupted_client_cancels_its_job(remote, held, reference, work, dest):
    started = remote.start('--json', '--not-secure', reference, dest)
    started.stdout.readline()
    wait_for(lambda: list(work.glob('.virt-bootstrap-root-*/root/data/*')), 'the first files')
    started.send_signal(signal.SIGINT)
    remote.finish(started, 130)
    assert os.listdir(work) == []
    assert 'cancelled' in remote.run('list').out


def test_relative_destination_is_below_the_working_directory(client, reference, work):
    client.bootstrap(reference, 'root', cwd=work)
    assert (work / 'root/data').is_dir()


def test_options_may_follow_the_arguments(client, reference, dest):
    client.run(reference, dest, '--not-secure', '-q')
    assert (dest / 'data').is_dir()


def test_missing_daemon_program_is_told(client, reference, dest):
    result = client.run('--not-secure', reference, dest, expect=1,
                        env={'VIRTBOOTSTRAP_DAEMON': '/no/such/program'})
    assert '/no/such/program' in result.sentence


def test_dead_address_is_told(env, tmp_path, dest):
    client = programs.Client(env, f'unix:path={tmp_path}/nobody')
    assert client.run('docker://127.0.0.1:1/a', dest, expect=1).sentence


@pytest.mark.parametrize('args', [['list', '--json'], ['--help']], ids=['list', 'help'])
def test_full_disk_behind_standard_output_is_a_failure(remote, held, reference, dest, args):
    job_id = remote.bootstrap(reference, dest, '--detach').out.strip()
    with open('/dev/full', 'wb') as full:
        done = subprocess.run(remote.argv(*args), stdout=full, stderr=subprocess.PIPE, text=True,
                              env=remote.env, timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (
        1, 'virt-bootstrap: Cannot write to standard output\n')
    remote.run('cancel', job_id)


@pytest.fixture
def asking(client, faulty_registry, one, dest):
    """A client that has asked for the password of a registry which wants one, and has seen no key yet."""
    faulty_registry.fault('', faulty.basic('someone', 'right'))
    terminal = Terminal(client.argv('--not-secure', '-q', '-u', 'someone',
                                    faulty_registry.reference('image'), dest), client.env)
    try:
        terminal.read_until(b'Password for someone: ')
        wait_for(lambda: not terminal.echoes(), 'the echo to go')
        yield terminal
    finally:
        programs.stop(terminal.process)
        terminal.close()


def test_password_that_is_typed_is_not_seen_and_the_terminal_is_as_before(asking, dest):
    asking.type(b'right\n')
    _, err = asking.process.communicate(timeout=2 * DEADLINE)
    assert asking.process.returncode == 0, err
    assert os.listdir(dest) == ['data']
    asking.read_until(b'\n')
    assert asking.seen == b'Password for someone: \r\n'
    assert asking.echoes()


def test_ctrl_c_at_the_password_leaves_the_terminal_as_before(asking, dest):
    asking.type(b'half\x03')
    _, err = asking.process.communicate(timeout=2 * DEADLINE)
    assert asking.process.returncode == 130, err
    assert b'half' not in asking.seen
    assert asking.echoes()
    assert not dest.exists()
