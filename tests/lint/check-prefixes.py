#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-prefixes.py SOURCE_ROOT: a name says where it is from.

Functions and types that a header declares start with the name of its folder: store_open() and Store
are of store/. base/ extends the language, and its names start with those of their files: error_set()
and Error are of base-error.h. No two files define a type of the same name.
"""

import collections
import pathlib
import re
import sys

FOLDERS = {'steps': 'step', 'service': 'main'}  # and their prefixes, where they are not their names
# Words of base/ that are not the file's.
BASE = {'base-cleanup.h': {'freep', 'closep'}, 'base-fd.h': {'dir', 'file'}}
FUNCTION = re.compile(r'^(?:static inline )?[A-Za-z_][\w ]*?[ *]+(\w+)\(', re.M)
TYPE = re.compile(r'^typedef (?:struct|enum|union) \w+ (\w+);|^\} (\w+);', re.M)
DEFINED = re.compile(r'^(?:typedef )?(?:struct|enum|union) ([A-Z]\w*) \{', re.M)
COMMENT = re.compile(r'/\*.*?\*/', re.S)
MACRO = re.compile(r'^#(?:.*\\\n)*.*$', re.M)


def words(path):
    """The first words that names of @path, a header, may have."""
    folder = path.parent.name
    if folder != 'base':
        return {FOLDERS.get(folder, folder)}
    return BASE.get(path.name, set()) | {path.stem.split('-')[1]}


def camel(word):
    return ''.join(part.capitalize() for part in word.split('_'))


def check_header(path, text):
    allowed = words(path)
    for name in FUNCTION.findall(text):
        if name.split('_')[0] not in allowed and name not in ('defined', '__attribute__'):
            yield f'{path}: {name}() starts with none of: {", ".join(sorted(allowed))}'
    for name in filter(None, sum(TYPE.findall(text), ())):
        if path.parent.name != 'base' and not any(name.startswith(camel(word)) for word in allowed):
            yield f'{path}: {name} starts with none of: {", ".join(map(camel, sorted(allowed)))}'


def main():
    root = pathlib.Path(sys.argv[1])
    files = sorted(p for top in ('daemon', 'client') for p in (root / top).rglob('*.[ch]'))
    problems, defined = [], collections.defaultdict(list)
    for path in files:
        text = MACRO.sub('', COMMENT.sub('', path.read_text()))
        if path.suffix == '.h':
            problems += check_header(path, text)
        for name in DEFINED.findall(text):
            defined[name].append(path)
    problems += [f'{name} is defined by {" and ".join(map(str, paths))}'
                 for name, paths in sorted(defined.items()) if len(paths) > 1]
    print('\n'.join(problems) or f'{len(files)} files, {len(defined)} types')
    sys.exit(1 if problems or not defined else 0)


main()
