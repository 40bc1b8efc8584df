# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is told: tables in Markdown, on standard output at once and in a file at the end, and a plot."""

import datetime
import os
import pathlib
import platform
import re
import subprocess

LICENCE = '<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->\n'
# Whose versions are told, as Debian's packages.
PACKAGES = ('skopeo', 'umoci', 'podman', 'curl', 'tar', 'isal', 'libisal2', 'gzip', 'openssl', 'coreutils',
            'docker-registry', 'dbus-daemon', 'guestfish', 'qemu-system-common')
PLOT = '''set terminal svg size 1100,640 font "sans,11" background "white"
set output "{svg}"
set title "Wall time, in times of virt-bootstrap's (median, least and greatest of all rounds)"
set logscale y
set ytics ({ytics})
set grid y
set key outside right top
set xtics rotate by -35 ({xtics})
set xrange [-0.5:{last}.5]
plot 1 with lines lc "black" notitle, \\
{plots}
'''


def _output(*argv):
    """What it prints, also when it fails."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ''


def _processor():
    found = re.search(r'^model name\s*:\s*(.*)$', pathlib.Path('/proc/cpuinfo').read_text(), re.M)
    return found[1] if found else platform.machine()


def _versions():
    text = _output('dpkg-query', '-W', '-f', '${Status}/${Package} ${Version}\n', *PACKAGES)
    return [line.partition('/')[2] for line in text.splitlines() if line.startswith('install ok')]


def _commit(root):
    commit = _output('git', '-C', str(root), 'rev-parse', '--short=12', 'HEAD')
    dirty = _output('git', '-C', str(root), 'status', '--porcelain', '--untracked-files=no')
    return (commit or 'unknown') + (' with changes' if dirty else '')


def _system():
    for line in pathlib.Path('/etc/os-release').read_text().splitlines():
        if line.startswith('PRETTY_NAME='):
            return line.partition('=')[2].strip('"')
    return platform.system()


class Report:
    """@command: what repeats it."""

    def __init__(self, root, command):
        self._blocks, self._points = [], {}
        memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2 ** 30
        facts = (
            ('Date', datetime.date.today().isoformat()), ('Commit', _commit(root)),
            ('Command', f'`{command}`'),
            ('Machine', f'{_processor()}, {os.cpu_count()} CPUs, {memory:.0f} GiB'),
            ('System', f'{_system()}, Linux {platform.release()}'),
            ('Load before', f'{os.getloadavg()[0]:.1f}'),
            ('Versions', ', '.join(_versions())))
        self._block('\n'.join(f'* {name}: {value}' for name, value in facts))

    def _block(self, text):
        print(f'{text}\n', flush=True)
        self._blocks.append(text)

    def text(self, line):
        self._block(line)

    def table(self, title, head, rows):
        """Aligned, for those who read it as it is."""
        columns = [[str(cell) for cell in column] for column in zip(head, *rows)]
        widths = [max(map(len, column)) for column in columns]
        lines = [f'| {" | ".join(cell.ljust(width) for cell, width in zip(row, widths))} |'
                 for row in zip(*columns)]
        lines.insert(1, f'|{"|".join("-" * (width + 2) for width in widths)}|')
        self._block(f'## {title}\n\n' + '\n'.join(lines))

    def point(self, scenario, name, ratio):
        """One of the plot's: @ratio is a Spread."""
        self._points.setdefault(name, {})[scenario] = ratio

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        picture = '\n![Wall time against the others](results.svg)\n' if self._points else ''
        (folder / 'results.md').write_text(
            f'{LICENCE}# Results\n{picture}\n' + '\n\n'.join(self._blocks) + '\n')
        if self._points:
            self._plot(folder / 'results.svg')

    def _plot(self, svg):
        scenarios = list(dict.fromkeys(one for points in self._points.values() for one in points))
        plots, data = [], []
        for number, (name, points) in enumerate(self._points.items()):
            shift = (number + 1) / (len(self._points) + 1) * 0.8 - 0.4
            plots.append(f'"-" using 1:2:3:4 with yerrorbars pt 7 ps 0.6 title "{name}"')
            data += [f'{scenarios.index(one) + shift} {ratio.median} {ratio.low} {ratio.high}'
                     for one, ratio in points.items()] + ['e']
        script = PLOT.format(
            svg=svg, last=len(scenarios) - 1, plots=', \\\n'.join(plots),
            ytics=', '.join(map(str, (0.2, 0.5, 1, 2, 3, 5, 10, 20, 50))),
            xtics=', '.join(f'"{one}" {number}' for number, one in enumerate(scenarios)))
        subprocess.run(['gnuplot'], input=script + '\n'.join(data) + '\n', text=True, check=True)
        text = svg.read_text()
        head, end, rest = text.partition('?>\n')
        svg.write_text(head + end + LICENCE + rest)
