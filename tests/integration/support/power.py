# SPDX-License-Identifier: LGPL-2.1-or-later
"""A block device that remembers each write and each flush, and what of it may be there after a power failure.

qemu-storage-daemon's blklogwrites writes the log, in the format of dm-log-writes, its FUSE export makes a file of
that, and a loop device makes a disk of the file."""

import ctypes
import os
import random
import shutil
import struct
import subprocess
import uuid

from .process import run, stop, wait_for

SECTOR = 512
FLUSH, DISCARD = 1, 4
CLONE_NEWNS = 0x20000
# What is written is on the disk when fsync(2) says so, and no sooner.
MOUNT_OPTIONS = 'noauto_da_alloc,data=writeback,commit=900,nodiscard'


def missing():
    """What keeps such a device from being made here, or None."""
    for path in ('/dev/fuse', '/dev/loop-control'):
        if not os.path.exists(path):
            return f'there is no {path}'
    return None if shutil.which('qemu-storage-daemon') else 'there is no qemu-storage-daemon'


def leave_mounts():
    """Gives this process mounts of its own: no other process's namespace keeps what is unmounted here."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), 'unshare')
    run(['mount', '--make-rprivate', '/'])


class OtherBoot:
    """As if the system had been started again, as long as the block lasts."""

    BOOT = '/proc/sys/kernel/random/boot_id'

    def __init__(self, folder):
        self.file = folder / 'boot'
        self.file.write_text(f'{uuid.uuid4()}\n')

    def __enter__(self):
        run(['mount', '--bind', self.file, self.BOOT])

    def __exit__(self, *_):
        run(['umount', self.BOOT])


class Mount:
    """A file system in a file or on a device, as long as the block lasts."""

    def __init__(self, image, folder, options=MOUNT_OPTIONS):
        self.image, self.folder, self.options = image, folder, options

    def __enter__(self):
        self.loop = run(['losetup', '-f', '--show', self.image]).strip()
        try:
            run(['mount', '-t', 'ext4', '-o', self.options, self.loop, self.folder])
        except BaseException:
            run(['losetup', '-d', self.loop])
            raise
        return self

    def __exit__(self, *_):
        run(['umount', '--recursive', self.folder])
        run(['losetup', '-d', self.loop])


class Disk:
    """An empty disk at @folder, of which @name is the mount point."""

    def __init__(self, folder, size='24M'):
        self.image, self.log = folder / 'image', folder / 'log'
        self.device, self.folder = folder / 'device', folder / 'disk'
        self.folder.mkdir()
        run(['truncate', '-s', size, self.image])
        run(['mkfs.ext4', '-q', '-b', '1024', '-J', 'size=4', '-E', 'lazy_itable_init=0,nodiscard',
             self.image])

    def plain(self):
        return Mount(self.image, self.folder)

    def begin(self, options=MOUNT_OPTIONS):
        """From now on what is written is remembered, until stop(). The image stays as it is."""
        self.before = self.log.with_name('before')
        run(['cp', '--sparse=always', self.image, self.before])
        self.device.touch()
        self.log.touch()
        os.truncate(self.log, 1 << 30)
        self.process = subprocess.Popen([
            'qemu-storage-daemon',
            '--blockdev', f'driver=file,node-name=image,filename={self.image}',
            '--blockdev', f'driver=file,node-name=log,filename={self.log}',
            '--blockdev', 'driver=blklogwrites,node-name=logged,file=image,log=log',
            '--export', f'type=fuse,id=export,node-name=logged,mountpoint={self.device},writable=on'])
        wait_for(lambda: self.device.stat().st_size, 'the device')
        return Mount(self.device, self.folder, options)

    def stop(self):
        stop(self.process)

    def writes(self):
        """(offset, data) of each write so far, None for a flush."""
        out = []
        with open(self.log, 'rb') as f:
            position = SECTOR
            while True:
                f.seek(position)
                sector, count, flags, _ = struct.unpack('<QQQQ', f.read(32))
                if not count and not flags:
                    return out
                position += SECTOR
                if count and not flags & DISCARD:
                    f.seek(position)
                    out.append((sector * SECTOR, f.read(count * SECTOR)))
                    position += count * SECTOR
                if flags & FLUSH:
                    out.append(None)

    def cuts(self, seed, everything=True):
        """(n, writes): cut off after @n writes, this is what has reached the disk: all up to the last flush, and
        nothing, everything, or something of what came after it."""
        writes, since, stable = self.writes(), 0, []
        pick = random.Random(seed)
        for n, write in enumerate(writes):
            if write is None:
                stable += [one for one in writes[since:n] if one]
                since = n + 1
                yield n, list(stable)
                continue
            unstable = [one for one in writes[since:n + 1] if one]
            if everything:
                yield n, stable + unstable
            yield n, stable + [one for one in unstable if pick.random() < 0.5]

    def flushed(self, n):
        """What of the first @n writes is on the disk for sure."""
        writes = self.writes()[:n]
        last = max((i for i, write in enumerate(writes) if write is None), default=0)
        return [one for one in writes[:last] if one]

    def after(self, writes):
        """The file system as it is then, mounted at the same place."""
        image = self.image.with_name('after')
        image.unlink(missing_ok=True)
        run(['cp', '--sparse=always', self.before, image])
        with open(image, 'r+b') as f:
            for offset, data in writes:
                f.seek(offset)
                f.write(data)
        return Mount(image, self.folder)
