# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secrets in the memory of a job's processes, which are stopped and looked through: who has one, and when it is gone."""

import base64
import json
import os
import pathlib
import re
import shutil
import signal

import pytest

from conftest import USER
from support import faulty, programs, samples
from support.memory import Memory, memories_of, names_of, who_has
from support.process import wait_for
from support.terminal import Terminal

pytestmark = pytest.mark.root

# What is looked for is their end: the beginning of what is given back is soon written over.
REGISTRYS, ROOTS = f'{"x" * 3000} sesame of the registry', f'{"x" * 400} sesame of the tree'
REGISTRYS_END, ROOTS_END = REGISTRYS.encode()[-16:], ROOTS.encode()[-16:]


@pytest.fixture
def held(faulty_registry):
    """A registry's image; a layer of it does not come before the event."""
    one = samples.everything()
    faulty_registry.add('image', one)
    digest = one.layers[0].digest

    def hold(*faults):
        for fault in faults:
            faulty_registry.fault('', fault)
        return digest, faulty_registry.gate(digest, 0)
    return hold


def is_at_work(process, registry, digest):
    """The layer was asked for, and whoever is to read it is there."""
    workers = {f'virt-bootstrap-{step}' for step in ('fetch', 'verify', 'unpack')}
    return digest in registry.blob_requests() and workers <= set(names_of(process).values())


@pytest.fixture
def start(client, tmp_path):
    """Starts a bootstrap with both passwords, given in a file, as an argument, or at the terminal."""
    terminals = []

    def by_options(way, reference, dest):
        options = []
        for option, secret in (('--password', REGISTRYS), ('--root-password', ROOTS)):
            (tmp_path / option).write_text(secret + '\n')
            options.append(f'{option}=file:{tmp_path / option}' if way == 'file' else f'{option}={secret}')
        return client.start('--not-secure', '-u', USER, *options, reference, dest)

    def at_terminal(reference, dest):
        (tmp_path / 'root').write_text(ROOTS + '\n')
        terminal = Terminal(client.argv('--not-secure', '-q', '-u', USER,
                                        f'--root-password=file:{tmp_path / "root"}', reference, dest),
                            client.env)
        terminals.append(terminal)
        terminal.read_until(f'Password for {USER}: '.encode())
        wait_for(lambda: not terminal.echoes(), 'the echo to go')
        terminal.type(REGISTRYS.encode() + b'\n')
        return terminal.process

    yield lambda way, *args: at_terminal(*args) if way == 'terminal' else by_options(way, *args)
    for terminal in terminals:
        programs.stop(terminal.process)
        terminal.close()


@pytest.mark.parametrize('way', ['file', 'argument', 'terminal'])
def test_passwords_are_with_those_who_need_them(held, start, client, faulty_registry, dest, way):
    """When the registry is asked for a layer the client has handed both over. The daemon never reads them, and the
    unpack worker has not done so yet. The fetch worker needs the registry's until it ends."""
    digest, gate = held(faulty.basic(USER, REGISTRYS))
    process = start(way, faulty_registry.reference('image'), dest)
    wait_for(lambda: is_at_work(process, faulty_registry, digest), 'the transfer')
    memories = memories_of(process)
    gate.set()
    client.finish(process)
    assert {'virt-bootstrap', 'virt-bootstrapd', 'virt-bootstrap-unpack'} <= {name for name, _ in memories}
    assert who_has(memories, REGISTRYS_END) == {'virt-bootstrap-fetch'}
    assert not who_has(memories, ROOTS_END)


def test_credentials_of_a_file_are_with_the_fetch_worker_alone(held, client, env, faulty_registry, dest):
    """The client has read them and handed them over, the daemon never reads them; neither in base64."""
    encoded = base64.b64encode(f'{USER}:{REGISTRYS}'.encode())
    path = pathlib.Path(env['HOME']) / '.docker/config.json'
    path.parent.mkdir()
    path.write_text(json.dumps({'auths': {faulty_registry.host: {'auth': encoded.decode()}}}))
    digest, gate = held(faulty.basic(USER, REGISTRYS))
    process = client.start('--not-secure', faulty_registry.reference('image'), dest)
    wait_for(lambda: is_at_work(process, faulty_registry, digest), 'the transfer')
    memories = memories_of(process)
    gate.set()
    client.finish(process)
    assert {'virt-bootstrap', 'virt-bootstrapd', 'virt-bootstrap-unpack'} <= {name for name, _ in memories}
    assert who_has(memories, REGISTRYS_END) == {'virt-bootstrap-fetch'}
    assert not who_has(memories, encoded[-16:])


def test_identity_token_of_a_file_is_with_the_fetch_worker_alone(held, client, env, faulty_registry, dest):
    path = pathlib.Path(env['HOME']) / '.docker/config.json'
    path.parent.mkdir()
    path.write_text(json.dumps({'auths': {faulty_registry.host: {'identitytoken': REGISTRYS}}}))
    digest, gate = held(
        faulty.answer_to('/token', json.dumps({'token': 't', 'expires_in': 300}).encode()),
        faulty.bearer(f'{faulty_registry.url}/token', 'test'))
    process = client.start('--not-secure', faulty_registry.reference('image'), dest)
    wait_for(lambda: is_at_work(process, faulty_registry, digest), 'the transfer')
    memories = memories_of(process)
    gate.set()
    client.finish(process)
    assert len(faulty_registry.bodies) == 1
    assert who_has(memories, REGISTRYS_END) == {'virt-bootstrap-fetch'}
    assert sum(memory.count(REGISTRYS_END) for _, memory in memories) == 1


def test_what_a_token_took_is_gone_when_it_is_used(held, client, faulty_registry, dest):
    """When the registry is asked for a layer, the fetch worker has the token, and the password for the next one. Of the
    document that the token came in, which had to move as it grew, there is nothing left; nor of what libcurl and jansson
    have made of all that.

    This server speaks no TLS. Of one that does, OpenSSL keeps the last record that it has decrypted as long as the
    connection is open, which is not ours to clear: there, the end of a token's document would be found once."""
    token = f'sesame-{"x" * 5000}-token'
    digest, gate = held(
        faulty.answer_to('/token', json.dumps({'token': token, 'expires_in': 300}).encode()),
        faulty.bearer(f'{faulty_registry.url}/token', 'test'))
    process = client.start('--not-secure', '-u', USER, '-p', REGISTRYS, faulty_registry.reference('image'), dest)
    wait_for(lambda: is_at_work(process, faulty_registry, digest), 'the transfer')
    memories = memories_of(process)
    gate.set()
    client.finish(process)
    assert faulty_registry.count('/token') == 1
    assert who_has(memories, token.encode()) == {'virt-bootstrap-fetch'}
    assert not who_has(memories, b'"token": "sesame-')
    assert not who_has(memories, b'-token", "expires_in"')
    assert sum(memory.count(REGISTRYS_END) for _, memory in memories) == 1
    assert not who_has(memories, base64.b64encode(f'{USER}:{REGISTRYS}'.encode()))


@pytest.mark.skipif(not shutil.which('strace'), reason='strace is not installed')
def test_password_of_root_is_gone_when_the_tree_is_written_to_the_disk(
        env, faulty_registry, dest, tmp_path):
    """The unpack worker sets it last, before syncfs(2). Nor is its hash anywhere, which is in the tree then."""
    faulty_registry.add('image', samples.everything())
    log = tmp_path / 'calls'
    client = programs.Client(env, prefix=['strace', '-f', '-o', str(log), '-e', 'trace=syncfs',
                                          '-e', 'inject=syncfs:signal=SIGSTOP'])
    process = client.start('--not-secure', f'--root-password={ROOTS}', faulty_registry.reference('image'), dest)
    stop = wait_for(lambda: log.exists() and re.search(r'^(\d+) .*stopped by SIGSTOP', log.read_text(), re.MULTILINE),
                    'the worker to stop')
    pid = int(stop[1])
    name, memory = names_of(process)[pid], Memory(pid)
    os.kill(pid, signal.SIGCONT)
    client.finish(process)
    assert name == 'virt-bootstrap-unpack'
    assert memory.count(b'etc/shadow')
    hashed = re.search(rb'^root:([^:]+):', (dest / 'etc/shadow').read_bytes(), re.MULTILINE)[1]
    assert hashed.startswith(b'$')
    assert memory.count(ROOTS_END) == 0
    assert memory.count(hashed) == 0
