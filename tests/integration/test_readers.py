# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is made of archives that other projects and the fuzzers test readers with is what GNU tar or
umoci makes of them, or they are refused. pytest -rP prints what became of each."""

import pytest

from support import programs, readers

pytestmark = pytest.mark.root


@pytest.mark.parametrize('corpus', [readers.packaged, readers.fuzzed],
                         ids=['packaged', 'fuzzed'])
def test_archives_are_read_as_others_read_them_or_refused(daemon, env, tmp_path, corpus):
    client = programs.Client(env, daemon.address)
    counts, wrong = readers.tally(client, corpus(), tmp_path)
    assert not wrong, '\n'.join(wrong)
    assert counts['same'] > 10
