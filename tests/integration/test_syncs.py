# SPDX-License-Identifier: LGPL-2.1-or-later
"""What gets its name is on the disk before: seen in the system calls, whatever a file system makes of them."""

import pathlib
import re
import shutil

import pytest

from support import programs, samples

pytestmark = [pytest.mark.root,
              pytest.mark.skipif(not shutil.which('strace'), reason='strace is not installed')]

CALLS = 'fdatasync,syncfs,rename,renameat,renameat2'
LAYERS = 2


@pytest.fixture
def trace(env, tmp_path):
    """Runs a bootstrap; returns its calls that went well, in the order in which they began or, if others ran
    meanwhile, ended: (name, arguments)."""
    log = tmp_path / 'calls'
    # Nobody can look for leaks in a program that is traced.
    env['ASAN_OPTIONS'] = f"{env.get('ASAN_OPTIONS', '')}:detect_leaks=0".lstrip(':')
    client = programs.Client(
        env, prefix=['strace', '-f', '-y', '-s', '4096', '-o', str(log), '-e', f'trace={CALLS}'])

    def bootstrap(source, dest, *options):
        client.bootstrap(source, dest, *options)
        return calls_of(log.read_text())
    return bootstrap


def calls_of(text):
    begun, calls = {}, []
    for line in text.splitlines():
        pid, rest = line.split(maxsplit=1)
        if rest.endswith('<unfinished ...>'):
            begun[pid] = rest.removesuffix('<unfinished ...>')
            continue
        rest = re.sub(r'^<\.\.\. \w+ resumed>', lambda match: begun.pop(pid), rest)
        match = re.fullmatch(r'(\w+)\((.*)\) += 0', rest)
        if match:
            calls.append(match.groups())
    return calls


def names_in(arguments):
    """What a rename has between quotes: the old name and the new one."""
    return re.findall(r'"([^"]*)"', arguments)


def index_of(calls, what, condition):
    found = [i for i, (name, arguments) in enumerate(calls) if condition(name, arguments)]
    assert found, f'{what} is not among the calls: {calls}'
    return found


def naming_of(calls, name):
    """When a file or directory gets its name for good."""
    return index_of(calls, f'a rename to {name}', lambda call, arguments:
                    call.startswith('rename') and pathlib.Path(names_in(arguments)[1]).name == name)[-1]


@pytest.fixture
def reference(faulty_registry):
    faulty_registry.add('image', samples.large(files=2, size=9000, layers=LAYERS))
    return faulty_registry.reference('image')


def test_blob_is_on_the_disk_before_it_has_its_name(trace, reference, dest, cache):
    calls = trace(reference, dest)
    layers = [path.name for path in (cache / 'blobs/sha256').iterdir()]
    assert len(layers) >= LAYERS
    for name in layers:
        flushed = index_of(calls, f'a flush of {name}', lambda call, arguments:
                           call == 'fdatasync' and f'/partial/sha256-{name}' in arguments)
        assert flushed[0] < naming_of(calls, name)


@pytest.mark.parametrize('options', [[], ['--overwrite']])
def test_tree_is_on_the_disk_before_it_has_its_name(trace, reference, dest, options):
    if options:
        dest.mkdir()
    calls = trace(reference, dest, *options)
    flushed = index_of(calls, 'a flush of the tree', lambda call, arguments: call == 'syncfs')
    assert flushed[0] < naming_of(calls, dest.name)


def test_disk_images_are_on_the_disk_before_they_have_their_names(trace, reference, dest):
    calls = trace(reference, dest, '--format=qcow2', '--size=256M')
    for i in range(LAYERS):
        flushed = index_of(calls, f'a flush of image {i}', lambda call, arguments:
                           call == 'fdatasync' and f'layer-{i}.qcow2>' in arguments)
        assert flushed[0] < naming_of(calls, dest.name)
