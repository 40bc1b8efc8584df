# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signatures as cosign makes them, in both of its forms, by openssl; and signature policies."""

import base64
import json
import subprocess

from . import image as images
from .process import run

PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json'
BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
SIGN_TYPE = 'https://sigstore.dev/cosign/sign/v1'
STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
IN_TOTO = 'application/vnd.in-toto+json'
EMPTY = b'{}'
KINDS = {
    'ecdsa': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    'rsa': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    'ed25519': ['-algorithm', 'ED25519'],
}


def _base64(data):
    return base64.b64encode(data).decode()


class Key:
    def __init__(self, folder, name='key', kind='ecdsa'):
        self.kind = kind
        self.private, self.public = folder / f'{name}.key', folder / f'{name}.pub'
        run(['openssl', 'genpkey', *KINDS[kind], '-out', self.private])
        run(['openssl', 'pkey', '-in', self.private, '-pubout', '-out', self.public])

    @property
    def fingerprint(self):
        der = subprocess.run(['openssl', 'pkey', '-pubin', '-in', self.public, '-outform', 'DER'],
                             check=True, capture_output=True).stdout
        return images.digest_of(der)

    def sign(self, data):
        """Base64."""
        message = self.private.with_suffix('.message')
        message.write_bytes(data)
        how = ['-rawin'] if self.kind == 'ed25519' else ['-rawin', '-digest', 'sha256']
        return _base64(subprocess.run(
            ['openssl', 'pkeyutl', '-sign', '-inkey', self.private, *how, '-in', message],
            check=True, capture_output=True).stdout)


def payload(digest, name, kind='cosign container image signature'):
    return json.dumps({'critical': {'identity': {'docker-reference': name},
                                    'image': {'docker-manifest-digest': digest}, 'type': kind},
                       'optional': None}).encode()


def statement(digest, name=None, predicate=SIGN_TYPE):
    algorithm, _, value = digest.partition(':')
    subject = {'digest': {algorithm: value}}
    if name:
        subject['name'] = name
    return json.dumps({'_type': STATEMENT_TYPE, 'subject': [subject], 'predicateType': predicate,
                       'predicate': {}}).encode()


def bundle(key, body, payload_type=IN_TOTO, media_type=BUNDLE_TYPE):
    signed = b'DSSEv1 %d %s %d %s' % (
        len(payload_type), payload_type.encode(), len(body), body)
    return json.dumps({
        'mediaType': media_type,
        'verificationMaterial': {'publicKey': {'hint': 'x'}},
        'dsseEnvelope': {'payload': _base64(body), 'payloadType': payload_type,
                         'signatures': [{'sig': key.sign(signed)}]}}).encode()


def descriptor(media_type, blob, **more):
    return {'mediaType': media_type, 'digest': images.digest_of(blob), 'size': len(blob), **more}


def manifest(layers, **more):
    return images.dumps({
        'schemaVersion': 2, 'mediaType': images.OCI_MANIFEST,
        'config': descriptor(images.OCI_CONFIG, EMPTY), 'layers': layers, **more})


def tag_of(digest, suffix=''):
    return digest.replace(':', '-') + suffix


def attached_layer(body, signature):
    more = {'annotations': {'dev.cosignproject.cosign/signature': signature}} if signature else {}
    return descriptor(PAYLOAD_TYPE, body, **more)


def put(registry, name, tag, body, blobs, media_type=images.OCI_MANIFEST):
    """Into a docker-registry, or into the tests' own; returns the digest."""
    if hasattr(registry, 'put_blob'):
        for blob in blobs:
            registry.put_blob(name, blob)
        return registry.put_manifest(name, tag, body, media_type)
    for blob in blobs:
        registry.blobs[images.digest_of(blob)] = blob
    return registry.add_manifest(name, body, media_type, tag)


def attach(registry, name, digest, signatures):
    """Puts (payload, signature) pairs under the tag of signatures of the image @digest."""
    put(registry, name, tag_of(digest, '.sig'),
        manifest([attached_layer(*one) for one in signatures]),
        [EMPTY, *(body for body, _ in signatures)])


def attach_signed(registry, name, digest, key, identity, **more):
    body = payload(digest, identity, **more)
    attach(registry, name, digest, [(body, key.sign(body))])


def referrer(body, predicate=SIGN_TYPE):
    """The descriptor of a bundle's manifest, as in a list of referrers."""
    annotations = {'dev.sigstore.bundle.predicateType': predicate} if predicate else {}
    return descriptor(images.OCI_MANIFEST, body, artifactType=BUNDLE_TYPE, annotations=annotations)


def refer(registry, name, digest, bundles, predicate=SIGN_TYPE):
    """Puts @bundles and the index under the tag that stands for the referrers of @digest."""
    bodies = [manifest([descriptor(BUNDLE_TYPE, one)], artifactType=BUNDLE_TYPE)
              for one in bundles]
    for body, one in zip(bodies, bundles):
        put(registry, name, tag_of(images.digest_of(body)), body, [EMPTY, one])
    index = images.index([referrer(body, predicate) for body in bodies])
    put(registry, name, tag_of(digest), index, [], images.OCI_INDEX)
    return index


def signed(key, identity='matchRepository', **more):
    rule = {'type': 'sigstoreSigned', 'keyPath': str(key.public), **more}
    if identity:
        rule['signedIdentity'] = {'type': identity}
    return rule


ACCEPT = {'type': 'insecureAcceptAnything'}
REJECT = {'type': 'reject'}


def write_policy(env, folder, document):
    """Lets the daemons that @env is for use a policy; returns its path."""
    folder.mkdir(exist_ok=True)
    policy, config = folder / 'policy.json', folder / 'signatures.conf'
    policy.write_bytes(document if isinstance(document, bytes) else images.dumps(document))
    config.write_text(f'[Registry]\nSignaturePolicy={policy}\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(config)
    return policy


def scoped(scope, *rules, transport='docker'):
    """Rejects all but what @rules of @scope accept."""
    return {'default': [REJECT], 'transports': {transport: {scope: list(rules)}}}
