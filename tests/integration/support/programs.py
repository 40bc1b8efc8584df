# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs under test: where they are, and how the tests start them."""

import json
import os
import pathlib
import signal
import subprocess

from . import events
from .bus import Connection
from .process import DEADLINE, descendants, is_listening, running, stop, wait_for

BUILD = pathlib.Path(os.environ.get('TEST_BUILD', 'build-test')).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[3]
CLIENT = pathlib.Path(os.environ.get('TEST_CLIENT', BUILD / 'client/virt-bootstrap'))
DAEMON = pathlib.Path(os.environ.get('TEST_DAEMON', BUILD / 'daemon/service/virt-bootstrapd'))
# The directory of the programs of all steps, and each of them.
WORKERS_DIR = pathlib.Path(os.environ.get('TEST_WORKERS', BUILD / 'daemon/worker/steps'))
STEPS = ('builder', 'disk', 'fetch', 'fetch-archive', 'fetch-directory', 'resolve', 'tree', 'trust', 'unpack',
         'verify')
WORKERS = [WORKERS_DIR / f'virt-bootstrap-{step}' for step in STEPS]
ALL = (CLIENT, DAEMON, *WORKERS)

# No proxy, no configuration and no bus of the machine reaches the programs.
KEPT = ('PATH', 'LANG', 'TERM', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'TSAN_OPTIONS')


# An ordinary user of the tests' own, and how to be one.
UID = 4711
AS_USER = ['setpriv', f'--reuid={UID}', f'--regid={UID}', '--clear-groups']


def environment(home, **more):
    """What the programs get: the parts of this build, a cache and a home of the test's own."""
    home = pathlib.Path(home)
    home.mkdir(parents=True, exist_ok=True)
    kept = {key: os.environ[key] for key in KEPT if key in os.environ}
    return {**kept, 'LC_ALL': 'C.UTF-8', 'HOME': str(home), 'XDG_RUNTIME_DIR': str(home),
            'VIRTBOOTSTRAP_DAEMON': str(DAEMON), 'VIRTBOOTSTRAP_WORKERS': str(WORKERS_DIR),
            'VIRTBOOTSTRAP_CACHE': str(home / 'cache'), 'CONTAINERS_REGISTRIES_CONF': '/dev/null', **{k: str(v) for k, v in more.items()}}


def wrap_workers(folder, script, workers=WORKERS_DIR):
    """Makes a directory of workers that are @script, for sh: $STEP is theirs, and $WORKER the real one."""
    folder.mkdir(exist_ok=True)
    for step in STEPS:
        path = folder / f'virt-bootstrap-{step}'
        path.write_text(f'#!/bin/sh\nSTEP={step}\nWORKER={workers}/virt-bootstrap-{step}\n{script}')
        path.chmod(0o755)
    return folder


def assert_sane(log):
    """No sanitizer found anything; what embedded programs print is in the client's log too."""
    assert 'Sanitizer' not in log and 'runtime error:' not in log, log


class Result:
    """How a run of the client ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def events(self):
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    def of(self, kind):
        return [one for one in self.events if one.get('event') == kind]

    @property
    def error(self):
        """The last component of the error's name, as --json tells it."""
        return self.of('finished')[-1]['error'].rpartition('.')[2]

    @property
    def sentence(self):
        """The one line that a failure prints."""
        lines = [line for line in self.err.splitlines() if line.startswith('virt-bootstrap: ')]
        assert len(lines) == 1, f'{len(lines)} sentences: {self.err}'
        return lines[0].removeprefix('virt-bootstrap: ')

    def __str__(self):
        return f'status {self.status}\n--- out\n{self.out}\n--- err\n{self.err}'


class Client:
    """Runs virt-bootstrap, in embedded mode unless @address says where the daemon is."""

    def __init__(self, env, address=None, prefix=()):
        self.env, self.prefix = env, list(prefix)
        self.where = [f'--address={address}'] if address else ['--embedded']

    def argv(self, *args):
        return [*self.prefix, str(CLIENT), *self.where, *map(str, args)]

    def start(self, *args, **kw):
        """In a process group of its own, as a shell's job would be."""
        env = {**self.env, **kw.pop('env', {})}
        return subprocess.Popen(self.argv(*args), env=env, text=True,
                                stdin=kw.pop('stdin', subprocess.DEVNULL),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=True, **kw)

    def finish(self, process, expect=0):
        try:
            out, err = process.communicate(timeout=2 * DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f'the client does not end\n{out}\n{err}') from None
        result = Result(process.returncode, out, err)
        assert_sane(err)
        events.check(out)
        assert expect is None or result.status == expect, str(result)
        return result

    def run(self, *args, expect=0, **kw):
        return self.finish(self.start(*args, **kw), expect)

    def bootstrap(self, source, dest, *args, **kw):
        return self.run('--not-secure', *args, source, dest, **kw)

    def fail(self, source, dest, *args, **kw):
        """A bootstrap that must fail; its --json events and its one sentence."""
        result = self.run('--json', '--not-secure', *args, source, dest, expect=None, **kw)
        assert result.sentence and result.events[-1]['result'] == 'failed', str(result)
        is_usage = not result.events[-1]['job'] and result.error in ('InvalidOption', 'InvalidReference')
        assert result.status == (2 if is_usage else 1), str(result)
        return result


class Daemon:
    """virt-bootstrapd on a private bus or, without @bus, on a socket, as systemd would start it."""

    def __init__(self, env, bus=None, kind='user', options=()):
        options = ['--idle-timeout=600', *options]
        if bus:
            variable = 'DBUS_SYSTEM_BUS_ADDRESS' if kind == 'system' else 'DBUS_SESSION_BUS_ADDRESS'
            argv = [DAEMON, f'--bus={kind}', *options]
            env, self.address, self.peer = {**env, variable: bus.address}, bus.address, False
        else:
            path = pathlib.Path(env['HOME']) / 'private'
            argv = ['systemd-socket-activate', '-l', path,
                    *(f'-E{key}={value}' for key, value in env.items()), DAEMON, *options]
            self.address, self.peer = f'unix:path={path}', True
        self.errors = pathlib.Path(env['HOME']) / 'daemon.log'
        with open(self.errors, 'wb') as log:
            self.process = subprocess.Popen(list(map(str, argv)), env=env, stderr=log)
        wait_for(self._ready, 'the daemon to listen')

    def _ready(self):
        assert self.process.poll() is None, self.errors.read_text()
        if self.peer:
            return is_listening(self.address.removeprefix('unix:path='))
        connection = Connection(self.address)
        try:
            return connection._call('org.freedesktop.DBus', '/org/freedesktop/DBus',
                                    'org.freedesktop.DBus', 'NameHasOwner', 's',
                                    'org.virtbootstrap1')[0]
        finally:
            connection.close()

    def connect(self):
        return Connection(self.address, self.peer)

    def workers(self):
        return running(WORKERS, self.process.pid)

    def stop(self):
        """Ends it; a test may have done so before. What the sanitizers said fails the test."""
        went = stop(self.process)
        log = self.errors.read_text(errors='replace')
        assert went, f'SIGTERM did not end the daemon\n{log}'
        assert self.process.returncode in (0, -signal.SIGTERM, -signal.SIGKILL), log
        assert_sane(log)


class Monitor:
    """What passes over a bus, as busctl captures it."""

    def __init__(self, address):
        self.process = subprocess.Popen(['busctl', f'--address={address}', 'capture'],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.seen = b''
        # The head of the file comes once it watches.
        wait_for(lambda: self._read(), 'the monitor')

    def _read(self):
        self.seen += self.process.stdout.read() or b''
        return self.seen

    def read_until(self, text):
        wait_for(lambda: text in self._read(), f'{text} on the bus')
        return self.seen

    def __enter__(self):
        return self

    def __exit__(self, *what):
        stop(self.process)
        self.process.stdout.close()


def workers_of(process):
    """The pids of the workers below a process, such as a client in embedded mode."""
    return [pid for pid in descendants(process.pid) if pid in running(WORKERS)]
