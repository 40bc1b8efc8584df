# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon as it is on a system: it runs, or starts when somebody calls, by a socket or by a bus."""

import subprocess

from support.process import is_listening, stop, wait_for

BUS = '''<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
'''
SERVICE = '[D-BUS Service]\nName=org.virtbootstrap1\nExec={daemon} --bus=user\n'


class Activated:
    """Nothing of the daemon runs until the first call to @address. Use as a context; @folder is for its files."""

    def __init__(self, ours, folder, cache, **options):
        folder.mkdir()
        self.folder, self.socket = folder, folder / 'socket'
        self._log = open(folder / 'log', 'wb')
        self.env = ours.environment(folder, cache, **options)
        self.process = subprocess.Popen(self._command(ours), env=self.env, stderr=self._log)
        wait_for(lambda: is_listening(self.socket), f'{self.socket} to take connections')

    @property
    def where(self):
        """The client's option."""
        return f'--address=unix:path={self.socket}'

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        stop(self.process)
        self._log.close()


class BySocket(Activated):
    """systemd-socket-activate becomes the daemon."""

    name, program = 'socket', 'systemd-socket-activate'

    def _command(self, ours):
        return [self.program, '-l', self.socket,
                *(f'-E{key}={value}' for key, value in self.env.items()), ours.daemon]


class ByBus(Activated):
    """dbus-daemon starts it; it ends with its bus."""

    name, program = 'bus', 'dbus-daemon'

    def _command(self, ours):
        (self.folder / 'services').mkdir()
        (self.folder / 'services/org.virtbootstrap1.service').write_text(
            SERVICE.format(daemon=ours.daemon))
        config = self.folder / 'bus.conf'
        config.write_text(BUS.format(socket=self.socket, folder=self.folder))
        return [self.program, f'--config-file={config}', '--nofork', '--nopidfile']
