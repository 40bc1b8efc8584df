#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-links.py PROGRAM...: each program links the libraries of its list, and no others.

The daemon parses nothing that a registry or an archive sent, so it has none of the libraries which do. A
step has what it needs: what hashes has no HTTP client in its address space, and starts sooner.
"""

import pathlib
import re
import subprocess
import sys

# Without libseccomp: the filters of system calls were compiled with the program.
SANDBOX = {'libcap'}
INFLATE = {'libarchive', 'libisal', 'liblzma', 'libzstd'}
UNPACK = INFLATE | SANDBOX | {'libcrypt', 'libcrypto'}
LIBRARIES = {
    'virt-bootstrap': {'libjansson', 'libsystemd'},
    'virt-bootstrapd': {'libsystemd'},
    'virt-bootstrap-builder': SANDBOX,
    'virt-bootstrap-disk': UNPACK | {'libcom_err', 'libext2fs', 'libjansson'},
    'virt-bootstrap-fetch': SANDBOX | {'libcrypto', 'libcurl', 'libjansson'},
    'virt-bootstrap-fetch-archive': INFLATE | SANDBOX | {'libcrypto', 'libjansson'},
    'virt-bootstrap-fetch-directory': SANDBOX | {'libcrypto', 'libjansson'},
    'virt-bootstrap-resolve': SANDBOX | {'libcrypto', 'libjansson'},
    'virt-bootstrap-tree': SANDBOX,
    'virt-bootstrap-trust': SANDBOX | {'libcrypto', 'libjansson'},
    'virt-bootstrap-unpack': UNPACK,
    'virt-bootstrap-verify': SANDBOX | {'libcrypto'},
}


def linked(program):
    """What @program names itself, but for the C library."""
    dynamic = subprocess.run(['readelf', '-d', program], check=True, capture_output=True, text=True).stdout
    names = re.findall(r'\(NEEDED\).*\[([^\]]+?)\.so[^\]]*\]', dynamic)
    return set(names) - {'libc', 'ld-linux-x86-64', 'ld-linux-aarch64'}


def main():
    problems = []
    for path in map(pathlib.Path, sys.argv[1:]):
        wanted, found = LIBRARIES[path.name], linked(path)
        print(f'{path.name}: {len(found)}')
        problems += [f'{path.name} links {name}, which is not in its list' for name in sorted(found - wanted)]
        problems += [f'{path.name} does not link {name} of its list' for name in sorted(wanted - found)]
    missing = LIBRARIES.keys() - {pathlib.Path(path).name for path in sys.argv[1:]}
    problems += [f'{name} was not looked at' for name in sorted(missing)]
    print('\n'.join(problems))
    sys.exit(1 if problems else 0)


main()
