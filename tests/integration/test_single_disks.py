# SPDX-License-Identifier: LGPL-2.1-or-later
"""One disk image, raw or qcow2: a file with the tree that the directory format has, which is there as a whole or
not at all."""

import crypt
import hashlib
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

from support import disk, model, programs, samples, tar, tree
from support.image import Image
from support.others import step_of
from support.process import run, running, wait_for
from support.programs import workers_of

pytestmark = pytest.mark.root

JOB = 'org.virtbootstrap1.Job'
QEMU = shutil.which('qemu-storage-daemon')
SIZE = '--size=256M'
# The name, the options, and the format that they make together.
WAYS = [
    ('disk.qcow2', [], 'qcow2'),
    ('disk.raw', [], 'raw'),
    ('disk.img', [], 'raw'),
    ('disk.img', ['--format=qcow2'], 'qcow2'),
    ('disk', ['--format=raw'], 'raw'),
    ('disk', ['--format=qcow2', '--flatten'], 'qcow2'),
]
NAMES = ['disk.raw', 'disk.qcow2']
SEED = int(os.environ.get('TEST_SEED', random.randrange(10**9)))
SEEDS = int(os.environ.get('TEST_SEEDS', 1 if 'TEST_SEED' in os.environ else 4))
MOMENTS = int(os.environ.get('TEST_MOMENTS', 8))
ROUNDS = int(os.environ.get('TEST_ROUNDS', 10))


def snapshot(image, holes=False):
    """The tree in the image, which has to be without fault."""
    if disk.info(image)[0]['format'] == 'qcow2':
        return disk.snapshot(image, holes)
    disk.fsck(image)
    with disk.mounted(image) as folder:
        return tree.snapshot(folder, holes)


def names_without_time(layers):
    """The root, and what else got the time when it was made."""
    whole = model.Tree()
    for layer in layers:
        whole.apply(layer)
    return {b'.'} | {name for name, node in whole.snapshot().items() if 'mtime_ns' not in node}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def everything(faulty_registry):
    faulty_registry.add('everything', samples.everything())
    return faulty_registry.reference('everything')


@pytest.fixture
def small(faulty_registry):
    faulty_registry.add('small', samples.small())
    return faulty_registry.reference('small')


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / 'secret'
    path.write_text('drowssap\n')
    path.chmod(0o644)
    return f'file:{path}'


# What is in it

@pytest.mark.parametrize('name, options, kind', WAYS, ids=[f'{n} {" ".join(o)}'.strip() for n, o, _ in WAYS])
def test_single_disk_has_the_tree_of_a_directory(client, everything, work, tmp_path, name, options, kind):
    client.bootstrap(everything, work / name, SIZE, *options)
    assert os.listdir(work) == [name]
    found = (work / name).lstat()
    assert stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600
    assert (found.st_uid, found.st_gid, found.st_nlink) == (0, 0, 1)
    [info] = disk.info(work / name)
    assert (info['format'], info['virtual-size']) == (kind, 256 << 20)
    assert 'backing-filename' not in info
    assert found.st_blocks * 512 < 64 << 20
    client.bootstrap(everything, tmp_path / 'tree')
    tree.assert_same(snapshot(work / name, holes=True), tree.snapshot(tmp_path / 'tree', holes=True))


@pytest.mark.parametrize('name', NAMES)
def test_random_layers_make_the_same_tree_in_a_disk(client, faulty_registry, work, tmp_path, name):
    for seed in range(SEED, SEED + SEEDS):
        generator = model.Generator(seed)
        layers = [generator.layer() for _ in range(4)]
        faulty_registry.add('model', Image(layers))
        reference = faulty_registry.reference('model')
        client.bootstrap(reference, work / name, SIZE, '--replace')
        client.bootstrap(reference, tmp_path / str(seed), '--keep-devices')
        found, want = snapshot(work / name), tree.snapshot(tmp_path / str(seed))
        for unknown in names_without_time(layers):
            del found[unknown]['mtime_ns'], want[unknown]['mtime_ns']
        lines = tree.difference(found, want)
        assert not lines, f'seed {seed}:\n' + '\n'.join(lines)


@pytest.mark.parametrize('name', NAMES)
def test_what_layers_delete_takes_no_space(client, faulty_registry, work, name):
    layers = [[tar.directory('data'), tar.file('data/big', samples.noise(40 << 20))], [tar.whiteout('data/big')]]
    faulty_registry.add('deletes', Image(layers))
    client.bootstrap(faulty_registry.reference('deletes'), work / name, SIZE)
    assert (work / name).stat().st_blocks * 512 < 16 << 20
    assert snapshot(work / name).keys() == {b'.', b'data'}


@pytest.mark.parametrize('name', NAMES)
def test_password_and_mapping_are_in_the_disk(client, everything, work, tmp_path, secret, name):
    options = ['--idmap', '0:100000:65536', '--root-password', secret]
    client.bootstrap(everything, work / name, SIZE, '--no-cache', *options)
    client.bootstrap(everything, tmp_path / 'mapped', *options)
    found, want = snapshot(work / name), tree.snapshot(tmp_path / 'mapped')
    del found[b'etc/shadow'], want[b'etc/shadow']
    tree.assert_same(found, want)
    image = tmp_path / 'raw'
    run(['qemu-img', 'convert', '-O', 'raw', work / name, image])
    with disk.mounted(image) as folder, open(os.path.join(folder, 'etc/shadow')) as shadow:
        [hashed] = [line.split(':')[1] for line in shadow if line.startswith('root:')]
    assert crypt.crypt('drowssap', hashed) == hashed


@pytest.mark.parametrize('name', NAMES)
def test_user_without_privileges_gets_what_root_gets(user, everything, work, tmp_path, client, name):
    user.bootstrap(everything, work / name, SIZE)
    assert (work / name).stat().st_uid == programs.UID and os.listdir(work) == [name]
    client.env['VIRTBOOTSTRAP_CACHE'] = str(tmp_path / 'cache')
    client.bootstrap(everything, tmp_path / 'tree')
    tree.assert_same(snapshot(work / name), tree.snapshot(tmp_path / 'tree'))


@pytest.mark.parametrize('name', NAMES)
def test_tarball_becomes_a_disk(client, tmp_path, work, name):
    path = tmp_path / 'appliance.tar'
    path.write_bytes(tar.archive(samples.base_layer()))
    client.bootstrap(str(path), work / name, SIZE)
    client.bootstrap(str(path), tmp_path / 'tree')
    tree.assert_same(snapshot(work / name), tree.snapshot(tmp_path / 'tree'))


@pytest.mark.parametrize('name', NAMES)
def test_full_disk_says_how_large_it_has_to_be(client, faulty_registry, work, name):
    layer = [tar.file(f'f{n}', samples.noise(1 << 20, n)) for n in range(40)]
    faulty_registry.add('big', Image([layer]))
    reference = faulty_registry.reference('big')
    result = client.fail(reference, work / name, '--size=24MiB')
    assert result.error == 'NoSpace', str(result)
    assert os.listdir(work) == []
    needed = re.search(r'a disk of 24 MiB.*--size (\d+)M', result.sentence)
    assert needed, result.sentence
    client.bootstrap(reference, work / name, f'--size={needed[1]}MB')
    assert len(snapshot(work / name)) == 41


@pytest.mark.parametrize('name', NAMES)
def test_full_store_of_the_host_is_not_blamed_on_the_disk(client, faulty_registry, tmpfs, name):
    faulty_registry.add('big', samples.large(files=64))
    folder = tmpfs('8M')
    result = client.fail(faulty_registry.reference('big'), folder / name, SIZE)
    assert result.error == 'NoSpace' and '--size' not in result.sentence, str(result)
    assert os.listdir(folder) == []


def test_progress_is_told(client, everything, work):
    result = client.run('--json', '--not-secure', SIZE, everything, work / 'disk.raw')
    fractions = [one['fraction'] for one in result.of('progress')]
    assert fractions == sorted(fractions)
    assert result.of('finished')[-1]['result'] == 'done'


def test_callers_on_the_bus_choose_by_options_alone(api, everything, work):
    assert {'qcow2', 'raw'} <= set(api.get('/org/virtbootstrap1', 'org.virtbootstrap1.Manager', 'Features'))
    for number, (options, kind) in enumerate([({'format': ('s', 'raw')}, 'raw'),
                                              ({'format': ('s', 'qcow2'), 'flatten': ('b', True)}, 'qcow2')]):
        path = work / f'{number}.name'
        _, job = api.bootstrap(everything, str(path), size=('t', 256 << 20), **options,
                               **{'not-secure': ('b', True)})
        assert api.get(job, JOB, 'Format') == kind
        wait_for(lambda: api.get(job, JOB, 'State') == 'finished', 'the job to end')
        assert api.get(job, JOB, 'Disk') == str(path)
        assert disk.info(path)[0]['format'] == kind


# What is there already

@pytest.mark.parametrize('name', NAMES)
def test_file_that_exists_is_refused(client, small, work, name):
    (work / name).write_text('old')
    result = client.fail(small, work / name)
    assert (result.error, result.sentence) == (
        'DestinationNotEmpty',
        f'The destination {work / name} exists; use another name, or --replace to exchange it for the new disk image')
    assert (work / name).read_text() == 'old' and os.listdir(work) == [name]


@pytest.mark.parametrize('option', ['--replace', '--overwrite'])
@pytest.mark.parametrize('name', NAMES)
def test_file_is_replaced_as_a_whole(client, small, everything, work, name, option):
    client.bootstrap(everything, work / name, SIZE)
    before = digest(work / name)
    with open(work / name, 'rb') as machine:
        client.bootstrap(small, work / name, SIZE, option)
        # Whoever has the old one open keeps it.
        assert hashlib.sha256(machine.read()).hexdigest() == before
    assert b'etc/shadow' not in snapshot(work / name)
    assert os.listdir(work) == [name]


def test_replaced_file_is_kept_under_another_name(client, small, work):
    (work / 'disk.raw').write_text('old')
    client.bootstrap(small, work / 'disk.raw', SIZE, '--replace', '--keep-old=disk.raw~')
    assert (work / 'disk.raw~').read_text() == 'old'
    assert sorted(os.listdir(work)) == ['disk.raw', 'disk.raw~']
    assert snapshot(work / 'disk.raw')


@pytest.mark.parametrize('kind, reason', [
    ('directory', '/disk.raw/" or use another format'), ('link', 'is a link; use the path of the file'),
    ('fifo', 'is not a regular file'), ('device', 'is not a regular file')])
def test_what_is_no_file_is_never_replaced(client, small, work, tmp_path, kind, reason):
    path, precious = work / 'disk.raw', tmp_path / 'precious'
    precious.write_text('precious')
    {'directory': path.mkdir, 'link': lambda: path.symlink_to(precious), 'fifo': lambda: os.mkfifo(path),
     'device': lambda: os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 200))}[kind]()
    before = path.lstat()
    for option in ('--replace', '--overwrite', '--no-sync'):
        result = client.fail(small, path, option)
        assert result.error == 'InvalidDestination' and reason in result.sentence, str(result)
    assert path.lstat().st_ino == before.st_ino and os.listdir(work) == [path.name]
    assert precious.read_text() == 'precious'


def test_directory_of_such_a_name_has_a_slash(client, small, work):
    client.bootstrap(small, f'{work}/disk.img/')
    assert (work / 'disk.img/hello').exists() or tree.names(work / 'disk.img')
    client.bootstrap(small, f'{work}/chain.qcow2/', '--format=qcow2', SIZE)
    assert disk.names(work / 'chain.qcow2') == ['layer-0.qcow2']


# All or nothing

@pytest.fixture
def slow_image(faulty_registry):
    """A reference whose last layer does not arrive whole, and the gate that holds it."""
    image = samples.large(files=8, layers=2)
    faulty_registry.add('slow', image)
    gate = faulty_registry.gate(image.layers[1].digest, 500_000)
    yield faulty_registry.reference('slow'), gate
    gate.set()


def started(client, reference, dest, *options):
    """A job that has begun to fill its disk image, which nobody can see at its name."""
    process = client.start('--json', '--not-secure', SIZE, *options, reference, dest)
    wait_for(lambda: any(path.stat().st_blocks > 2048 for path in dest.parent.glob('.virt-bootstrap-*/root')),
             'the image to grow')
    return process


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('options', [[], ['--replace']])
def test_cancelled_job_leaves_what_was_there(client, slow_image, work, name, options):
    if options:
        (work / name).write_text('old')
    process = started(client, slow_image[0], work / name, *options)
    assert (work / name).exists() == bool(options)
    assert bool(running([QEMU], process.pid)) == (name == 'disk.qcow2')
    process.send_signal(signal.SIGINT)
    client.finish(process, expect=130)
    assert os.listdir(work) == ([name] if options else [])
    assert not options or (work / name).read_text() == 'old'


@pytest.mark.parametrize('name', NAMES)
def test_killed_worker_leaves_nothing(client, slow_image, work, name):
    process = started(client, slow_image[0], work / name)
    for pid in workers_of(process):
        if step_of(pid) == 'disk':
            os.kill(pid, signal.SIGKILL)
    result = client.finish(process, expect=1)
    assert result.error == 'WorkerFailed', str(result)
    assert os.listdir(work) == []


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('options', [[], ['--replace']])
def test_killed_daemon_leaves_what_was_there(client, slow_image, work, name, options):
    if options:
        (work / name).write_text('old')
    process = started(client, slow_image[0], work / name, *options)
    [daemon] = running([programs.DAEMON], process.pid)
    os.kill(daemon, signal.SIGKILL)
    process.communicate(timeout=60)
    wait_for(lambda: not running(programs.ALL), 'every process to end')
    subprocess.run([programs.DAEMON, '--recover'], env=client.env, check=True)
    assert os.listdir(work) == ([name] if options else [])
    assert not options or (work / name).read_text() == 'old'


def test_file_that_somebody_creates_meanwhile_is_kept(client, slow_image, work):
    reference, gate = slow_image
    process = started(client, reference, work / 'disk.raw')
    (work / 'disk.raw').write_text('theirs')
    gate.set()
    result = client.finish(process, expect=1)
    assert result.error == 'DestinationNotEmpty', str(result)
    assert f'Somebody has created the destination {work}/disk.raw in the meantime' in result.sentence
    assert (work / 'disk.raw').read_text() == 'theirs' and os.listdir(work) == ['disk.raw']


def test_two_jobs_for_one_file_do_not_meet(client, slow_image, small, work):
    process = started(client, slow_image[0], work / 'disk.raw')
    result = client.fail(small, work / 'disk.raw')
    assert result.error == 'DestinationBusy', str(result)
    process.send_signal(signal.SIGINT)
    client.finish(process, expect=130)
    assert os.listdir(work) == []


def test_killed_process_leaves_the_old_file_or_the_new_one(client, everything, work):
    path = work / 'disk.raw'
    before = time.monotonic()
    client.bootstrap(everything, path, SIZE)
    duration = time.monotonic() - before
    chance = random.Random(SEED)
    for _ in range(MOMENTS):
        path.write_text('old')
        moment = chance.uniform(0, 1.2 * duration)
        process = client.start('--not-secure', '--replace', SIZE, everything, path)
        time.sleep(moment)
        for pid in running([programs.DAEMON], process.pid):
            os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=60)
        wait_for(lambda: not running(programs.ALL), 'every process to end')
        subprocess.run([programs.DAEMON, '--recover'], env=client.env, check=True)
        assert os.listdir(work) == ['disk.raw'], f'TEST_SEED={SEED}, after {moment} s'
        if path.stat().st_size != 3:
            assert b'etc/shadow' in snapshot(path), f'TEST_SEED={SEED}, after {moment} s'


SWAPPER = """
import os, sys
uid, home, away, precious = int(sys.argv[1]), *sys.argv[2:]
os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
told = False
while True:
    os.rename(home, away)
    told = told or print('ready', flush=True) or True
    os.symlink(precious, home)
    os.unlink(home)
    os.rename(away, home)
"""


@pytest.mark.parametrize('old', [True, False])
def test_user_who_swaps_the_directory_meanwhile_changes_nothing_of_others(client, slow_image, tmp_path, old):
    """It is the user's, and becomes a link to one of root's while root's job runs."""
    reference, gate = slow_image
    space, precious = tmp_path / 'space', tmp_path / 'precious'
    home, away = space / 'home', space / 'away'
    home.mkdir(parents=True)
    precious.mkdir()
    (precious / 'disk.raw').write_text('precious')
    outcomes = set()
    for path in tmp_path.parents[:2]:
        path.chmod(0o755)
    for path in (space, home):
        os.chown(path, programs.UID, programs.UID)
    for _ in range(ROUNDS):
        if old:
            (home / 'disk.raw').write_text('old')
        gate.clear()
        process = started(client, reference, home / 'disk.raw', '--replace', '--no-cache')
        swapper = subprocess.Popen(['/usr/bin/python3', '-c', SWAPPER, str(programs.UID), home, away, precious],
                                   stdout=subprocess.PIPE)
        try:
            assert swapper.stdout.readline() == b'ready\n'
            gate.set()
            result = client.finish(process, expect=None)
            assert swapper.poll() is None
        finally:
            swapper.kill()
            swapper.wait()
            swapper.stdout.close()
        if away.exists():
            home.unlink(missing_ok=True)
            away.rename(home)
        outcomes.add(result.status)
        assert os.listdir(precious) == ['disk.raw'] and (precious / 'disk.raw').read_text() == 'precious'
        if result.status == 0:
            assert disk.info(home / 'disk.raw')[0]['virtual-size'] == 256 << 20
            (home / 'disk.raw').unlink()
        else:
            assert result.error == 'InvalidDestination', str(result)
            assert os.listdir(home) == (['disk.raw'] if old else []), str(result)
            assert not old or (home / 'disk.raw').read_text() == 'old'
    assert 1 in outcomes, 'nothing was ever in the way'
