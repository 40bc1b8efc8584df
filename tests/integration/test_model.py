# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random layers give the tree that an independent model of the layer rules gives, and umoci's where the
layers are such as every tool agrees on. A failure names its seed: TEST_SEED=N runs that one alone."""

import os
import random

import pytest

from support import model, tree
from support.image import Image, write_layout
from support.process import run

pytestmark = pytest.mark.root

FIRST = int(os.environ.get('TEST_SEED', random.randrange(10**9)))
COUNT = int(os.environ.get('TEST_SEEDS', 1 if 'TEST_SEED' in os.environ else 40))


def comparable(found, want):
    """@found, without what the model does not say, and with contents for what it does."""
    out = {}
    for name, node in found.items():
        if name == b'.':
            continue
        node = {key: value for key, value in node.items() if key not in ('sha256', 'size', 'rdev')}
        if 'mtime_ns' not in want.get(name, {'mtime_ns': 0}):
            del node['mtime_ns']
        out[name] = node
    return out


def without_data(snapshot):
    return {name: {key: value for key, value in node.items() if key != 'data'}
            for name, node in snapshot.items()}


def test_random_layers_give_the_models_tree(faulty_registry, client, work):
    for seed in range(FIRST, FIRST + COUNT):
        generator = model.Generator(seed)
        layers = [generator.layer() for _ in range(generator.random.randint(1, 4))]
        want = model.Tree()
        for layer in layers:
            want.apply(layer)
        faulty_registry.add('model', Image(layers))
        dest = work / str(seed)
        client.bootstrap(faulty_registry.reference('model'), dest, '--keep-devices')
        wanted = want.snapshot()
        lines = tree.difference(comparable(tree.snapshot(dest), wanted), without_data(wanted))
        lines += [f'{name!r}: other content' for name, node in wanted.items()
                  if 'data' in node and (os.fsencode(dest) + b'/' + name, node['data'])
                  != (os.fsencode(dest) + b'/' + name,
                      open(os.fsencode(dest) + b'/' + name, 'rb').read())]
        assert not lines, f'seed {seed}:\n' + '\n'.join(lines)


def test_plain_random_layers_give_umocis_tree(faulty_registry, client, work, tmp_path):
    for seed in range(FIRST, FIRST + COUNT // 4 + 1):
        generator = model.Generator(seed, plain=True)
        image = Image([generator.layer() for _ in range(3)])
        oracle = tmp_path / f'umoci-{seed}'
        layout = write_layout(tmp_path / f'layout-{seed}', image)
        run(['umoci', 'raw', 'unpack', '--image', f'{layout}:latest', oracle])
        faulty_registry.add('model', image)
        client.bootstrap(faulty_registry.reference('model'), work / str(seed), '--keep-devices')
        found, want = tree.snapshot(work / str(seed)), tree.snapshot(oracle)
        for snapshot in (found, want):
            # umoci leaves the times of a directory that has no entry in the last layer at "now".
            for node in snapshot.values():
                if 'sha256' not in node and 'target' not in node and 'rdev' not in node:
                    node.pop('mtime_ns', None)
        lines = tree.difference(found, want)
        assert not lines, f'seed {seed}:\n' + '\n'.join(lines)
