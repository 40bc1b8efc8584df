# SPDX-License-Identifier: LGPL-2.1-or-later
"""The log at the debug level tells what was asked for, of whom, and what came back; never a secret."""

import base64
import json
import pathlib
import re
import urllib.parse

import pytest

from conftest import PASSWORD, USER
from support import faulty, image, programs, samples

FOREIGN = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
SIGNATURE = 'sesame-of-the-storage'
PREFIX = re.compile(r'^virt-bootstrapd: Job ([a-z0-9]{12})(?::|, fetch worker:) (.*)$')
TIME = re.compile(r'\b[0-9]+(\.[0-9])? m?s\b|process [0-9]+')


@pytest.fixture
def password(tmp_path):
    path = tmp_path / 'password'
    path.write_text(PASSWORD + '\n')
    return f'file:{path}'


def lines_of(log):
    """What the log says of its only job, without figures that differ each time."""
    found = [PREFIX.match(line) for line in log.splitlines()]
    assert len({one[1] for one in found if one}) == 1, log
    return [TIME.sub('…', one[2]) for one in found if one]


def assert_no_secrets(log, *more):
    login = f'{USER}:{PASSWORD}'
    secrets = (PASSWORD, urllib.parse.quote(PASSWORD), base64.b64encode(login.encode()).decode(), 'Authorization',
               'Bearer ey', 'eyJ', 'scope=', 'account=', *more)
    assert not [secret for secret in secrets if secret in log], log


def test_debug_log_tells_requests_logins_workers_and_phases(client, token_registry, token_server, password, dest):
    result = client.bootstrap(token_registry.reference('test/small'), dest, '-d', '-u', USER, '-p', password)
    lines, url = lines_of(result.err), f'{token_registry.url}/v2/test/small'
    manifest = lines.index(f'GET {url}/manifests/latest (no login): 401, wants Bearer, …')
    assert lines[manifest + 1:manifest + 3] == [f'GET {token_server.realm} (Basic): 200, …',
                                                f'GET {url}/manifests/latest (Bearer): 200, …']
    blobs = [line for line in lines if line.startswith(f'GET {url}/blobs/sha256:')]
    assert len(blobs) == 2 and all(line.endswith(' (Bearer): 200, …') for line in blobs)
    for step in ('fetch', 'resolve', 'unpack'):
        assert f'Started the {step} worker, …' in lines
        assert f'The {step} worker, …, exited with status 0' in lines
    arrived = [line for line in lines if line.endswith(' has arrived')]
    assert len(arrived) == 3
    for phase in ('resolve', 'download', 'finish'):
        assert f'{phase}, … after it was accepted' in lines
    assert_no_secrets(result.err)


def test_debug_log_tells_what_is_in_the_cache(client, docker_registry, work):
    docker_registry.put('debug/small', 'latest', samples.small())
    client.bootstrap(docker_registry.reference('debug/small'), work / 'first')
    result = client.bootstrap(docker_registry.reference('debug/small'), work / 'second', '-d')
    lines = lines_of(result.err)
    assert len([line for line in lines if re.fullmatch('sha256:[0-9a-f]{64} is in the cache', line)]) == 3
    assert not [line for line in lines if line.startswith('GET ') and '/blobs/' in line]


def test_debug_log_tells_basic_authentication(client, basic_registry, password, dest):
    result = client.bootstrap(basic_registry.reference('test/small'), dest, '-d', '-u', USER, '-p', password)
    url = f'{basic_registry.url}/v2/test/small/manifests/latest'
    lines = lines_of(result.err)
    first = lines.index(f'GET {url} (no login): 401, wants Basic, …')
    assert lines[first + 1] == f'GET {url} (Basic): 200, …'
    assert_no_secrets(result.err)


def test_debug_log_tells_where_a_redirect_leads_but_not_its_signature(client, faulty_registry, other_registry, dest):
    one = samples.small()
    faulty_registry.add('image', one)
    other_registry.add('image', one)

    def sign(request):
        request.answer(307, Location=f'{other_registry.url}{request.path}?X-Signature={SIGNATURE}')
        return True
    faulty_registry.fault('/blobs/', sign)
    result = client.bootstrap(faulty_registry.reference('image'), dest, '-d')
    lines = lines_of(result.err)
    layer = f'GET {faulty_registry.url}/v2/image/blobs/{one.layers[0].digest} (no login): 307 to {other_registry.host}, …'
    assert layer in lines
    assert f'GET {other_registry.url}/… (no login): 200, …' in lines
    assert any(SIGNATURE in path for _, path, _ in other_registry.requests)
    assert_no_secrets(result.err, SIGNATURE, 'X-Signature')


def test_debug_log_hides_where_a_redirect_leads_at_the_registry_itself(client, faulty_registry, dest):
    one = samples.small()
    faulty_registry.add('image', one)
    faulty_registry.fault(f'/blobs/{one.layers[0].digest}', faulty.status(307, Location=f'/storage/{SIGNATURE}/blob'))
    faulty_registry.fault(f'/storage/{SIGNATURE}/', faulty.status(200, one.layers[0].blob))
    result = client.bootstrap(faulty_registry.reference('image'), dest, '-d')
    assert any(SIGNATURE in path for _, path, _ in faulty_registry.requests)
    assert f'GET {faulty_registry.url}/… (no login): 200, …' in lines_of(result.err)
    assert_no_secrets(result.err, SIGNATURE)


def test_debug_log_hides_where_an_image_says_that_its_layer_is(client, faulty_registry, other_registry, dest):
    one = samples.small()
    manifest = json.loads(one.manifest(docker=True))
    manifest['layers'][0].update(mediaType=FOREIGN, urls=[f'{other_registry.url}/storage/{SIGNATURE}/layer'])
    faulty_registry.add('image', one, docker=True, manifest=image.dumps(manifest))
    other_registry.fault(f'/storage/{SIGNATURE}/', faulty.status(200, one.layers[0].blob))
    result = client.bootstrap(faulty_registry.reference('image'), dest, '-d')
    assert any(SIGNATURE in path for _, path, _ in other_registry.requests)
    assert f'GET {other_registry.url}/… (no login): 200, …' in lines_of(result.err)
    assert_no_secrets(result.err, SIGNATURE)


def test_debug_log_tells_mirrors(client, faulty_registry, other_registry, registries, dest):
    one = samples.small()
    faulty_registry.add('image', one)
    registries(f'[[registry]]\nlocation = "{faulty_registry.host}"\n'
               f'[[registry.mirror]]\nlocation = "{other_registry.host}"\ninsecure = true\n')
    result = client.bootstrap(faulty_registry.reference('image'), dest, '-d')
    lines = lines_of(result.err)
    assert f'GET {other_registry.url}/v2/image/manifests/latest (mirror, no login): 404, …' in lines
    assert f'GET {faulty_registry.url}/v2/image/manifests/latest (no login): 200, …' in lines


def test_debug_log_tells_of_an_identity_token_that_it_was_used(client, env, faulty_registry, dest):
    faulty_registry.add('image', samples.small())
    faulty_registry.fault('', faulty.answer_to('/token', json.dumps({'token': 'sesame-token'}).encode()))
    faulty_registry.fault('', faulty.bearer(f'{faulty_registry.url}/token', 'test'))
    path = pathlib.Path(env['HOME']) / '.docker/config.json'
    path.parent.mkdir()
    path.write_text(json.dumps({'auths': {faulty_registry.host: {'identitytoken': 'sesame-identity'}}}))
    result = client.bootstrap(faulty_registry.reference('image'), dest, '-d')
    assert f'POST {faulty_registry.url}/token (no login): 200, …' in lines_of(result.err)
    assert_no_secrets(result.err, 'sesame')


def test_log_at_info_has_the_start_and_the_end_of_a_job(daemon_on, env, token_registry, password, dest):
    daemon = daemon_on(options=['--log-level=info'])
    programs.Client(env, daemon.address).bootstrap(
        token_registry.reference('test/small'), dest, '-u', USER, '-p', password)
    daemon.stop()
    log = daemon.errors.read_text()
    started, ended = lines_of(log)
    assert started.startswith('started: docker://') and ended.startswith('finished after …: docker://'), log
    assert len(log.splitlines()) == 2, log
    assert_no_secrets(log)
