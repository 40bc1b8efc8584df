# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a program on a kernel that knows none of some system calls: without.py ERRNO CALL... -- PROGRAM."""

import ctypes
import errno
import os
import sys

ALLOW, ERRNO = 0x7fff0000, 0x00050000


def forget(code, names):
    """From now on, and for all that is started."""
    seccomp = ctypes.CDLL('libseccomp.so.2')
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(ALLOW)))
    for name in names:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        action = ctypes.c_uint32(ERRNO | getattr(errno, code))
        assert seccomp.seccomp_rule_add_array(context, action, number, 0, None) == 0, name
    assert seccomp.seccomp_load(context) == 0


def prefix(code, *names):
    """To put before a command."""
    return [sys.executable, __file__, code, *names, '--']


if __name__ == '__main__':
    end = sys.argv.index('--')
    forget(sys.argv[1], sys.argv[2:end])
    os.execvp(sys.argv[end + 1], sys.argv[end + 1:])
