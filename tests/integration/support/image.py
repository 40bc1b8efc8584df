# SPDX-License-Identifier: LGPL-2.1-or-later
"""Container images in memory: layers, config, manifests, indexes, and OCI layouts of them."""

import gzip
import hashlib
import json
import pathlib
import platform
import subprocess

from . import tar

OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar'
DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar'
SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json'

MACHINE = {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine())


def digest_of(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def dumps(document):
    return json.dumps(document, indent=1).encode()


def compress(data, how):
    if how == 'gzip':
        return gzip.compress(data, 1, mtime=0)
    if how == 'gzip-members':
        half = len(data) // 2
        return compress(data[:half], 'gzip') + compress(data[half:], 'gzip')
    if how == 'zstd':
        return subprocess.run(['zstd', '-q', '-1', '-c'], input=data, check=True,
                              stdout=subprocess.PIPE).stdout
    assert how == 'none'
    return data


class Layer:
    """One layer: @content is a list of tar entries, or an archive's bytes."""

    def __init__(self, content, compression='gzip'):
        self.tar = content if isinstance(content, bytes) else tar.archive(content)
        self.blob = compress(self.tar, compression)
        self.suffix = {'none': '', 'zstd': 'zstd'}.get(compression, 'gzip')
        self.digest, self.diff_id = digest_of(self.blob), digest_of(self.tar)

    def descriptor(self, docker):
        base, joint = (DOCKER_LAYER, '.') if docker else (OCI_LAYER, '+')
        kind = base + (joint + self.suffix if self.suffix else '')
        return {'mediaType': kind, 'digest': self.digest, 'size': len(self.blob)}


class Image:
    def __init__(self, layers, os='linux', architecture=MACHINE, variant=None, labels=None):
        self.layers = [one if isinstance(one, Layer) else Layer(one) for one in layers]
        self.platform = {'os': os, 'architecture': architecture}
        if variant:
            self.platform['variant'] = variant
        self.config = dumps({
            'created': '2024-01-02T03:04:05Z', **self.platform,
            'config': {'Env': ['PATH=/bin'], 'Labels': labels or {}},
            'rootfs': {'type': 'layers', 'diff_ids': [one.diff_id for one in self.layers]},
            'history': [{'created': '2024-01-02T03:04:05Z'} for _ in self.layers],
        })

    def manifest(self, docker=False):
        return dumps({
            'schemaVersion': 2,
            'mediaType': DOCKER_MANIFEST if docker else OCI_MANIFEST,
            'config': {'mediaType': DOCKER_CONFIG if docker else OCI_CONFIG,
                       'digest': digest_of(self.config), 'size': len(self.config)},
            'layers': [one.descriptor(docker) for one in self.layers],
        })

    def blobs(self):
        return [self.config] + [one.blob for one in self.layers]

    def layer_digests(self):
        return [one.digest for one in self.layers]


def manifest_descriptor(image, docker=False, **extra):
    body = image.manifest(docker)
    return {'mediaType': DOCKER_MANIFEST if docker else OCI_MANIFEST, 'digest': digest_of(body),
            'size': len(body), 'platform': image.platform, **extra}


def index(descriptors, docker=False):
    return dumps({'schemaVersion': 2, 'mediaType': DOCKER_LIST if docker else OCI_INDEX,
                  'manifests': descriptors})


def write_layout(path, image, ref='latest'):
    """Writes @image as an OCI layout, for skopeo to push and umoci to unpack."""
    path = pathlib.Path(path)
    blobs = path / 'blobs/sha256'
    blobs.mkdir(parents=True)
    manifest = image.manifest()
    for blob in [manifest, *image.blobs()]:
        (blobs / digest_of(blob).split(':')[1]).write_bytes(blob)
    (path / 'oci-layout').write_text('{"imageLayoutVersion": "1.0.0"}')
    (path / 'index.json').write_bytes(dumps({
        'schemaVersion': 2,
        'manifests': [{'mediaType': OCI_MANIFEST, 'digest': digest_of(manifest),
                       'size': len(manifest),
                       'annotations': {'org.opencontainers.image.ref.name': ref}}],
    }))
    return path
