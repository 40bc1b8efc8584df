# SPDX-License-Identifier: LGPL-2.1-or-later
"""The store: an OCI layout, named after verifying, shared by jobs."""

import json
import os
import pathlib
import threading

import pytest

from support import faulty, image, programs, samples, tar, tree
from support.bus import CACHE, PATH, BusError
from support.process import open_files, run, running, wait_for


@pytest.fixture
def one(faulty_registry):
    it = samples.large(8, layers=2)
    faulty_registry.add('name/image', it, tag='tag')
    return it


@pytest.fixture
def reference(faulty_registry, one):
    return faulty_registry.reference('name/image:tag')


def blobs(cache):
    """The digests of the blobs which have a name in the store."""
    folder = cache / 'blobs/sha256'
    return {f'sha256:{name}' for name in os.listdir(folder)} if folder.exists() else set()


def assert_each_blob_once(registry, one):
    assert registry.blob_requests() == {image.digest_of(blob): 1 for blob in one.blobs()}


def held_below(folder):
    """The files below @folder which a daemon has open, also those without a name."""
    out = []
    for pid in running([programs.DAEMON]):
        out += [path for path in open_files(pid) if path.startswith(f'{folder}/')]
    return out


def every_file(cache):
    return [os.path.join(f, n) for f, _, names in os.walk(cache) for n in names]


def test_second_bootstrap_requests_no_blob(faulty_registry, client, work, reference):
    client.bootstrap(reference, work / 'a')
    before = faulty_registry.blob_requests()
    client.bootstrap(reference, work / 'b')
    assert faulty_registry.blob_requests() == before
    assert set(before.values()) == {1}
    tree.assert_same(tree.snapshot(work / 'a'), tree.snapshot(work / 'b'))


def test_layer_that_another_image_has_is_not_requested(faulty_registry, client, work, one):
    faulty_registry.add('name/other', image.Image([one.layers[0], samples.small().layers[0]]))
    client.bootstrap(faulty_registry.reference('name/image:tag'), work / 'a')
    client.bootstrap(faulty_registry.reference('name/other'), work / 'b')
    assert faulty_registry.blob_requests()[one.layers[0].digest] == 1


def test_two_jobs_at_once_request_each_blob_once(faulty_registry, api, work, one, reference):
    gate = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    jobs = [api.bootstrap(reference, work / name)[1] for name in 'ab']
    wait_for(lambda: faulty_registry.count('/manifests/') >= 2, 'both to know the image')
    wait_for(lambda: one.layers[0].digest in faulty_registry.blob_requests(), 'the transfer')
    gate.set()
    for job in jobs:
        assert api.wait(job) == ('done', '', '')
    assert_each_blob_once(faulty_registry, one)
    tree.assert_same(tree.snapshot(work / 'a'), tree.snapshot(work / 'b'))


def test_two_daemons_on_one_store_request_each_blob_once(
        faulty_registry, client, work, one, reference):
    gate = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    running = [client.start('--not-secure', reference, work / name) for name in 'ab']
    try:
        wait_for(lambda: faulty_registry.count('/manifests/') >= 2, 'both to know the image')
        wait_for(lambda: one.layers[0].digest in faulty_registry.blob_requests(), 'the transfer')
    finally:
        gate.set()
        for process in running:
            client.finish(process)
    assert_each_blob_once(faulty_registry, one)


def test_cancelled_downloader_leaves_the_blob_to_the_other_job(
        faulty_registry, api, work, one, reference):
    gate = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    _, first = api.bootstrap(reference, work / 'a')
    wait_for(lambda: one.layers[0].digest in faulty_registry.blob_requests(), 'the transfer')
    _, second = api.bootstrap(reference, work / 'b')
    wait_for(lambda: faulty_registry.count('/manifests/') >= 2, 'the other to know the image')
    api.job(first, 'Cancel')
    gate.set()
    assert api.wait(first)[0] == 'cancelled'
    assert api.wait(second) == ('done', '', '')
    assert os.listdir(work) == ['b']


def test_store_is_an_oci_layout_that_skopeo_reads(client, work, cache, one, reference):
    client.bootstrap(reference, work / 'a')
    assert json.loads((cache / 'oci-layout').read_text()) == {'imageLayoutVersion': '1.0.0'}
    index = json.loads((cache / 'index.json').read_text())
    refs = [m['annotations']['org.opencontainers.image.ref.name'] for m in index['manifests']]
    assert refs == [reference.removeprefix('docker://')]
    found = json.loads(run(['skopeo', '--insecure-policy', 'inspect', f'oci:{cache}:{refs[0]}']))
    assert found['Layers'] == one.layer_digests()


@pytest.mark.parametrize('form', ['v2s2', 'oci'])
def test_image_can_be_copied_out_of_the_store(
        docker_registry, layouts, client, work, cache, tmp_path, form):
    docker_registry.push(layouts['order'], f'copy/{form}', form)
    reference = f'{docker_registry.host}/copy/{form}:latest'
    client.bootstrap(f'docker://{reference}', work / 'a')
    run(['skopeo', '--insecure-policy', 'copy', '-q', f'oci:{cache}:{reference}',
         f'oci:{tmp_path}/copy:latest'])
    run(['umoci', 'raw', 'unpack', '--image', f'{tmp_path}/copy:latest', tmp_path / 'root'])
    assert tree.names(tmp_path / 'root') == samples.ORDER


def test_platforms_image_is_what_the_index_of_the_store_names(
        faulty_registry, client, work, cache):
    here, there = samples.small(b'here'), samples.small(b'there', architecture='s390x')
    for it in (here, there):
        faulty_registry.add('two', it, tag=it.platform['architecture'])
    faulty_registry.add_manifest('two', image.index(
        [image.manifest_descriptor(there), image.manifest_descriptor(here)]), image.OCI_INDEX)
    client.bootstrap(faulty_registry.reference('two'), work / 'a')
    found = json.loads(run(['skopeo', '--insecure-policy', 'inspect',
                            f'oci:{cache}:{faulty_registry.host}/two:latest']))
    assert found['Layers'] == here.layer_digests()
    assert there.layer_digests()[0] not in blobs(cache)


def test_every_blob_is_what_its_name_says(client, work, cache, reference):
    client.bootstrap(reference, work / 'a')
    found = blobs(cache)
    assert len(found) == 4  # a manifest, a config, two layers
    for digest in found:
        data = (cache / 'blobs/sha256' / digest.partition(':')[2]).read_bytes()
        assert image.digest_of(data) == digest


def test_blob_has_no_name_before_it_is_verified(
        faulty_registry, client, dest, cache, one, reference):
    layer = one.layers[0]
    gate = faulty_registry.gate(layer.digest, len(layer.blob) // 2)
    process = client.start('--not-secure', reference, dest)
    try:
        wait_for(lambda: layer.digest in faulty_registry.blob_requests(), 'the transfer')
        assert layer.digest not in blobs(cache)
    finally:
        gate.set()
        client.finish(process)
    assert layer.digest in blobs(cache)


@pytest.mark.parametrize('size, processes', [(1000, 1), (2 << 20, 2)], ids=['small', 'large'])
def test_small_blobs_of_a_job_are_hashed_by_one_process(
        faulty_registry, client, env, tmp_path, dest, size, processes):
    workers = programs.wrap_workers(
        tmp_path / 'workers', f'echo $$ >>{tmp_path}/started-$STEP\nexec $WORKER\n')
    env['VIRTBOOTSTRAP_WORKERS'] = str(workers)
    faulty_registry.add('image', image.Image([[tar.file('file', samples.noise(size))]]))
    client.bootstrap(faulty_registry.reference('image'), dest)
    assert len((tmp_path / 'started-verify').read_text().split()) == processes


def test_wrong_content_gets_no_name(faulty_registry, client, dest, cache, one, reference):
    faulty_registry.fault(one.layers[0].digest, faulty.corrupt)
    assert client.fail(reference, dest).error == 'DigestMismatch'
    assert one.layers[0].digest not in blobs(cache)


def damage(cache, digest, boot):
    """As a power failure may leave a blob without sync: its record agrees."""
    name = digest.partition(':')[2]
    path, record = cache / 'blobs/sha256' / name, cache / f'virt-bootstrap/verified/sha256-{name}'
    assert record.read_text().startswith('unsynced ')
    path.chmod(0o644)
    path.write_bytes(bytes(path.stat().st_size))
    st = path.stat()
    record.write_text(f'unsynced {boot} {st.st_size} {st.st_ino} '
                      f'{st.st_ctime_ns // 10**9}.{st.st_ctime_ns % 10**9:09}\n')


def test_blob_without_sync_is_believed_until_the_system_starts_again(
        faulty_registry, client, work, cache, one, reference):
    layer = one.layers[0]
    client.bootstrap(reference, work / 'a', '--no-sync')
    client.bootstrap(reference, work / 'b', '--no-sync')
    assert faulty_registry.blob_requests()[layer.digest] == 1

    boot = pathlib.Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    damage(cache, layer.digest, boot)
    client.fail(reference, work / 'c', '--no-sync')
    damage(cache, layer.digest, '01234567-89ab-4def-8000-000000000000')
    client.bootstrap(reference, work / 'd', '--no-sync')
    assert faulty_registry.blob_requests()[layer.digest] == 2
    tree.assert_same(tree.snapshot(work / 'a'), tree.snapshot(work / 'd'))


def test_no_cache_leaves_nothing(client, work, cache, env, tmp_path, reference):
    place = tmp_path / 'no-cache'
    place.mkdir()
    client.bootstrap(reference, work / 'a', '--no-cache', env={'VIRTBOOTSTRAP_TMPDIR': str(place)})
    assert (work / 'a/data').is_dir()
    assert os.listdir(place) == []
    assert not blobs(cache)
    assert not [path for path in every_file(cache) if os.path.getsize(path) > 10_000]


def test_no_cache_works_in_the_folder_it_is_given(
        faulty_registry, client, dest, tmp_path, one, reference):
    place = tmp_path / 'no-cache'
    place.mkdir()
    gate = faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)
    process = client.start('--not-secure', '--no-cache', reference, dest,
                           env={'VIRTBOOTSTRAP_TMPDIR': str(place)})
    try:
        wait_for(lambda: held_below(place), 'a file in VIRTBOOTSTRAP_TMPDIR')
    finally:
        gate.set()
        client.finish(process)
    assert os.listdir(place) == []


def test_offline_uses_the_cache_alone(faulty_registry, client, work, reference):
    client.bootstrap(reference, work / 'a')
    before = len(faulty_registry.requests)
    client.bootstrap(reference, work / 'b', '--offline')
    assert len(faulty_registry.requests) == before
    tree.assert_same(tree.snapshot(work / 'a'), tree.snapshot(work / 'b'))


def test_offline_without_the_image_is_an_error(faulty_registry, client, dest, reference):
    assert client.fail(reference, dest, '--offline').error == 'NotFound'
    assert not faulty_registry.requests
    assert not dest.exists()


def test_moved_tag_is_noticed(faulty_registry, client, work, reference):
    client.bootstrap(reference, work / 'a')
    faulty_registry.add('name/image', samples.small(b'new'), tag='tag')
    client.bootstrap(reference, work / 'b')
    assert (work / 'b/etc/greeting').read_bytes() == b'new'


def test_damaged_blob_is_fetched_again(faulty_registry, client, work, cache, one, reference):
    client.bootstrap(reference, work / 'a')
    path = cache / 'blobs/sha256' / one.layers[0].digest.partition(':')[2]
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    client.bootstrap(reference, work / 'b')
    tree.assert_same(tree.snapshot(work / 'a'), tree.snapshot(work / 'b'))
    assert faulty_registry.blob_requests()[one.layers[0].digest] == 2


def test_partial_download_is_kept_for_the_next_job(
        faulty_registry, client, work, one, reference):
    layer = one.layers[0]
    faulty_registry.fault(layer.digest, faulty.cut(1_000_000), times=1)
    faulty_registry.fault(layer.digest, faulty.error(403, 'DENIED', 'not now'), times=1)
    client.fail(reference, work / 'a')
    client.bootstrap(reference, work / 'a')
    starts = [headers.get('Range') for verb, path, headers in faulty_registry.requests
              if path.endswith(layer.digest)]
    assert starts[-1] == 'bytes=1000000-'


def test_cache_whose_path_is_not_utf8_can_be_told(daemon_on, tmp_path, dest, reference):
    daemon = daemon_on(VIRTBOOTSTRAP_CACHE=os.fsdecode(os.fsencode(tmp_path) + b'/caf\xe9'))
    api = daemon.connect()
    assert api.get(PATH, CACHE, 'Path') == f'{tmp_path}/caf?'
    _, job = api.bootstrap(reference, dest)
    assert api.wait(job)[0] == 'done'
    api.close()


def test_list_of_the_cache(api, dest, cache, one, reference):
    api.wait(api.bootstrap(reference, dest)[1])
    found = {digest: (size, state, images)
             for digest, size, _, state, images in api.cache('ListBlobs')[0]}
    for layer in one.layers:
        assert found[layer.digest][0] >= len(layer.blob)
        assert found[layer.digest][1:] == ('ok', [reference.removeprefix('docker://')])


def test_removed_blob_is_fetched_again(faulty_registry, api, work, one, reference):
    api.wait(api.bootstrap(reference, work / 'a')[1])
    api.cache('Remove', 's', one.layers[0].digest)
    assert api.wait(api.bootstrap(reference, work / 'b')[1])[0] == 'done'
    assert faulty_registry.blob_requests()[one.layers[0].digest] == 2


def test_removing_what_is_not_there_is_not_found(api):
    with pytest.raises(BusError) as caught:
        api.cache('Remove', 's', image.digest_of(b'nothing'))
    assert caught.value.short == 'NotFound'


def test_removing_what_a_job_uses_is_refused(faulty_registry, api, dest, one, reference):
    gate = faulty_registry.gate(one.layers[1].digest, len(one.layers[1].blob) // 2)
    _, job = api.bootstrap(reference, dest)
    api.wait_until(lambda: one.layers[0].digest in [b[0] for b in api.cache('ListBlobs')[0]
                                                    if b[3] == 'used'], 'the first layer')
    with pytest.raises(BusError) as caught:
        api.cache('Remove', 's', one.layers[0].digest)
    assert caught.value.short == 'CacheBusy'
    gate.set()
    assert api.wait(job)[0] == 'done'


def test_prune_frees_what_it_says(api, dest, cache, reference):
    api.wait(api.bootstrap(reference, dest)[1])
    before = api.get('/org/virtbootstrap1', 'org.virtbootstrap1.Cache', 'Size')
    _, freed, usage = api.cache('Prune', 'a{sv}', {})
    after = api.get('/org/virtbootstrap1', 'org.virtbootstrap1.Cache', 'Size')
    assert after == sum(usage.values())
    # The two lists of images take a block each, as long as there are some.
    assert freed <= before - after <= freed + 2 * 4096
    assert freed > 0 and not blobs(cache)


def test_verify_names_and_removes_what_is_damaged(api, dest, cache, one, reference):
    api.wait(api.bootstrap(reference, dest)[1])
    assert api.cache('Verify')[0] == []
    path = cache / 'blobs/sha256' / one.layers[1].digest.partition(':')[2]
    path.chmod(0o644)
    path.write_bytes(b'x' * path.stat().st_size)
    name = reference.removeprefix('docker://')
    assert api.cache('Verify')[0] == [(one.layers[1].digest, [name])]
    assert one.layers[1].digest not in blobs(cache)


def test_verify_names_what_cannot_be_hashed(
        daemon_on, tmp_path, dest, cache, one, reference):
    """A worker that is killed over a blob knows nothing of it; the damaged one is found all the same."""
    workers = programs.wrap_workers(tmp_path / 'workers', f"""
if [ $STEP = verify ] && [ "$(readlink /proc/self/fd/3 | cut -c-6)" = socket ] &&
        mkdir {tmp_path}/turn 2>/dev/null; then
        kill -KILL $$
fi
exec $WORKER
""")
    (tmp_path / 'turn').mkdir()
    api = daemon_on(VIRTBOOTSTRAP_WORKERS=str(workers)).connect()
    assert api.wait(api.bootstrap(reference, dest)[1])[0] == 'done'
    path = cache / 'blobs/sha256' / one.layers[1].digest.partition(':')[2]
    path.chmod(0o644)
    path.write_bytes(b'x' * path.stat().st_size)
    first = [b[0] for b in api.cache('ListBlobs')[0]][0]
    assert first != one.layers[1].digest
    (tmp_path / 'turn').rmdir()
    with pytest.raises(BusError) as caught:
        api.cache('Verify')
    assert caught.value.short == 'WorkerFailed'
    assert f'{first} cannot be verified: The verify worker was killed by signal 9' \
        in str(caught.value)
    assert 'Damaged blobs were removed: 1' in str(caught.value)
    assert one.layers[1].digest not in blobs(cache)
    assert api.cache('Verify')[0] == []
    api.close()


@pytest.mark.root
def test_verify_names_what_cannot_be_opened(user, dest, cache, one, reference):
    user.bootstrap(reference, dest)
    paths = [cache / 'blobs/sha256' / layer.digest.partition(':')[2] for layer in one.layers]
    for path in paths:
        path.chmod(0)
    result = user.run('cache', 'verify', '--json', expect=1)
    assert result.sentence.endswith('Permission denied')
    assert '2 blobs cannot be verified: sha256:' in result.sentence
    assert all(path.exists() for path in paths)


def test_many_at_once_on_one_store(faulty_registry, daemon_on, work):
    """Twelve jobs of four images, from four connections."""
    daemon = daemon_on(options=['--max-jobs=4'])
    for i in range(4):
        faulty_registry.add(f'many/{i}', samples.large(4, size=100_000 + i))
    failures = []

    def use(number):
        connection = daemon.connect()
        for i in range(3):
            _, job = connection.bootstrap(
                faulty_registry.reference(f'many/{(number + i) % 4}'), work / f'{number}-{i}')
            failures.extend(one for one in [connection.wait(job)] if one[0] != 'done')
        connection.close()

    threads = [threading.Thread(target=use, args=(n,)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(programs.DEADLINE * 2)
    assert not failures
    assert len(os.listdir(work)) == 12
    assert set(faulty_registry.blob_requests().values()) == {1}
