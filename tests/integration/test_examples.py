# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of the README and the manuals do what they say.

They run as they are, as root on a file system in memory, with the service on a system bus of their own; docker.io and
registry.example are a registry on loopback, by registries.conf. Programs that would need more than that are replaced:
STAND_INS says what they do instead."""

import os
import re
import shutil
import subprocess

import pytest

from support import bus, examples, image, jail as jails, programs, registry, samples, signatures, tar
from support.process import DEADLINE, run, stop, wait_for

pytestmark = pytest.mark.root

STAND_INS = {
    # An archive as podman writes it, without an image in its storage.
    'podman': 'exec skopeo copy --quiet --src-tls-verify=false "docker://$REGISTRY/library/$2" docker-archive:/dev/fd/3 '
              '3>&1 >&2',
    # Outside of a machine with systemd-machined, and without cgroups of its own.
    'systemd-nspawn': 'for last; do :; done; exec unshare --pid --fork chroot "$(printf "%s\\n" "$@" | '
                      'sed -n "s/^--directory=//p")" /bin/sh -c "$last"',
    # Opens the disk and the kernel, and starts nothing. -nographic would take the terminal.
    'qemu-system-x86_64': 'for argument; do shift; [ "$argument" = -nographic ] || set -- "$@" "$argument"; done; '
                          'echo quit | exec /usr/bin/qemu-system-x86_64 "$@" -S -display none -monitor stdio',
    # The kernel whose files there are.
    'uname': 'ls /boot | sed -n "s/^vmlinuz-//p"',
}
SHELL = ('sh', 'dash', 'id', 'cat')
BLOCKS = examples.every()


def by_kind(*kinds):
    return pytest.mark.parametrize('example', [one for one in BLOCKS if one.kind in kinds], ids=str)


def program_entries(*names):
    """A root file system in which these programs of this machine run."""
    files = {}
    for name in names:
        path = shutil.which(name)
        files[path] = path
        for word in run(['ldd', path]).split():
            if word.startswith('/'):
                files[word] = word
    return [tar.directory('etc'), tar.symlink('bin', 'usr/bin'), tar.file('etc/passwd', b'root:x:0:0:root:/root:/bin/sh\n'),
            tar.file('etc/shadow', b'root:*:19000:0:99999:7:::\n', mode=0o640),
            *(tar.file(name.lstrip('/'), open(source, 'rb').read(), mode=0o755) for name, source in files.items())]


@pytest.fixture(scope='module')
def offered(tmp_path_factory):
    """The images that the examples name, and the key of one of them."""
    folder = tmp_path_factory.mktemp('offered')
    one = registry.Registry(folder / 'registry')
    debian = image.Image([image.Layer(program_entries(*SHELL)), image.Layer([tar.file('etc/motd', b'Welcome\n')])])
    for name in ('library/debian', 'library/fedora', 'library/alpine', 'app'):
        for tag in ('latest', '12', '1'):
            digest = one.put(name, tag, debian)
    key = signatures.Key(folder, 'cosign')
    signatures.attach_signed(one, 'app', digest, key, 'registry.example/app')
    yield one, debian, key
    one.stop()


@pytest.fixture
def jail(tmp_path):
    folder = tmp_path / 'jail'
    folder.mkdir()
    one = jails.Jail(folder, ['/boot', programs.SOURCE])
    yield one
    one.stop()


@pytest.fixture
def machine(jail, offered, env, tmp_path):
    """What the examples run in: (argv to begin with, environment)."""
    host, debian, key = offered[0].host, *offered[1:]
    for name in ('root', 'srv', 'var/lib/machines', 'var/lib/libvirt/images', 'var/lib/libvirt/filesystems', 'var/tmp',
                 'work', 'bin-of-test', 'run/bus'):
        jail.at(name).mkdir(parents=True, exist_ok=True)
    for name, script in STAND_INS.items():
        jail.at(f'bin-of-test/{name}').write_text(f'#!/bin/sh\n{script}\n')
        jail.at(f'bin-of-test/{name}').chmod(0o755)
    for folder in ('root', 'work'):
        jail.at(f'{folder}/secret').write_text('geheim\n')
    shutil.copy(key.public, jail.at('work/cosign.pub'))
    image.write_layout(jail.at('work/layout'), debian, '12')
    jail.at('registries.conf').write_text(''.join(
        f'[[registry]]\nprefix = "{name}"\nlocation = "{host}{path}"\ninsecure = true\n'
        for name, path in (('docker.io', ''), ('registry.example', ''))))
    one_bus = bus.BusDaemon(jail.at('run/bus'))
    inside = {**env, 'HOME': '/root', 'XDG_RUNTIME_DIR': '/run', 'VIRTBOOTSTRAP_CACHE': '/cache', 'REGISTRY': host,
              'CONTAINERS_REGISTRIES_CONF': '/registries.conf', 'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/run/bus/bus',
              'PYTHONPATH': str(programs.BUILD / 'client/python'),
              'PATH': f'/bin-of-test:{programs.CLIENT.parent}:{os.environ["PATH"]}'}
    log = tmp_path / 'daemon.log'
    with open(log, 'wb') as f:
        daemon = subprocess.Popen([*jail.prefix, programs.DAEMON, '--bus=system'], env=inside, stderr=f)

    def is_there():
        assert daemon.poll() is None, log.read_text()
        return one_bus.has(bus.NAME)

    try:
        wait_for(is_there, 'the service')
        yield [*jail.prefix, 'env', '--chdir=/work'], inside
    finally:
        stop(daemon)
        one_bus.stop()


def execute(machine, *argv, **kw):
    before, env = machine
    done = subprocess.run([*before, *map(str, argv)], env=env, capture_output=True, text=True, timeout=4 * DEADLINE,
                          **kw)
    assert done.returncode == 0, f'{done.stdout}\n{done.stderr}'
    return done


def test_every_example_says_how_it_is_tested():
    assert len(BLOCKS) > 20
    assert [str(one) for one in BLOCKS if one.kind not in examples.KINDS] == []


def test_what_is_not_run_has_a_reason():
    assert [str(one) for one in BLOCKS if one.kind in ('syntax', 'none') and not one.reason] == []


@by_kind('run')
def test_example_runs(machine, example):
    execute(machine, 'bash', '-euo', 'pipefail', '-c', example.text, stdin=subprocess.DEVNULL)


@by_kind('python')
def test_example_in_python_runs(machine, example):
    execute(machine, '/usr/bin/python3', '-c', example.text)


@by_kind('syntax')
def test_example_is_a_script(example):
    run(['bash', '-n', '-c', example.text])


@by_kind('c')
def test_example_in_c_compiles(tmp_path, example):
    source = tmp_path / 'example.c'
    source.write_text('#include <systemd/sd-bus.h>\nvoid example(sd_bus *bus, int password_fd, sd_bus_error error) {\n'
                      f'{example.text}\n}}\n')
    run(['gcc', '-fsyntax-only', '-Wall', '-Werror', source])


@by_kind('config')
def test_example_of_the_configuration_is_understood(env, tmp_path, example):
    config = tmp_path / 'virt-bootstrapd.conf'
    config.write_text(example.text)
    done = subprocess.run([programs.DAEMON, '--recover', f'--config={config}'], env=env, capture_output=True, text=True,
                          timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (0, '')


@by_kind('unit')
def test_drop_in_of_the_unit_is_understood(tmp_path, example):
    unit = next(programs.BUILD.glob('units/virt-bootstrapd.service')).read_text()
    (tmp_path / 'virt-bootstrapd.service').write_text(
        re.sub(r'^(Exec\w*=[-+!@]*)/\S*/virt-bootstrapd', rf'\1{programs.DAEMON}', unit, flags=re.M))
    dropin = tmp_path / 'virt-bootstrapd.service.d/example.conf'
    dropin.parent.mkdir()
    dropin.write_text(example.text)
    done = subprocess.run(['systemd-analyze', 'verify', '--man=no', tmp_path / 'virt-bootstrapd.service'],
                          env={**os.environ, 'SYSTEMD_UNIT_PATH': f'{tmp_path}:'}, capture_output=True, text=True,
                          timeout=DEADLINE)
    assert (done.returncode, done.stdout + done.stderr) == (0, '')
