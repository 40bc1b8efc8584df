# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pager: which program it is, when there is one, and what happens when the user leaves it."""

import json
import re

import pytest

from support import faulty, programs, samples
from support.terminal import Screen

SHOW = 'echo "BEGIN $*|$LESS|$LESSSECURE"; cat; echo END\n'


@pytest.fixture
def make(tmp_path):
    """Makes a program of a name; returns its path."""
    def write(name, script):
        path = tmp_path / 'bin' / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\n{script}')
        path.chmod(0o755)
        return path
    return write


@pytest.fixture
def shown(client, make):
    """What --help, or @args, shows on a terminal; @pagers: the environment's."""
    def show(*args, expect=0, who=client, **pagers):
        env = {**who.env, 'PATH': f'{make("unused", "").parent}:{who.env["PATH"]}', **pagers}
        return Screen(who.argv(*(args or ['--help'])), env).finish(expect)
    return show


@pytest.fixture
def many(client, faulty_registry):
    """A command that prints more than a pipe has room for."""
    names = [f'tag-{i:06}' for i in range(20000)]
    faulty_registry.fault('/tags/', faulty.status(200, json.dumps({'name': 'many', 'tags': names}).encode()))
    return ['list-tags', '--not-secure', faulty_registry.reference('many')]


def test_pager_gets_what_is_printed(client, shown, make):
    text = shown(SYSTEMD_PAGER=str(make('mine', SHOW)), SYSTEMD_PAGERSECURE='0')
    assert text == f'BEGIN |FRSXMK|\n{client.run("--help").out}END\n'


def test_secure_pager_knows_it(shown, make):
    text = shown(SYSTEMD_PAGER=str(make('mine', SHOW)), SYSTEMD_PAGERSECURE='1', SYSTEMD_LESS='X')
    assert text.startswith('BEGIN |X|1\n')


def test_systemd_s_variable_counts_more_and_may_have_arguments(shown, make):
    mine, other = make('mine', SHOW), make('other', 'echo OTHER; cat\n')
    both = {'PAGER': str(other), 'SYSTEMD_PAGERSECURE': 'no'}
    assert shown(**both).startswith('OTHER\n')
    assert shown(**both, SYSTEMD_PAGER=f'{mine} -a $(b)').startswith('BEGIN -a $(b)|')


def test_pager_of_the_system_is_found(shown, make):
    make('less', 'echo LESS; cat\n')
    assert shown(SYSTEMD_PAGERSECURE='1').startswith('LESS\n')
    make('pager', 'echo PAGER; cat\n')
    assert shown(SYSTEMD_PAGERSECURE='0').startswith('PAGER\n')
    assert shown(SYSTEMD_PAGERSECURE='1').startswith('LESS\n')


@pytest.mark.parametrize('pagers', [{'SYSTEMD_PAGER': ''}, {'SYSTEMD_PAGER': 'cat'}, {'PAGER': 'cat'}])
def test_nothing_is_a_pager_too(client, shown, make, pagers):
    for name in ('pager', 'less', 'more', 'cat'):
        make(name, 'echo WRONG\n')
    assert shown(**pagers) == client.run('--help').out


def test_no_pager_where_it_would_harm(client, make):
    pager = {'SYSTEMD_PAGER': str(make('mine', SHOW)), 'SYSTEMD_PAGERSECURE': '0'}
    assert 'BEGIN' not in client.run('--help', env=pager).out
    env = {**client.env, **pager}
    assert 'BEGIN' not in Screen(client.argv('--no-pager', '--help'), env).finish()
    assert 'BEGIN' not in Screen(['env', 'TERM=dumb', *client.argv('--help')], env).finish()


def test_commands_with_long_output_use_it(daemon_on, env, faulty_registry, shown, make, dest):
    faulty_registry.add('image', samples.small())
    faulty_registry.fault('/tags/', faulty.status(200, b'{"name":"image","tags":["a"]}'))
    remote = programs.Client(env, daemon_on('peer').address)
    source = faulty_registry.reference('image')
    job = remote.bootstrap(source, dest, '--json').events[0]['id']
    pager = {'SYSTEMD_PAGER': str(make('mine', SHOW)), 'SYSTEMD_PAGERSECURE': '0', 'who': remote}
    for command in (['list'], ['show', job], ['cache', 'list'], ['cache', 'blobs'], ['inspect', '--not-secure', source],
                    ['inspect', '--config', '--not-secure', source], ['verify', '--not-secure', source],
                    ['list-tags', '--not-secure', source]):
        text = shown(*command, **pager)
        assert text.startswith('BEGIN ') and text.endswith('END\n') and text.count('\n') > 2, text
        assert 'BEGIN' not in shown(*command, '--json', **pager)
    assert 'BEGIN' not in shown('inspect', '--raw', '--not-secure', source, **pager)
    assert 'BEGIN' not in shown('cancel', job, **pager)


def test_user_may_leave_before_everything_is_written(shown, make, many):
    text = shown(*many, SYSTEMD_PAGER=f'{make("mine", "head -n 2; echo LEFT")}', SYSTEMD_PAGERSECURE='0')
    assert text == 'tag-000000\ntag-000001\nLEFT\n'


def test_everything_arrives(shown, make, many):
    lines = shown(*many, SYSTEMD_PAGER=str(make('mine', 'cat\n')), SYSTEMD_PAGERSECURE='0').splitlines()
    assert len(lines) == 20000 and lines[-1] == 'tag-019999'


def test_shell_waits_until_the_user_has_left_even_after_ctrl_c(client, make):
    mine = make('mine', 'trap "echo NO" INT; cat >/dev/null; echo READY; read line </dev/tty; '
                        'read line </dev/tty; echo "GOT $line"\n')
    screen = Screen(client.argv('--help'), {**client.env, 'SYSTEMD_PAGER': str(mine), 'SYSTEMD_PAGERSECURE': '0'})
    screen.read_until(b'READY')
    screen.type(b'\x03')
    screen.read_until(b'NO')
    assert screen.process.poll() is None
    screen.type(b'word\n')
    screen.read_until(b'word')
    screen.type(b'other\n')
    assert 'GOT' in screen.finish()


def test_failures_are_told_without_a_pager(daemon_on, env, shown, make):
    remote = programs.Client(env, daemon_on('peer').address)
    text = shown('show', 'nosuch', expect=1, who=remote, SYSTEMD_PAGER=str(make('mine', SHOW)),
                 SYSTEMD_PAGERSECURE='0')
    assert text == 'virt-bootstrap: Job "nosuch" does not exist\n'


def test_pager_that_cannot_be_started_is_replaced(client, shown, make):
    make('pager', 'echo PAGER; cat\n')
    assert shown(SYSTEMD_PAGER='/no/such/pager', SYSTEMD_PAGERSECURE='0').startswith('PAGER\n')
    # Without any, the text is printed all the same.
    env = {**client.env, 'PATH': '/nonexistent', 'SYSTEMD_PAGERSECURE': '0'}
    screen = Screen(client.argv('--help'), client.env | env)
    assert screen.finish() == client.run('--help').out


def test_real_less_ends_at_once_if_everything_fits(client, faulty_registry):
    faulty_registry.fault('/tags/', faulty.status(200, b'{"name":"few","tags":["a","b"]}'))
    source = faulty_registry.reference('few')
    screen = Screen(client.argv('list-tags', '--not-secure', source), {**client.env, 'SYSTEMD_PAGERSECURE': '1'})
    assert re.search(r'\ra\b.*\nb\b', screen.finish())
