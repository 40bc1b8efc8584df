# SPDX-License-Identifier: LGPL-2.1-or-later
"""What systemd keeps the service from, and that its jobs work all the same."""

import os
import re
import stat

import pytest

from support import tar
from support.machine import UNIT

EXPOSURE_MAX = 4.5
BUILDER = """#!/bin/sh
[ -r /dev/kvm ] && [ -w /dev/kvm ] && : 3<>/dev/kvm && kvm=open || kvm=closed
echo '[   0.2] Opening the new disk'
echo "$kvm $(id -u) $(grep CapBnd /proc/self/status | cut -f2)" >disk.img
"""
GUESTFISH = """#!/bin/sh
mkdir -p tree/etc && cp disk.img tree/etc/said && exec tar -C tree -c .
"""


def test_exposure_does_not_rise(machine):
    said = machine.run('systemd-analyze', 'security', '--no-pager', UNIT).out
    found = re.search(r'Overall exposure level for \S+: ([\d.]+)', said)
    assert float(found[1]) <= EXPOSURE_MAX, said


def in_service(machine, service, *argv, expect=0):
    """Runs a program as the service could: with its namespaces, its cgroup, and its capabilities."""
    group = service.show('ControlGroup')
    bounds = machine.path('/proc') / str(service.pid) / 'status'
    bound = re.search(r'CapBnd:\s+(\w+)', bounds.read_text())[1]
    dropped = [f'-cap_{i}' for i in range(41) if not int(bound, 16) >> i & 1]
    return machine.run(
        'sh', '-c', f'echo $$ >/sys/fs/cgroup{group}/cgroup.procs && exec "$@"', 'sh',
        'nsenter', f'--target={service.pid}', '--mount', 'setpriv',
        f'--bounding-set={",".join(dropped)}', '--no-new-privs', *argv, expect=expect)


@pytest.fixture
def running(machine, service):
    machine.client('--system').run('list')
    assert service.state == 'active'
    return service


def test_devices_may_be_made_and_not_opened(running):
    """In a container systemd cannot apply this: what can be looked at is what it would."""
    assert running.show('DevicePolicy') == 'closed'
    assert sorted(running.show('DeviceAllow').splitlines()) == [
        '/dev/kvm rw', 'block-* m', 'char-* m', 'char-rtc r']  # the last by ProtectClock=


@pytest.mark.parametrize('path', ['/usr/new', '/etc/new', '/boot/new'])
def test_system_directories_cannot_be_written(machine, running, path):
    result = in_service(machine, running, 'touch', path, expect=1)
    assert 'Read-only file system' in result.err


def test_nothing_is_executed_but_what_is_installed(machine, running, srv):
    program = machine.path(f'{srv}/program')
    program.write_text('#!/bin/sh\n')
    program.chmod(0o755)
    result = in_service(machine, running, f'{srv}/program', expect=None)
    assert result.status != 0 and 'Permission denied' in result.err


def test_modules_clocks_and_the_kernels_settings_are_out_of_reach(machine, running):
    bound = int(re.search(r'CapBnd:\s+(\w+)', (
        machine.path('/proc') / str(running.pid) / 'status').read_text())[1], 16)
    for capability in (12, 16, 17, 19, 22, 25, 33, 34, 38, 39):  # NET_ADMIN SYS_MODULE … PERFMON BPF
        assert not bound >> capability & 1, capability
    result = in_service(machine, running, 'sh', '-c', 'echo x >/proc/sys/kernel/domainname',
                        expect=None)
    assert result.status != 0 and 'Read-only file system' in result.err


def test_tree_has_programs_devices_and_owners_of_all_kinds(machine, service, srv):
    content = [tar.directory('etc'), tar.file('etc/shadow', b'root:*:19000:0:99999:7:::\n', mode=0o640),
               tar.file('su', b'x', mode=0o4755), tar.device('null', 'c', 1, 3),
               tar.device('disk', 'b', 8, 0), tar.file('of', b'x', uid=7, gid=8)]
    machine.path(f'{srv}/all.tar').write_bytes(tar.archive(content))
    client = machine.client()
    client.run('--idmap=0:100000:65536', f'--root-password=file:{srv}/secret', f'{srv}/all.tar',
               f'{srv}/root')
    root = machine.path(f'{srv}/root')
    assert stat.S_IMODE((root / 'su').stat().st_mode) == 0o4755
    assert stat.S_ISBLK((root / 'disk').stat().st_mode)
    assert (root / 'null').stat().st_rdev == os.makedev(1, 3)
    assert ((root / 'of').stat().st_uid, (root / 'of').stat().st_gid) == (100007, 100008)
    assert not (root / 'etc/shadow').read_text().startswith('root:*:')
    client.run('--overwrite', f'{srv}/root.tar', f'{srv}/root')
    assert (root / 'su').exists() and (root / 'etc/greeting').exists()


@pytest.mark.parametrize('parent', ['/tmp', '/home', '/var/lib/machines', '/mnt', '/root'])
def test_destination_may_be_anywhere(machine, service, srv, parent):
    machine.path(parent).mkdir(exist_ok=True)
    name = f'{parent}/bootstrapped'
    machine.client().run(f'{srv}/root.tar', name)
    assert machine.path(f'{name}/etc/greeting').exists()
    machine.run('rm', '-rf', name)


def test_builder_has_its_device_and_no_rights(machine, service, srv):
    for name, text in (('virt-builder', BUILDER), ('guestfish', GUESTFISH)):
        path = machine.path(f'/usr/local/bin/{name}')
        path.write_text(text)
        path.chmod(0o755)
    try:
        machine.client().run('virt-builder://tiny', f'{srv}/root')
    finally:
        machine.run('rm', '/usr/local/bin/virt-builder', '/usr/local/bin/guestfish')
    kvm, uid, bound = machine.path(f'{srv}/root/etc/said').read_text().split()
    has_kvm = machine.path('/dev/kvm').exists()
    assert kvm == ('open' if has_kvm else 'closed')
    assert int(uid) != 0 and int(bound, 16) == 0
