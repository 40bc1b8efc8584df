# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every failure: one sentence, the error's name, DEST as it was, nothing left."""

import contextlib
import os
import re
import signal
import threading
import time

import pytest

from support import faulty, others, process, programs, samples, tree
from support.image import digest_of
from support.process import DEADLINE, free_port, running, wait_for


@pytest.fixture
def one(faulty_registry):
    """An image of one layer of 8 MiB, offered as `image`."""
    it = samples.large(32)
    faulty_registry.add('image', it)
    return it


@pytest.fixture
def half_way(faulty_registry, one, client, reference, dest, work):
    """A bootstrap whose layer stands still half-way, with files unpacked."""
    gate = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    started = client.start('--json', '--not-secure', reference, dest)
    wait_for(lambda: list(work.glob('.virt-bootstrap-root-*/root/data/*')), 'the first files')
    yield started
    gate.set()
    programs.stop(started)


def assert_nothing_left(work, *names):
    wait_for(lambda: not running(programs.ALL), 'every process to end')
    assert sorted(os.listdir(work)) == sorted(names)


def test_wrong_reference(client, work, dest):
    result = client.fail('docker://127.0.0.1:5000/Upper:tag', dest)
    assert result.error == 'InvalidReference'
    assert 'Upper' in result.sentence
    assert_nothing_left(work)


def test_no_such_image(docker_registry, client, work, dest):
    result = client.fail(docker_registry.reference('no/such:image'), dest)
    assert result.error == 'NotFound'
    assert 'no/such' in result.sentence
    assert_nothing_left(work)


def test_no_registry_there(client, work, dest):
    host = f'127.0.0.1:{free_port()}'
    result = client.fail(f'docker://{host}/name', dest)
    assert result.error == 'RegistryUnavailable'
    assert host in result.sentence
    assert_nothing_left(work)


def test_no_such_host(client, work, dest):
    result = client.fail('docker://no-such-host.invalid/name', dest)
    assert result.error == 'RegistryUnavailable'
    assert 'no-such-host.invalid' in result.sentence
    assert_nothing_left(work)


def test_digest_mismatch_of_a_layer(faulty_registry, client, one, work, dest, reference):
    faulty_registry.fault(one.layers[0].digest, faulty.corrupt)
    result = client.fail(reference, dest)
    assert result.error == 'DigestMismatch'
    assert one.layers[0].digest[7:19] in result.sentence
    assert_nothing_left(work)


def test_digest_mismatch_of_the_manifest(faulty_registry, client, one, work, dest):
    digest = faulty_registry.add('image', one)
    faulty_registry.manifests['image', digest] = faulty_registry.manifests['image', 'latest'][0], \
        samples.small().manifest()
    result = client.fail(f'{faulty_registry.reference("image")}@{digest}', dest)
    assert result.error == 'DigestMismatch'
    assert_nothing_left(work)


def test_digest_decides_over_a_tag_that_leads_elsewhere(faulty_registry, client, work, dest):
    digest = faulty_registry.add('image', samples.small(b'by digest\n'))
    faulty_registry.add('image', samples.small(b'by tag\n'))
    client.bootstrap(f'{faulty_registry.reference("image")}:latest@{digest}', dest)
    assert (dest / 'etc/greeting').read_text() == 'by digest\n'
    assert faulty_registry.count('/manifests/latest') == 0
    # Nor has the tag become that.
    client.bootstrap(f'{faulty_registry.reference("image")}:latest', work / 'other')
    assert (work / 'other/etc/greeting').read_text() == 'by tag\n'


def test_digest_mismatch_of_the_config(faulty_registry, client, one, work, dest, reference):
    faulty_registry.fault(digest_of(one.config), faulty.status(200, bytes(len(one.config))))
    assert client.fail(reference, dest).error == 'DigestMismatch'
    assert_nothing_left(work)


def test_layer_that_does_not_match_its_diff_id(faulty_registry, client, work, dest):
    it = samples.order()
    it.config = it.config.replace(it.layers[1].diff_id.encode(), it.layers[0].diff_id.encode())
    faulty_registry.add('swapped', it)
    assert client.fail(faulty_registry.reference('swapped'), dest).error == 'DigestMismatch'
    assert_nothing_left(work)


@pytest.mark.root
def test_full_disk_under_the_destination(client, tmpfs, reference):
    work = tmpfs('3m')
    result = client.fail(reference, work / 'root')
    assert result.error == 'NoSpace'
    assert_nothing_left(work)


@pytest.mark.root
def test_full_mount_point_is_emptied_again(client, tmpfs, reference):
    root = tmpfs('3m')
    assert client.fail(reference, root).error == 'NoSpace'
    assert_nothing_left(root)


@pytest.mark.root
def test_full_disk_under_the_cache(client, tmpfs, reference, work, dest):
    place = tmpfs('3m', 'cache')
    result = client.fail(reference, dest, env={'VIRTBOOTSTRAP_CACHE': str(place / 'cache')})
    assert result.error == 'NoSpace'
    assert_nothing_left(work)


def test_destination_not_empty(client, faulty_registry, work, dest, reference):
    dest.mkdir()
    (dest / 'mine').write_text('kept')
    before = tree.snapshot(work)
    result = client.fail(reference, dest)
    assert result.error == 'DestinationNotEmpty'
    assert str(dest) in result.sentence
    assert tree.snapshot(work) == before
    assert not faulty_registry.blob_requests()


@pytest.mark.parametrize('path', ['/', '//', '/usr/..'])
def test_root_directory_is_refused(client, path, reference):
    assert client.fail(reference, path).error == 'InvalidDestination'


def test_file_in_place_of_the_destination(client, work, dest, reference):
    dest.write_text('a file')
    before = tree.snapshot(work)
    assert client.fail(reference, dest).error == 'InvalidDestination'
    assert tree.snapshot(work) == before


def test_link_to_nowhere_in_place_of_the_destination(client, work, dest, reference):
    dest.symlink_to('nowhere')
    client.fail(reference, dest)
    assert os.readlink(dest) == 'nowhere'
    assert_nothing_left(work, 'root')


def test_empty_destination_stays_as_it_was(faulty_registry, client, one, work, dest, reference):
    dest.mkdir(mode=0o751)
    os.utime(dest, ns=(7, 7))
    before = tree.snapshot(dest)
    faulty_registry.fault(one.layers[0].digest, faulty.corrupt)
    client.fail(reference, dest)
    assert tree.snapshot(dest) == before
    assert_nothing_left(work, 'root')


def test_missing_parents_of_the_destination(client, faulty_registry, one, work, reference):
    """Either they are made and, after a failure, are gone; or it is refused. Nothing is left."""
    faulty_registry.fault(one.layers[0].digest, faulty.corrupt)
    client.fail(reference, work / 'a/b/root')
    assert_nothing_left(work)


@pytest.mark.root
def test_read_only_file_system_under_the_destination(client, tmpfs, reference):
    work = tmpfs('3m')
    process.run(['mount', '-o', 'remount,ro', work])
    assert client.fail(reference, work / 'root').error == 'AccessDenied'


def kill_one(half_way, which):
    """Kills the worker at place @which, of those which a half-way job has."""
    workers = sorted(programs.workers_of(half_way))
    os.kill(workers[which], signal.SIGKILL)


@pytest.mark.parametrize('which', [0, -1], ids=['first', 'last'])
def test_killed_worker(half_way, client, work, which):
    kill_one(half_way, which)
    result = client.finish(half_way, 1)
    assert result.error == 'WorkerFailed'
    assert result.sentence
    assert_nothing_left(work)


def test_every_kind_of_worker_may_be_killed(faulty_registry, one, client, reference, work):
    """Whichever of a job's workers dies, the job ends in the same way."""
    gate = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    for i in range(8):
        started = client.start('--json', '--not-secure', '--no-cache', reference, work / str(i))
        wait_for(lambda: list(work.glob(f'.virt-bootstrap-{i}-*/root/data/*')), 'the first files')
        workers = sorted(programs.workers_of(started))
        if i >= len(workers):
            gate.set()
            client.finish(started)
            return
        os.kill(workers[i], signal.SIGKILL)
        assert client.finish(started, 1).error == 'WorkerFailed'
        assert_nothing_left(work)
    raise AssertionError('a job has fewer workers than this')


@pytest.mark.root
def test_worker_that_cannot_be_forked_fails_the_job_at_once(
        user, env, tmp_path, work, dest, reference):
    """Client and daemon are there, and two more processes or threads: which worker is the first that cannot be started
    depends on when the daemon's threads end. The fetch worker may also lack a thread of its own."""
    (tmp_path / 'conf').write_text('[Daemon]\nStallTimeoutSec=20\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(tmp_path / 'conf')
    uid = 200_000 + os.getpid()  # whose processes nobody else adds to
    for path in (tmp_path, work, tmp_path / 'user'):
        os.chown(path, uid, uid)
    user.prefix = ['prlimit', '--nproc=4', 'setpriv', f'--reuid={uid}', f'--regid={uid}',
                   '--clear-groups']
    result = user.fail(reference, dest)
    assert re.fullmatch('Cannot start the (fetch|resolve|unpack|verify) worker: Resource temporarily unavailable'
                        '|Cannot fetch .*: Out of memory', result.sentence), str(result)
    assert result.error == ('WorkerFailed' if result.sentence.startswith('Cannot start') else 'Failed')
    assert_nothing_left(work)


def test_killed_daemon(half_way, client, work):
    daemon = running([programs.DAEMON], half_way.pid)
    assert daemon
    for pid in daemon:
        os.kill(pid, signal.SIGKILL)
    result = client.finish(half_way, 1)
    assert result.error == 'Interrupted'
    assert result.sentence
    wait_for(lambda: not os.listdir(work), 'the staging directory to go')
    assert_nothing_left(work)


def test_ctrl_c(half_way, client, work):
    os.killpg(half_way.pid, signal.SIGINT)
    result = client.finish(half_way, 130)
    assert result.of('finished')[-1]['result'] == 'cancelled'
    assert result.error == 'Cancelled'
    assert_nothing_left(work)


def test_termination_of_the_client(half_way, client, work):
    half_way.terminate()
    half_way.communicate(timeout=process.DEADLINE)
    assert half_way.returncode != 0
    assert_nothing_left(work)


def test_killed_client_in_embedded_mode_leaves_nothing(half_way, work):
    half_way.kill()
    half_way.wait()
    wait_for(lambda: not running(programs.ALL), 'every process to end')
    assert_nothing_left(work)


def test_destination_that_was_filled_meanwhile_is_left_alone(
        half_way, faulty_registry, client, work, dest):
    dest.mkdir()
    (dest / 'other').write_text('mine')
    for gate in faulty_registry._gates:
        gate.set()
    result = client.finish(half_way, 1)
    assert result.error in ('DestinationNotEmpty', 'DestinationBusy')
    assert os.listdir(dest) == ['other']
    assert_nothing_left(work, 'root')


def test_cancel_leaves_nothing(faulty_registry, one, api, work, dest, reference, daemon):
    faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    _, job = api.bootstrap(reference, dest)
    wait_for(lambda: list(work.glob('.virt-bootstrap-root-*/root/data/*')), 'the first files')
    api.job(job, 'Cancel')
    assert api.wait(job)[0] == 'cancelled'
    assert not os.listdir(work)
    assert not daemon.workers()


def test_cancel_while_the_registry_is_silent(faulty_registry, one, api, work, dest, reference):
    silence = threading.Event()
    faulty_registry._gates.append(silence)
    faulty_registry.fault('/manifests/', lambda request: silence.wait(60) and False)
    _, job = api.bootstrap(reference, dest)
    wait_for(lambda: faulty_registry.count('/manifests/'), 'the request')
    api.job(job, 'Cancel')
    assert api.wait(job, timeout=10)[0] == 'cancelled'
    assert not os.listdir(work)


def test_failed_job_does_not_disturb_another(faulty_registry, one, api, work):
    bad = samples.large(8)
    bad.layers[0].blob = bad.layers[0].blob[:-1] + b'?'
    faulty_registry.add('good', samples.small())
    faulty_registry.add('bad', bad)
    jobs = [api.bootstrap(faulty_registry.reference(name), work / f'{name}-{i}')[1]
            for i in range(3) for name in ('good', 'bad')]
    results = [api.wait(job)[0] for job in jobs]
    assert results == ['done', 'failed'] * 3
    assert sorted(os.listdir(work)) == ['good-0', 'good-1', 'good-2']


def test_daemon_that_was_killed_cleans_up_at_its_next_start(
        daemon_on, faulty_registry, one, work, dest, reference):
    gate = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    first = daemon_on()
    api = first.connect()
    api.bootstrap(reference, dest)
    wait_for(lambda: list(work.glob('.virt-bootstrap-root-*/root/data/*')), 'the first files')
    first.process.kill()
    first.process.wait()
    api.close()
    gate.set()
    wait_for(lambda: not running(programs.WORKERS), 'its workers to end')
    again = daemon_on().connect()
    result = again.wait(again.bootstrap(reference, dest)[1])
    assert result[0] == 'done', result
    assert os.listdir(work) == ['root']
    again.close()


def test_what_cannot_be_removed_is_named(
        client, env, tmp_path, faulty_registry, one, reference, dest, work):
    """The worker that removes it ends at once."""
    env['VIRTBOOTSTRAP_WORKERS'] = str(programs.wrap_workers(
        tmp_path / 'workers', '[ $STEP = tree ] && exit 1\nexec $WORKER\n'))
    faulty_registry.fault(one.layers[0].digest, faulty.corrupt)
    result = client.fail(reference, dest)
    left, = work.iterdir()
    said = [one['text'] for one in result.of('message')]
    assert [text for text in said if text.startswith(f'Leaving what remains in {left}: ')], said
    env['VIRTBOOTSTRAP_WORKERS'] = str(programs.WORKERS_DIR)
    process.run([programs.DAEMON, '--recover'], env=env)
    assert_nothing_left(work)


PRINTING_WORKER = r"""
printf '\033[31m<3>==1==ERROR: AddressSanitizer: %s\n' "$STEP" >&2
exec "$WORKER"
"""


def test_what_a_worker_prints_is_seen_as_its_own(env, faulty_registry, dest, tmp_path):
    """Also what a sanitizer says, which fails the tests."""
    workers = programs.wrap_workers(tmp_path / 'workers', PRINTING_WORKER)
    faulty_registry.add('image', samples.small())
    client = programs.Client({**env, 'VIRTBOOTSTRAP_WORKERS': str(workers)})
    running_client = client.start('--json', '--not-secure', faulty_registry.reference('image'), dest)
    out, err = running_client.communicate(timeout=DEADLINE)
    result = programs.Result(running_client.returncode, out, err)
    assert result.status == 0, str(result)
    job = result.of('job')[0]['id']
    assert '\033' not in err
    for step in ('fetch', 'unpack'):
        assert (f'virt-bootstrapd: Job {job}, {step} worker: ?[31m<3>==1==ERROR: AddressSanitizer: '
                f'{step}\n') in err
    assert 'virt-bootstrapd: The verify worker: ?[31m<3>==1==' in err
    with pytest.raises(AssertionError):
        programs.assert_sane(err)


@pytest.mark.root
def test_step_waits_for_a_debugger_and_stays_open_to_it(
        env, tmp_path, faulty_registry, one, reference, dest):
    """As long as that takes: nothing of the job's time runs."""
    (tmp_path / 'conf').write_text('[Daemon]\nStallTimeoutSec=1\nJobTimeoutSec=2\n')
    gate = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    client = programs.Client({**env, 'VIRTBOOTSTRAP_CONFIG': str(tmp_path / 'conf'),
                              'VIRTBOOTSTRAP_DEBUG': 'fetch'})
    running_client = client.start('--not-secure', reference, dest)
    begin = time.monotonic()
    fetch = wait_for(lambda: stopped(running_client), 'the step to stop')
    wait_for(lambda: time.monotonic() > begin + 3, 'more time than a job has')
    assert others.status(fetch)['CapEff'] != ['0000000000000000'], 'before its sandbox'
    os.kill(fetch, signal.SIGCONT)
    wait_for(lambda: others.status(fetch)['Seccomp'] == ['2'], 'the sandbox')
    # What cannot be traced belongs to root.
    assert os.stat(f'/proc/{fetch}/environ').st_uid != 0
    owner, = wait_for(lambda: owner_of_confined_verifier(running_client), 'a verify worker')
    assert owner == 0
    gate.set()
    result = client.finish(running_client)
    assert 'Waiting for a debugger: gdb -p ' in result.err


def look_at_workers(running_client, look):
    """The first true answer of @look; workers come and go meanwhile."""
    for pid in programs.workers_of(running_client):
        with contextlib.suppress(OSError):
            if found := look(pid):
                return found
    return None


def owner_of_confined_verifier(running_client):
    return look_at_workers(running_client, lambda pid: others.step_of(pid) == 'verify'
                           and others.status(pid)['Seccomp'] == ['2']
                           and [os.stat(f'/proc/{pid}/environ').st_uid])


def stopped(running_client):
    return look_at_workers(running_client,
                           lambda pid: others.status(pid)['State'][0] == 'T' and pid)
