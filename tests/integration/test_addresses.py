# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which hosts a registry may send its client to: none in private networks but its own."""

import pytest

from support import faulty, programs, samples
from support.process import in_mount_namespace

ELSEWHERE = '127.0.0.2'
INTERNAL, PUBLIC = 'internal.example', 'cdn.example'  # the first is at ELSEWHERE, the other nowhere


@pytest.fixture
def internal():
    """A server in a network of this machine's own, which no registry may have us talk to."""
    one = faulty.FaultyRegistry(address=ELSEWHERE)
    yield one
    one.stop()


@pytest.fixture
def named(env, tmp_path):
    """A client on a machine where INTERNAL is a name of ELSEWHERE."""
    hosts = tmp_path / 'hosts'
    hosts.write_text(f'127.0.0.1 localhost\n{ELSEWHERE} {INTERNAL}\n')
    return programs.Client(env, prefix=in_mount_namespace([(hosts, '/etc/hosts')], []))


def realm(url):
    """Asks for a token of @url."""
    return faulty.status(401, WWW_Authenticate=f'Bearer realm="{url}/token",service="s"')


def assert_refused(result, host, server, dest):
    assert result.error == 'RegistryError'
    assert f'{host}, which is at a private address' in result.sentence
    assert 'PrivateHosts=' in result.sentence
    assert server.requests == []
    assert not dest.exists()


@pytest.mark.parametrize('part', ['/manifests/', '/blobs/'])
def test_redirect_to_a_private_address_is_not_followed(
        faulty_registry, internal, client, dest, part):
    for one in (faulty_registry, internal):
        one.add('moved', samples.small())
    faulty_registry.fault(part, faulty.redirect(internal.url))
    result = client.fail(faulty_registry.reference('moved'), dest)
    assert_refused(result, internal.host, internal, dest)
    assert f'{faulty_registry.host} redirects to' in result.sentence


def test_token_server_at_a_private_address_is_not_asked(faulty_registry, internal, client, dest):
    faulty_registry.add('sent', samples.small())
    faulty_registry.fault('', realm(internal.url))
    result = client.fail(faulty_registry.reference('sent'), dest)
    assert_refused(result, internal.host, internal, dest)


@pytest.mark.root
def test_name_of_a_private_address_is_not_followed(faulty_registry, internal, named, dest):
    port = internal.server.server_port
    faulty_registry.add('moved', samples.small())
    faulty_registry.fault('/manifests/', faulty.redirect(f'http://{INTERNAL}:{port}'))
    result = named.fail(faulty_registry.reference('moved'), dest)
    assert_refused(result, f'{INTERNAL}:{port}', internal, dest)


def test_private_host_that_is_configured_is_followed(
        faulty_registry, internal, client, env, tmp_path, dest):
    config = tmp_path / 'virt-bootstrapd.conf'
    config.write_text(f'[Registry]\nPrivateHosts=other.example {ELSEWHERE}\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(config)
    for one in (faulty_registry, internal):
        one.add('moved', samples.small())
    faulty_registry.fault('/blobs/', faulty.redirect(internal.url))
    client.bootstrap(faulty_registry.reference('moved'), dest)
    assert (dest / 'etc/greeting').exists()
    assert internal.count('/blobs/') == 2


@pytest.mark.root
def test_private_host_of_a_domain_that_is_configured_is_followed(
        faulty_registry, internal, named, env, tmp_path, dest):
    config = tmp_path / 'virt-bootstrapd.conf'
    config.write_text(f'[Registry]\nPrivateHosts=.{INTERNAL.partition(".")[2]}\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(config)
    for one in (faulty_registry, internal):
        one.add('moved', samples.small())
    faulty_registry.fault(
        '/blobs/', faulty.redirect(f'http://{INTERNAL}:{internal.server.server_port}'))
    named.bootstrap(faulty_registry.reference('moved'), dest)
    assert internal.count('/blobs/') == 2


# With a proxy, which is at a private address itself and knows more names than this machine.

REGISTRY = 'registry.example'


@pytest.fixture
def proxied(faulty_registry, env):
    env['http_proxy'] = faulty_registry.url
    return faulty_registry


@pytest.mark.root
def test_proxy_at_a_private_address_is_used(proxied, named, dest):
    proxied.add('moved', samples.small())
    proxied.fault(f'{REGISTRY}/v2/moved/blobs/', faulty.redirect(f'http://{PUBLIC}'))
    named.bootstrap(f'docker://{REGISTRY}/moved', dest)
    assert (dest / 'etc/greeting').exists()
    assert proxied.count(f'http://{PUBLIC}/v2/moved/blobs/') == 2


@pytest.mark.root
def test_proxy_is_not_asked_for_a_private_name(proxied, named, dest):
    proxied.add('moved', samples.small())
    proxied.fault(f'{REGISTRY}/v2/moved/blobs/', faulty.redirect(f'http://{INTERNAL}'))
    result = named.fail(f'docker://{REGISTRY}/moved', dest)
    assert result.error == 'RegistryError'
    assert f'{REGISTRY} redirects to {INTERNAL}, which is at a private address' in result.sentence
    assert proxied.count(INTERNAL) == 0


@pytest.mark.root
def test_host_without_a_proxy_is_looked_at_beside_one(proxied, internal, env, named, dest):
    """no_proxy has the client connect by itself."""
    url = f'http://{INTERNAL}:{internal.server.server_port}'
    env['no_proxy'] = INTERNAL
    proxied.fault('', realm(url))
    result = named.fail(f'docker://{REGISTRY}/sent', dest)
    assert_refused(result, url.removeprefix('http://'), internal, dest)
