# SPDX-License-Identifier: LGPL-2.1-or-later
"""virt-manager's own windows, on a display in memory, create a container. Nothing of it is installed by tests/run.

With TEST_SCREENSHOTS, what its windows looked like is left in that directory.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from support import programs, samples, tar
from support.image import Image
from support.module import Module
from support.process import stop, wait_for

PROGRAM = programs.SOURCE / 'tests/integration/support/virt_manager_window_program.py'
PNG = b'\x89PNG'


@pytest.fixture
def display():
    """The name of an X display of the test's own."""
    ours, theirs = os.pipe()
    process = subprocess.Popen(['Xvfb', '-displayfd', str(theirs), '-screen', '0', '800x600x24', '-nolisten', 'tcp'],
                               pass_fds=[theirs], stderr=subprocess.DEVNULL)
    os.close(theirs)
    with open(ours) as numbers:
        yield f':{numbers.readline().strip()}'
    stop(process)


@pytest.mark.skipif(not shutil.which('virt-manager'), reason='virt-manager is not installed')
def test_container_is_created_in_a_directory_with_content(env, display, faulty_registry, tmp_path, folder, dest):
    image = Image([[tar.directory('etc'), tar.file('etc/shadow', samples.SHADOW)]])
    faulty_registry.add('image', image)
    gate = faulty_registry.gate(image.layers[0].digest, 0)
    dest.mkdir()
    (dest / 'mine').touch()
    module = Module(env, tmp_path / 'python')
    arguments = {'source': faulty_registry.reference('image'), 'dest': str(dest), 'root_password': 'sesame'}
    process = subprocess.Popen(['dbus-run-session', '--', sys.executable, PROGRAM, folder], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, env={
                                   **module.env, 'DISPLAY': display, 'GSETTINGS_BACKEND': 'memory', 'NO_AT_BRIDGE': '1',
                                   'DBUS_SYSTEM_BUS_ADDRESS': f'unix:path={tmp_path}/no-bus'})
    try:
        process.stdin.write(json.dumps(arguments) + '\n')
        process.stdin.flush()
        wait_for((folder / 'progress.png').exists, 'the progress window', 60)
        assert process.poll() is None
        gate.set()
        seen = json.loads(process.communicate(timeout=60)[0])
    finally:
        stop(process)
    assert seen['is_offered'] and seen['question'] == 'OS root directory is not empty'
    assert seen['ended'] == ['container1']
    assert 'Downloading' in seen['details']
    assert 'root:$' in (dest / 'etc/shadow').read_text() and (dest / 'mine').exists()
    for name in ('question.png', 'progress.png'):
        assert (folder / name).read_bytes().startswith(PNG)
        if 'TEST_SCREENSHOTS' in os.environ:
            shutil.copy(folder / name, pathlib.Path(os.environ['TEST_SCREENSHOTS']))
