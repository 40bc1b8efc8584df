# SPDX-License-Identifier: LGPL-2.1-or-later
"""A token server for docker-registry's token authentication (distribution's auth/token page)."""

import base64
import http.server
import json
import ssl
import subprocess
import threading
import time
import urllib.parse


def _segment(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=')


class TokenServer:
    ISSUER, SERVICE = 'test-issuer', 'test-registry'
    IDENTITY = 'identity/token+of=someone'

    def __init__(self, certificate, key, user, password):
        """@certificate, @key sign the tokens and also serve TLS."""
        self.requests = []  # (query, whether the credentials were right)
        self.posts = []  # (path, Authorization, form), to exchange an identity token
        self._certificate, self._key = certificate, key
        self._login = 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.realm = f'https://127.0.0.1:{self.server.server_port}/token'
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def auth_section(self, ca):
        return {'token': {'realm': self.realm, 'service': self.SERVICE, 'issuer': self.ISSUER,
                          'rootcertbundle': str(ca)}}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def _token(self, scopes):
        der = ssl.PEM_cert_to_DER_cert(self._certificate.read_text())
        header = {'typ': 'JWT', 'alg': 'RS256', 'x5c': [base64.b64encode(der).decode()]}
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(':')
            access.append({'type': kind, 'name': name, 'actions': actions.split(',')})
        now = int(time.time())
        claims = {'iss': self.ISSUER, 'sub': 'test', 'aud': self.SERVICE, 'exp': now + 300,
                  'nbf': now - 10, 'iat': now - 10, 'jti': str(now), 'access': access}
        body = b'.'.join(_segment(json.dumps(one).encode()) for one in (header, claims))
        signature = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', str(self._key)],
                                   input=body, check=True, stdout=subprocess.PIPE).stdout
        return (body + b'.' + _segment(signature)).decode()

    def _handler(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                right = self.headers.get('Authorization') == outer._login
                outer.requests.append((query, right))
                self.hand_out('token', query, right)

            def do_POST(self):
                text = self.rfile.read(int(self.headers['Content-Length'])).decode()
                form = urllib.parse.parse_qs(text)
                outer.posts.append((self.path, self.headers.get('Authorization'), form))
                right = (form.get('grant_type'), form.get('refresh_token')) == (['refresh_token'], [outer.IDENTITY])
                self.hand_out('access_token', form, right)

            def hand_out(self, key, query, right):
                scopes = [one for scope in query.get('scope', []) for one in scope.split(' ')]
                body = b'{"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]}'
                if right:
                    body = json.dumps({key: outer._token(scopes), 'expires_in': 300}).encode()
                self.send_response(200 if right else 401)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        return Handler
