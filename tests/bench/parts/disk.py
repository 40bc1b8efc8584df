# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench disk: a chain of disk images against a directory and, where it is installed, against guestfish."""

import collections
import shutil

from . import contenders, jobs
from .figures import ratios, spread
from .jobs import Job, JobError
from .places import Memory

DIRECTORY, CHAIN, SHARED, GUESTFISH = 'directory', 'qcow2', 'qcow2, shared layers', 'guestfish'
OPTIONS = {DIRECTORY: (), CHAIN: ('--format=qcow2',), SHARED: ('--format=qcow2', '--share-layers')}


def _script(offer, folder, number):
    """What virt-bootstrap 1 did for one layer: an image backed by the one before it, and tar-in."""
    create, blob = f'disk-create {folder}/layer-{number}.qcow2 qcow2', offer.image.blob_paths()[number]
    first = [f'{create} 5G'] if number == 0 else [
        f'{create} -1 backingfile:{folder}/layer-{number - 1}.qcow2 backingformat:qcow2']
    return '\n'.join([
        *first, f'add {folder}/layer-{number}.qcow2 format:qcow2', 'run',
        *(['mkfs ext3 /dev/sda'] if number == 0 else []), 'mount /dev/sda /',
        f'tar-in {blob} / compress:gzip', ''])


def _guestfish(offer, folder):
    commands = []
    for number in range(len(offer.image.blobs)):
        path = folder / f'script-{number}'
        path.write_text(_script(offer, folder, number))
        commands.append(['guestfish', '-f', str(path)])
    return Job.of(contenders.environment(folder, LIBGUESTFS_BACKEND='direct'), *commands)


class _Disks:
    def __init__(self, settings, offer, place):
        self.settings, self.offer, self.place = settings, offer, place
        self.costs, self.memory = collections.defaultdict(list), {}

    def run(self, names):
        """Cold and warm; of what is shared the second chain alone, after the first one has left its layers."""
        for _ in range(self.settings.rounds):
            self._round(names, jobs.measure, lambda key, cost: self.costs[key].append(cost))
        self._round([name for name in names if name in OPTIONS], jobs.peak_memory, self.memory.__setitem__)

    def _round(self, names, measure, keep):
        self.place.renew()
        for name in names:
            if name == GUESTFISH:
                self._measure((name, 'warm'), lambda folder: _guestfish(self.offer, folder), measure, keep)
                continue
            self._bootstrap((name, 'cold'), measure, keep)
            self._bootstrap((name, 'warm'), measure, keep)

    def _bootstrap(self, key, measure, keep):
        self._measure(key, lambda folder: self.settings.ours.bootstrap(
            self.offer, folder, self.place.folder / f'cache-{key[0]}', durable=False, options=OPTIONS[key[0]]),
            measure, keep)

    def _measure(self, key, make, measure, keep):
        folder = self.place.folder / 'run'
        folder.mkdir()
        keep(key, measure(make(folder), self.settings.log))
        self.place.settle(folder)

    def rows(self, names, base):
        for mode in ('cold', 'warm'):
            for name in names:
                costs = self.costs.get((name, mode))
                if costs:
                    ours = self.costs[base, mode]
                    yield (mode, name, spread(one.wall for one in costs).text('.3f'),
                           spread(one.cpu for one in costs).text('.3f'),
                           f'{self.memory[name, mode] / 1e6:.0f}' if (name, mode) in self.memory else '',
                           spread(ratios([one.wall for one in ours], [one.wall for one in costs])).text())


def _compare(settings, offer, report, names):
    room = 8 * (offer.image.tar_bytes + offer.image.gzip_bytes)
    with Memory(settings.work, max(room, 1 << 30)) as place:
        runs = _Disks(settings, offer, place)
        runs.run(names)
    report.table(f'{offer.image.name}, tmpfs: disk images', (
        'mode', 'what', 'wall s', 'CPU s', 'memory MB', f'wall, times {names[0]}'), runs.rows(names, names[0]))


def disk(settings, offer, images, report):
    _compare(settings, offer(images.get('typical')), report, (DIRECTORY, CHAIN, SHARED))
    if not shutil.which('guestfish'):
        report.text('Not measured: guestfish: tests/install-packages guestfish')
        return
    try:
        _compare(settings, offer(images.get('small')), report, (CHAIN, GUESTFISH))
    except JobError as e:
        report.text(f'Not measured: guestfish: {e}')
