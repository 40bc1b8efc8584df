# SPDX-License-Identifier: LGPL-2.1-or-later
"""Terminals: one on which a program asks for a password, and one that is all that a program has."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

from .process import DEADLINE


class Terminal:
    def __init__(self, argv, env):
        self.ours, theirs = pty.openpty()
        self.theirs, self.seen = theirs, b''
        assert self.echoes()
        self.process = subprocess.Popen(
            ['setsid', '--ctty', *argv], stdin=theirs, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=env, text=True)

    def echoes(self):
        return bool(termios.tcgetattr(self.theirs)[3] & termios.ECHO)

    def read_until(self, end):
        while not self.seen.endswith(end):
            self.seen += os.read(self.ours, 4096)

    def type(self, text):
        os.write(self.ours, text)

    def close(self):
        os.close(self.ours)
        os.close(self.theirs)


def print_on_terminal(argv, env, columns):
    """The lines that @argv prints on a terminal of @columns, without a pager, and its status."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=theirs, env={**env, 'SYSTEMD_PAGER': ''})
    os.close(theirs)
    seen = b''
    with contextlib.suppress(OSError):  # the end of a terminal
        while piece := os.read(ours, 4096):
            seen += piece
    os.close(ours)
    return seen.decode().replace('\r\n', '\n').splitlines(), process.wait()


class Screen:
    """A terminal of one's own for a program, which has nothing else: what it shows, and how it ends."""

    def __init__(self, argv, env, columns=80):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        self.process = subprocess.Popen(['/usr/bin/setsid', '--ctty', *argv], stdin=theirs, stdout=theirs, stderr=theirs,
                                        env={**env, 'TERM': 'xterm'})
        os.close(theirs)
        self._seen = b''

    def _read(self):
        assert select.select([self.ours], [], [], DEADLINE)[0], f'nothing more is shown: {self._seen}'
        try:
            piece = os.read(self.ours, 65536)
        except OSError:  # how the end of a terminal looks
            piece = b''
        self._seen += piece
        return piece

    def read_until(self, text):
        while text not in self._seen:
            assert self._read(), f'{text} is not shown: {self._seen}'

    def type(self, text):
        os.write(self.ours, text)

    def finish(self, expect=0):
        """All that was shown."""
        while self._read():
            pass
        status = self.process.wait(DEADLINE)
        os.close(self.ours)
        text = self._seen.decode().replace('\r\n', '\n')
        assert status == expect, f'status {status}: {text}'
        return text
