# SPDX-License-Identifier: LGPL-2.1-or-later
"""A job from its submission to its end."""

import logging

from . import _bus
from ._errors import BootstrapError, error

_LOGGER = logging.getLogger('virtBootstrap')
# Priorities of syslog(3).
_LEVELS = {0: logging.CRITICAL, 1: logging.CRITICAL, 2: logging.CRITICAL, 3: logging.ERROR, 4: logging.WARNING,
           7: logging.DEBUG}
_DONE = 'Done'
_STATUS = {'queued': 'Waiting', 'resolve': 'Resolving', 'download': 'Downloading', 'build': 'Building',
           'unpack': 'Unpacking', 'finish': 'Finishing', 'clean': 'Cleaning up', 'done': _DONE}


class _Progress:
    """What the caller is told: each new status is logged, the value only grows."""

    def __init__(self, callback):
        self._callback = callback
        self._last = (None, 0)

    def update(self, status, value):
        value = max(self._last[1], min(value, 100))
        if (status, value) == self._last:
            return
        if status != self._last[0]:
            _LOGGER.info('%s', status)
        self._last = (status, value)
        if self._callback:
            self._callback({'status': status, 'value': value})


class Job:
    def __init__(self, connection, progress_cb=None):
        self._connection = connection
        self._progress = _Progress(progress_cb)
        self._bootstrap = self._wait = None  # calls that were sent
        self._path = self._daemon = None  # the job's object, and whose it is

    @property
    def has_begun(self):
        return self._path is not None

    def run(self, request):
        """Returns when the job is done. If that is interrupted by any exception, of the callback's or
        KeyboardInterrupt, the job is cancelled, and has been cleaned up when the exception goes on."""
        try:
            self._connection.subscribe(_bus.JOB)
            self._bootstrap = self._connection.send(_bus.PATH, _bus.MANAGER, 'Bootstrap', 'ssa{sv}', request.source,
                                                    request.destination, request.options)
            self._begin()
            result, name, message = self._connection.answer(self._wait, on_signal=self._on_signal)
        except BaseException as reason:
            if reason is not self._connection.failure:
                self._cancel()
            raise
        if result != 'done':
            raise BootstrapError(name, message)
        self._progress.update(_DONE, 100)

    def _begin(self):
        self._path = self._connection.answer(self._bootstrap)[1]
        self._daemon = self._connection.peer
        self._wait = self._connection.send(self._path, _bus.JOB, 'Wait')

    def _cancel(self):
        if self._bootstrap is None:
            return
        try:
            if self._wait is None:
                self._begin()
            self._connection.send(self._path, _bus.JOB, 'Cancel')
            self._connection.answer(self._wait)
        except (BootstrapError, ConnectionResetError):
            pass  # there is no job, or it went with its daemon

    def _on_signal(self, signal):
        # Anybody on a bus may send a signal.
        if (signal.sender, signal.path, signal.interface) != (self._daemon, self._path, _bus.JOB):
            return
        if signal.member == 'ProgressChanged':
            phase, _, _, fraction = signal.body
            self._progress.update(_STATUS.get(phase, phase), 100 * fraction)
        elif signal.member == 'Message':
            priority, text = signal.body
            _LOGGER.log(_LEVELS.get(priority, logging.INFO), '%s', text)


def run(daemon, request, progress_cb):
    """Runs one job; raises BootstrapError with the daemon's own name and sentence if it is not done."""
    job = Job(daemon.connection, progress_cb)
    try:
        job.run(request)
    except ConnectionResetError as reason:
        if reason is not daemon.connection.failure:
            raise
        lost = 'The daemon exited while the job was running' if job.has_begun else reason
    else:
        return
    daemon.recover()
    raise error('Interrupted', str(lost))
