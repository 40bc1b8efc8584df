# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a job tells of itself while it runs, and that its steps overlap."""

import threading

import pytest

from support import faulty, samples
from support.bus import JOB
from support.process import wait_for

PHASES = ['queued', 'resolve', 'download', 'unpack', 'finish', 'done']


@pytest.fixture
def one(faulty_registry):
    it = samples.large(64, layers=2)
    faulty_registry.add('image', it)
    return it


def progress_of(api, job):
    return [s for s in api.signals if s.path == job and s.member == 'ProgressChanged']


def slow_job(api, faulty_registry, dest):
    """A bootstrap whose transfers take some seconds; returns its progress signals."""
    pause = threading.Event()
    faulty_registry.fault('/blobs/', faulty.send_slowly(lambda sent: pause.wait(0.01)))
    _, job = api.bootstrap(faulty_registry.reference('image'), dest)
    assert api.wait(job) == ('done', '', '')
    api.wait_signal(lambda s: s.path == job and s.member == 'ProgressChanged'
                    and s.body[0] == 'done', 'the last progress')
    return job, progress_of(api, job)


@pytest.fixture
def told(api, faulty_registry, one, dest):
    return slow_job(api, faulty_registry, dest)[1]


def test_fraction_never_falls_and_is_one_only_at_the_end(told):
    fractions = [s.body[3] for s in told]
    assert fractions == sorted(fractions)
    assert all(f < 1 for f in fractions[:-1])
    assert fractions[-1] == 1.0
    assert len(set(fractions)) > 5


def test_at_most_ten_signals_in_any_second(told):
    times = [s.when for s in told]
    assert len(times) > 5
    for i, first in enumerate(times):
        within = [t for t in times[i:] if t < first + 0.99]
        assert len(within) <= 11, 'ten, and one whose delivery was late'


def test_phases_come_in_order_and_bytes_stay_in_bounds(told, one):
    ranks = [PHASES.index(s.body[0]) for s in told]
    assert ranks == sorted(ranks)
    compressed = sum(len(layer.blob) for layer in one.layers)
    for s in told:
        phase, done, total, _ = s.body
        assert done <= total, s.body
        if phase in ('download', 'unpack'):
            assert total == compressed
    assert 'download' in {s.body[0] for s in told}


def test_bytes_are_exact_at_the_end(api, faulty_registry, one, dest):
    job, _ = slow_job(api, faulty_registry, dest)
    found = api.properties(job, JOB)
    layers = sum(len(layer.blob) for layer in one.layers)
    assert layers <= found['BytesDownloaded'] <= layers + 100_000  # the config and manifests too
    assert found['BytesUnpacked'] == sum(len(layer.tar) for layer in one.layers)


def test_progress_of_a_failed_job_does_not_reach_one(api, faulty_registry, one, dest):
    faulty_registry.fault(one.layers[1].digest, faulty.corrupt)
    _, job = api.bootstrap(faulty_registry.reference('image'), dest)
    assert api.wait(job)[0] == 'failed'
    api.pump()
    assert all(s.body[3] < 1 for s in progress_of(api, job))


def staged(work, name='root'):
    """The files in the staging directory beside the destination."""
    return {path.name for path in work.glob(f'.virt-bootstrap-{name}-*/root/data/*')}


def test_files_appear_while_their_own_layer_is_still_downloading(
        api, faulty_registry, one, work, dest):
    layer = one.layers[0]
    gate = faulty_registry.gate(layer.digest, len(layer.blob) // 2)
    _, job = api.bootstrap(faulty_registry.reference('image'), dest)
    wait_for(lambda: len(staged(work)) > 20, 'files of the first half')
    assert '0-063' not in staged(work)
    assert not dest.exists()
    gate.set()
    assert api.wait(job)[0] == 'done'
    assert not staged(work)
    assert len(list((dest / 'data').iterdir())) == 128


def test_first_layer_is_unpacked_while_the_second_is_downloading(
        api, faulty_registry, one, work, dest):
    layer = one.layers[1]
    gate = faulty_registry.gate(layer.digest, 0)
    _, job = api.bootstrap(faulty_registry.reference('image'), dest)
    wait_for(lambda: '0-063' in staged(work), 'the whole first layer')
    assert not dest.exists()
    gate.set()
    assert api.wait(job)[0] == 'done'


def test_layers_are_downloaded_side_by_side(api, faulty_registry, one, dest):
    gate = faulty_registry.gate(one.layers[0].digest, 0)
    _, job = api.bootstrap(faulty_registry.reference('image'), dest)
    wait_for(lambda: one.layers[1].digest in faulty_registry.blob_requests(),
             'the second transfer while the first stands still')
    gate.set()
    assert api.wait(job)[0] == 'done'
