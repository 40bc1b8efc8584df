# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench tiny: how long it takes to get going: an image of one file, embedded and with the daemon activated."""

import collections

from . import contenders, jobs
from .compare import OURS
from .daemons import ByBus, BySocket
from .figures import ratios, spread
from .jobs import Job
from .places import Memory

VERSION, COLD, WARM, SKOPEO = '--version', 'embedded, cold', 'embedded, warm', 'skopeo copy'
ROOM = 256 << 20
# A run takes milliseconds: there is time for more rounds.
MORE = 4


class _Tiny:
    def __init__(self, settings, offer, place):
        self.settings, self.offer, self.place = settings, offer, place
        self.ours, self.walls = settings.ours, collections.defaultdict(list)
        self._number = 0

    def run(self):
        for _ in range(self.settings.rounds * MORE):
            self.place.renew()
            cache = self.place.folder / 'cache'
            self._measure(VERSION, lambda folder: Job.of(
                contenders.environment(folder), [str(self.ours.client), '--version']))
            for name in (COLD, WARM):
                self._measure(name, lambda folder: self.ours.bootstrap(
                    self.offer, folder, cache, durable=False))
            if not contenders.SKOPEO.missing():
                self._measure(SKOPEO, lambda folder: contenders.SKOPEO.make(self.offer, folder))
            for kind in (BySocket, ByBus):
                self._activate(kind)

    def _measure(self, name, make):
        self._number += 1
        folder = self.place.folder / str(self._number)
        folder.mkdir()
        self.walls[name].append(jobs.measure(make(folder), self.settings.log).wall)

    def _activate(self, kind):
        cache = self.place.folder / f'cache-{kind.name}'
        with self._daemon(kind, 'first', cache) as daemon:
            self._call(kind, daemon, 'starts, cold')
            self._call(kind, daemon, 'runs, warm')
        with self._daemon(kind, 'second', cache) as daemon:
            self._call(kind, daemon, 'starts, warm')

    def _daemon(self, kind, name, cache):
        return kind(self.ours, self.place.folder / f'{kind.name}-{name}', cache)

    def _call(self, kind, daemon, what):
        self._measure(f'daemon by {kind.name}, {what}', lambda folder: Job.of(
            daemon.env, self.ours.command(f'docker://{self.offer.reference}', folder / 'root',
                                          durable=False, where=daemon.where)))


def tiny(settings, offer, report):
    with Memory(settings.work, ROOM) as place:
        runs = _Tiny(settings, offer, place)
        runs.run()
    cold = runs.walls[COLD]
    report.table('Start-up: an image of one file, tmpfs', ('what', 'wall ms', f'times {OURS}, {COLD}'), [
        (name, spread(wall * 1000 for wall in walls).text('.1f'), spread(ratios(cold, walls)).text())
        for name, walls in runs.walls.items()])
