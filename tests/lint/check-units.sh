#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# usage: check-units.sh DAEMON UNIT...: systemd-analyze prints nothing about the rendered units.
#
# What they execute is not installed, so the program of this build takes its place.
set -euo pipefail
daemon=$(realpath "$1")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for unit; do
    case $unit in
    */user/*) scope=user ;;
    *) scope=system ;;
    esac
    mkdir -p "$work/$scope"
    sed -E "s|^(Exec[A-Za-z]*=[-+!@]*)/[^ ]*/virt-bootstrapd|\1$daemon|" "$unit" \
        >"$work/$scope/${unit##*/}"
done
for scope in system user; do
    for unit in "$work/$scope"/*; do
        [ -e "$unit" ] || continue
        SYSTEMD_UNIT_PATH="$work/$scope:" XDG_RUNTIME_DIR=$work \
            systemd-analyze "--$scope" verify --man=no "$unit" 2>&1
    done
done | tee "$work/said"
if [ -s "$work/said" ]; then
    exit 1
fi
echo "$# units"
