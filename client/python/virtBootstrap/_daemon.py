# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the daemon is: as virt-bootstrap finds it, on a message bus, else embedded."""

import logging
import os

from . import _bus, _embedded
from ._errors import BootstrapError, error

PRIVATE = 'unix:path=/run/virt-bootstrap/private'
_LOGGER = logging.getLogger('virtBootstrap')
# What jeepney raises because of an address that it cannot use, and a connection on which nobody answers.
_NO_ANSWER = (OSError, RuntimeError, ValueError, _bus.NoAnswer)
# Likewise, or a bus refuses us.
_NO_BUS = (*_NO_ANSWER, BootstrapError)


class Daemon:
    """A connection to the daemon, and the daemon itself if it is embedded."""

    def __init__(self, connection, process=None):
        self.connection = connection
        self._process = process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """An embedded daemon exits once its job has been cleaned up."""
        self.connection.close()
        if self._process:
            self._process.wait()

    def recover(self):
        """After the daemon has died, lets its successor clean up; a bus starts it when it is called."""
        try:
            if not self._process:
                self.connection.call(_bus.PATH, _bus.PEER, 'Ping')
                return
            self.connection.close()
            process, self._process = self._process, None
            process.wait()
            if not _embedded.recover():
                _LOGGER.warning('virt-bootstrapd --recover failed')
        except (OSError, BootstrapError) as reason:
            _LOGGER.warning('%s', reason)


def _open_bus(address):
    """A connection to a bus that has the daemon, or None."""
    try:
        connection = _bus.connect(address, is_bus=True)
    except _NO_BUS:
        return None
    try:
        if connection.has_daemon():
            return connection
    except _NO_BUS:
        pass
    connection.close()
    return None


def _open_private():
    """Early during boot and on a rescue system, no bus is running."""
    try:
        return _bus.connect(PRIVATE, is_bus=False)
    except _NO_BUS:
        return None


def _open_embedded():
    process, sock = _embedded.start()
    try:
        connection = _bus.Connection(sock, is_bus=False)
        connection.call(_bus.PATH, _bus.PEER, 'Ping')
    except BaseException as reason:
        sock.close()
        process.wait()
        # A daemon that cannot begin answers with the reason.
        if not isinstance(reason, _NO_ANSWER):
            raise
        why = f': {process.last_line}' if process.last_line else ''
        raise error('DaemonUnavailable', f'The embedded daemon does not answer{why}') from None
    return Daemon(connection, process)


def open_daemon():
    """For root the system bus, then the private socket; for others the session bus; else an embedded one."""
    if os.geteuid() == 0:
        connection = _open_bus('SYSTEM') or _open_private()
    else:
        address = _bus.session_address()
        connection = _open_bus(address) if address else None
    return Daemon(connection) if connection else _open_embedded()
