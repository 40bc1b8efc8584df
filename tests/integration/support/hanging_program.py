# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program of hanging.py: FOLDER MOUNT-POINT ORDERS HUNG. An operation that has a file of its name in ORDERS
does not return until that is gone; those that hang have one in HUNG."""

import contextlib
import errno
import logging
import os
import pathlib
import sys
import time

import fusepy


class Passthrough(fusepy.Operations):
    use_ns = True

    def __init__(self, folder, orders, hung):
        self.folder, self.orders, self.hung = folder, orders, hung

    def __call__(self, op, *args):
        if (self.orders / op).exists():
            (self.hung / op).touch()
            while (self.orders / op).exists():
                time.sleep(0.01)
        return super().__call__(op, *args)

    def _at(self, name):
        return str(self.folder) + name

    def access(self, name, mode):
        if not os.access(self._at(name), mode):
            raise fusepy.FuseOSError(errno.EACCES)

    def chmod(self, name, mode):
        os.chmod(self._at(name), mode)

    def chown(self, name, uid, gid):
        os.lchown(self._at(name), uid, gid)

    def getattr(self, name, fh=None):
        st = os.lstat(self._at(name))
        keys = ('st_mode', 'st_nlink', 'st_size', 'st_uid', 'st_gid', 'st_ino', 'st_blocks')
        times = ('st_atime', 'st_mtime', 'st_ctime')
        return {**{key: getattr(st, key) for key in keys},
                **{key: getattr(st, key + '_ns') for key in times}}

    def utimens(self, name, times=None):
        os.utime(self._at(name), ns=times, follow_symlinks=False)

    def readdir(self, name, fh):
        return ['.', '..', *os.listdir(self._at(name))]

    def mkdir(self, name, mode):
        os.mkdir(self._at(name), mode)

    def rmdir(self, name):
        os.rmdir(self._at(name))

    def unlink(self, name):
        os.unlink(self._at(name))

    def rename(self, old, new):
        os.rename(self._at(old), self._at(new))

    def symlink(self, name, target):
        os.symlink(target, self._at(name))

    def readlink(self, name):
        return os.readlink(self._at(name))

    def link(self, name, old):
        os.link(self._at(old), self._at(name))

    def create(self, name, mode, fi=None):
        return os.open(self._at(name), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def open(self, name, flags):
        return os.open(self._at(name), flags)

    def read(self, name, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, name, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def truncate(self, name, length, fh=None):
        os.truncate(self._at(name), length)

    def release(self, name, fh):
        os.close(fh)

    def fsync(self, name, datasync, fh):
        os.fsync(fh)


def main(folder, path, orders, hung):
    logging.disable()
    os.umask(0)
    # What it answers is seen at once, and asked for each time.
    fusepy.FUSE(Passthrough(folder, orders, hung), str(path), foreground=True, allow_other=True,
                use_ino=True, entry_timeout=0, attr_timeout=0, negative_timeout=0)


if __name__ == '__main__':
    with contextlib.suppress(KeyboardInterrupt):
        main(*map(pathlib.Path, sys.argv[1:]))
