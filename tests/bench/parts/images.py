# SPDX-License-Identifier: LGPL-2.1-or-later
"""The images, as OCI layouts with gzip layers: of Debian packages, or of one thing many times.

All are made from fixed lists, so that those of the same packages are the same bytes. What was made is kept in the
work directory:

    packages/               the .deb files: as long as one is there no other version of it is taken
    images/NAME/            the layout
    images/NAME.json        what is in it, and of which packages
    images/NAME.files       its tree, for bench-files.c, if it is of packages
    images/NAME.tar         its layers, not compressed, one after the other, if it is of packages
"""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import random
import shutil
import subprocess
import tarfile

from support.image import MACHINE, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST

LAYER = OCI_LAYER + '+gzip'
# What registries have is of gzip -6 mostly, in one stream.
GZIP = ('gzip', '-n', '-6')
CHUNK = 1 << 20

BASE = ('base-files bash coreutils libc6 libc-bin perl-base dpkg tar gzip findutils grep sed debianutils '
        'dash tzdata')
PYTHON = 'python3.11-minimal libpython3.11-minimal libpython3.11-stdlib'

# A list of packages a layer.
OF_PACKAGES = {
    'typical': (
        f'{BASE} util-linux apt libapt-pkg6.0 libssl3',
        'perl perl-modules-5.36 libperl5.36 git',
        PYTHON,
        'python3-django python3-sympy python3-numpy python3-pygments python3-botocore',
        'gcc-12 cpp-12 g++-12 libstdc++-12-dev libgcc-12-dev libc6-dev linux-libc-dev',
        'libboost1.74-dev libruby3.1',
        'golang-1.19-src vim-runtime',
        'openjdk-17-jre-headless',
    ),
    'small': (BASE, 'perl-modules-5.36', PYTHON),
}


@dataclasses.dataclass(frozen=True)
class Image:
    """What was made. Sizes in bytes; @blobs: the layers' digests, the root layer first."""

    name: str
    layout: object
    blobs: list
    entries: int
    tar_bytes: int
    gzip_bytes: int
    packages: list

    @property
    def files(self):
        return self.layout.with_suffix('.files')

    @property
    def tar(self):
        return self.layout.with_suffix('.tar')

    def blob_path(self, digest):
        return self.layout / 'blobs' / digest.replace(':', '/')

    def blob_paths(self):
        return [str(self.blob_path(digest)) for digest in self.blobs]

    def text(self):
        return (f'{self.name}: {len(self.blobs)} layers, {self.entries} entries, '
                f'{self.tar_bytes / 1e6:.1f} MB, {self.gzip_bytes / 1e6:.1f} MB compressed')


class _Layer:
    """A file to write a tar into: compresses it, and hashes it on the way; @keep: there is a copy of it in @tar."""

    def __init__(self, layout, number, keep):
        self.tar, self._gzip = layout / f'{number}.tar', layout / f'{number}.gz'
        self.diff_id, self.size, self.entries, self.files = hashlib.sha256(), 0, 0, []
        self._plain = open(self.tar if keep else os.devnull, 'wb')
        with open(self._gzip, 'wb') as f:
            self._compressor = subprocess.Popen(GZIP, stdin=subprocess.PIPE, stdout=f)

    def write(self, data):
        self.diff_id.update(data)
        self.size += len(data)
        self._plain.write(data)
        self._compressor.stdin.write(data)
        return len(data)

    def note(self, kind, size, name):
        self.entries += 1
        if kind in 'df':
            self.files.append(f'{kind} {size} {name}\n')

    def write_members(self, names, content):
        """A regular file of each name, all with the same content."""
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            self.write(info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512))
            self.note('f', len(content), name)

    def end(self):
        self.write(bytes(1024))

    def finish(self, layout):
        """The layer's descriptor."""
        self._plain.close()
        self._compressor.stdin.close()
        if self._compressor.wait() != 0:
            raise RuntimeError('gzip failed')
        return _publish(layout, self._gzip, LAYER)


def _publish(layout, path, media_type):
    digest, size = hashlib.sha256(), path.stat().st_size
    with open(path, 'rb') as f:
        while data := f.read(CHUNK):
            digest.update(data)
    path.rename(layout / 'blobs/sha256' / digest.hexdigest())
    return {'mediaType': media_type, 'digest': f'sha256:{digest.hexdigest()}', 'size': size}


def _publish_json(layout, value, media_type):
    path = layout / 'document'
    path.write_text(json.dumps(value))
    return _publish(layout, path, media_type)


def _write_layout(layout, layers, diff_ids):
    """@layers: descriptors."""
    config = _publish_json(layout, {
        'architecture': MACHINE, 'os': 'linux',
        'rootfs': {'type': 'layers', 'diff_ids': diff_ids}}, OCI_CONFIG)
    manifest = _publish_json(layout, {'schemaVersion': 2, 'mediaType': OCI_MANIFEST, 'config': config,
                                      'layers': layers}, OCI_MANIFEST)
    manifest['annotations'] = {'org.opencontainers.image.ref.name': 'latest'}
    (layout / 'index.json').write_text(json.dumps({'schemaVersion': 2, 'manifests': [manifest]}))
    (layout / 'oci-layout').write_text('{"imageLayoutVersion":"1.0.0"}')


def _packages(folder, names):
    """The .deb file of each of them, by apt where there is none yet."""
    folder.mkdir(exist_ok=True)
    missing = [name for name in names if not any(folder.glob(f'{name}_*.deb'))]
    if missing:
        command = ['apt-get', '-qq', '-o', 'APT::Sandbox::User=root', 'download', *missing]
        if subprocess.run(command, cwd=folder).returncode != 0:
            subprocess.run(['apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300', 'update'], check=True)
            subprocess.run(command, cwd=folder, check=True)
    return [max(folder.glob(f'{name}_*.deb')) for name in names]


def _write_packages(layer, packages):
    """What they install, in their order; a directory that several have is there once."""
    seen = set()
    out = tarfile.open(fileobj=layer, mode='w|', format=tarfile.GNU_FORMAT, bufsize=CHUNK)
    for package in packages:
        with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', str(package)],
                              stdout=subprocess.PIPE) as source:
            with tarfile.open(fileobj=source.stdout, mode='r|', bufsize=CHUNK) as archive:
                for member in archive:
                    if member.isdir() and member.name in seen:
                        continue
                    seen.add(member.name)
                    out.addfile(member, archive.extractfile(member) if member.isreg() else None)
                    kind = 'd' if member.isdir() else 'f' if member.isreg() else 'l'
                    layer.note(kind, member.size, member.name)
        if source.returncode != 0:
            raise RuntimeError(f'dpkg-deb cannot read {package}')
    out.close()


class Images:
    """Those of one work directory; each is made when it is asked for first."""

    def __init__(self, work):
        self.work, self.folder = work, work / 'images'
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, name):
        """One of OF_PACKAGES, or tiny."""
        if name == 'tiny':
            return self._get(name, [lambda layer: _write_files(layer, ['etc/motd'])])
        lists = [_packages(self.work / 'packages', line.split()) for line in OF_PACKAGES[name]]
        return self._get(name, [lambda layer, packages=packages: _write_packages(layer, packages)
                                for packages in lists], [one.name for part in lists for one in part])

    def layers(self, count):
        """@count layers of one file each."""
        return self._get(f'layers-{count}', [
            lambda layer, number=number: _write_files(layer, [f'file-{number}'])
            for number in range(count)])

    def many_files(self, count):
        return self._get(f'files-{count}', [lambda layer: _write_files(layer, _many(count))])

    def whiteouts(self, count):
        """Two layers: the second one removes all that the first one brings."""
        return self._get(f'whiteouts-{count}', [
            lambda layer: _write_files(layer, _many(count)),
            lambda layer: _write_files(layer, _many(count, '.wh.'), b'')])

    def big(self, size):
        """One file of @size bytes, a multiple of 1 MiB, that compress as texts do."""
        name = f'bytes-{size}'
        if not (self.folder / f'{name}.json').exists():
            _make_big(self._begin(name), size)
            self._finish(name, {'entries': 1, 'tar_bytes': size + 1536, 'packages': []})
        return self._load(name)

    def _get(self, name, parts, packages=()):
        """@parts: a function a layer, which writes it."""
        if not (self.folder / f'{name}.json').exists():
            self._make(name, parts, list(packages))
        return self._load(name)

    def _begin(self, name):
        layout = self.folder / f'{name}.new'
        if layout.exists():
            shutil.rmtree(layout)
        (layout / 'blobs/sha256').mkdir(parents=True)
        return layout

    def _make(self, name, parts, packages):
        print(f'Making the image {name}', flush=True)
        layout = self._begin(name)

        def make(number):
            layer = _Layer(layout, number, keep=packages)
            parts[number](layer)
            if not packages:
                layer.end()
            return layer, layer.finish(layout)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            made = list(pool.map(make, range(len(parts))))
        layers, descriptors = zip(*made)
        _write_layout(layout, descriptors, [f'sha256:{one.diff_id.hexdigest()}' for one in layers])
        if packages:
            self._keep_tree(name, layers)
        self._finish(name, {'entries': sum(layer.entries for layer in layers),
                            'tar_bytes': sum(layer.size for layer in layers),
                            'packages': packages})

    def _keep_tree(self, name, layers):
        """For the floor under the costs of what it takes to unpack it."""
        with open(self.folder / f'{name}.files', 'w') as f:
            f.writelines(line for layer in layers for line in layer.files)
        with open(self.folder / f'{name}.tar', 'wb') as out:
            for layer in layers:
                with open(layer.tar, 'rb') as f:
                    shutil.copyfileobj(f, out, CHUNK)
                layer.tar.unlink()

    def _finish(self, name, facts):
        layout = self.folder / name
        if layout.exists():
            shutil.rmtree(layout)
        layout.with_name(f'{name}.new').rename(layout)
        (self.folder / f'{name}.json').write_text(json.dumps(facts, indent=1))

    def _load(self, name):
        layout = self.folder / name
        facts = json.loads((self.folder / f'{name}.json').read_text())

        def read(digest):
            return json.loads((layout / 'blobs' / digest.replace(':', '/')).read_text())

        index = json.loads((layout / 'index.json').read_text())
        layers = read(index['manifests'][0]['digest'])['layers']
        return Image(name, layout, [layer['digest'] for layer in layers],
                     gzip_bytes=sum(layer['size'] for layer in layers), **facts)


def _many(count, prefix=''):
    """Names, a hundred a directory."""
    return (f'{number // 100}/{prefix}{number}' for number in range(count))


def _write_files(layer, names, content=b'A file of the benchmark.\n'):
    layer.write_members(names, content)


def _write_gzip(data, out):
    subprocess.run(GZIP, input=data, stdout=out, check=True)


def _make_big(layout, size):
    """Its blob is several gzip members, one block again and again, so that nobody has to wait for gzip."""
    block_size = min(size, 16 << 20)
    words = [bytes(random.Random(number).choices(b'abcdefghijklmnopqrstuvwxyz0123456789', k=8))
             for number in range(4096)]
    block = b' '.join(random.Random(0).choices(words, k=block_size // 9 + 1))[:block_size]
    info = tarfile.TarInfo('file')
    info.size = size
    head, tail, diff_id = info.tobuf(tarfile.GNU_FORMAT), bytes(1024), hashlib.sha256()
    with open(layout / 'member', 'w+b') as f:
        _write_gzip(block, f)
        f.seek(0)
        member = f.read()
    with open(layout / 'layer', 'wb') as out:
        _write_gzip(head, out)
        diff_id.update(head)
        for _ in range(size // block_size):
            out.seek(0, os.SEEK_END)
            out.write(member)
            diff_id.update(block)
        out.flush()
        _write_gzip(tail, out)
        diff_id.update(tail)
    (layout / 'member').unlink()
    descriptor = _publish(layout, layout / 'layer', LAYER)
    _write_layout(layout, [descriptor], [f'sha256:{diff_id.hexdigest()}'])
