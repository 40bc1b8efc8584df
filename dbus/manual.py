#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: manual.py XML TEMPLATE: prints org.virtbootstrap1(5), in mdoc.

A line @NAME@ of the template becomes the members of the interface org.virtbootstrap1.NAME, with what the comments in the
XML say about them; @ERRORS@ becomes the list of errors. The XML itself describes the form of the comments.
"""

import re
import sys
import xml.etree.ElementTree as ET

ITEM = re.compile(r'(?P<indent> +)(?P<term>\S+(?: \S+)*)  +(?P<text>\S.*)')
KINDS = {'method': 'Methods', 'signal': 'Signals', 'property': 'Properties'}
# As systemd's tools say it, for what introspection says.
EMITS = {'const': ' No , never changes', 'false': ' No , changes without a signal'}


def escape(text):
    """For a line of text, or an argument in quotes."""
    return re.sub(r"^(?=[.'])", r'\\&', text.replace('\\', '\\e').replace('"', '\\(dq'))


def sentences(text):
    """A line for each sentence, as mdoc wants it."""
    return [escape(line) for line in re.split(r'(?<=[.!?]) (?=[A-Z"])', ' '.join(text.split()))]


def items(lines):
    """The terms and descriptions of a list."""
    out = []
    for line in lines:
        found = ITEM.fullmatch(line)
        if found and (not out or len(found['indent']) == out[0][0]):
            out.append((len(found['indent']), found['term'], [found['text']]))
        else:
            out[-1][2].append(line)
    return [(term, ' '.join(text)) for _, term, text in out]


def paragraphs(text):
    """Of a comment: lists of lines, with their indentation relative to the comment."""
    lines = text.expandtabs().split('\n')
    margin = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    out = [[]]
    for line in [lines[0].lstrip(), *(line[margin:] for line in lines[1:])]:
        if line.strip():
            out[-1].append(line.rstrip())
        elif out[-1]:
            out.append([])
    return [one for one in out if one]


def print_list(entries):
    yield '.Bl -tag -width 16n -compact'
    for term, text in entries:
        yield '.It Li "' + escape(term) + '"'
        yield from sentences(text)
    yield '.El'


class Comment:
    """What the XML says about a member or an interface: @arguments by their names, and paragraphs."""

    def __init__(self, text):
        head, *rest = paragraphs(text)
        self.symbol = head[0].removesuffix(':')
        self.arguments = {}
        for line in head[1:]:
            name, _, text = line.strip().removeprefix('@').partition(': ')
            self.arguments[name] = text
        self.body = rest

    def mdoc(self, is_first=True):
        """@is_first: nothing precedes it."""
        for one in self.body:
            is_list = one[0].startswith(' ')
            if not is_first and not is_list:
                yield '.Pp'
            yield from print_list(items(one)) if is_list else sentences(' '.join(one))
            is_first = False


def with_comments(parent):
    """The elements below @parent, each with the comment in front of it, or None."""
    comment = None
    for one in parent:
        if one.tag is ET.Comment:
            comment = Comment(one.text)
        else:
            yield one, comment if comment and comment.symbol == one.get('name') else None
            comment = None


def signature(member):
    name = member.get('name')
    if member.tag == 'property':
        emits = {one.get('value') for one in member.iter('annotation')}
        return f'.It Va {name} : Vt {member.get("type")}{"".join(map(EMITS.get, emits))}'
    typed = {True: [], False: []}
    for one in member.iter('arg'):
        typed[one.get('direction') == 'out'].append(f'"{one.get("type")} {one.get("name")}"')
    out = f' No \\(-> Fa {" , Fa ".join(typed[True])}' if typed[True] else ''
    return f'.It Fn {" ".join([name, *typed[False]])}{out}'


def print_member(member, comment):
    yield signature(member)
    if not comment:
        return
    entries = [(name, text) for name, text in comment.arguments.items() if text != 'see below']
    yield from comment.mdoc()
    if entries:
        if comment.body:
            yield '.Pp'
        yield from print_list(entries)


def print_interface(interface, comment):
    yield from comment.mdoc() if comment else ()
    for kind, title in KINDS.items():
        members = [(one, about) for one, about in with_comments(interface) if one.tag == kind]
        if not members:
            continue
        yield f'.Ss {title}'
        yield '.Bl -tag -width Ds'
        for member, about in members:
            yield from print_member(member, about)
        yield '.El'


def print_errors(text):
    listed = re.search(r'^  Errors:\n((?:    .+\n)+)', text, re.M)[1]
    yield '.Bl -tag -width AuthenticationRequired -compact'
    for term, meaning in items(listed.splitlines()):
        yield f'.It Li {term}'
        yield from sentences(meaning[0].upper() + meaning[1:] + '.')
    yield '.El'


def main():
    with open(sys.argv[1], encoding='utf-8') as f:
        text = f.read()
    root = ET.fromstring(text, ET.XMLParser(target=ET.TreeBuilder(insert_comments=True)))
    made = {interface.get('name').rpartition('.')[2].upper(): print_interface(interface, comment)
            for interface, comment in with_comments(root) if interface.tag == 'interface'}
    made['ERRORS'] = print_errors(text)
    with open(sys.argv[2], encoding='utf-8') as f:
        for line in f.read().splitlines():
            mark = re.fullmatch('@([A-Z]+)@', line)
            print('\n'.join(made.pop(mark[1])) if mark else line)
    if made:
        sys.exit(f'{sys.argv[2]}: it does not mention {", ".join(made)}')


if __name__ == '__main__':
    main()
