# SPDX-License-Identifier: LGPL-2.1-or-later
"""A terminal on which a program asks for a password."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios


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
    """The lines that @argv prints on a terminal of @columns, and its status."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=theirs, env=env)
    os.close(theirs)
    seen = b''
    with contextlib.suppress(OSError):  # the end of a terminal
        while piece := os.read(ours, 4096):
            seen += piece
    os.close(ours)
    return seen.decode().replace('\r\n', '\n').splitlines(), process.wait()
