# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench growth: how the time grows with layers, files, bytes, whiteouts and jobs, and with fewer CPUs."""

import collections

from . import jobs
from .contenders import COLD, WARM
from .daemons import BySocket
from .figures import fit, ratios, spread
from .jobs import Job
from .places import Memory

# What grows of an image: its maker, the unit of the slope, seconds in that unit, and the steps.
IMAGES = {
    'layers': ('layers', 'ms a layer', 1e3, (1, 2, 5, 10, 20, 50, 100, 200)),
    'files': ('many_files', 'µs a file', 1e6, (1, 1000, 10_000, 100_000, 500_000)),
    'bytes': ('big', 'ms a MiB', 1e3 * 2 ** 20,
              tuple(size << 20 for size in (1, 16, 64, 256, 1024, 4096))),
    'whiteouts': ('whiteouts', 'µs a whiteout, with its file', 1e6, (1000, 10_000, 100_000)),
}
JOBS = (1, 2, 4, 6, 8)
AXES = (*IMAGES, 'jobs', 'cpus')
ROOM = 12 << 30


class _Growth:
    def __init__(self, settings, offer, place, report):
        """@offer: a function that has an image at the registry."""
        self.settings, self.offer, self.place, self.report = settings, offer, place, report
        self.ours = settings.ours

    def _measure(self, job):
        return jobs.measure(job, self.settings.log)

    def _cold_and_warm(self, offered, cpus=None):
        self.place.renew()
        costs = []
        for mode in (COLD, WARM):
            folder = self.place.folder / mode
            folder.mkdir()
            job = self.ours.bootstrap(offered, folder, self.place.folder / 'cache', durable=False)
            job.cpus = cpus
            costs.append(self._measure(job))
            self.place.settle(folder)
        return costs

    def axis(self, name, images):
        maker, unit, scale, steps = IMAGES[name]
        offers = {step: self.offer(getattr(images, maker)(step)) for step in steps}
        times = collections.defaultdict(list)
        for _ in range(self.settings.rounds):
            for step in steps:
                for mode, cost in zip((COLD, WARM), self._cold_and_warm(offers[step])):
                    times[f'{mode}, wall', step].append(cost.wall)
                    times[f'{mode}, CPU', step].append(cost.cpu)
        columns = list(dict.fromkeys(what for what, _ in times))
        self.report.table(f'Growth: {name}, seconds', (name, *columns), [
            (step, *(spread(times[what, step]).text('.3f') for what in columns)) for step in steps])
        for what in columns:
            self._line(what, unit, scale, [(step, spread(times[what, step]).median) for step in steps])

    def _line(self, what, unit, scale, points):
        line = fit(points)
        self.report.text(f'{what}: {line.base * 1000:.1f} ms, and {line.slope * scale:.3f} {unit}; '
                         f'the worst median is {line.worst:.0%} off that line')

    def jobs_at_a_time(self, offered):
        """Of one daemon that runs, all for one image that is in the cache."""
        walls = collections.defaultdict(list)
        for _ in range(self.settings.rounds):
            self.place.renew()
            config = self.place.folder / 'config'
            config.write_text(f'[Daemon]\nMaxJobs={max(JOBS)}\n')
            with BySocket(self.ours, self.place.folder / 'daemon', self.place.folder / 'cache',
                          config=config) as daemon:
                for count in (1, *JOBS):
                    walls[count].append(self._jobs(offered, daemon, count))
                walls[1].pop(-2)  # the one that filled the cache
        self.report.table(f'Growth: jobs at a time, {offered.image.name}, warm', ('jobs', 'wall s'), [
            (count, spread(walls[count]).text('.3f')) for count in JOBS])
        self._line('warm, wall', 'ms a job', 1e3, [(count, spread(walls[count]).median) for count in JOBS])

    def _jobs(self, offered, daemon, count):
        folder = self.place.folder / f'jobs-{count}'
        folder.mkdir()
        job = Job([[[self.ours.command(f'docker://{offered.reference}', folder / str(number),
                                       durable=False, where=daemon.where)]
                    for number in range(count)]], daemon.env)
        wall = self._measure(job).wall
        self.place.settle(folder)
        return wall

    def cpus(self, offered, available):
        """One CPU, and two, against all that are @available."""
        counts = sorted({1, min(2, len(available)), len(available)})
        walls = collections.defaultdict(list)
        for _ in range(self.settings.rounds):
            for count in counts:
                costs = self._cold_and_warm(offered, set(sorted(available)[:count]))
                for mode, cost in zip((COLD, WARM), costs):
                    walls[mode, count].append(cost.wall)
        self.report.table(f'CPUs: {offered.image.name}', ('mode', 'CPUs', 'wall s', 'times that of all'), [
            (mode, count, spread(walls[mode, count]).text('.3f'),
             spread(ratios(walls[mode, counts[-1]], walls[mode, count])).text())
            for mode in (COLD, WARM) for count in counts])


def growth(settings, offer, images, cpus, report, axes):
    with Memory(settings.work, ROOM) as place:
        runs = _Growth(settings, offer, place, report)
        for name in axes:
            if name == 'jobs':
                runs.jobs_at_a_time(offer(images.get('small')))
            elif name == 'cpus':
                runs.cpus(offer(images.get('typical')), cpus)
            else:
                runs.axis(name, images)
