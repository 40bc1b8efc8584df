#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-sizes.py SOURCE_ROOT: no C file over 800 lines, no function over 80."""

import pathlib
import re
import sys

FILE_MAX, FUNCTION_MAX = 800, 80
HEAD = re.compile(r'[A-Za-z_]')
NOT_FUNCTION = re.compile(r'(typedef|struct|union|enum|extern)\b[^()]*\{$')


def functions(lines):
    """Yields (first line, number of lines, head) of each function in clang-formatted C."""
    head = opened = None
    for number, line in enumerate(lines, 1):
        if opened and line.startswith('}'):
            yield opened, number - opened + 1, lines[opened - 1]
            opened = None
        elif not opened and HEAD.match(line):
            head = number
        if head and not opened and line.endswith(') {') and not NOT_FUNCTION.match(line):
            opened = head


def check(path):
    lines = path.read_text().splitlines()
    if len(lines) > FILE_MAX:
        yield f'{path}: {len(lines)} lines, at most {FILE_MAX}'
    for first, length, head in functions(lines):
        if length > FUNCTION_MAX:
            yield f'{path}:{first}: {length} lines, at most {FUNCTION_MAX}: {head}'


def main():
    root = pathlib.Path(sys.argv[1])
    files = sorted(p for top in ('daemon', 'client', 'dbus', 'tests')
                   for p in (root / top).rglob('*.[ch]'))
    problems = [problem for path in files for problem in check(path)]
    count = sum(1 for path in files for _ in functions(path.read_text().splitlines()))
    print('\n'.join(problems) or f'{len(files)} files, {count} functions')
    sys.exit(1 if problems or not count else 0)


main()
