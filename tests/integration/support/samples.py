# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images that several files of tests use."""

import os
import random
import struct

from . import tar
from .image import Image, Layer

# vfs_cap_data revision 2, cap_net_raw=ep
CAPABILITY = struct.pack('<IIIII', 0x02000001, 1 << 13, 0, 0, 0)
# version 2; user::rw- user:1234:r-- group::r-- mask::r-- other::---
ACL = struct.pack('<I' + 'HHI' * 5, 2, 1, 6, 0xffffffff, 2, 4, 1234, 4, 4, 0xffffffff,
                  16, 4, 0xffffffff, 32, 0, 0xffffffff)
SHADOW = b'daemon:*:19000:0:99999:7:::\nroot:*:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\n'
LONG = 'deep/' + '/'.join(['x' * 90] * 4)
RAW_NAME = b'etc/not-utf8-\xff\xfe'
SPARSE_SIZE = 8 << 20


def noise(size, seed=1):
    """Bytes that do not compress, the same in every run."""
    return random.Random(seed).randbytes(size)


def base_layer():
    """One of everything that a tar can bring."""
    t = tar.TIME
    return [
        tar.directory('.', 0o755, mtime_ns=t),
        *(tar.directory(name, mtime_ns=t + 1) for name in ('bin', 'etc', 'home', 'run', 'var')),
        tar.directory('tmp', 0o1777), tar.directory('secret', 0o000, uid=3),
        tar.directory('etc/conf.d', xattrs={'user.directory': b'yes'}),
        tar.file('etc/passwd', b'root:x:0:0:root:/root:/bin/sh\n'),
        tar.file('etc/shadow', SHADOW, mode=0o640, gid=42),
        tar.file('etc/conf.d/one', b'one'), tar.file('etc/conf.d/two', b'two'),
        tar.file(RAW_NAME, b'raw'),
        tar.file('bin/tool', noise(5000), mode=0o755),
        tar.file('bin/su', b'su', mode=0o4755), tar.file('bin/wall', b'wall', mode=0o2755, gid=5),
        tar.file('bin/ping', b'ping', mode=0o755, xattrs={'security.capability': CAPABILITY}),
        tar.hardlink('bin/tool-too', 'bin/tool'), tar.symlink('bin/sh', 'tool'),
        tar.symlink('var/run', '/run'), tar.symlink('etc/dangling', '/nowhere/at/all'),
        tar.file('home/owned', b'mine', uid=1234, gid=5678, mode=0o600),
        tar.file('home/far', b'far', uid=3_000_000, gid=3_000_001),
        tar.file('home/old', b'old', mtime_ns=1), tar.file('home/none', b'', mode=0),
        tar.file('home/attributes', b'a', xattrs={'user.binary': bytes(range(256))}),
        tar.file('home/acl', b'acl', mode=0o640,
                 xattrs={'system.posix_acl_access': ACL}),
        tar.device('home/null', 'c', 1, 3, 0o666), tar.device('home/disk', 'b', 259, 70000),
        tar.fifo('home/pipe', 0o620),
        tar.sparse('home/sparse', SPARSE_SIZE, [(0, b'head' * 1024), (4 << 20, b'tail' * 1024)]),
        *(tar.directory(LONG[:end], mtime_ns=t + 4)
          for end, letter in enumerate(LONG) if letter == '/'),
        tar.file(LONG, b'long', mtime_ns=t + 5),
    ]


def beyond_umoci():
    """What umoci 0.4 loses: an xattr without a value."""
    return [tar.file('home/empty-attribute', b'', xattrs={'user.empty': b''})]


def change_layer():
    """What an upper layer may do to the lower one."""
    return [
        tar.file('etc/conf.d/three', b'three'), tar.opaque('etc/conf.d'),
        tar.whiteout('home/old'), tar.whiteout('home/never-was'),
        tar.file('var/run/pid', b'1\n'), tar.hardlink('home/tool', 'bin/tool'),
        tar.file('bin/su', b'another su', mode=0o755),
        tar.directory('etc/passwd-is-a-directory'), tar.file('etc/passwd-is-a-directory/x', b'x'),
        tar.symlink('home/owned', 'far'),
        tar.file('etc/\u00fcmlaut', b'utf8'),
    ]


def last_layer():
    return [tar.file('etc/release', b'third\n'), tar.whiteout('etc/passwd-is-a-directory'),
            tar.file('etc/passwd', b'root:x:0:0:root:/root:/bin/sh\nuser:x:1:1::/:/bin/sh\n')]


def everything(compression='gzip'):
    return Image([Layer(one, compression) for one in (base_layer(), change_layer(), last_layer())],
                 labels={'org.example.name': 'everything'})


def small(text=b'hello\n', **kw):
    """One layer with etc/greeting."""
    return Image([[tar.directory('etc'), tar.file('etc/greeting', text)]], **kw)


def order():
    """Three layers that only give this result when applied root layer first."""
    return Image([
        [tar.directory('etc'), tar.file('etc/order', b'1'), tar.file('etc/first', b'1')],
        [tar.file('etc/order', b'2'), tar.whiteout('etc/first'), tar.file('etc/second', b'2')],
        [tar.file('etc/order', b'3'), tar.whiteout('etc/second')],
    ])


ORDER = ['etc', 'etc/order']


def large(files=32, size=256 * 1024, layers=1):
    """Layers of files that do not compress: files × size bytes each."""
    def content(layer):
        return [tar.directory('.'), tar.directory('data')] + [
            tar.file(f'data/{layer}-{i:03}', noise(size, layer * 1000 + i)) for i in range(files)]
    return Image([content(layer) for layer in range(layers)])


def is_root():
    return os.geteuid() == 0
