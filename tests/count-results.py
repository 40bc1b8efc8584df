#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: count-results.py STATUS BUILD_DIRECTORY...: the time of each suite, and of the ten slowest tests,
of meson's last runs there, what failed with the end of what it said, and in the last line the sum
of what passed.

A program that speaks TAP counts with each of its cases, any other as one; one that ended badly
without a bad case, as by a crash or after its time, counts as one failure more. Ends with 1 when
anything failed, nothing ran, or STATUS, meson's own, was not 0.

Times are of the clock, and tests run side by side: the sum of a suite is more than one waits for it.
"""

import collections
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

GOOD = ('OK', 'SKIP', 'EXPECTEDFAIL')
SLOWEST = 10
STORY_LINES = 25
# Of meson's name of a test, and of what conftest.py prints of one of its own.
NAME = re.compile(r'(?:.*:)?(.*) / (.*)')
TIME = re.compile(r'^# ([\d.]+) s: (.*)$', re.MULTILINE)


def count_cases(suite):
    """[passed, failed, skipped] of one report in JUnit's form."""
    cases = list(suite.iter('testcase'))
    failed = sum(case.find('failure') is not None or case.find('error') is not None
                 for case in cases)
    skipped = sum(case.find('skipped') is not None for case in cases)
    return [len(cases) - failed - skipped, failed, skipped]


def read_times(test, name):
    """(seconds, name) of each part of a test that says so, or of the test."""
    parts = TIME.findall(test.get('stdout', ''))
    return [(float(seconds), f'{name} {part}') for seconds, part in parts] or [
        (test['duration'], name)]


def read_story(test):
    """The cases that failed, and the last lines of what the program said on standard error."""
    cases = [line for line in test.get('stdout', '').splitlines() if line.startswith('not ok')]
    return [f'    {line}' for line in cases + test.get('stderr', '').splitlines()[-STORY_LINES:]]


class Run:
    """What meson says of its last run in one directory."""

    def __init__(self, directory):
        self.total, self.times, self.failures = [0, 0, 0], [], []
        self.suites = collections.defaultdict(float)
        path = pathlib.Path(directory)
        logs = path / 'meson-logs'
        reports = {suite.get('name').partition('.')[2]: count_cases(suite) for suite in
                   ET.parse(logs / 'testlog.junit.xml').getroot().iter('testsuite')}
        for line in (logs / 'testlog.json').read_text().splitlines():
            self._add(json.loads(line), reports, path.name)

    def _add(self, test, reports, place):
        sums = reports.get(test['name'])
        if sums is None:
            sums = [test['result'] == 'OK', test['result'] not in GOOD, test['result'] == 'SKIP']
        elif test['result'] not in GOOD and not sums[1]:
            sums[1] = 1
        self.total = [a + b for a, b in zip(self.total, sums)]
        suite, name = NAME.fullmatch(test['name']).groups()
        self.suites[f'{place}, {suite}'] += test['duration']
        self.times += read_times(test, f'{place}, {suite}: {name}')
        if test['result'] not in GOOD:
            self.failures += [f'{place}, {suite}: {name}: {test["result"]}', *read_story(test)]


def main():
    status = int(sys.argv[1])
    runs = [Run(directory) for directory in sys.argv[2:]]
    for run in runs:
        for suite, seconds in sorted(run.suites.items()):
            print(f'{seconds:8.1f} s  {suite}')
    print('The slowest:')
    slowest = sorted((time for run in runs for time in run.times), reverse=True)[:SLOWEST]
    for seconds, name in slowest:
        print(f'{seconds:8.1f} s  {name}')
    failures = [line for run in runs for line in run.failures]
    if failures:
        print('What failed:', *failures, sep='\n')
    passed, failed, skipped = (sum(column) for column in zip(*(run.total for run in runs)))
    if status and not failed:
        failed = 1
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    sys.exit(1 if failed or not passed else 0)


main()
