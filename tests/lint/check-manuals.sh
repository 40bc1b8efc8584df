#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# usage: check-manuals.sh PAGE...: mandoc and man have nothing to say about the manuals.
#
# Without mandoc's remarks on style, which are about the length of the lines here and what is installed elsewhere.
set -euo pipefail
said=$(for page; do
    mandoc -T lint -W warning "$page" 2>&1 || true
    man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null || echo "$page: man fails"
done)
if [ -n "$said" ]; then
    echo "$said"
    exit 1
fi
echo "$# manuals"
