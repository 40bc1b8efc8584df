#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-includes.py SOURCE_ROOT: what the include path cannot enforce.

Folders are layers, and includes go one way. A third-party header is used only where the table says
so. The daemon's own process knows nothing of what parses a registry's or an archive's bytes. Files
are named after their folder, and nobody climbs out with "../".
"""

import pathlib
import re
import sys

LAYERS = ['base', 'proto', 'config', 'hash', 'oci', 'registry', 'unpack', 'disk', 'source',
          'worker', 'store', 'job', 'bus', 'daemon']
WORKERS = {'hash', 'oci', 'registry', 'unpack', 'disk', 'source', 'worker'}  # what parses what others sent
THIRD_PARTY = {
    'archive': {'source', 'unpack'},
    'crypt.h': {'unpack'},
    'curl/': {'registry'},
    'et/': {'disk'},
    'ext2fs/': {'disk'},
    'isa-l': {'unpack'},
    'igzip': {'unpack'},
    'jansson': {'disk', 'oci'},
    'libnbd': {'disk'},
    'lzma': {'unpack'},
    'lzo/': {'unpack'},
    'openssl/': {'hash'},
    'seccomp': {'worker'},
    'systemd/sd-bus': {'bus', 'client', 'daemon'},
    'systemd/sd-event': {'job', 'bus', 'client', 'daemon'},
    'zstd': {'unpack'},
    'zlib': {'unpack'},
}
# What the daemon's own process must not even see; see also check-links.sh.
FORBIDDEN = {**dict.fromkeys(['store', 'job', 'bus', 'daemon'], WORKERS),
             'client': set(LAYERS) - {'base'}}
# But for what reads a caller's own words.
ALLOWED = {('bus', 'oci-reference.h'), ('bus', 'oci-platform.h'),
           ('bus', 'oci-source.h')}
INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)[>"]')


def layer_of(header):
    return next((one for one in LAYERS if re.match(rf'{one}[-.]', header)), None)


def check_include(folder, mark, header):
    """Yields what is wrong with an include of @header by a file in @folder."""
    if '../' in header:
        yield f'relative include {header}'
    for prefix, folders in THIRD_PARTY.items():
        if mark == '<' and header.startswith(prefix) and folder not in folders:
            yield f'<{header}> belongs to {", ".join(sorted(folders))}'
    layer = layer_of(header) if mark == '"' else None
    if layer in FORBIDDEN.get(folder, ()) and (folder, header) not in ALLOWED:
        yield f'{folder} may not know {header}'
    if layer and folder in LAYERS and LAYERS.index(layer) > LAYERS.index(folder):
        yield f'{header} is of a layer above {folder}'


def check_file(path):
    folder = path.parent.name
    if folder != 'daemon' and not path.name.startswith(folder):
        yield f'{path}: the name must start with that of its folder, "{folder}"'
    if folder not in (*LAYERS, 'client'):
        yield f'{path}: a folder without a layer'
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield from (f'{path}:{number}: {problem}'
                        for problem in check_include(folder, found[1], found[2]))


def main():
    root = pathlib.Path(sys.argv[1])
    files = sorted(p for top in ('daemon', 'client') for p in (root / top).rglob('*.[ch]'))
    problems = [problem for path in files for problem in check_file(path)]
    print('\n'.join(problems) or f'{len(files)} files')
    sys.exit(1 if problems or not files else 0)


main()
