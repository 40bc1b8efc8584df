# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many blobs of an image are fetched at a time, and over how many connections."""

import contextlib
import socket
import threading
import time

import pytest

from support import faulty, samples, tar, tree
from support.faulty import PATIENCE
from support.image import Image, Layer

LAYERS = 8


@pytest.fixture
def image():
    return samples.large(2, size=4096, layers=LAYERS)


class Turnstile:
    """Holds transfers of layers until @wanted are under way, and counts how many are at a time."""

    def __init__(self, registry, image, wanted):
        self.most, self._now, self._wanted = 0, 0, wanted
        self._enough = threading.Condition()
        for layer in image.layers:
            registry.fault(layer.digest, self._act)

    def _act(self, request):
        with self._enough:
            self._now += 1
            self.most = max(self.most, self._now)
            self._enough.notify_all()
            self._enough.wait_for(lambda: self.most >= self._wanted, PATIENCE)
        registry = request.server.registry
        registry.right_answer(request)
        with self._enough:
            self._now -= 1
        return True


@pytest.mark.parametrize('setting, most', [('', 6), ('ParallelBlobs=1', 1), ('ParallelBlobs=8', 8)])
def test_blobs_are_fetched_at_a_time(
        faulty_registry, client, env, tmp_path, dest, image, setting, most):
    config = tmp_path / 'virt-bootstrapd.conf'
    config.write_text(f'[Registry]\n{setting}\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(config)
    faulty_registry.add('image', image)
    turnstile = Turnstile(faulty_registry, image, most)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert turnstile.most == most
    assert len(list((dest / 'data').iterdir())) == 2 * LAYERS


class Relay:
    """Passes connections on, and counts them; each at most at @rate bytes a second to its client."""

    def __init__(self, host, rate=None):
        self._to = host.rsplit(':', 1)
        self._rate = rate
        self.n_connections = 0
        self._socket = socket.create_server(('127.0.0.1', 0))
        self.host = f'127.0.0.1:{self._socket.getsockname()[1]}'
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._socket.accept()
                other = socket.create_connection(self._to)
                self.n_connections += 1
                for args in ((one, other, None), (other, one, self._rate)):
                    threading.Thread(target=self._pass, args=args, daemon=True).start()

    @staticmethod
    def _pass(source, sink, rate):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
                if rate:
                    time.sleep(len(data) / rate)
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def relay(tls_registry):
    one = Relay(tls_registry.host)
    yield one
    one.stop()


def test_large_blobs_have_connections_of_their_own(tls_registry, relay, client, dest):
    """Where each connection is slow, several are faster."""
    files = [tar.file(f'zeros-{i}', bytes((65 << 20) + i)) for i in range(2)]
    tls_registry.put('parallel/large', 'latest', Image([Layer([one], 'none') for one in files]))
    client.bootstrap(f'docker://{relay.host}/parallel/large', dest)
    assert relay.n_connections >= 3  # more if this machine is so busy that they are slow


def large(size=(65 << 20)):
    content = samples.noise(1 << 20) * (size >> 20)
    return Image([Layer([tar.file('large', content)], 'none')])


@pytest.fixture
def slow_relay(tls_registry):
    one = Relay(tls_registry.host, rate=5_000_000)
    yield one
    one.stop()


def test_large_blob_comes_in_ranges_where_each_connection_is_slow(
        tls_registry, slow_relay, client, dest):
    one = large()
    tls_registry.put('parallel/ranges', 'latest', one)
    client.bootstrap(f'docker://{slow_relay.host}/parallel/ranges', dest)
    assert (dest / 'large').read_bytes() == samples.noise(1 << 20) * 65
    assert slow_relay.n_connections == 1 + 4


def ranges_of(registry, digest):
    return [headers.get('Range') for verb, path, headers in registry.requests
            if verb == 'GET' and path.endswith(digest)]


def slowly(request):
    """Sends what is wanted, as a server that knows ranges; 8 MiB take longer than half a second."""
    body = request.server.registry.content(request)[1]
    first, last = request.headers['Range'].removeprefix('bytes=').split('-')
    first, last = int(first), int(last or len(body) - 1)
    time.sleep(0.6)
    request.answer(206, body[first:last + 1],
                   Content_Range=f'bytes {first}-{last}/{len(body)}')
    return True


def test_failed_range_is_tried_again_alone(faulty_registry, client, dest):
    one = large()
    digest = one.layers[0].digest
    faulty_registry.add('image', one)
    faulty_registry.fault(digest, lambda request: 'bytes=33554432-' in request.headers['Range'] and
                          faulty.status(500)(request), times=1)
    faulty_registry.fault(digest, slowly)
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert (dest / 'large').stat().st_size == 65 << 20
    ranges = ranges_of(faulty_registry, digest)
    assert ranges[0] == 'bytes=0-8388607'
    assert sorted(ranges, key=lambda one: int(one[6:].split('-')[0])) == sorted(
        [f'bytes={at}-{min(at + (8 << 20), len(one.layers[0].blob)) - 1}'
         for at in range(0, len(one.layers[0].blob), 8 << 20)] + ['bytes=33554432-41943039'],
        key=lambda one: int(one[6:].split('-')[0]))


def other_total(request):
    body = request.server.registry.content(request)[1]
    first, _, last = request.headers['Range'].removeprefix('bytes=').partition('-')
    if not last or first == '0':
        return False
    request.answer(206, bytes(int(last) - int(first) + 1),
                   Content_Range=f'bytes {first}-{last}/{len(body) + 1}')
    return True


@pytest.mark.parametrize('wrong', [faulty.without_range, faulty.status(416), other_total],
                         ids=['whole', 'refused', 'other'])
def test_registry_whose_ranges_do_not_work_sends_the_whole(faulty_registry, client, dest, wrong):
    one = large()
    digest = one.layers[0].digest
    faulty_registry.add('image', one)
    faulty_registry.fault(digest, lambda request: not request.headers.get('Range', '-').endswith(
        '-') and wrong(request))
    faulty_registry.fault(digest, lambda request: not request.headers.get('Range', '-').endswith(
        '-') and slowly(request))
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert (dest / 'large').read_bytes() == samples.noise(1 << 20) * 65


def test_one_connection_serves_all_where_there_is_http2(tls_registry, relay, client, dest, image):
    tls_registry.put('parallel/image', 'latest', image)
    client.bootstrap(f'docker://{relay.host}/parallel/image', dest)
    assert len(tree.names(dest)) == 1 + 2 * LAYERS
    assert relay.n_connections == 1
