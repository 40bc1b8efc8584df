# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS, Basic and Bearer authentication, and where credentials must not go."""

import contextlib
import pathlib
import re
import shutil
import ssl

import pytest

from conftest import PASSWORD, USER
from support import faulty, programs, samples
from support.process import DEADLINE, descendants, in_mount_namespace, running, wait_for

SYSTEM_BUNDLE = '/etc/ssl/certs/ca-certificates.crt'


@pytest.fixture
def password(tmp_path):
    path = tmp_path / 'password'
    path.write_text(PASSWORD + '\n')
    return f'file:{path}'


@pytest.fixture
def with_authority(env, tmp_path, authority):
    """A client on a machine whose system CAs include the tests' own."""
    bundle = tmp_path / 'bundle.crt'
    bundle.write_text(authority.certificate.read_text())
    return programs.Client(env, prefix=in_mount_namespace([(bundle, SYSTEM_BUNDLE)], []))



def test_certificate_of_an_unknown_authority_is_refused(tls_registry, client, dest):
    result = client.run('--json', tls_registry.reference('test/small'), dest, expect=1)
    assert result.error == 'TlsError'
    assert 'certificate' in result.sentence
    assert not dest.exists()


def test_not_secure_takes_an_unverified_certificate(tls_registry, client, dest):
    client.bootstrap(tls_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


@pytest.mark.root
def test_system_authorities_are_trusted(tls_registry, with_authority, dest):
    with_authority.run(tls_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


@pytest.fixture
def with_certs_d(env, tmp_path, authority):
    """Clients on machines which trust the tests' authority for one host by certs.d."""
    def make(host):
        configuration = tmp_path / 'containers'
        (configuration / 'certs.d' / host).mkdir(parents=True)
        shutil.copy(authority.certificate, configuration / 'certs.d' / host / 'own.crt')
        return programs.Client(
            env, prefix=in_mount_namespace([(configuration, '/etc/containers')], []))
    return make


@pytest.mark.root
def test_authority_in_certs_d_is_trusted_for_its_host(tls_registry, with_certs_d, dest):
    with_certs_d(tls_registry.host).run(tls_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


@pytest.mark.root
def test_authority_in_certs_d_is_not_trusted_for_another_host(tls_registry, with_certs_d, dest):
    result = with_certs_d('127.0.0.1:1').run(
        '--json', tls_registry.reference('test/small'), dest, expect=1)
    assert result.error == 'TlsError'


@pytest.fixture
def for_known_clients(authority, server_certificate):
    """A registry for whoever has a certificate of the authority, and `image` there."""
    one = faulty.FaultyRegistry(*server_certificate, authority=authority.certificate)
    one.add('image', samples.small())
    yield one
    one.stop()


def test_client_certificate_in_certs_d_is_shown(for_known_clients, authority, client, env, tmp_path, dest):
    folder = tmp_path / 'certs.d' / for_known_clients.host
    folder.mkdir(parents=True)
    shutil.copy(authority.certificate, folder / 'own.crt')
    for path, suffix in zip(authority.issue('client'), ('cert', 'key')):
        shutil.copy(path, folder / f'client.{suffix}')
    env['VIRTBOOTSTRAP_CERTS_DIR'] = str(tmp_path / 'certs.d')
    client.run(for_known_clients.reference('image'), dest)
    assert (dest / 'etc/greeting').exists()


def test_plain_http_is_refused_without_not_secure(docker_registry, client, dest):
    docker_registry.put('access/small', 'latest', samples.small())
    result = client.run('--json', docker_registry.reference('access/small'), dest, expect=1)
    assert result.error in ('TlsError', 'RegistryUnavailable')
    assert not dest.exists()


def test_basic_authentication(basic_registry, client, dest, password):
    client.bootstrap(basic_registry.reference('test/small'), dest, '-u', USER, '-p', password)
    assert (dest / 'etc/greeting').exists()


def test_password_may_stand_on_the_command_line(basic_registry, client, dest):
    client.bootstrap(basic_registry.reference('test/small'), dest,
                     '--username', USER, '--password', PASSWORD)
    assert (dest / 'etc/greeting').exists()


def test_registry_that_wants_credentials_says_so(basic_registry, client, dest):
    result = client.fail(basic_registry.reference('test/small'), dest)
    assert result.error == 'AuthenticationRequired'
    assert not dest.exists()


def test_wrong_password_is_told(basic_registry, client, dest):
    result = client.fail(basic_registry.reference('test/small'), dest, '-u', USER, '-p', 'tr0ub4dor')
    assert result.error in ('AuthenticationRequired', 'AccessDenied')
    assert 'tr0ub4dor' not in result.out + result.err


def test_bearer_authentication(token_registry, token_server, client, dest, password):
    client.bootstrap(token_registry.reference('test/small'), dest, '-u', USER, '-p', password)
    assert (dest / 'etc/greeting').exists()
    query, right = token_server.requests[-1]
    assert right
    assert query['scope'] == ['repository:test/small:pull']
    assert query['service'] == [token_server.SERVICE]


def test_one_token_serves_every_transfer(token_registry, token_server, client, dest, password):
    before = len(token_server.requests)
    client.bootstrap(token_registry.reference('test/order'), dest, '-u', USER, '-p', password)
    assert len(token_server.requests) == before + 1


def scopes(registry):
    """Of the tokens that it was asked for."""
    return [re.search('scope=([^&]*)', path)[1] for _, path, _ in registry.requests if path.startswith('/token')]


@pytest.fixture
def narrow(faulty_registry):
    """A registry with `image`, whose manifests want a token of a scope of their own."""
    one = samples.small()
    faulty_registry.add('image', one)
    faulty_registry.fault('/token', faulty.token_of_its_scope)
    faulty_registry.fault('/manifests/', faulty.scoped(['narrow', 'wide'], 'narrow'))
    return faulty_registry


@pytest.mark.parametrize('code', [401, 403])
def test_insufficient_scope_is_tried_again_with_the_scope_that_is_wanted(narrow, client, dest, code):
    narrow.fault('/blobs/', faulty.scoped(['wide'], 'wide', code))
    client.bootstrap(narrow.reference('image'), dest)
    assert (dest / 'etc/greeting').exists()
    assert scopes(narrow) == ['narrow', 'wide']
    assert sorted(narrow.blob_requests().values()) == [1, 2]


@pytest.mark.parametrize('code', [401, 403])
def test_insufficient_scope_is_tried_again_once(narrow, client, dest, code):
    narrow.fault('/blobs/', faulty.scoped([], 'wide', code))
    result = client.fail(narrow.reference('image'), dest)
    assert result.error in ('AuthenticationRequired', 'AccessDenied')
    assert scopes(narrow) == ['narrow', 'wide']
    assert list(narrow.blob_requests().values()) == [2]


@pytest.mark.parametrize('headers', [
    ['Negotiate, Digest realm="a, b", nonce="x"', 'NTLM, {bearer}'],
    ['Basic realm="other"', 'Negotiate', '{bearer}'],
    ['Digest realm="x", Basic realm="last"', 'Negotiate, NTLM TlRMTVNTUAAB==']],
    ids=['bearer-in-the-second', 'bearer-in-the-third', 'basic-in-the-first'])
def test_all_challenges_of_all_headers_are_read(faulty_registry, client, dest, password, headers):
    faulty_registry.add('image', samples.small())
    faulty_registry.fault('/token', faulty.token_of_its_scope)
    bearer = f'Bearer realm="{faulty_registry.url}/token",service="s",scope="mine"'
    faulty_registry.fault('', faulty.challenges(*(one.format(bearer=bearer) for one in headers)))
    client.bootstrap(faulty_registry.reference('image'), dest, '-u', USER, '-p', password)
    assert (dest / 'etc/greeting').exists()
    wants_bearer = any('{bearer}' in one for one in headers)
    sent = {one.partition(' ')[0] for path, one in authorizations(faulty_registry)
            if one and not path.startswith('/token')}
    assert sent == {'Bearer' if wants_bearer else 'Basic'}
    assert scopes(faulty_registry) == (['mine'] if wants_bearer else [])


def test_too_long_answer_of_a_token_server_is_refused(faulty_registry, client, dest):
    endless = faulty.Endless()
    faulty_registry.add('image', samples.small())
    faulty_registry.fault('/token', endless)
    faulty_registry.fault('', faulty.bearer(f'{faulty_registry.url}/token', 'test'))
    result = client.fail(faulty_registry.reference('image'), dest)
    assert result.error == 'LimitExceeded' and 'Cannot get a token' in result.sentence
    assert endless.ended.wait(DEADLINE) and endless.sent < endless.MOST / 2
    assert faulty_registry.count('/token') == 1


def test_token_server_that_refuses_is_told(token_registry, client, dest):
    result = client.fail(token_registry.reference('test/small'), dest, '-u', USER, '-p', 'wrong')
    assert result.error in ('AuthenticationRequired', 'AccessDenied')
    assert not dest.exists()


def test_credentials_do_not_follow_a_redirect_to_another_port(
        faulty_registry, other_registry, client, dest, password):
    faulty_registry.add('moved', samples.small())
    other_registry.add('moved', samples.small())
    faulty_registry.fault('', faulty.basic(USER, PASSWORD))
    faulty_registry.fault('/blobs/', faulty.redirect(other_registry.url))
    client.bootstrap(faulty_registry.reference('moved'), dest, '-u', USER, '-p', password)
    assert (dest / 'etc/greeting').exists()
    assert other_registry.count('/blobs/') == 2
    for _, _, headers in other_registry.requests:
        assert 'authorization' not in {name.lower() for name in headers}


def test_credentials_do_not_come_back_with_a_redirect(
        faulty_registry, other_registry, client, dest, password):
    """By way of another server, which may have chosen where it leads to."""
    for registry in (faulty_registry, other_registry):
        registry.add('moved', samples.small())
    faulty_registry.fault('/back/', serve_blob)
    faulty_registry.fault('', faulty.basic(USER, PASSWORD))
    faulty_registry.fault('/blobs/', faulty.redirect(other_registry.url))
    other_registry.fault('/blobs/', faulty.redirect(f'{faulty_registry.url}/back'))
    client.bootstrap(faulty_registry.reference('moved'), dest, '-u', USER, '-p', password)
    assert (dest / 'etc/greeting').exists()
    assert faulty_registry.count('/back/') == 2
    for path, authorization in authorizations(faulty_registry):
        assert not path.startswith('/back/') or authorization is None
    assert [one for _, one in authorizations(other_registry)] == [None, None]


@pytest.fixture
def curious(authority, server_certificate):
    """Two registries that ask for a client certificate."""
    both = [faulty.FaultyRegistry(*server_certificate, authority=authority.certificate,
                                  verify_mode=ssl.CERT_OPTIONAL) for _ in range(2)]
    yield both
    for one in both:
        one.stop()


def test_client_certificate_does_not_follow_a_redirect_to_another_host(
        curious, authority, env, client, dest, tmp_path):
    registry, elsewhere = curious
    certificates = tmp_path / 'certs.d' / registry.host
    certificates.mkdir(parents=True)
    shutil.copy(authority.certificate, certificates / 'own.crt')
    for path, suffix in zip(authority.issue('client'), ('cert', 'key')):
        shutil.copy(path, certificates / f'client.{suffix}')
    env['VIRTBOOTSTRAP_CERTS_DIR'] = str(certificates.parent)
    for one in curious:
        one.add('moved', samples.small())
    registry.fault('/blobs/', faulty.redirect(elsewhere.url.replace('127.0.0.1', 'localhost')))
    client.bootstrap(registry.reference('moved'), dest)
    assert (dest / 'etc/greeting').exists()
    assert set(registry.has_certificate) == {True}
    assert elsewhere.has_certificate == [False, False]


def serve_blob(request):
    request.answer(200, request.server.registry.blobs[request.path.rpartition('/')[2]])
    return True


def authorizations(registry):
    """(path, value of the header or None) of each request."""
    for _, path, headers in registry.requests:
        lower = {name.lower(): value for name, value in headers.items()}
        yield path, lower.get('authorization')


def test_circle_of_redirects_ends(faulty_registry, client, dest):
    faulty_registry.add('circle', samples.small())
    faulty_registry.fault('/manifests/', faulty.redirect(faulty_registry.url))
    result = client.fail(faulty_registry.reference('circle'), dest)
    assert result.error == 'RegistryError'
    assert len(faulty_registry.requests) < 100


def test_redirect_to_a_file_is_not_followed(faulty_registry, client, dest, tmp_path):
    faulty_registry.add('file', samples.small())
    faulty_registry.fault('/manifests/', faulty.redirect('file:///etc'))
    assert client.fail(faulty_registry.reference('file'), dest).error == 'RegistryError'
    assert not dest.exists()


def test_password_reaches_no_command_line(faulty_registry, client, dest, password):
    """Secrets travel as descriptors: what `ps` shows of the daemon and workers has none."""
    one = samples.large(8)
    faulty_registry.add('private', one)
    faulty_registry.fault('', faulty.basic(USER, PASSWORD))
    gate = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    process = client.start('--not-secure', '-u', USER, '-p', password,
                           faulty_registry.reference('private'), dest)
    try:
        wait_for(lambda: one.layers[0].digest in faulty_registry.blob_requests(), 'the transfer')
        looked_at = 0
        for pid in descendants(process.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                for name in ('cmdline', 'environ'):
                    with open(f'/proc/{pid}/{name}', 'rb') as f:
                        assert PASSWORD.encode() not in f.read()
                looked_at += 1
        assert looked_at >= 3  # the client's daemon, and workers
    finally:
        gate.set()
        client.finish(process)


@pytest.mark.root
def test_daemon_that_was_given_a_password_dumps_no_core(env, faulty_registry, dest, password):
    faulty_registry.add('image', samples.small())
    gate = faulty_registry.gate('/blobs/', 0)
    client = programs.Client(env, prefix=['prlimit', '--core=1048576:1048576'])
    process = client.start('--not-secure', faulty_registry.reference('image'), dest,
                           '-u', USER, '-p', password)
    wait_for(lambda: faulty_registry.count('/blobs/'), 'the transfer')
    # What the daemon has forked is one, too, until it executes a worker.
    daemon = min(running([programs.DAEMON], process.pid))
    for pid in (daemon, *programs.workers_of(process)):
        try:
            limits = pathlib.Path(f'/proc/{pid}/limits').read_text()
        except (FileNotFoundError, ProcessLookupError):
            assert pid != daemon
            continue
        assert re.search(r'^Max core file size +0 +0 ', limits, re.MULTILINE), limits
    gate.set()
    client.finish(process)
