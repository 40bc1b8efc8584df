#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# usage: check-format.sh SOURCE_ROOT: every C file is what clang-format makes of it.
set -euo pipefail
cd "$1"
find daemon client dbus tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
