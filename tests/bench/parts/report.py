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
# Where it comes from.
MEASURED = ('client', 'daemon', 'dbus', 'meson.build')
# Of the plot: what all of it has, and each of its two pictures. Then follow the points.
HEAD = '''set terminal svg size 1100,1000 font "sans,11" background "white"
set output "{svg}"
set logscale y
set ytics (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50)
set grid y
set key outside right top
set xrange [-0.5:{last}.5]
set lmargin 8
set rmargin 32
set multiplot layout 2,1
'''
PICTURE = '''set title "{title}, in times of virt-bootstrap's (median, least and greatest of all rounds)"
set xtics rotate by -35 ({xtics})
plot 1 with lines lc "black" notitle, \\
{plots}
'''
TITLES = ('Wall time', 'CPU time')


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
    """The last one that changed what is measured."""
    git = ('git', '-C', str(root))
    commit = _output(*git, 'log', '-1', '--format=%h', '--abbrev=12', '--', *MEASURED)
    dirty = _output(*git, 'status', '--porcelain', '--untracked-files=no', '--', *MEASURED)
    return (commit or 'unknown') + (' with changes' if dirty else '')


def _system():
    for line in pathlib.Path('/etc/os-release').read_text().splitlines():
        if line.startswith('PRETTY_NAME='):
            return line.partition('=')[2].strip('"')
    return platform.system()


class Report:
    """@name: of its files. @command: what repeats it."""

    def __init__(self, root, name, command):
        self._name = name
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

    def point(self, scenario, name, ratios):
        """One of the plot's: @ratios are Spreads, of wall and CPU time."""
        self._points.setdefault(name, {})[scenario] = ratios

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        picture = f'\n![Against the others]({self._name}.svg)\n' if self._points else ''
        (folder / f'{self._name}.md').write_text(
            f'{LICENCE}# Results\n{picture}\n' + '\n\n'.join(self._blocks) + '\n')
        if self._points:
            self._plot(folder / f'{self._name}.svg')

    def _picture(self, number, scenarios):
        plots, data = [], []
        for position, (name, points) in enumerate(self._points.items()):
            shift = (position + 1) / (len(self._points) + 1) * 0.8 - 0.4
            plots.append(f'"-" using 1:2:3:4 with yerrorbars pt 7 ps 0.6 title "{name}"')
            data += [f'{scenarios.index(one) + shift} {ratio.median} {ratio.low} {ratio.high}'
                     for one, ratio in ((one, ratios[number]) for one, ratios in points.items())]
            data.append('e')
        return PICTURE.format(
            title=TITLES[number], plots=', \\\n'.join(plots),
            xtics=', '.join(f'"{one}" {at}' for at, one in enumerate(scenarios))) + '\n'.join(data)

    def _plot(self, svg):
        scenarios = list(dict.fromkeys(one for points in self._points.values() for one in points))
        script = [HEAD.format(svg=svg, last=len(scenarios) - 1),
                  *(self._picture(number, scenarios) for number in range(len(TITLES)))]
        subprocess.run(['gnuplot'], input='\n'.join(script) + '\n', text=True, check=True)
        head, end, rest = svg.read_text().partition('?>\n')
        svg.write_text(head + end + LICENCE + rest)
