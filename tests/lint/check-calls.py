#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-calls.py LIBRARY...: within a library, files call each other one way only.

Reads which object of a static library defines a symbol and which needs it, and fails on each circle.
"""

import collections
import pathlib
import re
import subprocess
import sys


def symbols(library):
    """Two mappings from an object's name: to the symbols that it defines, and that it needs."""
    defined, needed = collections.defaultdict(set), collections.defaultdict(set)
    listing = subprocess.run(['nm', '-A', library], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        found = re.match(r'.*[:/]([\w-]+)\.c\.o: *\w* ([A-Za-z]) (\S+)', line)
        if found and found[2] in 'TDRB':
            defined[found[1]].add(found[3])
        elif found and found[2] == 'U':
            needed[found[1]].add(found[3])
    return defined, needed


def calls(library):
    """From each object to the ones that it needs something of."""
    defined, needed = symbols(library)
    home = {symbol: name for name, names in defined.items() for symbol in names}
    return {name: {home[symbol] for symbol in needed[name] & home.keys()} - {name}
            for name in sorted({*defined, *needed})}


def circles(graph):
    """Yields each strongly connected component of more than one."""
    order, low, stack, result = {}, {}, [], []

    def visit(name):
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == order[name]:
            circle = [stack.pop()]
            while circle[-1] != name:
                circle.append(stack.pop())
            if len(circle) > 1:
                result.append(sorted(circle))

    for name in graph:
        if name not in order:
            visit(name)
    return result


def main():
    problems, count = [], 0
    for library in sys.argv[1:]:
        graph = calls(library)
        count += len(graph)
        for circle in circles(graph):
            arrows = '; '.join(f'{name} → {", ".join(sorted(graph[name] & set(circle)))}' for name in circle)
            problems.append(f'{pathlib.Path(library).stem}: a circle of {len(circle)}: {arrows}')
    print('\n'.join(problems) or f'{count} files')
    sys.exit(1 if problems or not count else 0)


main()
