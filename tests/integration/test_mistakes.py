# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mistakes that people make: each is told by one sentence, word for word, a name, and a status that says whose mistake it
was. A sentence leads to what would help."""

import os
import re
import shlex

import pytest

from support import image, process, programs, samples, tar
from support.process import free_port

HELP = '(see virt-bootstrap --help)'
USAGE = f'usage: virt-bootstrap [OPTION…] URI DEST {HELP}'
SOURCES = ('expected docker://[HOST/]NAME[:TAG], file:///PATH, oci:PATH[:REF], oci-archive:PATH[:REF], '
           'docker-archive:PATH[:REF], dir:PATH or virt-builder://TEMPLATE')
FOR_REGISTRY = 'for a registry\'s image, use docker://'
SWAPPED = 'd' + 'coker://debian'  # two letters are
MANIFEST = 'Cannot fetch the manifest {} of {}'
ONE = 'docker://127.0.0.1:1/x'
DIGEST = 'expected sha256: and 64, or sha512: and 128, lower-case hexadecimal digits'

# Command line, name, sentence; status 2, before there is a job. In braces: what the fixture `world` has.
USAGE_MISTAKES = [
    # Commands
    ('lst', 'InvalidOption', 'Unknown command "lst"; did you mean "list"?'),
    ('mnoitor', 'InvalidOption', 'Unknown command "mnoitor"; did you mean "monitor"?'),
    ('help', 'InvalidOption', 'Unknown command "help"; did you mean "--help"?'),
    ('images', 'InvalidOption', 'Unknown command "images"; did you mean "cache list"?'),
    ('rm sha256:1', 'InvalidOption', 'Unknown command "rm"; did you mean "cache remove"?'),
    ('remove sha256:1', 'InvalidOption', 'Unknown command "remove"; did you mean "cache remove"?'),
    ('delete sha256:1', 'InvalidOption', 'Unknown command "delete"; did you mean "cache remove"?'),
    ('pull docker://debian', 'InvalidOption', f'Unknown command "pull"; {USAGE}'),
    ('inspct docker://debian', 'InvalidOption', 'Unknown command "inspct"; did you mean "inspect"?'),
    ('rm docker://debian', 'InvalidOption', 'Unknown command "rm"; did you mean "cache remove"?'),
    ('ls docker://debian', 'InvalidOption', f'Unknown command "ls"; {USAGE}'),
    ('frobnicate', 'InvalidOption', f'Unknown command "frobnicate"; {USAGE}'),
    ('cache prun', 'InvalidOption', 'Unknown command "cache prun"; did you mean "cache prune"?'),
    ('cache nonsense', 'InvalidOption', 'Unknown command "cache nonsense"; see virt-bootstrap --help'),
    # Arguments
    ('', 'InvalidOption', f'Too few arguments; {USAGE}'),
    (ONE, 'InvalidOption', f'Too few arguments; {USAGE}'),
    (f'{ONE} {ONE} {{dest}}', 'InvalidOption', f'Too many arguments; {USAGE}'),
    ('list docker://debian d', 'InvalidOption', f'Too many arguments; usage: virt-bootstrap list [--all] {HELP}'),
    (f'{ONE} ""', 'InvalidOption', 'An argument is empty; usage: virt-bootstrap [OPTION…] URI DEST'),
    ('{work}/full docker://debian', 'InvalidReference',
     'The source {work}/full is a directory, neither a regular file nor a pipe; for an image in a directory, use oci:PATH or dir:PATH'),
    # Options
    ('--formt dir a b', 'InvalidOption', 'Unknown option "--formt"; did you mean "--format"?'),
    ('--qwertyuiop a b', 'InvalidOption', 'Unknown option "--qwertyuiop"; see virt-bootstrap --help'),
    ('--s', 'InvalidOption', 'Option "--s" is ambiguous: it could be --status-only, --size, --share-layers, --system'),
    ('--offline=yes a b', 'InvalidOption', 'Option "--offline" takes no argument'),
    ('--offl=yes a b', 'InvalidOption', 'Option "--offline" takes no argument'),
    ('-Z a b', 'InvalidOption', 'Unknown option "-Z"; see virt-bootstrap --help'),
    ('a b --format', 'InvalidOption', 'Option "--format" requires an argument'),
    ('a b -f', 'InvalidOption', 'Option "-f" requires an argument'),
    # Values
    ('--size much a b', 'InvalidOption',
     '"much" is not a size; expected a whole number with an optional unit K, M, G, T, P or E, such as 5G or 512MiB'),
    ('-f qcow2 --size 1 docker://127.0.0.1:1/x {dest}', 'InvalidOption',
     'Option "size" cannot be 1 byte; expected 8 MiB to 16 TiB'),
    ('--size 5G docker://127.0.0.1:1/x {dest}', 'InvalidOption', 'Option "size" needs the format qcow2 or raw'),
    ('--flatten docker://127.0.0.1:1/x {dest}', 'InvalidOption', 'Option "flatten" needs the format qcow2'),
    ('--share-layers docker://127.0.0.1:1/x {dest}.qcow2', 'InvalidOption',
     'Option "share-layers" is for chains of disk images; a single one contains all its layers (format raw, and qcow2 '
     'with "flatten")'),
    ('--in-place docker://127.0.0.1:1/x {dest}.raw', 'InvalidOption',
     'Option "in-place" is for directories; a single disk image is a file (format raw, and qcow2 with "flatten")'),
    ('-f dir a b.qcow2', 'InvalidOption',
     '"b.qcow2" is the name of a disk image, but --format dir makes a directory; leave out --format, or write '
     '"b.qcow2/" for a directory of this name'),
    ('-f raw a b.qcow2', 'InvalidOption',
     '"b.qcow2" is the name of a qcow2 image, but --format raw makes another one; leave out --format, or use a name '
     'that ends in .raw or .img'),
    ('-f qcow2 a b.raw', 'InvalidOption',
     '"b.raw" is the name of a raw image, but --format qcow2 makes another one; leave out --format, or use a name '
     'that ends in .qcow2 or .img'),
    ('-f qcow2 --flatten a b/', 'InvalidOption',
     '"b/" is the name of a directory, but --flatten makes a file; write it without "/" at its end'),
    ('--platform arm64 docker://127.0.0.1:1/x {dest}', 'InvalidOption',
     'Invalid platform \'arm64\': expected OS/ARCH[/VARIANT], such as linux/arm64 or linux/arm/v7'),
    ('--idmap 0:100000 a b', 'InvalidOption',
     '"0:100000" is not an id range; expected START:TARGET:COUNT, such as 0:100000:65536'),
    ('--idmap "" a b', 'InvalidOption',
     '"" is not an id range; expected START:TARGET:COUNT, such as 0:100000:65536'),
    ('--idmap 0:100000:10 --idmap 5:200000:10 a b', 'InvalidOption',
     'Id ranges 0:100000:10 and 5:200000:10 overlap'),
    ('-f vmdk a b', 'InvalidOption', 'Unknown format "vmdk"; expected dir, qcow2 or raw'),
    ('--digest x a b', 'InvalidOption', f'"x" is not a digest; {DIGEST}'),
    ('--root-password file:/none a b', 'InvalidOption',
     'Cannot open the password file /none: No such file or directory'),
    ('-u x --password file:/none a b', 'InvalidOption',
     'Cannot open the password file /none: No such file or directory'),
    # Sources
    (f'{SWAPPED} {{dest}}', 'InvalidReference', f'The source "{SWAPPED}" is invalid; did you mean docker://debian?'),
    ('docker:debian {dest}', 'InvalidReference',
     'The source "docker:debian" is invalid; did you mean docker://debian?'),
    ('oci-archiv:x.tar {dest}', 'InvalidReference',
     'The source "oci-archiv:x.tar" is invalid; did you mean oci-archive:x.tar?'),
    ('debian:12 {dest}', 'InvalidReference',
     f'The source "debian:12" is invalid; {FOR_REGISTRY}docker.io/library/debian:12'),
    ('https://example.com/rootfs.tar.xz {dest}', 'InvalidReference',
     'The source "https://example.com/rootfs.tar.xz" is invalid; '
     'download it, and use - for what comes from a pipe: curl URL | virt-bootstrap - DEST'),
    ('containers-storage:x {dest}', 'InvalidReference', 'The source "containers-storage:x" is invalid; '
     'use podman save IMAGE | virt-bootstrap docker-archive:- DEST'),
    ('docker-daemon:x {dest}', 'InvalidReference', 'The source "docker-daemon:x" is invalid; '
     'use docker save IMAGE | virt-bootstrap docker-archive:- DEST'),
    ('list-tags debian:12', 'InvalidReference',
     'The repository "debian:12" is invalid; for a registry\'s repository, use docker://docker.io/library/debian'),
    ('list-tags oci://quay.io/x/y', 'InvalidReference',
     'The repository "oci://quay.io/x/y" is invalid; for a registry\'s repository, use docker://quay.io/x/y'),
    ('list-tags dockr://debian', 'InvalidReference',
     'The repository "dockr://debian" is invalid; did you mean docker://debian?'),
    ('list-tags oci:/x', 'InvalidReference', 'Tags can be listed for registries only, not for oci:/x'),
    ('inspect dockr://debian', 'InvalidReference',
     'The source "dockr://debian" is invalid; did you mean docker://debian?'),
    ('inspect --platform arm64 docker://127.0.0.1:1/x', 'InvalidOption',
     'Invalid platform \'arm64\': expected OS/ARCH[/VARIANT], such as linux/arm64 or linux/arm/v7'),
    ('frob://x {dest}', 'InvalidReference', f'The source "frob://x" is invalid: {SOURCES}'),
    ('docker://user:pw@example.com/x {dest}', 'InvalidReference',
     'Invalid image reference: pass the user name and password as options, not in front of the host'),
    ('docker://example.com/UPPER {dest}', 'InvalidReference',
     'Invalid image reference \'docker://example.com/UPPER\': an image name must be in lower case'),
]

# The same, with status 1: the command line is right, and what it names is not.
OTHER_MISTAKES = [
    # Sources
    ('debian {dest}', 'NotFound', 'Cannot open {work}/debian: No such file or directory; '
     f'{FOR_REGISTRY}docker.io/library/debian:latest'),
    ('docker.io/library/debian:12 {dest}', 'NotFound',
     'Cannot open {work}/docker.io/library/debian:12: No such file or directory; '
     f'{FOR_REGISTRY}docker.io/library/debian:12'),
    ('oci://127.0.0.1:5917/tiny {dest}', 'NotFound', 'Cannot open /127.0.0.1: No such file or directory; '
     f'{FOR_REGISTRY}127.0.0.1:5917/tiny:latest'),
    ('rootfs.tar.xz {dest}', 'NotFound', 'Cannot open {work}/rootfs.tar.xz: No such file or directory'),
    ('./debian {dest}', 'NotFound', 'Cannot open {work}/debian: No such file or directory'),
    # Registries
    ('--not-secure docker://{registry}/mistakes/small:nosuch {dest}', 'NotFound',
     f'{MANIFEST.format("nosuch", "{registry}/mistakes/small")}: {{registry}} does not have it: MANIFEST_UNKNOWN: manifest '
     'unknown; the repository exists: virt-bootstrap list-tags lists its tags'),
    ('--not-secure docker://{registry}/mistakes/nosuch {dest}', 'NotFound',
     f'{MANIFEST.format("latest", "{registry}/mistakes/nosuch")}: {{registry}} does not have it: MANIFEST_UNKNOWN: manifest '
     'unknown; there is no such repository'),
    ('--not-secure list-tags docker://{registry}/mistakes/nosuch', 'NotFound',
     'Cannot list the tags of {registry}/mistakes/nosuch: {registry} does not have it: NAME_UNKNOWN: repository name not '
     'known to registry'),
    ('--not-secure docker://{closed}/x {dest}', 'RegistryUnavailable',
     f'{MANIFEST.format("latest", "{closed}/x")}: Cannot connect to {{closed}}: Connection refused'),
    ('docker://{registry}/mistakes/small {dest}', 'TlsError',
     f'{MANIFEST.format("latest", "{registry}/mistakes/small")}: {{registry}} speaks plain HTTP, not HTTPS (--not-secure '
     'would allow it)'),
    ('--not-secure docker://{basic}/test/small {dest}', 'AuthenticationRequired',
     f'{MANIFEST.format("latest", "{basic}/test/small")}: {{basic}} requires authentication: UNAUTHORIZED: authentication '
     'required; use --username, or podman login {basic}'),
    ('--not-secure -u x -p file:{work}/password docker://{basic}/test/small {dest}', 'AccessDenied',
     f'{MANIFEST.format("latest", "{basic}/test/small")}: {{basic}} refuses the user name or password: UNAUTHORIZED: '
     'authentication required; use another --username, or podman login {basic}'),
    ('--not-secure --platform linux/arm64 docker://{registry}/mistakes/small {dest}', 'NoMatchingPlatform',
     '{registry}/mistakes/small:latest: The image is for linux/amd64, not for linux/arm64'),
    ('--offline docker://{registry}/mistakes/small {dest}', 'NotFound',
     '{registry}/mistakes/small:latest is not in the cache, and nothing is fetched offline'),
    # Destinations
    ('{archive} {work}/full', 'DestinationNotEmpty',
     'The destination {work}/full is not empty; use a new or empty directory, --overwrite to merge into it, or --replace to '
     'exchange it for the new tree'),
    ('{archive} {work}/file', 'InvalidDestination', 'The destination {work}/file is not a directory'),
    ('{archive} {work}/file/below', 'InvalidDestination',
     'The destination {work}/file/below cannot be created: file is not a directory'),
    ('{archive} /', 'InvalidDestination', 'The destination / is the root of this system; use a separate directory'),
    # What is in the image
    ('--not-secure --root-password=file:{work}/password docker://{registry}/mistakes/small {dest}',
     'UnsupportedImage', 'docker://{registry}/mistakes/small: There is no etc/shadow, in which --root-password would be set'),
    ('--root-password=file:{work}/password {archive} {dest}', 'UnsupportedImage',
     '{archive}: There is no etc/shadow, in which --root-password would be set'),
    ('{work}/file {dest}', 'CorruptArchive', '{work}/file: It is empty'),
    # Jobs and the cache
    ('cache remove sha256:' + '0' * 64, 'NotFound', f'sha256:{"0" * 64} is not in the cache'),
]


@pytest.fixture(scope='module')
def offered(docker_registry):
    docker_registry.put('mistakes/small', 'latest', samples.small())
    return docker_registry


@pytest.fixture
def world(work, offered, basic_registry):
    """The names in braces."""
    (work / 'full').mkdir()
    (work / 'full/something').touch()
    (work / 'file').touch()
    (work / 'password').write_text('secret\n')
    archive = work / 'small.tar'
    archive.write_bytes(tar.archive([tar.file('greeting', b'hello')]))
    return {'registry': offered.host, 'basic': basic_registry.host, 'closed': f'127.0.0.1:{free_port()}',
            'work': work, 'dest': work / 'dest', 'archive': archive}


def assert_told(result, name, sentence):
    assert (result.error, result.sentence) == (name, sentence), f'{result.error}: {result.sentence}'


def make(client, world, arguments, status):
    """A mistake; returns the last event."""
    argv = shlex.split(arguments.format(**world))
    before = sorted(os.listdir(world['work']))
    result = client.run('--json', *argv, expect=status, cwd=world['work'])
    assert sorted(os.listdir(world['work'])) == before
    finished = result.of('finished')[-1]
    assert finished['message'] == result.sentence
    return result, finished


@pytest.mark.parametrize('arguments, name, sentence', USAGE_MISTAKES, ids=[one[0] for one in USAGE_MISTAKES])
def test_wrong_usage_is_told_with_status_2_and_in_json(client, world, arguments, name, sentence):
    result, finished = make(client, world, arguments, 2)
    assert finished['job'] is None
    assert_told(result, name, sentence.format(**world))


@pytest.mark.parametrize('arguments, name, sentence', OTHER_MISTAKES, ids=[one[0] for one in OTHER_MISTAKES])
def test_other_mistake_is_told_with_status_1(client, world, arguments, name, sentence):
    result, _ = make(client, world, arguments, 1)
    assert_told(result, name, sentence.format(**world))


def test_file_that_is_there_is_no_unknown_command(client, work):
    (work / 'pull').write_bytes(b'')
    result = client.run('--json', 'pull', 'd', expect=1, cwd=work)
    assert result.sentence.endswith('It is empty'), result.sentence


@pytest.mark.parametrize('size', ['64M', '64m', '64MB', '64MiB', '65536K', '67108864'])
def test_sizes_are_taken_as_people_write_them(client, work, size):
    result = client.run('--json', '-f', 'qcow2', '--size', size, 'docker://127.0.0.1:1/x', work / 'd',
                        expect=1)
    assert result.error == 'RegistryUnavailable'


@pytest.mark.parametrize('name', ['new/missing/parents', 'slash/', 'ünïcode', 'with spaces', 'new\nline', '-x', '~'])
def test_odd_names_of_destinations_are_no_mistakes(client, world, name):
    client.run('-q', '--', world['archive'], name, cwd=world['work'])
    assert (world['work'] / name / 'greeting').exists()


# What the machine lacks

@pytest.mark.root
def test_read_only_destination_is_told(client, world, tmpfs):
    place = tmpfs('1m')
    process.run(['mount', '-o', 'remount,ro', place])
    result = client.run('--json', world['archive'], place / 'dest', expect=1)
    assert_told(result, 'AccessDenied',
                f'Cannot create the destination {place}/dest in {place}: Read-only file system')


@pytest.mark.root
def test_destination_of_others_is_told(user, world):
    work = world['work']
    os.chown(work, 0, 0)
    result = user.run('--json', world['archive'], work / 'dest', expect=1)
    assert_told(result, 'AccessDenied', f'Cannot create the destination {work}/dest in {work}: Permission denied')


@pytest.mark.root
def test_full_destination_is_told_with_what_was_free(client, faulty_registry, tmpfs):
    """A layer of zeros: nobody knows before how large it becomes."""
    place = tmpfs('2m')
    one = image.Image([[tar.directory('.'), tar.file('zeros', bytes(8 << 20))]])
    faulty_registry.add('image', one)
    result = client.fail(faulty_registry.reference('image'), place / 'dest')
    assert_told(result, 'NoSpace',
                f'Layer {one.layers[0].digest}: Cannot unpack "zeros": Cannot write a file: No space left on device; '
                f'{2 << 20} bytes were free for {place}/dest when the job began')


@pytest.mark.root
def test_full_destination_is_told_with_what_an_image_needs(client, env, faulty_registry, tmpfs, work):
    """It is known from the first time."""
    place = tmpfs('2m')
    one = image.Image([[tar.directory('.'), tar.file('zeros', bytes(8 << 20))]])
    faulty_registry.add('image', one)
    client.bootstrap(faulty_registry.reference('image'), work / 'first')
    result = client.fail(faulty_registry.reference('image'), place / 'dest')
    hint = result.sentence.partition('; ')[2]
    assert re.fullmatch(f'{place}/dest needs about 8[0-9]{{6}} bytes, and {2 << 20} were free when the job began', hint), hint


@pytest.mark.root
@pytest.mark.parametrize('layer, start', [
    ([tar.directory('.'), tar.file('zeros', bytes(12 << 20))],
     'Layer sha256:[0-9a-f]{64}: Cannot unpack "zeros": Cannot write a file: No space left on device; [0-9]+ bytes were '
     'free for DEST when the job began'),
    ([tar.directory('.'), tar.file('noise', samples.noise(12 << 20))],
     'Not enough space in CACHE: [0-9]+ bytes are needed, but [0-9]+ are free, of which [0-9]+ must stay free '
     r'\(CacheKeepFree= in virt-bootstrapd\.conf\)')], ids=['destination', 'cache'])
def test_full_file_system_of_the_cache_is_told_with_what_a_prune_would_free(client, faulty_registry, tmpfs, work, layer,
                                                                           start):
    place = tmpfs('10m')
    env = {'VIRTBOOTSTRAP_CACHE': str(place / 'cache')}
    faulty_registry.add('old', samples.large(16))
    faulty_registry.add('new', image.Image([layer]))
    client.bootstrap(faulty_registry.reference('old'), work / 'old', env=env)
    result = client.fail(faulty_registry.reference('new'), place / 'dest', env=env)
    assert result.error == 'NoSpace'
    start = start.replace('DEST', f'{place}/dest').replace('CACHE', f'{place}/cache')
    found = re.fullmatch(f'{start}; "virt-bootstrap cache prune" would free ([0-9]+) bytes', result.sentence)
    assert found and int(found[1]) > 4 << 20, result.sentence


@pytest.mark.root
def test_full_cache_is_told_with_its_path_and_what_is_needed_and_free(client, faulty_registry, tmpfs, dest):
    cache = tmpfs('4m') / 'cache'
    faulty_registry.add('image', samples.large(32))
    result = client.fail(faulty_registry.reference('image'), dest, env={'VIRTBOOTSTRAP_CACHE': str(cache)})
    assert result.error == 'NoSpace'
    assert re.fullmatch(
        f'Not enough space in {cache}: [0-9]+ bytes are needed, but [0-9]+ are free, of which [0-9]+ must stay free '
        r'\(CacheKeepFree= in virt-bootstrapd\.conf\)', result.sentence), result.sentence


@pytest.mark.root
def test_cache_that_cannot_be_used_is_told(client, world, tmpfs):
    place, file = tmpfs('1m'), world['work'] / 'file'
    process.run(['mount', '-o', 'remount,ro', place])
    for path, sentence in (
            (f'{place}/cache', f'Cannot use the cache {place}/cache: Cannot create the cache directory {place}/cache: '
             'Read-only file system'),
            (file, f'Cannot use the cache {file}: Cannot open the cache directory {file}: Not a directory'),
            ('relative', 'Cannot use the cache relative: expected an absolute path')):
        result = client.run('--json', world['archive'], world['dest'], expect=1,
                            env={'VIRTBOOTSTRAP_CACHE': str(path)})
        assert_told(result, 'CacheUnusable', sentence)


@pytest.mark.parametrize('where, verb, sentence', [
    (['--system'], ['list'], 'Cannot connect to the system bus: No such file or directory'),
    (['--user'], ['list'],
     'Cannot connect to the session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set'),
    (['--address=unix:path=/nowhere'], ['list'], 'Cannot connect to unix:path=/nowhere: No such file or directory'),
    (['--embedded'], ['list'], 'There is no daemon; jobs of embedded daemons are seen only where they run'),
    (['--embedded'], ['monitor'], 'There is no daemon; jobs of embedded daemons are seen only where they run'),
    (['--embedded'], ['show', 'abc'], 'There is no daemon; jobs of embedded daemons are seen only where they run')])
def test_missing_daemon_is_told(env, where, verb, sentence):
    env = {**env, 'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nowhere'}
    env.pop('XDG_RUNTIME_DIR')
    client = programs.Client(env)
    client.where = where
    result = client.run('--json', *verb, expect=1)
    assert_told(result, 'DaemonUnavailable', sentence)


def test_missing_worker_is_told_with_its_path(client, offered, work, dest):
    result = client.fail(f'docker://{offered.host}/mistakes/small', dest, env={'VIRTBOOTSTRAP_WORKERS': str(work)})
    assert result.error == 'WorkerFailed'
    found = re.fullmatch(f'(.*: )?The ([a-z]+) worker could not be started; {work}/virt-bootstrap-([a-z]+): No such file or '
                         'directory', result.sentence)
    assert found and found[2] == found[3], result.sentence


def test_missing_daemon_program_is_told_with_its_path(client, world):
    result = client.run('--json', world['archive'], world['dest'], expect=1, env={'VIRTBOOTSTRAP_DAEMON': '/none'})
    assert_told(result, 'DaemonUnavailable', 'Cannot start /none: No such file or directory')


def test_missing_configuration_is_told(client, world):
    result = client.run('--json', world['archive'], world['dest'], expect=1,
                        env={'VIRTBOOTSTRAP_CONFIG': '/none/virt-bootstrapd.conf'})
    assert_told(result, 'NotFound', 'Cannot open /none/virt-bootstrapd.conf: No such file or directory')


def test_unknown_job_is_told(daemon, env):
    result = programs.Client(env, daemon.address).run('--json', 'show', 'nosuch', expect=1)
    assert_told(result, 'NoSuchJob', 'Job "nosuch" does not exist')


# Registries

def test_image_in_the_cache_is_told_when_the_registry_cannot_be_reached(client, faulty_registry, work):
    faulty_registry.add('image', samples.small())
    reference = faulty_registry.reference('image')
    client.bootstrap(reference, work / 'first')
    faulty_registry.stop()
    result = client.fail(reference, work / 'second')
    host = faulty_registry.host
    assert result.error == 'RegistryUnavailable'
    assert re.fullmatch(
        f'Cannot fetch the manifest latest of {host}/image: Cannot connect to {host}: Connection refused; '
        r'it is in the cache as of 20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9] UTC: --offline uses that',
        result.sentence), result.sentence
    client.bootstrap(reference, work / 'third', '--offline')


def test_image_that_is_not_complete_in_the_cache_is_not_offered(client, cache, faulty_registry, work):
    one = samples.small()
    faulty_registry.add('image', one)
    client.bootstrap(faulty_registry.reference('image'), work / 'first')
    algorithm, _, digits = one.layers[0].digest.partition(':')
    (cache / 'blobs' / algorithm / digits).unlink()
    faulty_registry.stop()
    result = client.fail(faulty_registry.reference('image'), work / 'second')
    assert result.error == 'RegistryUnavailable' and 'offline' not in result.sentence, result.sentence


# The administrator's

@pytest.mark.parametrize('text, warning', [
    ('[Limits]\nUnpackdSize=1G\n',
     '2: Unknown key "UnpackdSize" in section [Limits], ignoring; did you mean "UnpackedSize"?'),
    ('[Daemon]\nBlobSize=1G\n',
     '2: Unknown key "BlobSize" in section [Daemon], ignoring; did you mean "BlobSize" in section [Limits]?'),
    ('[Limit]\nLayers=1\n',
     '2: Unknown key "Layers" in section [Limit], ignoring; did you mean "Layers" in section [Limits]?'),
    ('[Daemon]\nLoglevel=debug\n',
     '2: Unknown key "Loglevel" in section [Daemon], ignoring; did you mean "LogLevel"?'),
    ('[Registry]\nPrivateHost=x\n',
     '2: Unknown key "PrivateHost" in section [Registry], ignoring; did you mean "PrivateHosts"?'),
    ('[Daemon]\nFrobnicate=1\n', '2: Unknown key "Frobnicate" in section [Daemon], ignoring'),
    ('[Daemon]\nMaxJobs=many\n', '2: MaxJobs= cannot be "many", ignoring'),
    ('MaxJobs=1\n', '1: "MaxJobs=1" is not an assignment in a section, ignoring')])
def test_mistake_in_the_configuration_is_told_by_the_embedded_daemon(client, env, world, tmp_path, text, warning):
    path = tmp_path / 'virt-bootstrapd.conf'
    path.write_text(text)
    result = client.run('--json', world['archive'], world['dest'], env={'VIRTBOOTSTRAP_CONFIG': str(path)})
    assert result.err.startswith(f'virt-bootstrapd: {path}:{warning}\n'), result.err
