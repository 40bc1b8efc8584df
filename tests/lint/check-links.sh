#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# usage: check-links.sh DAEMON: the daemon parses nothing that a registry or an archive sent, so it
# links none of the libraries which do.
set -euo pipefail
needed=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
echo "$needed"
! grep -E '^lib(curl|archive|jansson|crypto|ssl|isal|zstd|z|lzma|lzo2|bz2|ext2fs|com_err|nbd)\.' <<<"$needed"
