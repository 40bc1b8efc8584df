# SPDX-License-Identifier: LGPL-2.1-or-later
"""The source of an image. Files are opened here and passed to the daemon, which needs no access to them."""

import os
import re

from ._errors import error, error_of_os

# What precedes a path; the path of the last three ends at a colon. Everything else is the daemon's to read.
_FILE = re.compile(r'(?is)(?P<prefix>file:(?://localhost(?=/)|//)?(?=/)|dir:)(?P<path>.+)(?P<rest>)')
_IMAGE = re.compile(r'(?is)(?P<prefix>(?:oci|oci-archive|docker-archive):)(?P<path>[^:]+)(?P<rest>.*)')
_PLAIN = re.compile(r'(?is)(?P<prefix>)(?P<path>(?![a-z][a-z0-9+.-]*:).+)(?P<rest>)')


def make_absolute(path):
    """Without empty components and "."; ".." stays, since the parent of a symlink's target is elsewhere."""
    parts = os.path.join(os.getcwd(), path).split('/')
    return '/' + '/'.join(part for part in parts if part not in ('', '.'))


def _open(path):
    try:
        # A pipe may have no writer yet: this waits for one.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError as reason:
        raise error_of_os(f'Cannot open {path}', reason, 'NotFound') from None
    except OSError as reason:
        raise error_of_os(f'Cannot open {path}', reason) from None
    except ValueError:
        raise error('InvalidReference', 'The source contains a NUL character') from None


def open_source(uri):
    """Returns what to tell the daemon, and the open file or directory, or None."""
    found = _IMAGE.fullmatch(uri) or _FILE.fullmatch(uri) or _PLAIN.fullmatch(uri)
    if not found:
        return uri, None
    path = make_absolute(found['path'])
    fd = _open(path)
    # It has the descriptor; a colon in a directory's name would end the path.
    shown = found['path'] if found['rest'] and ':' in path else path
    text = found['prefix'] + shown + found['rest']
    return os.fsencode(text).decode(errors='replace'), fd
