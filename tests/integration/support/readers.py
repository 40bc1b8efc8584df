# SPDX-License-Identifier: LGPL-2.1-or-later
"""What other programs make of an archive, and archives that other projects test theirs with."""

import bz2
import collections
import glob
import io
import gzip
import hashlib
import lzma
import os
import pathlib
import resource
import shutil
import stat
import subprocess
import tarfile
import time
import zlib

from . import image, tree

BLOCK = 512
PAGE = 4096
FILE_LIMIT = 64 << 20  # of umoci, which writes holes
TIMEOUT = 20

REFUSALS = {'CorruptArchive', 'UnsafeArchive', 'LimitExceeded', 'NoLayers',
            'DigestMismatch'}  # of what is compressed, but not for the image

# By the end of an archive's name: why its tree is neither GNU tar's nor umoci's.
EXPLAINED = {
    # libarchive's tests, for TEST_CORPUS
    'test_compat_star_acl_posix1e.tar': 'the mode follows the ACL, and not the mask the mode',
    'test_pax_xattr_header_libarchive.tar': 'only libarchive has LIBARCHIVE.xattr',
    'test_read_pax_xattr_schily.tar': 'security.ima needs CAP_SYS_ADMIN, which the worker has not',
}

FUZZ = pathlib.Path(__file__).parents[2] / 'fuzz/corpus'
GO = '/usr/share/go-1.19/src/archive/tar/testdata'
SPLIT = '/usr/share/gocode/src/github.com/vbatts/tar-split'
PYTHON = '/usr/lib/python3.11/test'

# A Debian package, and where its archives are.
PACKAGED = {
    'golang-1.19-src': [f'{GO}/*.tar*'],
    'golang-github-vbatts-tar-split-dev': [f'{SPLIT}/tar/asm/testdata/*.tar*',
                                           f'{SPLIT}/archive/tar/testdata/*.tar*'],
    'libpython3.11-testsuite': [f'{PYTHON}/*.tar', f'{PYTHON}/archivetestdata/*.tar'],
}


def _uncompressed(data):
    """The archive itself, so that it matters to no reader what compressed it."""
    for magic, expand in ((b'\x1f\x8b', gzip.decompress), (b'BZh', bz2.decompress),
                          (b'\xfd7zXZ', lzma.decompress)):
        if data.startswith(magic):
            try:
                return expand(data)
            except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error):
                return data
    return data


def _layers(data):
    """Those of an input of fuzz-tar.c."""
    count = 0
    while len(data) >= 2 and count < 4:
        count += 1
        size = BLOCK * int.from_bytes(data[:2], 'little')
        size = len(data) - 2 if count == 4 else min(size, len(data) - 2)
        yield data[2:2 + size]
        data = data[2 + size:]


def _with_checksums(data):
    """As that does: whatever looks like a header gets a right one."""
    data, at = bytearray(data), data.find(b'ustar')
    while at >= 0:
        start = at - 257
        if start >= 0 and start + BLOCK <= len(data):
            data[start + 148:start + 156] = b' ' * 8
            data[start + 148:start + 156] = b'%06o\0 ' % sum(data[start:start + BLOCK])
        at = data.find(b'ustar', at + 1)
    return bytes(data)


def packaged():
    """Maps names to the archives in Debian's packages; a package that has none is not installed."""
    out = {}
    for package, patterns in PACKAGED.items():
        paths = sorted(path for pattern in patterns for path in glob.glob(pattern))
        assert paths, f'{package} is not installed'
        for path in paths:
            out[path] = _uncompressed(pathlib.Path(path).read_bytes())
    return out


def of_folder(path):
    """The same of a folder's files."""
    return {str(one): _uncompressed(one.read_bytes())
            for one in sorted(pathlib.Path(path).rglob('*')) if one.is_file()}


def layers_of_folder(path):
    """The same of inputs of fuzz-tar.c."""
    return {f'{one}#{n}': _uncompressed(_with_checksums(layer))
            for one in sorted(pathlib.Path(path).rglob('*')) if one.is_file()
            for n, layer in enumerate(_layers(one.read_bytes()))}


def fuzzed():
    """The same of the fuzzers' own corpora."""
    out = layers_of_folder(FUZZ / 'fuzz-tar')
    for target in ('fuzz-tar-header', 'fuzz-inflate', 'fuzz-source-archive'):
        out.update(of_folder(FUZZ / target))
    return out


def members(archives):
    """Each member of @archives as an archive of its own, as far as Python finds them."""
    out = {}
    for name, data in archives.items():
        starts = []
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode='r:') as archive:
                for member in archive:
                    starts.append(member.offset)
        except Exception:  # anything, with such archives
            pass
        for n, (start, end) in enumerate(zip(starts, starts[1:] + [len(data)])):
            out[f'{name}@{n}'] = data[start:end] + bytes(2 * BLOCK)
    return out


def different(archives):
    """@archives without those that are there twice, or empty."""
    seen = {hashlib.sha256(b'').digest()}
    out = {}
    for name, data in archives.items():
        digest = hashlib.sha256(data).digest()
        if digest not in seen:
            seen.add(digest)
            out[name] = data
    return out


def _limit():
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))


def _run(argv, **kw):
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=TIMEOUT,
                              stderr=subprocess.STDOUT, check=False, **kw).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def gnu_tar(data, folder):
    """Unpacks into @folder/gnu as far as it can; returns that."""
    path, root = folder / 'archive', folder / 'gnu'
    path.write_bytes(data)
    root.mkdir()
    _run(['tar', '-x', '-p', '-f', path, '-C', root, '--numeric-owner', '--same-owner', '--xattrs',
          '--xattrs-include=*', '--acls', '--delay-directory-restore'],
         preexec_fn=lambda: os.umask(0o022))
    return root


def umoci(layout, folder):
    """The same with the image in @layout, into @folder/umoci; None when it does not unpack it."""
    root = folder / 'umoci'
    good = _run(['umoci', 'raw', 'unpack', '--image', f'{layout}:latest', root], preexec_fn=_limit)
    return root if good else None


def layout_of(data, folder):
    return image.write_layout(folder / 'layout', image.Image([image.Layer(data, 'none')]))


def _content(path, size):
    """Tells contents apart, and reads no holes."""
    digest, at = hashlib.sha256(), 0
    with open(path, 'rb') as f:
        while at < size:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA) // PAGE * PAGE
            except OSError:
                break
            end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
            while at < end:
                page = os.pread(f.fileno(), PAGE, at)
                if page.strip(b'\0'):
                    digest.update(b'%d:' % at + page.ljust(PAGE, b'\0'))
                at += PAGE
    return digest.hexdigest()


def _node(path, st):
    kind = stat.S_IFMT(st.st_mode)
    node = {'kind': kind, 'mode': stat.S_IMODE(st.st_mode), 'uid': st.st_uid, 'gid': st.st_gid,
            'mtime_ns': st.st_mtime_ns,
            'xattrs': {name: os.getxattr(path, name, follow_symlinks=False)
                       for name in os.listxattr(path, follow_symlinks=False)
                       if name != 'security.selinux'}}
    if kind == stat.S_IFREG:
        node.update(size=st.st_size, content=_content(path, st.st_size))
    elif kind == stat.S_IFLNK:
        node['target'] = os.readlink(path)
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        node['rdev'] = (os.major(st.st_rdev), os.minor(st.st_rdev))
    return node


def snapshot(root, now_ns):
    """Maps each path below @root to what it is. Times since @now_ns are nobody's: None."""
    root = os.fsencode(root)
    out, inodes = {}, {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            key = os.path.relpath(path, root)
            out[key] = _node(path, st)
            if st.st_mtime_ns >= now_ns:
                out[key]['mtime_ns'] = None
            if not stat.S_ISDIR(st.st_mode):
                inodes.setdefault(st.st_ino, []).append(key)
    for names in inodes.values():
        for name in names:
            out[name]['links'] = sorted(names)
    return out


def _differences(ours, theirs):
    """Lines; a time that either has not from the archive does not count."""
    for name in ours.keys() & theirs.keys():
        if None in (ours[name]['mtime_ns'], theirs[name]['mtime_ns']):
            theirs[name]['mtime_ns'] = ours[name]['mtime_ns']
    return tree.difference(ours, theirs)


def compare(client, data, folder):
    """Says of an archive: refused, same, different, or wrong; with lines that say more."""
    now_ns = time.time_ns()
    layout = layout_of(data, folder)
    result = client.finish(client.start('--json', '--keep-devices', f'oci:{layout}', folder / 'ours'),
                           expect=None)
    if result.status != 0:
        assert result.error in REFUSALS, str(result)
        return 'refused', [result.sentence]
    ours = snapshot(folder / 'ours', now_ns)
    gnu = snapshot(gnu_tar(data, folder), now_ns)
    # To it, those are no whiteouts.
    gnu = {name: node for name, node in gnu.items() if b'.wh.' not in name}
    root = umoci(layout, folder)
    other = snapshot(root, now_ns) if root else {}
    unseen = sorted(ours.keys() - gnu.keys() - other.keys())
    if unseen:
        return 'wrong', [f'{name!r} is a member for us alone' for name in unseen]
    lines = [[f'{who}: {line}' for line in _differences(ours, theirs)]
             for who, theirs in [('GNU tar', gnu)] + ([('umoci', other)] if root else [])]
    return ('same', []) if [] in lines else ('different', sum(lines, []))


def tally(client, archives, folder):
    """Compares all; returns how many are what, and what is wrong."""
    counts, wrong = collections.Counter(), []
    for name, data in different(archives).items():
        one = folder / 'one'
        one.mkdir()
        said, lines = compare(client, data, one)
        shutil.rmtree(one)
        if said == 'different':
            said = 'explained' if name.partition('@')[0].endswith(tuple(EXPLAINED)) else 'wrong'
        counts[said] += 1
        print(said, name, *lines, sep='\n    ')
        if said == 'wrong':
            wrong.append('\n    '.join([name, *lines]))
    print('Tally:', ', '.join(f'{said} {count}' for said, count in sorted(counts.items())))
    return counts, wrong
