#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-interface.py XML: gdbus-codegen finds documentation of everything in the interface."""

import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET


def documents(xml):
    """What gdbus-codegen makes of it, one document for each interface."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(['gdbus-codegen', '--generate-docbook', f'{folder}/doc', xml], check=True)
        for path in sorted(pathlib.Path(folder).iterdir()):
            # Of HTML's entities it uses this one.
            yield ET.fromstring(path.read_text(encoding='utf-8').replace('&nbsp;', ' '))


def text_of(element):
    return ''.join(element.itertext()).strip()


def undocumented(document):
    """Members without a paragraph, and arguments without a description."""
    for member in document.iter('refsect2'):
        name = member.get('id')
        if not any(text_of(one) for one in member.findall('para')):
            yield name
        for argument in member.iter('varlistentry'):
            if not text_of(argument.find('listitem')):
                yield f'{name}, {text_of(argument.find("term"))}'


def main():
    found = list(documents(sys.argv[1]))
    members = sum(1 for document in found for _ in document.iter('refsect2'))
    wrong = [name for document in found for name in undocumented(document)]
    print('\n'.join(f'not documented: {name}' for name in wrong) or f'{members} members')
    sys.exit(1 if wrong or not members else 0)


main()
