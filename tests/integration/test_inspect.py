# SPDX-License-Identifier: LGPL-2.1-or-later
"""What inspect and list-tags print, beside what skopeo prints of the same images."""

import json
import subprocess
import threading

import pytest

from support import archives, faulty, image, programs, samples
from support.bus import BusError
from support.process import DEADLINE, wait_for
from support.terminal import print_on_terminal

RICH = {
    'created': '2024-01-02T03:04:05.120000000+00:00', 'author': 'Me <me@example.org>',
    'docker_version': '20.1', 'architecture': image.MACHINE, 'variant': 'v2', 'os': 'linux',
    'os.version': '10', 'os.features': ['b', 'a'], 'container': 'x', 'unknown': {'a': [1, None]},
    'config': {
        'Hostname': 'h', 'User': 'u', 'Tty': False, 'ExposedPorts': {'80/tcp': {}, '22/tcp': {}},
        'Env': ['A=<b>&c', 'B=\u00e9\u2028\u009b', '\U0001f600'], 'Entrypoint': ['/e'], 'Cmd': ['c'],
        'Volumes': {'/v': {}, '/a': None}, 'WorkingDir': '/w', 'StopSignal': 'TERM',
        'Labels': {'z': '1', 'a': 'two\nlines\x7f"\\', 'B': None, 'long': 'x' * 20000},
        'Healthcheck': {'Test': ['CMD']}, 'ArgsEscaped': True, 'OnBuild': ['x'], 'Shell': ['sh']},
    'history': [
        {'created': '2024-01-02T03:04:05.123456789+02:00', 'created_by': 'x', 'author': 'a',
         'comment': 'c', 'empty_layer': True}, {'empty_layer': False}, {}]}
CONFIGS = {
    'rich': RICH,
    'bare': {},
    'nulls': {'created': None, 'config': None, 'os': None, 'history': None},
    'empty': {'config': {'Labels': {}, 'Env': [], 'Cmd': [], 'Volumes': {}}, 'history': []},
    'null-members': {'config': {'Labels': {'x': None}, 'Env': ['A=1'], 'Volumes': None}},
    'time': {'created': '2024-02-29T23:59:59.1234567891-00:00'},
    'offset': {'created': '2024-02-29T23:59:59,500-11:30'},
}
OWN = 'virt-bootstrap'
FORMS = ([], ['--config'], ['--raw'], ['--raw', '--config'])
FORM_IDS = ['image', 'config', 'raw', 'raw-config']


def with_config(config):
    """An image with one layer and @config, to which only the layer is added."""
    one = samples.small()
    one.config = image.dumps({
        **config, 'rootfs': {'type': 'layers', 'diff_ids': [one.layers[0].diff_id]}})
    return one


def skopeo(verb, *args):
    return subprocess.run(['skopeo', '--insecure-policy', verb, *args], check=True,
                          capture_output=True).stdout


def parsed(data):
    """With the order of keys."""
    return json.loads(data, object_pairs_hook=list)


def ours(client, *args):
    """The bytes that a run prints."""
    ended = subprocess.run(client.argv(*args), env=client.env, capture_output=True,
                           stdin=subprocess.DEVNULL, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def without_newer(described):
    """Without what skopeo prints since 1.10, and what we add."""
    return [pair for pair in described if pair[0] not in ('LayersData', OWN)]


def compare(client, source, form, options=('--not-secure',), tls=('--tls-verify=false',), ignore=()):
    theirs = skopeo('inspect', *form, *tls, source)
    if '--raw' in form:
        assert ours(client, 'inspect', *form, *options, source) == theirs
        return
    found = ours(client, 'inspect', '--json', *form, *options, source)
    assert found.count(b'\n') == 1 and found.endswith(b'\n')
    assert '--config' in form or parsed(found)[-1][0] == OWN
    assert [pair for pair in without_newer(parsed(found)) if pair[0] not in ignore] == [
        pair for pair in without_newer(parsed(theirs)) if pair[0] not in ignore]


@pytest.fixture(scope='module')
def published(docker_registry):
    """The samples in a registry, as OCI and as Docker images, and in an index."""
    for name, config in CONFIGS.items():
        for docker in (False, True):
            docker_registry.put(f'inspect/{name}-{"docker" if docker else "oci"}', 'v1',
                                with_config(config), docker)
    return docker_registry


@pytest.mark.parametrize('form', FORMS, ids=FORM_IDS)
@pytest.mark.parametrize('kind', ['oci', 'docker'])
@pytest.mark.parametrize('name', CONFIGS)
def test_image_of_a_registry_is_described_as_by_skopeo(published, client, name, kind, form):
    compare(client, published.reference(f'inspect/{name}-{kind}:v1'), form)


@pytest.mark.parametrize('form', FORMS, ids=FORM_IDS)
def test_index_is_described_as_by_skopeo(docker_registry, client, form):
    one = with_config(RICH)
    other = image.Image([[]], architecture='other')
    for each in (one, other):
        docker_registry.put('inspect/index', 'tmp', each)
    body = image.index([image.manifest_descriptor(other), image.manifest_descriptor(one)])
    docker_registry.put_manifest('inspect/index', 'v1', body, image.OCI_INDEX)
    compare(client, docker_registry.reference('inspect/index:v1'), form)


# Debian's registry signs a manifest anew whenever it is asked for it: its bytes are compared in a directory.
@pytest.mark.parametrize('form', [FORMS[0], FORMS[1], FORMS[3]], ids=['image', 'config', 'raw-config'])
def test_schema1_is_described_as_by_skopeo(docker_registry, layouts, client, form):
    docker_registry.push(layouts['order'], 'inspect/old', 'v2s1')
    compare(client, docker_registry.reference('inspect/old'), form)


@pytest.mark.parametrize('form', FORMS, ids=FORM_IDS)
def test_schema1_in_a_directory_is_described_as_by_skopeo(
        docker_registry, layouts, client, folder, form):
    docker_registry.push(layouts['order'], 'inspect/old-dir', 'v2s1')
    skopeo('copy', '-q', '--src-tls-verify=false', docker_registry.reference('inspect/old-dir'),
           f'dir:{folder}/old')
    compare(client, f'dir:{folder}/old', form, options=(), tls=())


def test_raw_schema1_that_is_pinned_or_cached(docker_registry, layouts, client, dest):
    """With the signatures, unless only the cache may be asked, which has what the digest covers."""
    docker_registry.push(layouts['order'], 'inspect/old-raw', 'v2s1')
    reference = docker_registry.reference('inspect/old-raw')
    digest = json.loads(skopeo('inspect', '--tls-verify=false', reference))['Digest']
    client.bootstrap(reference, dest)
    covered = ours(client, 'inspect', '--raw', '--not-secure', '--offline', reference)
    assert image.digest_of(covered) == digest
    assert 'signatures' not in json.loads(covered)
    signed = json.loads(ours(client, 'inspect', '--raw', '--not-secure', f'{reference}@{digest}'))
    assert len(signed.pop('signatures')) == 1
    assert signed == json.loads(covered)


@pytest.mark.parametrize('form', FORMS, ids=FORM_IDS)
@pytest.mark.parametrize('kind', ['oci', 'oci-archive', 'dir'])
def test_image_in_files_is_described_as_by_skopeo(everything, client, kind, form):
    compare(client, everything[kind], form, options=(), tls=())


# It does not say what its manifest's digest is, and each tool makes a manifest of its own.
@pytest.mark.parametrize('form', [FORMS[0], FORMS[1], FORMS[3]], ids=['image', 'config', 'raw-config'])
@pytest.mark.parametrize('name', ['', f':{archives.NAME}'], ids=['unnamed', 'named'])
def test_docker_archive_is_described_as_by_skopeo(everything, client, name, form):
    compare(client, everything['docker-archive'] + name, form, options=(), tls=(),
            ignore=('Digest',))


def test_config_is_indented_for_people(everything, client):
    assert ours(client, 'inspect', '--config', everything['oci']) == skopeo(
        'inspect', '--config', everything['oci'])


def test_raw_ends_where_the_document_ends(client, faulty_registry):
    one = samples.small()
    body = one.manifest() + b' \n\t '
    faulty_registry.add('exact', one, manifest=body)
    assert ours(client, 'inspect', '--raw', '--not-secure', faulty_registry.reference('exact')) == body


def test_raw_document_is_verified(client, faulty_registry):
    digest = faulty_registry.add('forged', samples.small())
    faulty_registry.fault('/manifests/', faulty.status(
        200, samples.small(b'other').manifest(), Content_Type=image.OCI_MANIFEST))
    result = client.run('inspect', '--raw', '--not-secure',
                        faulty_registry.reference(f'forged@{digest}'), expect=1)
    assert result.out == ''
    assert 'digest' in result.sentence


def test_description_cannot_control_the_terminal(client, faulty_registry):
    label = {'\u001b[31m': 'red\u009b2J\u007f'}
    faulty_registry.add('colours', with_config({'config': {'Labels': label}}))
    reference = faulty_registry.reference('colours')
    described = ours(client, 'inspect', '--json', '--not-secure', reference).decode()
    config = ours(client, 'inspect', '--config', '--not-secure', reference).decode()
    assert json.loads(described)['Labels'] == json.loads(config)['config']['Labels'] == label
    assert (described + config).replace('\n', '').isprintable()


@pytest.mark.parametrize('created', ['yesterday', '2024-02-30T00:00:00Z', ''])
def test_time_that_skopeo_refuses_is_refused(client, faulty_registry, created):
    faulty_registry.add('late', with_config({'created': created}))
    result = client.run('inspect', '--json', '--not-secure', faulty_registry.reference('late'),
                        expect=1)
    assert "'created' in the image configuration is not a time" in result.err


def test_cached_image_is_described_offline(client, faulty_registry, dest):
    reference = faulty_registry.reference('kept')
    faulty_registry.add('kept', with_config(RICH))
    client.bootstrap(reference, dest)
    online = {form: ours(client, 'inspect', form, '--not-secure', '--no-tags', reference)
              for form in ('--json', '--raw', '--config')}
    faulty_registry.fault('', faulty.status(500))
    for form, found in online.items():
        assert ours(client, 'inspect', form, '--offline', '--not-secure', reference) == found


def test_missing_tags_do_not_keep_an_image_from_being_described(client, faulty_registry):
    faulty_registry.add('shy', samples.small())
    faulty_registry.fault('/tags/', faulty.error(403, 'DENIED', 'not for you'))
    result = client.run('inspect', '--json', '--not-secure', faulty_registry.reference('shy'))
    assert result.events[0]['RepoTags'] == []
    assert 'DENIED: not for you' in result.err


def test_tags_that_cannot_be_listed_fail_the_description(client, faulty_registry):
    faulty_registry.add('broken', samples.small())
    faulty_registry.fault('/tags/', faulty.status(200, b'{"tags":["a b"]}'))
    result = client.run('inspect', '--json', '--not-secure', faulty_registry.reference('broken'),
                        expect=1)
    assert "'a b', which is not a tag" in result.err


def test_tags_are_not_asked_for_in_vain(client, faulty_registry):
    faulty_registry.add('quiet', samples.small())
    reference = faulty_registry.reference('quiet')
    for form in ([], ['--raw'], ['--config'], ['--json', '--no-tags']):
        client.run('inspect', *form, '--not-secure', reference)
    assert faulty_registry.count('/tags/') == 0


def test_password_serves_both_calls(client, faulty_registry, tmp_path):
    (tmp_path / 'password').write_text('hidden\n')
    faulty_registry.add('private', samples.small())
    faulty_registry.fault('', faulty.basic('me', 'hidden'))
    faulty_registry.fault('/tags/', faulty.status(200, b'{"tags":["latest"]}'))
    result = client.run('inspect', '--json', '--not-secure', '-u', 'me', '-p',
                        f'file:{tmp_path}/password', faulty_registry.reference('private'))
    assert result.events[0]['RepoTags'] == ['latest']


@pytest.mark.parametrize('name', ['inspect/rich-oci', 'inspect/many'])
def test_tags_are_listed_as_by_skopeo(published, client, name):
    for tag in ('v3', 'A', 'v10', '_x.y-z'):
        published.put('inspect/many', tag, samples.small())
    reference = published.reference(name)
    theirs = skopeo('list-tags', '--tls-verify=false', reference)
    assert parsed(ours(client, 'list-tags', '--json', '--not-secure', reference)) == parsed(theirs)
    assert ours(client, 'list-tags', '--not-secure', reference).decode().splitlines() == \
        json.loads(theirs)['Tags']


def paged(registry, names, size=2, link='</v2/{name}/tags/list?n=2&last={last}>; rel="next"'):
    """Lets @registry list the tags @names of the repository "many" in pages of @size."""
    def act(request):
        last = request.path.partition('last=')[2]
        first = names.index(last) + 1 if last else 0
        page, headers = names[first:first + size], {}
        if first + size < len(names):
            headers['Link'] = link.format(name='many', last=page[-1], host=registry.host,
                                          port=registry.host.rpartition(':')[2])
        request.answer(200, image.dumps({'name': 'many', 'tags': page}), **headers)
        return True
    registry.fault('/v2/many/tags/list', act)


def listed(client, registry, *args, **kw):
    return client.run('list-tags', '--not-secure', *args, registry.reference('many'), **kw)


@pytest.mark.parametrize('link', [
    '</v2/{name}/tags/list?n=2&last={last}>; rel="next"',
    '<http://{host}/v2/{name}/tags/list?n=2&last={last}>; rel=next',
    '<https://127.0.0.1/v2/{name}/tags/list?n=2&last={last}>; title="a, b"; REL="prev next"',
    '</elsewhere>; rel="prev", <list?n=2&last={last}>;rel="next"',
    '</v2/{name}/tags/list?n=2&last={last}>',
], ids=['path', 'url', 'wrong-scheme-and-port', 'second-and-relative', 'no-relation'])
def test_pages_are_followed(client, faulty_registry, link):
    paged(faulty_registry, ['e', 'd', 'c', 'b', 'a'], link=link)
    assert listed(client, faulty_registry).out.splitlines() == ['e', 'd', 'c', 'b', 'a']
    assert faulty_registry.count('/tags/list') == 3


def test_tag_on_two_pages_is_listed_once(client, faulty_registry):
    faulty_registry.fault('last=b', faulty.status(200, b'{"tags":["b","c"]}'))
    faulty_registry.fault('/tags/', faulty.status(
        200, b'{"tags":["a","b"]}', Link='<?last=b>; rel="next"'))
    assert listed(client, faulty_registry).out.splitlines() == ['a', 'b', 'c']


@pytest.mark.parametrize('body', [b'{"name":"many","tags":null}', b'{"tags":[]}', b'{}'])
def test_repository_without_tags_has_none(client, faulty_registry, body):
    faulty_registry.fault('/tags/', faulty.status(200, body))
    assert listed(client, faulty_registry).out == ''
    assert listed(client, faulty_registry, '--json').events == [
        {'Repository': f'{faulty_registry.host}/many', 'Tags': []}]


@pytest.mark.parametrize('answer, error, sentence', [
    (faulty.status(200, b'not json'), 'RegistryError', 'not valid JSON'),
    (faulty.status(200, b'{"tags":"a"}'), 'RegistryError', "'tags' in the list of tags is not an array"),
    (faulty.status(200, b'{"tags":["a",1]}'), 'RegistryError', 'is not a tag'),
    (faulty.status(200, b'{"tags":["../x"]}'), 'RegistryError', "'../x', which is not a tag"),
    (faulty.status(200, b'{"tags":["\\u001b[2J"]}'), 'RegistryError', "'?[2J', which is not a tag"),
    (faulty.status(200, b'{"tags":["a"]}', Link='nonsense'), 'RegistryError', 'cannot be read'),
    (faulty.status(200, b'{"tags":["a"]}', Link=f'</{"x" * 3000}>; rel="next"'), 'RegistryError',
     'cannot be read'),
    (faulty.status(200, b'{"tags":["a"]}', Link='<http://example.org/>; rel="next"'),
     'RegistryError', 'not on this host'),
    (faulty.status(200, b'{"tags":["' + b'","'.join(b't%d' % i for i in range(100001)) + b'"]}'),
     'LimitExceeded', 'more than 100000 tags'),
    (faulty.status(200, b' ' * (4 << 20) + b'{}'), 'LimitExceeded', 'more than 4194304 bytes'),
    (faulty.status(200, b'{"tags":["a"]}', Link='</v2/many/tags/list>; rel="next"'),
     'RegistryError', 'more than 16 pages without a new tag'),
    (faulty.error(404, 'NAME_UNKNOWN', 'no such name'), 'NotFound', 'NAME_UNKNOWN: no such name'),
    (faulty.error(403, 'DENIED', 'go away'), 'AccessDenied', 'DENIED: go away'),
], ids=['text', 'type', 'number', 'path', 'control', 'link', 'long-link', 'other-host', 'many', 'large',
        'endless', 'missing', 'denied'])
def test_bad_list_is_refused(api, faulty_registry, answer, error, sentence):
    faulty_registry.fault('/tags/', answer)
    with pytest.raises(BusError) as caught:
        api.manager('ListTags', 'sa{sv}', faulty_registry.reference('many'),
                    {'not-secure': ('b', True)})
    assert caught.value.short == error
    assert sentence in caught.value.message


@pytest.mark.parametrize('method', ['ListTags', 'Inspect', 'ExplainTrust'])
def test_call_that_takes_too_long_ends(daemon_on, faulty_registry, tmp_path, method):
    """Its caller stays: nothing else would end it."""
    over = threading.Event()
    faulty_registry.fault('', lambda request: not over.wait(2 * DEADLINE))
    (tmp_path / 'conf').write_text('[Daemon]\nJobTimeoutSec=2\n')
    daemon = daemon_on(VIRTBOOTSTRAP_CONFIG=str(tmp_path / 'conf'))
    api = daemon.connect()
    try:
        with pytest.raises(BusError) as caught:
            api.manager(method, 'sa{sv}', faulty_registry.reference('many'),
                        {'not-secure': ('b', True)}, timeout=DEADLINE)
        wait_for(lambda: not daemon.workers(), 'its worker to be gone')
    finally:
        over.set()
    assert caught.value.short == 'LimitExceeded'
    assert caught.value.message == 'The call has run for 2 seconds (JobTimeoutSec= in virt-bootstrapd.conf)'
    api.close()


def test_list_without_end_is_refused(api, faulty_registry):
    def act(request):
        """In one packet each, since a thousand of them would otherwise wait for acknowledgements."""
        n = int(request.path.partition('last=t')[2] or 0) + 1
        body = f'{{"tags":["t{n}"]}}'
        request.wfile.write(f'HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n'
                            f'Link: <?last=t{n}>; rel="next"\r\n\r\n{body}'.encode())
        return True

    faulty_registry.fault('/tags/', act)
    with pytest.raises(BusError) as caught:
        api.manager('ListTags', 'sa{sv}', faulty_registry.reference('many'),
                    {'not-secure': ('b', True)}, timeout=4 * DEADLINE)
    assert caught.value.short == 'LimitExceeded'
    assert 'more than 1000 pages' in caught.value.message
    assert faulty_registry.count('/tags/') == 1000


@pytest.mark.parametrize('source', ['docker://example.org/a:tag', f'docker://example.org/a@sha256:{"0" * 64}',
                                    'oci:/somewhere'])
def test_tags_are_those_of_a_repository(client, source):
    result = client.run('list-tags', source, expect=2)
    assert 'tag or a digest' in result.sentence or 'for registries only' in result.sentence


def test_document_is_an_option_of_inspect_only(api, dest):
    for call in (lambda: api.bootstrap('docker://example.org/a', dest, document=('s', 'manifest')),
                 lambda: api.manager('ListTags', 'sa{sv}', 'docker://example.org/a',
                                     {'document': ('s', 'manifest')}),
                 lambda: api.manager('Inspect', 'sa{sv}', 'docker://example.org/a',
                                     {'document': ('s', 'other')})):
        with pytest.raises(BusError) as caught:
            call()
        assert caught.value.short == 'InvalidOption'
        assert '"document"' in caught.value.message


def test_bus_hands_out_documents(api, faulty_registry):
    one = with_config(RICH)
    faulty_registry.add('one', one)
    found = {}
    for kind in ('manifest', 'config', 'image-json', 'config-json'):
        answer = api.manager('Inspect', 'sa{sv}', faulty_registry.reference('one'),
                             {'not-secure': ('b', True), 'document': ('s', kind)})[0]
        found[kind] = bytes(answer['document'][1])
        assert answer['repository'] == ('s', f'{faulty_registry.host}/one')
    assert found['manifest'] == one.manifest()
    assert found['config'] == one.config
    assert json.loads(found['image-json'])['Digest'] == image.digest_of(one.manifest())
    assert json.loads(found['config-json'])['author'] == RICH['author']


LARGE = 'large' * 837_000


@pytest.mark.parametrize('form', FORMS, ids=FORM_IDS)
def test_largest_documents_are_carried_by_a_bus(daemon, env, faulty_registry, form):
    """The client may ask the daemon over a message bus, which has limits of its own."""
    client = programs.Client(env, daemon.address)
    one = with_config({'config': {'Labels': {'large': LARGE}}})
    body = one.manifest() + b' ' * ((4 << 20) - len(one.manifest()))
    faulty_registry.add('large', one, manifest=body)
    assert (4 << 20) - 20000 < len(one.config) <= 4 << 20
    args = ['inspect', *form, '--not-secure', '--no-tags', faulty_registry.reference('large')]
    found = ours(client, *args) if '--raw' in form else ours(client, *args, '--json')
    if form == ['--raw']:
        assert found == body
    elif '--raw' in form:
        assert found == one.config
    else:
        labels = json.loads(found)
        assert (labels['config'] if form else labels)['Labels'] == {'large': LARGE}


RUNS = {'Entrypoint': ['/bin/sh', '-c'], 'Cmd': ["echo 'a b'\n\u001b[2J", ''], 'User': 'www-data:www',
        'WorkingDir': '/srv/web', 'Volumes': {'/data': {}, '/logs': {}},
        'ExposedPorts': {'80/tcp': {}, '53/udp': {}}, 'StopSignal': 'SIGQUIT',
        'Env': ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'A=1']}
TOLD = {'entrypoint': ['/bin/sh', '-c'], 'cmd': ["echo 'a b'??[2J", ''], 'volumes': ['/data', '/logs'],
        'ports': ['80/tcp', '53/udp'], 'env': RUNS['Env'], 'user': 'www-data:www', 'working-dir': '/srv/web',
        'stop-signal': 'SIGQUIT'}


def test_own_part_of_the_json_says_what_skopeo_does_not(client, faulty_registry, dest):
    one = with_config({'os': 'linux', 'architecture': image.MACHINE, 'config': RUNS})
    digest = faulty_registry.add('runs', one)
    reference = faulty_registry.reference('runs')
    layer, = one.layers
    told = {'manifest-digest': digest, 'media-type': image.OCI_MANIFEST, 'platform': f'linux/{image.MACHINE}',
            'size': len(layer.blob), 'layers': [{'digest': layer.digest, 'media-type': f'{image.OCI_LAYER}+gzip',
                                                 'size': len(layer.blob), 'cached': False}], 'config': TOLD}
    found, = client.run('inspect', '--json', '--not-secure', reference).events
    assert found[OWN] == told
    client.bootstrap(reference, dest)
    found, = client.run('inspect', '--json', '--not-secure', reference).events
    assert found[OWN]['layers'][0]['cached'] is True


def test_table_says_what_would_run_and_controls_no_terminal(client, faulty_registry):
    faulty_registry.add('runs', with_config({'config': RUNS}))
    table = client.run('inspect', '--not-secure', faulty_registry.reference('runs')).out
    for line in ('Entrypoint: /bin/sh -c', r"Cmd: 'echo '\''a b'\''??[2J' ''", 'User: www-data:www',
                 'Working dir: /srv/web', 'Volumes: /data', '             /logs', 'Ports: 80/tcp 53/udp',
                 'Stop signal: SIGQUIT', f'Environment: {RUNS["Env"][0]}'):
        assert line in table
    assert table.replace('\n', '').isprintable()


def test_equal_digest_is_printed_once(client, faulty_registry):
    digest = faulty_registry.add('once', samples.small())
    table = client.run('inspect', '--not-secure', faulty_registry.reference('once')).out
    assert table.count(digest) == 1


@pytest.mark.parametrize('form', ['image', 'index'])
def test_table_fits_a_terminal_of_80_columns(client, faulty_registry, form):
    one = with_config({'os': 'linux', 'architecture': image.MACHINE, 'config': RUNS})
    one.platform = {'os': 'linux', 'architecture': image.MACHINE}
    faulty_registry.add('wide', one)
    if form == 'index':
        faulty_registry.add_manifest('wide', image.index([image.manifest_descriptor(one)]), image.OCI_INDEX)
    lines, status = print_on_terminal(
        client.argv('inspect', '--not-secure', faulty_registry.reference('wide')), client.env, 80)
    assert status == 0
    assert sum('sha256:' in line for line in lines) == (2 if form == 'index' else 1)
    assert max(map(len, lines)) <= 80, lines


def test_long_lists_are_cut_and_the_answer_says_so(client, faulty_registry, dest):
    ports = {f'{port}/udp': {} for port in range(10000, 10300)}
    faulty_registry.add('ports', with_config({'config': {'ExposedPorts': ports}}))
    reference = faulty_registry.reference('ports')
    config = client.run('inspect', '--json', '--not-secure', reference).events[0][OWN]['config']
    assert config == {'ports': list(ports)[:256], 'incomplete': True}
    client.bootstrap(reference, dest)


def test_image_with_many_labels_and_variables_is_described(client, faulty_registry):
    many = {'Labels': {str(i): 'x' for i in range(1000)}, 'Env': [f'A{i}=1' for i in range(1000)]}
    faulty_registry.add('many', with_config({'config': many}))
    found, = client.run('inspect', '--json', '--not-secure', faulty_registry.reference('many')).events
    assert len(found[OWN]['config']['env']) == 1000
