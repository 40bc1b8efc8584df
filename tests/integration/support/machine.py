# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with a real systemd, in a container on this machine's own files: what is tested is installed."""

import contextlib
import os
import pathlib
import stat
import subprocess

from . import programs, tar
from .process import DEADLINE, descendants, wait_for

BOOT = pathlib.Path(__file__).resolve().parents[1] / 'systemd/boot-machine'
ENVIRONMENT = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
               'LC_ALL': 'C.UTF-8'}
UNIT = 'virt-bootstrapd.service'
WORKERS = [f'virt-bootstrap-{step}' for step in programs.STEPS]
# CAP_NET_ADMIN, CAP_SYS_MODULE, CAP_SYS_PTRACE and CAP_SYS_ADMIN, by their numbers in Linux.
FORBIDDEN = 1 << 12 | 1 << 16 | 1 << 19 | 1 << 21


class CannotBoot(Exception):
    """Its text has what systemd-nspawn said."""


def _cgroups():
    """The cgroups of this process in which systemd-nspawn makes others, by their directories."""
    with open('/proc/self/cgroup', encoding='ascii') as f:
        own = {name: path for _, name, path in (line.strip().split(':', 2) for line in f)}
    with open('/proc/self/mountinfo', encoding='utf-8') as f:
        for line in f:
            before, _, after = line.partition(' - ')
            top, place = before.split()[3:5]
            kind, _, options = after.split()
            name = '' if kind == 'cgroup2' else 'name=systemd'
            if kind == 'cgroup2' or (kind == 'cgroup' and name in options.split(',')):
                yield pathlib.Path(place) / os.path.relpath(own[name], top)


def _remove_cgroup(path):
    """A cgroup with all that are in it; whether nothing of it is left."""
    for folder, _, _ in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    return not path.exists()


class User:
    """An ordinary user of a machine."""

    def __init__(self, machine, name):
        machine.run('useradd', '--create-home', name)
        self.name, self.home = name, f'/home/{name}'
        self.uid = int(machine.run('id', '-u', name).out)
        machine.path(self.home).chmod(0o700)
        self.prefix = ['setpriv', f'--reuid={self.uid}', f'--regid={self.uid}', '--clear-groups']


class Machine:
    def __init__(self, folder):
        self.leader = None
        self._groups, self._process = [], None
        self._log = folder / 'boot.log'
        self._root = folder / 'machine'
        self._root.mkdir()
        try:
            self._boot()
        except BaseException:
            self.stop()
            raise

    def _boot(self):
        try:
            for parent in _cgroups():
                group = parent / f'virt-bootstrap-test-{os.getpid()}'
                group.mkdir()
                self._groups.append(group)
        except OSError as error:
            raise CannotBoot(f'Cannot make a cgroup: {error}') from None
        # Whoever is killed takes all the others along: setpriv's child, and that one's.
        argv = ['setpriv', '--pdeathsig=KILL', 'unshare', '--mount', '--pid', '--fork',
                '--kill-child', '--mount-proc', BOOT, programs.BUILD, self._root, *self._groups]
        with open(self._log, 'wb') as log:
            self._process = subprocess.Popen(
                list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        try:
            self.leader = wait_for(self._find_leader, 'systemd to start')
            self.run('systemctl', 'is-system-running', '--wait', expect=None)
        except AssertionError as error:
            raise CannotBoot(f'{error}\n{self._log.read_text(errors="replace")}') from None

    def _find_leader(self):
        """The container's first process, seen from here, when it takes orders."""
        assert self._process.poll() is None, 'systemd-nspawn ended'
        for pid in descendants(self._process.pid):
            with contextlib.suppress(OSError):
                if (os.path.basename(os.readlink(f'/proc/{pid}/exe')) == 'systemd' and
                        stat.S_ISSOCK(os.stat(f'/proc/{pid}/root/run/systemd/private').st_mode)):
                    return pid
        return None

    def stop(self):
        """Ends everything in the machine; nothing that it mounted, started or wrote is left."""
        if self._process:
            pids = descendants(self._process.pid)
            self._process.kill()
            self._process.wait()
            for pid in pids:
                # Of all of them systemd-nspawn becomes a child of this process.
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
        for group in self._groups:
            wait_for(lambda group=group: _remove_cgroup(group), f'{group} to be empty')

    def path(self, name):
        """Where a file of the machine is, seen from here."""
        return pathlib.Path(f'/proc/{self.leader}/root{name}')

    def prefix(self, user=None):
        """What runs a program in the machine, as root or as a User."""
        return ['nsenter', f'--target={self.leader}', '--all', *(user.prefix if user else ())]

    def environment(self, user=None, session=True):
        """What a program in the machine gets; @session: the user's own systemd and bus, too."""
        out = {**ENVIRONMENT, 'HOME': user.home if user else '/root'}
        if user and session:
            out['XDG_RUNTIME_DIR'] = f'/run/user/{user.uid}'
        return out

    def run(self, *argv, user=None, expect=0):
        """@expect: the exit status that it must have, None for any."""
        done = subprocess.run(self.prefix(user) + list(map(str, argv)), capture_output=True,
                              env=self.environment(user), stdin=subprocess.DEVNULL, text=True,
                              timeout=2 * DEADLINE)
        result = programs.Result(done.returncode, done.stdout, done.stderr)
        assert expect in (None, result.status), f'{argv}: {result}'
        return result

    def client(self, *where, user=None, session=True):
        return InstalledClient(self, where, user, session)

    def journal(self, *options):
        self.run('journalctl', '--sync')
        return self.run('journalctl', '--quiet', '--all', '--output=cat', *options).out

    def processes(self, *names):
        """The pids, as seen from here, of what executes a program of one of these names."""
        return [pid for pid in descendants(self.leader) if _program(pid) in names]

    def workers(self):
        return self.processes(*WORKERS)

    def statuses(self, *names):
        """What the kernel says of each, by key."""
        out = []
        for pid in self.processes(*names):
            with contextlib.suppress(OSError), open(f'/proc/{pid}/status', encoding='ascii') as f:
                out.append(dict((part.strip() for part in line.split(':', 1)) for line in f))
        return out

    def sandboxed_worker(self):
        """The status of the one worker, which has to be in a sandbox."""
        worker, = self.statuses(*WORKERS)
        daemon, = self.statuses('virt-bootstrapd')
        assert worker['NoNewPrivs'] == '1' and worker['Seccomp'] == '2'
        # The container itself has a system call filter already.
        assert int(worker['Seccomp_filters']) > int(daemon['Seccomp_filters'])
        for kind in ('CapPrm', 'CapEff', 'CapInh', 'CapAmb'):
            assert not int(worker[kind], 16) & FORBIDDEN
        return worker


def _program(pid):
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(f'/proc/{pid}/exe'))
    return None


class InstalledClient(programs.Client):
    """The client in a machine, which finds the daemon by itself unless @where says how."""

    def __init__(self, machine, where, user, session):
        super().__init__(machine.environment(user, session), prefix=machine.prefix(user))
        self.where = where

    def argv(self, *args):
        return [*self.prefix, 'virt-bootstrap', *self.where, *map(str, args)]


class Service:
    """virt-bootstrapd's unit, of the system or of a user."""

    def __init__(self, machine, user=None):
        self.machine, self.user = machine, user
        self.systemctl = ['systemctl', *(['--user'] if user else [])]

    def control(self, *argv, **kw):
        return self.machine.run(*self.systemctl, *argv, user=self.user, **kw).out

    def show(self, name):
        return self.control('show', '--value', '--property', name, UNIT).strip()

    @property
    def state(self):
        return self.show('ActiveState')

    @property
    def pid(self):
        return int(self.show('MainPID'))

    def stop(self):
        self.control('stop', UNIT)

    def kill(self, who):
        self.control('kill', '--signal=KILL', f'--kill-whom={who}', UNIT)

    def reset(self):
        """As after a boot: it does not run, and its last end is forgotten."""
        self.stop()
        self.control('reset-failed', UNIT, expect=None)
        assert not self.machine.workers()


class HalfJob:
    """A job in its middle: half of its tarball has come through a pipe, and is unpacked."""

    ARCHIVE = tar.archive([tar.directory('etc'), tar.file('etc/early', b'early\n'),
                           tar.file('etc/late', bytes(8 << 20))])

    def __init__(self, client, machine, destination, *options):
        self._client = client
        self._folder = machine.path(os.path.dirname(destination))
        self.process = client.start('--json', *options, '-', destination, stdin=subprocess.PIPE)
        self._write(self.ARCHIVE[:len(self.ARCHIVE) // 2])
        wait_for(lambda: list(self._folder.glob('.virt-bootstrap-*/root/etc/early')),
                 'the first half to be unpacked')

    def _write(self, data):
        self.process.stdin.buffer.write(data)
        self.process.stdin.flush()

    def go_on(self):
        self._write(self.ARCHIVE[len(self.ARCHIVE) // 2:])
        return self.finish(0)

    def finish(self, expect=1):
        return self._client.finish(self.process, expect)

    def left(self):
        """What there is of it beside, or at, the destination."""
        return [path.name for path in self._folder.iterdir()
                if path.name not in ('root.tar', 'secret')]
