# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every name of an error is reached twice: through the client, and through the bus alone.

Both get a sentence, which contains what the registry said, if it was a registry that failed; the client exits with the
status for the failure.
"""

import contextlib
import os
import re
import signal

import pytest

from support import faulty, image, process, programs, samples, tar
from support.bus import MANAGER, PATH, BusError
from support.image import Image, Layer
from support.process import free_port, wait_for

NAMES = re.compile(r'X\(ERROR_\w+, "(\w+)"\)')
REACHED = {}


def reaches(name, sentence, marks=()):
    """Decorates a function of a World that returns how the client and the bus end."""
    def enter(function):
        REACHED[name] = pytest.param(name, sentence, function, id=name, marks=marks)
        return function
    return enter


class World:
    """A daemon on a bus, a client of it, and a connection of our own."""

    def __init__(self, daemon, env, registry, folder):
        self.daemon, self.registry, self.folder = daemon, registry, folder
        self.client = programs.Client(env, daemon.address)
        self.api = daemon.connect()
        self.work = folder / 'work'

    def by_client(self, source, dest, *args, secure=False):
        result = self.client.run('--json', *([] if secure else ['--not-secure']), *args, source,
                                 dest, expect=None)
        is_usage = not result.events[-1]['job'] and result.error in ('InvalidOption', 'InvalidReference')
        assert result.status == (2 if is_usage else 1), str(result)
        return result.error, result.sentence

    def by_bus(self, source, dest, secure=False, **options):
        """The error of the call, or of the job."""
        try:
            _, job = self.api.bootstrap(source, dest, not_secure=('b', not secure), **options)
        except BusError as error:
            return error.short, error.message
        _, name, message = self.api.wait(job)
        return name.rpartition('.')[2], message

    def both(self, source, args=(), dests=None, secure=False, **options):
        one, other = dests or (self.work / 'by-client', self.work / 'by-bus')
        return (self.by_client(source, one, *args, secure=secure),
                self.by_bus(source, other, secure=secure, **options))

    def offer(self, one=None, **kw):
        self.registry.add('image', one or samples.small(), **kw)
        return self.registry.reference('image')

    @contextlib.contextmanager
    def held(self):
        """A job that stands still in the middle of its one layer; gives (reference, id, object)."""
        one = samples.large(8)
        reference = self.offer(one)
        gate = self.registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
        job_id, job = self.api.bootstrap(reference, self.work / 'held')
        wait_for(lambda: list(self.work.glob('.virt-bootstrap-held-*/root/data/*')), 'files')
        try:
            yield reference, job_id, job
        finally:
            gate.set()


@pytest.fixture
def world(daemon, env, faulty_registry, tmp_path):
    (tmp_path / 'work').mkdir()
    one = World(daemon, env, faulty_registry, tmp_path)
    yield one
    one.api.close()


def refused(call, *args):
    with pytest.raises(BusError) as caught:
        call(*args)
    return caught.value.short, caught.value.message


@reaches('Failed', 'password')
def password_is_a_directory(world):
    reference = world.offer()
    fd = os.open(world.folder, os.O_RDONLY)
    try:
        return world.both(reference, ['-u', 'me', '-p', f'file:{world.folder}'],
                          username=('s', 'me'), password_fd=('h', fd))
    finally:
        os.close(fd)


@reaches('InvalidReference', 'lower case')
def name_in_upper_case(world):
    return world.both('docker://127.0.0.1:5000/Upper:tag')


@reaches('InvalidOption', 'needs the format qcow2')
def size_of_a_directory(world):
    return world.both(world.offer(), ['--size=10G'], size=('t', 10 << 30))


@reaches('InvalidDestination', '/')
def root_directory(world):
    return world.both(world.offer(), dests=('/', '/'))


@reaches('NotFound', 'MANIFEST_UNKNOWN: not here')
def missing_image(world):
    return world.both(world.registry.reference('none'))


@reaches('NotTrusted', 'a signature is required, but')
def signature_that_no_rule_demands(world):
    return world.both(world.offer(), ['--require-signed'], require_signed=('b', True))


@reaches('AuthenticationRequired', 'UNAUTHORIZED: log in first')
def credentials_wanted(world):
    world.registry.fault('/manifests/', faulty.error(
        401, 'UNAUTHORIZED', 'log in first', WWW_Authenticate='Basic realm="test"'))
    return world.both(world.offer())


@reaches('AccessDenied', 'DENIED: not for you')
def denied(world):
    world.registry.fault('/manifests/', faulty.error(403, 'DENIED', 'not for you'))
    return world.both(world.offer())


@reaches('RegistryUnavailable', '127.0.0.1:')
def nobody_listens(world):
    return world.both(f'docker://127.0.0.1:{free_port()}/name')


@reaches('RegistryError', 'status 418: TEAPOT: short and stout')
def teapot(world):
    world.registry.fault('/manifests/', faulty.error(418, 'TEAPOT', 'short and stout'))
    return world.both(world.offer())


@reaches('TooManyRequests', 'TOOMANYREQUESTS: slow down')
def too_many_requests(world):
    world.registry.fault('/manifests/', faulty.error(
        429, 'TOOMANYREQUESTS', 'slow down', Retry_After='0'))
    return world.both(world.offer())


@reaches('DigestMismatch', 'digest')
def damaged_layer(world):
    one = samples.small()
    reference = world.offer(one)
    world.registry.fault(one.layers[0].digest, faulty.corrupt)
    return world.both(reference)


@reaches('UnsupportedImage', 'cpio')
def layer_of_an_unknown_type(world):
    one = samples.small()
    return world.both(world.offer(
        one, manifest=one.manifest().replace(b'image.layer.v1.tar+gzip', b'image.layer.v1.cpio')))


@reaches('NoMatchingPlatform', 'not for linux/s390x')
def image_for_another_machine(world):
    return world.both(world.offer(), ['--platform=linux/s390x'], platform=('s', 'linux/s390x'))


@reaches('NoLayers', 'no layers')
def image_without_layers(world):
    return world.both(world.offer(Image([])))


@reaches('CorruptArchive', 'not a tar archive')
def layer_that_is_no_archive(world):
    return world.both(world.offer(Image([Layer(b'no archive at all' * 100, 'none')])))


@reaches('UnsafeArchive', '..')
def archive_that_climbs_out(world):
    path = world.folder / 'unsafe.tar'
    path.write_bytes(tar.archive([tar.whiteout('..')]))
    return world.both(f'file://{path}')


@reaches('DestinationNotEmpty', 'full')
def directory_with_content(world):
    full = world.work / 'full'
    full.mkdir()
    (full / 'mine').write_text('kept')
    return world.both(world.offer(), dests=(full, full))


@reaches('DestinationBusy', 'held')
def destination_of_another_job(world):
    with world.held() as (reference, _, _):
        return world.both(reference, dests=(world.work / 'held', world.work / 'held'))


@reaches('NoSpace', 'small', marks=pytest.mark.root)
def small_file_system(world):
    small = world.folder / 'small'
    small.mkdir()
    process.run(['mount', '-t', 'tmpfs', '-o', 'size=1m,mode=0755', 'test', small])
    try:
        return world.both(world.offer(samples.large(16)), dests=(small / 'one', small / 'other'))
    finally:
        process.unmount(small)


@reaches('LimitExceeded', 'more than 4194304 bytes')
def large_manifest(world):
    one = samples.small()
    return world.both(world.offer(one, manifest=one.manifest() + b' ' * (4 << 20)))


@reaches('Cancelled', 'cancelled')
def cancelled_job(world):
    with world.held() as (reference, job_id, job):
        started = world.client.start('--json', '--not-secure', reference, world.work / 'second')
        wait_for(lambda: list(world.work.glob('.virt-bootstrap-second-*')), 'the second job')
        started.send_signal(signal.SIGINT)
        result = world.client.finish(started, 130)
        world.api.manager('Cancel', 's', job_id)
        _, name, message = world.api.wait(job)
        return (result.error, result.sentence), (name.rpartition('.')[2], message)


@reaches('NoSuchJob', 'no-such-id')
def unknown_job(world):
    result = world.client.run('--json', 'cancel', 'no-such-id', expect=1)
    return (result.error, result.sentence), refused(world.api.manager, 'Cancel', 's', 'no-such-id')


@reaches('QueueFull', 'already waiting')
def full_queue(world):
    with world.held() as (reference, _, _):
        for i in range(1100):
            found = None
            try:
                world.api.bootstrap(reference, world.work / str(i))
            except BusError as error:
                found = error.short, error.message
                break
        by_client = world.by_client(reference, world.work / 'one-more')
        for job in world.api.manager('ListJobs')[0]:
            world.api.manager('Cancel', 's', job[0])
        world.api.wait_until(lambda: world.api.get(PATH, MANAGER, 'Jobs') == 0, 'an empty queue')
        return by_client, found


@reaches('Interrupted', 'interrupted')
def stopped_daemon(world):
    with world.held() as (reference, _, job):
        started = world.client.start('--json', '--not-secure', reference, world.work / 'second')
        wait_for(lambda: list(world.work.glob('.virt-bootstrap-second-*')), 'the second job')
        world.daemon.process.terminate()
        _, name, message = world.api.wait(job)
        result = world.client.finish(started, 1)
        return (result.error, result.sentence), (name.rpartition('.')[2], message)


@reaches('CacheBusy', 'sha256:')
def blob_in_use(world):
    with world.held():
        digest = world.api.wait_until(
            lambda: next((b[0] for b in world.api.cache('ListBlobs')[0] if b[3] == 'used'), None),
            'a blob in use')
        result = world.client.run('--json', 'cache', 'remove', digest, expect=1)
        return (result.error, result.sentence), refused(world.api.cache, 'Remove', 's', digest)


@reaches('WorkerFailed', 'worker')
def killed_worker(world):
    with world.held() as (reference, _, job):
        started = world.client.start('--json', '--not-secure', reference, world.work / 'second')
        wait_for(lambda: list(world.work.glob('.virt-bootstrap-second-*')), 'the second job')

        def kill_workers():
            """Until the second job has ended, too: it may still be about to start some."""
            for pid in world.daemon.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return started.poll() is not None
        wait_for(kill_workers, 'the second job to end')
        _, name, message = world.api.wait(job)
        result = world.client.finish(started, 1)
        return (result.error, result.sentence), (name.rpartition('.')[2], message)


@pytest.mark.parametrize('name, sentence, reach', REACHED.values())
def test_error_reaches_client_and_bus(world, name, sentence, reach):
    by_client, by_bus = reach(world)
    assert by_client[0] == by_bus[0] == name
    assert sentence in by_client[1]
    assert sentence in by_bus[1]


def test_unverified_certificate_reaches_client_and_bus(world, tls_registry):
    by_client, by_bus = world.both(tls_registry.reference('test/small'), secure=True)
    assert by_client[0] == by_bus[0] == 'TlsError'
    assert 'certificate' in by_client[1] and 'certificate' in by_bus[1]


def test_client_tells_why_its_daemon_cannot_start(env, tmp_path):
    """In one line, which is the daemon's own."""
    (tmp_path / 'file').touch()
    result = programs.Client({**env, 'VIRTBOOTSTRAP_CACHE': f'{tmp_path}/file'}).run(
        '--json', 'cache', 'list', expect=1)
    assert result.error == 'CacheUnusable'
    assert result.err == f'virt-bootstrap: {result.sentence}\n'
    assert result.sentence.startswith(f'Cannot use the cache {tmp_path}/file: ')


ABOUT_JOBS = [['list'], ['list', '--all'], ['show', 'abc'], ['attach', 'abc'], ['watch', 'abc'], ['cancel', 'abc'],
              ['monitor']]


@pytest.mark.parametrize('where, verb, sentence', [
    *((['--embedded'], verb, 'There is no daemon; jobs of embedded daemons are seen only where they run')
      for verb in ABOUT_JOBS),
    *(([], verb, 'There is no daemon (Cannot connect to the ') for verb in ABOUT_JOBS),
    (['--user'], ['list'], 'Cannot connect to the session bus: neither DBUS_SESSION_BUS_ADDRESS nor '),
    (['--address=unix:path=/nowhere'], ['list'], 'Cannot connect to unix:path=/nowhere: No such file')])
def test_client_without_a_daemon_says_so(env, where, verb, sentence):
    """Instead of asking one of its own, which has no jobs."""
    env = {**env, 'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nowhere'}
    env.pop('XDG_RUNTIME_DIR')
    client = programs.Client(env)
    client.where = where
    result = client.run('--json', *verb, expect=1)
    assert result.error == 'DaemonUnavailable' and result.sentence.startswith(sentence), result.sentence


def test_every_name_is_reached():
    source = (programs.SOURCE / 'daemon/common/base/base-error.c').read_text()
    assert sorted(NAMES.findall(source)) == sorted(
        [*REACHED, 'TlsError', 'CacheUnusable', 'DaemonUnavailable'])


def test_every_name_is_documented():
    manual = (programs.SOURCE / 'dbus/org.virtbootstrap1.xml').read_text()
    source = (programs.SOURCE / 'daemon/common/base/base-error.c').read_text()
    listed = re.findall(r'^ {4}(\w+) +\S', manual.partition('Errors:')[2].partition('-->')[0], re.M)
    assert sorted(listed) == sorted(NAMES.findall(source))
