# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the runs write: a new file system each time, in a mount namespace that nobody else sees.

What is mounted there goes when the last process in it ends, however it ends; a disk's file has no name by then. On a
disk no tree is removed: what is made next may have to pay for it.
"""

import ctypes
import os
import shutil
import subprocess

CLONE_NEWNS = 0x00020000


def enter_namespace():
    """Before there is a second thread."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), 'Cannot enter a mount namespace')
    _run('mount', '--make-rprivate', '/')


def _run(*argv):
    subprocess.run([str(arg) for arg in argv], check=True)


class Place:
    """A directory that is empty after renew(). Use as a context."""

    name = is_disk = None

    def __init__(self, work, size):
        """@size: bytes that it takes at least."""
        self.folder, self._work, self._size = work / 'place', work, size
        self._mounted = False

    def __enter__(self):
        self.folder.mkdir(exist_ok=True)
        self.renew()
        return self

    def __exit__(self, *unused):
        self._unmount('-l')  # what was interrupted may take a moment to end

    def _unmount(self, *options):
        if self._mounted:
            _run('umount', *options, self.folder)
            self._mounted = False

    def renew(self):
        self._unmount()
        self._mount()
        self._mounted = True

    def settle(self, folder):
        """After a run in @folder: what it left, to be written or in memory, is not the next one's."""
        if self.is_disk:
            _run('sync', '-f', self.folder)
        else:
            shutil.rmtree(folder)


class Memory(Place):
    """A tmpfs, as /dev/shm is one."""

    name, is_disk = 'tmpfs', False

    def _mount(self):
        _run('mount', '-t', 'tmpfs', '-o', f'size={self._size},mode=755', 'bench', self.folder)


class Disk(Place):
    """ext4 with a journal, in a file in the work directory."""

    name, is_disk = 'ext4', True

    def _mount(self):
        file = self._work / 'disk'
        with open(file, 'wb') as f:
            f.truncate(self._size)
        try:
            _run('mkfs.ext4', '-q', '-F', '-O', 'has_journal', '-E',
                 'lazy_itable_init=1,lazy_journal_init=1', file)
            # The kernel would write inode tables while a run is measured.
            _run('mount', '-o', 'loop,noinit_itable', file, self.folder)
        finally:
            os.unlink(file)


PLACES = {place.name: place for place in (Memory, Disk)}
