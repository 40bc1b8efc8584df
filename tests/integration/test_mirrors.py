# SPDX-License-Identifier: LGPL-2.1-or-later
"""registries.conf(5): mirrors of a registry, and what happens when they fail."""

import base64
import json

import pytest

from conftest import PASSWORD, USER
from support import faulty, image, programs, registry, samples, tree
from support.process import free_port, wait_for

NAME = 'team/image'


def mirrored(origin, *mirrors, more=''):
    """A configuration; a mirror is a host, or a host and further lines of its table."""
    text = f'[[registry]]\nprefix = "{origin}"\nlocation = "{origin}"\n{more}\n'
    for mirror in mirrors:
        host, lines = (mirror, 'insecure = true') if isinstance(mirror, str) else mirror
        text += f'[[registry.mirror]]\nlocation = "{host}"\n{lines}\n'
    return text


def authorizations(one):
    return [value for _, _, headers in one.requests for name, value in headers.items()
            if name.lower() == 'authorization']


def asked_by_us(one):
    """The paths that a fetch worker requested, and no proxy for it."""
    return [path for _, path, headers in one.requests
            if headers.get('User-Agent', '').startswith('virt-bootstrap')]


@pytest.fixture
def mirror(other_registry):
    return other_registry


@pytest.fixture
def origin(faulty_registry):
    return faulty_registry


@pytest.fixture
def both(origin, mirror):
    """An image at the registry and at its mirror."""
    one = samples.order()
    for where in (origin, mirror):
        where.add(NAME, one)
    return one


@pytest.fixture
def machine(env, tmp_path):
    """Clients with a cache of their own, as on other machines."""
    def make(number):
        return programs.Client({**env, 'VIRTBOOTSTRAP_CACHE': str(tmp_path / f'cache-{number}')})
    return make


@pytest.fixture
def pull_through(origin, tmp_path):
    """docker-registry as a cache of the registry."""
    one = registry.Registry(tmp_path / 'pull-through', remote=origin.url)
    yield one
    one.stop()


def kept_by(pull_through):
    """How many blobs and manifests a cache has; it keeps them while it already serves them."""
    return len(list(pull_through.folder.glob('data/docker/registry/v2/blobs/sha256/*/*/data')))


def test_registry_is_not_asked_for_what_a_pull_through_cache_has(
        origin, pull_through, registries, machine, work):
    digest = origin.add(NAME, samples.order())
    registries(mirrored(origin.host, pull_through.host))
    machine(1).bootstrap(origin.reference(NAME), work / 'one')
    wait_for(lambda: kept_by(pull_through) == 5, 'the cache to have three layers, config and manifest')
    before = list(origin.requests)

    machine(2).bootstrap(f'{origin.reference(NAME)}@{digest}', work / 'two')
    assert tree.names(work / 'two') == samples.ORDER
    assert origin.requests == before
    assert asked_by_us(origin) == []


def test_tag_moves_with_the_registry_behind_a_pull_through_cache(
        origin, pull_through, registries, machine, work):
    registries(mirrored(origin.host, pull_through.host))
    for number, text in enumerate((b'old\n', b'new\n')):
        origin.add(NAME, samples.small(text))
        machine(number).bootstrap(origin.reference(NAME), work / str(number))
        assert (work / str(number) / 'etc/greeting').read_bytes() == text
    assert asked_by_us(origin) == []


def test_registry_serves_when_the_mirror_is_down(origin, registries, client, dest):
    origin.add(NAME, samples.order())
    down = f'127.0.0.1:{free_port()}'
    registries(mirrored(origin.host, down))
    result = client.bootstrap(origin.reference(NAME), dest)
    assert tree.names(dest) == samples.ORDER
    warnings = [line for line in result.err.splitlines() if 'mirror' in line]
    assert len(warnings) == 1 and f'The mirror {down} is not used' in warnings[0], result.err


def test_mirror_is_asked_first_and_the_registry_not_at_all(origin, mirror, both, registries, client, dest):
    registries(mirrored(origin.host, mirror.host))
    result = client.bootstrap(origin.reference(NAME), dest, '--json')
    assert tree.names(dest) == samples.ORDER
    assert origin.requests == []
    assert 'mirror' not in result.err


@pytest.mark.parametrize('action', [
    faulty.status(404), faulty.error(404, 'NAME_UNKNOWN', 'no'), faulty.status(401),
    faulty.status(403), faulty.status(500), faulty.status(429, Retry_After='60'),
    faulty.status(200, b'<html>', Content_Type='text/html')],
    ids=['404', '404-json', '401', '403', '500', '429', 'html'])
def test_registry_serves_what_the_mirror_refuses(origin, mirror, both, registries, client, dest, action):
    mirror.fault('/manifests/', action)
    registries(mirrored(origin.host, mirror.host))
    client.bootstrap(origin.reference(NAME), dest)
    assert tree.names(dest) == samples.ORDER


def test_mirror_that_failed_is_not_asked_again(origin, mirror, both, registries, client, dest):
    mirror.fault('/manifests/', faulty.status(500))
    registries(mirrored(origin.host, mirror.host))
    client.bootstrap(origin.reference(NAME), dest)
    assert tree.names(dest) == samples.ORDER
    assert mirror.count('/manifests/') == 2, 'a second try, since it answered'
    assert mirror.count('/blobs/') == 0


def test_mirrors_are_asked_in_their_order(origin, mirror, both, registries, client, dest, tmp_path):
    last = faulty.FaultyRegistry()
    try:
        last.add(NAME, both)
        last.fault('/manifests/', faulty.status(404))
        mirror.fault('/blobs/', faulty.status(404))
        registries(mirrored(origin.host, last.host, mirror.host))
        client.bootstrap(origin.reference(NAME), dest)
    finally:
        last.stop()
    assert tree.names(dest) == samples.ORDER
    assert last.count('/manifests/') == 1 and last.count('/blobs/') == 4
    assert mirror.count('/manifests/') == 1 and mirror.count('/blobs/') == 0
    assert origin.requests == []


def test_manifest_of_a_stale_mirror_does_not_replace_a_pinned_one(
        origin, mirror, registries, client, dest):
    digest = origin.add(NAME, samples.small(b'right\n'))
    stale = samples.small(b'stale\n')
    mirror.add(NAME, stale)
    mirror.manifests[NAME, digest] = (image.OCI_MANIFEST, stale.manifest())
    registries(mirrored(origin.host, mirror.host))
    result = client.bootstrap(f'{origin.reference(NAME)}@{digest}', dest)
    assert (dest / 'etc/greeting').read_bytes() == b'right\n'
    assert mirror.count('/manifests/') == 1
    assert f'The mirror {mirror.host} is not used' in result.err
    assert f'not {digest}' in result.err


def test_tag_of_a_stale_mirror_does_not_count_if_a_digest_is_wanted(
        origin, mirror, registries, client, dest):
    right = samples.small(b'right\n')
    digest = origin.add(NAME, right)
    mirror.add(NAME, samples.small(b'stale\n'))
    for blob in right.blobs():
        mirror.blobs[image.digest_of(blob)] = blob
    registries(mirrored(origin.host, mirror.host))
    client.bootstrap(origin.reference(NAME), dest, '--digest', digest)
    assert (dest / 'etc/greeting').read_bytes() == b'right\n'
    assert origin.count('/blobs/') == 0, 'the mirror has them'


def test_blob_that_breaks_at_the_mirror_goes_on_at_the_registry(
        origin, mirror, registries, client, dest):
    one = samples.large(8)
    for where in (origin, mirror):
        where.add(NAME, one)
    layer = one.layers[0].digest
    mirror.fault(layer, faulty.cut(500_000), times=1)
    mirror.fault(layer, faulty.status(500))
    registries(mirrored(origin.host, mirror.host))
    client.bootstrap(origin.reference(NAME), dest)
    assert len(tree.names(dest)) == 9
    ranges = [headers.get('Range') for _, path, headers in origin.requests if path.endswith(layer)]
    assert ranges == ['bytes=500000-']
    assert origin.count('/manifests/') == 0


def test_reason_of_the_registry_is_told_and_the_mirrors_are_named(
        origin, mirror, registries, client, dest):
    down = f'127.0.0.1:{free_port()}'
    registries(mirrored(origin.host, down, mirror.host))
    result = client.fail(origin.reference(NAME), dest)
    assert result.error == 'NotFound'
    assert f'After the mirrors {down}, {mirror.host}: ' in result.sentence
    assert f'Cannot fetch the manifest latest of {origin.host}/{NAME}' in result.sentence
    assert not dest.exists()


@pytest.mark.parametrize('pull, pinned, asked', [
    ('all', False, True), ('all', True, True), ('digest-only', False, False),
    ('digest-only', True, True), ('tag-only', False, True), ('tag-only', True, False)])
def test_mirror_is_asked_for_tags_or_digests(
        origin, mirror, both, registries, client, dest, pull, pinned, asked):
    registries(mirrored(origin.host, (mirror.host, f'insecure = true\npull-from-mirror = "{pull}"')))
    digest = image.digest_of(both.manifest())
    client.bootstrap(origin.reference(NAME) + (f'@{digest}' if pinned else ''), dest)
    assert bool(mirror.requests) == asked and bool(origin.requests) != asked


def test_mirror_by_digest_only(origin, mirror, both, registries, client, work):
    registries(mirrored(origin.host, mirror.host, more='mirror-by-digest-only = true'))
    client.bootstrap(origin.reference(NAME), work / 'tag', '--no-cache')
    assert mirror.requests == []
    asked = len(origin.requests)
    client.bootstrap(f'{origin.reference(NAME)}@{image.digest_of(both.manifest())}',
                     work / 'digest', '--no-cache')
    assert len(origin.requests) == asked


def test_mirror_may_have_other_names(origin, mirror, registries, client, dest):
    mirror.add('cache/of/image', samples.small())
    registries(f'[[registry]]\nprefix = "{origin.host}/team"\nlocation = "{origin.host}/team"\n'
               f'[[registry.mirror]]\nlocation = "{mirror.host}/cache/of"\ninsecure = true\n')
    client.bootstrap(origin.reference(NAME), dest)
    assert (dest / 'etc/greeting').exists()
    assert origin.requests == []


def test_plain_http_of_a_mirror_needs_the_configuration(origin, mirror, both, registries, client, dest):
    """--not-secure is for the registry, not for its mirrors."""
    registries(mirrored(origin.host, (mirror.host, '')))
    result = client.bootstrap(origin.reference(NAME), dest)
    assert tree.names(dest) == samples.ORDER
    assert mirror.count('/v2/') == 0 and origin.count('/manifests/') > 0
    assert f'The mirror {mirror.host} is not used' in result.err and 'HTTP' in result.err


def test_registry_may_be_insecure(origin, registries, client, dest):
    origin.add(NAME, samples.small())
    registries(f'[[registry]]\nlocation = "{origin.host}"\ninsecure = true\n')
    client.run(origin.reference(NAME), dest)
    assert (dest / 'etc/greeting').exists()


def test_authority_in_certs_d_is_that_of_the_mirror(
        origin, tls_registry, authority, registries, env, client, dest, tmp_path):
    certificates = tmp_path / 'certs.d'
    (certificates / tls_registry.host).mkdir(parents=True)
    (certificates / tls_registry.host / 'own.crt').write_text(authority.certificate.read_text())
    env['VIRTBOOTSTRAP_CERTS_DIR'] = str(certificates)
    registries(mirrored(origin.host, (tls_registry.host, '')))
    client.bootstrap(origin.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()
    assert origin.requests == []


def test_mirror_with_unusable_certificates_is_left_out(
        origin, mirror, both, registries, env, client, dest, tmp_path):
    certificates = tmp_path / 'certs.d'
    (certificates / mirror.host).mkdir(parents=True)
    (certificates / mirror.host / 'half.key').touch()
    env['VIRTBOOTSTRAP_CERTS_DIR'] = str(certificates)
    registries(mirrored(origin.host, mirror.host))
    result = client.bootstrap(origin.reference(NAME), dest)
    assert tree.names(dest) == samples.ORDER
    assert mirror.requests == []
    assert f'The mirror {mirror.host} is not used' in result.err and 'half.key' in result.err


def test_credentials_do_not_go_to_a_mirror_on_another_host(
        origin, mirror, both, registries, client, dest):
    origin.fault('', faulty.basic(USER, PASSWORD))
    mirror.fault('', faulty.basic(USER, PASSWORD))
    registries(mirrored(origin.host, mirror.host))
    client.bootstrap(origin.reference(NAME), dest, '-u', USER, '-p', PASSWORD)
    assert tree.names(dest) == samples.ORDER
    assert mirror.count('/manifests/') == 1 and authorizations(mirror) == []
    assert authorizations(origin)


def entries(folder, **hosts):
    """A file with credentials: a password by host."""
    path = folder / 'auth.json'
    path.write_text(json.dumps({'auths': {
        host: {'auth': base64.b64encode(f'{USER}:{password}'.encode()).decode()}
        for host, password in hosts.items()}}))
    path.chmod(0o600)
    return path


def test_entry_for_the_registry_does_not_go_to_a_mirror(
        origin, mirror, both, registries, env, client, dest, folder):
    for where in (origin, mirror):
        where.fault('', faulty.basic(USER, PASSWORD))
    registries(mirrored(origin.host, mirror.host))
    env['REGISTRY_AUTH_FILE'] = str(entries(folder, **{origin.host: PASSWORD}))
    client.bootstrap(origin.reference(NAME), dest)
    assert tree.names(dest) == samples.ORDER
    assert authorizations(mirror) == [] and authorizations(origin)


def test_mirror_has_an_entry_of_its_own_in_the_file_of_the_administrator(
        origin, mirror, both, registries, env, client, dest, folder):
    mirror.fault('', faulty.basic(USER, 'of the mirror'))
    registries(mirrored(origin.host, mirror.host))
    path = entries(folder, **{origin.host: PASSWORD, mirror.host: 'of the mirror'})
    config = folder / 'virt-bootstrapd.conf'
    config.write_text(f'[Registry]\nAuthFile={path}\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(config)
    client.bootstrap(origin.reference(NAME), dest)
    assert tree.names(dest) == samples.ORDER
    assert origin.requests == [] and authorizations(mirror)


def test_credentials_do_not_go_to_another_location(origin, mirror, registries, client, dest):
    mirror.add(NAME, samples.small())
    mirror.fault('', faulty.basic(USER, PASSWORD))
    registries(f'[[registry]]\nprefix = "{origin.host}"\nlocation = "{mirror.host}"\n')
    result = client.fail(origin.reference(NAME), dest, '-u', USER, '-p', PASSWORD)
    assert result.error == 'AuthenticationRequired'
    assert authorizations(mirror) == [] and origin.requests == []


def on_the_same_host(origin, lines=''):
    return (f'[[registry]]\nlocation = "{origin.host}/team"\n'
            f'[[registry.mirror]]\nlocation = "{origin.host}/mirror"\n{lines}\n')


@pytest.fixture
def tls_origin(server_certificate, authority, env, tmp_path):
    one = faulty.FaultyRegistry(*server_certificate)
    certificates = tmp_path / 'certs.d'
    (certificates / one.host).mkdir(parents=True)
    (certificates / one.host / 'own.crt').write_text(authority.certificate.read_text())
    env['VIRTBOOTSTRAP_CERTS_DIR'] = str(certificates)
    yield one
    one.stop()


def test_credentials_go_to_a_mirror_on_the_same_host(tls_origin, registries, client, dest):
    tls_origin.add('mirror/image', samples.small())
    tls_origin.fault('', faulty.basic(USER, PASSWORD))
    registries(on_the_same_host(tls_origin))
    client.bootstrap(tls_origin.reference(NAME), dest, '-u', USER, '-p', PASSWORD)
    assert (dest / 'etc/greeting').exists()
    assert tls_origin.count('/team/') == 0


@pytest.mark.parametrize('way', ['options', 'file'])
def test_credentials_do_not_go_to_a_mirror_that_is_only_said_to_be_on_the_same_host(
        origin, registries, env, client, dest, folder, way):
    """An insecure one: anybody may answer for the host."""
    for name in (NAME, 'mirror/image'):
        origin.add(name, samples.small())
    origin.fault('', faulty.basic(USER, PASSWORD))
    registries(on_the_same_host(origin, 'insecure = true'))
    if way == 'file':
        env['REGISTRY_AUTH_FILE'] = str(entries(folder, **{origin.host: PASSWORD}))
    client.bootstrap(origin.reference(NAME), dest,
                     *(['-u', USER, '-p', PASSWORD] if way == 'options' else []))
    assert (dest / 'etc/greeting').exists()
    asked = [(path, 'authorization' in {name.lower() for name in headers})
             for _, path, headers in origin.requests]
    assert ('/v2/mirror/image/manifests/latest', False) in asked
    assert not [path for path, has_credentials in asked if has_credentials and '/mirror/' in path]
    assert ('/v2/team/image/manifests/latest', True) in asked


@pytest.fixture
def elsewhere():
    """A mirror at an address in a network of this machine's own."""
    one = faulty.FaultyRegistry(address='127.0.0.2')
    yield one
    one.stop()


def test_mirror_may_have_a_private_address(origin, elsewhere, both, registries, client, dest):
    elsewhere.add(NAME, both)
    registries(mirrored(origin.host, elsewhere.host))
    client.bootstrap(origin.reference(NAME), dest)
    assert tree.names(dest) == samples.ORDER
    assert origin.requests == []


def test_mirror_does_not_lead_to_a_private_address(origin, mirror, elsewhere, both, registries, client, dest):
    elsewhere.add(NAME, both)
    mirror.fault('/blobs/', faulty.redirect(elsewhere.url))
    registries(mirrored(origin.host, mirror.host))
    result = client.bootstrap(origin.reference(NAME), dest)
    assert tree.names(dest) == samples.ORDER
    assert elsewhere.requests == []
    assert f'{elsewhere.host}, which is at a private address' in result.err


def test_layer_that_is_damaged_at_the_mirror_fails_the_job(origin, mirror, both, registries, client, dest):
    mirror.fault(both.layers[0].digest, faulty.corrupt)
    registries(mirrored(origin.host, mirror.host))
    result = client.fail(origin.reference(NAME), dest)
    assert result.error == 'DigestMismatch'
    assert not dest.exists()
