# SPDX-License-Identifier: LGPL-2.1-or-later
"""A FUSE file system that shows a folder, and does not answer when it is told so."""

import os
import pathlib
import signal
import subprocess
import threading

from . import tree
from .bus import BusError
from .process import DEADLINE, stop, wait_for

PROGRAM = pathlib.Path(__file__).with_name('hanging_program.py')


class FileSystem:
    """@path: where it is mounted; what is in it is in @folder."""

    def __init__(self, tmp_path):
        self.folder, self.path = tmp_path / 'shown', tmp_path / 'fuse'
        self._orders, self._hung = tmp_path / 'orders', tmp_path / 'hung'
        for path in (self.folder, self.path, self._orders, self._hung):
            path.mkdir()
        self.process = subprocess.Popen(
            ['/usr/bin/python3', PROGRAM, self.folder, self.path, self._orders, self._hung],
            stdin=subprocess.DEVNULL)
        wait_for(lambda: os.path.ismount(self.path), 'the file system to be there')

    def hang(self, *operations):
        """From now on these do not come back."""
        for name in operations:
            (self._orders / name).touch()

    def hangs(self, *operations):
        """Whether somebody is in one of these."""
        return any((self._hung / name).exists() for name in operations)

    def wait_until_hung(self, *operations):
        wait_for(lambda: self.hangs(*operations), f'somebody to call one of {operations}')

    def answer(self):
        for order in self._orders.iterdir():
            order.unlink()

    def freeze(self):
        """Stops its process, which then has read no request that it does not answer."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: states(self.process.pid) == {'T'}, 'all its threads to stop')

    def stop(self):
        self.answer()
        stop(self.process)
        # When it had to be killed.
        subprocess.run(['umount', '-l', self.path], check=False, stderr=subprocess.DEVNULL)


class Call(threading.Thread):
    """A call whose answer may not come soon."""

    def __init__(self, function, *args, **kw):
        super().__init__(daemon=True)
        self.function, self.args, self.kw, self.answer = function, args, kw, None
        self.start()

    def run(self):
        try:
            self.answer = self.function(*self.args, **self.kw)
        except (BusError, OSError) as error:
            self.answer = error

    def finish(self):
        self.join(2 * DEADLINE)
        assert not self.is_alive(), 'there is no answer'
        return self.answer


def check_served(api, reference, path):
    """Another job starts, tells how far it is, and finishes."""
    identity, job = api.bootstrap(reference, path)
    assert api.manager('Progress', 's', identity)[0] in ('queued', 'running', 'finished')
    assert identity in [one[0] for one in api.manager('ListJobs')[0]]
    assert api.wait(job)[0] == 'done'
    assert 'etc/greeting' in tree.names(path)
    api.cache('ListBlobs')
    assert api.get('/org/virtbootstrap1', 'org.virtbootstrap1.Cache', 'Size') > 0


def names_at(slow):
    return sorted(path.name for path in slow.folder.iterdir())


def states(pid):
    """Those of its threads, as in /proc."""
    found = set()
    for stat in pathlib.Path(f'/proc/{pid}/task').glob('*/stat'):
        found.add(stat.read_text().rpartition(')')[2].split()[0])
    return found


def is_dead(pid):
    """No thread of it does anything but what the kernel does not let it leave."""
    with open(f'/proc/{pid}/stat') as f:
        return f.read().rpartition(')')[2].split()[0] == 'Z'
