# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: virt_manager_program.py FOLDER: calls what virt-manager's create dialog calls for a container, as JSON on
standard input says, and prints what the user would see.

FOLDER has virt-manager's Python files. Of these, createvm.py is the real one; GTK, libvirt and the rest are stubs.
"""

import builtins
import importlib.abc
import importlib.machinery
import json
import sys
import threading
import types
from unittest import mock

REAL = ('virtManager', 'virtManager.createvm')


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """A stub for each module that createvm.py imports and that needs more than Python."""

    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('gi', 'virtinst', 'virtManager') and name not in REAL:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        # The dialog's class has a base class.
        return mock.MagicMock(name=spec.name, __path__=[], vmmGObjectUI=object)

    def exec_module(self, module):
        pass


class AsyncJob:
    """The progress window."""

    def __init__(self):
        self.details, self.error, self.statuses = [], None, []

    def details_enable(self):
        pass

    def details_update(self, text):
        self.details.append(text)

    def set_error(self, error, details):
        self.error = [error, details]

    def start(self, text, size):
        """Of its meter."""
        assert size is None
        self.statuses.append(text)


def main():
    sys.meta_path.insert(0, Stubs())
    sys.path.insert(0, sys.argv[1])
    builtins._ = str
    from virtManager import createvm

    job, idle = AsyncJob(), []
    config = types.SimpleNamespace(CLITestOptions=types.SimpleNamespace(fake_virtbootstrap=False))
    dialog = createvm.vmmCreateVM.__new__(createvm.vmmCreateVM)
    dialog.conn = types.SimpleNamespace(config=config)
    dialog.widget = mock.MagicMock()
    dialog.idle_add = idle.append
    is_offered = createvm.is_virt_bootstrap_installed(dialog.conn)
    thread = threading.Thread(target=dialog._create_directory_tree, args=(job, job, json.loads(sys.stdin.readline())))
    thread.start()
    thread.join()
    print(json.dumps({'is_offered': is_offered, 'details': job.details, 'statuses': job.statuses, 'error': job.error,
                      'has_succeeded': bool(idle)}))


main()
