# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is measured: each makes a Job of an image and a folder of its own.

A folder has all that a run writes: the tree, a layout, a container store, a home, temporary files.
"""

import dataclasses
import os
import shutil
import subprocess
import typing

from .jobs import Job

OURS = 'virt-bootstrap'
COLD, WARM = 'cold', 'warm'


@dataclasses.dataclass(frozen=True)
class Offer:
    """An image at a registry, HOST:PORT, on loopback."""

    image: object
    host: str

    @property
    def reference(self):
        return f'{self.host}/bench/{self.image.name}:latest'

    def blob_url(self, digest):
        return f'http://{self.host}/v2/bench/{self.image.name}/blobs/{digest}'


@dataclasses.dataclass(frozen=True)
class Contender:
    """@make(offer, folder) returns the Job that fills folder/root; @programs are those that it needs."""

    name: str
    make: typing.Callable
    programs: tuple = ()

    def missing(self):
        """The first program that is not there."""
        return next((one for one in self.programs if not shutil.which(one)), None)


def environment(folder, **more):
    """Nothing of the caller's reaches a run, and a run's files stay in its folder."""
    return {'PATH': os.environ.get('PATH', '/usr/sbin:/usr/bin:/sbin:/bin'), 'LC_ALL': 'C.UTF-8',
            'HOME': str(folder), 'TMPDIR': str(folder), 'XDG_RUNTIME_DIR': str(folder),
            **{key: str(value) for key, value in more.items()}}


class Ours:
    """The programs of one build. Not durable is without waiting for the disk, if the client can."""

    def __init__(self, build):
        self.client = build / 'client/virt-bootstrap'
        self.daemon = build / 'daemon/service/virt-bootstrapd'
        self.workers = build / 'daemon/worker/steps'
        self.files = build / 'tests/bench/bench-files'
        help_text = subprocess.check_output([self.client, '--help'], text=True)
        self.can_skip_sync = '--no-sync' in help_text

    def environment(self, folder, cache, config=os.devnull):
        return environment(folder, VIRTBOOTSTRAP_DAEMON=self.daemon, VIRTBOOTSTRAP_CACHE=cache,
                           VIRTBOOTSTRAP_WORKERS=self.workers, VIRTBOOTSTRAP_CONFIG=config)

    def command(self, source, root, durable=True, options=(), where='--embedded'):
        fast = [] if durable or not self.can_skip_sync else ['--no-sync']
        return [str(self.client), where, '-q', '--not-secure', *fast, *options, source, str(root)]

    def bootstrap(self, offer, folder, cache, durable=True, options=()):
        return Job.of(self.environment(folder, cache), self.command(
            f'docker://{offer.reference}', folder / 'root', durable, options))


def _skopeo(offer, folder):
    return ['skopeo', '--insecure-policy', 'copy', '-q', '--src-tls-verify=false',
            f'docker://{offer.reference}', f'oci:{folder}/layout:latest']


def _skopeo_only(offer, folder):
    return Job.of(environment(folder), _skopeo(offer, folder))


def _umoci(layout, folder, *verb):
    return ['umoci', *verb, '--image', f'{layout}:latest', str(folder / 'root')]


def _skopeo_umoci(offer, folder):
    return Job.of(environment(folder), _skopeo(offer, folder),
                  _umoci(folder / 'layout', folder, 'unpack'))


def _skopeo_umoci_raw(offer, folder):
    return Job.of(environment(folder), _skopeo(offer, folder),
                  _umoci(folder / 'layout', folder, 'raw', 'unpack'))


def _umoci_raw(offer, folder):
    return Job.of(environment(folder), _umoci(offer.image.layout, folder, 'raw', 'unpack'))


def _podman(offer, folder):
    """With mounts of its own, which it does not take away."""
    return Job.of(environment(folder), [
        'unshare', '--mount', 'podman', '--root', f'{folder}/root', '--runroot', f'{folder}/run',
        '--tmpdir', f'{folder}/tmp', '--storage-driver', 'overlay', 'pull', '-q',
        '--tls-verify=false', offer.reference])


def _tar(folder, *options):
    return ['tar', *options, '-p', '-C', f'{folder}/root']


def _curl_tar(offer, folder):
    (folder / 'root').mkdir()
    return Job([[[['curl', '-sf', offer.blob_url(digest)], _tar(folder, '-xz')]]
                for digest in offer.image.blobs], environment(folder))


def _curl_igzip_tar(offer, folder):
    (folder / 'root').mkdir()
    return Job([[[['curl', '-sf', offer.blob_url(digest)], ['igzip', '-dc'], _tar(folder, '-x')]]
                for digest in offer.image.blobs], environment(folder))


def _tar_igzip(offer, folder):
    (folder / 'root').mkdir()
    return Job.of(environment(folder), *(
        [*_tar(folder, '-I', 'igzip', '-x'), '-f', path] for path in offer.image.blob_paths()))


def virt_bootstrap_1(script):
    """virt-bootstrap 1.1.1; its cache is the system's, and therefore left alone."""
    def make(offer, folder):
        return Job.of(environment(folder), [
            str(script), '-q', '--no-cache', '--not-secure', f'docker://{offer.reference}',
            f'{folder}/root'])
    return Contender('virt-bootstrap 1.1.1', make, (str(script), 'skopeo'))


PEERS = {
    COLD: (
        Contender('skopeo, umoci unpack', _skopeo_umoci, ('skopeo', 'umoci')),
        Contender('skopeo, umoci raw unpack', _skopeo_umoci_raw, ('skopeo', 'umoci')),
        Contender('podman pull', _podman, ('podman',)),
        Contender('curl, tar -xz', _curl_tar, ('curl', 'tar')),
        Contender('curl, igzip, tar -x', _curl_igzip_tar, ('curl', 'igzip', 'tar')),
    ),
    WARM: (
        Contender('umoci raw unpack', _umoci_raw, ('umoci',)),
        Contender('tar -I igzip -x', _tar_igzip, ('igzip', 'tar')),
    ),
}
# Of an image without content all there is to measure is how long it takes to get going.
SKOPEO = Contender('skopeo copy', _skopeo_only, ('skopeo',))
