# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many blobs of an image are fetched at a time, and over how many connections."""

import contextlib
import socket
import threading

import pytest

from support import samples, tar, tree
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
    """Passes connections on, and counts them."""

    def __init__(self, host):
        self._to = host.rsplit(':', 1)
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
                for pair in ((one, other), (other, one)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    @staticmethod
    def _pass(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
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
    assert relay.n_connections == 3


def test_one_connection_serves_all_where_there_is_http2(tls_registry, relay, client, dest, image):
    tls_registry.put('parallel/image', 'latest', image)
    client.bootstrap(f'docker://{relay.host}/parallel/image', dest)
    assert len(tree.names(dest)) == 1 + 2 * LAYERS
    assert relay.n_connections == 1
