# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's docker-registry on loopback, and two ways to push: skopeo, and plain HTTP."""

import base64
import json
import re
import ssl
import subprocess
import urllib.error
import urllib.request

from . import image as images
from .process import run, stop, wait_for


class Registry:
    """@certificate, @key: speak TLS. @auth: the configuration's auth section. @remote: the URL of a registry for
    which it is a pull-through cache."""

    def __init__(self, folder, certificate=None, key=None, auth=None, login=None, ca=None,
                 remote=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.login, self.ca = folder, login, ca
        http = {'addr': '127.0.0.1:0'}
        if certificate:
            http['tls'] = {'certificate': str(certificate), 'key': str(key)}
        config = {
            'version': '0.1', 'log': {'level': 'info', 'accesslog': {'disabled': True}},
            'storage': {'filesystem': {'rootdirectory': str(folder / 'data')},
                        'delete': {'enabled': True}},
            'http': http, 'compatibility': {'schema1': {'enabled': True}},
        }
        if auth:
            config['auth'] = auth
        if remote:
            config['proxy'] = {'remoteurl': remote}
        (folder / 'config.yml').write_text(json.dumps(config))  # JSON is YAML
        self._log = open(folder / 'log', 'wb')
        self.process = subprocess.Popen(
            ['docker-registry', 'serve', str(folder / 'config.yml')],
            stdout=self._log, stderr=self._log)
        self.host = wait_for(self._listens_at, 'docker-registry to say where it listens')
        self.url = f'http{"s" if certificate else ""}://{self.host}'
        wait_for(self._answers, 'docker-registry to answer')

    def stop(self):
        stop(self.process)
        self._log.close()

    def reference(self, name):
        return f'docker://{self.host}/{name}'

    def _open(self, request):
        context = None
        if self.ca:
            context = ssl.create_default_context(cafile=str(self.ca))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        return opener.open(request, timeout=20)

    def _listens_at(self):
        log = (self.folder / 'log').read_text()
        assert self.process.poll() is None, log
        found = re.search(r'listening on (127\.0\.0\.1:\d+)', log)
        return found and found[1]

    def _answers(self):
        try:
            self._open(self.url + '/v2/').close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def request(self, method, path, data=None, **headers):
        """Returns the answer's headers; @path may be a whole URL."""
        url = path if path.startswith('http') else self.url + path
        request = urllib.request.Request(url, data=data, method=method)
        for name, value in headers.items():
            request.add_header(name.replace('_', '-'), value)
        if self.login:
            token = base64.b64encode(':'.join(self.login).encode()).decode()
            request.add_header('Authorization', f'Basic {token}')
        with self._open(request) as answer:
            return answer.headers

    def put_blob(self, name, blob):
        where = self.request('POST', f'/v2/{name}/blobs/uploads/', b'')['Location']
        joint = '&' if '?' in where else '?'
        self.request('PUT', f'{where}{joint}digest={images.digest_of(blob)}', blob,
                     Content_Type='application/octet-stream')

    def put_manifest(self, name, tag, body, media_type):
        self.request('PUT', f'/v2/{name}/manifests/{tag}', body, Content_Type=media_type)
        return images.digest_of(body)

    def put(self, name, tag, image, docker=False):
        """Pushes @image byte by byte as it is; returns the manifest's digest."""
        for blob in image.blobs():
            self.put_blob(name, blob)
        return self.put_manifest(name, tag, image.manifest(docker),
                                 images.DOCKER_MANIFEST if docker else images.OCI_MANIFEST)

    def push(self, layout, name, form):
        """Pushes an OCI layout by skopeo; @form is v2s1, v2s2 or oci."""
        options = ['--dest-tls-verify=false']
        if self.login:
            options += ['--dest-creds', ':'.join(self.login)]
        run(['skopeo', '--insecure-policy', 'copy', '-q', '-f', form, *options,
             f'oci:{layout}:latest', self.reference(name)])


def htpasswd(folder, user, password):
    """The auth section for Basic authentication."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / 'htpasswd'
    path.write_text(run(['htpasswd', '-nbB', user, password]))
    return {'htpasswd': {'realm': 'test', 'path': str(path)}}
