# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program on a terminal of a certain size, which pyte emulates: what its user would see."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pyte

from .process import DEADLINE, stop, wait_for


class Screen:
    def __init__(self, argv, env, columns=80, rows=24):
        self.ours, theirs = pty.openpty()
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.seen = b''
        self.is_at_end = False
        self._on_change = []
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(theirs)
        self.process = subprocess.Popen(
            ['setsid', '--ctty', *argv], stdin=theirs, stdout=theirs, stderr=theirs, env=env)
        os.close(theirs)
        os.set_blocking(self.ours, False)

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def at_each_change(self, check):
        """Calls @check(lines) for all that the terminal shows from now on."""
        self._on_change.append(check)

    def pump(self):
        """Shows what has been written; returns the lines, without the empty ones below."""
        while not self.is_at_end:
            try:
                piece = os.read(self.ours, 65536)
            except BlockingIOError:
                break
            except OSError:  # the end of a terminal
                piece = b''
            self.is_at_end = not piece
            self.seen += piece
            self._stream.feed(piece)
            for check in self._on_change if piece else []:
                check(self.lines())
        return self.lines()

    def lines(self):
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def wait_for(self, pattern):
        """Waits until a line matches @pattern, and returns the match."""
        def find():
            return next(filter(None, (re.search(pattern, line) for line in self.pump())), None)
        try:
            return wait_for(find, f'{pattern} on the screen')
        except AssertionError as error:
            raise AssertionError(f'{error}:\n{self}') from None

    def type(self, text):
        os.write(self.ours, text)

    def finish(self, expect=0):
        """Waits for the end of the program and of what it wrote; returns the lines."""
        wait_for(lambda: self.pump() is not None and self.is_at_end, 'the end of the program')
        assert self.process.wait(DEADLINE) == expect, str(self)
        return self.lines()

    def taskbar(self):
        """The states and percentages that the terminal was told."""
        return [(int(state), int(percent)) for state, percent in
                re.findall(rb'\x1b\]9;4;(\d);(\d+)\x1b\\', self.seen)]

    def close(self):
        stop(self.process)
        os.close(self.ours)

    def __str__(self):
        return '\n'.join(self.screen.display)
