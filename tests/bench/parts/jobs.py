# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs commands and measures them whole: with all processes that they start, also those that they leave behind.

Each run has a process of its own above it, the runner, which orphans are handed to (it is a subreaper): the CPU time
that it has collected when the last of them has ended is that of the whole run.
"""

import contextlib
import dataclasses
import json
import os
import resource
import signal
import time

from support.process import become_subreaper

SAMPLE_SECONDS = 0.005
# Of /proc/PID/smaps_rollup: what a process shares with nobody and has written to.
PRIVATE = (b'Private_Dirty:', b'Private_Hugetlb:')
# By Python, which a command would inherit.
IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)


class JobError(Exception):
    """A command failed; the message has the end of what it said."""


@dataclasses.dataclass
class Job:
    """@stages follow each other; the pipelines of one run at once; a pipeline is a list of argument vectors.

    @cpus: numbers of the CPUs that may be used; all, unless given.
    """

    stages: list
    env: dict
    cpus: set = None

    @classmethod
    def of(cls, env, *commands):
        """One command after the other."""
        return cls([[[command]] for command in commands], env)


@dataclasses.dataclass(frozen=True)
class Cost:
    """Seconds. @wall until the last command has ended, @cpu until all that it started has."""

    wall: float
    cpu: float


def _spawn(pipeline, env, errors):
    pids, source = [], os.open('/dev/null', os.O_RDONLY)
    for number, argv in enumerate(pipeline):
        if number + 1 < len(pipeline):
            following, sink = os.pipe()
        else:
            following, sink = None, os.open('/dev/null', os.O_WRONLY)
        pids.append(os.posix_spawnp(argv[0], argv, env, file_actions=[
            (os.POSIX_SPAWN_DUP2, source, 0), (os.POSIX_SPAWN_DUP2, sink, 1),
            (os.POSIX_SPAWN_DUP2, errors, 2)], setsigdef=IGNORED))
        os.close(source)
        os.close(sink)
        source = following
    return pids


def _run_stages(job, errors):
    for stage in job.stages:
        pids = [pid for pipeline in stage for pid in _spawn(pipeline, job.env, errors)]
        ends = [os.waitpid(pid, 0)[1] for pid in pids]
        if any(ends):
            return False
    return True


def _be_runner(job, errors, answer):
    become_subreaper()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if job.cpus:
        os.sched_setaffinity(0, job.cpus)
    begin = time.monotonic()
    good = _run_stages(job, errors)
    wall = time.monotonic() - begin
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    os.write(answer, json.dumps([good, wall, usage.ru_utime + usage.ru_stime]).encode())


def _start(job, errors):
    """(pid of the runner, descriptor of its answer)"""
    answer, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _be_runner(job, errors, theirs)
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    return pid, answer


def _children(pid):
    """All processes below @pid."""
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f'/proc/{pid}/task'):
            with contextlib.suppress(OSError), open(f'/proc/{pid}/task/{task}/children') as f:
                found += map(int, f.read().split())
    return found + [below for child in found for below in _children(child)]


def _private_bytes(pid):
    with contextlib.suppress(OSError), open(f'/proc/{pid}/smaps_rollup', 'rb') as f:
        return sum(int(line.split()[1]) * 1024 for line in f if line.startswith(PRIVATE))
    return 0


def _sample_until_end(pid):
    """The most private memory that all processes below @pid were seen to have at one time; waits for @pid."""
    peak = 0
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        peak = max(peak, sum(map(_private_bytes, _children(pid))))
        time.sleep(SAMPLE_SECONDS)
    return peak


def _run(job, log, wait):
    """Runs it; returns its Cost, and what wait(pid), which has to wait for the runner, returned."""
    with open(log, 'wb') as errors:
        pid, answer = _start(job, errors.fileno())
    with open(answer, 'rb') as f:
        try:
            waited = wait(pid)
        except BaseException:
            for one in (*_children(pid), pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            raise
        text = f.read()
    if not text:
        raise JobError('the runner ended without an answer')
    good, wall, cpu = json.loads(text)
    if not good:
        with open(log, errors='replace') as f:
            raise JobError(' '.join(f.read()[-400:].split()) or 'failed without a word')
    return Cost(wall, cpu), waited


def measure(job, log):
    """@log: a file for what the commands say on standard error."""
    return _run(job, log, lambda pid: os.waitpid(pid, 0))[0]


def peak_memory(job, log):
    """In bytes. Looking costs CPU time: no run is both measured and looked at."""
    return _run(job, log, _sample_until_end)[1]
