# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signature policies: what they accept, what they reject, and why."""

import json
import os

import pytest

from support import archives, faulty, image, programs, samples, signatures
from support.process import free_port, wait_for
from support.signatures import ACCEPT, REJECT
from test_images import status_of, worker_of


@pytest.fixture
def key(folder):
    return signatures.Key(folder)


@pytest.fixture
def other_key(folder):
    return signatures.Key(folder, 'other')


@pytest.fixture
def signed(faulty_registry, env, folder, key):
    """An image at `team/app`, for which the policy demands a signature by @key; its digest."""
    digest = faulty_registry.add('team/app', samples.small())
    signatures.write_policy(
        env, folder, signatures.scoped(f'{faulty_registry.host}/team', signatures.signed(key)))
    return digest


def name_of(registry, name='team/app'):
    return f'{registry.host}/{name}'


def assert_rejected(result, dest, *parts):
    assert result.error == 'NotTrusted', str(result)
    for part in parts:
        assert part in result.sentence, result.sentence
    assert not os.path.lexists(dest)


# Without signatures.

def test_rejected_image_is_not_even_requested(faulty_registry, env, folder, client, dest):
    faulty_registry.add('team/app', samples.small())
    policy = signatures.write_policy(
        env, folder, {'default': [ACCEPT],
                      'transports': {'docker': {f'{faulty_registry.host}/team': [REJECT]}}})
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, f'{name_of(faulty_registry)}:latest',
                    f'{policy} rejects it (rule reject, scope docker:{faulty_registry.host}/team)')
    assert not faulty_registry.requests


def test_no_spelling_of_a_host_avoids_its_scope(faulty_registry, env, folder, client, work):
    faulty_registry.add('team/app', samples.small())
    port = faulty_registry.host.rpartition(':')[2]
    policy = signatures.scoped(f'localhost:{port}', REJECT)
    signatures.write_policy(env, folder, {**policy, 'default': [ACCEPT]})
    for host in ('localhost', 'LocalHost'):
        result = client.fail(f'docker://{host}:{port}/team/app', work / host, '--not-secure')
        assert_rejected(result, work / host, f'(rule reject, scope docker:localhost:{port})')
    assert faulty_registry.requests == []


def test_most_specific_scope_accepts(faulty_registry, env, folder, client, dest):
    faulty_registry.add('team/app', samples.small())
    signatures.write_policy(
        env, folder, {'default': [REJECT], 'transports': {'docker': {
            faulty_registry.host: [REJECT], f'{faulty_registry.host}/team/app': [ACCEPT]}}})
    client.bootstrap(faulty_registry.reference('team/app'), dest)
    assert (dest / 'etc/greeting').exists()


def test_rule_without_support_rejects_what_it_decides_about(
        faulty_registry, env, folder, client, work):
    for name in ('team/app', 'free/app'):
        faulty_registry.add(name, samples.small())
    signatures.write_policy(
        env, folder, {'default': [ACCEPT], 'transports': {'docker': {
            f'{faulty_registry.host}/team': [
                {'type': 'signedBy', 'keyType': 'GPGKeys', 'keyPath': '/k.gpg'}]}}})
    result = client.fail(faulty_registry.reference('team/app'), work / 'one')
    assert_rejected(result, work / 'one', 'has a rule for it that is not supported (rule signedBy')
    client.bootstrap(faulty_registry.reference('free/app'), work / 'two')


@pytest.mark.parametrize('document, reason', [
    (b'{"default": [', 'The signature policy is not valid JSON'),
    (b'{"default": [{"type": "acceptAnything"}]}', "unknown type 'acceptAnything'"),
    (b'{"default": [{"type": "reject"}], "default": []}', 'duplicate'),
    (b'[' * 100_000, 'The signature policy is not'),
    pytest.param(b' ' * (1 << 20) + b'{}', 'File too large', id='too-large'),
])
def test_policy_with_a_mistake_accepts_nothing(
        faulty_registry, env, folder, client, dest, document, reason):
    faulty_registry.add('team/app', samples.small())
    policy = signatures.write_policy(env, folder, document)
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, str(policy), reason)


def test_policy_that_is_configured_must_exist(faulty_registry, env, folder, client, dest):
    faulty_registry.add('team/app', samples.small())
    policy = signatures.write_policy(env, folder, {'default': [ACCEPT]})
    policy.unlink()
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, f'Cannot open {policy}: No such file')


@pytest.mark.root
def test_policy_of_a_user_is_in_the_users_configuration(
        faulty_registry, env, user, tmp_path, dest):
    faulty_registry.add('team/app', samples.small())
    place = tmp_path / 'user/.config/containers'
    place.mkdir(parents=True)
    (place / 'policy.json').write_text(json.dumps({'default': [REJECT]}))
    for path in (place, *place.parents[:2]):
        os.chown(path, programs.UID, programs.UID)
    result = user.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, f'{place}/policy.json rejects it (rule reject, scope default)')


def test_key_that_cannot_be_used_rejects(faulty_registry, signed, key, client, dest):
    key.public.write_text('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n')
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, f'{key.public} is not a usable key')
    key.public.unlink()
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, f'Cannot open {key.public}')


@pytest.mark.parametrize('script', ['exit 0', 'kill -9 $$', 'exec sleep 0'])
def test_trust_worker_that_says_nothing_accepts_nothing(
        faulty_registry, env, folder, client, dest, script):
    faulty_registry.add('team/app', samples.small())
    signatures.write_policy(env, folder, {'default': [ACCEPT]})
    env['VIRTBOOTSTRAP_WORKERS'] = str(programs.wrap_workers(
        folder / 'workers', f'[ $STEP = trust ] && {script}\nexec "$WORKER"\n'))
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert result.error == 'WorkerFailed'
    assert result.sentence.startswith('The trust worker ')
    assert not os.path.lexists(dest) and not faulty_registry.requests


# Images in files.

@pytest.mark.parametrize('kind', archives.KINDS)
def test_image_in_files_is_in_the_scopes_of_its_transport(
        everything, env, folder, client, work, kind):
    signatures.write_policy(env, folder, signatures.scoped('', ACCEPT, transport=kind))
    client.bootstrap(everything[kind], work / 'accepted')
    signatures.write_policy(
        env, folder, {'default': [ACCEPT], 'transports': {kind: {'': [REJECT]}}})
    result = client.fail(everything[kind], work / 'rejected')
    assert_rejected(result, work / 'rejected', f'(rule reject, scope {kind}:)', kind)


def test_path_of_an_image_in_files_is_a_scope_whatever_links_lead_to_it(
        layouts, env, folder, client, work):
    real = layouts['order']
    (folder / 'link').symlink_to(real)
    signatures.write_policy(
        env, folder, {'default': [ACCEPT], 'transports': {'oci': {str(real.parent): [REJECT]}}})
    result = client.fail(f'oci:{folder}/link', work / 'one')
    assert_rejected(result, work / 'one', f'(rule reject, scope oci:{real.parent})')


def test_image_in_files_cannot_be_signed(layouts, env, folder, key, client, dest):
    signatures.write_policy(env, folder, {'default': [signatures.signed(key)]})
    result = client.fail(f'oci:{layouts["order"]}', dest)
    assert_rejected(result, dest,
                    'demands a signature, which only an image from a registry can have')


# Attached signatures.

@pytest.mark.parametrize('kind', signatures.KINDS)
def test_attached_signature_is_accepted(
        docker_registry, env, folder, client, dest, kind):
    key = signatures.Key(folder, kind=kind)
    name = f'trust/{kind}'
    digest = docker_registry.put(name, 'latest', samples.small())
    signatures.write_policy(
        env, folder, signatures.scoped(name_of(docker_registry, name), signatures.signed(key)))
    signatures.attach_signed(docker_registry, name, digest, key, name_of(docker_registry, name))
    client.bootstrap(docker_registry.reference(name), dest)
    assert (dest / 'etc/greeting').exists()


def test_unsigned_image_is_rejected_before_its_layers_are_fetched(
        faulty_registry, signed, client, dest):
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, f'{name_of(faulty_registry)}:latest',
                    'demands a signature (rule sigstoreSigned, scope '
                    f'docker:{faulty_registry.host}/team)', f'but {signed} has none')
    layer = samples.small().layers[0].digest
    assert faulty_registry.count(layer) == 0


def test_image_from_the_cache_is_judged_as_well(
        faulty_registry, env, folder, key, client, work):
    digest = faulty_registry.add('team/app', samples.small())
    client.bootstrap(faulty_registry.reference('team/app'), work / 'one')
    signatures.write_policy(
        env, folder, signatures.scoped(f'{faulty_registry.host}/team', signatures.signed(key)))
    result = client.fail(faulty_registry.reference('team/app'), work / 'two')
    assert_rejected(result, work / 'two', f'but {digest} has none')
    result = client.fail(faulty_registry.reference('team/app'), work / 'two', '--offline')
    assert_rejected(result, work / 'two', 'which is not in the cache, and nothing is fetched offline')


def changed(body):
    return body.replace(b'sha256:', b'sha256:0', 1)[:-1] + b' }'


def _attached(registry, digest, key, other):
    """What is attached to an image, and why it is refused."""
    name, right = name_of(registry), signatures.payload(digest, name_of(registry))
    wrong = 'sha256:' + 'a' * 64

    def sign(body, by=key):
        return [(body, by.sign(body))]

    def payload(*args, **more):
        return sign(signatures.payload(*args, **more))

    return {
        'another key': (sign(right, other), "it is not by the rule's key"),
        'another digest': (payload(wrong, name), f'it is of {wrong}, not of {digest}'),
        'another repository': (payload(digest, f'{registry.host}/team/other'),
                               'which matchRepository does not accept'),
        'another type': (payload(digest, name, kind='atomic container signature'),
                         "has the type 'atomic container signature'"),
        'not JSON': (sign(b'hello'), 'The signed payload is not valid JSON'),
        'deep JSON': (sign(b'{"a":' + b'[' * 50_000), 'The signed payload is not valid JSON'),
        'no signature': ([(right, None)], "it is not by the rule's key"),
        'not base64': ([(right, '?' * 96)], 'it is not base64'),
        'changed payload': ([(right.replace(b'null', b'true'), key.sign(right))],
                            "it is not by the rule's key"),
        'an unknown condition': (sign(right.replace(b'"critical": {', b'"critical": {"until": 1, ')),
                                 "unknown key 'until'"),
        'several': (sign(right, other) + payload(wrong, name),
                    f"it is not by the rule's key; attached signature: it is of {wrong}"),
        'more than listed': (sign(right, other) * 6, '; and 2 more'),
    }


ATTACHED = ['another key', 'another digest', 'another repository', 'another type', 'not JSON',
            'deep JSON', 'no signature', 'not base64', 'changed payload', 'an unknown condition',
            'several', 'more than listed']


@pytest.mark.parametrize('what', ATTACHED)
def test_wrong_attached_signature_is_refused_with_the_reason(
        faulty_registry, signed, key, other_key, client, dest, what):
    attached, reason = _attached(faulty_registry, signed, key, other_key)[what]
    signatures.attach(faulty_registry, 'team/app', signed, attached)
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, f'scope docker:{faulty_registry.host}/team)',
                    'none is accepted: attached signature: ', reason)


def test_one_right_signature_among_wrong_ones_is_enough(
        faulty_registry, signed, key, other_key, client, dest):
    body = signatures.payload(signed, name_of(faulty_registry))
    signatures.attach(faulty_registry, 'team/app', signed,
                      [(b'hello', key.sign(b'hello')), (body, other_key.sign(body)),
                       (body, key.sign(body))])
    client.bootstrap(faulty_registry.reference('team/app'), dest)


def test_every_rule_must_be_satisfied(
        faulty_registry, env, folder, key, other_key, client, work):
    digest = faulty_registry.add('team/app', samples.small())
    signatures.write_policy(env, folder, signatures.scoped(
        f'{faulty_registry.host}/team', signatures.signed(key), signatures.signed(other_key)))
    body = signatures.payload(digest, name_of(faulty_registry))
    both = [(body, key.sign(body)), (body, other_key.sign(body))]
    signatures.attach(faulty_registry, 'team/app', digest, both[:1])
    result = client.fail(faulty_registry.reference('team/app'), work / 'one')
    assert_rejected(result, work / 'one', "it is not by the rule's key")
    signatures.attach(faulty_registry, 'team/app', digest, both)
    client.bootstrap(faulty_registry.reference('team/app'), work / 'two')


def test_identity_without_a_tag_is_not_the_default(
        faulty_registry, env, folder, key, client, work):
    """As in containers/image; cosign signs without tags."""
    digest = faulty_registry.add('team/app', samples.small())
    signatures.write_policy(env, folder, signatures.scoped(
        f'{faulty_registry.host}/team', signatures.signed(key, identity=None)))
    signatures.attach_signed(faulty_registry, 'team/app', digest, key, name_of(faulty_registry))
    result = client.fail(faulty_registry.reference('team/app'), work / 'one')
    assert_rejected(result, work / 'one', 'which matchRepoDigestOrExact does not accept')
    client.bootstrap(faulty_registry.reference(f'team/app@{digest}'), work / 'two')


def test_signature_of_the_index_counts_and_not_that_of_a_manifest(
        faulty_registry, env, folder, key, client, work):
    one = samples.small()
    manifest = faulty_registry.add('team/app', one, tag='single')
    index = faulty_registry.add_manifest(
        'team/app', image.index([image.manifest_descriptor(one)]), image.OCI_INDEX)
    signatures.write_policy(
        env, folder, signatures.scoped(f'{faulty_registry.host}/team', signatures.signed(key)))
    signatures.attach_signed(faulty_registry, 'team/app', manifest, key, name_of(faulty_registry))
    result = client.fail(faulty_registry.reference('team/app'), work / 'one')
    assert_rejected(result, work / 'one', f'but {index} has none')
    signatures.attach_signed(faulty_registry, 'team/app', index, key, name_of(faulty_registry))
    client.bootstrap(faulty_registry.reference('team/app'), work / 'two')


def test_signatures_of_a_mirror_are_for_the_registrys_name(
        faulty_registry, other_registry, signed, env, folder, key, client, work):
    other_registry.add('team/app', samples.small())
    conf = folder / 'registries.conf'
    conf.write_text(f'[[registry]]\nprefix = "{faulty_registry.host}"\n'
                    f'location = "{faulty_registry.host}"\n'
                    f'[[registry.mirror]]\nlocation = "{other_registry.host}"\ninsecure = true\n')
    env['CONTAINERS_REGISTRIES_CONF'] = str(conf)
    reference = faulty_registry.reference('team/app')
    signatures.attach_signed(other_registry, 'team/app', signed, key, name_of(other_registry))
    result = client.fail(reference, work / 'one')
    assert_rejected(result, work / 'one', f"it is for '{name_of(other_registry)}', which")
    signatures.attach_signed(other_registry, 'team/app', signed, key, name_of(faulty_registry))
    client.bootstrap(reference, work / 'two')
    assert not faulty_registry.count('/manifests/sha256-' + signed[7:] + '.sig')


def test_mirror_without_signatures_does_not_hide_those_of_the_registry(
        faulty_registry, other_registry, signed, env, folder, key, client, work):
    other_registry.add('team/app', samples.small())
    env['CONTAINERS_REGISTRIES_CONF'] = str(folder / 'registries.conf')
    (folder / 'registries.conf').write_text(
        f'[[registry]]\nlocation = "{faulty_registry.host}"\n'
        f'[[registry.mirror]]\nlocation = "{other_registry.host}"\ninsecure = true\n')
    offer_referrers(other_registry, signed, [])
    result = client.fail(faulty_registry.reference('team/app'), work / 'one')
    assert_rejected(result, work / 'one', f'but {signed} has none')
    offer_referrers(faulty_registry, signed, [signatures.bundle(key, signatures.statement(signed))])
    client.bootstrap(faulty_registry.reference('team/app'), work / 'two')
    assert not faulty_registry.count(samples.small().layers[0].digest)


def test_mirror_with_signatures_of_one_form_needs_no_registry(
        other_registry, env, folder, key, client, dest):
    gone = f'127.0.0.1:{free_port()}'
    digest = other_registry.add('team/app', samples.small())
    signatures.write_policy(env, folder, signatures.scoped(gone, signatures.signed(key)))
    env['CONTAINERS_REGISTRIES_CONF'] = str(folder / 'registries.conf')
    (folder / 'registries.conf').write_text(
        f'[[registry]]\nlocation = "{gone}"\n'
        f'[[registry.mirror]]\nlocation = "{other_registry.host}"\ninsecure = true\n')
    signatures.attach_signed(other_registry, 'team/app', digest, key, f'{gone}/team/app')
    offer_referrers(other_registry, digest, [])
    client.bootstrap(f'docker://{gone}/team/app', dest)
    assert (dest / 'etc/greeting').exists()


@pytest.mark.root
def test_signatures_are_read_without_network_and_files_by_who_is_not_root(
        faulty_registry, signed, key, client, dest):
    body = signatures.payload(signed, name_of(faulty_registry))
    signatures.attach(faulty_registry, 'team/app', signed, [(body, key.sign(body))])
    gate = faulty_registry.gate(image.digest_of(body), 0)
    process = client.start('--not-secure', faulty_registry.reference('team/app'), dest)
    try:
        wait_for(lambda: faulty_registry.count(image.digest_of(body)), 'the signature to be fetched')
        trust = wait_for(lambda: worker_of('trust', process), 'the trust worker')
        wait_for(lambda: status_of(trust)['Seccomp'] == '2', 'its sandbox')
        assert '0' not in status_of(trust)['Uid'].split()
        assert status_of(trust)['CapEff'] == '0' * 16
        assert os.readlink(f'/proc/{trust}/ns/net') != os.readlink('/proc/self/ns/net')
        assert sorted(map(int, os.listdir(f'/proc/{trust}/fd'))) == [0, 1, 2, 3]
    finally:
        gate.set()
    client.finish(process)


# Hostile registries.

def test_hundred_thousand_signatures_are_refused(faulty_registry, signed, key, client, dest):
    body = signatures.payload(signed, name_of(faulty_registry))
    layer = signatures.attached_layer(body, None)
    short = json.dumps({'mediaType': layer['mediaType'], 'size': 1, 'digest': layer['digest']},
                       separators=(',', ':'))
    small = '{"layers":[' + ','.join([short] * 20_000) + ']}'
    signatures.put(faulty_registry, 'team/app', signatures.tag_of(signed, '.sig'),
                   small.encode(), [body])
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, 'The image has more than 64 signatures')
    large = '{"layers":[' + ','.join([short] * 100_000) + ']}'
    signatures.put(faulty_registry, 'team/app', signatures.tag_of(signed, '.sig'),
                   large.encode(), [body])
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, 'none is accepted: attached signature: ', '4194304 bytes')


def test_signature_of_two_gigabytes_is_not_fetched(faulty_registry, signed, key, client, dest):
    body = signatures.payload(signed, name_of(faulty_registry))
    layer = {**signatures.attached_layer(body, key.sign(body)), 'size': 2 << 30}
    signatures.put(faulty_registry, 'team/app', signatures.tag_of(signed, '.sig'),
                   signatures.manifest([layer]), [signatures.EMPTY, body])
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, f'it has {2 << 30} bytes, more than 131072')
    assert faulty_registry.count(layer['digest']) == 0


def test_signatures_have_a_ceiling_together(faulty_registry, signed, key, client, dest):
    bodies = [samples.noise(100_000, seed) for seed in range(25)]
    signatures.attach(faulty_registry, 'team/app', signed, [(one, 'Zm9v') for one in bodies])
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, "it is not by the rule's key", '; and 21 more')
    digests = [image.digest_of(one) for one in bodies]
    assert sum(faulty_registry.count(one) for one in digests) == 20


def test_signature_that_is_longer_than_stated_is_refused(
        faulty_registry, signed, key, client, dest):
    body = signatures.payload(signed, name_of(faulty_registry))
    signatures.attach(faulty_registry, 'team/app', signed, [(body, key.sign(body))])
    faulty_registry.fault(image.digest_of(body), faulty.longer)
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, 'none is accepted: attached signature: Cannot fetch the blob')


def test_registry_that_refuses_signatures_is_quoted(faulty_registry, signed, client, dest):
    faulty_registry.fault('.sig', faulty.error(403, 'DENIED', 'not for you'))
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, 'attached signature: Cannot fetch the manifest', 'not for you')


# Bundles.

def offer_referrers(registry, digest, bundles, **more):
    """By the API, which the tests' own registry does not have by itself."""
    index = signatures.refer(registry, 'team/app', digest, bundles, **more)
    del registry.manifests['team/app', signatures.tag_of(digest)]
    registry.fault(f'/referrers/{digest}', faulty.status(200, index, Content_Type=image.OCI_INDEX))


@pytest.mark.parametrize('kind', signatures.KINDS)
def test_bundle_is_found_by_the_tag_where_there_is_no_list_of_referrers(
        docker_registry, env, folder, client, dest, kind):
    key = signatures.Key(folder, kind=kind)
    name = f'trust/bundle-{kind}'
    digest = docker_registry.put(name, 'latest', samples.small())
    signatures.write_policy(
        env, folder, signatures.scoped(name_of(docker_registry, name), signatures.signed(key)))
    signatures.refer(docker_registry, name, digest,
                     [signatures.bundle(key, signatures.statement(digest))])
    client.bootstrap(docker_registry.reference(name), dest)
    assert (dest / 'etc/greeting').exists()


def test_bundle_is_found_in_the_list_of_referrers(faulty_registry, signed, key, client, dest):
    offer_referrers(faulty_registry, signed,
                    [signatures.bundle(key, signatures.statement(signed))])
    client.bootstrap(faulty_registry.reference('team/app'), dest)
    assert faulty_registry.count(f'/referrers/{signed}') == 1
    assert faulty_registry.count(signatures.tag_of(signed) + '.sig') == 1


def _bundles(registry, digest, key, other):
    """What refers to an image, and why it is refused."""
    right, wrong = signatures.statement(digest), 'sha256:' + 'a' * 64
    return {
        'another key': (signatures.bundle(other, right), "it is not by the rule's key"),
        'another artifact': (signatures.bundle(key, signatures.statement(wrong)),
                             f'its statement is about something else than {digest}'),
        'another name': (
            signatures.bundle(key, signatures.statement(digest, f'{registry.host}/team/x')),
            'which matchRepository does not accept'),
        'another payload type': (signatures.bundle(key, right, payload_type='text/plain'),
                                 "'payloadType' in the DSSE envelope is 'text/plain'"),
        'another version': (
            signatures.bundle(key, right, media_type='application/vnd.dev.sigstore.bundle.v9+json'),
            "'mediaType' in the Sigstore bundle is"),
        'an attestation': (
            signatures.bundle(key, signatures.statement(
                digest, predicate='https://slsa.dev/provenance/v1')),
            "it is an attestation of the type 'https://slsa.dev/provenance/v1'"),
        'not JSON': (b'hello', 'The Sigstore bundle is not valid JSON'),
        'deep JSON': (b'{"a":' + b'[' * 50_000, 'The Sigstore bundle is not valid JSON'),
        'many signatures': (
            b'{"mediaType":"%s","dsseEnvelope":{"payloadType":"%s","payload":"","signatures":[%s]}}'
            % (signatures.BUNDLE_TYPE.encode(), signatures.IN_TOTO.encode(),
               b','.join([b'{}'] * 40_000)), 'has 40000 signatures, not 1'),
        'too large': (b' ' * 131073, 'it has 131073 bytes, more than 131072'),
    }


BUNDLES = ['another key', 'another artifact', 'another name', 'another payload type',
           'another version', 'an attestation', 'not JSON', 'deep JSON', 'many signatures',
           'too large']


@pytest.mark.parametrize('what', BUNDLES)
def test_wrong_bundle_is_refused_with_the_reason(
        faulty_registry, signed, key, other_key, client, dest, what):
    one, reason = _bundles(faulty_registry, signed, key, other_key)[what]
    offer_referrers(faulty_registry, signed, [one])
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, f'scope docker:{faulty_registry.host}/team)',
                    'none is accepted: Sigstore bundle: ', reason)


def test_attestations_do_not_count_as_signatures(faulty_registry, signed, key, client, dest):
    statement = signatures.statement(signed, predicate='https://slsa.dev/provenance/v1')
    offer_referrers(faulty_registry, signed, [signatures.bundle(key, statement)],
                    predicate='https://slsa.dev/provenance/v1')
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, f'but {signed} has none')


def test_manifest_of_a_bundle_with_two_layers_is_refused(
        faulty_registry, signed, key, client, dest):
    one = signatures.bundle(key, signatures.statement(signed))
    body = signatures.manifest([signatures.descriptor(signatures.BUNDLE_TYPE, one)] * 2)
    signatures.put(faulty_registry, 'team/app', 'x', body, [one])
    signatures.put(faulty_registry, 'team/app', signatures.tag_of(signed),
                   image.index([signatures.referrer(body)]), [], image.OCI_INDEX)
    result = client.fail(faulty_registry.reference('team/app'), dest)
    assert_rejected(result, dest, 'The manifest of a Sigstore bundle has 2 layers, not 1')


def test_registry_without_a_good_list_does_not_spoil_an_attached_signature(
        faulty_registry, signed, key, client, dest):
    signatures.attach_signed(faulty_registry, 'team/app', signed, key, name_of(faulty_registry))
    faulty_registry.fault('/referrers/', faulty.status(400, b'what?'))
    client.bootstrap(faulty_registry.reference('team/app'), dest)


# The commands.

def test_required_signature_must_be_demanded_by_a_rule(
        faulty_registry, env, folder, key, client, work):
    digest = faulty_registry.add('team/app', samples.small())
    policy = signatures.write_policy(env, folder, {'default': [ACCEPT]})
    reference = faulty_registry.reference('team/app')
    result = client.fail(reference, work / 'one', '--require-signed')
    assert_rejected(result, work / 'one',
                    f'a signature is required, but {policy} demands none '
                    '(rule insecureAcceptAnything, scope default)')
    assert not faulty_registry.requests
    signatures.write_policy(
        env, folder, signatures.scoped(f'{faulty_registry.host}/team', signatures.signed(key)))
    signatures.attach_signed(faulty_registry, 'team/app', digest, key, name_of(faulty_registry))
    client.bootstrap(reference, work / 'two', '--require-signed')


def test_required_signature_is_for_registries(layouts, client, dest):
    result = client.fail(f'oci:{layouts["order"]}', dest, '--require-signed')
    assert result.error == 'InvalidOption'
    assert '"require-signed" is for registries only' in result.sentence


def verify(client, reference, *args, expect=0):
    result = client.run('verify', '--json', '--not-secure', *args, reference, expect=expect)
    return json.loads(result.out)


def test_verify_tells_which_rule_accepts(faulty_registry, signed, key, env, client):
    signatures.attach_signed(faulty_registry, 'team/app', signed, key, name_of(faulty_registry))
    answer = verify(client, faulty_registry.reference('team/app'))
    assert answer == {
        'accepted': True, 'name': f'{name_of(faulty_registry)}:latest', 'digest': signed,
        'policy': str(key.public.parent / 'policy.json'), 'rule': 'sigstoreSigned',
        'scope': f'docker:{faulty_registry.host}/team', 'reason': '',
        'keys': [{'fingerprint': key.fingerprint, 'origin': str(key.public)}],
        'signatures': [{'form': 'attached', 'fingerprint': key.fingerprint,
                        'identity': name_of(faulty_registry)}]}
    text = client.run('verify', '--not-secure', faulty_registry.reference('team/app')).out
    for part in (signed, 'accepted', f'{key.fingerprint} ({key.public})', 'sigstoreSigned'):
        assert part in text
    assert faulty_registry.count(samples.small().layers[0].digest) == 0


def test_verify_tells_why_it_is_rejected(faulty_registry, signed, other_key, client):
    offer_referrers(faulty_registry, signed,
                    [signatures.bundle(other_key, signatures.statement(signed))])
    answer = verify(client, faulty_registry.reference('team/app'), expect=1)
    assert not answer['accepted'] and answer['digest'] == signed and not answer['signatures']
    assert "Sigstore bundle: it is not by the rule's key" in answer['reason']
    text = client.run('verify', '--not-secure', faulty_registry.reference('team/app'), expect=1).out
    assert 'rejected' in text and "it is not by the rule's key" in text


def test_verify_with_a_key_needs_no_policy(
        faulty_registry, key, other_key, env, folder, client):
    digest = faulty_registry.add('team/app', samples.small())
    signatures.write_policy(env, folder, {'default': [REJECT]})
    offer_referrers(faulty_registry, digest,
                    [signatures.bundle(key, signatures.statement(digest))])
    reference = faulty_registry.reference('team/app')
    answer = verify(client, reference, '--key', key.public)
    assert answer['accepted'] and answer['policy'] == '' and answer['rule'] == 'sigstoreSigned'
    assert [one['form'] for one in answer['signatures']] == ['bundle']
    answer = verify(client, reference, '--key', other_key.public, expect=1)
    assert 'the given key demands a signature' in answer['reason']
    assert not verify(client, reference, expect=1)['accepted']


def test_verify_tells_that_everything_is_accepted(faulty_registry, env, folder, client):
    digest = faulty_registry.add('team/app', samples.small())
    signatures.write_policy(env, folder, {'default': [ACCEPT]})
    reference = faulty_registry.reference('team/app')
    answer = verify(client, reference)
    assert answer['accepted'] and answer['rule'] == 'insecureAcceptAnything'
    assert answer['digest'] == digest
    assert not verify(client, reference, '--require-signed', expect=1)['accepted']


def test_verify_of_what_does_not_exist_is_an_error(faulty_registry, signed, client):
    result = client.run('verify', '--json', '--not-secure',
                        faulty_registry.reference('team/other'), expect=1)
    assert 'MANIFEST_UNKNOWN' in result.sentence or 'not here' in result.sentence


def test_inspect_shows_what_the_policy_rejects(faulty_registry, env, folder, client):
    faulty_registry.add('team/app', samples.small())
    signatures.write_policy(env, folder, {'default': [REJECT]})
    client.run('inspect', '--not-secure', faulty_registry.reference('team/app'))
