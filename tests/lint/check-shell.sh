#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# usage: check-shell.sh SOURCE_ROOT: shellcheck has nothing to say of any shell script.
set -euo pipefail
cd "$1"
mapfile -d '' -t files < <(
    find .ci client daemon dbus tests units -type f -not -path '*/corpus/*' -print0 |
        while IFS= read -r -d '' file; do
            IFS= read -r -n 64 first <"$file" || true
            case $first in
            '#!/bin/bash' | '#!/bin/sh') printf '%s\0' "$file" ;;
            esac
        done 2>/dev/null
)
printf '%d scripts\n' "${#files[@]}"
shellcheck -x "${files[@]}"
