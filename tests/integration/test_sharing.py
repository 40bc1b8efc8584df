# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs that want one blob from different registries, of which one is bad: that costs its own job only."""

import json
import os
import threading

import pytest

from support import faulty, image, samples, tree
from support.process import wait_for

GOOD, BAD = 'good/image', 'bad/image'
DONE = ('done', '', '')


@pytest.fixture
def one(faulty_registry):
    """A layer of 8 MiB, as a good registry has it."""
    it = samples.large(32)
    faulty_registry.add(GOOD, it)
    return it


@pytest.fixture
def layer(one):
    return one.layers[0]


@pytest.fixture
def good(faulty_registry, one):
    return faulty_registry.reference(GOOD)


def put_bad(registry, one, size=None):
    """Another image, whose manifest names the same layer; returns its reference."""
    bad = image.Image([one.layers[0], samples.small(b'bad').layers[0]])
    manifest = json.loads(bad.manifest())
    if size:
        manifest['layers'][0]['size'] = size
    registry.add(BAD, bad, manifest=image.dumps(manifest))
    return registry.reference(BAD)


@pytest.fixture
def bad(other_registry, one):
    return put_bad(other_registry, one)


@pytest.fixture
def configured(env, tmp_path):
    """The first daemon that starts has these keys."""
    def write(daemon='', limits=''):
        path = tmp_path / 'virt-bootstrapd.conf'
        path.write_text(f'[Daemon]\nMaxJobs=4\n{daemon}\n[Limits]\n{limits}\n')
        env['VIRTBOOTSTRAP_CONFIG'] = str(path)
    return write


@pytest.fixture
def over(configured):
    """Set when the test ends, at the latest, so that no transfer outlives it."""
    configured('TakeoverSec=1\nTakeoverSpeed=64K')
    event = threading.Event()
    yield event
    event.set()


def trickle(over):
    """The right bytes, five a second."""
    def act(request):
        body = request.server.registry.content(request)[1]
        request.head(200, len(body))
        for byte in body:
            request.wfile.write(bytes([byte]))
            request.wfile.flush()
            if over.wait(0.2):
                request.hang_up()
                return True
        return True
    return act


def wrong_half(request):
    """As many wrong bytes as half of it has, and the end."""
    body = request.server.registry.content(request)[1]
    request.head(200, len(body))
    request.wfile.write(b'\xff' * (len(body) // 2))
    request.hang_up()
    return True


def wrong_bytes(gate):
    """Half of it is right; then @gate opens, and the rest is wrong."""
    def act(request):
        body = request.server.registry.content(request)[1]
        request.head(200, len(body))
        request.wfile.write(body[:len(body) // 2])
        request.wfile.flush()
        gate.wait(faulty.PATIENCE)
        request.wfile.write(bytes(len(body) - len(body) // 2))
        return True
    return act


def arrives(api, layer):
    """Waits until something of the layer is in the cache."""
    api.wait_until(lambda: [b for b in api.cache('ListBlobs')[0] if b[0] == layer.digest and b[1] > 0],
                   'the first bytes')


def asked(registry, layer):
    wait_for(lambda: layer.digest in registry.blob_requests(), 'the transfer')


@pytest.fixture
def assert_right(client, good, work):
    """That a tree is what the good registry's image is, told by a daemon with a cache of its own."""
    def check(name, folder):
        client.bootstrap(good, work / 'alone', '--no-cache')
        tree.assert_same(tree.snapshot(work / name), tree.snapshot(work / 'alone'))
    return lambda name: check(name, work)


def test_registry_that_trickles_holds_up_its_own_job_only(
        over, api, other_registry, layer, good, bad, work, assert_right):
    other_registry.fault(layer.digest, trickle(over))
    _, slow = api.bootstrap(bad, work / 'bad')
    arrives(api, layer)
    _, job = api.bootstrap(good, work / 'good')
    assert api.wait(job) == DONE
    assert api.get(slow, 'org.virtbootstrap1.Job', 'State') == 'running'
    assert_right('good')
    over.set()
    api.job(slow, 'Cancel')
    api.wait(slow)


def test_registry_that_trickles_alone_does_so_for_nobody_who_comes_later(
        over, api, other_registry, layer, good, bad, work):
    """It has been found slow when the other job comes."""
    other_registry.fault(layer.digest, trickle(over))
    _, slow = api.bootstrap(bad, work / 'bad')
    arrives(api, layer)
    over.wait(2)  # windows of TakeoverSec=, whose end nothing tells
    _, job = api.bootstrap(good, work / 'good')
    assert api.wait(job) == DONE
    api.job(slow, 'Cancel')
    api.wait(slow)


def test_registry_that_trickles_for_one_daemon_does_not_hold_up_another_one(
        over, client, cache, other_registry, layer, good, bad, work, assert_right):
    other_registry.fault(layer.digest, trickle(over))
    slow = client.start('--not-secure', bad, work / 'bad')
    try:
        asked(other_registry, layer)
        wait_for(lambda: [p for p in (cache / 'virt-bootstrap/partial').iterdir()
                          if p.stat().st_size > 0 and layer.digest[7:] in p.name], 'a byte')
        client.bootstrap(good, work / 'good')
        assert slow.poll() is None
        assert_right('good')
    finally:
        over.set()
        client.finish(slow, 1)


def test_registry_that_trickles_when_it_comes_second_holds_nobody_up(
        over, api, faulty_registry, other_registry, layer, good, bad, work):
    other_registry.fault(layer.digest, trickle(over))
    gate = faulty_registry.gate(layer.digest, len(layer.blob) // 2)
    _, job = api.bootstrap(good, work / 'good')
    arrives(api, layer)
    _, slow = api.bootstrap(bad, work / 'bad')
    asked(other_registry, layer)  # since the gate makes the good one slow
    gate.set()
    assert api.wait(job) == DONE
    over.set()
    api.wait(slow)


def test_jobs_of_one_slow_registry_download_a_layer_once(
        over, api, faulty_registry, one, layer, good, work):
    other = image.Image([layer, samples.small(b'other').layers[0]])
    faulty_registry.add('good/other', other)
    gate = faulty_registry.gate(layer.digest, len(layer.blob) // 2)
    _, first = api.bootstrap(good, work / 'first')
    arrives(api, layer)
    _, second = api.bootstrap(faulty_registry.reference('good/other'), work / 'second')
    asked(faulty_registry, other.layers[1])
    over.wait(2.5)  # windows of TakeoverSec=, whose end nothing tells
    gate.set()
    assert api.wait(first) == DONE
    assert api.wait(second) == DONE
    assert faulty_registry.blob_requests()[layer.digest] == 1


@pytest.mark.parametrize('first', ['bad', 'good'])
def test_wrong_bytes_fail_the_job_of_who_sent_them(
        api, faulty_registry, other_registry, layer, good, bad, work, assert_right, first):
    gate = threading.Event()
    other_registry.fault(layer.digest, wrong_bytes(gate))
    hold = faulty_registry.gate(layer.digest, len(layer.blob) // 2)
    jobs = {}
    for name in (['bad', 'good'] if first == 'bad' else ['good', 'bad']):
        job_id, jobs[name] = api.bootstrap({'good': good, 'bad': bad}[name], work / name)
        # The second one hears of what the first one brings.
        api.wait_until(lambda: api.manager('Progress', 's', job_id)[2] > len(layer.blob) // 4,
                       'the first half')
    gate.set()
    hold.set()
    results = {name: api.wait(job) for name, job in jobs.items()}
    assert results['good'] == DONE
    assert_right('good')
    if first == 'bad':
        assert results['bad'][1].endswith('DigestMismatch')
        assert layer.digest in results['bad'][2]
        assert sorted(os.listdir(work)) == ['alone', 'good']
    else:
        assert results['bad'] == DONE  # it was spared to send anything


@pytest.mark.parametrize('change', [-1000, 1 << 20], ids=['less', 'more'])
def test_who_names_another_size_fails_alone(
        api, other_registry, one, layer, good, work, assert_right, change):
    bad = put_bad(other_registry, one, len(layer.blob) + change)
    gate = other_registry.gate(layer.digest, len(layer.blob) // 2)
    _, wrong = api.bootstrap(bad, work / 'bad')
    asked(other_registry, layer)
    _, job = api.bootstrap(good, work / 'good')
    assert api.wait(job) == DONE
    gate.set()
    state, error, _ = api.wait(wrong)
    assert (state, error.rpartition('.')[2]) == ('failed', 'DigestMismatch')
    assert_right('good')


@pytest.mark.parametrize('together', [True, False], ids=['together', 'afterwards'])
def test_who_stops_half_way_with_wrong_bytes_spoils_nothing(
        api, other_registry, layer, good, bad, work, assert_right, together):
    other_registry.fault(layer.digest, wrong_half, times=1)
    other_registry.fault(layer.digest, faulty.error(403, 'DENIED', 'no more'))
    _, wrong = api.bootstrap(bad, work / 'bad')
    if not together:
        assert api.wait(wrong)[0] == 'failed'
    _, job = api.bootstrap(good, work / 'good')
    assert api.wait(job) == DONE
    api.wait(wrong)
    assert_right('good')


def test_download_below_the_minimum_speed_ends_its_job(
        over, configured, client, other_registry, layer, bad, work, dest):
    configured(limits='MinimumSpeed=1K\nMinimumSpeedSec=1')
    other_registry.fault(layer.digest, trickle(over))
    result = client.fail(bad, dest)
    assert result.error == 'LimitExceeded'
    assert 'MinimumSpeed=' in result.sentence and layer.digest in result.sentence
    assert not os.listdir(work)


def test_job_that_takes_too_long_ends(over, configured, client, other_registry, layer, bad, dest):
    configured('JobTimeoutSec=2')
    other_registry.fault(layer.digest, trickle(over))
    result = client.fail(bad, dest)
    assert result.error == 'LimitExceeded'
    assert result.sentence == 'The job has run for 2 seconds (JobTimeoutSec= in virt-bootstrapd.conf)'


def test_job_that_takes_too_long_leaves_what_has_arrived_to_the_next_one(
        configured, client, faulty_registry, layer, good, dest):
    configured('JobTimeoutSec=2')
    gate = faulty_registry.gate(layer.digest, len(layer.blob) // 2, times=1)
    assert 'JobTimeoutSec=' in client.fail(good, dest).sentence
    gate.set()
    configured()
    client.bootstrap(good, dest)
    first, second = [headers.get('Range') for _, path, headers in faulty_registry.requests
                     if layer.digest in path]
    assert first is None
    assert int(second.removeprefix('bytes=').removesuffix('-')) >= len(layer.blob) // 2
