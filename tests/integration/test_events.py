# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events of --json. All that any test's client prints is held against their schema, see support/events.py."""

import json
import os
import signal
import threading

import jsonschema
import pytest

from support import events, faulty, programs, samples, tar
from support.process import stop, wait_for


@pytest.fixture
def one(faulty_registry):
    it = samples.large(8, layers=2)
    faulty_registry.add('image', it)
    return it


def valid(result):
    """The kinds of the events of @result, all of which are as documented."""
    assert events.check(result.out) == len(result.out.splitlines()) == len(result.events)
    return [one['event'] for one in result.events]


def test_events_of_a_success(client, reference, one, dest):
    result = client.bootstrap(reference, dest, '--json')
    kinds = valid(result)
    assert kinds[0] == 'job' and kinds[-1] == 'finished' and 'progress' in kinds
    end = result.events[-1]
    assert [layer['digest'] for layer in end['layers']] == one.layer_digests()
    assert all(layer['state'] == 'unpacked' and not layer['cached'] for layer in end['layers'])
    assert end['downloaded'] >= sum(len(layer.blob) for layer in one.layers)
    assert end['files'] == 2 * 8 + 1
    assert end['disk'] is None
    assert end['elapsed'] == pytest.approx((end['end-time'] - end['start-time']) / 1e6)
    assert end['queued-time'] <= end['start-time']


def test_progress_has_layers_speed_and_time_left(client, faulty_registry, reference, one, dest):
    pause = threading.Event()
    faulty_registry.fault('/blobs/', faulty.send_slowly(lambda sent: pause.wait(0.1)))
    started = client.start('--json', '--not-secure', reference, dest)
    lines = []
    while not (lines and lines[-1].get('speed') and lines[-1]['left']):
        lines.append(json.loads(started.stdout.readline()))
    last = lines[-1]
    assert last['phase'] == 'download'
    assert last['left'] == pytest.approx((last['total'] - last['done']) / last['speed'], abs=1)
    assert sum(layer['size'] for layer in last['layers']) == last['total']
    pause.set()
    assert client.finish(started).events[-1]['result'] == 'done'


def test_events_of_a_disk_name_it(client, reference, dest):
    end = client.bootstrap(reference, dest, '--json', '--format', 'qcow2', '--size', '64M').events[-1]
    assert end['disk'] == f'{dest}/layer-1.qcow2'


def test_events_of_a_tarball(client, folder, dest):
    (folder / 'root.tar').write_bytes(tar.archive([tar.file('one', b'1')]))
    result = client.bootstrap(folder / 'root.tar', dest, '--json')
    valid(result)
    assert (result.events[-1]['layers'], result.events[-1]['digest']) == (None, None)


def test_events_of_a_failure(client, faulty_registry, reference, one, dest):
    faulty_registry.fault(one.layers[1].digest, faulty.corrupt)
    assert valid(client.fail(reference, dest))[-1] == 'finished'


@pytest.mark.parametrize('args', [['--no-such-option'], ['--format', 'floppy'], ['--platform', 'x'], ['--size', '1']])
def test_events_of_wrong_usage(client, reference, dest, args):
    result = client.run('--json', '--not-secure', *args, reference, dest, expect=2)
    assert valid(result) == ['finished']
    assert result.events[0]['job'] is None


def test_events_of_a_job_that_is_cancelled(client, faulty_registry, reference, one, dest):
    faulty_registry.gate(one.layers[0].digest, 0)
    started = client.start('--json', '--not-secure', reference, dest)
    started.stdout.readline()
    started.send_signal(signal.SIGINT)
    result = client.finish(started, 130)
    assert valid(result)[-1] == 'finished'
    assert result.events[-1]['result'] == 'cancelled'


def test_events_of_a_monitor(daemon_on, env, reference, dest, work):
    remote = programs.Client(env, daemon_on('peer').address)
    monitor, text = remote.start('monitor', '--json'), ''
    try:
        # It is there when it tells of a job; until then, jobs may pass unseen.
        os.set_blocking(monitor.stdout.fileno(), False)

        def hears():
            remote.bootstrap(reference, work / 'other', '--overwrite')
            return monitor.stdout.readline()
        text = wait_for(hears, 'the monitor')
        os.set_blocking(monitor.stdout.fileno(), True)
        remote.bootstrap(reference, dest)
        while str(dest) not in text or '"finished"' not in text.splitlines()[-1]:
            text += monitor.stdout.readline()
    finally:
        stop(monitor)
    assert events.check(text) == len(text.splitlines()) > 2


def test_key_that_is_not_documented_is_noticed(client, reference, dest):
    line = client.bootstrap(reference, dest, '--json').out.splitlines()[-1]
    with pytest.raises(jsonschema.ValidationError):
        events.check(json.dumps({**json.loads(line), 'unheard': 1}))
