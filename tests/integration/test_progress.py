# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a job tells of itself while it runs, and that its steps overlap."""

import os
import statistics
import threading
import time

import pytest

from support import disk, faulty, image, samples, tar
from support.bus import JOB, OBJECTS
from support.process import wait_for

PHASES = ['queued', 'resolve', 'download', 'unpack', 'finish', 'done']
STATES = ['waiting', 'downloading', 'downloaded', 'unpacking', 'unpacked']
DETAILS = {'Layers', 'Speed', 'Files'}


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


def changes_of(api, job):
    """(when, properties) of each PropertiesChanged."""
    return [(s.when, {name: value for name, (_, value) in s.body[1].items()}) for s in api.signals
            if s.path == job and s.member == 'PropertiesChanged']


class Throttle:
    """Lets all transfers of a registry together send so many bytes a second."""

    def __init__(self, per_sec):
        self.per_sec, self.sent = per_sec, 0
        self.begun = self.ended = None
        self._lock, self._never = threading.Lock(), threading.Event()

    def __call__(self, _):
        with self._lock:
            self.ended = time.monotonic()
            self.begun = self.begun or self.ended
            self.sent += faulty.PIECE
            due = self.begun + self.sent / self.per_sec
        self._never.wait(max(0, due - time.monotonic()))

    def reached(self):
        """Bytes a second, of the whole."""
        return self.sent / (self.ended - self.begun)


class Watched:
    """A job with three layers whose transfer takes three seconds."""

    def __init__(self, api, registry, dest):
        self.image = samples.large(files=24, layers=3)
        registry.add('image', self.image)
        self.throttle = Throttle(6 << 20)
        registry.fault('/blobs/', faulty.send_slowly(self.throttle))
        _, self.job = api.bootstrap(registry.reference('image'), dest)
        assert api.wait(self.job) == ('done', '', '')
        self.changes = changes_of(api, self.job)
        self.progress = [s.body for s in progress_of(api, self.job)]
        self.found = api.properties(self.job, JOB)
        self.names = list(dest.rglob('*'))

    def values(self, name):
        return [properties[name] for _, properties in self.changes if name in properties]


watched_once = []


@pytest.fixture
def watched(request):
    """It takes some seconds, so it is there for all tests that ask for it."""
    if not watched_once:
        watched_once.append(Watched(*map(request.getfixturevalue, ('api', 'faulty_registry', 'dest'))))
    return watched_once[0]


def test_layers_go_through_their_states(watched):
    told = watched.values('Layers')
    assert len(told) > 5
    for i, layer in enumerate(watched.image.layers):
        seen = [one[i] for one in told]
        assert {one[:2] for one in seen} == {(layer.digest, False)}
        ranks = [STATES.index(one[2]) for one in seen]
        assert ranks == sorted(ranks)
        assert {one[4] for one in seen} == {len(layer.blob)}
        arriving = [one[3] for one in seen if one[2] == 'downloading']
        assert arriving == sorted(arriving) and 0 < arriving[0] < len(layer.blob)
        for _, _, state, done, size in seen:
            assert 0 <= done <= size
            assert state not in ('downloaded', 'unpacked') or done == size
        assert seen[-1][2] == 'unpacked'


def test_fraction_agrees_with_the_bytes(watched):
    downloading = [body for body in watched.progress if body[0] == 'download']
    assert len(downloading) > 10
    for _, done, total, fraction in downloading:
        assert fraction == pytest.approx(min(done / total, 0.999))
    fractions = [body[3] for body in watched.progress]
    assert fractions == sorted(fractions) and fractions[-1] == 1


def test_speed_is_that_of_the_registry(watched):
    speeds = watched.values('Speed')
    assert speeds[-1] == 0
    assert statistics.median(speeds[1:-1]) == pytest.approx(watched.throttle.reached(), rel=0.3)


def test_details_are_told_at_most_four_times_a_second(watched):
    times = [when for when, properties in watched.changes if DETAILS & properties.keys()]
    assert len(times) > 5
    for i, first in enumerate(times):
        within = [t for t in times[i:-1] if t < first + 0.99]
        assert len(within) <= 5, 'four, and one whose delivery was late'


def test_everything_is_final_before_the_job_ends(watched):
    """Who takes the changes has in the end what the job says."""
    known = {}
    for _, properties in watched.changes:
        assert known.get('State') != 'finished'
        known.update(properties)
    assert known['State'] == 'finished'
    assert known.keys() >= DETAILS | {'Digest', 'Platform', 'StartTime', 'EndTime', 'Disk'}
    assert known == {name: watched.found[name] for name in known}
    assert DETAILS & watched.changes[-1][1].keys() == set()


def test_times_are_in_order(watched):
    queued, started, ended = (watched.found[name] for name in ('QueuedTime', 'StartTime', 'EndTime'))
    assert queued <= started < ended - 2_000_000
    assert abs(ended / 1e6 - time.time()) < 600


def test_platform_is_that_of_the_image(watched):
    assert watched.found['Platform'] == f'linux/{image.MACHINE}'


def test_files_are_what_find_counts(watched):
    files = watched.values('Files')
    assert files == sorted(files)
    assert files[-1] == len(watched.names) == 3 * 24 + 1


def test_files_count_names_that_were_made(api, faulty_registry, dest):
    """Directories without an entry, too; what is replaced once, and what is removed still."""
    faulty_registry.add('image', image.Image([
        [tar.directory('.'), tar.file('a/b/file', b'1'), tar.symlink('a/link', 'b'), tar.file('gone')],
        [tar.directory('a'), tar.file('a/b/file', b'2'), tar.whiteout('gone'),
         tar.hardlink('a/hard', 'a/b/file'), tar.hardlink('a/link', 'a/b/file')]]))
    _, job = api.bootstrap(faulty_registry.reference('image'), dest)
    assert api.wait(job) == ('done', '', '')
    names = sorted(str(path.relative_to(dest)) for path in dest.rglob('*'))
    assert names == ['a', 'a/b', 'a/b/file', 'a/hard', 'a/link']
    assert api.get(job, JOB, 'Files') == len(names) + 1


def test_tarball_has_no_layers_and_directory_no_disk(api, folder, dest):
    (folder / 'tree.tar').write_bytes(tar.archive([tar.file('one', b'1'), tar.file('two', b'2')]))
    _, job = api.bootstrap(f'file://{folder}/tree.tar', dest)
    assert api.wait(job) == ('done', '', '')
    found = api.properties(job, JOB)
    assert (found['Layers'], found['Files'], found['Platform'], found['Disk']) == ([], 2, '', '')


def test_layer_of_the_cache_is_not_downloaded(api, faulty_registry, work):
    base, top = [tar.file('base', samples.noise(200_000))], [tar.file('top', samples.noise(300_000, 2))]
    faulty_registry.add('base', image.Image([base]))
    faulty_registry.add('both', image.Image([base, top]))
    for name, size in (('base', 200_000), ('both', 300_000)):
        _, job = api.bootstrap(faulty_registry.reference(name), work / name)
        assert api.wait(job) == ('done', '', '')
    found = api.properties(job, JOB)
    assert [layer[1:3] for layer in found['Layers']] == [(True, 'unpacked'), (False, 'unpacked')]
    assert size <= found['BytesDownloaded'] < 400_000


def test_image_of_the_cache_is_not_downloaded(api, faulty_registry, one, work):
    for name in ('first', 'second'):
        _, job = api.bootstrap(faulty_registry.reference('image'), work / name)
        assert api.wait(job) == ('done', '', '')
    told = [s.body for s in progress_of(api, job)]
    assert 'download' not in {body[0] for body in told}
    for phase, done, total, fraction in told:
        if phase == 'unpack':
            assert fraction == pytest.approx(min(done / total, 0.999))
    assert all('Speed' not in properties for _, properties in changes_of(api, job))
    assert {layer[1] for layer in api.get(job, JOB, 'Layers')} == {True}


def test_bytes_that_an_earlier_job_left_are_there_but_not_downloaded(
        api, faulty_registry, work, one):
    layer = one.layers[0]
    half = len(layer.blob) // 2
    gate = faulty_registry.gate(layer.digest, half, times=1)
    job_id, job = api.bootstrap(faulty_registry.reference('image'), work / 'first')

    def first_layer():
        layers = api.get(job, JOB, 'Layers')
        return layers[0] if layers else None
    api.wait_until(lambda: first_layer() and first_layer()[3] >= half - (1 << 20), 'some bytes')
    api.manager('Cancel', 's', job_id)
    assert api.wait(job)[0] == 'cancelled'
    gate.set()
    left = first_layer()[3]
    _, job = api.bootstrap(faulty_registry.reference('image'), work / 'second')
    assert api.wait(job) == ('done', '', '')
    found = api.properties(job, JOB)
    assert found['Layers'][0][1:3] == (False, 'unpacked')
    assert found['BytesDownloaded'] <= sum(len(one.blob) for one in one.layers) - left


@pytest.mark.parametrize('options, name', [
    ({}, 'layer-2.qcow2'),
    ({'gidmap': ('a(uuu)', [(0, 0, 1000)])}, 'layer-3.qcow2'),
    ({'share-layers': ('b', True)}, 'layer-3.qcow2')], ids=['plain', 'mapped', 'shared'])
def test_disk_is_the_last_image_of_the_chain(api, faulty_registry, dest, options, name):
    faulty_registry.add('image', samples.order())
    _, job = api.bootstrap(faulty_registry.reference('image'), dest, format=('s', 'qcow2'),
                           size=('t', 64 << 20), **options)
    assert api.get(job, JOB, 'Disk') == '' or api.get(job, JOB, 'State') == 'finished'
    assert api.wait(job) == ('done', '', '')
    assert api.get(job, JOB, 'Disk') == f'{dest}/{name}'
    assert disk.names(dest)[-1] == name
    assert disk.snapshot(dest / name).keys() == {b'.', b'etc', b'etc/order'}


@pytest.mark.parametrize('kind', ['raw', 'qcow2'])
def test_disk_whose_path_is_not_utf8_does_not_hide_jobs(api, faulty_registry, work, kind):
    """Of a link's target, which nobody has sent over the bus."""
    faulty_registry.add('image', samples.order())
    os.mkdir(os.fsencode(work) + b'/b\xe4r')
    os.symlink(b'b\xe4r', os.fsencode(work / 'link'))
    _, job = api.bootstrap(faulty_registry.reference('image'), work / 'link/disk', format=('s', kind), size=('t', 64 << 20))
    assert api.wait(job) == ('done', '', '')
    path = f'{work}/b?r/disk' + ('/layer-2.qcow2' if kind == 'qcow2' else '')
    changed = api.wait_signal(lambda one: one.member == 'PropertiesChanged' and one.path == job and 'EndTime' in one.body[1],
                              'the end of the job').body[1]
    assert (changed['State'][1], changed['Disk'][1]) == ('finished', path)
    assert api.properties(job, JOB)['Disk'] == path
    assert api.call('/org/virtbootstrap1', OBJECTS, 'GetManagedObjects')[0][job][JOB]['Disk'][1] == path


def test_job_that_fails_has_no_disk_and_an_end(api, faulty_registry, dest):
    broken = samples.small()
    faulty_registry.add('image', broken)
    faulty_registry.fault(broken.layers[0].digest, faulty.corrupt)
    _, job = api.bootstrap(faulty_registry.reference('image'), dest, format=('s', 'qcow2'),
                           size=('t', 64 << 20))
    assert api.wait(job)[0] == 'failed'
    found = api.properties(job, JOB)
    assert found['Disk'] == ''
    assert found['QueuedTime'] <= found['StartTime'] <= found['EndTime']
    assert found['Layers'][0][2] != 'unpacked'


def test_layers_that_have_their_disk_image_are_not_unpacked(api, faulty_registry, work):
    base, top = [tar.file('base')], [tar.file('top', samples.noise(1 << 20))]
    shared = {'format': ('s', 'qcow2'), 'size': ('t', 64 << 20), 'share-layers': ('b', True)}
    both = image.Image([base, top])
    faulty_registry.add('base', image.Image([base]))
    faulty_registry.add('both', both)
    _, job = api.bootstrap(faulty_registry.reference('base'), work / 'base', **shared)
    assert api.wait(job) == ('done', '', '')
    gate = faulty_registry.gate(both.layers[1].digest, 0)
    _, job = api.bootstrap(faulty_registry.reference('both'), work / 'both', **shared)
    api.wait_until(lambda: [layer[1:3] for layer in api.get(job, JOB, 'Layers')]
                   == [(True, 'unpacked'), (False, 'waiting')], 'the first layer')
    gate.set()
    assert api.wait(job) == ('done', '', '')
    assert api.get(job, JOB, 'Files') == 1
