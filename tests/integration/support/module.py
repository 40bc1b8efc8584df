# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Python module, in a process of its own: module_program.py."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys

from .process import DEADLINE
from .programs import BUILD

PACKAGE = BUILD / 'client/python/virtBootstrap'
PROGRAM = pathlib.Path(__file__).with_name('module_program.py')


class Result:
    """What bootstrap() did."""

    def __init__(self, lines, err):
        self.err = err
        self.progress = [one['progress'] for one in lines if 'progress' in one]
        self.log = [one['log'] for one in lines if 'log' in one]
        self.end = next((one['end'] for one in lines if 'end' in one), None)

    @property
    def messages(self):
        return [message for _, message in self.log]

    @property
    def error(self):
        """The type of the exception, or the last component of its D-Bus name."""
        return (self.end['name'] or self.end['type'] or '').rpartition('.')[2]

    def __str__(self):
        return f'{self.end}\n{self.log}\n{self.err}'


class Module:
    """@folder: where a copy is put, which any user may read."""

    def __init__(self, env, folder, prefix=()):
        folder.mkdir(exist_ok=True)
        shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns('__pycache__', 'meson.build'))
        shutil.copy(PROGRAM, folder)
        self.env = {**env, 'PYTHONPATH': str(folder), 'PYTHONDONTWRITEBYTECODE': '1'}
        self.argv = [*prefix, sys.executable, '-X', 'dev', '-W', 'error', str(folder / PROGRAM.name)]

    def start(self, uri, dest, env=None, cwd=None, how=(), **arguments):
        """@how: {'raise_at': status, 'threads': number, 'level': of the logger, 'virt_manager': folder}"""
        process = subprocess.Popen(self.argv, env={**self.env, **(env or {})}, cwd=cwd, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        arguments.setdefault('not_secure', True)
        spec = {**dict(how), 'arguments': {'uri': str(uri), 'dest': str(dest), **arguments}}
        process.stdin.write(json.dumps(spec) + '\n')
        process.stdin.flush()
        return process

    def finish(self, process):
        try:
            out, err = process.communicate(timeout=2 * DEADLINE)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f'the module does not return\n{out}\n{err}') from None
        result = Result(list(map(json.loads, out.splitlines())), err)
        assert process.returncode == 0 and result.end, f'{process.returncode}: {out}\n{err}'
        return result

    def run(self, uri, dest, **kw):
        return self.finish(self.start(uri, dest, **kw))

    def bootstrap(self, uri, dest, **kw):
        result = self.run(uri, dest, **kw)
        assert not result.error, str(result)
        return result

    def fail(self, uri, dest, kind, **kw):
        """Returns the sentence."""
        result = self.run(uri, dest, **kw)
        assert result.error == kind, str(result)
        return result.end['message']
