# SPDX-License-Identifier: LGPL-2.1-or-later
"""The layer rules of the OCI image specification, as plainly as they can be written, and layers made
at random to try them with. Knows nothing of how the programs do it."""

import random
import stat

from . import tar

MODES = [0o755, 0o700, 0o644, 0o4755, 0o1777, 0o000]
KINDS = {tar.FILE: stat.S_IFREG, tar.SYMLINK: stat.S_IFLNK, tar.FIFO: stat.S_IFIFO,
         tar.CHAR: stat.S_IFCHR, tar.DIRECTORY: stat.S_IFDIR}


class Node:
    def __init__(self, entry=None):
        self.entry = entry  # None: a directory that had to be there
        self.children = {} if entry is None or entry.kind == tar.DIRECTORY else None

    def is_dir(self):
        return self.children is not None

    def is_link(self):
        return self.entry is not None and self.entry.kind == tar.SYMLINK


class Tree:
    def __init__(self):
        self.root = Node()

    def _walk(self, parts, make):
        """The directory that @parts lead to, links followed inside the root; None when there is none."""
        here, todo = [self.root], list(parts)
        while todo:
            name = todo.pop(0)
            if name in (b'', b'.'):
                continue
            if name == b'..':
                here = here[:-1] or [self.root]
                continue
            child = here[-1].children.get(name)
            if child is not None and child.is_link():
                target = child.entry.target
                todo = target.split(b'/') + todo
                if target.startswith(b'/'):
                    here = [self.root]
                continue
            if child is None or not child.is_dir():
                if not make:
                    return None
                child = here[-1].children[name] = Node()
            here.append(child)
        return here[-1]

    def _split(self, name):
        parts = [part for part in name.split(b'/') if part not in (b'', b'.')]
        return parts[:-1], parts[-1]

    def _whiteout(self, name):
        parents, last = self._split(name)
        folder = self._walk(parents, make=False)
        if folder is None:
            return
        if last == b'.wh..wh..opq':
            folder.children.clear()
        else:
            folder.children.pop(last[len(b'.wh.'):], None)

    def _add(self, entry):
        parents, last = self._split(entry.name)
        folder = self._walk(parents, make=True)
        old = folder.children.get(last)
        if entry.kind == tar.HARDLINK:
            folder_of, name_of = self._split(entry.target)
            folder.children[last] = self._walk(folder_of, make=False).children[name_of]
        elif entry.kind == tar.DIRECTORY and old is not None and old.is_dir():
            old.entry = entry
        else:
            folder.children[last] = Node(entry)

    def apply(self, layer):
        """Whiteouts are about what is below the layer, wherever they stand in it."""
        marked = [e for e in layer if self._split(e.name)[1].startswith(b'.wh.')]
        for entry in marked:
            self._whiteout(entry.name)
        for entry in layer:
            if entry not in marked:
                self._add(entry)

    def paths(self):
        """All (path, node) below the root."""
        todo = [(name, node) for name, node in self.root.children.items()]
        while todo:
            path, node = todo.pop()
            yield path, node
            if node.is_dir():
                todo += [(path + b'/' + name, child) for name, child in node.children.items()]

    def snapshot(self):
        """As tree.snapshot(); without the times of directories that no entry made, and the root's."""
        out, names = {}, {}
        for path, node in self.paths():
            out[path] = describe(node)
            if not node.is_dir():
                names.setdefault(id(node), []).append(path)
        for group in names.values():
            for name in group:
                if len(group) > 1:
                    out[name]['links'] = sorted(group)
        return out


def inside(path, folder):
    return path == folder or path.startswith(folder + b'/')


def describe(node):
    if node.entry is None:
        return {'kind': stat.S_IFDIR, 'mode': 0o755, 'uid': 0, 'gid': 0, 'xattrs': {}}
    entry = node.entry
    return {'kind': KINDS[entry.kind], 'uid': entry.uid, 'gid': entry.gid,
            'mode': 0o777 if entry.kind == tar.SYMLINK else entry.mode,
            'mtime_ns': entry.mtime_ns, 'xattrs': dict(entry.xattrs),
            **({'data': entry.data} if entry.kind == tar.FILE else {}),
            **({'target': entry.target} if entry.kind == tar.SYMLINK else {})}


class Generator:
    """Layers on top of each other. Names are few, so that they meet. Links lead to directories whose
    names no link has, so that there are no loops."""

    def __init__(self, seed, plain=False):
        self.random = random.Random(seed)
        self.plain = plain  # only what every tool agrees on
        self.tree = Tree()

    def _path(self):
        depth = self.random.randint(1, 3)
        return b'/'.join(self.random.choice([b'a', b'b', b'c', b'd']) for _ in range(depth))

    def _meta(self):
        pick = self.random
        return {'mode': pick.choice(MODES), 'uid': pick.choice([0, 7, 70000]),
                'gid': pick.choice([0, 8]), 'mtime_ns': pick.randrange(10**9, 2 * 10**18)}

    def _entry(self, name):
        pick = self.random
        kind = pick.choices(['dir', 'file', 'fifo', 'device', 'link', 'hard', 'via'],
                            [5, 6, 1, 1, 0 if self.plain else 2, 2, 0 if self.plain else 2])[0]
        if kind == 'dir':
            return tar.directory(name, **self._meta())
        if kind == 'fifo':
            return tar.fifo(name, **self._meta())
        if kind == 'device':
            return tar.device(name, 'c', 1, pick.randrange(256), **self._meta())
        if kind == 'link':
            target = pick.choice([b'/', b'', b'../']) + pick.choice([b'a', b'b', b'c/d'])
            meta = self._meta()
            meta.pop('mode')
            return tar.symlink(name.rpartition(b'/')[0] + b'/' + pick.choice([b'l', b'm']), target,
                               **meta)
        if kind == 'hard':
            files = [path for path, node in self.tree.paths()
                     if node.entry is not None and node.entry.kind == tar.FILE and not inside(path, name)
                     and not inside(name, path)]
            if files:
                return tar.hardlink(name, pick.choice(files))
        if kind == 'via':
            name = pick.choice([b'l', b'm', b'a/l']) + b'/' + name
        data = bytes([pick.randrange(256)]) * pick.choice([0, 1, 600])
        xattrs = {'user.x': b'\0' + data[:3]} if pick.random() < 0.3 else {}
        return tar.file(name, data, xattrs=xattrs, **self._meta())

    @staticmethod
    def _gone(entry):
        """What a whiteout is about."""
        return entry.name.replace(b'/.wh..wh..opq', b'').replace(b'.wh.', b'')

    def _whiteouts(self):
        """Of the plain ones none is inside another: tools do not agree on what is left then."""
        have = [path for path, _ in self.tree.paths()]
        out = []
        for _ in range(self.random.randint(0, 3)):
            if have and self.random.random() < 0.7:
                one = tar.whiteout(self.random.choice(have))
            elif not self.plain:
                one = tar.opaque(self._path())
            else:
                continue
            gone, others = self._gone(one), [self._gone(other) for other in out]
            if not self.plain or not any(
                    inside(gone, other) or inside(other, gone) for other in others):
                out.append(one)
        return out

    def _is_plain(self, name):
        """umoci makes no directory of a parent that is a file."""
        parts = name.split(b'/')[:-1]
        nodes = dict(self.tree.paths())
        return all(nodes.get(b'/'.join(parts[:n + 1]), self.tree.root).is_dir()
                   for n in range(len(parts)))

    def layer(self):
        """Whiteouts stand anywhere, but for those that take away a link, or are below one of the layer's
        own: the layer may have gone through it by then, which cannot be undone."""
        links = [path for path, node in self.tree.paths() if node.is_link()]
        marked = self._whiteouts()
        self.tree.apply(marked)
        entries = []
        for _ in range(self.random.randint(1, 12)):
            name = self._path()
            if self.plain and not self._is_plain(name):
                continue
            try:
                entry = self._entry(name)
                self.tree._add(entry)
            except (KeyError, AttributeError):
                continue  # a link to what the entry itself has just replaced
            entries.append(entry)
        if self.plain:
            return marked + entries
        own = [entry.name.lstrip(b'/') for entry in entries if entry.kind == tar.SYMLINK]
        for entry in marked:
            gone = self._gone(entry)
            first = any(inside(link, gone) for link in links) or any(
                inside(gone, link) for link in own)
            entries.insert(0 if first else self.random.randint(0, len(entries)), entry)
        return entries
