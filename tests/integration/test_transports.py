# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ways to the daemon: system bus, session bus, a socket, a socket pair; and how it ends."""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import termios
import threading
import time
import unicodedata

import pytest
from jeepney import DBusAddress, HeaderFields, MessageType, Parser, new_method_call, new_method_return, new_signal

from support import bus, programs, samples
from support.bus import CACHE, JOB, MANAGER, NAME, PATH, BusDaemon, BusError, Connection
from support.process import DEADLINE, descendants, run, running, stop, wait_for

POLICY = programs.SOURCE / 'dbus' / f'{NAME}.conf'
ON_DEMAND = f'{programs.DAEMON} --bus=user --idle-timeout=1 --job-retention=1'


@pytest.fixture
def reference(faulty_registry):
    faulty_registry.add('image', samples.small())
    return faulty_registry.reference('image')


@pytest.fixture
def own_bus(tmp_path):
    started = []

    def start(**kw):
        started.append(BusDaemon(tmp_path / 'bus', **kw))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def bootstraps(api, reference, dest):
    assert api.wait(api.bootstrap(reference, dest)[1]) == ('done', '', '')
    assert (dest / 'etc/greeting').exists()


def test_peer_to_peer(daemon_on, reference, dest):
    api = daemon_on('peer').connect()
    bootstraps(api, reference, dest)
    api.wait_signal(lambda s: s.member == 'JobFinished')
    api.close()


def test_busctl_works_peer_to_peer(daemon_on, reference, dest):
    busctl = ['busctl', f'--address={daemon_on("peer").address}', '--timeout=20']
    assert MANAGER in run([*busctl, 'introspect', NAME, PATH])
    run([*busctl, 'call', NAME, PATH, MANAGER, 'Bootstrap', 'ssa{sv}', reference, dest,
         '1', 'not-secure', 'b', 'true'])
    wait_for(lambda: (dest / 'etc/greeting').exists(), 'the tree')
    assert f'{PATH}/job' in run([*busctl, 'tree', NAME])


def test_several_peers_share_the_jobs(daemon_on, reference, dest):
    daemon = daemon_on('peer')
    first, second = daemon.connect(), daemon.connect()
    job_id, job = first.bootstrap(reference, dest)
    assert second.wait(job)[0] == 'done'
    assert [row[0] for row in second.manager('ListJobs')[0]] == [job_id]
    first.close()
    second.close()


def test_first_that_a_peer_gets_is_the_answer_to_its_hello(daemon_on, reference, dest):
    """Whatever happens to jobs meanwhile: busctl and all of sd-bus fail otherwise."""
    daemon = daemon_on('peer')
    other = daemon.connect()
    other.manager('ListJobs')
    hello = new_method_call(
        DBusAddress('/org/freedesktop/DBus', NAME, 'org.freedesktop.DBus'), 'Hello')
    del hello.header.fields[HeaderFields.destination]
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(DEADLINE)
        s.connect(daemon.address.removeprefix('unix:path='))
        s.sendall(f'\0AUTH EXTERNAL {str(os.geteuid()).encode().hex()}\r\n'.encode())
        answers, parser = s.makefile('rb'), Parser()
        assert answers.readline().startswith(b'OK ')
        s.sendall(b'BEGIN\r\n')
        other.bootstrap(reference, dest)
        s.sendall(hello.serialise(1))
        message = None
        while not message:
            parser.add_data(answers.read1())
            message = parser.get_next_message()
        assert message.header.fields.get(HeaderFields.reply_serial) == 1, message
    other.close()


def test_calls_in_one_piece_with_the_authentication_are_answered(daemon_on):
    path = daemon_on('peer').address.removeprefix('unix:path=')
    call = new_method_call(DBusAddress(PATH, NAME, MANAGER), 'ListJobs')
    del call.header.fields[HeaderFields.destination]
    login = f'\0AUTH EXTERNAL {str(os.geteuid()).encode().hex()}\r\nBEGIN\r\n'.encode()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(DEADLINE)
        s.connect(path)
        s.sendall(login + call.serialise(1) + call.serialise(2))
        answers, parser = s.makefile('rb'), Parser()
        assert answers.readline().startswith(b'OK ')
        serials = []
        while len(serials) < 2:
            parser.add_data(answers.read1())
            while message := parser.get_next_message():
                serials.append(message.header.fields[HeaderFields.reply_serial])
        assert serials == [1, 2]


def test_client_finds_the_daemon_at_an_address(daemon_on, env, reference, dest):
    daemon = daemon_on('peer')
    programs.Client(env, daemon.address).bootstrap(reference, dest)
    assert (dest / 'etc/greeting').exists()


def test_nonsense_on_the_socket_harms_nobody_else(daemon_on, reference, dest):
    daemon = daemon_on('peer')
    api = daemon.connect()
    for junk in (b'', b'\0', b'\0AUTH NOPE\r\n', samples.noise(100_000)):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(daemon.address.removeprefix('unix:path='))
            try:
                s.sendall(junk)
            except OSError:
                pass  # it hung up early, which is right
    bootstraps(api, reference, dest)
    api.close()


PEERS_MAX = 256  # BUS_PEERS_MAX


def n_descriptors(daemon):
    return len(os.listdir(f'/proc/{daemon.process.pid}/fd'))


def test_connection_over_the_limit_is_refused_and_costs_nothing(daemon_on):
    daemon = daemon_on('peer')
    peers = [daemon.connect() for _ in range(PEERS_MAX)]
    assert [one.manager('ListJobs') for one in peers] == PEERS_MAX * [([],)]
    before = n_descriptors(daemon)
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE)
            s.connect(daemon.address.removeprefix('unix:path='))
            assert s.recv(1) == b'', 'the daemon hangs up'
    assert peers[0].manager('ListJobs') == ([],)
    assert n_descriptors(daemon) == before
    assert daemon.errors.read_text().count(f'More than {PEERS_MAX} connections') == 3
    peers.pop().close()
    wait_for(lambda: n_descriptors(daemon) < before, 'room for another one')
    peers.append(daemon.connect())
    assert peers[-1].manager('ListJobs') == ([],)
    for one in peers:
        one.close()


INTROSPECTABLE = 'org.freedesktop.DBus.Introspectable'


def ask_and_do_not_read(api, n, interface=INTROSPECTABLE, member='Introspect'):
    """Sends @n calls with long answers; returns how many the daemon took."""
    for i in range(n):
        address = DBusAddress(PATH, NAME, interface)
        message = new_method_call(address, member)
        del message.header.fields[HeaderFields.destination]
        try:
            api._send(message)
        except OSError:
            return i
    return n


def test_peer_that_does_not_read_is_dropped(daemon_on, env, reference, dest):
    # A sanitizer is not to keep what the daemon has given back.
    env['ASAN_OPTIONS'] = f'{env.get("ASAN_OPTIONS", "")}:quarantine_size_mb=1'
    daemon = daemon_on('peer')
    deaf, other = daemon.connect(), daemon.connect()
    assert ask_and_do_not_read(deaf, 50_000) < 50_000
    bootstraps(other, reference, dest)
    assert peak_memory(daemon) < 128 << 20
    other.close()


def peak_memory(daemon):
    with open(f'/proc/{daemon.process.pid}/status', encoding='ascii') as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith('VmHWM:'))


def test_peer_that_does_not_read_gets_no_more_long_answers(daemon_on, env):
    """However long they are: here some 100 KB, for each of 1000 blobs about 100."""
    env['ASAN_OPTIONS'] = f'{env.get("ASAN_OPTIONS", "")}:quarantine_size_mb=1'
    daemon = daemon_on('peer')
    late, other = daemon.connect(), daemon.connect()
    blobs = pathlib.Path(env['VIRTBOOTSTRAP_CACHE']) / 'blobs/sha256'
    for i in range(1000):
        (blobs / hashlib.sha256(b'%d' % i).hexdigest()).touch()
    assert len(other.cache('ListBlobs')[0]) == 1000
    before = peak_memory(daemon)
    assert ask_and_do_not_read(late, 500, CACHE, 'ListBlobs') == 500
    # The daemon serves both in turn. There is room for some megabytes in the socket.
    for _ in range(500):
        assert other.manager('ListJobs') == ([],)
    assert peak_memory(daemon) < before + (16 << 20)
    answers = read_answers(late, 500)
    assert [one.header.message_type for one in answers[:8]] == 8 * [MessageType.method_return]
    refused = [one for one in answers if one.header.message_type == MessageType.error]
    assert len(refused) > 100
    assert {one.header.fields[HeaderFields.error_name] for one in refused} == {
        'org.freedesktop.DBus.Error.LimitsExceeded'}
    assert len(late.cache('ListBlobs')[0]) == 1000
    late.close()
    other.close()


def read_answers(api, n):
    parser, answers = Parser(), []
    while len(answers) < n:
        parser.add_data(api.sock.recv(65536))
        while message := parser.get_next_message():
            answers.append(message)
    return answers


def unread(api):
    """Bytes in the socket of @api that it has not taken."""
    return struct.unpack('i', fcntl.ioctl(api.sock, termios.FIONREAD, bytes(4)))[0]


def fill(api, other):
    """Asks until the socket of @api is full, and answers are queued; returns how often."""
    before, n = -1, 0
    # The daemon serves both in turn.
    while unread(api) > before:
        before = unread(api)
        assert ask_and_do_not_read(api, 100) == 100
        n += 100
        for _ in range(100):
            assert other.manager('ListJobs') == ([],)
    return n


def count_answers(api):
    """All that come until the daemon hangs up."""
    parser, n = Parser(), 0
    while data := api.sock.recv(65536):
        parser.add_data(data)
        while parser.get_next_message():
            n += 1
    return n


def test_peer_that_does_not_read_does_not_hold_the_end(daemon_on):
    daemon = daemon_on('peer')
    deaf, other = daemon.connect(), daemon.connect()
    fill(deaf, other)
    daemon.process.terminate()
    assert daemon.process.wait(10) == 0


def test_peer_that_does_not_read_takes_no_time_of_others_at_the_end(daemon_on, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / 'notify'))
        notified.settimeout(DEADLINE)
        daemon = daemon_on('peer', NOTIFY_SOCKET=tmp_path / 'notify')
        late, deaf, other = daemon.connect(), daemon.connect(), daemon.connect()
        fill(deaf, other)
        asked = fill(late, other)
        daemon.process.terminate()
        while b'STOPPING=1' not in notified.recv(4096):
            pass
    assert count_answers(late) == asked
    assert daemon.process.wait(10) == 0


@pytest.mark.parametrize('member, part', [('Inspect', '/manifests/'), ('ListTags', '/tags/')])
def test_question_is_given_up_with_its_caller(own_bus, env, faulty_registry, member, part):
    """Nobody is left to answer to: on a bus that does not close the connection."""
    one = own_bus()
    daemon = programs.Daemon(env, one)
    faulty_registry.add('image', samples.small())
    let_go = threading.Event()
    faulty_registry.fault(part, lambda request: let_go.wait(DEADLINE) and False)
    try:
        api = daemon.connect()
        serial = api._send(new_method_call(
            DBusAddress(PATH, NAME, MANAGER), member, 'sa{sv}',
            (faulty_registry.reference('image'), {'not-secure': ('b', True)})))
        assert serial
        wait_for(lambda: faulty_registry.count(part), 'the request')
        assert descendants(daemon.process.pid)
        api.close()
        wait_for(lambda: not descendants(daemon.process.pid), 'the worker to be ended')
    finally:
        let_go.set()
        daemon.stop()


def test_session_bus_starts_the_daemon_on_demand(own_bus, env, reference, dest):
    one = own_bus(activation=ON_DEMAND, environment=env)
    assert not running([programs.DAEMON])
    api = Connection(one.address)
    bootstraps(api, reference, dest)
    api.close()
    wait_for(lambda: not running([programs.DAEMON]), 'the idle daemon to end')


def test_client_uses_the_session_bus(own_bus, env, reference, dest):
    one = own_bus(activation=ON_DEMAND, environment=env)
    env = {**env, 'DBUS_SESSION_BUS_ADDRESS': one.address}
    result = subprocess.run([programs.CLIENT, '--user', '--not-secure', reference, dest], env=env,
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert (dest / 'etc/greeting').exists()


def test_daemon_ends_with_its_bus(own_bus, env):
    one = own_bus()
    daemon = programs.Daemon(env, one)
    one.stop()
    wait_for(lambda: daemon.process.poll() is not None, 'the daemon to end')


def test_second_daemon_on_a_bus_ends(own_bus, env):
    one = own_bus()
    daemon = programs.Daemon(env, one)
    try:
        second = subprocess.run([programs.DAEMON, '--bus=user'], capture_output=True, timeout=30,
                                env={**env, 'DBUS_SESSION_BUS_ADDRESS': one.address})
        assert second.returncode != 0
        assert daemon.process.poll() is None
    finally:
        daemon.stop()


def test_idle_daemon_waits_for_its_job(daemon_on, faulty_registry, dest):
    image = samples.large(8)
    faulty_registry.add('large', image)
    gate = faulty_registry.gate(image.layers[0].digest, len(image.layers[0].blob) // 2)
    daemon = daemon_on(options=['--idle-timeout=1', '--job-retention=1'])
    api = daemon.connect()
    _, job = api.bootstrap(faulty_registry.reference('large'), dest)
    api.close()
    with pytest.raises(subprocess.TimeoutExpired):
        daemon.process.wait(2)
    gate.set()
    wait_for(lambda: daemon.process.poll() is not None, 'the daemon to end after its job')
    assert daemon.process.returncode == 0
    assert (dest / 'data').is_dir()


LINGERS = 10  # tries to call in the tenth of a second in which an idle daemon takes its leave


@pytest.fixture
def both_ways(own_bus, env, tmp_path):
    """A function that starts a daemon on a bus and a socket, and returns both addresses."""
    started, one = [], own_bus()
    env = {**env, 'DBUS_SESSION_BUS_ADDRESS': one.address}
    path = tmp_path / 'private'

    def start():
        path.unlink(missing_ok=True)
        started.append(subprocess.Popen(
            ['systemd-socket-activate', '-l', path, *(f'-E{k}={v}' for k, v in env.items()),
             programs.DAEMON, '--bus=user', '--idle-timeout=1', '--job-retention=1'],
            stderr=subprocess.DEVNULL))
        wait_for(path.exists, 'the socket')
        Connection(f'unix:path={path}', peer=True).close()
        return one.address, f'unix:path={path}'

    yield start
    for process in started:
        stop(process)


def call_while_it_lingers(addresses, reference, dest):
    """Has a leaving daemon stay for a job, and connects meanwhile; None when that was too late."""
    api = Connection(addresses[0])
    watch = f"type='signal',member='NameOwnerChanged',arg0='{NAME}'"
    api._call(*bus.BUS, 'AddMatch', 's', watch)
    try:
        owner = wait_for(lambda: api.owner(), 'the daemon on the bus')
        api.wait_signal(lambda s: s.member == 'NameOwnerChanged' and s.body[2] == '', 'its leave')
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(addresses[1].removeprefix('unix:path='))
        api._call(owner, PATH, MANAGER, 'Bootstrap', 'ssa{sv}', reference, str(dest),
                  {'not-secure': ('b', True)})
    except BusError as error:
        assert 'NoReply' in error.name or 'ServiceUnknown' in error.name, error
        return None
    finally:
        api.close()
    return peer


def test_daemon_that_stays_for_a_late_call_takes_connections_again(
        both_ways, faulty_registry, reference, dest):
    gate = faulty_registry.gate('/manifests/', 0)
    for _ in range(LINGERS):
        addresses = both_ways()
        peer = call_while_it_lingers(addresses, reference, dest)
        if peer:
            break
    assert peer, 'every call came too late'
    api = Connection(addresses[1], peer=True)
    assert len(api.manager('ListJobs')[0]) == 1
    gate.set()
    api.close()
    peer.close()


def test_terminated_daemon_cleans_up(daemon_on, faulty_registry, work):
    image = samples.large(8)
    faulty_registry.add('large', image)
    faulty_registry.gate(image.layers[0].digest, len(image.layers[0].blob) // 2)
    daemon = daemon_on()
    api = daemon.connect()
    api.bootstrap(faulty_registry.reference('large'), work / 'root')
    wait_for(lambda: image.layers[0].digest in faulty_registry.blob_requests(), 'the transfer')
    daemon.stop()
    wait_for(lambda: not os.listdir(work), 'nothing to be left')
    api.close()


@pytest.mark.root
def test_root_may_bootstrap_on_the_system_bus(own_bus, env, reference, dest):
    one = own_bus(policy=POLICY)
    daemon = programs.Daemon(env, one, 'system')
    try:
        api = daemon.connect()
        bootstraps(api, reference, dest)
        api.close()
    finally:
        daemon.stop()


def test_embedded_daemon_needs_no_bus_and_leaves_no_process(client, reference, dest):
    client.bootstrap(reference, dest)
    assert (dest / 'etc/greeting').exists()
    assert not running(programs.ALL)


def test_errors_are_the_same_on_every_way(daemon_on, env, client, dest):
    wrong = 'docker://127.0.0.1:1/Upper'
    sentence = client.fail(wrong, dest).sentence
    other = programs.Client(env, daemon_on('peer').address).fail(wrong, dest)
    assert (other.sentence, other.error) == (sentence, 'InvalidReference')
    api = daemon_on().connect()
    with pytest.raises(BusError) as caught:
        api.bootstrap(wrong, dest)
    assert caught.value.message == sentence
    api.close()


HOSTILE = 'a\x1b[2J\x9bb'
PRETENDED = {
    'Prune': ('a(sst)ta{st}', ([(HOSTILE, HOSTILE, 1), ('image', HOSTILE, 1), ('blob', HOSTILE, 1)], 1, {HOSTILE: 1})),
    'Remove': ('a(sst)t', ([('disk', HOSTILE, 1)], 1)),
    'ListImages': ('a(sssttts)(utt)a{st}', ([(HOSTILE, HOSTILE, HOSTILE, 1, 1, 1, HOSTILE)], (0, 0, 0), {HOSTILE: 1})),
    'Verify': ('a(sas)ut', ([(HOSTILE, [HOSTILE])], 1, 1)),
    'ListTags': ('sas', (HOSTILE, [HOSTILE])),
    'Bootstrap': ('so', (HOSTILE, f'{PATH}/job/1')),
}


class Pretender(threading.Thread):
    """Answers as another host's daemon might, whose texts control a terminal."""

    def __init__(self, address):
        super().__init__()
        self.address = address
        self.connection = Connection(address)
        self.connection._call(*bus.BUS, 'RequestName', 'su', NAME, 4)

    def send(self, message):
        data, _ = self.connection._serialise(message, next(self.connection.outgoing_serial))
        self.connection.sock.sendall(data)

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                message = self.connection._receive(time.monotonic() + DEADLINE)
                if message.header.message_type == MessageType.method_call:
                    member = message.header.fields[HeaderFields.member]
                    self.send(new_method_return(message, *PRETENDED.get(member, ())))


@pytest.fixture
def pretender(tmp_path):
    private = BusDaemon(tmp_path / 'pretended')
    thread = Pretender(private.address)
    thread.start()
    yield thread
    private.stop()
    thread.join()
    thread.connection.close()


def assert_harmless(text):
    assert 'a?[2J?b' in text and not any(unicodedata.category(c) == 'Cc' and c != '\n' for c in text), repr(text)


@pytest.mark.parametrize('arguments', [
    ['cache', 'prune'], ['cache', 'remove', 'x'], ['cache', 'list'], ['cache', 'verify'],
    ['list-tags', 'docker://example.org/x'], ['--detach', 'docker://example.org/x', 'tree']], ids=' '.join)
def test_what_a_daemon_says_does_not_control_the_terminal(env, pretender, arguments):
    client = programs.Client(env, pretender.address)
    assert_harmless(client.run(*arguments, expect=None).out)
    for line in client.run('--json', *arguments, expect=None).out.splitlines():
        assert json.loads(line) and '\x9b' not in line and '\x1b' not in line


def test_what_a_signal_says_does_not_control_the_terminal(env, pretender):
    """An object's path has the bytes of a name in hexadecimal."""
    client = programs.Client(env, pretender.address)
    started = client.start('monitor')
    address = DBusAddress(f'{PATH}/job/a_1b_5b2J_c2_9bb', interface=JOB)

    def is_told():
        pretender.send(new_signal(address, 'ProgressChanged', 'sttd', ('download', 1, 2, 0.5)))
        return select.select([started.stdout], [], [], 0)[0]
    try:
        wait_for(is_told, 'the monitor')
        assert_harmless(started.stdout.readline())
    finally:
        stop(started)
