# SPDX-License-Identifier: LGPL-2.1-or-later
"""A registry in memory which counts requests and misbehaves on demand.

A fault is a function of the request which answers it and returns True, or returns False to let the
next one, and at last the right answer, have it.
"""

import base64
import http.server
import json
import re
import socket
import ssl
import threading

from . import image as images

PIECE = 64 * 1024
PATIENCE = 60  # seconds that a gate waits at most, so that a failed test ends


class Request(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = PATIENCE

    def do_GET(self):
        self.server.registry.handle(self)

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.server.registry.bodies.append(body)
        self.server.registry.handle(self)

    def log_message(self, *args):
        pass

    def answer(self, status, body=b'', length=None, **headers):
        """Sends head and, unless it was a HEAD, @body; @length is what the head claims."""
        self.head(status, len(body) if length is None else length, **headers)
        if self.command != 'HEAD':
            self.wfile.write(body)

    def head(self, status, length, **headers):
        self.send_response(status)
        self.send_header('Content-Length', str(length))
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()

    def hang_up(self):
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def first_byte(self):
        """Where the Range header wants to begin, else None."""
        wanted = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', ''))
        return int(wanted[1]) if wanted else None


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # the client hung up, which is what several tests are about


class FaultyRegistry:
    """It is a proxy for plain HTTP, too: it answers for whatever host it is asked."""

    def __init__(self, certificate=None, key=None, address='127.0.0.1', authority=None,
                 verify_mode=ssl.CERT_REQUIRED):
        """@authority: of the certificates that clients must have or, with another @verify_mode, may have."""
        self.blobs, self.manifests, self.requests = {}, {}, []
        self.has_certificate = []  # of the client, of each request over TLS
        self.bodies = []  # of POST requests
        self._faults, self._lock = [], threading.Lock()
        self.server = _Server((address, 0), Request)
        self.server.registry = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            if authority:
                context.load_verify_locations(authority)
                context.verify_mode = verify_mode
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = f'{address}:{self.server.server_port}'
        self.url = f'http{"s" if certificate else ""}://{self.host}'
        self._gates = []
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        for gate in self._gates:
            gate.set()
        self.server.shutdown()
        self.server.server_close()

    # What it offers

    def reference(self, name):
        return f'docker://{self.host}/{name}'

    def add(self, name, image, docker=False, tag='latest', manifest=None):
        """Offers @image, or its layers and config under another @manifest; returns the digest."""
        for blob in image.blobs():
            self.blobs[images.digest_of(blob)] = blob
        return self.add_manifest(name, manifest or image.manifest(docker),
                                 images.DOCKER_MANIFEST if docker else images.OCI_MANIFEST, tag)

    def add_manifest(self, name, body, media_type, tag='latest'):
        digest = images.digest_of(body)
        for ref in (tag, digest):
            self.manifests[name, ref] = (media_type, body)
        return digest

    # What it saw

    def count(self, part, method='GET'):
        """How many requests had @part in their path."""
        return sum(part in path for verb, path, _ in self.requests if verb == method)

    def blob_requests(self):
        """How often each blob was asked for."""
        out = {}
        for verb, path, _ in self.requests:
            if verb == 'GET' and '/blobs/' in path:
                digest = path.rpartition('/')[2]
                out[digest] = out.get(digest, 0) + 1
        return out

    # How it misbehaves

    def fault(self, part, action, times=None):
        """Lets @action answer requests with @part in their path, at most @times of them."""
        self._faults.append([part, action, times])

    def gate(self, part, after, times=None):
        """Stops each such transfer after @after bytes; returns an Event that lets it go on."""
        event = threading.Event()
        self._gates.append(event)
        self.fault(part, send_slowly(lambda sent: event.wait(PATIENCE) if sent >= after else None),
                   times)
        return event

    def _claim(self, fault, path):
        """Whether @fault is for this request; one of its turns is taken then."""
        with self._lock:
            if fault[0] not in path or fault[2] == 0:
                return False
            if fault[2] is not None:
                fault[2] -= 1
            return True

    def _give_back(self, fault):
        with self._lock:
            if fault[2] is not None:
                fault[2] += 1

    def handle(self, request):
        with self._lock:
            self.requests.append((request.command, request.path, dict(request.headers)))
            if isinstance(request.connection, ssl.SSLSocket):
                self.has_certificate.append(bool(request.connection.getpeercert()))
            faults = list(self._faults) if request.command != 'HEAD' else []
        for fault in faults:
            if self._claim(fault, request.path):
                if fault[1](request):
                    return
                self._give_back(fault)
        self.right_answer(request)

    def content(self, request):
        """(media type, bytes) of what is asked for, or None."""
        path = _path(request).partition('?')[0]
        found = re.fullmatch(r'/v2/(.+)/(manifests|blobs)/([^/]+)', path)
        if not found:
            return None
        name, kind, ref = found.groups()
        if kind == 'manifests':
            return self.manifests.get((name, ref))
        if ref in self.blobs:
            return 'application/octet-stream', self.blobs[ref]
        return None

    def right_answer(self, request):
        if request.path.endswith(('/v2/', '/v2')):
            return request.answer(200, b'{}', Content_Type='application/json')
        content = self.content(request)
        if not content:
            code = 'BLOB_UNKNOWN' if '/blobs/' in request.path else 'MANIFEST_UNKNOWN'
            body = {'errors': [{'code': code, 'message': 'not here'}]}
            return request.answer(404, images.dumps(body), Content_Type='application/json')
        media_type, body = content
        headers = {'Content_Type': media_type, 'Accept_Ranges': 'bytes',
                   'Docker_Content_Digest': images.digest_of(body)}
        first = request.first_byte()
        if first is None:
            return request.answer(200, body, **headers)
        if first >= len(body):
            return request.answer(416, Content_Range=f'bytes */{len(body)}')
        return request.answer(206, body[first:], **headers,
                              Content_Range=f'bytes {first}-{len(body) - 1}/{len(body)}')


def _path(request):
    """Without the host, which a proxy is told."""
    return re.sub('^http://[^/]+', '', request.path)


def _content(request):
    return request.server.registry.content(request)[1]


def status(code, body=b'', **headers):
    def act(request):
        request.answer(code, body, **headers)
        return True
    return act


def answer_to(path, body):
    """Is JSON."""
    def act(request):
        if path not in request.path:
            return False
        request.answer(200, body, Content_Type='application/json')
        return True
    return act


def error(code, name, message, **headers):
    body = json.dumps({'errors': [{'code': name, 'message': message}]}).encode()
    return status(code, body, Content_Type='application/json', **headers)


def send_slowly(between):
    """Sends the right content in pieces and calls @between(bytes sent) after each; no Range."""
    def act(request):
        body = _content(request)
        request.head(200, len(body), Content_Type='application/octet-stream')
        for sent in range(0, len(body), PIECE):
            between(sent)
            request.wfile.write(body[sent:sent + PIECE])
            request.wfile.flush()
        return True
    return act


def cut(after):
    """Promises the whole and hangs up after @after bytes (counted from where Range begins)."""
    def act(request):
        body, first = _content(request), request.first_byte()
        headers = {}
        if first:
            headers['Content_Range'] = f'bytes {first}-{len(body) - 1}/{len(body)}'
        rest = body[first or 0:]
        request.head(206 if first else 200, len(rest), **headers)
        request.wfile.write(rest[:after])
        request.hang_up()
        return True
    return act


def corrupt(request):
    body = bytearray(_content(request))
    body[len(body) // 2] ^= 0xff
    request.answer(200, bytes(body))
    return True


def longer(request):
    """More bytes than the descriptor says."""
    request.answer(200, _content(request) + b'more')
    return True


class Endless:
    """The right content, if there is any, and zeros without end, with nothing that says how many."""

    MOST = 64 << 20  # as good as no end

    def __init__(self, code=200):
        self.code, self.sent = code, 0
        self.ended = threading.Event()

    def __call__(self, request):
        content = request.server.registry.content(request)
        request.send_response(self.code)
        request.send_header('Transfer-Encoding', 'chunked')
        request.end_headers()
        piece = content[1] if content else bytes(PIECE)
        try:
            while self.sent < self.MOST:
                request.wfile.write(b'%x\r\n%s\r\n' % (len(piece), piece))
                self.sent += len(piece)
                piece = bytes(PIECE)
            request.wfile.write(b'0\r\n\r\n')
        except ConnectionError:
            request.close_connection = True
        finally:
            self.ended.set()
        return True


def without_range(request):
    request.answer(200, _content(request))
    return True


def other_range(begin):
    """Answers a Range with the right status, and with the part of the blob that begins at @begin."""
    def act(request):
        if request.first_byte() is None:
            return False
        body = _content(request)
        request.answer(206, body[begin:],
                       Content_Range=f'bytes {begin}-{len(body) - 1}/{len(body)}')
        return True
    return act


def redirect(url, code=307):
    def act(request):
        request.answer(code, Location=url + _path(request))
        return True
    return act


def bearer(realm, service):
    """Wants any token, which a server at @realm gives."""
    def act(request):
        if request.headers.get('Authorization', '').startswith('Bearer '):
            return False
        request.answer(401, images.dumps({'errors': [{'code': 'UNAUTHORIZED'}]}),
                       WWW_Authenticate=f'Bearer realm="{realm}",service="{service}",'
                                        'scope="repository:image:pull"')
        return True
    return act


def challenges(*headers):
    """Wants any login, and says how in several headers."""
    def act(request):
        if 'Authorization' in request.headers:
            return False
        request.send_response(401)
        for one in headers:
            request.send_header('WWW-Authenticate', one)
        request.send_header('Content-Length', '0')
        request.end_headers()
        return True
    return act


def scoped(right, scope, code=401):
    """Wants a token that is among @right, and says that one of @scope would be: by @code to who has another."""
    def act(request):
        token = request.headers.get('Authorization', '').removeprefix('Bearer ')
        if token in right:
            return False
        error = ',error="insufficient_scope"' if token else ''
        request.answer(code if token else 401,
                       WWW_Authenticate=f'Bearer realm="{request.server.registry.url}/token",'
                                        f'service="test",scope="{scope}"{error}')
        return True
    return act


def token_of_its_scope(request):
    """A server of tokens, each of which is its scope."""
    _, _, scope = request.path.partition('scope=')
    request.answer(200, json.dumps({'token': scope.partition('&')[0]}).encode(),
                   Content_Type='application/json')
    return True


def basic(user, password):
    right = 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()

    def act(request):
        if request.headers.get('Authorization') == right:
            return False
        request.answer(401, images.dumps({'errors': [{'code': 'UNAUTHORIZED'}]}),
                       WWW_Authenticate='Basic realm="test"')
        return True
    return act
