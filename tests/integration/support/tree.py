# SPDX-License-Identifier: LGPL-2.1-or-later
"""Everything that can be known of a file tree, as a dictionary that compares and prints well."""

import collections
import hashlib
import os
import stat


def _segments(path, size):
    """Where the data of a file is, as (start, end) pairs; what is between them are holes."""
    out, offset = [], 0
    with open(path, 'rb') as f:
        while offset < size:
            try:
                start = os.lseek(f.fileno(), offset, os.SEEK_DATA)
            except OSError:
                break
            offset = os.lseek(f.fileno(), start, os.SEEK_HOLE)
            out.append((start, offset))
    return out


def _node(path, st, holes):
    kind = stat.S_IFMT(st.st_mode)
    node = {'kind': kind, 'mode': stat.S_IMODE(st.st_mode), 'uid': st.st_uid, 'gid': st.st_gid,
            'mtime_ns': st.st_mtime_ns}
    node['xattrs'] = {name: os.getxattr(path, name, follow_symlinks=False)
                      for name in os.listxattr(path, follow_symlinks=False)}
    if kind == stat.S_IFREG:
        with open(path, 'rb') as f:
            node['sha256'] = hashlib.file_digest(f, 'sha256').hexdigest()
        node['size'] = st.st_size
        if holes:
            node['data'] = _segments(path, st.st_size)
    elif kind == stat.S_IFLNK:
        node['target'] = os.readlink(path)
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        node['rdev'] = (os.major(st.st_rdev), os.minor(st.st_rdev))
    return node


def snapshot(root, holes=False):
    """Maps each path below @root (b'.' is the root) to its properties, hard links included."""
    root = os.fsencode(root)
    out, inodes = {}, collections.defaultdict(list)
    for folder, directories, files in os.walk(root):
        names = [b'.'] if folder == root else []
        for name in names + directories + files:
            path = os.path.join(folder, name) if name != b'.' else root
            st = os.lstat(path)
            key = os.path.relpath(path, root)
            out[key] = _node(path, st, holes)
            if not stat.S_ISDIR(st.st_mode):
                inodes[st.st_ino].append(key)
    for names in inodes.values():
        for name in names:
            if len(names) > 1:
                out[name]['links'] = sorted(names)
    return out


def difference(got, want):
    """Lines that say where two snapshots differ; empty when they are equal."""
    lines = [f'missing {name!r}' for name in sorted(want.keys() - got.keys())]
    lines += [f'unexpected {name!r}' for name in sorted(got.keys() - want.keys())]
    for name in sorted(want.keys() & got.keys()):
        for key in sorted(want[name].keys() | got[name].keys()):
            if got[name].get(key) != want[name].get(key):
                lines.append(f'{name!r}: {key} is {got[name].get(key)!r}, '
                             f'should be {want[name].get(key)!r}')
    return lines


def assert_same(got, want):
    lines = difference(got, want)
    assert not lines, '\n'.join(lines)


def names(root):
    """The paths below @root, as text."""
    return sorted(os.fsdecode(name) for name in snapshot(root) if name != b'.')
