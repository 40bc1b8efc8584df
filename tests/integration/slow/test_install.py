# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an ordinary user installs below ~/.local, as the README says, is complete, and works."""

import os
import re
import shutil
import subprocess

import pytest

from support import examples, programs, tar
from support.process import run

pytestmark = pytest.mark.root

EXPECTED = [
    'bin/virt-bootstrap', 'libexec/virt-bootstrapd', 'libexec/virt-bootstrap-fetch',
    'share/bash-completion/completions/virt-bootstrap', 'share/zsh/site-functions/_virt-bootstrap',
    'share/fish/vendor_completions.d/virt-bootstrap.fish',
    'share/dbus-1/interfaces/org.virtbootstrap1.xml', 'share/dbus-1/services/org.virtbootstrap1.service',
    'share/dbus-1/system.d/org.virtbootstrap1.conf', 'share/systemd/user/virt-bootstrapd.service',
    'share/doc/virt-bootstrap/README.md', 'share/doc/virt-bootstrap/NEWS.md',
    'share/doc/virt-bootstrap/examples/virt-bootstrapd.conf', 'share/doc/virt-bootstrap/examples/example.c',
    'share/man/man1/virt-bootstrap.1', 'share/man/man5/org.virtbootstrap1.5',
    'share/man/man5/virt-bootstrapd.conf.5', 'share/man/man7/virt-bootstrap-formats.7',
    'share/man/man8/virt-bootstrapd.8', 'share/locale/de/LC_MESSAGES/virt-bootstrap.mo',
]


class Home:
    """A user with this project's files, who has followed the README."""

    def __init__(self, folder):
        self.path = folder / 'home'
        self.local = self.path / '.local'
        shutil.copytree(programs.SOURCE, self.path / 'source', ignore=self._ignore, symlinks=True)
        run(['chown', '-R', f'{programs.UID}:{programs.UID}', self.path])
        for parent in self.path.parents:
            if parent.stat().st_uid == os.geteuid() and parent.stat().st_mode & 0o005 != 0o005:
                parent.chmod(0o755)

    @staticmethod
    def _ignore(folder, names):
        is_top = folder == str(programs.SOURCE)
        return [name for name in names if name == '__pycache__' or (is_top and name.startswith(('build', '.git')))]

    def run(self, *argv, cwd=None, **more):
        env = {'PATH': os.environ['PATH'], 'HOME': str(self.path), 'LC_ALL': 'C.UTF-8', **more}
        done = subprocess.run([*programs.AS_USER, *map(str, argv)], env=env, cwd=cwd or self.path, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=1200)
        assert done.returncode == 0, f'{argv}: {done.stdout[-4000:]}\n{done.stderr}'
        return done.stdout


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    one = Home(tmp_path_factory.mktemp('install'))
    script, = (example for example in examples.every() if example.kind == 'install')
    one.run('nice', 'bash', '-euxo', 'pipefail', '-c', script.text, cwd=one.path / 'source')
    return one


@pytest.fixture
def archive(home):
    path = home.path / 'root.tar'
    path.write_bytes(tar.archive([tar.directory('etc'), tar.file('etc/motd', b'Welcome\n')]))
    return path


def test_everything_is_below_the_prefix(home):
    missing = [name for name in EXPECTED if not (home.local / name).exists()]
    assert not missing
    outside = [line for line in (home.path / 'source/build-home/meson-logs/install-log.txt').read_text().splitlines()
               if not line.startswith('#') and line != str(home.local) and not line.startswith(f'{home.local}/')]
    assert outside == []


def test_installed_client_starts_the_installed_service(home, archive):
    home.run(home.local / 'bin/virt-bootstrap', '--embedded', archive, home.path / 'embedded')
    assert (home.path / 'embedded/etc/motd').read_text() == 'Welcome\n'


def test_session_bus_would_start_the_installed_service(home):
    """It reads $XDG_DATA_HOME/dbus-1/services, which is ~/.local/share/dbus-1/services by default."""
    service = (home.local / 'share/dbus-1/services/org.virtbootstrap1.service').read_text()
    command, = re.findall('^Exec=(.*)', service, re.M)
    assert command == f'{home.local}/libexec/virt-bootstrapd --bus=user'
    assert f'ExecStart={command}\n' in (home.local / 'share/systemd/user/virt-bootstrapd.service').read_text()


def test_python_of_the_user_has_the_module(home, archive):
    home.run('/usr/bin/python3', '-c', 'import virtBootstrap, sys; virtBootstrap.bootstrap(*sys.argv[1:])',
             f'file://{archive}', home.path / 'python')
    assert (home.path / 'python/etc/motd').read_text() == 'Welcome\n'


def test_manuals_and_completions_are_found(home):
    assert 'virt-bootstrap-formats' in home.run(
        'man', '--where', 'virt-bootstrap-formats', MANPATH=f'{home.local}/share/man')
    found = home.run('bash', '-c', '. /usr/share/bash-completion/bash_completion; '
                     '_completion_loader virt-bootstrap; complete -p virt-bootstrap')
    assert found == 'complete -F _virt_bootstrap virt-bootstrap\n'
