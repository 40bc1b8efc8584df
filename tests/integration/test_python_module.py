# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Python module virtBootstrap: what virt-bootstrap 1.1.1 promised its callers, and how it fails."""

import crypt
import gzip
import os
import shutil
import signal
import subprocess
import sys
import threading

import pytest
from jeepney import DBusAddress, HeaderFields, new_signal

from conftest import PASSWORD, USER
from support import bus, faulty, programs, samples, tar
from support.image import Image
from support.module import Module
from support.process import DEADLINE, command_line, descendants, in_mount_namespace, wait_for

AS_NOBODY = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups']
SESAME = 'sesame of the registry', 'sesame of the tree'


@pytest.fixture
def reference(faulty_registry):
    faulty_registry.add('small', samples.small())
    return faulty_registry.reference('small')


@pytest.fixture
def held(faulty_registry):
    """A reference whose layer does not come before the event."""
    image = samples.everything()
    faulty_registry.add('held', image)
    digest = image.layers[0].digest
    gate = faulty_registry.gate(digest, 0)
    return faulty_registry.reference('held'), gate, lambda: digest in faulty_registry.blob_requests()


def files_in(folder):
    return sorted(one.name for one in folder.iterdir())


# What it does


def test_files_are_in_the_directory_and_the_log_says_so(module, docker_registry, dest):
    docker_registry.put('test/module', 'latest', samples.small())
    result = module.bootstrap(docker_registry.reference('test/module'), dest)
    assert (dest / 'etc/greeting').read_bytes() == b'hello\n'
    assert result.end['value'] is None
    assert result.log[-1] == ['INFO', f'Files are stored in: {dest}']
    assert result.log[0] == ['INFO', 'Resolving']


def test_progress_is_a_status_and_a_percentage_that_only_grows(module, faulty_registry, dest):
    faulty_registry.add('large', samples.large())
    result = module.bootstrap(faulty_registry.reference('large'), dest)
    statuses, values, threads = zip(*result.progress)
    assert list(values) == sorted(values)
    assert 0 <= values[0] < 100 and result.progress[-1][:2] == ['Done', 100]
    assert {'Resolving', 'Done'} <= set(statuses)
    assert set(threads) == {'MainThread'}


def test_missing_directories_are_made(module, reference, work):
    module.bootstrap(reference, work / 'one/two/root')
    assert (work / 'one/two/root/etc/greeting').exists()


def test_what_is_in_the_directory_already_is_kept(module, reference, dest):
    (dest / 'etc').mkdir(parents=True)
    (dest / 'etc/mine').write_text('mine')
    (dest / 'etc/greeting').write_text('another')
    module.bootstrap(reference, dest)
    assert (dest / 'etc/mine').read_text() == 'mine'
    assert (dest / 'etc/greeting').read_text() == 'hello\n'


def test_relative_paths_are_those_of_the_process(module, layouts, work):
    os.symlink(layouts['order'], work / 'layout')
    module.bootstrap('oci:./layout:latest', 'root', cwd=work)
    assert (work / 'root/etc/order').read_text() == '3'
    assert module.fail('none.tar', 'root', 'NotFound', cwd=work).startswith(f'Cannot open {work}/none.tar: ')


@pytest.mark.parametrize('form', ['{}', 'file://{}', 'file://localhost{}', 'FILE:{}'])
def test_tarball(module, tmp_path, dest, form):
    path = tmp_path / 'root.tar'
    path.write_bytes(tar.archive([tar.file('a', b'a')]))
    module.bootstrap(form.format(path), dest)
    assert files_in(dest) == ['a']


def test_pipe(module, tmp_path, dest):
    path = tmp_path / 'pipe'
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(tar.archive([tar.file('a', b'a')]),))
    writer.start()
    module.bootstrap(path, dest)
    writer.join()
    assert files_in(dest) == ['a']


def test_disk_images(module, reference, dest):
    module.bootstrap(reference, dest, fmt='qcow2')
    assert files_in(dest) == ['layer-0.qcow2']


@pytest.mark.root
def test_owners_are_mapped(module, faulty_registry, dest):
    faulty_registry.add('owned', Image([[tar.file('a', b'', uid=3, gid=4)]]))
    module.bootstrap(faulty_registry.reference('owned'), dest, uid_map=[[0, 100000, 10]], gid_map=[[0, 200000, 10]])
    found = (dest / 'a').stat()
    assert (found.st_uid, found.st_gid) == (100003, 200004)


@pytest.mark.parametrize('way', ['string', 'file'])
def test_root_password_is_set(module, faulty_registry, dest, tmp_path, way):
    faulty_registry.add('shadow', Image([[tar.directory('etc'), tar.file('etc/shadow', samples.SHADOW)]]))
    (tmp_path / 'secret').write_text('sesame\r\nsecond line\n')
    module.bootstrap(faulty_registry.reference('shadow'), dest,
                     root_password='sesame' if way == 'string' else f'file:{tmp_path}/secret')
    line = next(one for one in (dest / 'etc/shadow').read_text().splitlines() if one.startswith('root:'))
    hashed = line.split(':')[1]
    assert crypt.crypt('sesame', hashed) == hashed


def test_user_name_and_password_are_for_the_registry(module, faulty_registry, reference, dest):
    faulty_registry.fault('', faulty.basic(USER, PASSWORD))
    module.bootstrap(reference, dest, username=USER, password=PASSWORD)
    assert (dest / 'etc/greeting').exists()


def test_no_cache_keeps_nothing(module, reference, cache, dest):
    module.bootstrap(reference, dest, no_cache=True)
    assert not list((cache / 'blobs').glob('*/*'))


# Where the daemon is


@pytest.mark.root
def test_root_uses_the_system_bus(module, daemon_on, reference, dest):
    daemon = daemon_on('system')
    module.bootstrap(reference, dest, env={'DBUS_SYSTEM_BUS_ADDRESS': daemon.address, 'VIRTBOOTSTRAP_DAEMON': '/none'})
    connection = daemon.connect()
    assert [job[3] for job in connection.manager('ListJobs')[0]] == [str(dest)]
    connection.close()


@pytest.fixture
def session(user, tmp_path, work):
    """The folder of a session bus of a user who has a name, as a bus wants it; it can start the daemon."""
    folder = tmp_path / 'user/session'
    (folder / 'services').mkdir(parents=True)
    for path in (folder, folder.parent, work):
        shutil.chown(path, 'nobody', 'nogroup')
    (folder / 'services' / f'{bus.NAME}.service').write_text(
        f'[D-BUS Service]\nName={bus.NAME}\nExec={user.env["VIRTBOOTSTRAP_DAEMON"]} --bus=user\n')
    config = folder / 'bus.conf'
    config.write_text(bus.CONFIGURATION.format(
        type='session', socket=folder / 'bus', policy=bus.ALLOW_ALL, include='',
        services=f'<servicedir>{folder}/services</servicedir>'))
    process = subprocess.Popen([*AS_NOBODY, 'dbus-daemon', f'--config-file={config}', '--nofork', '--nopidfile'],
                               env=user.env)
    wait_for(lambda: bus.is_listening(folder / 'bus'), 'the bus to listen')
    yield folder
    bus.stop(process)


@pytest.mark.root
@pytest.mark.parametrize('variable, value', [('DBUS_SESSION_BUS_ADDRESS', 'unix:path={}/bus'),
                                             ('XDG_RUNTIME_DIR', '{}')])
def test_user_uses_the_session_bus_which_starts_the_daemon(user, session, reference, tmp_path, dest, variable, value):
    module = Module(user.env, tmp_path / 'python', AS_NOBODY)
    module.bootstrap(reference, dest, env={variable: value.format(session), 'VIRTBOOTSTRAP_DAEMON': '/none'})
    assert (dest / 'etc/greeting').owner() == 'nobody'


@pytest.mark.root
def test_root_without_a_bus_uses_the_private_socket(module, daemon_on, reference, tmp_path, dest):
    daemon = daemon_on('peer')
    folder = os.path.dirname(daemon.address.removeprefix('unix:path='))
    run_folder = tmp_path / 'run/virt-bootstrap'
    run_folder.mkdir(parents=True)
    module.argv = in_mount_namespace([(tmp_path / 'run', '/run'), (folder, '/run/virt-bootstrap')], module.argv)
    module.bootstrap(reference, dest, env={'VIRTBOOTSTRAP_DAEMON': '/none'})
    connection = daemon.connect()
    assert [job[3] for job in connection.manager('ListJobs')[0]] == [str(dest)]
    connection.close()


@pytest.mark.root
def test_user_without_a_bus_gets_a_tree_and_the_warnings(user, faulty_registry, tmp_path, dest):
    faulty_registry.add('owned', Image([[tar.file('a', b'', uid=3, gid=4), tar.device('null', 'c', 1, 3)]]))
    module = Module(user.env, tmp_path / 'python', programs.AS_USER)
    result = module.bootstrap(faulty_registry.reference('owned'), dest / 'below')
    assert (dest / 'below/a').stat().st_uid == programs.UID
    assert 'evice node' in ' '.join(message for level, message in result.log if level == 'WARNING')


# How it behaves


def test_threads_may_call_it_at_the_same_time(module, reference, dest):
    result = module.bootstrap(reference, dest, how={'threads': 3})
    for number in range(3):
        assert (dest.parent / f'root-{number}/etc/greeting').exists()
    assert {thread for _, _, thread in result.progress} == {'thread-0', 'thread-1', 'thread-2'}


@pytest.mark.parametrize('how', [{}, {'threads': 1}])
def test_signal_handlers_are_left_alone(module, reference, dest, how):
    assert module.bootstrap(reference, dest, how=how).end['signals_untouched']


def test_callback_that_raises_cancels_the_job(module, faulty_registry, work, dest):
    faulty_registry.add('large', samples.large())
    result = module.run(faulty_registry.reference('large'), dest, how={'raise_at': 'Downloading'})
    assert (result.end['type'], result.end['message']) == ('Stop', 'the callback does not want any more')
    assert not files_in(work)


@pytest.mark.root
def test_callback_that_raises_ends_the_job_of_a_bus_first(module, daemon_on, faulty_registry, work, dest):
    """The daemon stays, and its job has been cleaned up when the exception arrives."""
    daemon = daemon_on('system')
    faulty_registry.add('large', samples.large())
    result = module.run(faulty_registry.reference('large'), dest, how={'raise_at': 'Downloading'},
                        env={'DBUS_SYSTEM_BUS_ADDRESS': daemon.address})
    assert result.end['type'] == 'Stop' and not files_in(work)
    with daemon.connect() as connection:
        assert [job[5] for job in connection.manager('ListJobs')[0]] == ['cancelled']


def test_interrupt_cancels_the_job(module, held, work, dest):
    reference, _, is_asked = held
    process = module.start(reference, dest)
    wait_for(is_asked, 'the transfer')
    process.send_signal(signal.SIGINT)
    result = module.finish(process)
    assert result.end['type'] == 'KeyboardInterrupt'
    assert not files_in(work)


@pytest.mark.root
def test_signals_of_others_are_ignored(module, daemon_on, held, dest):
    """On a bus, anybody may send one as if it came from the job."""
    reference, gate, is_asked = held
    daemon = daemon_on('system')
    with daemon.connect() as connection:
        names = set(connection._call(*bus.BUS, 'ListNames')[0])
        process = module.start(reference, dest, env={'DBUS_SYSTEM_BUS_ADDRESS': daemon.address})
        wait_for(is_asked, 'the transfer')
        job = connection.manager('ListJobs')[0][0][1]
        for name in set(connection._call(*bus.BUS, 'ListNames')[0]) - names:
            forged = new_signal(DBusAddress(job, interface=bus.JOB), 'Message', 'us', (4, 'forged'))
            forged.header.fields[HeaderFields.destination] = name
            connection.sock.sendall(forged.serialise(next(connection.outgoing_serial)))
        connection._call(*bus.BUS, 'GetId')  # the bus has taken them
        gate.set()
        result = module.finish(process)
    assert not result.error and 'forged' not in result.messages


@pytest.mark.parametrize('level, expected', [('DEBUG', {'INFO', 'WARNING'}), ('WARNING', {'WARNING'}),
                                             ('ERROR', set())])
def test_level_of_the_logger_is_respected(module, tmp_path, dest, level, expected):
    """A tarball without its end causes a warning of the daemon."""
    path = tmp_path / 'root.tar.gz'
    path.write_bytes(gzip.compress(tar.archive([tar.file('a', b'a')], end=False)))
    result = module.bootstrap(path, dest, how={'level': level})
    assert {name for name, _ in result.log} == expected
    assert ('end-of-archive' in ' '.join(result.messages)) == ('WARNING' in expected)
    assert not result.err


def test_secrets_are_in_no_argument_list_and_no_environment(module, held, faulty_registry, dest):
    reference, gate, is_asked = held
    faulty_registry.fault('', faulty.basic(USER, SESAME[0]))
    process = module.start(reference, dest, username=USER, password=SESAME[0], root_password=SESAME[1])
    wait_for(is_asked, 'the transfer')
    pids = [process.pid, *descendants(process.pid)]
    seen = []
    for pid in pids:
        with open(f'/proc/{pid}/environ', 'rb') as environment:
            seen.append(b'\0'.join(command_line(pid)) + environment.read())
    gate.set()
    result = module.finish(process)
    assert not result.error and len(pids) >= 4
    assert not [one for one in seen if b'sesame' in one]
    assert 'sesame' not in str(result)


# How it fails


@pytest.mark.parametrize('arguments, kind, sentence', [
    ({'uri': 'docker://{host}/absent'}, 'NotFound', 'Cannot fetch the manifest latest of {host}/absent'),
    ({'uri': 'docking://a'}, 'InvalidReference', 'The source "docking://a" is invalid'),
    ({'uri': '/nonexistent.tar'}, 'NotFound', 'Cannot open /nonexistent.tar: No such file or directory'),
    ({'uri': '/a\0b'}, 'InvalidReference', 'The source contains a NUL character'),
    ({'uri': 'docker://a\0b'}, 'InvalidReference', 'The source contains a NUL character'),
    ({'fmt': 'vmdk'}, 'InvalidOption', 'vmdk'),
    ({'uid_map': [[0, 1000]]}, 'InvalidOption', 'uid_map is not a list of [START, TARGET, COUNT]'),
    ({'gid_map': [[0, -1, 1]]}, 'InvalidOption', 'gid_map is not a list of [START, TARGET, COUNT]'),
    ({'gid_map': 7}, 'InvalidOption', 'gid_map is not a list of [START, TARGET, COUNT]'),
    ({'username': USER}, 'AuthenticationRequired', 'A user name is given without a password'),
    ({'username': 'a\0', 'password': ''}, 'InvalidOption', 'The user name contains a NUL character'),
    ({'uri': 'docker://\udcff'}, 'InvalidReference', 'The source is not valid UTF-8'),
    ({'dest': '/srv/\udcff'}, 'InvalidDestination', 'The destination is not valid UTF-8'),
    ({'dest': '/'}, 'InvalidDestination', 'is the root of this system'),
    ({'dest': '/dev/null'}, 'InvalidDestination', '/dev/null is not a directory'),
    ({'root_password': 'file:/nonexistent'}, 'InvalidOption', 'Cannot read the password file /nonexistent: No such file'),
    ({'root_password': 'file:/dev/null'}, 'InvalidOption', 'The first line of the password file /dev/null is empty'),
    ({'root_password': 'x' * 4096}, 'LimitExceeded', 'A password is longer than 4095 bytes'),
    ({'root_password': 7}, 'InvalidOption', 'The root password is not a string'),
])
def test_failure_has_a_name_and_a_sentence(module, faulty_registry, reference, work, dest, arguments, kind, sentence):
    arguments = {'uri': reference, 'dest': dest, **arguments}
    arguments['uri'] = arguments['uri'].format(host=faulty_registry.host)
    message = module.fail(kind=kind, **arguments)
    assert sentence.format(host=faulty_registry.host) in message
    assert '\n' not in message and not files_in(work)


def test_wrong_password_is_told(module, faulty_registry, reference, dest):
    faulty_registry.fault('', faulty.basic(USER, PASSWORD))
    result = module.run(reference, dest, username=USER, password='wrong')
    assert result.error == 'AccessDenied'
    assert result.end['name'] == 'org.virtbootstrap1.Error.AccessDenied'


def test_missing_daemon_is_told(module, reference, dest):
    message = module.fail(reference, dest, 'DaemonUnavailable', env={'VIRTBOOTSTRAP_DAEMON': '/none'})
    assert message == 'Cannot start /none: No such file or directory'


def test_daemon_that_cannot_begin_says_why(module, reference, dest, tmp_path):
    (tmp_path / 'file').touch()
    result = module.run(reference, dest, env={'VIRTBOOTSTRAP_CACHE': f'{tmp_path}/file'})
    assert result.error == 'CacheUnusable'
    assert result.end['message'].startswith(f'Cannot use the cache {tmp_path}/file: ')
    assert not result.log and not result.err


def test_daemon_that_ends_without_an_answer_is_told_with_its_last_line(module, reference, dest, tmp_path):
    program = tmp_path / 'daemon'
    program.write_text('#!/bin/sh\necho "It is too early" >&2\nexit 1\n')
    program.chmod(0o755)
    message = module.fail(reference, dest, 'DaemonUnavailable', env={'VIRTBOOTSTRAP_DAEMON': str(program)})
    assert message == 'The embedded daemon does not answer: It is too early'


def test_daemon_that_does_not_answer_in_time_is_told(module, tmp_path):
    program = tmp_path / 'daemon'
    program.write_text('#!/bin/sh\nexec cat <&3 >/dev/null\n')
    program.chmod(0o755)
    code = ('from virtBootstrap import BootstrapError, _bus, _daemon\n'
            '_bus._TIMEOUT = 0.1\n'
            'try:\n'
            '    _daemon._open_embedded()\n'
            'except BootstrapError as reason:\n'
            '    print(reason.name, reason.message)\n')
    result = subprocess.run([sys.executable, '-W', 'error', '-c', code], capture_output=True, text=True, check=True,
                            timeout=DEADLINE, env={**module.env, 'VIRTBOOTSTRAP_DAEMON': str(program)})
    assert result.stdout == 'org.virtbootstrap1.Error.DaemonUnavailable The embedded daemon does not answer\n'
    assert not result.stderr


def test_killed_daemon_is_told_and_leaves_nothing(module, held, work, dest):
    reference, _, is_asked = held
    process = module.start(reference, dest)
    wait_for(is_asked, 'the transfer')
    for pid in programs.running([programs.DAEMON], process.pid):
        os.kill(pid, signal.SIGKILL)
    result = module.finish(process)
    assert result.error == 'Interrupted'
    assert result.end['message'] == 'The daemon exited while the job was running'
    assert not files_in(work)


@pytest.mark.root
def test_killed_daemon_of_a_bus_is_told(module, daemon_on, held, dest):
    reference, _, is_asked = held
    daemon = daemon_on('system')
    process = module.start(reference, dest, env={'DBUS_SYSTEM_BUS_ADDRESS': daemon.address})
    wait_for(is_asked, 'the transfer')
    daemon.process.kill()
    result = module.finish(process)
    assert result.error == 'Interrupted'
    assert result.end['message'] == 'The daemon exited while the job was running'


@pytest.mark.root
def test_job_that_somebody_else_cancels_is_an_error(module, daemon_on, held, dest):
    reference, _, is_asked = held
    daemon = daemon_on('system')
    process = module.start(reference, dest, env={'DBUS_SYSTEM_BUS_ADDRESS': daemon.address})
    wait_for(is_asked, 'the transfer')
    connection = daemon.connect()
    connection.manager('Cancel', 's', connection.manager('ListJobs')[0][0][0])
    connection.close()
    assert module.finish(process).error == 'Cancelled'
