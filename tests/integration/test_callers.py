# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may call the daemon: root and the user whose it is, on whatever way a call comes."""

import contextlib
import os
import pwd
import time
import xml.etree.ElementTree

import pytest

from support import bus, programs, samples
from support.bus import CACHE, JOB, MANAGER, NAME, OBJECTS, PATH, PROPERTIES, BusDaemon, BusError, Connection
from support.process import wait_for

pytestmark = pytest.mark.root

POLICY = programs.SOURCE / 'dbus' / f'{NAME}.conf'
OPEN_POLICY = f'''<busconfig>
  <policy context="default">
    <allow own="{NAME}"/>
    <allow send_destination="{NAME}"/>
    <allow receive_sender="{NAME}"/>
  </policy>
</busconfig>
'''
LOG = ('/org/freedesktop/LogControl1', 'org.freedesktop.LogControl1')
SILENCE = 1.1  # seconds after which a peer that calls nothing is a listener
DIGEST = 'sha256:' + 64 * '0'
ARGUMENTS = {
    (MANAGER, 'Bootstrap'): ('docker://127.0.0.1:1/a', '/tmp/never', {}),
    (MANAGER, 'Inspect'): ('docker://127.0.0.1:1/a', {}),
    (MANAGER, 'ListTags'): ('docker://127.0.0.1:1/a', {}),
    (MANAGER, 'ExplainTrust'): ('docker://127.0.0.1:1/a', {}),
    (CACHE, 'Remove'): (DIGEST,),
    (CACHE, 'Prune'): ({},),
}


def methods():
    """(interface, member, signature) of each that the daemon's introspection data has."""
    root = xml.etree.ElementTree.parse(programs.SOURCE / 'dbus' / f'{NAME}.xml').getroot()
    for interface in root.iter('interface'):
        for method in interface.iter('method'):
            yield interface.get('name'), method.get('name'), ''.join(
                arg.get('type') for arg in method.iter('arg') if arg.get('direction') == 'in')


@contextlib.contextmanager
def another_user():
    """Whom a socket that is connected meanwhile belongs to."""
    os.seteuid(pwd.getpwnam('nobody').pw_uid)  # a bus wants users that have names
    try:
        yield
    finally:
        os.seteuid(0)


def connect_as_another(daemon):
    with another_user():
        return Connection(daemon.address, daemon.peer)


@pytest.fixture
def reachable(tmp_path):
    """What is in the test's folder can be reached by other users."""
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)


@pytest.fixture
def on_bus(reachable, env, tmp_path):
    """Starts daemons on a system bus with a policy."""
    started = []

    def start(policy):
        started.append(BusDaemon(tmp_path / 'bus', policy=policy))
        started.append(programs.Daemon(env, started[0], 'system'))
        return started[-1]

    yield start
    for one in reversed(started):
        one.stop()


@pytest.fixture(params=['bus', 'peer'])
def open_daemon(request, on_bus, daemon_on, tmp_path):
    """A daemon whom only its own check keeps others off."""
    if request.param == 'bus':
        (tmp_path / 'open.conf').write_text(OPEN_POLICY)
        return on_bus(tmp_path / 'open.conf')
    daemon = daemon_on('peer')
    os.chmod(daemon.address.removeprefix('unix:path='), 0o777)
    return daemon


@pytest.fixture
def job(open_daemon, faulty_registry, dest):
    """(the connection that made it, the path of a job that does not end by itself)"""
    faulty_registry.add('image', samples.small())
    gate = faulty_registry.gate('/manifests/', 0)
    api = open_daemon.connect()
    job_id, path = api.bootstrap(faulty_registry.reference('image'), dest)
    wait_for(lambda: faulty_registry.count('/manifests/'), 'the request')
    yield api, job_id, path
    gate.set()
    api.wait(path)
    api.close()


def test_another_user_may_call_nothing(open_daemon, job):
    own, job_id, path = job
    stranger = connect_as_another(open_daemon)
    looked_at = []
    for interface, member, signature in methods():
        arguments = ARGUMENTS.get((interface, member), (job_id,) if signature == 's' else ())
        with pytest.raises(BusError) as caught:
            stranger.call(path if interface == JOB else PATH, interface, member, signature or None,
                          *arguments)
        assert caught.value.short == 'AccessDenied', (member, caught.value)
        assert caught.value.message.startswith('Only root and the user running'), (member, caught.value)
        looked_at.append((interface, member))
    assert len(looked_at) > 10 and {one[0] for one in looked_at} == {MANAGER, JOB, CACHE}
    for where, interface, member, signature, arguments in (
            (path, PROPERTIES, 'Get', 'ss', (JOB, 'Config')), (path, PROPERTIES, 'GetAll', 's', (JOB,)),
            (PATH, PROPERTIES, 'Get', 'ss', (CACHE, 'Size')), (PATH, PROPERTIES, 'GetAll', 's', (MANAGER,)),
            (PATH, OBJECTS, 'GetManagedObjects', None, ())):
        with pytest.raises(BusError) as caught:
            stranger.call(where, interface, member, signature, *arguments)
        assert caught.value.short.endswith('AccessDenied'), (member, caught.value)
        assert caught.value.message.startswith('Only root and the user running'), (member, caught.value)
    assert '<interface name=' in stranger.call(PATH, 'org.freedesktop.DBus.Introspectable', 'Introspect')[0]
    assert [row[0] for row in own.manager('ListJobs')[0]] == [job_id]
    assert own.get(path, JOB, 'State') == 'running'
    stranger.close()


def test_another_user_hears_nothing_on_a_socket(daemon_on, faulty_registry, dest):
    """Neither one that has called, nor one that only listens."""
    daemon = daemon_on('peer')
    os.chmod(daemon.address.removeprefix('unix:path='), 0o777)
    faulty_registry.add('image', samples.small())
    gate = faulty_registry.gate('/manifests/', 0)
    own, caller, listener = daemon.connect(), connect_as_another(daemon), connect_as_another(daemon)
    caller.call(PATH, 'org.freedesktop.DBus.Peer', 'Ping')
    _, path = own.bootstrap(faulty_registry.reference('image'), dest)
    # Longer than a peer that calls nothing is spared signals.
    time.sleep(SILENCE)
    gate.set()
    assert own.wait(path) == ('done', '', '')
    own.wait_signal(lambda one: one.member == 'JobFinished', 'the end')
    for stranger in (caller, listener):
        # What was sent before the answer has come before it.
        stranger.call(PATH, 'org.freedesktop.DBus.Peer', 'Ping')
        assert not stranger.signals
        stranger.close()
    own.close()


def test_another_user_may_not_change_the_log(open_daemon):
    own, stranger = open_daemon.connect(), connect_as_another(open_daemon)
    level = own.get(*LOG, 'LogLevel')
    assert level != 'debug'
    with pytest.raises(BusError) as caught:
        stranger.call(LOG[0], PROPERTIES, 'Set', 'ssv', LOG[1], 'LogLevel', ('s', 'debug'))
    assert caught.value.short == 'AccessDenied'
    assert caught.value.message.startswith('Only root and the user running')
    assert own.get(*LOG, 'LogLevel') == level
    stranger.close()
    own.close()


@pytest.mark.parametrize('member', ['Bootstrap', 'Inspect', 'ListJobs'])
def test_policy_keeps_others_off_the_system_bus(on_bus, member):
    """Whom the bus itself answers."""
    stranger = connect_as_another(on_bus(POLICY))
    assert stranger.owner()
    signature = {'Bootstrap': 'ssa{sv}', 'Inspect': 'sa{sv}', 'ListJobs': None}[member]
    with pytest.raises(BusError) as caught:
        stranger.manager(member, signature, *ARGUMENTS.get((MANAGER, member), ()))
    assert caught.value.name == 'org.freedesktop.DBus.Error.AccessDenied'
    assert caught.value.message.startswith('Rejected send message')
    stranger.close()


def test_only_root_may_own_the_name_on_the_system_bus(reachable, tmp_path):
    one = BusDaemon(tmp_path / 'bus', policy=POLICY)
    try:
        with another_user():
            stranger = Connection(one.address)
        with pytest.raises(BusError) as caught:
            stranger._call(*bus.BUS, 'RequestName', 'su', NAME, 4)
        assert caught.value.name == 'org.freedesktop.DBus.Error.AccessDenied'
        stranger.close()
        api = Connection(one.address)
        assert api._call(*bus.BUS, 'RequestName', 'su', NAME, 4)[0] == 1
        api.close()
    finally:
        one.stop()
