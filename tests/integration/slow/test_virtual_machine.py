# SPDX-License-Identifier: LGPL-2.1-or-later
"""Virtual machines that start from what was made, with the commands of the manual: a chain, one qcow2 image, and a raw
one. An emulated processor is enough. tests/slow runs this."""

import glob
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree

import pytest

from support import tar
from support.image import Image
from support.process import run

pytestmark = pytest.mark.root

MANUAL = pathlib.Path(__file__).resolve().parents[3] / 'client/virt-bootstrap.1'
BOOT_SECONDS = 300
MARKER = 'The tree of all three layers has started.'
INIT = '#!/bin/sh\n/bin/busybox cat /etc/marker\n/bin/busybox sync\n/bin/busybox poweroff -f\n'
# What is made, which of it is the disk, and how the manual names it for QEMU.
DISKS = [
    ('vm.qcow2', 'vm.qcow2', 'qcow2'),
    ('vm.raw', 'vm.raw', 'raw'),
    ('chain/', 'chain/layer-2.qcow2', 'qcow2'),
]


def host(pattern):
    """The newest of the kernel's files, which the package has made."""
    return max(glob.glob(pattern))


def libraries(program):
    """What it needs to start."""
    return re.findall(r'(/\S+) \(0x', run(['ldd', program]))


def layers():
    """A shell, without what would use it; then the first process; then what that prints."""
    shell = [tar.directory('bin'), tar.directory('etc'), tar.directory('dev'), tar.directory('sbin'),
             tar.symlink('bin/sh', 'busybox'), tar.file('etc/marker', b'The wrong layer.\n')]
    for path in ['/bin/busybox', *libraries('/bin/busybox')]:
        for parent in reversed(pathlib.PurePath(path[1:]).parents[:-1]):
            shell.append(tar.directory(str(parent)))
        shell.append(tar.file(path[1:], pathlib.Path(path).read_bytes(), mode=0o755))
    return [shell, [tar.file('sbin/init', INIT.encode(), mode=0o755)],
            [tar.file('etc/marker', f'{MARKER}\n'.encode())]]


def example(word):
    """The example in the manual with @word, as the reader types it."""
    page = MANUAL.read_text().replace('\\e', '\\').replace('\\-', '-')
    [text] = [block for block in re.findall(r'^\.EX\n(.*?)^\.EE', page, re.M | re.S) if word in block]
    return text


@pytest.fixture
def machine(client, faulty_registry, work):
    """Makes a disk, in a folder with a kernel and its initial RAM disk."""
    faulty_registry.add('machine', Image(layers()))
    (work / 'vmlinuz').symlink_to(host('/boot/vmlinuz-*'))
    (work / 'initrd.img').symlink_to(host('/boot/initrd.img-*'))

    def make(name, *options):
        client.bootstrap(faulty_registry.reference('machine'), f'{work}/{name}', '--size=64M', *options)

    return make


@pytest.mark.parametrize('name, path, kind', DISKS, ids=[kind[0] for kind in DISKS])
def test_machine_starts_with_the_manuals_command(machine, work, name, path, kind):
    machine(name, *(['--format=qcow2'] if name.endswith('/') else []))
    command = example('qemu-system-x86_64')
    assert 'file=vm.qcow2,format=qcow2' in command
    command = command.replace('file=vm.qcow2,format=qcow2', f'file={path},format={kind}')
    result = subprocess.run(['sh', '-c', command], cwd=work, stdin=subprocess.DEVNULL, text=True, errors='replace',
                            capture_output=True, timeout=BOOT_SECONDS)
    assert MARKER in result.stdout, result.stdout[-3000:] + result.stderr


@pytest.mark.skipif(not shutil.which('virt-install'), reason='needs virt-install')
@pytest.mark.parametrize('name, kind', [('vm.qcow2', 'qcow2'), ('vm.raw', 'raw')], ids=['qcow2', 'raw'])
def test_manuals_command_for_virt_install_makes_such_a_machine(machine, work, name, kind):
    machine(name)
    text = example('virt-install')
    command = text[text.index('virt-install'):]
    assert '/var/lib/libvirt/images/vm.qcow2,bus=virtio,driver.type=qcow2' in command
    command = command.replace('/var/lib/libvirt/images/vm.qcow2', f'{work}/{name}').replace('type=qcow2', f'type={kind}')
    command = re.sub(r'/boot/(vmlinuz|initrd\.img)-[\w.-]+amd64', rf'{work}/\1', command)
    output = run(['sh', '-c', f'{command.strip()} --connect test:///default --print-xml'])
    domain = xml.etree.ElementTree.fromstring(output)
    assert domain.findtext('os/kernel') == f'{work}/vmlinuz'
    assert domain.findtext('os/initrd') == f'{work}/initrd.img'
    assert domain.findtext('os/cmdline') == 'root=/dev/vda rw console=ttyS0'
    [disk] = domain.findall('devices/disk')
    assert disk.find('source').get('file') == f'{work}/{name}'
    assert (disk.find('driver').get('type'), disk.find('target').get('dev')) == (kind, 'vda')
