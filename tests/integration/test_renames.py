# SPDX-License-Identifier: LGPL-2.1-or-later
"""A local user renames directories of their own while root removes them: nobody else loses anything, and
what was to be removed is gone, or it is said what stays."""

import contextlib
import ctypes
import os
import signal
import subprocess

import pytest

from support import programs, tar
from support.jail import Jail
from support.process import descendants, run, wait_for

pytestmark = pytest.mark.root

# Most rounds are those of test-worker-remove; here each starts all programs.
ROUNDS = int(os.environ.get('TEST_ROUNDS', 10))
FILES = 1000
HOME = '/home/vm/root'
# Beside the destination, and in all directories above it.
CANARIES = ('precious', 'home/precious', 'home/vm/precious', 'home/vm/other/precious')
IN_DELETE = 0x200
LIBC = ctypes.CDLL(None, use_errno=True)

BUILDER = """#!/bin/sh
mkdir -p alice/a/b/c outside && cd alice/a/b/c && seq {files} | xargs touch
: >/tmp/ready
while [ ! -e /tmp/go ]; do sleep 0.01; done
exit 1
"""


@pytest.fixture
def jail(tmp_path):
    folder = tmp_path / 'jail'
    folder.mkdir()
    one = Jail(folder)
    for name in CANARIES:
        one.at(name).parent.mkdir(parents=True, exist_ok=True)
        one.at(name).write_text('precious')
    one.at('outside').mkdir()
    os.chown(one.at('outside'), programs.UID, programs.UID)
    yield one
    one.stop()


@pytest.fixture
def client(jail):
    env = {**programs.environment(jail.at('user')), 'HOME': '/user', 'XDG_RUNTIME_DIR': '/user',
           'VIRTBOOTSTRAP_CACHE': '/user/cache'}
    return programs.Client(env, prefix=jail.prefix)


def fill(root, uid=programs.UID):
    """alice/a/b/c, with many files in it, all of it the user's."""
    below = root / 'alice/a/b/c'
    below.mkdir(parents=True)
    for i in range(FILES):
        (below / str(i)).touch()
    for path in [below, *list(below.parents)[:3]]:
        os.chown(path, uid, uid)


def layer():
    """The same, as what an image brings."""
    return [tar.directory(name, uid=programs.UID)
            for name in ('alice', 'alice/a', 'alice/a/b', 'alice/a/b/c')] + [
                tar.file(f'alice/a/b/c/{i}', uid=programs.UID) for i in range(FILES)
            ] + [tar.file('filler', bytes(1 << 20))]  # so that none of them waits in a buffer


class Renamer:
    """A process of the user's that holds descriptors, and renames as soon as something in c is removed."""

    def __init__(self, root, outside, uid=programs.UID):
        paths = [root / 'alice', root / 'alice/a/b', outside, root / 'alice/a/b/c']
        self.fds = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in paths]
        read_end, write_end = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._run(uid, write_end)
            finally:
                os._exit(1)
        os.close(write_end)
        assert os.read(read_end, 1) == b'r'
        os.close(read_end)

    def _run(self, uid, write_end):
        alice, b, outside, c = self.fds
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        events = LIBC.inotify_init1(0)
        assert LIBC.inotify_add_watch(events, f'/proc/self/fd/{c}'.encode(), IN_DELETE) >= 0
        os.write(write_end, b'r')
        os.read(events, 4096)
        moves = ((b, b'c', alice, b'c2'), (alice, b'c2', b, b'c'), (b, b'c', outside, b'c3'),
                 (outside, b'c3', alice, b'c2'))
        while True:
            for move in moves:
                LIBC.renameat(*move)

    def stop(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        for fd in self.fds:
            os.close(fd)


def check(jail, *gone):
    """The canaries are there, and nothing else but what the user has moved out, which is empty or was all
    the same the user's."""
    for name in CANARIES:
        assert jail.at(name).exists(), f'{name} is gone'
    for name in gone:
        assert not jail.at(name).exists(), name
    run(['rm', '-rf', jail.at('outside/c3')])


def left(jail):
    return [path.name for path in jail.at('home/vm').iterdir()
            if path.name not in ('precious', 'other', 'root')]


def test_overwrite(jail, client):
    source = jail.at('source.tar')
    source.write_bytes(tar.archive([tar.file('new', b'new')]))
    for _ in range(ROUNDS):
        fill(jail.at(HOME))
        renamer = Renamer(jail.at(HOME), jail.at('outside'))
        try:
            client.bootstrap('file:///source.tar', HOME, '--overwrite')
        finally:
            renamer.stop()
        check(jail)
        assert jail.at(HOME + '/new').exists()
        assert not left(jail)
        run(['rm', '-rf', jail.at(HOME)])


def start_half_way(jail, client):
    """A job that stands still when alice's files are there; with its input, and the root that it fills."""
    job = client.start('file:///dev/stdin', HOME, stdin=subprocess.PIPE)
    job.stdin.buffer.write(tar.archive(layer(), end=False))
    job.stdin.flush()
    last = wait_for(lambda: next(jail.at('home/vm').glob(
        f'.virt-bootstrap-*/root/alice/a/b/c/{FILES - 1}'), None), 'the files')
    return job, last.parents[4]


def daemon_of(job):
    def find():
        for pid in descendants(job.pid):
            with contextlib.suppress(OSError), open(f'/proc/{pid}/comm') as f:
                if f.read().strip() == 'virt-bootstrapd':
                    return pid
        return None
    return wait_for(find, 'the daemon')


def test_cancel(jail, client):
    for _ in range(ROUNDS):
        job, root = start_half_way(jail, client)
        renamer = Renamer(root, jail.at('outside'))
        try:
            job.send_signal(signal.SIGINT)
            client.finish(job, expect=130)
        finally:
            renamer.stop()
        check(jail, HOME)
        assert not left(jail)


def test_recovery(jail, client):
    for _ in range(ROUNDS):
        job, root = start_half_way(jail, client)
        renamer = Renamer(root, jail.at('outside'))
        try:
            # Its client has another daemon recover what this one leaves, and it may be the first of the two.
            os.kill(daemon_of(job), signal.SIGKILL)
            client.finish(job, expect=1)
            done = subprocess.run([*jail.prefix, programs.DAEMON, '--recover'], env=client.env,
                                  capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, '')
        finally:
            renamer.stop()
        check(jail, HOME)
        assert not left(jail)


def test_prune(jail, client):
    for _ in range(ROUNDS):
        job, root = start_half_way(jail, client)
        daemon = daemon_of(job)
        for pid, number in ((daemon, signal.SIGSTOP), (job.pid, signal.SIGKILL),
                            (daemon, signal.SIGKILL)):
            os.kill(pid, number)
        client.finish(job, expect=-signal.SIGKILL)
        wait_for(lambda: not os.path.exists(f'/proc/{daemon}/exe'), 'the daemon to end')
        renamer = Renamer(root, jail.at('outside'))
        try:
            client.run('cache', 'prune', '--force')
        finally:
            renamer.stop()
        check(jail, HOME)
        assert not left(jail)


def test_builder(jail, client):
    """Somebody with the id under which virt-builder runs, who has found a way into its place."""
    jail.at('programs').mkdir()
    for name in ('virt-builder', 'guestfish'):
        jail.at(f'programs/{name}').write_text(BUILDER.format(files=FILES))
        jail.at(f'programs/{name}').chmod(0o755)
    client.env['PATH'] = f'/programs:{client.env["PATH"]}'
    for _ in range(ROUNDS):
        job = client.start('virt-builder://tiny', HOME)
        wait_for(jail.at('tmp/ready').exists, 'virt-builder')
        place = next(jail.at('user/cache/builder').glob('place-*'))
        uid = os.stat(place).st_uid
        os.chown(jail.at('outside'), uid, uid)
        renamer = Renamer(place, jail.at('outside'), uid)
        try:
            jail.at('tmp/go').touch()
            result = client.finish(job, expect=1)
        finally:
            renamer.stop()
        assert 'virt-builder failed: it exited with status 1' in result.err
        check(jail, HOME, place.relative_to(jail.root))
        for name in ('ready', 'go'):
            jail.at(f'tmp/{name}').unlink()
        assert not left(jail)
