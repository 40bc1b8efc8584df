# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sets up root file systems from container images, with the function that virt-bootstrap 1 had.

    import virtBootstrap
    virtBootstrap.bootstrap('docker://docker.io/library/debian:12', '/srv/debian')

The work is done by virt-bootstrapd, which is started on demand: for root on the system bus, for others on the
session bus. Without it there, the function runs a daemon of its own.
"""

import logging

from . import _daemon, _job
from ._errors import BootstrapError
from ._install import VERSION as __version__
from ._request import Request

__all__ = ['BootstrapError', 'bootstrap']


def bootstrap(uri, dest, fmt='dir', username=None, password=None, root_password=None, uid_map=None, gid_map=None,
              not_secure=False, no_cache=False, progress_cb=None):
    """Fills the directory dest with the root file system that uri refers to; returns once that is complete.

    uri: docker://…, file:///…, a path, or another source that virt-bootstrap(1) knows.
    dest: made if it is missing, with the directories above it. What is in it already is kept, unless the image has
        something of the same name.
    fmt: 'dir', or 'qcow2' for a chain of disk images in dest.
    username, password: for the registry; the default is what the user has logged in with.
    root_password: root's new password, or file:PATH for the first line of a file.
    uid_map, gid_map: owners, as [[start, target, count], …].
    not_secure: allow plain HTTP and certificates that cannot be verified.
    no_cache: keep nothing in the cache.
    progress_cb: called by this thread with {'status': str, 'value': 0…100}; the value never decreases. If it raises,
        the job is cancelled, and the exception goes on.

    May be called by any thread, also by several at a time. Messages go to the logger 'virtBootstrap'. Raises
    BootstrapError if the root file system was not set up: dest is then as it was before.
    """
    with Request(uri, dest, fmt=fmt, username=username, password=password, root_password=root_password,
                 uid_map=uid_map, gid_map=gid_map, not_secure=not_secure, no_cache=no_cache) as request:
        with _daemon.open_daemon() as daemon:
            _job.run(daemon, request, progress_cb)
        logging.getLogger('virtBootstrap').info('Files are stored in: %s', request.destination)
