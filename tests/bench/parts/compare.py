# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench compare: we against the others, cold and warm, and against the least that it can cost."""

import collections
import dataclasses
import sys

from . import contenders, jobs
from .contenders import COLD, OURS, PEERS, WARM, Contender
from .figures import ratios, spread
from .jobs import Job, JobError
from .places import PLACES

MODES = (COLD, WARM)
# What a tree costs whoever makes it: in CPU time, and on a disk.
INFLATE, HASH, FILES, DISK = 'igzip -dc', 'openssl dgst -sha256', 'bench-files', 'dd conv=fsync'
FLOOR = (INFLATE, HASH, FILES)
# Of a round, times the image: all that is written into one place before it is renewed.
ROOM = 16


@dataclasses.dataclass
class Settings:
    """What all series of one call have in common. @log: a file for standard error."""

    ours: contenders.Ours
    work: object
    rounds: int
    others: list
    log: object


class Series:
    """The rounds of one image in one place. @costs: by (mode, name), one a round; @memory: by the same, bytes."""

    def __init__(self, settings, offer, place, durable):
        self.settings, self.offer, self.place, self.durable = settings, offer, place, durable
        self.costs, self.memory, self.skipped = collections.defaultdict(list), {}, {}
        self._runs = {mode: self._contenders(mode) for mode in MODES}

    @property
    def is_half_durable(self):
        """Whether we have to wait for the disk though nobody asked for it."""
        return not self.durable and not self.settings.ours.can_skip_sync

    def run(self, look_at_memory):
        for number in range(self.settings.rounds):
            print(f'{self.offer.image.name}, {self.place.name}{", durable" if self.durable else ""}: '
                  f'round {number + 1} of {self.settings.rounds}', file=sys.stderr)
            self._round(number, jobs.measure,
                        lambda key, cost: self.costs[key].append(cost))
        if look_at_memory:
            self._round(0, jobs.peak_memory, self.memory.__setitem__)

    def names(self, mode):
        """Whose rounds are complete."""
        return [one.name for one in self._runs[mode] if one.name not in self.skipped]

    def _contenders(self, mode):
        peers = list(PEERS[mode])
        if mode == COLD:
            peers += self.settings.others
            if self.offer.image.name == 'tiny':
                peers.append(contenders.SKOPEO)
        elif self.durable:
            peers.append(Contender(DISK, self._dd))
        elif not self.place.is_disk and self.offer.image.packages:
            peers += [Contender(INFLATE, self._inflate, ('igzip',)),
                      Contender(HASH, self._hash, ('openssl',)), Contender(FILES, self._files)]
        for one in peers:
            if one.missing():
                self.skipped[one.name] = f'there is no {one.missing()}'
        return [Contender(OURS, self._bootstrap), *peers]

    def _round(self, number, measure, keep):
        """Everybody once; each round begins with another one, but we fill our cache before we use it."""
        self.place.renew()
        for mode in MODES:
            runs = self._runs[mode]
            first = number % len(runs)
            for one in runs[first:] + runs[:first]:
                if one.name not in self.skipped:
                    self._run(mode, one, measure, keep)

    def _run(self, mode, contender, measure, keep):
        folder = self.place.folder / f'{mode}-{self._runs[mode].index(contender)}'
        folder.mkdir()
        job = contender.make(self.offer, folder)
        if self.durable and contender.name not in (OURS, DISK):
            job.stages.append([[['sync', '-f', str(folder)]]])
        try:
            keep((mode, contender.name), measure(job, self.settings.log))
        except JobError as e:
            if contender.name == OURS:
                raise
            self.skipped[contender.name] = str(e)
        self.place.settle(folder)

    def _bootstrap(self, offer, folder):
        return self.settings.ours.bootstrap(offer, folder, self.place.folder / 'cache', self.durable)

    def _inflate(self, offer, folder):
        return Job.of(contenders.environment(folder), ['igzip', '-dc', *offer.image.blob_paths()])

    def _hash(self, offer, folder):
        return Job.of(contenders.environment(folder), ['openssl', 'dgst', '-sha256', str(offer.image.tar)])

    def _files(self, offer, folder):
        return Job.of(contenders.environment(folder), [
            str(self.settings.ours.files), str(offer.image.files), str(folder)])

    def _dd(self, offer, folder):
        size = max(offer.image.tar_bytes >> 20, 1)
        return Job.of(contenders.environment(folder), [
            'dd', 'if=/dev/zero', f'of={folder}/file', 'bs=1M', f'count={size}', 'conv=fsync',
            'status=none'])


def _cells(series, mode, name):
    """(ratios of wall and of CPU time, the texts of a row: seconds, memory, and these ratios)"""
    ours, costs = series.costs[mode, OURS], series.costs[mode, name]
    memory = series.memory.get((mode, name))
    times = (spread(one.wall for one in costs), spread(one.cpu for one in costs))
    of_both = (spread(ratios([one.wall for one in ours], [one.wall for one in costs])),
               spread(ratios([one.cpu for one in ours], [one.cpu for one in costs])))
    return of_both, (*(one.text('.3f') for one in times), f'{memory / 1e6:.0f}' if memory else '',
                     *('' if name == OURS else one.text() for one in of_both))


def _report_mode(report, mode, all_series):
    rows = []
    for series in all_series:
        for name in series.names(mode):
            if name in FLOOR:
                continue
            of_both, cells = _cells(series, mode, name)
            durable = 'yes' if series.durable else 'no'
            if name == OURS and series.is_half_durable:
                durable = 'yes, cannot be without'
            rows.append((series.place.name, durable, name, *cells))
            if name not in (OURS, DISK):
                scenario = f'{series.offer.image.name} {mode}, {series.place.name}'
                report.point(scenario + (', durable' if series.durable else ''), name, of_both)
    report.table(f'{all_series[0].offer.image.name}, {mode}',
                 ('place', 'durable', 'who', 'wall s', 'CPU s', 'memory MB', 'wall, times ours',
                  'CPU, times ours'), rows)


def _report_floor(report, series):
    """Ours CPU time against the sum of what nobody can do without."""
    parts = [series.costs[WARM, name] for name in FLOOR]
    ours = series.costs[WARM, OURS]
    if not all(len(part) == len(ours) for part in parts):
        return
    floor = [sum(one.cpu for one in costs) for costs in zip(*parts)]
    rows = [(name, spread(one.cpu for one in part).text('.3f'), '') for name, part in zip(FLOOR, parts)]
    rows.append(('all three', spread(floor).text('.3f'), ''))
    rows.append((OURS, spread(one.cpu for one in ours).text('.3f'),
                 spread(ratios(floor, [one.cpu for one in ours])).text()))
    report.table(f'{series.offer.image.name}, warm, tmpfs: CPU time and its floor',
                 ('who', 'CPU s', 'times the floor'), rows)


def compare(settings, offers, places, report):
    """@offers: of each image; @places: names."""
    for offer in offers:
        report.text(offer.image.text())
        all_series = []
        size = max(512 << 20, ROOM * (offer.image.tar_bytes + offer.image.gzip_bytes))
        for name in places:
            with PLACES[name](settings.work, size) as place:
                for durable in (False, True) if place.is_disk else (False,):
                    series = Series(settings, offer, place, durable)
                    series.run(look_at_memory=offer.image.packages and not all_series)
                    all_series.append(series)
        for mode in MODES:
            _report_mode(report, mode, all_series)
        for series in all_series:
            _report_floor(report, series)
        for who, why in {who: why for one in all_series for who, why in one.skipped.items()}.items():
            report.text(f'Not measured: {who}: {why}')
