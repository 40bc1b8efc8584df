# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs on systems that do not allow all walls around their steps: containers, and kernels without Landlock."""

import stat

import pytest

from support import archives, image, programs, samples, tar, without
from test_limits import configured

pytestmark = pytest.mark.root

NO_LANDLOCK = without.prefix('ENOSYS', 'landlock_create_ruleset')
NO_NAMESPACES = without.prefix('EPERM', 'unshare')
NEITHER = NO_NAMESPACES + NO_LANDLOCK
# Root that may not mount, as most containers have it.
CONTAINER = [*NO_LANDLOCK, 'setpriv', '--bounding-set=-sys_admin']

SENTENCE = ('neither a mount namespace (Operation not permitted) nor Landlock '
            '(Function not implemented)')
KEY = 'Sandbox=best-effort in virt-bootstrapd.conf'
WARNING = 'neither a mount namespace nor Landlock'

KINDS = ('registry', 'qcow2', 'tarball', 'directory', 'archive')


@pytest.fixture
def sources(faulty_registry, tmp_path):
    """Of each kind one, as arguments for the client."""
    one = samples.small()
    faulty_registry.add('walls', one)
    reference = faulty_registry.reference('walls')
    layout = image.write_layout(tmp_path / 'layout', one)
    archives.write(tmp_path / 'layout.tar', archives.of_folder(layout))
    archives.write(tmp_path / 'root.tar', [
        tar.directory('etc'), tar.file('etc/greeting', b'hello\n'), tar.device('null', 'c', 1, 3),
        tar.device('zero', 'c', 1, 5)])
    return {'registry': [reference], 'qcow2': ['--format=qcow2', '--size=64M', reference],
            'tarball': [tmp_path / 'root.tar'], 'directory': [f'oci:{layout}'],
            'archive': [f'oci-archive:{tmp_path}/layout.tar']}


def warnings(result):
    return [line for line in result.err.splitlines() if WARNING in line]


def is_whole(dest):
    return (dest / 'etc/greeting').exists() or (dest / 'layer-0.qcow2').exists()


@pytest.mark.parametrize('kind', KINDS)
def test_job_without_any_wall_fails_and_says_what_is_missing(user, sources, dest, kind):
    client = programs.Client(user.env, prefix=[*NEITHER, *user.prefix])
    for _ in range(2):
        result = client.fail(*sources[kind], dest)
        assert SENTENCE in result.sentence and KEY in result.sentence
        assert not dest.exists()


def test_what_it_began_is_removed_when_there_is_a_wall(user, sources, work, dest):
    programs.Client(user.env, prefix=[*NEITHER, *user.prefix]).fail(*sources['qcow2'], dest)
    user.bootstrap(*sources['tarball'], dest)
    assert list(work.iterdir()) == [dest]


@pytest.mark.parametrize('kind', KINDS)
def test_job_on_best_effort_is_done_with_one_warning(user, sources, tmp_path, dest, kind):
    configured(user.env, tmp_path, '[Daemon]\nSandbox=best-effort\n')
    client = programs.Client(user.env, prefix=[*NEITHER, *user.prefix])
    result = client.bootstrap(*sources[kind], dest)
    assert is_whole(dest)
    assert len(warnings(result)) == 1, result.err


def test_job_without_sandboxes_does_not_warn_of_them(user, sources, tmp_path, dest):
    configured(user.env, tmp_path, '[Daemon]\nSandbox=no\n')
    client = programs.Client(user.env, prefix=[*NEITHER, *user.prefix])
    result = client.bootstrap(*sources['registry'], dest)
    assert is_whole(dest)
    assert not warnings(result), result.err


@pytest.mark.parametrize('missing', [NO_LANDLOCK, NO_NAMESPACES], ids=['landlock', 'namespaces'])
@pytest.mark.parametrize('kind', KINDS)
def test_one_wall_is_enough(client, sources, dest, kind, missing):
    result = programs.Client(client.env, prefix=missing).bootstrap(*sources[kind], dest)
    assert is_whole(dest)
    assert not warnings(result), result.err


@pytest.mark.parametrize('missing', [NO_LANDLOCK, NO_NAMESPACES], ids=['landlock', 'namespaces'])
@pytest.mark.parametrize('kind', KINDS)
def test_one_wall_is_enough_for_a_user(user, sources, dest, kind, missing):
    client = programs.Client(user.env, prefix=[*missing, *user.prefix])
    result = client.bootstrap(*sources[kind], dest)
    assert is_whole(dest)
    assert not warnings(result), result.err


def test_root_makes_device_nodes(client, sources, dest):
    client.bootstrap(*sources['tarball'], dest)
    assert stat.S_ISCHR((dest / 'null').lstat().st_mode)


def test_root_of_a_container_leaves_device_nodes_out_with_one_warning(client, sources, dest):
    result = programs.Client(client.env, prefix=CONTAINER).bootstrap(*sources['tarball'], dest)
    assert is_whole(dest)
    assert not (dest / 'null').exists() and not (dest / 'zero').exists()
    assert result.err.count('device nodes (2 entries, such as "') == 1, result.err
    assert not warnings(result), result.err
