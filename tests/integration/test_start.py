# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a small job costs before it does anything: counted, not timed, so that the machine does not matter."""

import pathlib
import re
import shutil

import pytest

from support import image, programs, samples

IDLE_BYTES_MAX = 8 << 20
# Client, daemon, fetch, resolve and unpack worker; and the trust worker where this machine has a signature policy.
WARM_PROGRAMS = 5 + pathlib.Path('/etc/containers/policy.json').exists()
COLD_PROGRAMS = WARM_PROGRAMS + 1  # and a verify worker
WAITS = ('clock_nanosleep', 'epoll_pwait', 'epoll_wait', 'nanosleep', 'poll', 'ppoll', 'pselect6', 'select')
needs_strace = pytest.mark.skipif(not shutil.which('strace'), reason='strace is not installed')


@pytest.fixture
def layout(folder):
    return f'oci:{image.write_layout(folder / "layout", samples.small())}:latest'


@pytest.fixture
def trace(env, tmp_path):
    """Runs a bootstrap; returns its calls of some names, as strace writes them, of all its processes."""
    log = tmp_path / 'calls'

    def bootstrap(calls, *args):
        prefix = ['strace', '-f', '-o', str(log), '-e', f'trace={",".join(calls)}']
        programs.Client(env, prefix=prefix).bootstrap(*args)
        return log.read_text().splitlines()
    return bootstrap


def executed(lines):
    return [pathlib.Path(match[1]).name for line in lines
            if (match := re.search(r'execve\("([^"]*)"', line)) and ' = -1 ' not in line]


def libraries(lines):
    """The names of all that the processes loaded."""
    return [match[1] for line in lines
            if (match := re.search(r'/(lib[^/"]*)\.so[^/"]*", ', line)) and ' = -1 ' not in line]


@needs_strace
def test_small_job_takes_few_programs(trace, client, layout, work):
    client.bootstrap(layout, work / 'first')
    started = executed(trace(['execve'], layout, work / 'second'))
    assert len(started) == WARM_PROGRAMS, started


@needs_strace
def test_image_of_a_registry_takes_one_more_only_if_it_is_not_in_the_cache(trace, faulty_registry, work):
    faulty_registry.add('image', samples.small())
    for name, count in ('cold', COLD_PROGRAMS), ('warm', WARM_PROGRAMS):
        started = executed(trace(['execve'], faulty_registry.reference('image'), work / name))
        assert len(started) == count, started


@needs_strace
def test_image_in_a_directory_needs_neither_a_client_of_registries_nor_a_reader_of_archives_twice(
        trace, layout, dest):
    """The unpack worker alone reads archives."""
    loaded = libraries(trace(['openat'], layout, dest))
    assert 'libcurl' not in loaded
    assert loaded.count('libarchive') == 1


@needs_strace
def test_no_worker_compiles_its_filter(trace, faulty_registry, dest):
    faulty_registry.add('image', samples.small())
    loaded = libraries(trace(['openat'], faulty_registry.reference('image'), dest))
    assert 'libseccomp' not in loaded and 'libcurl' in loaded


@needs_strace
def test_small_layer_takes_little_of_the_ring(trace, layout, dest):
    """Each of its 64 chunks is a mapping of 256 KiB and a page."""
    chunks = [line for line in trace(['mmap'], layout, dest) if 'mmap(NULL, 266240, PROT_READ|PROT_WRITE, ' in line]
    assert 1 <= len(chunks) <= 8, chunks


@needs_strace
@pytest.mark.root
def test_processes_are_listed_once_at_most(trace, layout, dest):
    """For the ids of its workers, where the system user that they share does not exist."""
    lines = trace(['openat'], layout, dest)
    assert sum('"/proc", ' in line for line in lines) <= 1


@needs_strace
def test_nobody_waits_for_a_time_to_pass(trace, client, layout, work):
    client.bootstrap(layout, work / 'first')
    lines = trace(WAITS, layout, work / 'second')
    assert [line for line in lines if 'epoll_wait' in line or 'poll(' in line]
    assert not [line for line in lines if 'nanosleep' in line]
    # Whoever does not wait has a timeout of 0.
    assert not [line for line in lines if re.search(r'= 0( \(Timeout\))?$', line)
                and not re.search(r', 0(, NULL, 8)?\) += 0|tv_sec=0, tv_nsec=0', line)]


def private_bytes(pid):
    rollup = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
    return sum(int(kib) << 10 for kib in re.findall(r'^Private_\w+:\s+(\d+) kB$', rollup, re.MULTILINE))


def test_idle_daemon_takes_little_memory(daemon, api, layout, work):
    assert private_bytes(daemon.process.pid) < IDLE_BYTES_MAX
    for i in range(8):
        assert api.wait(api.bootstrap(layout, work / str(i))[1]) == ('done', '', '')
    assert not daemon.workers()
    assert private_bytes(daemon.process.pid) < IDLE_BYTES_MAX
