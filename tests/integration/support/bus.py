# SPDX-License-Identifier: LGPL-2.1-or-later
"""A private bus, and a blocking client of the daemon, on a bus or peer to peer."""

import os
import socket
import subprocess
import time

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call
from jeepney.auth import BEGIN, Authenticator
from jeepney.io.blocking import DBusConnectionBase
from jeepney.io.common import check_replyable

from .process import DEADLINE, POLL, is_listening, stop, wait_for

NAME = 'org.virtbootstrap1'
PATH = '/org/virtbootstrap1'
MANAGER, JOB, CACHE = NAME + '.Manager', NAME + '.Job', NAME + '.Cache'
PROPERTIES = 'org.freedesktop.DBus.Properties'
OBJECTS = 'org.freedesktop.DBus.ObjectManager'
BUS = ('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus')

CONFIGURATION = '''<busconfig>
  <type>{type}</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  {services}
  <policy context="default">
    {policy}
  </policy>
  {include}
</busconfig>
'''
# As dbus-daemon's own session.conf and system.conf have it.
ALLOW_ALL = '<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>'
ALLOW_NONE = '''<allow user="*"/><deny own="*"/><deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>'''


class BusDaemon:
    """A dbus-daemon of the test's own. @policy: a policy file, for a bus like the system's."""

    def __init__(self, folder, activation=None, policy=None, environment=None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.socket = folder / 'bus'
        self.address = f'unix:path={self.socket}'
        services = ''
        if activation:
            (folder / 'services').mkdir()
            (folder / 'services' / f'{NAME}.service').write_text(
                f'[D-BUS Service]\nName={NAME}\nExec={activation}\n')
            services = f'<servicedir>{folder}/services</servicedir>'
        config = folder / 'bus.conf'
        config.write_text(CONFIGURATION.format(
            type='system' if policy else 'session', socket=self.socket, services=services,
            policy=ALLOW_NONE if policy else ALLOW_ALL,
            include=f'<include>{policy}</include>' if policy else ''))
        self.process = subprocess.Popen(
            ['dbus-daemon', f'--config-file={config}', '--nofork', '--nopidfile'],
            env={**os.environ, **(environment or {})})
        wait_for(lambda: is_listening(self.socket), 'the bus to listen')
        self.socket.chmod(0o777)

    def has(self, name):
        """Whether somebody owns @name."""
        connection = Connection(self.address)
        try:
            return connection._call(*BUS, 'NameHasOwner', 's', name)[0]
        finally:
            connection.close()

    def stop(self):
        stop(self.process)


class BusError(Exception):
    def __init__(self, name, message):
        super().__init__(f'{name}: {message}')
        self.name, self.message = name, message
        self.short = name.removeprefix(NAME + '.Error.')


class Signal:
    def __init__(self, message):
        fields = message.header.fields
        self.when = time.monotonic()
        self.path = fields[HeaderFields.path]
        self.interface = fields[HeaderFields.interface]
        self.member = fields[HeaderFields.member]
        self.body = message.body


class Connection(DBusConnectionBase):
    """@address: of a bus, or of the daemon's own socket with @peer."""

    def __init__(self, address, peer=False):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(address.removeprefix('unix:path='))
        self._authenticate(sock)
        super().__init__(sock, enable_fds=True)
        self.signals = []
        self.peer = peer
        if not peer:
            self.name = self._call(*BUS, 'Hello')[0]
            rule = f"type='signal',sender='{NAME}'"
            self._call(*BUS, 'AddMatch', 's', rule)
            # The well-known name may not be owned yet; the paths and interfaces are ours anyway.
            self._call(*BUS, 'AddMatch', 's', f"type='signal',path_namespace='{PATH}'")

    @staticmethod
    def _authenticate(sock):
        auth = Authenticator(enable_fds=True)
        for data in auth:
            sock.sendall(data)
            auth.feed(sock.recv(1024))
        sock.sendall(BEGIN)

    def _call(self, destination, path, interface, member, signature=None, *body, timeout=None):
        address = DBusAddress(path, destination or NAME, interface)
        message = new_method_call(address, member, signature, body)
        if destination is None:  # peer to peer there is nobody else to name
            del message.header.fields[HeaderFields.destination]
        return self._answer(self._send(message), timeout or DEADLINE)

    def _send(self, message):
        check_replyable(message)
        serial = next(self.outgoing_serial)
        data, fds = self._serialise(message, serial)
        if fds:
            self._send_with_fds(data, fds)
        else:
            self.sock.sendall(data)
        return serial

    def _answer(self, serial, timeout):
        end = time.monotonic() + timeout
        while True:
            message = self._receive(end)
            if message.header.fields.get(HeaderFields.reply_serial) == serial:
                break
            self._keep(message)
        if message.header.message_type == MessageType.error:
            body = message.body or ('',)
            raise BusError(message.header.fields[HeaderFields.error_name], body[0])
        return message.body

    def _keep(self, message):
        if message.header.message_type == MessageType.signal:
            self.signals.append(Signal(message))

    def owner(self):
        """Who has the daemon's name on the bus, or None."""
        try:
            return self._call(*BUS, 'GetNameOwner', 's', NAME)[0]
        except BusError:
            return None

    @property
    def _destination(self):
        return None if self.peer else NAME

    def call(self, path, interface, member, signature=None, *body, timeout=None):
        return self._call(self._destination, path, interface, member, signature, *body,
                          timeout=timeout)

    def manager(self, member, signature=None, *body, **kw):
        return self.call(PATH, MANAGER, member, signature, *body, **kw)

    def job(self, path, member, **kw):
        return self.call(path, JOB, member, **kw)

    def cache(self, member, signature=None, *body):
        return self.call(PATH, CACHE, member, signature, *body)

    def bootstrap(self, source, destination, timeout=None, **options):
        """Returns (id, path). @options: name=(signature, value), with _ for -."""
        options = {key.replace('_', '-'): value for key, value in options.items()}
        options.setdefault('not-secure', ('b', True))
        return self.manager('Bootstrap', 'ssa{sv}', source, str(destination), options,
                            timeout=timeout)

    def wait(self, job, timeout=None):
        """Returns (result, error, message); signals are kept as they come."""
        return self.job(job, 'Wait', timeout=timeout)

    def get(self, path, interface, name):
        return self.call(path, PROPERTIES, 'Get', 'ss', interface, name)[0][1]

    def properties(self, path, interface):
        answer = self.call(path, PROPERTIES, 'GetAll', 's', interface)[0]
        return {key: value for key, (_, value) in answer.items()}

    def pump(self, seconds=POLL):
        """Takes what has come, for at most @seconds."""
        try:
            while True:
                self._keep(self._receive(time.monotonic() + seconds))
        except TimeoutError:
            pass

    def wait_signal(self, condition, what='a signal'):
        """The first signal, received earlier or later, for which @condition holds."""
        def look():
            self.pump()
            return next((one for one in self.signals if condition(one)), None)
        return wait_for(look, what)

    def wait_until(self, condition, what):
        """As wait_for(), while signals are received."""
        def look():
            self.pump()
            return condition()
        return wait_for(look, what)
