# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chains of disk images, looked at with QEMU's and ext4's own programs and through the kernel."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

from . import tree
from .process import run


def names(dest):
    return sorted(os.listdir(dest), key=lambda name: (len(name), name))


def top(dest):
    return dest / names(dest)[-1]


def info(image):
    """What qemu-img says of each image of a chain, the top first."""
    return json.loads(run(['qemu-img', 'info', '--backing-chain', '--output=json', image]))


def check(image):
    run(['qemu-img', 'check', '-q', image])


@contextlib.contextmanager
def raw(image):
    """The content of a disk as a plain file."""
    with tempfile.TemporaryDirectory(dir=pathlib.Path(image).parent.parent) as folder:
        path = os.path.join(folder, 'raw')
        run(['qemu-img', 'convert', '-O', 'raw', image, path])
        yield path


@contextlib.contextmanager
def mounted(path):
    with tempfile.TemporaryDirectory() as folder:
        run(['mount', '-o', 'loop,ro', path, folder])
        try:
            yield folder
        finally:
            run(['umount', folder])


def fsck(path):
    """Whether a file system is without fault; its words if not."""
    result = subprocess.run(['e2fsck', '-fn', path], text=True, capture_output=True,
                            env={**os.environ, 'PATH': '/usr/sbin:/sbin:' + os.environ['PATH']})
    assert result.returncode == 0, result.stdout + result.stderr


def superblock(path):
    """Key and value of dumpe2fs -h."""
    text = run(['/sbin/dumpe2fs', '-h', path])
    lines = (line.partition(':') for line in text.splitlines())
    return {key.strip(): value.strip() for key, colon, value in lines if colon}


def snapshot(image, holes=False):
    """The tree in a disk, which has to be without fault."""
    check(image)
    with raw(image) as path:
        fsck(path)
        with mounted(path) as folder:
            return tree.snapshot(folder, holes)


def used_blocks(image):
    with raw(image) as path:
        block = superblock(path)
    return int(block['Block count']) - int(block['Free blocks'])
