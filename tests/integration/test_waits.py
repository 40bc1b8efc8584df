# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waits before another try, which the registry asks for or not: the user sees them."""

import contextlib
import email.utils
import json
import os
import pty
import re
import subprocess
import time

import pytest

from support import faulty, samples, tree


@pytest.fixture
def one(faulty_registry):
    """An image of one layer, offered as `image`."""
    image = samples.large(8, size=4096)
    faulty_registry.add('image', image)
    return image


def complete(dest):
    return len(tree.names(dest)) == 9


def waits(result):
    return [one['text'] for one in result.of('message') if ': waiting ' in one['text']]


JSON = {'errors': [{'code': 'TOOMANYREQUESTS', 'message': 'slow down'}]}
BODIES = {'json': (json.dumps(JSON).encode(), 'application/json'),
          'html': (b'<html><h1>Slow down</h1></html>', 'text/html'), 'none': (b'', 'text/plain')}


@pytest.mark.parametrize('body', BODIES)
@pytest.mark.parametrize('code', [429, 503])
@pytest.mark.parametrize('part', ['/manifests/', '/blobs/', '/token'])
def test_wait_that_the_registry_asks_for_is_shown(
        faulty_registry, client, dest, one, part, code, body):
    content, kind = BODIES[body]
    faulty_registry.fault('/v2/image/', faulty.bearer(faulty_registry.url + '/token', 'test'))
    faulty_registry.fault(part, faulty.status(code, content, Content_Type=kind, Retry_After='1'),
                          times=1)
    faulty_registry.fault('/token', faulty.answer_to('/token', b'{"token": "t"}'))
    result = client.bootstrap(faulty_registry.reference('image'), dest, '--json')
    assert waits(result) == [
        f'{faulty_registry.host}: waiting 1 s, the registry asks for it']
    assert complete(dest)


def test_wait_of_many_blobs_is_shown_once(faulty_registry, client, dest):
    image = samples.large(2, layers=4)
    faulty_registry.add('image', image)
    for layer in image.layers:
        faulty_registry.fault(layer.digest, faulty.status(429, Retry_After='3'), times=1)
    result = client.bootstrap(faulty_registry.reference('image'), dest, '--json')
    assert waits(result) == [f'{faulty_registry.host}: waiting 3 s, the registry asks for it']


def test_wait_of_our_own_is_shown_as_such(faulty_registry, client, dest, one):
    faulty_registry.fault('/manifests/', faulty.status(500), times=3)
    result = client.bootstrap(faulty_registry.reference('image'), dest, '--json')
    assert waits(result)
    for text in waits(result):
        assert re.fullmatch(f'{faulty_registry.host}: waiting [12] s before another try', text)


def test_wait_is_shown_in_plain_lines(faulty_registry, client, dest, one):
    faulty_registry.fault('/manifests/', faulty.status(429, Retry_After='1'), times=1)
    result = client.bootstrap(faulty_registry.reference('image'), dest)
    assert f'{faulty_registry.host}: waiting 1 s, the registry asks for it\n' in result.err


def test_wait_is_shown_on_a_terminal_with_the_bar_below(faulty_registry, client, dest, one):
    faulty_registry.fault('/blobs/', faulty.status(429, Retry_After='1'), times=1)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        client.argv('--not-secure', faulty_registry.reference('image'), dest), stderr=theirs,
        stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        env={**client.env, 'TERM': 'xterm', 'NO_COLOR': '1'})
    os.close(theirs)
    seen = b''
    with contextlib.suppress(OSError):  # the end of a terminal
        while piece := os.read(ours, 4096):
            seen += piece
    os.close(ours)
    assert process.wait() == 0
    wait = f'{faulty_registry.host}: waiting 1 s, the registry asks for it\r\n'.encode()
    assert wait in seen
    assert b'%' in seen.split(wait)[1]


def test_wait_is_neither_a_stall_nor_too_slow(
        faulty_registry, client, dest, one, env, tmp_path):
    config = tmp_path / 'virt-bootstrapd.conf'
    config.write_text('[Daemon]\nStallTimeoutSec=4\n'
                      '[Limits]\nMinimumSpeed=1K\nMinimumSpeedSec=4\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(config)
    layer = one.layers[0].digest
    faulty_registry.fault(layer, faulty.status(503, Retry_After='7'), times=1)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)


@pytest.mark.parametrize('code, name', [(429, 'TooManyRequests'), (503, 'RegistryError')])
def test_registry_that_asks_for_too_much_time_is_not_waited_for(
        faulty_registry, client, dest, one, code, name):
    faulty_registry.fault('/manifests/', faulty.status(code, Retry_After='3600'))
    result = client.fail(faulty_registry.reference('image'), dest)
    assert result.error == name
    assert 'asks to wait 3600 s' in result.sentence
    assert faulty_registry.count('/manifests/') == 1
    assert not dest.exists()


def test_date_in_retry_after_is_of_the_servers_clock(faulty_registry, client, dest, one):
    """Which is a day behind."""
    def act(request):
        now = time.time() - 86400
        request.date_time_string = lambda: email.utils.formatdate(now, usegmt=True)
        date = email.utils.formatdate(now + 2, usegmt=True)
        return faulty.status(503, Retry_After=date)(request)

    faulty_registry.fault('/manifests/latest', act, times=1)
    result = client.bootstrap(faulty_registry.reference('image'), dest, '--json')
    assert waits(result) == [f'{faulty_registry.host}: waiting 2 s, the registry asks for it']
