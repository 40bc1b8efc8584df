# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system in memory with nothing else to lose: for what may go wrong with root's rights.

It has a mount namespace of its own, below the test, in which the system's programs can be read only; when
its keeper ends, it is gone. The tests are outside, and look into it by /proc/PID/root."""

import pathlib
import subprocess

from . import programs
from .process import stop, wait_for

# What there is of this machine, if it is there.
SYSTEM = ('/usr', '/etc', '/bin', '/sbin', '/lib', '/lib64', '/dev', '/proc')
SANITIZERS = programs.SOURCE / 'tests/sanitizers'
SETUP = """
jail=$1; shift
mount -t tmpfs -o mode=755 jail "$jail"
for path; do
    if [ -L "$path" ]; then
        cp -P "$path" "$jail$path"
    elif [ -d "$path" ]; then
        mkdir -p "$jail$path"
        mount --bind "$path" "$jail$path"
        mount -o remount,bind,ro "$jail$path"
    fi
done
mkdir -p "$jail/tmp" "$jail/run"
chmod 1777 "$jail/tmp"
cd "$jail"
exec chroot . sh -c 'echo ready; exec sleep infinity'
"""


class Jail:
    def __init__(self, folder, more=()):
        """@more: what else of this machine there is, read only."""
        self.keeper = subprocess.Popen(
            ['unshare', '--mount', '--propagation', 'private', 'sh', '-euc', SETUP, 'sh', folder,
             *SYSTEM, *{one.parent for one in programs.ALL}, SANITIZERS, *more], stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout.readline() == 'ready\n'
        self.root = pathlib.Path(f'/proc/{self.keeper.pid}/root')
        self.prefix = ['nsenter', f'--target={self.keeper.pid}', '--mount',
                       f'--root={self.root}', '--wdns=/']

    def at(self, path):
        """Where a path of the jail's is for the tests."""
        return self.root / str(path).lstrip('/')

    def stop(self):
        stop(self.keeper)
        self.keeper.stdout.close()
