# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client in every language that it speaks."""

import gettext
import json
import pathlib
import re
import unicodedata

import pytest

from support import programs, samples
from support.bus import PATH

pytestmark = pytest.mark.root

LANGUAGES = [word for word in (programs.SOURCE / 'po/LINGUAS').read_text().splitlines()
             if not word.startswith('#')]
COLUMNS = 79
# Mounts the catalogs of this build where the installed ones would be, for the program alone.
SCRIPT = 'mount -t tmpfs none "$1"; mkdir -p "$2"; mount --bind "$3" "$2"; shift 3; exec "$@"'


def locale_folder():
    options = json.loads((programs.BUILD / 'meson-info/intro-buildoptions.json').read_text())
    value = {one['name']: one['value'] for one in options}
    return pathlib.Path(value['prefix']) / value['localedir']


@pytest.fixture
def speaking(env):
    """Makes clients that speak a language."""
    folder = locale_folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    prefix = ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', SCRIPT, 'sh',
              str(there), str(folder), str(programs.BUILD / 'po')]

    def speak(language):
        assert (programs.BUILD / f'po/{language}/LC_MESSAGES/virt-bootstrap.mo').exists()
        return programs.Client({**env, 'LANGUAGE': language}, prefix=prefix)
    return speak


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in 'WF' else 1
               for c in text)


def verbs(text):
    commands = text.partition('Commands:\n')[2].partition('\n\n')[0]
    found = re.findall(r'^  ([a-z][a-z-]+)', commands, re.M)
    assert {'list', 'inspect', 'cache', 'monitor'} <= set(found)
    return sorted(set(found))


@pytest.mark.parametrize('language', ['en', *LANGUAGES])
def test_help_of_every_command_fits_in_every_language(speaking, client, language):
    ours = client if language == 'en' else speaking(language)
    for args in ([], *([verb] for verb in verbs(client.run('--help').out))):
        for line in ours.run(*args, '--help').out.splitlines():
            assert width(line) <= COLUMNS, line


@pytest.mark.parametrize('language', LANGUAGES)
def test_help_is_translated_and_lacks_nothing(speaking, client, language):
    english, ours = client.run('--help').out, speaking(language).run('--help').out
    assert not set(re.findall(r'^[A-Z].*:$', english, re.M)) <= set(ours.splitlines())
    for word in (r'(?<!\S)--?[a-z][a-z-]*', r'^  [a-z][a-z-]+', r'[a-z-]+:(?=//|PATH|PFAD|CHEMIN)'):
        assert set(re.findall(word, english, re.M)) == set(re.findall(word, ours, re.M))


@pytest.mark.parametrize('language', LANGUAGES)
def test_job_is_followed_and_described_in_every_language(
        speaking, client, faulty_registry, work, language):
    faulty_registry.add('small', samples.small())
    reference, other = faulty_registry.reference('small'), speaking(language)
    english = client.bootstrap(reference, work / 'en')
    ours = other.bootstrap(reference, work / 'own')
    assert (work / 'own').is_dir()
    assert ours.err.replace('/own', '/en') != english.err
    assert 'Digest' in other.run('inspect', '--not-secure', reference).out
    assert other.run('inspect', '--not-secure', reference).out != client.run(
        'inspect', '--not-secure', reference).out


@pytest.mark.parametrize('language', LANGUAGES)
def test_what_scripts_read_is_the_same_in_every_language(
        speaking, client, faulty_registry, work, language):
    """Names, states and the sentences of errors; and the exit status."""
    faulty_registry.add('small', samples.small())
    for source in (faulty_registry.reference('small'), faulty_registry.reference('none'), 'docker://[',
                   'debian:12', '/nonexistent'):
        told = []
        for which in (client, speaking(language)):
            result = which.run('--json', '--not-secure', '--overwrite', source, work / 'root', expect=None)
            kept = [{key: value for key, value in event.items() if key in ('event', 'result', 'error', 'message')}
                    for event in result.events if event['event'] != 'progress']
            told.append((result.status, kept, {tuple(event) for event in result.events}))
        assert told[0][:2] == told[1][:2]
        assert told[0][2] == told[1][2] or told[0][0] == 0


@pytest.mark.parametrize('language', LANGUAGES)
def test_states_are_the_same_in_every_language(speaking, daemon, api, faulty_registry, work, language):
    faulty_registry.add('small', samples.small())
    reference, other = faulty_registry.reference('small'), speaking(language)
    other.where = [f'--address={daemon.address}']
    other.bootstrap(reference, work / 'first')
    job = other.bootstrap(reference, work / 'second', '--detach').out.strip()
    api.wait(f'{PATH}/job/{job}')
    shown = other.run('show', job).out
    assert re.search(r' unpacked, cached$', shown, re.M) and re.search(r': finished$', shown, re.M), shown
    assert other.run('list').out.count(' finished ') == 2


@pytest.mark.parametrize('language', LANGUAGES)
def test_seconds_have_the_point_of_sizes(language):
    """Both are beside each other, and sizes are the same in every language."""
    with (programs.BUILD / f'po/{language}/LC_MESSAGES/virt-bootstrap.mo').open('rb') as file:
        assert gettext.GNUTranslations(file).gettext('%u.%u s') == '%u.%u s'


@pytest.mark.parametrize('language', LANGUAGES)
def test_usage_mistake_has_its_status_and_sentence_in_every_language(speaking, client, language):
    for args in (['--formt=dir', 'a', 'b'], ['lst'], ['inspect']):
        told = [(result.status, result.sentence) for result in
                (which.run(*args, expect=2) for which in (client, speaking(language)))]
        assert told[0] == told[1]
