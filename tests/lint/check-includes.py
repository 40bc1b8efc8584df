#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-includes.py [--graph] SOURCE_ROOT: what the include path cannot enforce.

Folders are layers, and includes go one way. service/ and worker/ never see each other: both know
common/ alone. A third-party header is used only where the table says so. No files include each other
in a circle. Files are named after their folder, and nobody climbs out with "../".

With --graph, prints which folder includes which, and how many includes there are.
"""

import collections
import pathlib
import re
import sys

# Each world's folders, from the ground up: a folder includes those before it, and common/.
WORLDS = {
    'common': ['base', 'proto', 'hash', 'config', 'reference', 'registries', 'credentials'],
    'worker': ['sandbox', 'oci', 'trust', 'inflate', 'unpack', 'password', 'registry', 'source', 'ext4', 'qemu',
               'tree', 'builder', 'steps'],
    'service': ['store', 'job', 'bus', 'service'],
    'client': ['client'],
}
WORLD_OF = {folder: world for world, folders in WORLDS.items() for folder in folders}
# What a world takes from common/, where it is not everything.
COMMON = {'service': {'base', 'proto', 'config', 'reference', 'registries'}, 'client': {'base', 'credentials', 'reference', 'registries'}}
PREFIXES = {'steps': 'step', 'service': 'main'}  # of a folder's files, where it is not the folder's name
FOLDER_OF = {PREFIXES.get(folder, folder): folder for folder in WORLD_OF}
THIRD_PARTY = {
    'archive': {'inflate', 'source', 'unpack'},
    'crypt.h': {'password'},
    'curl/': {'registry'},
    'et/': {'ext4'},
    'ext2fs/': {'ext4'},
    'isa-l': {'inflate'},
    'igzip': {'inflate'},
    'jansson': {'credentials', 'oci', 'qemu', 'trust'},
    'lzma': {'inflate'},
    'openssl/': {'hash', 'trust'},
    'seccomp': {'sandbox'},
    'systemd/sd-bus': {'bus', 'client', 'service'},
    'systemd/sd-event': {'job', 'bus', 'client', 'service'},
    'zstd': {'inflate'},
}
INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)[>"]')


def folder_of(header):
    return FOLDER_OF.get(re.split(r'[-.]', header)[0])


def may_include(folder, other):
    world, other_world = WORLD_OF[folder], WORLD_OF[other]
    if world == other_world:
        return WORLDS[world].index(other) <= WORLDS[world].index(folder)
    return other_world == 'common' and other in COMMON.get(world, WORLDS['common'])


def check_include(folder, mark, header):
    """Yields what is wrong with an include of @header by a file in @folder."""
    if '../' in header:
        yield f'relative include {header}'
    for prefix, folders in THIRD_PARTY.items():
        if mark == '<' and header.startswith(prefix) and folder not in folders:
            yield f'<{header}> belongs to {", ".join(sorted(folders))}'
    other = folder_of(header) if mark == '"' else None
    if other and not may_include(folder, other):
        yield f'{folder}/ may not include {header}, which is of {other}/'


def check_place(path):
    """Yields what is wrong with a file's name and folder."""
    folder = path.parent.name
    if folder not in WORLD_OF:
        yield f'{path}: a folder without a layer'
    elif not re.match(rf'{PREFIXES.get(folder, folder)}[-.]', path.name):
        yield f'{path}: the name must start with that of its folder'
    elif folder != WORLD_OF[folder] and path.parent.parent.name != WORLD_OF[folder]:
        yield f'{path}: belongs below {WORLD_OF[folder]}/'


def circles(includes):
    """Yields each way along @includes, from a file to its headers, that leads back."""
    state = {}

    def visit(name, way):
        state[name] = 'open'
        for other in sorted(includes.get(name, ())):
            if state.get(other) == 'open':
                yield ' → '.join([*way[way.index(other):], other])
            elif other not in state:
                yield from visit(other, [*way, other])
        state[name] = 'closed'

    for name in sorted(includes):
        if name not in state:
            yield from visit(name, [name])


def read(path):
    """Yields the line, the mark and the name of each include."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[1], found[2]


def print_graph(files):
    counts = collections.Counter()
    for path in files:
        for _, mark, header in read(path):
            other = folder_of(header) if mark == '"' else None
            if other and other != path.parent.name:
                counts[path.parent.name, other] += 1
    for folder in WORLD_OF:
        others = ', '.join(f'{other} {counts[folder, other]}' for other in WORLD_OF if counts[folder, other])
        print(f'{WORLD_OF[folder]}/{folder} → {others or "nothing"}')


def main():
    root = pathlib.Path(sys.argv[-1])
    # An example is a program of somebody else: it has no layer.
    files = sorted(p for top in ('daemon', 'client') for p in (root / top).rglob('*.[ch]')
                   if p.parent.name != 'examples')
    if '--graph' in sys.argv:
        print_graph(files)
        return
    problems = []
    for path in files:
        problems += check_place(path)
        if path.parent.name in WORLD_OF:
            problems += [f'{path}:{number}: {problem}' for number, mark, header in read(path)
                         for problem in check_include(path.parent.name, mark, header)]
    problems += [f'circle: {way}' for way in circles(
        {path.name: {header for _, mark, header in read(path) if mark == '"'} for path in files})]
    print('\n'.join(problems) or f'{len(files)} files')
    sys.exit(1 if problems or not files else 0)


main()
