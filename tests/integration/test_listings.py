# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is told about jobs: list, show and monitor."""

import getpass
import json
import os
import re
import time

import pytest

from support import programs, samples
from support.process import in_mount_namespace, wait_for
from support.terminal import Screen

LONG = 'a-name-that-is-too-long-for-one-line-of-eighty-columns/and-its-repository'
NO_JOURNAL = ['unshare', '--mount', 'sh', '-ec',
              'mount -t tmpfs none /run; mount -t tmpfs none /var/log; exec "$@"', 'sh']


@pytest.fixture
def one(faulty_registry):
    it = samples.large(8)
    faulty_registry.add('image', it)
    faulty_registry.add(LONG, it)
    return it


@pytest.fixture
def running(remote, held, reference, dest):
    """The id of a job in its middle."""
    job = remote.bootstrap(reference, dest, '--detach').out.strip()

    def has_begun():
        info, = remote.run('show', '--json', job).events
        return info['phase'] == 'download' and info['layers'][0]['done'] > 1024
    wait_for(has_begun, 'the download')
    return job


def row_of(client, *args):
    row, = client.run('list', '--no-legend', *args).out.splitlines()
    return row.split()


def test_list_has_the_age_the_owner_and_the_state(remote, running, held, reference, dest):
    row = row_of(remote)
    assert row[0] == running
    assert re.fullmatch(r'\d+s', row[1])
    assert row[2] == getpass.getuser()
    assert row[3] == 'running' and re.fullmatch(r'\d+%', row[4])
    assert row[5:] == [reference, str(dest)]
    held.set()
    remote.run('attach', running)
    assert row_of(remote)[3:] == ['finished', reference, str(dest)]


def test_list_names_the_error_of_a_failed_job(remote, faulty_registry, dest):
    remote.fail(faulty_registry.reference('none'), dest)
    assert row_of(remote)[3:5] == ['failed:', 'NotFound']
    listed, = remote.run('list', '--json').events
    assert listed['state'] == 'failed'
    assert listed['error'] == 'org.virtbootstrap1.Error.NotFound' and 'none' in listed['message']
    assert listed['queued-time'] <= listed['start-time'] <= listed['end-time'] <= time.time() * 1e6


def test_list_in_json_has_times_and_the_owner(remote, running, reference, dest):
    before = time.time() * 1e6
    listed, = remote.run('list', '--json').events
    assert (listed['id'], listed['source'], listed['destination']) == (running, reference, str(dest))
    assert (listed['owner'], listed['owner-name']) == (os.getuid(), getpass.getuser())
    assert before - 60e6 < listed['queued-time'] <= listed['start-time'] <= before
    assert listed['end-time'] is None and listed['error'] is None and listed['message'] is None


@pytest.mark.root
def test_owner_without_a_name_is_a_number(remote, running, tmp_path):
    (tmp_path / 'passwd').write_text('')
    (tmp_path / 'nsswitch.conf').write_text('passwd: files\n')
    remote.prefix = in_mount_namespace([(tmp_path / name, f'/etc/{name}') for name in ('passwd', 'nsswitch.conf')], [])
    assert row_of(remote)[2] == str(os.getuid())
    assert remote.run('list', '--json').events[0]['owner-name'] is None
    assert f'Owner: {os.getuid()}\n' in remote.run('show', running).out


def test_list_is_oldest_first(remote, reference, work):
    jobs = [remote.bootstrap(reference, work / name, '--detach').out.strip() for name in ('b', 'c', 'a')]
    assert [row['id'] for row in remote.run('list', '--json').events] == jobs


def test_list_fits_the_terminal_and_a_pipe_gets_everything(remote, faulty_registry, one, work):
    reference, dest = faulty_registry.reference(LONG), work / ('x' * 60)
    remote.bootstrap(reference, dest)
    shown = Screen(remote.argv('--no-pager', 'list'), remote.env).finish().splitlines()
    assert max(map(len, shown)) == 80
    assert shown[1].count('…') == 2
    assert shown[1].split()[-2].startswith('docker://') and shown[1].endswith('xxx')
    assert row_of(remote)[-2:] == [reference, str(dest)]


def test_list_all_is_for_list_and_this_host_only(client):
    assert client.run('cancel', '--all', 'x', expect=2).sentence == '--all is for the command list only'
    client.where = ['-H', 'elsewhere']
    assert client.run('list', '--all', expect=2).sentence == (
        '--all cannot be used with --host: this program reads the journal of its own host only')


@pytest.mark.root
def test_missing_journal_is_told(remote, running):
    remote.prefix = NO_JOURNAL
    assert remote.run('list').out
    result = remote.run('list', '--all', '--json', expect=1)
    assert (result.error, result.sentence) == ('NotFound', 'There is no journal, which would remember earlier jobs')


def test_show_has_times_the_owner_and_the_layers(remote, running, held, one):
    def shown():
        lines = remote.run('show', running).out.splitlines()
        return {key.strip(): value for key, _, value in (line.partition(': ') for line in lines)}
    digest, size = one.layers[0].digest[7:19], len(one.layers[0].blob)
    during = shown()
    assert during['Owner'] == f'{getpass.getuser()} ({os.getuid()})'
    assert re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', during['Queued'])
    assert re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', during['Started'])
    assert 'Ended' not in during and 'Error' not in during
    assert re.fullmatch(rf'{digest} +{size / (1 << 20):.1f}M downloading \d+\.\d[KM]', during['Layers']), during
    held.set()
    remote.run('attach', running)
    after = shown()
    assert after['State'] == 'finished' and 'Ended' in after
    assert re.fullmatch(r'\d+(\.\d)? s|\d+ min.*', after['Duration'])
    assert re.fullmatch(rf'{digest} +{size / (1 << 20):.1f}M unpacked', after['Layers'])
    assert int(after['Files']) == 9


def test_show_in_json_has_times_the_owner_and_the_layers(remote, running, held, one):
    held.set()
    remote.run('attach', running)
    info, = remote.run('show', '--json', running).events
    assert (info['owner'], info['owner-name']) == (os.getuid(), getpass.getuser())
    assert info['queued-time'] <= info['start-time'] <= info['end-time']
    assert info['layers'] == [{'digest': one.layers[0].digest, 'cached': False, 'state': 'unpacked',
                               'done': info['layers'][0]['done'], 'size': len(one.layers[0].blob)}]
    assert info['error'] is None and info['disk'] is None


@pytest.fixture
def monitor(remote):
    """Starts a monitor."""
    started = []

    def start(*args):
        process = remote.start('monitor', *args)
        started.append(process)
        return process

    yield start
    for process in started:
        programs.stop(process)


def test_monitor_has_a_time_in_each_line(remote, monitor, reference, work):
    watching, lines = monitor(), []
    # It says nothing when it is ready.
    while not (lines := lines or read_some(watching)):
        remote.bootstrap(reference, work / f'root-{time.monotonic_ns()}', '-q')
    while not lines[-1].endswith(': done'):
        lines.append(watching.stdout.readline().rstrip('\n'))
    assert all(re.match(r'\d\d:\d\d:\d\d [0-9a-z]+: \S', line) for line in lines), lines


def test_monitor_in_json_has_a_time_in_each_event(remote, monitor, reference, work):
    watching, lines = monitor('--json'), []
    before = time.time() * 1e6
    while not (lines := lines or read_some(watching)):
        remote.bootstrap(reference, work / f'root-{time.monotonic_ns()}', '-q')
    while json.loads(lines[-1])['event'] != 'finished':
        lines.append(watching.stdout.readline())
    times = [json.loads(line)['time'] for line in lines]
    assert before <= times[0] and times == sorted(times) and times[-1] <= time.time() * 1e6


def read_some(process):
    """A line, if there is one already."""
    os.set_blocking(process.stdout.fileno(), False)
    line = process.stdout.readline()
    os.set_blocking(process.stdout.fileno(), True)
    return [line.rstrip('\n')] if line else []
