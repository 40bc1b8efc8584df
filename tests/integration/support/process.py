# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes, deadlines and ports. Waiting is always for something that can be observed."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
DEADLINE = 30 * float(os.environ.get('TEST_TIME_FACTOR', '1'))
POLL = 0.01


def become_subreaper():
    """Orphans of what the tests start stay below this process, so that none can hide."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_for(condition, what, timeout=None):
    """Polls until @condition() is true; returns what it returned."""
    end = time.monotonic() + (timeout or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'waited in vain: {what}')
        time.sleep(POLL)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def is_listening(path):
    """Whether a Unix socket takes connections: it exists a moment earlier than that."""
    with open('/proc/net/unix') as f:
        rows = (line.split() for line in f)
        return any(len(row) == 8 and row[7] == str(path) and int(row[3], 16) & 0x10000
                   for row in rows)


def _parents():
    out = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f'/proc/{name}/stat') as f:
                fields = f.read().rpartition(')')[2].split()
                if fields[0] != 'Z':
                    out[int(name)] = int(fields[1])
    return out


def descendants(pid):
    parents, found = _parents(), []
    for one in parents:
        up = one
        while up in parents and up != pid:
            up = parents[up]
        if up == pid and one != pid:
            found.append(one)
    return found


def running(programs, below=None):
    """The pids below @below (default: this process) which execute one of @programs."""
    wanted = {os.path.realpath(one) for one in programs}
    out = []
    for pid in descendants(below or os.getpid()):
        with contextlib.suppress(OSError):
            if os.readlink(f'/proc/{pid}/exe') in wanted:
                out.append(pid)
    return out


def command_line(pid):
    """The arguments of a process; none when it has ended."""
    try:
        with open(f'/proc/{pid}/cmdline', 'rb') as f:
            return f.read().split(b'\0')
    except (FileNotFoundError, ProcessLookupError):
        return []


def open_files(pid):
    """What the descriptors of a process lead to."""
    paths = []
    for name in os.listdir(f'/proc/{pid}/fd'):
        with contextlib.suppress(OSError):
            paths.append(os.readlink(f'/proc/{pid}/fd/{name}'))
    return paths


def reap():
    """Collects the orphans that ended and were inherited."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def stop(process, sig=signal.SIGTERM):
    """Ends @process; returns whether it went without force."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(DEADLINE / 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
    return True


def run(argv, **kw):
    """A helper program that must succeed."""
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=120, **kw)
    assert done.returncode == 0, f'{argv}: {done.stdout}{done.stderr}'
    return done.stdout


def unmount(path):
    """Unmounts @path once the last worker that has it open has ended, which may be after its job."""
    wait_for(lambda: subprocess.run(['umount', path], capture_output=True, check=False).returncode == 0,
             f'{path} to be unmounted')


def in_mount_namespace(binds, argv):
    """@argv, run where each (from, to) of @binds is mounted; the machine itself is left alone."""
    script = ''.join(f'mount --bind "${2 * i + 1}" "${2 * i + 2}"\n' for i in range(len(binds)))
    script += f'shift {2 * len(binds)}\nexec "$@"'
    paths = [str(path) for pair in binds for path in pair]
    return ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh',
            *paths, *argv]
