# SPDX-License-Identifier: LGPL-2.1-or-later
"""The completions, in the shells that they are for."""

import re
import shlex

import pytest

from support import image, samples, shells


@pytest.fixture(params=shells.ALL)
def shell(request, env, tmp_path):
    folder = tmp_path / 'shell'
    folder.mkdir()
    for name in ('layout', 'layers'):
        (folder / 'files' / name).mkdir(parents=True)
    (folder / 'bin').mkdir()
    (folder / 'files' / 'letter').write_text('secret\n')
    one = shells.ALL[request.param](env, folder)
    yield one
    one.close()


def candidates(shell, line, prefix=''):
    """Some shells offer the whole word, others what follows a colon or an equals sign in it."""
    return {one.removeprefix(prefix).rstrip('= ') for one in shell.complete(f'virt-bootstrap {line}')}


def test_every_option_of_the_help_is_offered(shell, client):
    help_text = client.run('--help').out
    told = set(re.findall(r'(?<![\w-])--[a-z][a-z-]+', help_text))
    assert candidates(shell, '--') - {'-', '--'} >= told


def test_option_is_completed(shell):
    assert candidates(shell, '--fo') == {'--format', '--force'}


@pytest.mark.parametrize('line', ['--format=', '--format ', '-f '])
def test_value_of_an_option(shell, line):
    assert candidates(shell, line, '--format=') >= {'dir', 'qcow2'}


def test_beginning_of_a_value(shell):
    assert candidates(shell, '--format=q', '--format=') == {'qcow2'}


@pytest.mark.parametrize('line', ['--root-password=file:files/le', '--password file:files/le'])
def test_file_with_a_password(shell, line):
    found, = shell.complete(f'virt-bootstrap {line}')
    assert found.removeprefix('--root-password=').removeprefix('file:') in ('files/letter', 'letter')


def test_commands_and_sources(shell):
    found = candidates(shell, '')
    assert {'list', 'show', 'attach', 'watch', 'cancel', 'inspect', 'list-tags', 'verify', 'cache', 'monitor'} <= found
    assert {'docker://', 'oci:', 'dir:', 'docker-archive:'} <= found
    assert candidates(shell, 'li') == {'list', 'list-tags'}


def test_commands_follow_options_with_values(shell):
    assert candidates(shell, '--platform linux/arm64 --size=5G -u me ins') == {'inspect'}


def test_commands_of_the_cache(shell):
    assert candidates(shell, 'cache ') == {'list', 'blobs', 'verify', 'remove', 'prune'}


def test_command_without_arguments_has_no_candidates(shell):
    assert candidates(shell, 'list ') == set()


def test_path_in_a_source(shell):
    found = {one.rstrip('/').rpartition('/')[2] for one in shell.complete('virt-bootstrap inspect oci:files/la')}
    assert found == {'layout', 'layers'}


def test_destination_is_a_directory(shell):
    found = {one.rstrip('/').rpartition('/')[2] for one in shell.complete('virt-bootstrap docker://debian files/')}
    assert found == {'layout', 'layers'}


def test_jobs_of_the_daemon(shell, remote, tmp_path, dest):
    layout = image.write_layout(tmp_path / 'image', samples.small())
    job = remote.run('--json', f'oci:{layout}', dest).of('job')[0]['id']
    for command in ('show', 'attach', 'watch', 'cancel'):
        assert candidates(shell, f'{remote.where[0]} {command} ') == {job}


def test_images_of_the_cache(shell, remote, faulty_registry, dest, tmp_path):
    faulty_registry.add('short', samples.small())
    remote.run('--not-secure', faulty_registry.reference('short'), dest)
    # It has no name, and so is no candidate.
    remote.run(f'oci:{image.write_layout(tmp_path / "image", samples.order())}', tmp_path / 'other')
    assert candidates(shell, f'{remote.where[0]} cache remove ') == {f'{faulty_registry.host}/short:latest'}


# Daemons of other users and hosts name jobs and images as they like.
@pytest.mark.parametrize('command', ['show', 'cancel', 'cache remove'])
@pytest.mark.parametrize('name', [
    '$(touch${IFS}RUN)', '`touch${IFS}RUN`', "x';touch${IFS}RUN;'", 'docker.io/$(touch${IFS}RUN):1'])
def test_name_from_a_daemon_is_quoted_and_not_run(shell, tmp_path, command, name):
    stand_in = tmp_path / 'shell' / 'bin' / 'virt-bootstrap'
    stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" {shlex.quote(name)}\n')
    stand_in.chmod(0o755)
    assert shlex.split(shell.insert(f'virt-bootstrap {command} '))[-1] == name
    assert not (tmp_path / 'shell' / 'RUN').exists()


@pytest.mark.parametrize('source', ['oci:', 'oci-archive:', 'file://', ''])
def test_path_in_a_directory_with_a_blank(shell, tmp_path, source):
    folder = tmp_path / 'shell' / 'with blank'
    (folder / 'inner').mkdir(parents=True)
    typed = f'{folder}/' if source == 'file://' else 'with blank/'
    line = shell.insert('virt-bootstrap inspect ' + source + typed.replace(' ', '\\ '))
    assert shlex.split(line)[-1].rstrip('/') == f'{source}{typed}inner'
