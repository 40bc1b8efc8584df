# SPDX-License-Identifier: LGPL-2.1-or-later
"""What somebody else gets of a process's files and memory."""

import contextlib
import errno
import itertools
import json
import os

from .process import command_line

NOBODY = 65534


def as_user(uid, function):
    """What @function() returns when somebody else calls it."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(write_fd, json.dumps(function()).encode())
        os._exit(0)
    os.close(write_fd)
    with open(read_fd, 'rb') as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def attempt(path, flags):
    """The name of the error; None when it could be opened."""
    try:
        os.close(os.open(path, flags | os.O_NONBLOCK))
        return None
    except OSError as error:
        return errno.errorcode[error.errno]


def open_as(uid, path, flags):
    return as_user(uid, lambda: attempt(path, flags))


def status(pid):
    with open(f'/proc/{pid}/status', encoding='utf-8') as f:
        return {key: value.split() for key, value in (line.split(':', 1) for line in f)}


def uid_of(pid):
    uids, gids = set(status(pid)['Uid']), set(status(pid)['Gid'])
    assert len(uids) == 1 and uids == gids
    return int(*uids)


def step_of(pid):
    """The worker's step, or the program's name; empty when it has ended, or just begun."""
    argv = command_line(pid)
    return os.path.basename(argv[0]).decode().removeprefix('virt-bootstrap-') if argv else ''


def doors(pid):
    """What leads to the files and the memory of a process."""
    descriptors = [int(one) for one in os.listdir(f'/proc/{pid}/fd')]
    assert descriptors
    return [*(f'/proc/{pid}/fd/{one}' for one in descriptors), f'/proc/{pid}/mem']


def assert_closed(pid, uids):
    ways = list(itertools.product(doors(pid), (os.O_RDWR, os.O_RDONLY)))
    for uid in uids:
        results = as_user(uid, lambda: [attempt(*way) for way in ways])
        assert len(results) == len(ways) >= 2
        assert not [(step_of(pid), uid, path, os.readlink(path) if '/fd/' in path else 'memory',
                     flags, result)
                    for (path, flags), result in zip(ways, results) if result != 'EACCES']
