# SPDX-License-Identifier: LGPL-2.1-or-later
"""Foreign layers, which an image has at addresses of its own: fetched there, without credentials."""

import json

import pytest

from conftest import PASSWORD, USER
from support import faulty, image, samples
from support.image import Image

FOREIGN = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
ELSEWHERE = '127.0.0.2'


@pytest.fixture
def one():
    return samples.small()


def offer(registry, one, urls, here=False):
    """Offers @one as `foreign`, whose layer is at @urls, and in the registry only if it is @here."""
    manifest = json.loads(one.manifest(docker=True))
    manifest['layers'][0].update(mediaType=FOREIGN, urls=urls)
    registry.add('foreign', one, docker=True, manifest=image.dumps(manifest))
    if not here:
        del registry.blobs[one.layers[0].digest]


def place(registry, one):
    """Puts the layer at an address of @registry, which is returned."""
    registry.fault('/layer.tar.gz', faulty.status(200, one.layers[0].blob))
    return f'{registry.url}/layer.tar.gz'


def headers_of(registry, part):
    return [{name.lower() for name in headers}
            for _, path, headers in registry.requests if part in path]


def test_layer_comes_from_its_address_without_credentials(
        faulty_registry, other_registry, client, dest, one):
    offer(faulty_registry, one, [place(other_registry, one)])
    faulty_registry.fault('', faulty.basic(USER, PASSWORD))
    client.bootstrap(faulty_registry.reference('foreign'), dest, '-u', USER, '-p', PASSWORD)
    assert (dest / 'etc/greeting').exists()
    assert faulty_registry.count(one.layers[0].digest) == 0
    assert len(other_registry.requests) == 1
    assert 'authorization' not in headers_of(other_registry, '/layer')[0]


def test_credentials_do_not_go_to_an_address_at_the_registry_itself(
        faulty_registry, client, dest, one):
    offer(faulty_registry, one, [place(faulty_registry, one)])
    faulty_registry.fault('/v2/', faulty.basic(USER, PASSWORD))
    client.bootstrap(faulty_registry.reference('foreign'), dest, '-u', USER, '-p', PASSWORD)
    assert 'authorization' not in headers_of(faulty_registry, '/layer')[0]


def test_user_in_the_address_is_not_sent(faulty_registry, other_registry, client, dest, one):
    url = place(other_registry, one).replace('http://', f'http://{USER}:secret@')
    offer(faulty_registry, one, [url])
    client.bootstrap(faulty_registry.reference('foreign'), dest)
    assert 'authorization' not in headers_of(other_registry, '/layer')[0]


def test_redirect_of_an_address_is_followed(faulty_registry, other_registry, client, dest, one):
    offer(faulty_registry, one, [f'{other_registry.url}/old'])
    other_registry.fault('/old', faulty.status(302, Location=place(other_registry, one)))
    client.bootstrap(faulty_registry.reference('foreign'), dest)
    assert (dest / 'etc/greeting').exists()


def test_circle_of_addresses_ends(faulty_registry, other_registry, client, dest, one):
    offer(faulty_registry, one, [f'{other_registry.url}/old'])
    other_registry.fault('/old', faulty.status(302, Location='/old'))
    result = client.fail(faulty_registry.reference('foreign'), dest)
    assert result.error == 'RegistryError'
    assert 'redirected more than' in result.sentence
    assert len(other_registry.requests) < 20


def test_private_address_is_not_asked(faulty_registry, client, dest, one):
    internal = faulty.FaultyRegistry(address=ELSEWHERE)
    try:
        offer(faulty_registry, one, [place(internal, one)])
        result = client.fail(faulty_registry.reference('foreign'), dest)
    finally:
        internal.stop()
    assert result.error == 'RegistryError'
    assert f'{internal.host}, which is at a private address' in result.sentence
    assert internal.requests == []
    assert not dest.exists()


@pytest.mark.parametrize('url', ['file:///etc/passwd', 'ftp://127.0.0.1/x', 'gopher://127.0.0.1/'])
def test_other_schemes_are_not_fetched(faulty_registry, client, dest, one, url):
    offer(faulty_registry, one, [url])
    result = client.fail(faulty_registry.reference('foreign'), dest)
    assert result.error == 'NotFound'
    assert one.layers[0].digest in result.sentence
    assert not dest.exists()


def test_registry_may_have_the_layer_as_well(
        faulty_registry, other_registry, client, dest, one):
    offer(faulty_registry, one, [f'{other_registry.url}/gone'], here=True)
    client.bootstrap(faulty_registry.reference('foreign'), dest)
    assert (dest / 'etc/greeting').exists()
    assert other_registry.count('/gone') == 1


def test_layer_that_is_nowhere_is_told_with_its_address(
        faulty_registry, other_registry, client, dest, one):
    offer(faulty_registry, one, [f'{other_registry.url}/gone'])
    result = client.fail(faulty_registry.reference('foreign'), dest)
    assert result.error == 'NotFound'
    assert f'{other_registry.host} does not have it' in result.sentence


def test_wrong_content_is_refused(faulty_registry, other_registry, client, dest, one):
    wrong = bytes(len(one.layers[0].blob))
    other_registry.fault('/layer', faulty.status(200, wrong))
    offer(faulty_registry, one, [f'{other_registry.url}/layer'])
    result = client.fail(faulty_registry.reference('foreign'), dest)
    assert result.error == 'DigestMismatch'
    assert not dest.exists()


def test_addresses_of_other_layers_are_not_asked(
        faulty_registry, other_registry, client, dest, one):
    manifest = json.loads(one.manifest())
    manifest['layers'][0]['urls'] = [place(other_registry, one)]
    faulty_registry.add('own', one, manifest=image.dumps(manifest))
    client.bootstrap(faulty_registry.reference('own'), dest)
    assert other_registry.requests == []


def test_broken_transfer_goes_on_at_its_address(faulty_registry, other_registry, client, dest):
    one = Image(samples.large(8).layers)
    body = one.layers[0].blob

    def act(request):
        first = request.first_byte()
        if first is None:
            request.head(200, len(body))
            request.wfile.write(body[:500_000])
            request.hang_up()
        else:
            request.answer(206, body[first:],
                           Content_Range=f'bytes {first}-{len(body) - 1}/{len(body)}')
        return True

    other_registry.fault('/layer', act)
    offer(faulty_registry, one, [f'{other_registry.url}/layer'])
    client.bootstrap(faulty_registry.reference('foreign'), dest)
    assert [headers.get('Range') for _, _, headers in other_registry.requests] == \
        [None, 'bytes=500000-']
