# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_readers.py, with each member of those archives alone, too: most of an archive is not compared when
one member is refused. TEST_CORPUS=FOLDER takes the archives in a folder, and TEST_FUZZED=FOLDER
inputs of fuzz-tar."""

import os

import pytest

from support import programs, readers

pytestmark = pytest.mark.root


def test_members_are_read_as_others_read_them_or_refused(daemon, env, tmp_path):
    client = programs.Client(env, daemon.address)
    archives = readers.packaged()
    if 'TEST_CORPUS' in os.environ:
        archives.update(readers.of_folder(os.environ['TEST_CORPUS']))
    if 'TEST_FUZZED' in os.environ:
        archives.update(readers.layers_of_folder(os.environ['TEST_FUZZED']))
    archives.update(readers.members(archives))
    counts, wrong = readers.tally(client, archives, tmp_path)
    assert not wrong, '\n'.join(wrong)
    assert counts['same'] > 100
