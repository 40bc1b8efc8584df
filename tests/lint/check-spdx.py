#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-spdx.py SOURCE_ROOT: each file says its licence.

In its first lines or, where the first line is the reader's, anywhere. Files that are data, and the
licence itself, have no place for it.
"""

import os
import pathlib
import shutil
import subprocess
import sys

LINE = b'SPDX-License-Identifier: '
LICENCES = (b'LGPL-2.1-or-later', b'CC0-1.0')
FIRST_LINES = 5
WHOLE = {'.md'}
WITHOUT = ('COPYING', 'tests/fuzz/corpus/', 'tests/sanitizers/', 'po/LINGUAS')
GENERATED = ('build', '.git', '__pycache__', '.pytest_cache')


def tracked(root):
    """The files of the project: git's answer, or all but what is generated without git."""
    if shutil.which('git'):
        git = subprocess.run(['git', '-c', f'safe.directory={root}', '-C', root, 'ls-files', '-z',
                              '--cached', '--others', '--exclude-standard'],
                             capture_output=True, check=False)
        if git.returncode == 0:
            return sorted({os.fsdecode(name) for name in git.stdout.split(b'\0') if name})
    return sorted(os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names
                  if not any(part.startswith(GENERATED)
                             for part in os.path.relpath(folder, root).split(os.sep)))


def says_licence(path):
    text = path.read_bytes()
    lines = text.splitlines()
    if path.suffix not in WHOLE:
        lines = lines[:FIRST_LINES]
    return any(line.partition(LINE)[2].startswith(LICENCES) for line in lines) or not text


def main():
    root = pathlib.Path(sys.argv[1])
    names = [name for name in tracked(root)
             if not name.startswith(WITHOUT) and (root / name).is_file()]
    missing = [name for name in names if not says_licence(root / name)]
    print('\n'.join(f'{name}: no SPDX line' for name in missing) or f'{len(names)} files')
    sys.exit(1 if missing or not names else 0)


main()
