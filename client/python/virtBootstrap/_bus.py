# SPDX-License-Identifier: LGPL-2.1-or-later
"""D-Bus over a connected socket: calls, their answers, and the signals in between.

Of jeepney, only what reads and writes messages is used: its connections are those to a message bus.
"""

import array
import itertools
import os
import socket
import time

from jeepney import DBusAddress, HeaderFields, MessageFlag, MessageType, Parser, new_method_call
from jeepney.auth import BEGIN, Authenticator
from jeepney.bus import get_bus

from ._errors import LOST, PREFIX, BootstrapError, error_of_bus

NAME = 'org.virtbootstrap1'
PATH = '/org/virtbootstrap1'
MANAGER, JOB = NAME + '.Manager', NAME + '.Job'
PEER = 'org.freedesktop.DBus.Peer'
_DRIVER = ('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus')
_TIMEOUT = 25  # seconds, for all but the calls that wait for a job
_READ_BYTES = 65536


class NoAnswer(BootstrapError):
    """Nobody answered in time: no word of the daemon's own."""


class Signal:
    """One signal: object path, interface, member and arguments."""

    def __init__(self, message):
        fields = message.header.fields
        self.sender = fields.get(HeaderFields.sender)
        self.path = fields.get(HeaderFields.path)
        self.interface = fields.get(HeaderFields.interface)
        self.member = fields.get(HeaderFields.member)
        self.body = message.body


class Connection:
    """Owned by one thread. Raises BootstrapError, and ConnectionResetError when the daemon or the bus has gone.

    sock: connected; closed with the connection.
    is_bus: whether the other end is a message bus, or else the daemon itself.
    failure: the last of these exceptions, for a caller whose own on_signal() may raise any.
    peer: who answered last: a unique name on a bus, otherwise None.
    """

    def __init__(self, sock, is_bus):
        self._sock = sock
        self._is_bus = is_bus
        self._parser = Parser()
        self._serials = itertools.count(1)
        self.failure = self.peer = None
        try:
            self._authenticate()
            if is_bus:
                self.call_bus('Hello')
        except BaseException:
            sock.close()
            raise

    def close(self):
        self._sock.close()

    def call_bus(self, member, signature=None, *body):
        return self.answer(self._send(*_DRIVER, member, signature, body), _TIMEOUT)

    def has_daemon(self):
        """Whether the daemon is on the bus, or can be started there."""
        return self.call_bus('NameHasOwner', 's', NAME)[0] or NAME in self.call_bus('ListActivatableNames')[0]

    def subscribe(self, interface):
        """Asks a bus for the daemon's signals of an interface."""
        if self._is_bus:
            self.call_bus('AddMatch', 's', f"type='signal',sender='{NAME}',interface='{interface}'")

    def call(self, path, interface, member, signature=None, *body):
        return self.answer(self.send(path, interface, member, signature, *body), _TIMEOUT)

    def send(self, path, interface, member, signature=None, *body):
        """Calls the daemon; returns a number for answer()."""
        return self._send(NAME, path, interface, member, signature, body)

    def answer(self, serial, timeout=None, on_signal=None):
        """The arguments of the answer; until it comes, signals are passed to on_signal()."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            message = self._receive(deadline)
            fields = message.header.fields
            if message.header.message_type is MessageType.signal:
                if on_signal:
                    on_signal(Signal(message))
            elif fields.get(HeaderFields.reply_serial) != serial:
                continue
            elif message.header.message_type is MessageType.error:
                text = message.body[0] if message.body else ''
                self._fail(error_of_bus(fields[HeaderFields.error_name], str(text)))
            else:
                self.peer = fields.get(HeaderFields.sender)
                return message.body

    def _authenticate(self):
        self._sock.settimeout(_TIMEOUT)
        dialog = Authenticator(enable_fds=True)
        for line in dialog:
            self._sock.sendall(line)
            dialog.feed(self._read())
        self._sock.sendall(BEGIN)

    def _send(self, destination, path, interface, member, signature, body):
        message = new_method_call(DBusAddress(path, destination, interface), member, signature, body)
        message.header.flags = MessageFlag.allow_interactive_authorization
        if not self._is_bus:
            del message.header.fields[HeaderFields.destination]
        serial, fds = next(self._serials), array.array('i')
        data = message.serialise(serial, fds)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else []
        try:
            self._sock.settimeout(None)
            sent = self._sock.sendmsg([data], rights)
            # To send nothing would fail if the daemon has answered, and gone, already.
            if sent < len(data):
                self._sock.sendall(data[sent:])
        except OSError:
            self._fail(ConnectionResetError(LOST))
        return serial

    def _receive(self, deadline):
        while (message := self._parser.get_next_message()) is None:
            self._sock.settimeout(None if deadline is None else max(deadline - time.monotonic(), 0.001))
            self._parser.add_data(self._read())
        return message

    def _read(self):
        try:
            data = self._sock.recv(_READ_BYTES)
        except TimeoutError:
            self._fail(NoAnswer(PREFIX + 'Failed', f'There was no answer for {_TIMEOUT} seconds'))
        except OSError:
            data = b''
        if not data:
            self._fail(ConnectionResetError(LOST))
        return data

    def _fail(self, reason):
        self.failure = reason
        raise reason from None


def connect(address, is_bus):
    """Connects to an address such as unix:path=/run/dbus/system_bus_socket, or to "SYSTEM"."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(_TIMEOUT)
        sock.connect(get_bus(address))
    except BaseException:
        sock.close()
        raise
    return Connection(sock, is_bus)


def session_address():
    """Of this user's session bus; None if there is no way to know."""
    address = os.environ.get('DBUS_SESSION_BUS_ADDRESS')
    folder = os.environ.get('XDG_RUNTIME_DIR')
    return address or (f'unix:path={folder}/bus' if folder else None)
