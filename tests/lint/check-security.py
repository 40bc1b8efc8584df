#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-security.py ROOT: each test that SECURITY.md names is there, and is run."""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
text = (root / 'SECURITY.md').read_text()
wrong = []
names = re.findall(r'`((?:unit|integration)/[^`]+)`', text)
for name in names:
    path, _, case = name.partition('::')
    file = root / 'tests' / path
    if file.is_dir() and list(file.glob('test_*.py')):
        continue
    if not file.is_file():
        wrong.append(f'{path} is not there')
        continue
    source = file.read_text()
    wanted = rf'^\w*TEST\w*\({case}\b' if path.endswith('.c') else rf'^def {case}\('
    if case and not re.search(wanted, source, re.MULTILINE):
        wrong.append(f'{path} has no case {case}')
    listed = (file.parent / 'meson.build')
    stem = file.stem.removeprefix('test-').removeprefix('test_')
    if listed.exists() and f"'{stem}'" not in listed.read_text():
        wrong.append(f'{path} is not in {listed.relative_to(root)}')
for one in wrong:
    print(f'SECURITY.md: {one}')
print(f'{len(names)} tests')
sys.exit(bool(wrong) or not names)
