#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-translations.py SOURCE_ROOT: each language in po/LINGUAS has every text of the client.

The catalogs are compared with the sources as they are, not with an extract that somebody made of them.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

KEYWORDS = ('--keyword=_', '--keyword=N_')
USES = re.compile(r'(?<!\w)(?:N?_|n?gettext)\(\s*"')


def words(path):
    return [line for line in path.read_text(encoding='utf-8').splitlines() if line and not line.startswith('#')]


def unlisted(root):
    """Files with texts that no catalog gets."""
    listed = set(words(root / 'po/POTFILES'))
    for path in sorted((root / 'client').glob('*.c')):
        name = str(path.relative_to(root))
        if USES.search(path.read_text(encoding='utf-8')) and name not in listed:
            yield f'po/POTFILES lacks {name}'


def extract(root, template):
    subprocess.run(['xgettext', '--from-code=UTF-8', *KEYWORDS, '-o', template, '-D', root,
                    *words(root / 'po/POTFILES')], check=True)


def told(*command):
    """What a tool of gettext complains of."""
    done = subprocess.run(command, env={'LC_ALL': 'C.UTF-8', 'PATH': '/usr/bin:/bin'}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.strip()


def incomplete(root, template, language):
    catalog = root / f'po/{language}.po'
    status, text = told('msgfmt', '--check-format', '--statistics', '-o', '/dev/null', catalog)
    if status or not re.fullmatch(r'\d+ translated messages\.', text):
        yield f'{language}: {text}'
    status, text = told('msgcmp', catalog, template)
    if status:
        yield f'{language}: {text}'
    if re.search(rb'[\x00-\x09\x0b-\x1f\x7f]', catalog.read_bytes()):
        yield f'{language}: there are control characters, which editors lose'
    if re.search(r'^#~', catalog.read_text(encoding='utf-8'), re.M):
        yield f'{language}: there are texts that no longer exist'


def main():
    root = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        template = pathlib.Path(folder) / 'virt-bootstrap.pot'
        extract(root, template)
        wrong = [*unlisted(root), *(one for language in words(root / 'po/LINGUAS')
                                    for one in incomplete(root, template, language))]
    print('\n'.join(wrong) or f'{len(words(root / "po/LINGUAS"))} languages')
    sys.exit(1 if wrong else 0)


main()
