# SPDX-License-Identifier: LGPL-2.1-or-later
"""The harness itself: a check that cannot fail would say nothing of the programs."""

import io
import json
import os
import pathlib
import signal
import subprocess
import tarfile

import pytest

from conftest import PASSWORD, USER
from support import faulty, image, samples, tar, tree
from support.bus import BUS, BusDaemon, BusError, Connection
from support.process import in_mount_namespace, run, running, wait_for
from support.programs import SOURCE

SYSTEM_BUNDLE = '/etc/ssl/certs/ca-certificates.crt'


def test_pythons_own_reader_agrees_with_the_tar_writer():
    with tarfile.open(fileobj=io.BytesIO(tar.archive(samples.base_layer()))) as archive:
        found = {one.name: one for one in archive}
    assert found['home/far'].uid == 3_000_000
    assert found['home/sparse'].size == samples.SPARSE_SIZE
    assert found['home/disk'].devminor == 70000
    assert found[samples.LONG].size == 4
    assert found['bin/tool-too'].linkname == 'bin/tool'


@pytest.mark.root
def test_gnu_tar_unpacks_what_the_tar_writer_wrote(tmp_path):
    root = tmp_path / 'root'
    root.mkdir()
    subprocess.run(['tar', '-x', '--xattrs', '--xattrs-include=*', '--same-owner', '-p',
                    '-C', root], input=tar.archive(samples.base_layer()), check=True)
    found = tree.snapshot(root, holes=True)
    assert found[b'home/owned']['uid'] == 1234
    assert found[b'bin/tool']['links'] == [b'bin/tool', b'bin/tool-too']
    assert found[b'bin/ping']['xattrs'] == {'security.capability': samples.CAPABILITY}
    assert found[b'home/old']['mtime_ns'] == 1
    assert len(found[b'home/sparse']['data']) == 2


def test_a_difference_of_one_nanosecond_is_told(tmp_path):
    (tmp_path / 'file').write_text('x')
    one, two = tree.snapshot(tmp_path), tree.snapshot(tmp_path)
    two[b'file']['mtime_ns'] += 1
    assert len(tree.difference(one, two)) == 1


def test_docker_registry_takes_every_kind_that_skopeo_pushes(docker_registry, layouts):
    kinds = {'v2s1': image.SCHEMA1.replace('+json', '+prettyjws'), 'v2s2': image.DOCKER_MANIFEST,
             'oci': image.OCI_MANIFEST}
    for form, media_type in kinds.items():
        docker_registry.push(layouts['order'], f'harness/{form}', form)
        headers = docker_registry.request('GET', f'/v2/harness/{form}/manifests/latest',
                                          Accept=', '.join(kinds.values()))
        assert headers['Content-Type'] == media_type


def test_skopeo_reads_an_image_from_the_faulty_registry(faulty_registry, tmp_path):
    faulty_registry.add('a/b', samples.order())
    run(['skopeo', '--insecure-policy', 'copy', '-q', '--src-tls-verify=false',
         faulty_registry.reference('a/b'), f'oci:{tmp_path}/copy:latest'])
    assert set(faulty_registry.blob_requests().values()) == {1}


def test_a_fault_ends_after_its_turns(faulty_registry, tmp_path):
    faulty_registry.add('a/b', samples.small())
    faulty_registry.fault('/manifests/', faulty.status(500), times=1)
    url = f'{faulty_registry.url}/v2/a/b/manifests/latest'
    with pytest.raises(AssertionError):
        run(['curl', '-sf', url])
    run(['curl', '-sf', url, '-o', tmp_path / 'two'])
    assert (tmp_path / 'two').read_bytes() == samples.small().manifest()


def test_skopeo_passes_the_registries_which_want_credentials(
        basic_registry, token_registry, token_server, authority, tmp_path):
    # skopeo verifies the token server's certificate too, by its own configuration.
    for number, one in enumerate((basic_registry, token_registry)):
        run(['skopeo', '--insecure-policy', 'copy', '-q', '--src-tls-verify=false',
             '--src-creds', f'{USER}:{PASSWORD}', one.reference('test/small'),
             f'oci:{tmp_path}/{number}:latest'],
            env={**os.environ, 'SSL_CERT_FILE': str(authority.certificate)})
        with pytest.raises(AssertionError):
            run(['skopeo', 'inspect', '--tls-verify=false', one.reference('test/small')])
    assert token_server.requests


@pytest.mark.root
def test_authority_is_a_systems_own_in_a_mount_namespace(tls_registry, authority):
    curl = ['curl', '-sS', '--cacert', SYSTEM_BUNDLE, tls_registry.url + '/v2/']
    run(in_mount_namespace([(authority.certificate, SYSTEM_BUNDLE)], curl))
    with pytest.raises(AssertionError):
        run(curl)


def test_gate_holds_a_transfer_until_it_is_opened(faulty_registry, tmp_path):
    one = samples.large(8)
    faulty_registry.add('a/b', one)
    gate = faulty_registry.gate(one.layers[0].digest, 1_000_000)
    path = tmp_path / 'blob'
    url = f'{faulty_registry.url}/v2/a/b/blobs/{one.layers[0].digest}'
    with subprocess.Popen(['curl', '-sN', '-o', path, url]) as curl:
        wait_for(lambda: path.exists() and path.stat().st_size >= 900_000, 'the first bytes')
        assert path.stat().st_size < 1_100_000
        gate.set()
    assert curl.returncode == 0
    assert path.read_bytes() == one.layers[0].blob


def test_signals_and_calls_pass_a_bus_of_our_own(tmp_path):
    bus = BusDaemon(tmp_path / 'bus')
    try:
        one = Connection(bus.address)
        assert one._call(*BUS, 'RequestName', 'su', 'org.example.Test', 4)[0] == 1
        one.wait_signal(lambda s: s.member == 'NameAcquired' and s.body == ('org.example.Test',))
        with pytest.raises(BusError):
            one.manager('ListJobs')
        one.close()
    finally:
        bus.stop()


@pytest.mark.root
def test_bus_with_a_policy_lets_nobody_own_a_name_that_it_does_not_allow(tmp_path):
    policy = tmp_path / 'policy.conf'
    policy.write_text('<busconfig><policy user="root"><allow own="org.example.Yes"/></policy>'
                      '</busconfig>')
    bus = BusDaemon(tmp_path / 'bus', policy=policy)
    try:
        one = Connection(bus.address)
        assert one._call(*BUS, 'RequestName', 'su', 'org.example.Yes', 4)[0] == 1
        with pytest.raises(BusError):
            one._call(*BUS, 'RequestName', 'su', 'org.example.No', 4)
        one.close()
    finally:
        bus.stop()


def test_orphan_is_seen(tmp_path):
    program = tmp_path / 'sleep'
    program.write_bytes(pathlib.Path('/bin/sleep').read_bytes())
    program.chmod(0o755)
    subprocess.run(['sh', '-c', f'{program} 60 & '], check=True)
    found = wait_for(lambda: running([program]), 'the orphan')
    os.kill(found[0], signal.SIGKILL)
    wait_for(lambda: not running([program]), 'it to end')


def test_results_are_counted_and_what_failed_and_the_slowest_tests_named(tmp_path):
    logs = tmp_path / 'build-one' / 'meson-logs'
    logs.mkdir(parents=True)
    tests = [{'name': 'it:unit / quick', 'result': 'OK', 'duration': 0.5, 'stdout': '1..1\nok 1 - a\n'},
             {'name': 'it:integration / cache', 'result': 'FAIL', 'duration': 9.0,
              'stdout': 'ok 1 - test_b\n# 2.500 s: test_b\nnot ok 2 - test_c\n# 6.250 s: test_c\n',
              'stderr': 'first\n' * 30 + 'E assert 1 == 2\n'},
             {'name': 'it:analyze / gcc', 'result': 'SKIP', 'duration': 0.25, 'stdout': ''}]
    (logs / 'testlog.json').write_text('\n'.join(json.dumps(test) for test in tests))
    (logs / 'testlog.junit.xml').write_text(
        '<testsuites><testsuite name="it.it:unit / quick"><testcase name="a"/></testsuite>'
        '<testsuite name="it.it:integration / cache"><testcase name="b"/>'
        '<testcase name="c"><failure/></testcase></testsuite></testsuites>')

    done = subprocess.run([SOURCE / 'tests/count-results.py', '1', logs.parent], check=False,
                          capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stderr
    assert lines[-1] == '2 passed, 1 failed, 1 skipped'
    assert [line.split() for line in lines[:3]] == [
        ['0.2', 's', 'build-one,', 'analyze'], ['9.0', 's', 'build-one,', 'integration'],
        ['0.5', 's', 'build-one,', 'unit']]
    assert lines[4].split(maxsplit=2) == ['6.2', 's', 'build-one, integration: cache test_c']
    assert lines[5].split(maxsplit=2) == ['2.5', 's', 'build-one, integration: cache test_b']
    assert lines[7].split(maxsplit=2) == ['0.2', 's', 'build-one, analyze: gcc']
    assert lines[8:11] == ['What failed:', 'build-one, integration: cache: FAIL',
                           '    not ok 2 - test_c']
    assert lines[11:-1] == ['    first'] * 24 + ['    E assert 1 == 2']
