#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-documents.py SOURCE_ROOT: what the documents tell a reader to do can be done.

Each path that they name exists; and the build directory that the README configures is the reader's
own: a script that had made it before would make `meson setup` fail.
"""

import pathlib
import re
import sys

DOCUMENTS = ('README.md', 'HACKING.md', 'NEWS.md', 'SECURITY.md', 'daemon/README.md', 'daemon/FLEETS.md',
             'tests/README.md', 'tests/bench/README.md')
# Of these folders a name in backticks is a path of this project.
PATH = re.compile(r'`((?:daemon|client|common|service|worker|dbus|units|po|tests|unit|fuzz|lint|'
                  r'integration|bench|demo|support)/[\w./-]+)`')
COMMAND = re.compile(r'^    (?:TEST_\w+=\S+ )*((?:\./)?tests/[\w./-]+)', re.MULTILINE)
SCRIPTS = ('tests/run', 'tests/slow', 'tests/systemd', 'tests/demo/demo', 'tests/bench/bench')


def missing_paths(root):
    for document in DOCUMENTS:
        path = root / document
        if not path.exists():
            continue
        text = path.read_text(encoding='utf-8')
        for name in PATH.findall(text) + COMMAND.findall(text):
            if not any((folder / name.rstrip('.')).exists() for folder in
                       (root, root / 'daemon', root / 'tests', root / 'tests/integration')):
                yield f'{document}: there is no {name}'


def taken_directories(root):
    readme = (root / 'README.md').read_text(encoding='utf-8')
    own = re.findall(r'^    meson setup (\S+)', readme, re.MULTILINE)
    if not own:
        yield 'README.md: it configures nothing'
    for script in SCRIPTS:
        text = (root / script).read_text(encoding='utf-8')
        for directory in own:
            used = rf'(\$root/|build" |:-|ROOT / .){re.escape(directory)}(?![\w-])'
            if re.search(used, text):
                yield f'{script}: {directory}/ is the directory that README.md configures'


def main():
    root = pathlib.Path(sys.argv[1])
    wrong = [*missing_paths(root), *taken_directories(root)]
    print('\n'.join(wrong) or f'{len(DOCUMENTS)} documents')
    sys.exit(1 if wrong else 0)


main()
