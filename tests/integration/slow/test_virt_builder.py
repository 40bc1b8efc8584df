# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real virt-builder and guestfish, with a small template of the tests' own. tests/slow runs this."""

import contextlib
import crypt
import glob
import os
import shutil
import signal
import subprocess
import tempfile

import pytest

from support import disk, programs, samples, tree
from support.process import in_mount_namespace, run, running, wait_for
from support.programs import Client, workers_of

pytestmark = pytest.mark.root

PASSWORD = 'drowssap'
UID = 4711
TEMPLATE_BYTES = 64 << 20
FILES = {
    'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
    'etc/group': 'root:x:0:\n',
    'etc/shadow': 'root:*:19000:0:99999:7:::\n',
    'etc/fstab': '/dev/sda / ext4 defaults 0 1\n',
    'etc/os-release': 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n',
    'etc/debian_version': '12.0\n',
    'boot/vmlinuz': 'kernel\n',
    'dev/leftover': 'x\n',
}
FOLDERS = ('bin', 'boot', 'dev', 'etc', 'home/owned', 'lib', 'proc', 'root', 'sbin', 'sys', 'tmp',
           'usr/bin', 'var/log')
INDEX = '[tiny]\nname=Tiny\narch=x86_64\nfile=tiny.img.xz\nformat=raw\nsize={0}\n'
CONFIG = '[VirtBuilder]\nSource=file://{0}/index\nOptions=--no-check-signature\n'


def make_root(root):
    """What libguestfs takes for a Debian, whose appliance can run its shell."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    for name, text in FILES.items():
        (root / name).write_text(text)
    shutil.copy('/bin/busybox', root / 'bin/busybox')
    for name in ('sh', 'cat', 'sed', 'chroot'):
        (root / 'bin' / name).symlink_to('busybox')
    os.setxattr(root / 'bin/busybox', 'security.capability', samples.CAPABILITY)
    os.chown(root / 'home/owned', 1234, 2345)
    (root / 'etc/shadow').chmod(0o640)


@pytest.fixture(scope='session')
def templates(tmp_path_factory):
    """A folder that everybody can read, with an index of one template, and an empty one."""
    root = tmp_path_factory.mktemp('template') / 'root'
    root.mkdir()
    make_root(root)
    with tempfile.TemporaryDirectory(dir='/var/tmp') as name:
        os.chmod(name, 0o755)
        image = f'{name}/tiny.img'
        with open(image, 'wb') as f:
            f.truncate(TEMPLATE_BYTES)
        run(['/sbin/mke2fs', '-q', '-F', '-t', 'ext4', '-d', root, image])
        run(['xz', '-T0', image])
        with open(f'{name}/index', 'w', encoding='utf-8') as f:
            f.write(INDEX.format(TEMPLATE_BYTES))
        with open(f'{name}/config', 'w', encoding='utf-8') as f:
            f.write(CONFIG.format(name))
        os.mkdir(f'{name}/empty')
        yield name


@pytest.fixture
def builder(env, templates, tmp_path):
    """A client that sees but the tests' templates. Of what virt-builder needs there is nothing left."""
    for path in tmp_path.parents[:2]:
        path.chmod(0o755)
    with tempfile.TemporaryDirectory(dir='/var/tmp') as temporary:
        os.chmod(temporary, 0o1777)
        # libguestfs' appliance takes long to make: it stays where libguestfs has it.
        env.update(VIRTBOOTSTRAP_CONFIG=f'{templates}/config', LIBGUESTFS_CACHEDIR='/var/tmp',
                   VIRTBOOTSTRAP_TMPDIR=temporary)
        yield Client(env, prefix=in_mount_namespace(
            [(f'{templates}/empty', '/etc/virt-builder/repos.d')], []))
        assert set(os.listdir(temporary)) <= {'virt-bootstrap-builder'}
        assert not glob.glob(f'{temporary}/virt-bootstrap-builder/place-*')
    assert not appliances()


def appliances():
    return running([shutil.which('qemu-system-x86_64'), shutil.which('virt-builder'),
                    shutil.which('guestfish')])


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / 'secret'
    path.write_text(PASSWORD + '\n')
    return f'--root-password=file:{path}'


def finish(client, *args, expect=0):
    """A run that takes minutes."""
    process = client.start(*args)
    try:
        out, err = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == expect, out + err
    return programs.Result(process.returncode, out, err)


def check_tree(root):
    for name in ('dev', 'boot'):
        assert not os.listdir(root / name)
    assert (root / 'etc/fstab').read_text() == '#' + FILES['etc/fstab']
    busybox = root / 'bin/busybox'
    with open('/bin/busybox', 'rb') as f:
        assert busybox.read_bytes() == f.read()
    assert os.getxattr(busybox, 'security.capability') == samples.CAPABILITY
    assert os.readlink(root / 'bin/sh') == 'busybox'
    assert (root / 'etc/shadow').stat().st_mode & 0o7777 == 0o640


def has_password(shadow):
    hashed = shadow.split(':')[1]
    return crypt.crypt(PASSWORD, hashed) == hashed


def test_directory_with_a_password_and_mapped_owners(builder, secret, dest):
    result = finish(builder, '--json', secret, '--uidmap=0:100000:1000', '--gidmap=0:200000:1000',
                    'virt-builder://tiny', dest)
    check_tree(dest)
    assert has_password((dest / 'etc/shadow').read_text())
    found = tree.snapshot(dest)
    assert (found[b'etc']['uid'], found[b'etc']['gid']) == (100000, 200000)
    assert (found[b'home/owned']['uid'], found[b'home/owned']['gid']) == (1234, 2345)
    assert len({one['fraction'] for one in result.of('progress')}) > 5


def test_disk_image_with_a_password(builder, secret, dest):
    finish(builder, secret, '--format=qcow2', '--size=256M', 'virt-builder:///tiny', dest)
    assert os.listdir(dest) == ['layer-0.qcow2']
    assert (dest / 'layer-0.qcow2').stat().st_mode & 0o777 == 0o600
    disk.check(dest / 'layer-0.qcow2')
    with disk.raw(dest / 'layer-0.qcow2') as path:
        disk.fsck(path)
        with disk.mounted(path) as folder:
            root = type(dest)(folder)
            check_tree(root)
            assert has_password((root / 'etc/shadow').read_text())


def test_unknown_template_is_not_found(builder, work):
    result = finish(builder, '--json', 'virt-builder://other', work / 'root', expect=1)
    assert result.error == 'NotFound' and '"other"' in result.sentence
    assert not os.listdir(work)


def test_missing_file_of_a_template_is_told_in_curls_words(builder, env, templates, tmp_path, work):
    index, config = f'{templates}/broken', f'{templates}/broken-config'
    with open(index, 'w', encoding='utf-8') as f:
        f.write(INDEX.format(TEMPLATE_BYTES).replace('tiny', 'missing'))
    with open(config, 'w', encoding='utf-8') as f:
        f.write(CONFIG.format(templates).replace('/index', '/broken'))
    env['VIRTBOOTSTRAP_CONFIG'] = config
    result = finish(builder, '--json', 'virt-builder://missing', work / 'root', expect=1)
    assert result.sentence.startswith('virt-builder failed: ') and 'missing.img.xz' in result.sentence


def start_until_the_appliance_runs(builder, dest):
    job = builder.start('virt-builder:/tiny', dest)
    wait_for(lambda: running([shutil.which('qemu-system-x86_64')], job.pid), 'QEMU', 240)
    return job


def test_cancelled_job_ends_the_appliance(builder, work):
    job = start_until_the_appliance_runs(builder, work / 'root')
    job.send_signal(signal.SIGINT)
    builder.finish(job, expect=130)
    assert not appliances()
    assert not os.listdir(work)


def test_killed_worker_takes_the_appliance_with_it(builder, env, work):
    job = start_until_the_appliance_runs(builder, work / 'root')
    for pid in workers_of(job):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    builder.finish(job, expect=1)
    wait_for(lambda: not appliances(), 'the appliance to end')
    assert not os.listdir(work)
    # The directory that is left goes with the next builder, also one that fails.
    finish(builder, 'virt-builder://other', work / 'root', expect=1)


def test_user_without_privileges(builder, env, secret, tmp_path, work):
    folder = tmp_path / 'bin'
    folder.mkdir()
    for path in (programs.DAEMON, *programs.WORKERS):
        shutil.copy(path, folder)
    env['VIRTBOOTSTRAP_DAEMON'] = str(folder / programs.DAEMON.name)
    env['VIRTBOOTSTRAP_WORKERS'] = str(folder)
    for path in (tmp_path, work, tmp_path / 'user', tmp_path / 'secret'):
        os.chown(path, UID, UID)
    user = Client(env, prefix=[*builder.prefix, 'setpriv', f'--reuid={UID}', f'--regid={UID}',
                               '--clear-groups'])
    finish(user, secret, 'virt-builder://tiny', work / 'root')
    assert (work / 'root/etc/fstab').read_text() == '#' + FILES['etc/fstab']
    assert has_password((work / 'root/etc/shadow').read_text())
    assert {node['uid'] for node in tree.snapshot(work / 'root').values()} == {UID}
    assert (tmp_path / 'user/.cache/virt-builder').is_dir()
