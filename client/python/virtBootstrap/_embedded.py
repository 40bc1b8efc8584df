# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon of this process's own: virt-bootstrapd --embedded-fd=3, with one end of a socket pair.

It exits when the other end is closed. As everywhere in this package: no signal handler, no child of another
part of the process is waited for, and any number of threads may do this at the same time.
"""

import contextlib
import fcntl
import logging
import os
import select
import signal
import socket
import threading

from ._errors import error_of_os
from ._install import DAEMON

_FD = 3
_STOP_SECONDS = 30  # at most; it has to remove the leftovers of a job
_TERMINATE_SECONDS = 5  # between SIGTERM and SIGKILL
_RECOVER_SECONDS = 600  # removing a big tree takes a while
# What this process may ignore, but a daemon may not.
_RESET = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE}
_LOGGER = logging.getLogger('virtBootstrap')


class Process:
    """virt-bootstrapd with some options, in a session of its own. What it prints is logged.

    sock: becomes _FD, unless it is None.
    """

    def __init__(self, options, sock=None):
        path = os.environ.get('VIRTBOOTSTRAP_DAEMON') or DAEMON
        self.last_line = ''
        output, errors = os.pipe()
        fds = [errors]
        try:
            # Beyond those which the child has, whatever is closed here.
            fds.append(fcntl.fcntl(errors, fcntl.F_DUPFD_CLOEXEC, _FD + 1))
            actions = [(os.POSIX_SPAWN_DUP2, fds[-1], 2),
                       (os.POSIX_SPAWN_OPEN, 0, '/dev/null', os.O_RDONLY, 0),
                       (os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0)]
            if sock:
                fds.append(fcntl.fcntl(sock, fcntl.F_DUPFD_CLOEXEC, _FD + 1))
                actions.append((os.POSIX_SPAWN_DUP2, fds[-1], _FD))
            self._pid = os.posix_spawn(path, [path, *options, '--log-level=err'], os.environ, file_actions=actions,
                                       setsid=True, setsigmask=[], setsigdef=_RESET)
            self._pidfd = os.pidfd_open(self._pid)
        except OSError as reason:
            os.close(output)
            raise error_of_os(f'Cannot start {path}', reason, 'DaemonUnavailable') from None
        finally:
            for fd in fds:
                os.close(fd)
        self._reader = threading.Thread(target=self._log, args=(output,), daemon=True)
        self._reader.start()

    def _log(self, output):
        with open(output, encoding='utf-8', errors='replace') as lines:
            for line in map(str.rstrip, lines):
                self.last_line = line
                _LOGGER.error('%s', line)

    def wait(self, seconds=_STOP_SECONDS):
        """Waits until it exits, and ends it if it does not; returns whether it succeeded."""
        status = self._wait(seconds)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if status is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, number)
                status = self._wait(_TERMINATE_SECONDS)
        os.close(self._pidfd)
        self._reader.join(_TERMINATE_SECONDS)
        return status == 0

    def _wait(self, seconds):
        """The status; None if it still runs, -1 if somebody else in this process waited for it."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return None
        try:
            return os.waitpid(self._pid, 0)[1]
        except ChildProcessError:
            return -1


def start():
    """Returns the process, and a socket to talk to it."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            return Process([f'--embedded-fd={_FD}'], theirs), ours
        except BaseException:
            ours.close()
            raise


def recover():
    """Cleans up after a daemon that was killed; returns whether that succeeded."""
    return Process(['--recover']).wait(_RECOVER_SECONDS)
