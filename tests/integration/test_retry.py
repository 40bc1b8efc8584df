# SPDX-License-Identifier: LGPL-2.1-or-later
"""A registry that fails for a while, and transfers that break."""

import email.utils
import time

import pytest

from support import faulty, samples, tree
from support.image import digest_of
from support.process import DEADLINE


@pytest.fixture
def one(faulty_registry):
    """An image of one layer of 2 MiB, offered as `image`."""
    image = samples.large(8)
    faulty_registry.add('image', image)
    return image


def layer_ranges(registry, image):
    """Where each request for the layer began."""
    out = []
    for verb, path, headers in registry.requests:
        if verb == 'GET' and path.endswith(image.layers[0].digest):
            out.append(int(headers.get('Range', 'bytes=0-')[6:].rstrip('-')))
    return out


def complete(dest):
    return len(tree.names(dest)) == 9


def test_broken_transfer_goes_on_where_it_broke(faulty_registry, client, dest, one):
    faulty_registry.fault(one.layers[0].digest, faulty.cut(500_000), times=1)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)
    assert layer_ranges(faulty_registry, one) == [0, 500_000]


def test_transfer_that_breaks_again_and_again_gets_there(faulty_registry, client, dest, one):
    faulty_registry.fault(one.layers[0].digest, faulty.cut(500_000), times=3)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)
    assert layer_ranges(faulty_registry, one) == [0, 500_000, 1_000_000, 1_500_000]


def test_registry_without_range_is_read_again_from_the_start(faulty_registry, client, dest, one):
    faulty_registry.fault(one.layers[0].digest, faulty.cut(500_000), times=1)
    faulty_registry.fault(one.layers[0].digest, faulty.without_range)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)


@pytest.mark.parametrize('begin', [0, 600_000])
def test_wrong_content_range_is_not_taken_for_the_rest(faulty_registry, client, dest, one, begin):
    faulty_registry.fault(one.layers[0].digest, faulty.cut(500_000), times=1)
    faulty_registry.fault(one.layers[0].digest, faulty.other_range(begin), times=1)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)
    assert layer_ranges(faulty_registry, one) == [0, 500_000, 0]


def rest(size=0, length=0, digest=None, etag='"a"', content_range=True):
    """Answers a Range with the right status and range, and with other bytes; other numbers say so."""
    def act(request):
        first = request.first_byte()
        if first is None:
            return False
        total = len(request.server.registry.content(request)[1]) + size
        headers = {'ETag': etag}
        if content_range:
            headers['Content_Range'] = f'bytes {first}-{total - 1}/{total}'
        if digest:
            headers['Docker_Content_Digest'] = digest
        request.head(206, total - first + length, **headers)
        request.wfile.write(bytes(total - first + length))
        return True
    return act


def cut_with_an_etag(request):
    body = request.server.registry.content(request)[1]
    request.head(200, len(body), ETag='"a"')
    request.wfile.write(body[:500_000])
    request.hang_up()
    return True


@pytest.mark.parametrize('wrong', [
    {'size': 1000}, {'size': -1000}, {'length': 1000}, {'length': -1000}, {'etag': '"b"'},
    {'digest': 'sha256:' + 64 * '0'}, {'content_range': False}], ids=str)
def test_rest_of_something_else_is_not_taken_for_the_rest(
        faulty_registry, client, dest, one, wrong):
    layer = one.layers[0].digest
    faulty_registry.fault(layer, cut_with_an_etag, times=1)
    faulty_registry.fault(layer, rest(**wrong), times=1)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)
    assert layer_ranges(faulty_registry, one) == [0, 500_000, 0]


def test_part_of_the_rest_is_taken_and_continued(faulty_registry, client, dest, one):
    def act(request):
        first = request.first_byte()
        if first is None:
            return False
        body = request.server.registry.content(request)[1]
        last = first + 299_999
        request.answer(206, body[first:last + 1],
                       Content_Range=f'bytes {first}-{last}/{len(body)}')
        return True

    layer = one.layers[0].digest
    faulty_registry.fault(layer, faulty.cut(500_000), times=1)
    faulty_registry.fault(layer, act, times=1)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)
    assert layer_ranges(faulty_registry, one) == [0, 500_000, 800_000]


def test_refused_range_starts_afresh(faulty_registry, client, dest, one):
    faulty_registry.fault(one.layers[0].digest, faulty.cut(500_000), times=1)
    faulty_registry.fault(one.layers[0].digest, faulty.status(416), times=1)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)


@pytest.mark.parametrize('part', ['/manifests/', '/blobs/'])
@pytest.mark.parametrize('code', [500, 502, 503])
def test_server_error_is_tried_again(faulty_registry, client, dest, one, part, code):
    faulty_registry.fault(part, faulty.status(code), times=1)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)


@pytest.mark.parametrize('code', [429, 503])
def test_retry_after_is_honoured(faulty_registry, client, dest, one, code):
    times = []
    refuse = faulty.status(code, Retry_After='2')

    def act(request):
        times.append(time.monotonic())
        return len(times) == 1 and refuse(request)

    faulty_registry.fault('/manifests/latest', act)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)
    assert 2 <= times[1] - times[0] < 10


@pytest.mark.parametrize('code', [429, 503])
def test_image_that_is_missing_is_not_waited_for_to_explain_that(faulty_registry, client, dest, one, code):
    faulty_registry.fault('/tags/list', faulty.status(code, Retry_After='600'))
    result = client.fail(faulty_registry.reference('nosuch'), dest)
    assert result.error == 'NotFound'
    assert 'does not have it' in result.sentence and 'repository' not in result.sentence
    assert faulty_registry.count('/tags/list') == 1


def test_date_in_retry_after_is_waited_for(faulty_registry, client, dest, one):
    times = []

    def act(request):
        times.append(time.monotonic())
        date = email.utils.formatdate(time.time() + 3, usegmt=True)
        return len(times) == 1 and faulty.status(503, Retry_After=date)(request)

    faulty_registry.fault('/manifests/latest', act)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)
    assert 1.5 <= times[1] - times[0] < 10


@pytest.mark.parametrize('value', ['soon', '-5', '99999999999999999999', ''])
def test_nonsense_in_retry_after_is_ignored(faulty_registry, client, dest, one, value):
    faulty_registry.fault('/manifests/latest', faulty.status(429, Retry_After=value), times=1)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)


def test_too_many_requests_for_ever_is_told(faulty_registry, client, dest, one):
    faulty_registry.fault('/manifests/', faulty.error(
        429, 'TOOMANYREQUESTS', 'slow down please', Retry_After='0'))
    result = client.fail(faulty_registry.reference('image'), dest)
    assert result.error == 'TooManyRequests'
    assert faulty_registry.count('/manifests/') == 5
    assert not dest.exists()


@pytest.mark.parametrize('code, name', [
    (401, 'AuthenticationRequired'), (403, 'AccessDenied'), (404, 'NotFound')])
def test_refusals_are_not_tried_again(faulty_registry, client, dest, one, code, name):
    faulty_registry.fault('/manifests/', faulty.error(code, 'DENIED', 'because I say so'))
    result = client.fail(faulty_registry.reference('image'), dest)
    assert result.error == name
    assert faulty_registry.count('/manifests/') == 1
    assert not dest.exists()


def test_registrys_own_words_reach_the_user(faulty_registry, client, dest, one):
    faulty_registry.fault('/manifests/', faulty.error(403, 'DENIED', 'because I say so'))
    result = client.fail(faulty_registry.reference('image'), dest)
    assert 'because I say so' in result.sentence


def test_registrys_words_cannot_steer_the_terminal(faulty_registry, client, dest, one):
    faulty_registry.fault('/manifests/', faulty.error(403, 'DENIED', 'red \x1b[31m\nline\u202e'))
    result = client.fail(faulty_registry.reference('image'), dest)
    assert result.error == 'AccessDenied'
    assert '\x1b' not in result.err
    assert len(result.err.strip().splitlines()) <= 2


def test_blob_that_is_longer_than_its_descriptor_is_refused(faulty_registry, client, dest, one):
    faulty_registry.fault(one.layers[0].digest, faulty.longer)
    result = client.fail(faulty_registry.reference('image'), dest)
    assert result.error in ('DigestMismatch', 'RegistryError')
    assert not dest.exists()


@pytest.mark.parametrize('part', ['layer', 'config'])
def test_blob_that_does_not_end_is_cut_where_it_is_too_long(faulty_registry, client, dest, one, part):
    digest = one.layers[0].digest if part == 'layer' else digest_of(one.config)
    endless = faulty.Endless()
    faulty_registry.fault(digest, endless)
    result = client.fail(faulty_registry.reference('image'), dest)
    assert result.error == 'DigestMismatch' and 'longer than the' in result.sentence
    assert endless.ended.wait(DEADLINE) and endless.sent < endless.MOST / 2
    assert faulty_registry.blob_requests()[digest] == 1
    assert not dest.exists()


def test_refusal_that_does_not_end_is_cut_and_told(faulty_registry, client, dest, one):
    """What the registry says is too long to be understood; its status is."""
    endless = faulty.Endless(403)
    faulty_registry.fault('/manifests/', endless)
    result = client.fail(faulty_registry.reference('image'), dest)
    assert result.error == 'AccessDenied'
    assert endless.ended.wait(DEADLINE) and endless.sent < endless.MOST / 2
    assert faulty_registry.count('/manifests/') == 1


def test_blob_is_taken_as_it_is_whatever_its_encoding_is_said_to_be(faulty_registry, client, dest, one):
    def act(request):
        request.answer(200, faulty_registry.content(request)[1], Content_Encoding='gzip')
        return True
    faulty_registry.fault('/blobs/', act)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert complete(dest)
    for verb, path, headers in faulty_registry.requests:
        assert 'Accept-Encoding' not in headers, f'{verb} {path}'


def test_blob_that_is_shorter_than_its_descriptor_is_refused(faulty_registry, client, dest, one):
    faulty_registry.fault(one.layers[0].digest, faulty.status(200, b'short'))
    result = client.fail(faulty_registry.reference('image'), dest)
    assert result.error in ('DigestMismatch', 'RegistryError', 'RegistryUnavailable')
    assert not dest.exists()
