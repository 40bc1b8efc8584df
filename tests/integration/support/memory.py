# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is in the memory of other processes, as root sees it."""

import contextlib
import os
import pathlib
import signal

from .process import descendants, wait_for


def _state(pid):
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return 'X'


def _signal(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextlib.contextmanager
def stopped(pids):
    """Stops processes, and lets them go on. Those that have ended meanwhile are not among the ones it gives."""
    try:
        _signal(pids, signal.SIGSTOP)
        wait_for(lambda: {_state(pid) for pid in pids} <= set('TtZX'), 'the processes to stop')
        yield [pid for pid in pids if _state(pid) in 'Tt']
    finally:
        _signal(pids, signal.SIGCONT)


# A larger one is a sanitizer's book-keeping, which it hardly ever touches.
MAPPING_MAX = 16 << 30


class Memory:
    """A copy of all the memory that a stopped process can read."""

    def __init__(self, pid):
        self.pieces = []  # (its line of /proc/PID/maps, the bytes)
        lines = pathlib.Path(f'/proc/{pid}/maps').read_text().splitlines()
        with open(f'/proc/{pid}/mem', 'rb', buffering=0) as f:
            for line in lines:
                span, rights = line.split()[:2]
                begin, end = (int(address, 16) for address in span.split('-'))
                if 'r' in rights and end - begin <= MAPPING_MAX:
                    f.seek(begin)
                    self.pieces.append((line, self._read(f, end - begin)))
        assert any(piece for line, piece in self.pieces if line.endswith('[stack]'))

    @staticmethod
    def _read(f, size):
        content = bytearray()
        # Not what is the kernel's own, or behind the end of a file.
        with contextlib.suppress(OSError):
            while len(content) < size and (piece := f.read(size - len(content))):
                content += piece
        return content

    def count(self, text):
        """How often @text is there."""
        return sum(piece.count(text) for _, piece in self.pieces)


def names_of(process):
    """The programs of a client and all below it, by process."""
    names = {}
    for pid in (process.pid, *descendants(process.pid)):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            names[pid] = os.path.basename(os.readlink(f'/proc/{pid}/exe'))
    return names


def memories_of(process):
    """The memory of each of them, with the program's name."""
    names = names_of(process)
    with stopped(list(names)) as pids:
        return [(names[pid], Memory(pid)) for pid in pids]


def who_has(memories, secret):
    """The names of the programs that have it."""
    return {name for name, memory in memories if memory.count(secret)}
