# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of others: virt-manager's function that calls the Python module, and the examples of the interface."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from conftest import PASSWORD, USER
from support import bus, faulty, programs, samples, tar

# Installed, or unpacked by tests/run.
VIRT_MANAGER = [pathlib.Path('/usr/share/virt-manager'), programs.BUILD / 'unpacked/usr/share/virt-manager']
VIRT_MANAGER_PROGRAM = programs.SOURCE / 'tests/integration/support/virt_manager_program.py'


@pytest.fixture
def reference(faulty_registry):
    faulty_registry.add('small', samples.small())
    return faulty_registry.reference('small')


@pytest.fixture
def virt_manager(module):
    """Lets virt-manager's own function call the module; returns what the user sees."""
    folder = next((one for one in VIRT_MANAGER if (one / 'virtManager/createvm.py').exists()), None)
    if not folder:
        pytest.skip('there is no virt-manager')

    def create(source, dest, **more):
        arguments = {'src': source, 'dest': str(dest), 'user': '', 'passwd': '', 'insecure': True,
                     'root_password': '', **more}
        done = subprocess.run([sys.executable, VIRT_MANAGER_PROGRAM, folder], input=json.dumps(arguments) + '\n',
                              env=module.env, text=True, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return create


def test_virt_manager_creates_a_container(virt_manager, faulty_registry, reference, dest):
    faulty_registry.fault('', faulty.basic(USER, PASSWORD))
    seen = virt_manager(reference, dest, user=USER, passwd=PASSWORD)
    assert seen['is_offered'] and seen['has_succeeded'] and not seen['error']
    assert seen['statuses'][-1] == 'Done'
    assert seen['details'][-1] == f'Files are stored in: {dest}\n'
    assert (dest / 'etc/greeting').exists()


def test_virt_manager_shows_why_it_failed(virt_manager, faulty_registry, dest):
    seen = virt_manager(faulty_registry.reference('absent'), dest, root_password='sesame')
    title, text = seen['error']
    assert title == 'virt-bootstrap did not complete successfully' and not seen['has_succeeded']
    assert text.startswith(f'Cannot fetch the manifest latest of {faulty_registry.host}/absent: ')
    assert 'Resolving' in text and 'sesame' not in text


@pytest.mark.root
@pytest.mark.parametrize('program', [[os.environ.get('TEST_EXAMPLE', programs.BUILD / 'client/examples/example')],
                                     [sys.executable, programs.SOURCE / 'client/examples/example.py']])
def test_example_submits_follows_and_cancels(env, daemon_on, tmp_path, work, program):
    daemon = daemon_on('system')
    env['DBUS_SYSTEM_BUS_ADDRESS'] = daemon.address

    def start(source, dest):
        return subprocess.Popen([*program, source, dest], env=env, text=True, stdout=subprocess.PIPE)

    (tmp_path / 'root.tar').write_bytes(tar.archive([tar.file('a', b'a')]))
    process = start(tmp_path / 'root.tar', work / 'root')
    lines = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 0 and os.listdir(work / 'root') == ['a']
    assert lines[-2:] == ['done 100%', 'done  ']

    os.mkfifo(tmp_path / 'pipe')
    process = start(tmp_path / 'pipe', work / 'other')
    with daemon.connect() as connection:
        connection.wait_until(lambda: connection.get(bus.PATH, bus.MANAGER, 'Jobs'), 'the job to be there')
    process.send_signal(signal.SIGINT)
    lines = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 1 and lines[-1].startswith('cancelled org.virtbootstrap1.Error.Cancelled ')
    assert os.listdir(work) == ['root']
