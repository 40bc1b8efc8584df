# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bus interface, on a private session bus."""

import os
import re

import pytest

from support import faulty, image, programs, samples
from support.bus import CACHE, JOB, MANAGER, NAME, OBJECTS, PATH, BusError
from support.process import run, wait_for


def refused(call, *args, **kw):
    with pytest.raises(BusError) as caught:
        call(*args, **kw)
    return caught.value


def test_bootstrap_returns_id_and_object_and_wait_its_end(api, reference, dest):
    job_id, job = api.bootstrap(reference, dest)
    assert job == f'{PATH}/job/{job_id}'
    assert api.wait(job) == ('done', '', '')
    assert (dest / 'data').is_dir()


def test_wait_is_answered_at_once_for_an_ended_job(api, reference, dest):
    _, job = api.bootstrap(reference, dest)
    assert api.wait(job) == api.wait(job) == ('done', '', '')


def test_wait_tells_the_error_of_a_failed_job(api, faulty_registry, dest):
    result, error, message = api.wait(
        api.bootstrap(faulty_registry.reference('nothing'), dest)[1])
    assert (result, error) == ('failed', f'{NAME}.Error.NotFound')
    assert 'nothing' in message


def test_properties_of_a_finished_job(api, reference, dest, one):
    job_id, job = api.bootstrap(reference, dest)
    api.wait(job)
    found = api.properties(job, JOB)
    layer = one.layers[0]
    assert found['Id'] == job_id
    assert found['Source'] == reference
    assert found['Destination'] == str(dest)
    assert found['Format'] == 'dir'
    assert found['Owner'] == os.geteuid()
    assert found['State'] == 'finished'
    assert found['Digest'] == image.digest_of(one.manifest())
    assert found['Error'] == ('', '')
    assert found['Progress'][0] == 'done'
    assert found['Progress'][3] == 1.0
    assert found['BytesDownloaded'] >= len(layer.blob)
    assert found['BytesUnpacked'] == len(layer.tar)


def test_properties_of_a_failed_job(api, faulty_registry, dest):
    _, job = api.bootstrap(faulty_registry.reference('nothing'), dest)
    _, error, message = api.wait(job)
    found = api.properties(job, JOB)
    assert found['State'] == 'failed'
    assert found['Error'] == (error, message)


def test_signals_of_a_job(api, reference, dest):
    job_id, job = api.bootstrap(reference, dest)
    api.wait(job)
    api.wait_signal(lambda s: s.member == 'JobNew' and s.body == (job_id, job))
    api.wait_signal(lambda s: s.member == 'JobFinished' and s.body == (job_id, job, 'done', '', ''))
    states = [s.body[1]['State'][1] for s in api.signals
              if s.member == 'PropertiesChanged' and s.path == job and 'State' in s.body[1]]
    assert states[-1] == 'finished'
    assert all(one in ('queued', 'running', 'finished') for one in states)


def test_state_and_phase_while_a_job_runs(api, reference, dest, held, faulty_registry, one):
    job_id, job = api.bootstrap(reference, dest)
    wait_for(lambda: one.layers[0].digest in faulty_registry.blob_requests(), 'the transfer')
    wait_for(lambda: api.manager('Progress', 's', job_id)[2] > 0, 'some bytes')
    state, phase, done, total, fraction, message = api.manager('Progress', 's', job_id)
    assert (state, message) == ('running', '')
    assert phase in ('download', 'unpack')
    assert total == len(one.layers[0].blob)
    assert 0 < done < total
    assert 0 < fraction < 1
    assert api.get(PATH, MANAGER, 'Jobs') == 1
    held.set()
    api.wait(job)
    assert api.get(PATH, MANAGER, 'Jobs') == 0


def test_list_of_jobs(api, reference, dest, held):
    job_id, job = api.bootstrap(reference, dest)
    wait_for(lambda: api.manager('ListJobs')[0][0][5] == 'running', 'the job to run')
    row = api.manager('ListJobs')[0][0]
    assert row[:6] == (job_id, job, reference, str(dest), 'dir', 'running')
    held.set()
    api.wait(job)
    assert api.manager('ListJobs')[0][0][5:] == ('finished', 1.0)


def test_object_manager_lists_jobs(api, reference, dest):
    _, job = api.bootstrap(reference, dest)
    found = api.call(PATH, OBJECTS, 'GetManagedObjects')[0]
    assert JOB in found[job]
    api.wait_signal(lambda s: s.member == 'InterfacesAdded' and s.body[0] == job)
    api.wait(job)


def test_cancel_by_id_and_by_object_is_idempotent(api, reference, dest, held):
    job_id, job = api.bootstrap(reference, dest)
    api.manager('Cancel', 's', job_id)
    api.job(job, 'Cancel')
    result, error, message = api.wait(job)
    assert (result, error) == ('cancelled', f'{NAME}.Error.Cancelled')
    assert message
    api.job(job, 'Cancel')
    assert api.get(job, JOB, 'State') == 'cancelled'


def test_cancel_of_a_finished_job_changes_nothing(api, reference, dest):
    job_id, job = api.bootstrap(reference, dest)
    api.wait(job)
    api.manager('Cancel', 's', job_id)
    assert api.get(job, JOB, 'State') == 'finished'


@pytest.mark.parametrize('member', ['Cancel', 'Progress'])
def test_unknown_job_is_no_such_job(api, member):
    error = refused(api.manager, member, 's', 'no-such-id')
    assert error.short == 'NoSuchJob'
    assert 'no-such-id' in error.message


def test_unknown_option_is_named(api, reference, dest):
    error = refused(api.bootstrap, reference, dest, no_such_option=('b', True))
    assert error.short == 'InvalidOption'
    assert 'no-such-option' in error.message


@pytest.mark.parametrize('name, value', [
    ('format', ('b', True)), ('not-secure', ('s', 'yes')), ('uidmap', ('s', '0:1:1')),
    ('size', ('s', '5G')), ('username', ('t', 1)), ('password-fd', ('s', 'secret'))])
def test_option_of_a_wrong_type_is_named(api, reference, dest, name, value):
    error = refused(api.bootstrap, reference, dest, **{name: value})
    assert error.short == 'InvalidOption'
    assert name in error.message


@pytest.mark.parametrize('name, value', [
    ('format', ('s', 'floppy')), ('platform', ('s', 'linux')), ('digest', ('s', 'sha256:XYZ')),
    ('uidmap', ('a(uuu)', [(0, 1, 0)])), ('gidmap', ('a(uuu)', [(0, 10, 5), (3, 20, 5)])),
    ('uidmap', ('a(uuu)', [(0, 4294967295, 2)]))])
def test_senseless_value_is_named(api, reference, dest, name, value):
    error = refused(api.bootstrap, reference, dest, **{name: value})
    assert error.short == 'InvalidOption'
    assert name in error.message


@pytest.mark.parametrize('source', ['', 'docker://', 'docker://UPPER/Case', 'docker://a b',
                                    'docker://host:5000/name:tag:tag', 'ftp://host/name',
                                    'docker://name@sha256:123', 'docker://../name'])
def test_wrong_reference_is_refused_at_once(api, dest, source):
    error = refused(api.bootstrap, source, dest)
    assert error.short == 'InvalidReference'
    assert api.manager('ListJobs')[0] == []


@pytest.mark.parametrize('destination', ['', 'relative/path'])
def test_destination_must_be_an_absolute_path(api, reference, destination):
    assert refused(api.bootstrap, reference, destination).short == 'InvalidDestination'


def test_root_as_destination_is_refused(api, reference):
    for path in ('/', '//', '/usr/..', '/./'):
        assert refused(api.bootstrap, reference, path).short == 'InvalidDestination', path


def test_destination_of_a_running_job_is_busy(api, reference, dest, held):
    _, job = api.bootstrap(reference, dest)
    assert refused(api.bootstrap, reference, dest).short == 'DestinationBusy'
    assert refused(api.bootstrap, reference, f'{dest}/').short == 'DestinationBusy'
    held.set()
    assert api.wait(job)[0] == 'done'


def test_jobs_over_the_limit_wait_in_the_queue(daemon_on, reference, work, held):
    api = daemon_on(options=['--max-jobs=1']).connect()
    first, second = (api.bootstrap(reference, work / name) for name in 'ab')
    wait_for(lambda: api.manager('Progress', 's', first[0])[0] == 'running', 'the first to run')
    assert api.manager('Progress', 's', second[0])[:2] == ('queued', 'queued')
    held.set()
    assert api.wait(first[1])[0] == api.wait(second[1])[0] == 'done'
    api.close()


def test_queued_job_can_be_cancelled(daemon_on, reference, work, held):
    api = daemon_on(options=['--max-jobs=1']).connect()
    first, second = (api.bootstrap(reference, work / name) for name in 'ab')
    api.job(second[1], 'Cancel')
    assert api.wait(second[1])[0] == 'cancelled'
    held.set()
    assert api.wait(first[1])[0] == 'done'
    assert os.listdir(work) == ['a']
    api.close()


def test_full_queue_is_told(api, reference, work, held):
    """The queue has a ceiling; whatever it is, it is reached before a thousand jobs and a few."""
    ids = []
    error = None
    for i in range(1100):
        try:
            ids.append(api.bootstrap(reference, work / str(i))[0])
        except BusError as caught:
            error = caught
            break
    assert error and error.short == 'QueueFull'
    for one in ids:
        api.manager('Cancel', 's', one)
    held.set()
    wait_for(lambda: api.get(PATH, MANAGER, 'Jobs') == 0, 'the queue to drain')


def test_finished_jobs_are_kept_up_to_a_hundred(api, faulty_registry, work):
    for i in range(105):
        api.wait(api.bootstrap(faulty_registry.reference('none'), work / str(i))[1])
    assert len(api.manager('ListJobs')[0]) == 100


def test_inspect_tells_what_would_be_fetched(api, reference, dest, one):
    options = {'not-secure': ('b', True)}
    found = {k: v for k, (_, v) in api.manager('Inspect', 'sa{sv}', reference, options)[0].items()}
    layer = one.layers[0]
    assert found['digest'] == found['manifest-digest'] == image.digest_of(one.manifest())
    assert found['name'] == reference.removeprefix('docker://') + ':latest'
    assert found['media-type'] == image.OCI_MANIFEST
    assert found['platform'] == f'linux/{image.MACHINE}'
    assert found['size'] == len(layer.blob)
    kind = 'application/vnd.oci.image.layer.v1.tar+gzip'
    assert found['layers'] == [(layer.digest, kind, len(layer.blob), False)]
    assert found['env'] == ['PATH=/bin']
    api.wait(api.bootstrap(reference, dest)[1])
    answer = api.manager('Inspect', 'sa{sv}', reference, options)[0]
    assert answer['layers'][1] == [(layer.digest, kind, len(layer.blob), True)]


def test_inspect_downloads_no_layer(api, faulty_registry, reference, one):
    api.manager('Inspect', 'sa{sv}', reference, {'not-secure': ('b', True)})
    assert one.layers[0].digest not in faulty_registry.blob_requests()


def test_inspect_tells_errors_by_name(api, faulty_registry):
    error = refused(api.manager, 'Inspect', 'sa{sv}', faulty_registry.reference('none'),
                    {'not-secure': ('b', True)})
    assert error.short == 'NotFound'


def test_version_and_features(api):
    found = api.properties(PATH, MANAGER)
    assert found['Version']
    assert {'docker', 'dir'} <= set(found['Features'])


def test_secrets_travel_as_descriptors(api, faulty_registry, dest):
    faulty_registry.add('private', samples.small())
    faulty_registry.fault('', faulty.basic('me', 'hidden'))
    with open(dest.parent.parent / 'secret', 'w+b') as f:
        f.write(b'hidden')
        f.flush()
        f.seek(0)
        _, job = api.bootstrap(faulty_registry.reference('private'), dest,
                               username=('s', 'me'), password_fd=('h', f))
    assert api.wait(job) == ('done', '', '')


def test_busctl_bootstraps(daemon, reference, dest):
    busctl = ['busctl', f'--address={daemon.address}', '--timeout=20']
    answer = run([*busctl, 'call', NAME, PATH, MANAGER, 'Bootstrap', 'ssa{sv}',
                  reference, dest, '1', 'not-secure', 'b', 'true'])
    path = answer.split('"')[3]
    assert run([*busctl, 'call', NAME, path, JOB, 'Wait']) == 'sss "done" "" ""\n'
    assert (dest / 'data').is_dir()
    assert run([*busctl, 'get-property', NAME, path, JOB, 'State']) == 's "finished"\n'


def test_busctl_introspects_what_the_contract_says(daemon):
    text = run(['busctl', f'--address={daemon.address}', 'introspect', NAME, PATH])
    for interface in (MANAGER, CACHE, OBJECTS):
        assert interface in text
    contract = (programs.SOURCE / 'dbus/org.virtbootstrap1.xml').read_text()
    for member in ('Bootstrap', 'Cancel', 'Progress', 'ListJobs', 'Inspect', 'JobNew',
                   'JobFinished', 'Prune', 'Verify'):
        assert f'.{member} ' in text and f'"{member}"' in contract


def test_daemon_survives_callers_that_vanish(daemon, faulty_registry, reference, dest, held):
    first = daemon.connect()
    _, job = first.bootstrap(reference, dest)
    first.close()
    second = daemon.connect()
    held.set()
    assert second.wait(job)[0] == 'done'
    second.close()


LOG = ('/org/freedesktop/LogControl1', 'org.freedesktop.LogControl1')


def set_property(api, path, interface, name, value):
    api.call(path, 'org.freedesktop.DBus.Properties', 'Set', 'ssv', interface, name, ('s', value))


def test_log_level_is_changed_at_run_time(api, daemon, reference, dest, work):
    """And at debug level each phase has its time."""
    assert api.properties(*LOG) == {
        'LogLevel': 'info', 'LogTarget': 'console', 'SyslogIdentifier': 'virt-bootstrapd'}
    job, path = api.bootstrap(reference, dest)
    api.wait(path)
    assert f'Job {job}: download, ' not in daemon.errors.read_text()
    set_property(api, *LOG, 'LogLevel', 'debug')
    assert api.get(*LOG, 'LogLevel') == 'debug'
    job, path = api.bootstrap(reference, work / 'other')
    api.wait(path)
    assert re.search(rf'Job {job}: unpack, \d+ ms after it was accepted', daemon.errors.read_text())
    set_property(api, *LOG, 'LogLevel', 'err')
    job, path = api.bootstrap(reference, work / 'third')
    api.wait(path)
    assert job not in daemon.errors.read_text()


def test_log_tells_what_was_put_where_from_which_digest_and_by_whom(api, daemon, faulty_registry, one, dest):
    source = faulty_registry.reference('image')
    job, path = api.bootstrap(source, dest)
    api.wait(path)
    digest = api.properties(path, JOB)['Digest']
    said = daemon.errors.read_text()
    what = f'{source} to {dest} \\(dir\\), for user {os.geteuid()}'
    assert re.search(rf'^virt-bootstrapd: Job {job}: started: {what}$', said, re.MULTILINE)
    assert re.search(rf'^virt-bootstrapd: Job {job}: finished after \d+\.\d s: {what}; {digest}; '
                     r'[1-9]\d* bytes downloaded, [1-9]\d* unpacked$', said, re.MULTILINE)


def test_log_level_is_configured(daemon_on, reference, dest, tmp_path):
    (tmp_path / 'quiet').write_text('[Daemon]\nLogLevel=err\n')
    daemon = daemon_on(VIRTBOOTSTRAP_CONFIG=str(tmp_path / 'quiet'))
    api = daemon.connect()
    try:
        assert api.get(*LOG, 'LogLevel') == 'err'
        job, path = api.bootstrap(reference, dest)
        api.wait(path)
        assert job not in daemon.errors.read_text()
    finally:
        api.close()


def test_log_levels_that_do_not_exist_are_refused(api):
    error = refused(set_property, api, *LOG, 'LogLevel', 'loud')
    assert error.name == 'org.freedesktop.DBus.Error.InvalidArgs'
    assert 'expected emerg, alert, crit, err, warning, notice, info or debug' in str(error)
    assert api.get(*LOG, 'LogLevel') == 'info'
    error = refused(set_property, api, *LOG, 'LogTarget', 'kmsg')
    assert error.name == 'org.freedesktop.DBus.Error.NotSupported'
