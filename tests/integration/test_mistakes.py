# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mistakes on the command line: the sentence leads to the right command, the status says whose mistake it was."""

import pytest

USAGE = 'usage: virt-bootstrap [OPTION…] URI DEST (see virt-bootstrap --help)'
INVALID = [
    # Commands
    ('lst', 'Unknown command "lst"; did you mean "list"?'),
    ('mnoitor', 'Unknown command "mnoitor"; did you mean "monitor"?'),
    ('help', 'Unknown command "help"; did you mean "--help"?'),
    ('images', 'Unknown command "images"; did you mean "cache list"?'),
    ('rm sha256:1', 'Unknown command "rm"; did you mean "cache remove"?'),
    ('pull docker://debian', f'Unknown command "pull"; {USAGE}'),
    ('list docker://debian d', 'Too many arguments; usage: virt-bootstrap list (see virt-bootstrap --help)'),
    ('frobnicate', f'Unknown command "frobnicate"; {USAGE}'),
    ('cache prun', 'Unknown command "cache prun"; did you mean "cache prune"?'),
    ('cache nonsense', 'Unknown command "cache nonsense"; see virt-bootstrap --help'),
    # Options
    ('--formt dir a b', 'Unknown option "--formt"; did you mean "--format"?'),
    ('--qwertyuiop a b', 'Unknown option "--qwertyuiop"; see virt-bootstrap --help'),
    ('--s', 'Option "--s" is ambiguous: it could be --status-only, --size, --share-layers, --system'),
    ('--offline=yes a b', 'Option "--offline" takes no argument'),
    ('--offl=yes a b', 'Option "--offline" takes no argument'),
    ('-Z a b', 'Unknown option "-Z"; see virt-bootstrap --help'),
    ('a b --format', 'Option "--format" requires an argument'),
    ('a b -f', 'Option "-f" requires an argument'),
    # Sources
    ('debian:12 d', 'The source "debian:12" is invalid; '
     'for a registry\'s image, use docker://docker.io/library/debian:12'),
    ('dockr://debian d', 'The source "dockr://debian" is invalid; did you mean docker://debian?'),
    ('docker:debian d', 'The source "docker:debian" is invalid; did you mean docker://debian?'),
    ('oci-archiv:x.tar d', 'The source "oci-archiv:x.tar" is invalid; did you mean oci-archive:x.tar?'),
    ('https://example.com/rootfs.tar.xz d', 'The source "https://example.com/rootfs.tar.xz" is invalid; '
     'download it, and use - for what comes from a pipe: curl URL | virt-bootstrap - DEST'),
    ('containers-storage:x d', 'The source "containers-storage:x" is invalid; '
     'use podman save IMAGE | virt-bootstrap docker-archive:- DEST'),
    ('docker-daemon:x d', 'The source "docker-daemon:x" is invalid; '
     'use docker save IMAGE | virt-bootstrap docker-archive:- DEST'),
    ('frob://x d', 'The source "frob://x" is invalid: expected docker://[HOST/]NAME[:TAG], '),
    ('docker://example.com/UPPER d', 'UPPER'),
    # What the daemon checks
    ('--platform arm64 docker://127.0.0.1:1/x d', 'Invalid platform \'arm64\''),
    ('--size 1 -f qcow2 docker://127.0.0.1:1/x d', 'Option "size" cannot be 1; expected '),
    ('--size 5G docker://127.0.0.1:1/x d', 'Option "size" needs the format qcow2'),
    # What the client checks
    ('--size much a b', '"much" is not a size'),
    ('--idmap x a b', '"x" is not an id range'),
    ('-f raw a b', 'Unknown format "raw"'),
    ('--digest x a b', '"x" is not a digest'),
    ('--root-password file:/none a b', 'Cannot open the password file /none: No such file or directory'),
]
MISSING = [
    ('debian d', 'debian: No such file or directory; '
     'for a registry\'s image, use docker://docker.io/library/debian:latest'),
    ('docker.io/library/debian:12 d', 'docker.io/library/debian:12: No such file or directory; '
     'for a registry\'s image, use docker://docker.io/library/debian:12'),
    ('oci://127.0.0.1:5917/tiny d', 'No such file or directory; '
     'for a registry\'s image, use docker://127.0.0.1:5917/tiny:latest'),
    ('rootfs.tar.xz d', 'rootfs.tar.xz: No such file or directory'),
    ('./debian d', '/debian: No such file or directory'),
]


@pytest.mark.parametrize('arguments, sentence', INVALID, ids=[one for one, _ in INVALID])
def test_wrong_usage_is_told_with_status_2_and_in_json(client, work, arguments, sentence):
    result = client.run('--json', *arguments.split(), expect=2, cwd=work)
    assert sentence in result.sentence, result.sentence
    finished, = result.events
    assert finished['event'] == 'finished' and finished['job'] is None
    assert finished['error'].rpartition('.')[2] in ('InvalidOption', 'InvalidReference')
    assert finished['message'] == result.sentence


@pytest.mark.parametrize('arguments, sentence', MISSING, ids=[one for one, _ in MISSING])
def test_missing_source_is_told_with_what_may_have_been_meant(client, work, arguments, sentence):
    result = client.run('--json', *arguments.split(), expect=1, cwd=work)
    assert result.error == 'NotFound' and result.sentence.endswith(sentence), result.sentence


def test_file_that_is_there_is_no_unknown_command(client, work):
    (work / 'pull').write_bytes(b'')
    result = client.run('--json', 'pull', 'd', expect=1, cwd=work)
    assert result.sentence.endswith('It is empty'), result.sentence


@pytest.mark.parametrize('size', ['64M', '64m', '64MB', '64MiB', '65536K', '67108864'])
def test_sizes_are_taken_as_people_write_them(client, work, size):
    result = client.run('--json', '-f', 'qcow2', '--size', size, 'docker://127.0.0.1:1/x', work / 'd',
                        expect=1)
    assert result.error == 'RegistryUnavailable'
