# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of the README and of the manuals.

A block of literal text is preceded by a line "test: HOW" or "test: HOW, REASON", in a comment. HOW is

    run        a script for bash, which succeeds
    python     a program in Python
    c          statements in C, which compile
    config     a file for virt-bootstrapd, which it reads without a warning
    unit       a drop-in of virt-bootstrapd.service
    syntax     a script that is only parsed, for a REASON
    install    a script that installs into a home directory
    none       something else, for a REASON
"""

import re

from . import programs

KINDS = ('run', 'python', 'c', 'config', 'unit', 'install', 'syntax', 'none')
PAGES = ('client/virt-bootstrap.1', 'client/virt-bootstrap-formats.7', 'daemon/service/virt-bootstrapd.8',
         'daemon/service/virt-bootstrapd.conf.5', 'dbus/org.virtbootstrap1.5.in')
MARK = re.compile(r'(?:\.\\"|<!--) test: (\w+)(?:, (.*?))?(?: -->)?')
# What begins a block, and what ends it; the content may be the rest of the line.
BLOCKS = {r'\.EX': '.EE', r'\.nf': '.fi', r'\.Bd -literal.*': '.Ed', r'\.Dl (.*)': None}


class Example:
    def __init__(self, where, mark, text):
        self.where, self.text = where, text
        self.kind, self.reason = mark.groups() if mark else (None, None)

    def __str__(self):
        return self.where


def _plain(text):
    """Without what roff(7) writes for characters, and changes of fonts."""
    text = re.sub(r'\\f[BIPR]|\\f\(..|\\&', '', text)
    for name, character in ((r'\-', '-'), (r'\(dq', '"'), (r'\(aq', "'"), (r'\e', '\\')):
        text = text.replace(name, character)
    return text


def _blocks_of_page(lines):
    """(number of the first line, lines) of each block."""
    i = 0
    while i < len(lines):
        for begin, end in BLOCKS.items():
            found = re.fullmatch(begin, lines[i])
            if found and end:
                last = lines.index(end, i)
                yield i, lines[i + 1:last]
                i = last
            elif found:
                yield i, [found[1]]
        i += 1


def _blocks_of_markdown(lines):
    start = None
    for i, line in enumerate([*lines, 'end']):
        is_code = line.startswith('    ') and (start is not None or not lines[i - 1])
        if is_code and start is None:
            start = i
        elif start is not None and line and not is_code:
            yield start, lines[start:i]
            start = None


def of(name):
    """The examples of one document."""
    lines = (programs.SOURCE / name).read_text(encoding='utf-8').splitlines()
    find = _blocks_of_markdown if name.endswith('.md') else _blocks_of_page
    for start, text in find(lines):
        before = next((line for line in reversed(lines[:start]) if line), '')
        plain = '\n'.join(text) if name.endswith('.md') else _plain('\n'.join(text))
        indent = min((len(line) - len(line.lstrip()) for line in plain.splitlines() if line.strip()), default=0)
        yield Example(f'{name}:{start + 1}', MARK.fullmatch(before),
                      '\n'.join(line[indent:] for line in plain.splitlines()) + '\n')


def every():
    return [one for name in ('README.md', *PAGES) for one in of(name)]
