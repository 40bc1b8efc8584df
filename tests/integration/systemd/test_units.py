# SPDX-License-Identifier: LGPL-2.1-or-later
"""The units as they are installed."""

from support.machine import UNIT


def test_verifier_has_nothing_to_say(machine):
    result = machine.run('systemd-analyze', 'verify', '--recursive-errors=no', UNIT,
                         'virt-bootstrapd.socket')
    assert result.out + result.err == ''


def test_verifier_has_nothing_to_say_of_a_users_unit(machine, someone):
    result = machine.run('systemd-analyze', '--user', 'verify', '--recursive-errors=no', UNIT,
                         user=someone)
    assert result.out + result.err == ''


def test_socket_can_be_enabled_and_listens_after_boot(machine):
    assert machine.run('systemctl', 'is-enabled', 'virt-bootstrapd.socket').out.strip() == 'enabled'
    assert machine.run('systemctl', 'is-active', 'virt-bootstrapd.socket').out.strip() == 'active'


def test_bus_knows_the_service_before_it_runs(machine, service):
    names = machine.run('busctl', 'list', '--activatable').out
    assert 'org.virtbootstrap1 ' in names
    assert service.state == 'inactive'
