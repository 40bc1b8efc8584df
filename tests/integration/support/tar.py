# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tar writer that writes exactly what it is told to: pax headers, ids, times, holes, and lies."""

import dataclasses

BLOCK = 512
TIME = 1_600_000_000_123_456_789  # nanoseconds

FILE, HARDLINK, SYMLINK, CHAR, BLOCKDEV, DIRECTORY, FIFO = b'0', b'1', b'2', b'3', b'4', b'5', b'6'


@dataclasses.dataclass
class Entry:
    name: bytes
    kind: bytes = FILE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime_ns: int = TIME
    data: bytes = b''
    target: bytes = b''
    rdev: tuple = (0, 0)
    xattrs: dict = dataclasses.field(default_factory=dict)
    sparse: list | None = None  # [(offset, bytes)], with size
    size: int | None = None     # what the header claims
    pax: dict = dataclasses.field(default_factory=dict)


def _bytes(text):
    return text.encode('utf-8', 'surrogateescape') if isinstance(text, str) else text


def file(name, data=b'', **kw):
    return Entry(_bytes(name), data=_bytes(data), **kw)


def directory(name, mode=0o755, **kw):
    return Entry(_bytes(name).rstrip(b'/') + b'/', DIRECTORY, mode, **kw)


def symlink(name, target, **kw):
    return Entry(_bytes(name), SYMLINK, 0o777, target=_bytes(target), **kw)


def hardlink(name, target, **kw):
    return Entry(_bytes(name), HARDLINK, target=_bytes(target), **kw)


def device(name, kind, major, minor, mode=0o600, **kw):
    return Entry(_bytes(name), {'c': CHAR, 'b': BLOCKDEV}[kind], mode, rdev=(major, minor), **kw)


def fifo(name, mode=0o644, **kw):
    return Entry(_bytes(name), FIFO, mode, **kw)


def sparse(name, size, segments, **kw):
    return Entry(_bytes(name), sparse=segments, size=size, **kw)


def whiteout(path):
    head, _, tail = _bytes(path).rpartition(b'/')
    return Entry((head + b'/' if head else b'') + b'.wh.' + tail, mtime_ns=0)


def opaque(path):
    return Entry(_bytes(path).rstrip(b'/') + b'/.wh..wh..opq', mtime_ns=0)


def _number(value, width):
    text = b'%0*o' % (width - 1, value)
    if value >= 0 and len(text) < width:
        return text + b'\0'
    return (value | 0x80 << 8 * (width - 1)).to_bytes(width, 'big')  # base-256


def _pad(data):
    return data + bytes(-len(data) % BLOCK)


def _record(key, value):
    body = b' %s=%s\n' % (_bytes(key), _bytes(value))
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return b'%d%s' % (length, body)


def _header(name, kind, mode, uid, gid, size, mtime, target, rdev):
    head = b''.join([
        name[:100].ljust(100, b'\0'), _number(mode, 8), _number(uid, 8), _number(gid, 8),
        _number(size, 12), _number(mtime, 12), b' ' * 8, kind, target[:100].ljust(100, b'\0'),
        b'ustar\x0000', bytes(64), _number(rdev[0], 8), _number(rdev[1], 8), bytes(155),
    ]).ljust(BLOCK, b'\0')
    return head[:148] + b'%06o\0 ' % sum(head) + head[156:]


def _sparse_data(entry):
    numbers = [len(entry.sparse)]
    for offset, data in entry.sparse:
        numbers += [offset, len(data)]
    return _pad(b''.join(b'%d\n' % n for n in numbers)) + b''.join(d for _, d in entry.sparse)


def entry_bytes(entry):
    pax = {key: _bytes(value) for key, value in entry.pax.items()}
    name, data, size = entry.name, entry.data, entry.size
    seconds, fraction = divmod(entry.mtime_ns, 10**9)
    if fraction:
        pax['mtime'] = b'%d.%09d' % (seconds, fraction)
    for key, value in entry.xattrs.items():
        pax['SCHILY.xattr.' + key] = value
    if entry.sparse is not None:
        pax.update({'GNU.sparse.major': b'1', 'GNU.sparse.minor': b'0',
                    'GNU.sparse.name': name, 'GNU.sparse.realsize': b'%d' % size})
        name, data = b'GNUSparseFile.0/' + name, _sparse_data(entry)
        size = len(data)
    if len(name) > 100:
        pax['path'] = name
    if len(entry.target) > 100:
        pax['linkpath'] = entry.target
    out = b''
    if pax:
        body = b''.join(_record(key, value) for key, value in pax.items())
        out = _header(b'pax', b'x', 0o644, 0, 0, len(body), 0, b'', (0, 0)) + _pad(body)
    return out + _header(name, entry.kind, entry.mode, entry.uid, entry.gid,
                         len(data) if size is None else size, seconds, entry.target,
                         entry.rdev) + _pad(data)


def archive(entries, end=True):
    return b''.join(map(entry_bytes, entries)) + (bytes(2 * BLOCK) if end else b'')
