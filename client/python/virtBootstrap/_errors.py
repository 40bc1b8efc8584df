# SPDX-License-Identifier: LGPL-2.1-or-later
"""The one exception of this package, and what becomes one."""

PREFIX = 'org.virtbootstrap1.Error.'
LOST = 'The daemon exited without answering'

# Errors of the message bus itself, and ours.
_BUS = 'org.freedesktop.DBus.Error.'
_KINDS = {
    _BUS + 'AccessDenied': 'AccessDenied',
    _BUS + 'InteractiveAuthorizationRequired': 'AccessDenied',
    _BUS + 'AuthFailed': 'AccessDenied',
    _BUS + 'InvalidArgs': 'InvalidOption',
    _BUS + 'LimitsExceeded': 'LimitExceeded',
}
# How a bus tells that the daemon has gone.
_LOST = {_BUS + name for name in ('NoReply', 'Disconnected', 'ServiceUnknown', 'NameHasNoOwner')}


class BootstrapError(Exception):
    """Why nothing was set up.

    message: one sentence, which is also what str() returns.
    name: the error's D-Bus name: org.virtbootstrap1.Error.NotFound, ….
    """

    def __init__(self, name, message):
        super().__init__(message)
        self.name, self.message = name, message

    def __reduce__(self):
        return type(self), (self.name, self.message)


def error(kind, message):
    return BootstrapError(PREFIX + kind, message)


def error_of_os(what, reason, kind='Failed'):
    """What an OSError of this process becomes."""
    if isinstance(reason, PermissionError):
        kind = 'AccessDenied'
    return error(kind, f'{what}: {reason.strerror or reason}')


def error_of_bus(name, message):
    """What an error in a D-Bus message becomes. The names of a newer daemon are kept."""
    if name.startswith(PREFIX):
        return BootstrapError(name, message or name)
    if name in _LOST:
        return ConnectionResetError(LOST)
    return error(_KINDS.get(name, 'Failed'), message or name)
