# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images in files: written by other tools, and by hand where no tool here writes that form."""

import json
import pathlib
import shutil
import tempfile

from . import image as images
from . import tar
from .process import run

KINDS = ['oci', 'oci-archive', 'docker-archive', 'dir']
NAME = 'example.org/everything:1'


def skopeo(layout, destination, *options):
    """Copies the image of an OCI layout to what skopeo calls @destination."""
    run(['skopeo', '--insecure-policy', 'copy', '-q', *options, f'oci:{layout}', destination])


class Storage:
    """A storage of podman's and buildah's own, with the images of @layouts by name."""

    def __init__(self, folder, layouts):
        policy = folder / 'policy.json'
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self._policy = ['--signature-policy', policy]
        self._state = tempfile.mkdtemp(prefix='run-')  # podman wants a short path
        self._where = ['--storage-driver', 'vfs', '--root', folder / 'root',
                       '--runroot', self._state]
        for name, layout in layouts.items():
            skopeo(layout, f'containers-storage:[vfs@{folder}/root+{self._state}]{name}')

    def stop(self):
        shutil.rmtree(self._state, ignore_errors=True)

    def _run(self, program, *args):
        return run([program, *self._where, *args])

    def save(self, path, kind, *names):
        """podman save: docker-archive or oci-archive; several images only of the former."""
        several = ['-m'] if len(names) > 1 else []
        self._run('podman', 'save', '-q', f'--format={kind}', *several, '-o', path, *names)
        return path

    def push(self, name, destination):
        """buildah push"""
        self._run('buildah', 'push', '-q', *self._policy, name, destination)


def of_folder(path):
    """The tar entries of all that is below @path."""
    path = pathlib.Path(path)
    return [tar.directory(str(one.relative_to(path))) if one.is_dir()
            else tar.file(str(one.relative_to(path)), one.read_bytes())
            for one in sorted(path.rglob('*'))]


def docker_manifest(layers, tags=(), config='config.json'):
    return {'Config': config, 'RepoTags': list(tags), 'Layers': list(layers)}


def docker_entries(one, tags=('example:latest',), blobs=None):
    """What "docker save" writes; @blobs: the layers' bytes, when not uncompressed."""
    names = [f'{n}/layer.tar' for n in range(len(one.layers))]
    blobs = blobs or [layer.tar for layer in one.layers]
    return [tar.file('config.json', one.config),
            *(tar.file(*pair) for pair in zip(names, blobs)),
            tar.file('manifest.json', json.dumps([docker_manifest(names, tags)]))]


def docker25_entries(folder, one, name='docker.io/library/example:latest'):
    """What docker 25 and later write: an OCI layout, whose blobs manifest.json names."""
    layout = images.write_layout(folder, one)
    index = json.loads((layout / 'index.json').read_text())
    index['manifests'][0]['annotations'] = {
        'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': 'latest'}
    (layout / 'index.json').write_text(json.dumps(index))

    def member(digest):
        return 'blobs/' + digest.replace(':', '/')

    manifest = docker_manifest(map(member, one.layer_digests()), ['example:latest'],
                               member(images.digest_of(one.config)))
    return of_folder(layout) + [tar.file('manifest.json', json.dumps([manifest])),
                                tar.file('repositories', '{"example": {"latest": "0"}}')]


def write(path, entries, **kw):
    """Writes a tar archive."""
    path.write_bytes(tar.archive(entries, **kw))
    return path


def path_of(source):
    return source.partition(':')[2]
