# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Python module finds what its user has logged in with, as the client does: test_credentials.py has the details."""

import base64
import json
import os
import pathlib

import pytest

from conftest import PASSWORD, USER
from support import faulty, samples


@pytest.fixture
def private(faulty_registry):
    """A reference that wants the right user name and password."""
    faulty_registry.add('small', samples.small())
    faulty_registry.fault('', faulty.basic(USER, PASSWORD))
    return faulty_registry.reference('small')


def auth(password=PASSWORD):
    return {'auth': base64.b64encode(f'{USER}:{password}'.encode()).decode()}


@pytest.mark.parametrize('variable, place', [
    ('REGISTRY_AUTH_FILE', '{}'), ('XDG_RUNTIME_DIR', '{}/containers/auth.json'),
    ('XDG_CONFIG_HOME', '{}/containers/auth.json'), ('HOME', '{}/.config/containers/auth.json'),
    ('DOCKER_CONFIG', '{}/config.json'), ('HOME', '{}/.docker/config.json')])
def test_who_has_logged_in_needs_no_password(module, faulty_registry, private, folder, dest, variable, place):
    value = folder / 'value'
    path = pathlib.Path(place.format(value))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({'auths': {'elsewhere.example': auth('other'), faulty_registry.host: auth()}}))
    module.bootstrap(private, dest, env={variable: str(value)})
    assert (dest / 'etc/greeting').exists()


@pytest.mark.parametrize('keys, is_right', [
    (['{}/small', '!{}'], True), (['!{}/small', '{}'], False), (['{}/other', '!{}'], False), (['!{}/smal', '{}'], True),
    (['http://{}/v1/'], True), (['!http://{}/v1/', '{}'], True)])
def test_longest_key_for_the_image_counts(module, faulty_registry, private, folder, dest, keys, is_right):
    """With ! in front of it, a wrong password."""
    path = folder / 'auth.json'
    path.write_text(json.dumps({'auths': {
        key.lstrip('!').format(faulty_registry.host): auth('wrong' if key.startswith('!') else PASSWORD)
        for key in keys}}))
    result = module.run(private, dest, env={'REGISTRY_AUTH_FILE': str(path)})
    assert result.error == ('' if is_right else 'AccessDenied')


@pytest.mark.parametrize('key', ['credHelpers', 'credsStore'])
def test_credential_helper_is_asked(module, faulty_registry, private, folder, dest, key):
    helper = folder / 'docker-credential-test'
    answer = json.dumps({'ServerURL': '', 'Username': USER, 'Secret': PASSWORD})
    helper.write_text(f"#!/bin/sh\n[ \"$1 $(cat)\" = 'get {faulty_registry.host}' ] || exit 1\n"
                      f"cat <<'E'\n{answer}\nE\n")
    helper.chmod(0o755)
    (folder / 'auth.json').write_text(json.dumps(
        {key: {faulty_registry.host: 'test'} if key == 'credHelpers' else 'test', 'auths': {faulty_registry.host: {}}}))
    module.bootstrap(private, dest, env={'REGISTRY_AUTH_FILE': f'{folder}/auth.json',
                                         'PATH': f'{folder}:{os.environ["PATH"]}'})


@pytest.mark.parametrize('text, kind, sentence', [
    (None, 'InvalidOption', 'Cannot open the credentials file {path}: No such file or directory'),
    ('{{', 'InvalidOption', 'The credentials file {path} is broken: it is not JSON'),
    ('[]', 'InvalidOption', 'The credentials file {path} is broken: it is not a JSON object'),
    ('{{"auths": 7}}', 'InvalidOption', 'The credentials file {path} is broken: "auths" or'),
    ('{{"auths": {{"{host}": {{"auth": "secret"}}}}}}', 'InvalidOption',
     'The credentials file {path} is broken: "{host}" has no usable credentials'),
    ('{{"credHelpers": {{"{host}": "a/b"}}}}', 'InvalidOption', 'it has a credential helper without a usable name'),
    ('{{"credsStore": "none-such"}}', 'Failed', 'The credential helper none-such for {host} is not installed'),
    ('{{"auths": {{"elsewhere": {{}}}}}}', 'AuthenticationRequired', 'requires authentication')])
def test_credentials_that_cannot_be_used_are_told(module, faulty_registry, private, folder, dest, text, kind, sentence):
    path = folder / 'auth.json'
    if text:
        path.write_text(text.format(host=faulty_registry.host))
    message = module.fail(private, dest, kind, env={'REGISTRY_AUTH_FILE': str(path)})
    assert sentence.format(host=faulty_registry.host, path=path) in message and 'secret' not in message
