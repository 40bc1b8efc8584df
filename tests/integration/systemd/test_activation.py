# SPDX-License-Identifier: LGPL-2.1-or-later
"""What starts the system's service, what ends it, and who may call it."""

import shutil
import stat

import pytest

from support import bus
from support.machine import HalfJob
from support.process import wait_for

SOCKET = '/run/virt-bootstrap/private'
SHORT = '[Daemon]\nIdleTimeoutSec=1\nJobRetentionSec=1\n'
POLICY = '''<busconfig>
  <policy context="default">
    <allow send_destination="org.virtbootstrap1"/><allow receive_sender="org.virtbootstrap1"/>
  </policy>
</busconfig>
'''


@pytest.fixture
def configure(machine):
    """Writes a drop-in of the daemon's configuration."""
    folder = machine.path('/run/virt-bootstrap/virt-bootstrapd.conf.d')

    def write(text):
        folder.mkdir(parents=True)
        (folder / 'test.conf').write_text(text)

    yield write
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def no_bus(machine, service):
    """A machine whose system bus is not there, until the function given is called."""
    machine.run('systemctl', 'stop', 'dbus.socket', 'dbus.service')
    path = machine.path('/run/dbus/system_bus_socket')
    path.unlink(missing_ok=True)

    def start():
        machine.run('systemctl', 'start', 'dbus.socket')

    yield start
    start()


@pytest.fixture
def open_bus(machine):
    """A bus whose administrator lets everybody call the daemon."""
    policy = machine.path('/etc/dbus-1/system.d/test.conf')
    policy.write_text(POLICY)
    machine.run('systemctl', 'reload', 'dbus')
    yield
    policy.unlink()
    machine.run('systemctl', 'reload', 'dbus')


def version(machine, *options, **kw):
    return machine.run('busctl', *options, 'call', bus.NAME, bus.PATH, bus.PROPERTIES, 'Get', 'ss',
                       bus.MANAGER, 'Version', **kw)


def test_call_starts_the_service_which_ends_when_it_has_nothing_to_do(
        machine, service, srv, configure):
    configure(SHORT)
    assert service.state == 'inactive'
    machine.client().run(f'{srv}/root.tar', f'{srv}/root')
    assert service.state == 'active'
    assert machine.path(f'{srv}/root/etc/greeting').read_text() == 'hello\n'
    wait_for(lambda: service.state == 'inactive', 'the service to end')
    assert service.show('Result') == 'success'


def test_python_module_uses_the_service(machine, service, srv):
    folder, = [one.parent for lib in ('usr/lib', 'usr/local/lib')
               for one in machine.path('/').glob(f'{lib}/python3*/*-packages/virtBootstrap')]
    machine.run('env', f'PYTHONPATH=/{folder.relative_to(machine.path("/"))}', '/usr/bin/python3', '-c',
                'import sys, virtBootstrap; virtBootstrap.bootstrap(*sys.argv[1:])', f'{srv}/root.tar', f'{srv}/root')
    assert service.state == 'active'
    assert machine.path(f'{srv}/root/etc/greeting').read_text() == 'hello\n'


@pytest.fixture
def call(machine):
    """A connection to the system's bus, which sees when the daemon's name has no owner any more."""
    machine.run('systemctl', 'start', 'dbus.service')
    connection = bus.Connection(f'unix:path={machine.path("/run/dbus/system_bus_socket")}')
    connection._call(*bus.BUS, 'AddMatch', 's',
                     f"type='signal',member='NameOwnerChanged',arg0='{bus.NAME}',arg2=''")
    yield connection
    connection.close()


def test_call_while_the_service_ends_starts_the_next_one(machine, service, configure, call):
    configure(SHORT)
    call.get(bus.PATH, bus.MANAGER, 'Version')
    pid = service.pid
    call.wait_signal(lambda one: one.member == 'NameOwnerChanged', 'the name to be given up')
    assert call.get(bus.PATH, bus.MANAGER, 'Version')
    assert service.pid != pid


def test_connection_while_the_service_ends_starts_the_next_one(machine, service, configure, call):
    configure(SHORT)
    call.get(bus.PATH, bus.MANAGER, 'Version')
    pid = service.pid
    call.wait_signal(lambda one: one.member == 'NameOwnerChanged', 'the name to be given up')
    version(machine, f'--address=unix:path={SOCKET}')
    assert service.pid != pid


def test_service_does_not_end_during_a_job(machine, service, srv, configure):
    configure(SHORT)
    job = HalfJob(machine.client(), machine, f'{srv}/root')
    pid = service.pid
    # Idle for as long, had there been no job: another service that ends by itself.
    machine.run('systemd-run', '--quiet', '--wait', 'sleep', '2')
    assert service.pid == pid
    job.go_on()
    assert machine.path(f'{srv}/root/etc/early').exists()


def test_connection_starts_the_service(machine, service):
    version(machine, f'--address=unix:path={SOCKET}')
    assert service.state == 'active'


def test_socket_is_for_root(machine, service, someone):
    status = machine.path(SOCKET).stat()
    assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o600
    assert (status.st_uid, status.st_gid) == (0, 0)
    result = version(machine, f'--address=unix:path={SOCKET}', user=someone, expect=1)
    assert 'Permission denied' in result.err
    assert service.state == 'inactive'


def test_client_reaches_the_service_before_there_is_a_bus(machine, service, srv, no_bus):
    machine.client().run(f'{srv}/root.tar', f'{srv}/root')
    assert machine.path(f'{srv}/root/etc/greeting').exists()
    assert service.state == 'active'


def test_service_takes_its_name_when_the_bus_comes(machine, service, no_bus):
    version(machine, f'--address=unix:path={SOCKET}')
    pid = service.pid
    no_bus()
    version(machine)
    assert service.pid == pid


def test_service_starts_again_after_the_bus_went_away(machine, service, srv):
    machine.client().run(f'{srv}/root.tar', f'{srv}/root')
    machine.run('systemctl', 'restart', 'dbus.service')
    wait_for(lambda: service.state in ('inactive', 'failed'), 'the service to end')
    machine.client().run(f'{srv}/root.tar', f'{srv}/other')
    assert machine.path(f'{srv}/other/etc/greeting').exists()


def test_bus_refuses_a_user(machine, service, someone, home):
    result = machine.client('--system', user=someone).run(
        '--json', f'{home}/root.tar', f'{home}/root', expect=1)
    assert result.error == 'AccessDenied' and '--embedded' in result.sentence
    assert not machine.path(f'{home}/root').exists()


def test_daemon_refuses_a_user_whom_the_bus_lets_through(
        machine, service, someone, home, open_bus):
    refused = version(machine, user=someone, expect=1)
    assert 'Only root and the user running this daemon may use it' in refused.err
    result = machine.client('--system', user=someone).run(
        '--json', f'{home}/root.tar', f'{home}/root', expect=1)
    assert result.error == 'AccessDenied' and 'Only root' in result.sentence
    assert not machine.path(f'{home}/root').exists()
    assert not machine.client().run('list', '--json').events
