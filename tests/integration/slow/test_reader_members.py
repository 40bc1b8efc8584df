# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_readers.py, with each member of those archives alone, too: most of an archive is not compared when
one member is refused. TEST_CORPUS=FOLDER takes the archives in a folder, and TEST_FUZZED=FOLDER
inputs of fuzz-tar."""

import os

import pytest

from support import programs, readers

pytestmark = pytest.mark.root


def packaged():
    archives = readers.packaged()
    return archives | readers.members(archives)


def given():
    archives = {}
    if 'TEST_CORPUS' in os.environ:
        archives.update(readers.of_folder(os.environ['TEST_CORPUS']))
        archives.update(readers.members(archives))
    if 'TEST_FUZZED' in os.environ:
        archives.update(readers.layers_of_folder(os.environ['TEST_FUZZED']))
    return archives or pytest.skip('neither TEST_CORPUS nor TEST_FUZZED is set')


@pytest.mark.parametrize('corpus', [packaged, given], ids=['packaged', 'given'])
def test_members_are_read_as_others_read_them_or_refused(daemon, env, tmp_path, corpus):
    client = programs.Client(env, daemon.address)
    counts, wrong = readers.tally(client, corpus(), tmp_path)
    assert not wrong, '\n'.join(wrong)
    assert counts['same'] > 0
