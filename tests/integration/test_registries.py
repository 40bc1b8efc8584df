# SPDX-License-Identifier: LGPL-2.1-or-later
"""registries.conf(5): which files count, and what they say about names: blocked ones, aliases, other places."""

import json
import os
import shutil

import pytest

from support import faulty, image, programs, samples
from support.process import in_mount_namespace

SHORT_NAMES = '/etc/containers/registries.conf.d/shortnames.conf'


@pytest.fixture
def one(faulty_registry):
    faulty_registry.add('team/image', samples.small())
    return faulty_registry


def place(host, prefix='reg.example', more=''):
    return f'[[registry]]\nprefix = "{prefix}"\nlocation = "{host}"\ninsecure = true\n{more}\n'


def test_image_is_fetched_from_its_location_and_keeps_its_name(one, registries, client, dest, cache):
    registries(place(f'{one.host}/team', 'reg.example/group'))
    client.run('docker://reg.example/group/image:latest', dest)
    assert (dest / 'etc/greeting').exists()
    index = json.loads((cache / 'index.json').read_text())
    assert 'reg.example/group/image:latest' in json.dumps(index)
    assert one.host not in json.dumps(index)
    # It is that image, wherever it was fetched.
    shutil.rmtree(dest)
    client.run('--offline', 'docker://reg.example/group/image:latest', dest)


def test_prefix_may_be_a_domain(one, registries, client, dest):
    registries(place(one.host, '*.example'))
    client.run('docker://any.host.example:5000/team/image', dest)
    assert (dest / 'etc/greeting').exists()


def test_blocked_image_is_refused_and_nobody_asked(one, registries, client, dest):
    path = registries(f'# Ours.\n[[registry]]\nlocation = "{one.host}/team"\nblocked = true\n')
    result = client.fail(one.reference('team/image'), dest)
    assert result.error == 'AccessDenied'
    assert result.sentence == (f'{one.host}/team/image:latest is blocked: see the prefix {one.host}/team in '
                               f'{path}, line 2')
    assert one.requests == [] and not dest.exists()


def test_blocked_image_is_not_inspected_and_not_taken_from_the_cache(one, registries, client, work):
    client.bootstrap(one.reference('team/image'), work / 'before')
    registries(f'[[registry]]\nlocation = "{one.host}"\nblocked = true\n')
    for args in (['inspect', '--not-secure', one.reference('team/image')],
                 ['--offline', '--not-secure', one.reference('team/image'), work / 'after']):
        result = client.run(*args, expect=1)
        assert 'is blocked' in result.sentence
    assert not (work / 'after').exists()


def test_tags_are_those_of_what_an_alias_stands_for(one, registries, client):
    one.fault('/tags/list', faulty.status(200, b'{"name": "team/image", "tags": ["latest"]}',
                                          Content_Type='application/json'))
    registries(f'[aliases]\nimage = "{one.host}/team/image"\n')
    assert 'latest' in client.run('list-tags', '--not-secure', 'docker://image').out
    registries(f'[aliases]\nimage = "{one.host}/team/image"\n'
               f'[[registry]]\nlocation = "{one.host}"\nblocked = true\n')
    asked = len(one.requests)
    assert 'is blocked' in client.run('list-tags', '--not-secure', 'docker://image', expect=1).sentence
    assert len(one.requests) == asked


def test_short_name_with_an_alias(one, registries, client, dest, cache):
    registries(f'[aliases]\nimage = "{one.host}/team/image"\n')
    client.bootstrap('docker://image', dest)
    assert (dest / 'etc/greeting').exists()
    assert f'{one.host}/team/image:latest' in (cache / 'index.json').read_text()
    shutil.rmtree(dest)
    client.bootstrap('docker://image:latest', dest, '--offline')


def test_short_name_without_an_alias_is_not_guessed(one, registries, client, dest):
    registries(f'unqualified-search-registries = ["{one.host}"]\nshort-name-mode = "disabled"\n'
               '[[registry]]\nlocation = "docker.io"\nblocked = true\n')
    result = client.fail('docker://team/image', dest)
    assert 'docker.io/team/image:latest is blocked' in result.sentence
    assert one.requests == []


@pytest.mark.parametrize('text, message', [
    ('[registries.search]\nregistries = ["docker.io"]\n',
     'line 1: the table [registries] is version 1 of the format, which is not supported'),
    ('[[registry]]\nlocation = "docker.io"\nblokced = true\n',
     'line 3: the key "blokced" is unknown here'),
    ('[[registry]\n', "line 1: expected ']' after the name of a table")],
    ids=['version-1', 'unknown', 'syntax'])
def test_file_that_is_not_understood_is_refused(one, registries, client, dest, text, message):
    path = registries(text)
    result = client.fail(one.reference('team/image'), dest)
    assert result.error == 'Failed'
    assert f'{path}, {message}' in result.sentence
    assert one.requests == [] and not dest.exists()


def test_file_that_is_not_understood_does_not_matter_to_tarballs(registries, client, dest, tmp_path):
    registries('[registries.search]\n')
    layout = image.write_layout(tmp_path / 'image', samples.small())
    client.run(f'oci:{layout}', dest)
    assert (dest / 'etc/greeting').exists()


def test_file_that_is_named_must_exist(one, env, client, dest):
    env['CONTAINERS_REGISTRIES_CONF'] = '/nonexistent/registries.conf'
    result = client.fail(one.reference('team/image'), dest)
    assert result.sentence == '/nonexistent/registries.conf does not exist'


def test_change_counts_from_the_next_job_on(one, registries, env, daemon_on, work):
    registries(f'[[registry]]\nlocation = "{one.host}"\n')
    daemon = daemon_on()
    client = programs.Client(env, daemon.address)
    client.bootstrap(one.reference('team/image'), work / 'one')
    registries(f'[[registry]]\nlocation = "{one.host}"\nblocked = true\n')
    assert 'is blocked' in client.fail(one.reference('team/image'), work / 'two').sentence


@pytest.fixture
def machine(env, tmp_path):
    """The configuration of a machine: writes files below /etc/containers; and a client there."""
    del env['CONTAINERS_REGISTRIES_CONF']
    folder = tmp_path / 'etc-containers'
    folder.mkdir()

    def write(name, text):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    return write, programs.Client(env, prefix=in_mount_namespace([(folder, '/etc/containers')], []))


@pytest.mark.root
def test_drop_ins_are_read_by_name_after_the_file(one, machine, work):
    write, client = machine
    write('registries.conf', place('wrong.invalid') + '[aliases]\nimage = "reg.example/wrong"\n')
    write('registries.conf.d/50-last.conf', place(one.host))
    write('registries.conf.d/10-first.conf', place('wrong.invalid') +
          '[aliases]\nimage = "reg.example/team/image"\n')
    write('registries.conf.d/99-other', place('wrong.invalid'))
    client.run('docker://reg.example/team/image', work / 'one')
    client.run('docker://image', work / 'two')
    assert (work / 'two/etc/greeting').exists()


@pytest.mark.root
def test_error_in_a_drop_in_names_it(one, machine, dest):
    write, client = machine
    write('registries.conf.d/50-wrong.conf', '[registries.block]\nregistries = []\n')
    result = client.fail(one.reference('team/image'), dest)
    assert '/etc/containers/registries.conf.d/50-wrong.conf, line 1: ' in result.sentence


@pytest.fixture
def at_home(env, tmp_path):
    """Writes files of a user's configuration."""
    folder = tmp_path / 'user/.config/containers'

    def write(name, text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return write


@pytest.mark.root
def test_files_of_a_user_replace_those_of_the_machine(one, machine, user, at_home, work):
    write, client = machine
    client.prefix += programs.AS_USER
    write('registries.conf.d/50-blocked.conf', f'[[registry]]\nlocation = "{one.host}"\nblocked = true\n')
    result = client.fail(one.reference('team/image'), work / 'blocked')
    assert 'is blocked' in result.sentence

    at_home('registries.conf.d/10-mine.conf', f'[[registry]]\nlocation = "{one.host}"\n')
    client.bootstrap(one.reference('team/image'), work / 'one')

    write('registries.conf.d/60-wrong.conf', '[registries.block]\nregistries = []\n')
    at_home('registries.conf', '')
    client.bootstrap(one.reference('team/image'), work / 'two')


@pytest.mark.root
def test_users_files_are_where_xdg_config_home_says(one, machine, user, at_home, env, tmp_path, work):
    """And not in the home then. It has to be an absolute path."""
    client = machine[1]
    client.prefix += programs.AS_USER
    at_home('registries.conf', f'[[registry]]\nlocation = "{one.host}"\nblocked = true\n')
    folder = tmp_path / 'elsewhere/containers/registries.conf.d'
    folder.mkdir(parents=True)
    (folder.parent / 'registries.conf').write_text('')
    (folder / 'alias.conf').write_text(f'[aliases]\nimage = "{one.host}/team/image"\n')
    elsewhere = {'XDG_CONFIG_HOME': str(tmp_path / 'elsewhere')}
    client.bootstrap('docker://image', work / 'one', env=elsewhere)
    assert (work / 'one/etc/greeting').exists()
    for other in ({}, {'XDG_CONFIG_HOME': 'elsewhere'}):
        assert 'is blocked' in client.fail(one.reference('team/image'), work / 'two', env=other).sentence


@pytest.mark.root
def test_root_does_not_read_the_files_of_its_home(one, machine, at_home, dest):
    at_home('registries.conf', '[registries.block]\nregistries = []\n')
    at_home('registries.conf.d/a.conf', '[registries.block]\nregistries = []\n')
    machine[1].bootstrap(one.reference('team/image'), dest)
    assert (dest / 'etc/greeting').exists()


@pytest.mark.skipif(not os.path.exists(SHORT_NAMES), reason='Debian\'s short names are not installed')
def test_short_names_of_debian_are_read(one, env, client, dest):
    env['CONTAINERS_REGISTRIES_CONF'] = SHORT_NAMES
    client.bootstrap(one.reference('team/image'), dest)
    assert (dest / 'etc/greeting').exists()
