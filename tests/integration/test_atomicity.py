# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever is killed, and whenever: the destination is the old one or the complete new one, and what is
left in the staging's place is gone after the next start."""

import os
import random
import signal
import subprocess
import time

import pytest

from support import programs, samples, tree
from support.process import running, wait_for

MOMENTS = int(os.environ.get('TEST_MOMENTS', 50))
SEED = int(os.environ.get('TEST_SEED', random.randrange(10**9)))


@pytest.fixture
def one(faulty_registry):
    image = samples.large(files=64, size=16 * 1024, layers=2)
    faulty_registry.add('atomic', image)
    return faulty_registry.reference('atomic')


def whole(client, one, work):
    """The names of the old and of the new tree, and how long it takes."""
    dest = work / 'whole'
    dest.mkdir()
    (dest / 'old').write_text('old')
    before = time.monotonic()
    client.bootstrap(one, dest, '--overwrite')
    return tree.names(dest), time.monotonic() - before


def kill_one(pick):
    victims = running([programs.DAEMON, *programs.WORKERS])
    if victims:
        try:
            os.kill(pick.choice(victims), signal.SIGKILL)
        except ProcessLookupError:
            pass


def test_killed_process_leaves_the_old_tree_or_the_whole_new_one(client, one, work, env):
    complete, duration = whole(client, one, work)
    pick = random.Random(SEED)
    outcomes = set()
    for moment in range(MOMENTS):
        dest = work / str(moment)
        dest.mkdir()
        (dest / 'old').write_text('old')
        options = ['--no-sync'] if moment % 2 else []
        process = client.start('--not-secure', '--no-cache', '--overwrite', *options, one, dest)
        deadline = time.monotonic() + pick.uniform(0, duration)
        while time.monotonic() < deadline and process.poll() is None:
            try:
                process.wait(timeout=max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
        kill_one(pick)
        process.communicate(timeout=60)
        wait_for(lambda: not running(programs.ALL), 'every process to end')
        subprocess.run([programs.DAEMON, '--recover', '--log-level=err'], env=env, check=True)
        names = tree.names(dest)
        assert names in (['old'], complete), f'seed {SEED}, moment {moment}: {names}'
        outcomes.add(len(names))
        left = [path.name for path in work.iterdir() if path.name.startswith('.')]
        assert not left, f'seed {SEED}, moment {moment}: {left}'
    assert len(outcomes) == 2, 'no kill was early, or none was late, enough'
