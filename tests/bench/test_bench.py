#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the benchmark computes and how it measures, without an image of packages and without a registry."""

import gzip
import hashlib
import json
import os
import pathlib
import sys
import tempfile
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / 'integration')]
sys.dont_write_bytecode = True

from parts import figures, images, jobs  # noqa: E402
from parts.jobs import Job, JobError  # noqa: E402

ENV = {'PATH': os.environ['PATH']}
CPU_SECONDS = 0.2
BURN = f'import time\nwhile time.process_time() < {CPU_SECONDS}: pass'
BIG = 32 << 20


def python(code):
    return [sys.executable, '-S', '-c', code]


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.log = self.folder / 'log'


class TestFigures(unittest.TestCase):
    def test_ratios_are_of_the_two_runs_of_a_round(self):
        self.assertEqual(figures.ratios([1, 10], [3, 20]), [3, 2])

    def test_rounds_that_are_missing_are_no_ratio(self):
        with self.assertRaisesRegex(ValueError, '2 rounds of ours, 1 of theirs'):
            figures.ratios([1, 2], [1])

    def test_spread_has_median_least_and_greatest(self):
        self.assertEqual(figures.spread([5, 1, 2]), figures.Spread(2, 1, 5))

    def test_line_through_points_on_a_line_has_no_deviation(self):
        line = figures.fit([(x, 3 + 2 * x) for x in (1, 10, 1000)])
        self.assertAlmostEqual(line.slope, 2)
        self.assertAlmostEqual(line.base, 3)
        self.assertAlmostEqual(line.worst, 0)

    def test_what_grows_faster_than_a_line_deviates(self):
        self.assertGreater(figures.fit([(x, x * x) for x in (1, 10, 100)]).worst, 0.5)

    def test_one_point_is_no_line(self):
        with self.assertRaisesRegex(ValueError, 'two points'):
            figures.fit([(1, 1), (1, 2)])


class TestJobs(InFolder):
    def measure(self, *stages):
        return jobs.measure(Job(list(stages), ENV), self.log)

    def test_cpu_time_of_an_orphan_counts(self):
        orphan = f'import os\nif os.fork() == 0:\n    os.setsid()\n    {BURN.replace(chr(10), chr(10) + "    ")}'
        self.assertGreaterEqual(self.measure([[python(orphan)]]).cpu, CPU_SECONDS)

    def test_commands_of_a_pipeline_are_connected(self):
        self.measure([[['echo', 'word'], ['cat'], ['grep', '-q', '^word$']]])

    def test_pipelines_of_a_stage_run_at_once(self):
        fifo = self.folder / 'fifo'
        os.mkfifo(fifo)
        self.measure([[['sh', '-c', f'echo word >{fifo}']], [['sh', '-c', f'read word <{fifo}']]])

    def test_failure_has_the_words_of_the_command(self):
        with self.assertRaisesRegex(JobError, 'the reason'):
            self.measure([[['true']]], [[['sh', '-c', 'echo the reason >&2; exit 1']]])

    def test_no_stage_follows_one_that_failed(self):
        with self.assertRaises(JobError):
            self.measure([[['false']]], [[['touch', str(self.folder / 'second')]]])
        self.assertFalse((self.folder / 'second').exists())

    def test_memory_is_that_of_all_processes_at_a_time(self):
        first = (f'import select\ndata = bytearray({BIG})\nprint(flush=True)\n'
                 'poll = select.poll()\npoll.register(1, 0)\npoll.poll()')  # until the second one ends
        second = f'import sys\nsys.stdin.readline()\ndata = bytearray({BIG})\n{BURN}'
        job = Job([[[python(first), python(second)]]], ENV)
        self.assertGreaterEqual(jobs.peak_memory(job, self.log), 2 * BIG)


class TestImages(InFolder):
    def make(self, name):
        return images.Images(self.folder / name)

    def test_the_same_image_is_the_same_bytes(self):
        digests = [(self.make(name).get('tiny').layout / 'index.json').read_bytes()
                   for name in ('one', 'two')]
        self.assertEqual(*digests)

    def test_big_layer_is_what_its_diff_id_says(self):
        image = self.make('big').big(2 << 20)
        index = json.loads((image.layout / 'index.json').read_text())
        manifest = json.loads(image.blob_path(index['manifests'][0]['digest']).read_text())
        config = json.loads(image.blob_path(manifest['config']['digest']).read_text())
        data = gzip.decompress(image.blob_path(image.blobs[0]).read_bytes())
        self.assertEqual(config['rootfs']['diff_ids'], [f'sha256:{hashlib.sha256(data).hexdigest()}'])
        self.assertEqual(len(data), image.tar_bytes)

    def test_each_layer_is_counted(self):
        image = self.make('layers').layers(3)
        self.assertEqual((len(image.blobs), image.entries), (3, 3))


unittest.main()
