#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: count-results.py STATUS BUILD_DIRECTORY...: one line with the sum of what meson says of its
last runs there.

A program that speaks TAP counts with each of its cases, any other as one; one that ended badly
without a bad case, as by a crash or after its time, counts as one failure more. Ends with 1 when
anything failed, nothing ran, or @STATUS, meson's own, was not 0.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as ET

GOOD = ('OK', 'SKIP', 'EXPECTEDFAIL')


def count_cases(suite):
    """[passed, failed, skipped] of one report in JUnit's form."""
    cases = list(suite.iter('testcase'))
    failed = sum(case.find('failure') is not None or case.find('error') is not None
                 for case in cases)
    skipped = sum(case.find('skipped') is not None for case in cases)
    return [len(cases) - failed - skipped, failed, skipped]


def count_run(directory):
    logs = pathlib.Path(directory) / 'meson-logs'
    reports = {suite.get('name').partition('.')[2]: count_cases(suite) for suite in
               ET.parse(logs / 'testlog.junit.xml').getroot().iter('testsuite')}
    total = [0, 0, 0]
    for line in (logs / 'testlog.json').read_text().splitlines():
        test = json.loads(line)
        sums = reports.get(test['name'])
        if sums is None:
            sums = [test['result'] == 'OK', test['result'] not in GOOD, test['result'] == 'SKIP']
        elif test['result'] not in GOOD and not sums[1]:
            sums[1] = 1
        total = [a + b for a, b in zip(total, sums)]
    return total


def main():
    status = int(sys.argv[1])
    passed, failed, skipped = (sum(column) for column in zip(*map(count_run, sys.argv[2:])))
    if status and not failed:
        failed = 1
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    sys.exit(1 if failed or not passed else 0)


main()
