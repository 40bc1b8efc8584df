# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an image would run: jobs tell it to their users."""

import json

import pytest

from support import image, programs, samples, tar
from support.bus import JOB
from support.process import wait_for
from support.terminal import print_on_terminal

CONFIG = {'Entrypoint': ['/bin/sh', '-c'], 'Cmd': ['exec nginx -g "daemon off;"\u001b[2J'],
          'User': 'www-data', 'WorkingDir': '/srv', 'Volumes': {'/data': {}}, 'ExposedPorts': {'80/tcp': {}},
          'StopSignal': 'SIGQUIT', 'Env': ['PATH=/bin', 'A=\u00e9']}
TOLD = {'entrypoint': ['/bin/sh', '-c'], 'cmd': ['exec nginx -g "daemon off;"?[2J'], 'user': 'www-data',
        'working-dir': '/srv', 'volumes': ['/data'], 'ports': ['80/tcp'], 'stop-signal': 'SIGQUIT',
        'env': ['PATH=/bin', 'A=\u00e9']}


def with_config(config):
    one = samples.large(8)
    one.config = image.dumps({
        'os': 'linux', 'architecture': image.MACHINE, 'config': config,
        'rootfs': {'type': 'layers', 'diff_ids': [layer.diff_id for layer in one.layers]}})
    return one


@pytest.fixture
def daemon(daemon_on):
    return daemon_on('peer')


@pytest.fixture
def api(daemon):
    connection = daemon.connect()
    yield connection
    connection.close()


@pytest.fixture
def remote(daemon, env):
    return programs.Client(env, daemon.address)


def config_of(api, job):
    return {key: value for key, (_, value) in api.get(job, JOB, 'Config').items()}


def test_job_tells_what_its_image_would_run_as_soon_as_that_is_known(api, faulty_registry, dest):
    one = with_config(CONFIG)
    faulty_registry.add('runs', one)
    manifest = faulty_registry.gate('/manifests/', 0)
    layer = faulty_registry.gate(one.layers[0].digest, 0)
    _, job = api.bootstrap(faulty_registry.reference('runs'), dest)
    assert config_of(api, job) == {}
    manifest.set()
    wait_for(lambda: api.get(job, JOB, 'Digest'), 'the image to be known')
    assert config_of(api, job) == TOLD
    layer.set()
    assert api.wait(job)[0] == 'done'
    assert config_of(api, job) == TOLD


def test_show_tells_it_in_one_row_and_as_json(api, remote, faulty_registry, dest):
    faulty_registry.add('runs', with_config(CONFIG))
    job_id, job = api.bootstrap(faulty_registry.reference('runs'), dest)
    api.wait(job)
    command = '/bin/sh -c \'exec nginx -g "daemon off;"?[2J\''
    assert f'Runs: {command} (in /srv, as www-data)\n' in remote.run('show', job_id).out
    assert json.loads(remote.run('show', '--json', job_id).out)['config'] == TOLD


def test_show_fits_the_terminal(api, remote, faulty_registry, dest):
    faulty_registry.add('runs', with_config({'Cmd': ['/bin/sh', '-c', 'a long script ' * 20]}))
    job_id, job = api.bootstrap(faulty_registry.reference('runs'), dest)
    api.wait(job)
    lines, status = print_on_terminal(remote.argv('show', job_id), remote.env, 80)
    assert status == 0
    assert max(map(len, lines)) <= 80, lines
    assert api.get(job, JOB, 'Digest') in map(str.strip, lines)
    assert 'a long script' in lines[-1] + lines[-2]


def test_tarball_runs_nothing(api, remote, tmp_path, dest):
    (tmp_path / 'a.tar').write_bytes(tar.archive([tar.file('a')]))
    job_id, job = api.bootstrap(str(tmp_path / 'a.tar'), dest)
    api.wait(job)
    assert config_of(api, job) == {}
    assert 'Runs' not in remote.run('show', job_id).out
    assert json.loads(remote.run('show', '--json', job_id).out)['config'] is None


def test_job_keeps_little_of_a_huge_configuration(api, faulty_registry, dest):
    faulty_registry.add('huge', with_config({'Env': [f'A{i}={"x" * 4000}' for i in range(200)], 'User': 'me'}))
    _, job = api.bootstrap(faulty_registry.reference('huge'), dest)
    assert api.wait(job)[0] == 'done'
    config = config_of(api, job)
    assert config['incomplete'] is True and len(config['env']) == 4


def test_index_runs_what_its_platform_does(api, faulty_registry, dest):
    ours, other = with_config({'Cmd': ['ours']}), image.Image([[]], architecture='other')
    for name, each in (('ours', ours), ('other', other)):
        faulty_registry.add(name, each)
    for each in (ours, other):
        for blob in each.blobs():
            faulty_registry.blobs[image.digest_of(blob)] = blob
        faulty_registry.add_manifest('both', each.manifest(), image.OCI_MANIFEST)
    faulty_registry.add_manifest('both', image.index(
        [image.manifest_descriptor(other), image.manifest_descriptor(ours)]), image.OCI_INDEX)
    _, job = api.bootstrap(faulty_registry.reference('both'), dest)
    assert api.wait(job)[0] == 'done'
    assert config_of(api, job) == {'cmd': ['ours']}


@pytest.mark.parametrize('config, sentence', [
    ({'Cmd': 'sh'}, "'Cmd' in the image configuration is not an array"),
    ({'Entrypoint': [1]}, "'Entrypoint' in the image configuration is not an array of strings"),
    ({'User': 0}, "'User' in the image configuration is not a string")])
def test_configuration_that_others_cannot_read_is_refused(client, faulty_registry, dest, config, sentence):
    faulty_registry.add('wrong', with_config(config))
    result = client.fail(faulty_registry.reference('wrong'), dest)
    assert result.error == 'UnsupportedImage'
    assert sentence in result.sentence
