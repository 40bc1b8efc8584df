#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# usage: check-spelling.sh SOURCE_ROOT: codespell knows no common misspelling of anything in here.
#
# Not looked at: what parsers are tested with, other languages, the licence.
set -euo pipefail
cd "$1"
# Of mdoc, and the tests' own names.
words=nd,te
find . -name '.git*' -prune -o -name 'build*' -type d -prune -o -name '__pycache__' -prune -o \
    -path './tests/fuzz/corpus' -prune -o -name '*.po' -o -name COPYING -o -type f -print0 |
    xargs -0 codespell --ignore-words-list "$words"
