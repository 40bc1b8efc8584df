#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-names.py SOURCE_ROOT: what is spelled in more than one place is spelled alike.

dbus-names.h and the interface XML; the errors' enum and their names on the bus; the files in dbus/
which name the bus name.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as ET


def constants(header):
    """The string macros of dbus-names.h, put together."""
    out = {}
    for name, value in re.findall(r'^#define (BUS_\w+) +(.+)$', header, re.M):
        parts = re.findall(r'"([^"]*)"|(BUS_\w+)', value)
        out[name] = ''.join(text or out[other] for text, other in parts)
    return out


def check_interfaces(root):
    names = constants((root / 'dbus/dbus-names.h').read_text())
    values = set(names.values())
    for path in sorted((root / 'dbus').glob('*.xml')):
        for interface in ET.parse(path).getroot().iter('interface'):
            if interface.get('name') not in values:
                yield f'dbus-names.h has no {interface.get("name")}'
    in_xml = {interface.get('name') for path in (root / 'dbus').glob('*.xml')
              for interface in ET.parse(path).getroot().iter('interface')}
    for name in ('BUS_MANAGER', 'BUS_JOB', 'BUS_CACHE'):
        if names[name] not in in_xml:
            yield f'the XML has no {names[name]} ({name})'
    for path in sorted((root / 'dbus').glob('*')):
        if path.suffix in ('.conf', '.service', '.in') and 'policy' not in path.name:
            if names['BUS_NAME'] not in path.read_text():
                yield f'{path}: does not name {names["BUS_NAME"]}'


def camel(kind):
    return ''.join(word.capitalize() for word in kind.removeprefix('ERROR_').split('_'))


def check_errors(root):
    header = (root / 'daemon/common/base/base-error.h').read_text()
    enum = re.search(r'typedef enum ErrorKind \{(.*?)\}', header, re.S)[1]
    kinds = re.findall(r'^\s*(ERROR_\w+)', enum, re.M)
    table = dict(re.findall(r'X\((ERROR_\w+), "(\w+)"\)',
                            (root / 'daemon/common/base/base-error.c').read_text()))
    for kind in kinds:
        if table.get(kind) != camel(kind):
            yield f'{kind} is {table.get(kind)} on the bus, should be {camel(kind)}'
    for kind in table.keys() - set(kinds):
        yield f'{kind} has a name but is no ErrorKind'
    used = {error for path in (root / 'client').glob('*.[ch]')
            for error in re.findall(r'BUS_ERROR\("(\w+)"\)', path.read_text())}
    used |= {error for path in (root / 'client/python').rglob('*.py')
             for error in re.findall(r"\berror\('(\w+)',", path.read_text())}
    for name in sorted(used - set(table.values())):
        yield f'the client knows an error which the daemon has not: {name}'


def main():
    root = pathlib.Path(sys.argv[1])
    problems = [*check_interfaces(root), *check_errors(root)]
    print('\n'.join(problems) or 'the same everywhere')
    sys.exit(1 if problems else 0)


main()
