#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: example.py SOURCE DESTINATION: submits a job and follows it. Ctrl-C cancels it."""
import collections
import os
import sys

from jeepney import DBusAddress, HeaderFields, MatchRule, message_bus, new_method_call
from jeepney.io.blocking import Proxy, open_dbus_connection
from jeepney.wrappers import unwrap_msg

NAME, PATH = 'org.virtbootstrap1', '/org/virtbootstrap1'


def call(path, interface, member, signature=None, *body):
    address = DBusAddress(path, NAME, f'{NAME}.{interface}')
    return unwrap_msg(bus.send_and_get_reply(new_method_call(address, member, signature, body)))


bus = open_dbus_connection('SYSTEM' if os.geteuid() == 0 else 'SESSION')
Proxy(message_bus, bus).AddMatch(MatchRule(type='signal', sender=NAME))
with bus.filter(MatchRule(type='signal', path_namespace=PATH), queue=collections.deque()) as signals:
    # Also an option: 'root-password-fd': ('h', open('secret')).
    name, job = call(PATH, 'Manager', 'Bootstrap', 'ssa{sv}', *sys.argv[1:], {'no-cache': ('b', True)})
    while True:
        try:
            signal = bus.recv_until_filtered(signals)
        except KeyboardInterrupt:
            call(job, 'Job', 'Cancel')
            continue
        member, path = signal.header.fields[HeaderFields.member], signal.header.fields[HeaderFields.path]
        if member == 'ProgressChanged' and path == job:
            print(f'{signal.body[0]} {signal.body[3]:.0%}', flush=True)
        elif member == 'JobFinished' and signal.body[0] == name:
            _, _, result, error, message = signal.body
            print(result, error, message)
            sys.exit(result != 'done')
