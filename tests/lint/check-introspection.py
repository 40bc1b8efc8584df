#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-introspection.py PROGRAM XML...: what PROGRAM prints, the introspection of the
daemon's vtables, and the contract in dbus/ must say the same, names of arguments included."""

import subprocess
import sys
import xml.etree.ElementTree as ET

DIRECTION = {'signal': 'out', 'method': 'in'}


def annotations(element):
    return tuple(sorted((one.get('name'), one.get('value'))
                        for one in element.findall('annotation')))


def member_shape(member):
    arguments = tuple((one.get('name'), one.get('type'),
                       one.get('direction', DIRECTION.get(member.tag)))
                      for one in member.findall('arg'))
    return (member.tag, member.get('name'), member.get('type'), member.get('access'), arguments,
            annotations(member))


def shape(root):
    return {interface.get('name'): {member_shape(one) for one in interface
                                    if one.tag in ('method', 'signal', 'property')}
            for interface in root.iter('interface')
            if not interface.get('name').startswith('org.freedesktop.DBus.')}


def main():
    printed = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout
    # One document for each kind of object may follow another.
    got, want = {}, {}
    for document in filter(str.strip, printed.split('<!DOCTYPE')):
        text = document.partition('<node')[1] + document.partition('<node')[2]
        got.update(shape(ET.fromstring(text)))
    for path in sys.argv[2:]:
        want.update(shape(ET.parse(path).getroot()))
    problems = [f'{name}: {"only in the contract" if one in want.get(name, ()) else "not in it"}: '
                f'{one}' for name in sorted(got.keys() | want.keys())
                for one in sorted(got.get(name, set()) ^ want.get(name, set()), key=str)]
    print('\n'.join(problems) or 'the same: ' + ', '.join(sorted(want)))
    sys.exit(1 if problems or not want else 0)


main()
