# SPDX-License-Identifier: LGPL-2.1-or-later
"""Credentials as people have them: files that others wrote, helpers, identity tokens; and the administrator's file."""

import base64
import json
import os
import pathlib
import re

import pytest

from conftest import PASSWORD, USER
from support import faulty, programs, samples
from support.process import descendants, in_mount_namespace, run, wait_for

# Where the client looks, below the user's home, in order. The tests' $XDG_RUNTIME_DIR is that, too.
PLACES = ['containers/auth.json', '.config/containers/auth.json', '.docker/config.json']


def auth(user=USER, password=PASSWORD):
    return {'auth': base64.b64encode(f'{user}:{password}'.encode()).decode()}


WRONG = auth(password='tr0ub4dor')


@pytest.fixture
def home(env):
    return pathlib.Path(env['HOME'])


@pytest.fixture
def put(home):
    """Writes a file in the home: entries by key, and whatever else."""
    def write(place, auths=None, **more):
        path = home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({'auths': auths or {}, **more}, indent=1))
        return path
    return write


@pytest.fixture
def helper(env, home):
    """Installs a credential helper, for sh, whose name is 'test'; it may write into its directory, $D."""
    folder = home / 'helpers'
    folder.mkdir()
    env['PATH'] = f'{folder}:{env["PATH"]}'

    def install(script):
        path = folder / 'docker-credential-test'
        path.write_text(f'#!/bin/sh\nD={folder}\n{script}\n')
        path.chmod(0o755)
        return folder
    return install


def answer(user=USER, secret=PASSWORD):
    return f"cat <<'E'\n{json.dumps({'ServerURL': 'x', 'Username': user, 'Secret': secret})}\nE"


def assert_denied(result, dest):
    """The credentials that were used are wrong."""
    assert result.error == 'AccessDenied'
    assert 'refuses the user name or password' in result.sentence
    assert not dest.exists()


def assert_anonymous(result, dest):
    assert result.error == 'AuthenticationRequired'
    assert not dest.exists()


# Files


@pytest.mark.parametrize('program', ['skopeo', 'podman'])
def test_who_has_logged_in_needs_no_password(program, basic_registry, client, env, home, dest):
    run([program, 'login', '--tls-verify=false', '-u', USER, '-p', PASSWORD, basic_registry.host], env=env)
    assert basic_registry.host in (home / PLACES[0]).read_text()
    client.bootstrap(basic_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


@pytest.mark.parametrize('program', ['skopeo', 'podman'])
def test_file_that_the_environment_names_is_used(program, basic_registry, client, env, tmp_path, put, dest):
    """As those programs do, which write there, too. No other file is."""
    put(PLACES[0], {basic_registry.host: WRONG})
    env['REGISTRY_AUTH_FILE'] = str(tmp_path / 'mine.json')
    run([program, 'login', '--tls-verify=false', '-u', USER, '-p', PASSWORD, basic_registry.host], env=env)
    assert basic_registry.host in (tmp_path / 'mine.json').read_text()
    client.bootstrap(basic_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


@pytest.mark.parametrize('place', PLACES)
def test_each_place_is_searched(place, basic_registry, client, put, dest):
    put(place, {basic_registry.host: auth()})
    client.bootstrap(basic_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


@pytest.mark.parametrize('first', [0, 1])
def test_first_file_with_an_entry_counts(first, basic_registry, client, put, dest):
    put(PLACES[0], {'127.0.0.1:1': WRONG})
    put(PLACES[first], {basic_registry.host: auth()})
    put(PLACES[first + 1], {basic_registry.host: WRONG})
    client.bootstrap(basic_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


@pytest.mark.parametrize('variable, name', [
    ('XDG_RUNTIME_DIR', 'containers/auth.json'), ('XDG_CONFIG_HOME', 'containers/auth.json'),
    ('DOCKER_CONFIG', 'config.json')])
def test_variables_move_the_places(variable, name, basic_registry, client, env, put, dest):
    path = put(f'elsewhere/{name}', {basic_registry.host: auth()})
    env[variable] = str(path).removesuffix(f'/{name}')
    client.bootstrap(basic_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


def test_longest_key_counts(basic_registry, client, put, dest):
    host = basic_registry.host
    put(PLACES[0], {f'{host}/tes': WRONG, f'{host}/test': auth(), f'{host}/test/smaller': WRONG, host: WRONG})
    client.bootstrap(basic_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


def test_entry_of_another_host_or_port_is_not_sent(basic_registry, client, put, dest):
    host = basic_registry.host
    put(PLACES[0], {key: auth() for key in (
        host.partition(':')[0], f'{host}0', f'{host}.evil.example', f'evil.{host}', '127.0.0.1:443', 'docker.io')})
    assert_anonymous(client.fail(basic_registry.reference('test/small'), dest), dest)


def test_inspect_uses_them(basic_registry, client, put):
    put(PLACES[2], {f'http://{basic_registry.host}/v1/': auth()})
    result = client.run('inspect', '--json', '--not-secure', basic_registry.reference('test/small'))
    assert json.loads(result.out)['Layers']


def test_list_tags_uses_them(basic_registry, client, put):
    put(PLACES[2], {basic_registry.host: auth()})
    result = client.run('list-tags', '--not-secure', basic_registry.reference('test/small'))
    assert result.out == 'latest\n'


def test_bearer_authentication_uses_them(token_registry, token_server, client, put, dest):
    put(PLACES[0], {token_registry.host: auth()})
    client.bootstrap(token_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()
    query, right = token_server.requests[-1]
    assert right and query['account'] == [USER]


def test_option_precedes_the_files(basic_registry, client, put, tmp_path, dest):
    put(PLACES[0], {basic_registry.host: WRONG})
    (tmp_path / 'password').write_text(PASSWORD)
    client.bootstrap(basic_registry.reference('test/small'), dest,
                     '-u', USER, '-p', f'file:{tmp_path / "password"}')
    assert (dest / 'etc/greeting').exists()


def test_wrong_entry_is_told(basic_registry, client, put, dest):
    put(PLACES[0], {basic_registry.host: WRONG})
    result = client.fail(basic_registry.reference('test/small'), dest)
    assert_denied(result, dest)
    assert 'tr0ub4dor' not in result.out + result.err


@pytest.mark.parametrize('text, problem', [
    ('{"auths": {\n"x": {"auth": geheim}}}', ' is broken in line 2: it is not JSON'),
    ('{"auths": {\n"x": {\n"auth": "geheim', ' is broken in line 3: it ends too early'),
    ('{"auths": "geheim"}', ' is broken: "auths" is not an object'),
    ('{"auths": {"HOST": {"auth": "geheim"}}}', ' is broken: "HOST" has no user name and password in base64'),
])
def test_broken_file_is_named_with_the_line_and_not_quoted(
        text, problem, basic_registry, client, put, dest):
    path = put(PLACES[0])
    path.write_text(text.replace('HOST', basic_registry.host))
    result = client.fail(basic_registry.reference('test/small'), dest)
    assert result.error == 'InvalidOption'
    assert f'{path}{problem.replace("HOST", basic_registry.host)}' in result.sentence
    assert 'geheim' not in result.out + result.err
    assert not dest.exists()


def test_file_of_the_environment_that_does_not_exist_is_named(basic_registry, client, env, tmp_path, dest):
    env['REGISTRY_AUTH_FILE'] = str(tmp_path / 'none')
    result = client.fail(basic_registry.reference('test/small'), dest)
    assert result.error == 'InvalidOption'
    assert f'Cannot open the credentials file {tmp_path}/none: No such file or directory' in result.sentence


def test_files_are_not_read_when_nothing_is_fetched(docker_registry, client, env, put, home, work, layouts):
    docker_registry.put('credentials/small', 'latest', samples.small())
    reference = docker_registry.reference('credentials/small')
    client.bootstrap(reference, work / 'first')
    put(PLACES[0]).write_text('broken')
    assert client.fail(reference, work / 'second').error == 'InvalidOption'
    client.bootstrap(reference, work / 'third', '--offline')
    client.run(f'oci:{layouts["order"]}', work / 'fourth')


# Mirrors and aliases


@pytest.fixture
def registries(env, tmp_path):
    def write(text):
        path = tmp_path / 'registries.conf'
        path.write_text(text)
        env['CONTAINERS_REGISTRIES_CONF'] = str(path)
    return write


def mirrored(origin, mirror):
    return f'[[registry]]\nlocation = "{origin}"\n[[registry.mirror]]\nlocation = "{mirror}"\ninsecure = true\n'


def test_mirror_gets_its_own_entry(basic_registry, faulty_registry, client, registries, put, dest):
    """The registry itself does not have the image, and is not asked."""
    registries(mirrored(f'{faulty_registry.host}/far', f'{basic_registry.host}/test'))
    put(PLACES[0], {faulty_registry.host: WRONG, f'{basic_registry.host}/far': WRONG,
                    f'{basic_registry.host}/test': auth()})
    client.bootstrap(faulty_registry.reference('far/small'), dest)
    assert (dest / 'etc/greeting').exists()
    assert faulty_registry.requests == []


def test_mirror_gets_its_own_entry_beside_a_user_name_for_the_registry(
        basic_registry, faulty_registry, client, registries, put, dest):
    registries(mirrored(f'{faulty_registry.host}/far', f'{basic_registry.host}/test'))
    put(PLACES[0], {faulty_registry.host: WRONG, basic_registry.host: auth()})
    client.bootstrap(faulty_registry.reference('far/small'), dest, '-u', USER, '-p', 'tr0ub4dor')
    assert (dest / 'etc/greeting').exists()
    assert faulty_registry.requests == []


def test_mirror_whose_helper_fails_is_asked_without_credentials(
        basic_registry, faulty_registry, client, registries, put, helper, dest):
    helper('echo the keyring is locked; exit 1')
    registries(mirrored(f'{faulty_registry.host}/far', f'{basic_registry.host}/test'))
    faulty_registry.add('far/small', samples.small())
    faulty_registry.fault('', faulty.basic(USER, PASSWORD))
    put(PLACES[0], {faulty_registry.host: auth()}, credHelpers={basic_registry.host: 'test'})
    client.bootstrap(faulty_registry.reference('far/small'), dest)
    assert (dest / 'etc/greeting').exists()


def test_entry_is_that_of_what_an_alias_stands_for(basic_registry, client, registries, put, dest):
    registries(f'[aliases]\nsmall = "{basic_registry.host}/test/small"\n')
    put(PLACES[0], {'docker.io': WRONG, basic_registry.host: auth()})
    client.bootstrap('docker://small', dest)
    assert (dest / 'etc/greeting').exists()


# Helpers


@pytest.mark.parametrize('setting', ['credHelpers', 'credsStore'])
def test_helper_is_asked_for_the_host(setting, basic_registry, client, put, helper, dest):
    """By standard input. Docker leaves an entry with nothing in it."""
    folder = helper(f'cat >$D/input; echo "$@" >$D/arguments; {answer()}')
    host = basic_registry.host
    put(PLACES[2], {host: {}}, **{setting: {host: 'test'} if setting == 'credHelpers' else 'test'})
    client.bootstrap(basic_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()
    assert (folder / 'input').read_text() == host
    assert (folder / 'arguments').read_text() == 'get\n'


def test_helper_of_the_host_precedes_entries_and_those_precede_the_store(
        basic_registry, docker_registry, client, put, helper, work):
    folder = helper(f'cat >>$D/input; {answer()}')
    host = basic_registry.host
    put(PLACES[0], {host: WRONG}, credHelpers={host: 'test'})
    client.bootstrap(basic_registry.reference('test/small'), work / 'first')
    (folder / 'input').unlink()
    put(PLACES[0], {host: auth()}, credsStore='test')
    client.bootstrap(basic_registry.reference('test/small'), work / 'second')
    assert not (folder / 'input').exists()


def test_helper_of_another_host_is_not_asked(basic_registry, client, put, helper, dest):
    folder = helper(f'cat >$D/input; {answer()}')
    put(PLACES[0], credHelpers={'127.0.0.1:1': 'test', '127.0.0.1': 'test'})
    assert_anonymous(client.fail(basic_registry.reference('test/small'), dest), dest)
    assert not (folder / 'input').exists()


def test_helper_without_credentials_leaves_it_to_the_next_file(basic_registry, client, put, helper, dest):
    helper('echo credentials not found in native keychain; exit 1')
    put(PLACES[0], credsStore='test')
    put(PLACES[2], {basic_registry.host: auth()})
    client.bootstrap(basic_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


@pytest.mark.parametrize('script, problem', [
    ('echo the keyring is locked; exit 1', 'docker-credential-test has no credentials for HOST: the keyring is locked'),
    ('echo geheim', 'docker-credential-test gives no usable credentials for HOST'),
    (None, 'The credential helper docker-credential-test for HOST is not installed'),
])
def test_failure_of_a_helper_is_told(script, problem, basic_registry, client, put, helper, dest):
    if script:
        helper(script)
    path = put(PLACES[2], credsStore='test')
    result = client.fail(basic_registry.reference('test/small'), dest)
    assert result.sentence == f'{path}: {problem.replace("HOST", basic_registry.host)}'
    assert 'geheim' not in result.out + result.err


@pytest.mark.root
def test_helper_runs_as_the_user(user, home, put, helper, basic_registry, dest):
    folder = helper(f'id -u >$D/who; {answer()}')
    put(PLACES[0], credsStore='test')
    for path in [home, *home.rglob('*')]:
        os.chown(path, programs.UID, programs.UID)
    user.bootstrap(basic_registry.reference('test/small'), dest)
    assert (folder / 'who').read_text().strip() == str(programs.UID)


# Identity tokens


@pytest.mark.parametrize('way', ['file', 'helper'])
def test_identity_token_is_exchanged_by_post(way, token_registry, token_server, client, put, helper, dest):
    host = token_registry.host
    if way == 'file':
        put(PLACES[2], {host: {**auth(password=''), 'identitytoken': token_server.IDENTITY}})
    else:
        helper(answer('<token>', token_server.IDENTITY))
        put(PLACES[2], credHelpers={host: 'test'})
    gets, posts = len(token_server.requests), len(token_server.posts)
    client.bootstrap(token_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()
    assert len(token_server.requests) == gets
    assert len(token_server.posts) == posts + 1
    path, authorization, form = token_server.posts[-1]
    assert path == '/token' and authorization is None
    assert form == {
        'grant_type': ['refresh_token'], 'client_id': ['virt-bootstrap'], 'service': [token_server.SERVICE],
        'scope': ['repository:test/small:pull'], 'refresh_token': [token_server.IDENTITY]}


def test_identity_token_that_is_refused_is_told(token_registry, client, put, dest):
    put(PLACES[2], {token_registry.host: {'identitytoken': 'geheim'}})
    result = client.fail(token_registry.reference('test/small'), dest)
    assert result.error == 'AccessDenied'
    assert 'refuses the identity token' in result.sentence
    assert 'geheim' not in result.out + result.err


def test_identity_token_is_of_no_use_where_a_password_is_asked_for(basic_registry, client, put, dest):
    put(PLACES[2], {basic_registry.host: {'identitytoken': 'geheim'}})
    assert_anonymous(client.fail(basic_registry.reference('test/small'), dest), dest)


# Token servers


TOKEN = faulty.answer_to('/token', b'{"token": "t"}')
SECRETS = [auth(), {'identitytoken': 'geheim'}]


def other_name(registry):
    """Another host's URL of the same server."""
    return registry.url.replace('127.0.0.1', 'localhost')


@pytest.fixture
def with_token_server(faulty_registry, other_registry):
    """A registry that sends its client to a host of another name for tokens."""
    faulty_registry.add('image', samples.small())
    faulty_registry.fault('', faulty.bearer(f'{other_name(other_registry)}/token', 'test'))
    other_registry.fault('', TOKEN)
    return faulty_registry


@pytest.mark.parametrize('secret', SECRETS)
def test_nothing_secret_goes_to_a_token_server_elsewhere(
        secret, with_token_server, other_registry, client, put, dest):
    put(PLACES[0], {with_token_server.host: secret})
    result = client.fail(with_token_server.reference('image'), dest)
    assert result.error == 'RegistryError'
    host = other_registry.host.replace('127.0.0.1', 'localhost')
    assert f'{with_token_server.host} wants its credentials to be sent to {host}, which is not its own host' in \
        result.sentence
    assert 'TokenServers=' in result.sentence
    assert other_registry.requests == []
    assert not dest.exists()


def test_password_of_the_command_line_does_not_go_there_either(
        with_token_server, other_registry, client, tmp_path, dest):
    (tmp_path / 'password').write_text(PASSWORD)
    result = client.fail(with_token_server.reference('image'), dest,
                         '-u', USER, '-p', f'file:{tmp_path / "password"}')
    assert result.error == 'RegistryError' and 'TokenServers=' in result.sentence
    assert other_registry.requests == []


def test_token_server_elsewhere_gives_tokens_to_everybody(with_token_server, other_registry, client, dest):
    client.bootstrap(with_token_server.reference('image'), dest)
    assert (dest / 'etc/greeting').exists()
    assert [headers.get('Authorization') for _, _, headers in other_registry.requests] == [None]


@pytest.mark.parametrize('secret', SECRETS)
def test_token_server_that_is_configured_gets_them(
        secret, with_token_server, other_registry, client, env, put, tmp_path, dest):
    config = tmp_path / 'virt-bootstrapd.conf'
    config.write_text(f'[Registry]\nTokenServers=other=localhost {with_token_server.host}=localhost\n')
    env['VIRTBOOTSTRAP_CONFIG'] = str(config)
    put(PLACES[0], {with_token_server.host: secret})
    client.bootstrap(with_token_server.reference('image'), dest)
    assert (dest / 'etc/greeting').exists()
    verb, _, headers = other_registry.requests[0]
    if 'auth' in secret:
        assert (verb, headers['Authorization']) == ('GET', f'Basic {secret["auth"]}')
    else:
        assert verb == 'POST' and b'refresh_token=geheim' in other_registry.bodies[0]


@pytest.mark.parametrize('code', [301, 302, 303, 307, 308])
def test_identity_token_does_not_follow_a_redirect(code, faulty_registry, other_registry, client, put, dest):
    for one in (faulty_registry, other_registry):
        one.add('image', samples.small())
    other_registry.fault('', TOKEN)
    faulty_registry.fault('/token', faulty.redirect(other_registry.url, code))
    faulty_registry.fault('', faulty.bearer(f'{faulty_registry.url}/token', 'test'))
    put(PLACES[0], {faulty_registry.host: {'identitytoken': 'geheim'}})
    result = client.fail(faulty_registry.reference('image'), dest)
    assert result.error == 'RegistryError'
    assert f'{faulty_registry.host} answered with status {code}' in result.sentence
    assert other_registry.requests == []


# The administrator's


@pytest.fixture
def administrator(env, tmp_path):
    """A configuration whose file with credentials has these entries."""
    def configure(auths=None, text=None):
        path = tmp_path / 'system-auth.json'
        path.write_text(json.dumps({'auths': auths}) if text is None else text)
        config = tmp_path / 'virt-bootstrapd.conf'
        config.write_text(f'[Registry]\nAuthFile={path}\n')
        env['VIRTBOOTSTRAP_CONFIG'] = str(config)
        return path
    return configure


def test_administrators_file_is_for_who_has_nothing(basic_registry, client, administrator, dest):
    administrator({'127.0.0.1:1': WRONG, basic_registry.host: auth()})
    client.bootstrap(basic_registry.reference('test/small'), dest)
    assert (dest / 'etc/greeting').exists()


def test_inspect_uses_the_administrators_file(basic_registry, api, client, administrator):
    administrator({basic_registry.host: auth()})
    result = client.run('inspect', '--json', '--not-secure', basic_registry.reference('test/small'))
    assert json.loads(result.out)['Layers']


def test_verify_uses_the_administrators_file(basic_registry, client, administrator):
    administrator({basic_registry.host: auth()})
    result = client.run('verify', '--json', '--not-secure', basic_registry.reference('test/small'))
    assert json.loads(result.out)['digest']


def test_users_own_precede_the_administrators(basic_registry, client, put, administrator, dest):
    administrator({basic_registry.host: auth()})
    put(PLACES[0], {basic_registry.host: WRONG})
    assert_denied(client.fail(basic_registry.reference('test/small'), dest), dest)


def test_option_precedes_the_administrators(basic_registry, client, administrator, dest):
    administrator({basic_registry.host: auth()})
    result = client.fail(basic_registry.reference('test/small'), dest, '-u', USER, '-p', 'tr0ub4dor')
    assert_denied(result, dest)


def test_broken_file_of_the_administrator_is_named_with_the_line(basic_registry, client, administrator, dest):
    path = administrator(text='{"auths": {\n\n"x": geheim}}')
    result = client.fail(basic_registry.reference('test/small'), dest)
    assert result.error == 'InvalidOption'
    assert f'{path} is broken in line 3: it is not JSON' in result.sentence
    assert 'geheim' not in result.out + result.err


def test_missing_file_of_the_administrator_is_named(basic_registry, client, administrator, dest):
    path = administrator({})
    path.unlink()
    result = client.fail(basic_registry.reference('test/small'), dest)
    assert f'Cannot open the credentials file {path} of AuthFile=: No such file or directory' in result.sentence


@pytest.mark.root
def test_systems_file_is_used_without_a_setting(basic_registry, env, tmp_path, work):
    """By root, who may read it."""
    system = tmp_path / 'containers'
    system.mkdir()
    (system / 'auth.json').write_text(json.dumps({'auths': {basic_registry.host: auth()}}))
    (system / 'auth.json').chmod(0o600)
    client = programs.Client(env, prefix=in_mount_namespace([(system, '/etc/containers')], []))
    client.bootstrap(basic_registry.reference('test/small'), work / 'root')
    assert (work / 'root/etc/greeting').exists()


@pytest.mark.root
def test_systems_file_that_a_user_may_not_read_is_no_error(docker_registry, user, tmp_path, dest):
    docker_registry.put('credentials/small', 'latest', samples.small())
    system = tmp_path / 'containers'
    system.mkdir()
    (system / 'auth.json').write_text('broken')
    (system / 'auth.json').chmod(0o600)
    user.prefix = in_mount_namespace([(system, '/etc/containers')], user.prefix)
    user.bootstrap(docker_registry.reference('credentials/small'), dest)
    assert (dest / 'etc/greeting').exists()


# What passes on the way


def test_descriptor_over_the_bus(basic_registry, api, tmp_path, dest):
    path = tmp_path / 'auth.json'
    path.write_text(json.dumps({'auths': {basic_registry.host: auth()}}))
    with open(path, 'rb') as f:
        _, job = api.bootstrap(basic_registry.reference('test/small'), dest, auth_fd=('h', f))
    assert api.wait(job) == ('done', '', '')


def test_user_name_precedes_the_descriptor(basic_registry, api, tmp_path, dest):
    path, secret = tmp_path / 'auth.json', tmp_path / 'password'
    path.write_text(json.dumps({'auths': {basic_registry.host: auth()}}))
    secret.write_text('tr0ub4dor')
    with open(path, 'rb') as f, open(secret, 'rb') as g:
        _, job = api.bootstrap(basic_registry.reference('test/small'), dest, auth_fd=('h', f),
                               username=('s', USER), password_fd=('h', g))
    result, error, message = api.wait(job)
    assert (result, error.rpartition('.')[2]) == ('failed', 'AccessDenied')
    assert 'refuses the user name or password' in message


def test_broken_descriptor_is_told(basic_registry, api, tmp_path, dest):
    path = tmp_path / 'auth.json'
    path.write_text('{\n')
    with open(path, 'rb') as f:
        _, job = api.bootstrap(basic_registry.reference('test/small'), dest, auth_fd=('h', f))
    result, error, message = api.wait(job)
    assert (result, error.rpartition('.')[2]) == ('failed', 'InvalidOption')
    assert 'The file with credentials is broken in line 2: it ends too early' in message


@pytest.fixture
def at_work(faulty_registry, put):
    """A private image of which a layer does not come before the event; its credentials are in a file."""
    one = samples.large(8)
    faulty_registry.add('private', one)
    faulty_registry.fault('', faulty.basic(USER, PASSWORD))
    put(PLACES[0], {faulty_registry.host: auth()})
    digest = one.layers[0].digest
    return digest, faulty_registry.gate(digest, len(one.layers[0].blob) // 2)


def test_no_command_line_environment_or_log_has_them(at_work, faulty_registry, client, dest):
    digest, gate = at_work
    secrets = [PASSWORD.encode(), auth()['auth'].encode()]
    process = client.start('--not-secure', '--debug', '--json', faulty_registry.reference('private'), dest)
    try:
        wait_for(lambda: digest in faulty_registry.blob_requests(), 'the transfer')
        texts = [b'']
        for pid in (process.pid, *descendants(process.pid)):
            for name in ('cmdline', 'environ'):
                try:
                    texts.append(pathlib.Path(f'/proc/{pid}/{name}').read_bytes())
                except (FileNotFoundError, ProcessLookupError):  # it has ended
                    continue
        assert len(texts) >= 8  # the client's, the daemon's, and workers'
        assert not [text for text in texts for secret in secrets if secret in text]
    finally:
        gate.set()
        result = client.finish(process)
    assert not [secret for secret in secrets if secret.decode() in result.out + result.err]


def test_bus_and_log_of_the_daemon_have_none(basic_registry, daemon_on, env, put, dest):
    """As a monitor of the bus sees it, which gets what the client sends."""
    put(PLACES[0], {basic_registry.host: auth()})
    daemon = daemon_on(options=['--log-level=debug'])
    client = programs.Client(env, daemon.address)
    with programs.Monitor(daemon.address) as monitor:
        client.bootstrap(basic_registry.reference('test/small'), dest)
        seen = monitor.read_until(b'JobFinished')
    assert b'auth-fd' in seen
    for secret in (PASSWORD.encode(), auth()['auth'].encode()):
        assert secret not in seen
        assert secret not in daemon.errors.read_bytes()


def test_client_that_has_them_dumps_no_core(at_work, faulty_registry, env, dest):
    digest, gate = at_work
    client = programs.Client(env, prefix=['prlimit', '--core=1048576:1048576'])
    process = client.start('--not-secure', faulty_registry.reference('private'), dest)
    wait_for(lambda: digest in faulty_registry.blob_requests(), 'the transfer')
    limits = pathlib.Path(f'/proc/{process.pid}/limits').read_text()
    gate.set()
    client.finish(process)
    assert re.search(r'^Max core file size +0 +0 ', limits, re.MULTILINE), limits
