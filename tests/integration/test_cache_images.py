# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cache as an administrator sees it: images, what they share, what all of it takes, and what a prune would free."""

import os
import pathlib
import pty
import re
import shutil
import subprocess
import time

import pytest

from support import image, programs, samples, tar
from support.bus import CACHE, PATH, BusError
from support.image import Image
from support.process import run

DAY = 24 * 3600
SHARED = ['--format=qcow2', '--size=64M', '--share-layers']


@pytest.fixture
def pair(faulty_registry):
    """Two images with a common layer; returns them and their references."""
    base = samples.large(2).layers[0]
    both = {name: Image([base, [tar.file(name, samples.noise(400_000))]]) for name in ('one', 'two')}
    for name, it in both.items():
        faulty_registry.add(f'pair/{name}', it, tag='1')
    return both, {name: faulty_registry.reference(f'pair/{name}:1') for name in both}


@pytest.fixture
def filled(client, work, pair):
    """Both are in the cache."""
    for name, reference in pair[1].items():
        client.bootstrap(reference, work / name)
    return pair


def du(cache):
    return int(run(['du', '-s', '--block-size=1', cache]).split()[0])


def full_name(reference):
    return reference.removeprefix('docker://')


def listing(client, *args):
    """The images by name, and the last line."""
    *images, last = client.run('cache', 'list', '--json', *args).events
    return {one['name']: one for one in images}, last


def blobs(client):
    """The blobs by digest, the disk images, and the last line."""
    *all_, last = client.run('cache', 'blobs', '--json').events
    return ({one['digest']: one for one in all_ if 'digest' in one},
            [one for one in all_ if 'disk' in one], last)


def files(cache):
    """All that could change."""
    return sorted((path.relative_to(cache), path.lstat().st_size, path.lstat().st_mtime_ns)
                  for path in cache.rglob('*') if path.name != 'lock')


def set_used(cache, digest, when):
    os.utime(cache / 'virt-bootstrap/verified' / digest.replace(':', '-'), (when, when))


def rows(result):
    return [line.split() for line in result.out.splitlines()]


def test_list_has_images_by_name(client, filled):
    both, references = filled
    images, last = listing(client)
    assert list(images) == [full_name(references[name]) for name in ('one', 'two')]
    found = blobs(client)[0]
    for name, it in both.items():
        one = images[full_name(references[name])]
        assert one['digest'] == image.digest_of(it.manifest())
        assert (one['platform'], one['state']) == ('linux/amd64', 'ok')
        assert one['shared'] == found[it.layers[0].digest]['size']
        assert one['size'] >= one['shared'] + len(it.layers[1].blob)
        assert abs(one['used-usec'] / 1e6 - time.time()) < 600
    assert last['unnamed'] == {'blobs': 0, 'size': 0, 'used-usec': 0}
    base = both['one'].layers[0].digest
    assert found[base]['images'] == list(images)
    assert found[both['two'].layers[1].digest]['images'] == [full_name(references['two'])]


def test_tables_fit_eighty_columns(client, filled):
    result = client.run('cache', 'list')
    assert [line for line in result.out.splitlines() if len(line) > 80] == []
    heads = rows(result)[0]
    assert heads == ['NAME', 'DIGEST', 'PLATFORM', 'SIZE', 'SHARED', 'LAST', 'USED']
    digest = image.digest_of(filled[0]['one'].manifest())
    assert rows(result)[1][:3] == [
        full_name(filled[1]['one']), digest.partition(':')[2][:12], 'linux/amd64']
    assert re.fullmatch(r'2 images, [\d.]+M in all: blobs [\d.]+M, other [\d.]+K',
                        result.out.splitlines()[-1])
    result = client.run('cache', 'blobs')
    assert [line for line in result.out.splitlines() if len(line) > 80] == []
    assert {row[0] for row in rows(result)[1:8]} == {one[7:19] for one in blobs(client)[0]}


def test_every_total_is_what_du_says(client, daemon_on, filled, cache, work):
    """With what is compressed well, has holes, two names, or came from virt-bootstrap 1."""
    client.bootstrap(filled[1]['one'], work / 'chain', *SHARED)
    (cache / 'docker_images').mkdir()
    (cache / 'docker_images/layer.tar').write_bytes(bytes(5000))
    with open(cache / 'docker_images/holes', 'wb') as file:
        file.truncate(1 << 30)
    os.link(cache / 'docker_images/layer.tar', cache / 'docker_images/again')
    # A daemon that starts may write its lists.
    client.run('cache', 'list')
    size = du(cache)
    assert listing(client)[1]['size'] == size
    assert sum(listing(client)[1]['usage'].values()) == size
    assert blobs(client)[2]['size'] == size
    assert client.run('cache', 'prune', '--dry-run', '--json').events[-1]['size'] == size
    api = daemon_on().connect()
    assert api.get(PATH, CACHE, 'Size') == size
    api.close()
    after = client.run('cache', 'prune', '--json').events[-1]['size']
    assert after == du(cache) < size


def test_disk_images_are_listed_with_their_chains(client, pair, work, cache):
    for name in ('one', 'two'):
        client.bootstrap(pair[1][name], work / name, *SHARED)
    top = {name: f'{work}/{name}/layer-2.qcow2' for name in ('one', 'two')}
    disks = blobs(client)[1]
    assert [disk['state'] for disk in disks] == 3 * ['needed']
    assert sorted(sorted(disk['chains']) for disk in disks) == sorted(
        [[top['one']], [top['two']], sorted(top.values())])
    assert sum(disk['size'] for disk in disks) == sum(
        path.stat().st_blocks * 512 for path in (cache / 'disks').iterdir())
    # Their whole names are secret.
    ids = {path.stem for path in (cache / 'disks').iterdir()}
    assert {disk['disk'] for disk in disks} == {one[:12] for one in ids}
    result = client.run('cache', 'blobs')
    assert top['two'] in result.out and '3 disk images, ' in result.out.splitlines()[-1]

    shutil.rmtree(work / 'two')
    disks = blobs(client)[1]
    assert sorted((disk['state'], disk['chains']) for disk in disks) == [
        ('needed', [top['one']]), ('needed', [top['one']]), ('ok', [])]
    assert client.run('cache', 'prune', '--json').events[0]['kind'] == 'disk'
    assert len(blobs(client)[1]) == 2


def test_blobs_of_a_file_have_no_name(client, cache, work, tmp_path):
    it = samples.small()
    image.write_layout(tmp_path / 'layout', it)
    client.bootstrap(f'oci:{tmp_path}/layout', work / 'root')
    images, last = listing(client)
    assert images == {}
    assert last['unnamed']['blobs'] == 2 + len(it.layers)
    assert rows(client.run('cache', 'list'))[1][0] == '(unnamed)'
    told = client.run('cache', 'prune', '--dry-run').out.splitlines()
    assert sorted(line.split()[2] for line in told) == sorted(one[7:19] for one in blobs(client)[0])
    freed = client.run('cache', 'prune', '--json').events
    assert {one['kind'] for one in freed[:-1]} == {'blob'}
    assert listing(client)[1]['unnamed']['blobs'] == 0


@pytest.mark.parametrize('form', ['name', 'uri', 'short', 'prefixed', 'digest'])
def test_image_is_removed_without_what_others_need(client, filled, work, form):
    both, references = filled
    digest = image.digest_of(both['one'].manifest())
    text = {'name': full_name(references['one']), 'uri': references['one'],
            'short': digest.partition(':')[2][:12], 'prefixed': digest[:len('sha256:') + 4],
            'digest': digest}[form]
    before = blobs(client)[0]
    result = client.run('cache', 'remove', text)
    assert result.out.startswith(f'Removed {full_name(references["one"])} (')
    assert re.fullmatch(r'Freed [\d.]+K\n', result.err)
    assert list(listing(client)[0]) == [full_name(references['two'])]
    left = blobs(client)[0]
    assert set(before) - set(left) >= {digest, both['one'].layers[1].digest}
    assert set(left) == {one for one, blob in before.items() if full_name(references['two'])
                         in blob['images']}
    client.bootstrap(references['two'], work / 'again', '--offline')


def test_removal_tells_programs_what_was_freed(client, filled, cache):
    both, references = filled
    before = du(cache)
    *removed, last = client.run('cache', 'remove', '--json', references['one']).events
    assert [(one['kind'], one['name']) for one in removed] == [('image', full_name(references['one']))]
    assert removed[0]['size'] == last['freed'] == before - du(cache)


def test_layer_is_removed_by_its_short_digest_and_its_image_forgotten(client, filled):
    both, references = filled
    layer = both['one'].layers[1].digest
    result = client.run('cache', 'remove', '--json', layer[:len('sha256:') + 12])
    assert [(one['kind'], one['name']) for one in result.events[:-1]] == [
        ('blob', layer), ('image', full_name(references['one']))]
    images, last = listing(client)
    assert list(images) == [full_name(references['two'])]
    assert last['unnamed']['blobs'] == 2


@pytest.mark.parametrize('text, status, error, sentence', [
    ('nosuch', 1, 'NotFound', 'nosuch is not in the cache'),
    ('012', 1, 'NotFound', '012 is not in the cache'),
    ('docker://debian:12', 1, 'NotFound', 'docker://debian:12 is not in the cache'),
    ('sha256:' + 64 * '0', 1, 'NotFound', 'is not in the cache'),
    ('Upper:Case', 2, 'InvalidReference', 'Upper')])
def test_what_cannot_be_removed_is_explained(client, filled, text, status, error, sentence):
    result = client.run('cache', 'remove', '--json', text, expect=status)
    assert result.error == error
    assert sentence in result.sentence


def test_ambiguous_digest_names_what_it_could_be(client, filled, cache):
    digest = image.digest_of(filled[0]['one'].manifest())
    other = digest[:-1] + ('1' if digest[-1] == '0' else '0')
    (cache / 'blobs/sha256' / other.partition(':')[2]).write_text('x')
    result = client.run('cache', 'remove', '--json', digest[:20], expect=2)
    assert result.error == 'InvalidOption'
    assert result.sentence.startswith(f'"{digest[:20]}" is ambiguous: it could be sha256:')
    assert digest in result.sentence and other in result.sentence


def test_dry_run_tells_what_a_prune_does_and_changes_nothing(client, filled, cache, work):
    client.bootstrap(filled[1]['one'], work / 'chain', *SHARED)
    shutil.rmtree(work / 'chain')
    client.run('cache', 'list')
    before = files(cache)
    would = client.run('cache', 'prune', '--dry-run', '--json').events
    told = client.run('cache', 'prune', '--dry-run', '--force')
    assert files(cache) == before
    assert told.out.splitlines()[-1].startswith('Would remove ')
    assert re.fullmatch(r'Would free [\d.]+M; the cache has [\d.]+M\n', told.err)
    did = client.run('cache', 'prune', '--json').events
    assert did[:-1] == would[:-1]
    assert {one['kind'] for one in did[:-1]} == {'disk', 'image'}
    assert did[-1]['freed'] == would[-1]['freed'] == sum(one['size'] for one in did[:-1])
    assert (did[-1]['dry-run'], would[-1]['dry-run']) == (False, True)


def test_forced_dry_run_counts_what_chains_need_and_leaves_them_their_leases(
        client, pair, cache, work):
    client.bootstrap(pair[1]['one'], work / 'chain', *SHARED)
    kinds = [one['kind'] for one in
             client.run('cache', 'prune', '--dry-run', '--force', '--json').events[:-1]]
    assert kinds.count('disk') == 2
    client.run('cache', 'prune')
    assert len(os.listdir(cache / 'disks')) == 2


def test_prune_removes_only_what_is_older(client, filled, cache, work):
    both, references = filled
    now = time.time()
    set_used(cache, image.digest_of(both['one'].manifest()), now - 31 * DAY)
    set_used(cache, image.digest_of(both['two'].manifest()), now - 29 * DAY)
    assert client.run('cache', 'prune', '--older-than=5w', '--json').events[0]['freed'] == 0
    result = client.run('cache', 'prune', '--older-than=30d', '--json')
    assert [one['name'] for one in result.events[:-1]] == [full_name(references['one'])]
    assert list(listing(client)[0]) == [full_name(references['two'])]
    client.bootstrap(references['two'], work / 'again', '--offline')
    assert client.run('cache', 'prune', '--older-than=2w', '--json').events[0]['freed'] == 0


@pytest.mark.parametrize('span', ['x', '0', '-1d', '30 parsecs', 'infinity', ''])
def test_span_that_is_none_is_refused(client, span):
    result = client.run('cache', 'prune', '--json', f'--older-than={span}', expect=2)
    assert result.sentence.startswith(f'"{span}" is not a time span; expected ')


@pytest.mark.parametrize('options, sentence', [
    ({'kep': ('t', 1)}, 'There is no option "kep" to prune the cache'),
    ({'keep': ('s', '1')}, 'Option "keep" has a value of the wrong type'),
    ({'dry-run': ('t', 1)}, 'Option "dry-run" has a value of the wrong type')])
def test_options_of_a_prune_are_checked(api, options, sentence):
    with pytest.raises(BusError) as caught:
        api.cache('Prune', 'a{sv}', options)
    assert (caught.value.short, caught.value.message) == ('InvalidOption', sentence)


def test_image_that_a_job_uses_is_kept(faulty_registry, api, pair, work):
    both, references = pair
    api.wait(api.bootstrap(references['one'], work / 'one')[1])
    api.wait(api.bootstrap(references['two'], work / 'two')[1])
    api.cache('Remove', 's', both['one'].layers[1].digest)
    api.wait(api.bootstrap(references['one'], work / 'again')[1])
    api.cache('Remove', 's', both['one'].layers[1].digest)
    layer = both['one'].layers[1].digest
    gate = faulty_registry.gate(layer, len(both['one'].layers[1].blob) // 2)
    _, job = api.bootstrap(references['one'], work / 'third')
    api.wait_until(lambda: faulty_registry.blob_requests()[layer] == 3, 'the transfer')
    api.wait_until(lambda: [one for one in api.cache('ListBlobs')[0]
                            if one[0] == both['one'].layers[0].digest and one[3] == 'used'],
                   'the first layer')
    # The name of the one that runs is not known again yet; what it has is.
    with pytest.raises(BusError) as caught:
        api.cache('Remove', 's', image.digest_of(both['one'].manifest()))
    assert caught.value.short == 'CacheBusy'
    removed = api.cache('Prune', 'a{sv}', {})[0]
    assert [one[:2] for one in removed] == [('image', full_name(references['two']))]
    gate.set()
    assert api.wait(job)[0] == 'done'
    assert [one[0] for one in api.cache('ListImages')[0]] == [full_name(references['one'])]


def test_image_in_use_is_not_removed_by_its_name(daemon_on, pair, work, tmp_path):
    """While its job unpacks, all of it is in the cache."""
    hold = tmp_path / 'hold'
    workers = programs.wrap_workers(tmp_path / 'workers', f"""
if [ $STEP = unpack ]; then while [ -e {hold} ]; do sleep 0.05; done; fi
exec $WORKER
""")
    api = daemon_on(VIRTBOOTSTRAP_WORKERS=str(workers)).connect()
    reference = pair[1]['one']
    api.wait(api.bootstrap(reference, work / 'one')[1])
    hold.touch()
    _, job = api.bootstrap(reference, work / 'again')
    api.wait_until(lambda: [one[6] for one in api.cache('ListImages')[0]] == ['used'], 'its use')
    with pytest.raises(BusError) as caught:
        api.cache('Remove', 's', reference)
    assert caught.value.short == 'CacheBusy'
    assert caught.value.message == f'{reference} cannot be removed: a job uses it'
    assert api.cache('Prune', 'a{sv}', {})[0] == []
    hold.unlink()
    assert api.wait(job)[0] == 'done'
    assert api.cache('Remove', 's', reference)[0][0][:2] == ('image', full_name(reference))
    api.close()


def test_verify_says_that_all_is_good(client, filled):
    result = client.run('cache', 'verify')
    assert result.out == ''
    assert re.fullmatch(r'7 blobs, [\d.]+[KM]: all good\n', result.err)
    last = client.run('cache', 'verify', '--json').events[-1]
    assert (last['blobs'], last['damaged']) == (7, 0)
    assert client.run('cache', 'verify', '--quiet').err == ''


def test_verify_names_the_images_of_what_is_damaged(client, filled, cache):
    both, references = filled
    layer = both['one'].layers[0].digest
    path = cache / 'blobs/sha256' / layer.partition(':')[2]
    path.chmod(0o644)
    path.write_bytes(b'x' * path.stat().st_size)
    result = client.run('cache', 'verify', expect=1)
    assert result.out.split() == [layer, *(full_name(one) for one in references.values())]
    assert result.sentence == 'Damaged blobs were found in the cache and removed: 1 of 7'
    assert listing(client)[0] == {}


def test_verify_is_no_use_of_a_blob(client, filled, cache):
    both, references = filled
    when = int(time.time()) - 100 * DAY
    set_used(cache, image.digest_of(both['one'].manifest()), when)
    client.run('cache', 'verify')
    assert listing(client)[0][full_name(references['one'])]['used-usec'] == when * 1_000_000


def test_verify_shows_its_progress_on_a_terminal(client, filled):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(client.argv('cache', 'verify'), stderr=theirs,
                               env={**client.env, 'TERM': 'xterm'})
    os.close(theirs)
    seen = b''
    while not seen.endswith(b'all good\r\n'):
        seen += os.read(ours, 4096)
    os.close(ours)
    assert process.wait(60) == 0
    assert seen.startswith(b'\rVerifying ')
    assert b'\rVerifying 100%\r\x1b[K7 blobs, ' in seen


def test_progress_of_verify_reaches_its_caller_alone(api, other, pair, work):
    api.wait(api.bootstrap(pair[1]['one'], work / 'one')[1])
    api.signals.clear()
    api.cache('Verify')
    progress = [one.body for one in api.signals if one.member == 'VerifyProgress']
    total = progress[-1][1]
    assert progress[-1][0] == total > 0
    assert [one[1] for one in progress] == [total] * len(progress)
    other.manager('ListJobs')
    assert not [one for one in other.signals if one.member == 'VerifyProgress']


def test_what_version_1_left_is_told_and_kept(client, cache):
    client.run('cache', 'list')
    assert 'rm -r' not in client.run('cache', 'list').err
    (cache / 'docker_images').mkdir()
    (cache / 'docker_images/sha256:1.tar').write_bytes(samples.noise(200_000))
    told = (f'virt-bootstrap 1 has left SIZE, which nothing uses any more; '
            f'to remove it: rm -r {cache}/docker_images\n')
    size = sum(path.lstat().st_blocks * 512 for path in (cache / 'docker_images').iterdir())
    told = told.replace('SIZE', f'{size / 1024:.1f}K')
    result = client.run('cache', 'list')
    assert result.err == told
    assert f'docker_images {size / 1024:.1f}K' in result.out
    assert client.run('cache', 'prune').err.endswith(told)
    assert client.run('cache', 'list', '--quiet').err == ''
    assert (cache / 'docker_images/sha256:1.tar').exists()
    command = told.partition('to remove it: ')[2].split()
    subprocess.run(command, check=True)
    assert client.run('cache', 'list').err == ''


@pytest.mark.root
def test_full_cache_says_what_a_prune_would_free(client, env, pair, work, tmpfs, faulty_registry):
    references = pair[1]
    env['VIRTBOOTSTRAP_CACHE'] = str(tmpfs('4m') / 'cache')
    client.bootstrap(references['one'], work / 'one')
    freed = client.run('cache', 'prune', '--dry-run', '--json').events[-1]['freed']
    faulty_registry.add('big', samples.large(4, layers=4))
    result = client.fail(faulty_registry.reference('big'), work / 'big')
    assert result.error == 'NoSpace'
    found = re.search(r'Not enough space in (\S+): (\d+) bytes are needed, but \d+ are free, .*; '
                      r'"virt-bootstrap cache prune" would free (\d+) bytes$', result.sentence)
    assert found, result.sentence
    assert found[1] == env['VIRTBOOTSTRAP_CACHE']
    # The documents of the image itself are there by now.
    assert freed <= int(found[3]) <= freed + 8 * 4096
    client.run('cache', 'prune')
    result = client.fail(faulty_registry.reference('big'), work / 'big')
    assert 'cache prune' not in result.sentence or int(
        re.search(r'free (\d+) bytes$', result.sentence)[1]) < 8 * 4096


def test_completion_offers_images_by_name(client, filled, env):
    script = programs.SOURCE / 'client/virt-bootstrap.bash'
    path = pathlib.Path(programs.CLIENT).parent
    said = subprocess.run(
        ['bash', '-c', f'. {script}; _virt_bootstrap_images --embedded'], check=True,
        capture_output=True, text=True, env={**client.env, 'PATH': f'{path}:{os.environ["PATH"]}'})
    assert said.stdout.split() == [full_name(one) for one in filled[1].values()]
