# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each ceiling has a key in virt-bootstrapd.conf, and going past it ends with LimitExceeded."""

import pytest

from support import samples, tar
from support.image import Image, Layer

pytestmark = pytest.mark.root

DEEP = b'/'.join([b'd'] * 40) + b'/f'
CASES = {
    'UnpackedSize=64K': [[tar.file('f', bytes(100_000))]],
    'Entries=3': [[tar.file(f'f{n}') for n in range(4)]],
    'Layers=1': [[tar.file('a')], [tar.file('b')]],
    'PathLength=60': [[tar.file(DEEP)]],
    'NameLength=20': [[tar.file('n' * 21)]],
    'PathDepth=30': [[tar.file(DEEP)]],
    'XattrSize=100': [[tar.file('f', xattrs={'user.x': b'x' * 101})]],
    'HeaderSize=4K': [[tar.file('f', pax={'comment': 'x' * 200_000})]],
    'CompressionRatio=2\nCompressionRatioFloor=1K': [[tar.file('f', bytes(4 << 20))]],
}


def configured(env, tmp_path, text):
    path = tmp_path / 'virt-bootstrapd.conf'
    path.write_text(text)
    env['VIRTBOOTSTRAP_CONFIG'] = str(path)


@pytest.mark.parametrize('keys', CASES, ids=lambda keys: keys.partition('=')[0])
def test_going_past_a_limit_ends_the_job(client, env, tmp_path, faulty_registry, dest, keys):
    faulty_registry.add('limits', Image(CASES[keys]))
    reference = faulty_registry.reference('limits')
    configured(env, tmp_path, f'[Limits]\n{keys}\n')
    result = client.fail(reference, dest, '--json')
    assert result.error == 'LimitExceeded', str(result)
    assert not dest.exists()
    configured(env, tmp_path, '')
    client.bootstrap(reference, dest)


def test_window_of_a_zstd_layer_is_limited(client, env, tmp_path, faulty_registry, dest):
    faulty_registry.add('zstd', Image([Layer([tar.file('f', samples.noise(3 << 20))], 'zstd')]))
    configured(env, tmp_path, '[Limits]\nZstdWindow=64K\n')
    result = client.fail(faulty_registry.reference('zstd'), dest, '--json')
    assert result.error == 'LimitExceeded', str(result)


def test_job_without_progress_ends(client, env, tmp_path, faulty_registry, dest):
    image = samples.large(files=4)
    faulty_registry.add('stall', image)
    gate = faulty_registry.gate(image.layers[0].digest, 1000)
    configured(env, tmp_path, '[Daemon]\nStallTimeoutSec=1\n')
    result = client.fail(faulty_registry.reference('stall'), dest, '--json')
    gate.set()
    assert result.error == 'LimitExceeded', str(result)
    assert 'no progress' in result.sentence
