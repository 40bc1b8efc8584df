# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system that does not answer holds up nobody but the job that makes disk images there."""

import pathlib

import pytest

from support import disk, samples
from support.hanging import check_served, names_at
from support.process import DEADLINE, wait_for

pytestmark = pytest.mark.root

QCOW2 = {'format': ('s', 'qcow2'), 'size': ('t', 256 << 20)}
SHARED = {**QCOW2, 'share_layers': ('b', True)}
TEXT = b'to be waited for\n'


class Moment:
    """When a job of @options is to hang: in @operation, once it waits for the registry's @part."""

    def __init__(self, operation, part, options):
        self.operation, self.part, self.options = operation, part, options


MOMENTS = {
    'make': Moment('create', 'manifests/', QCOW2),
    'close': Moment('getattr', 'blobs/{layer}', SHARED),
    'finish': Moment('chmod', 'blobs/{layer}', QCOW2),
}


@pytest.fixture
def reference(faulty_registry):
    faulty_registry.add('small', samples.small())
    return faulty_registry.reference('small')


def is_prepared(slow):
    return list(slow.folder.glob('.virt-bootstrap-*/root'))


def has_images(slow):
    """The daemon does no more to them before there is a layer."""
    return list(slow.folder.glob('.virt-bootstrap-*/root/layer-*.qcow2'))


@pytest.fixture
def start(api, faulty_registry, slow):
    """Starts one that hangs at that moment."""
    def start_job(name):
        moment = MOMENTS[name]
        image = samples.small(TEXT)
        faulty_registry.add('image', image)
        part = moment.part.format(layer=image.layers[0].digest)
        gate = faulty_registry.gate(f'/image/{part}', 0)
        identity, job = api.bootstrap(faulty_registry.reference('image'), slow.path / 'root',
                                      **moment.options)
        wait_for(lambda: (is_prepared if name == 'make' else has_images)(slow), 'the job to wait')
        slow.hang(moment.operation)
        gate.set()
        slow.wait_until_hung(moment.operation)
        return identity, job
    return start_job


@pytest.mark.parametrize('moment', MOMENTS)
def test_job_whose_images_hang_holds_up_no_other(api, slow, reference, work, start, moment):
    identity, job = start(moment)
    check_served(api, reference, work / 'beside')
    _, beside = api.bootstrap(reference, work / 'disks', **MOMENTS[moment].options)
    assert api.wait(beside) == ('done', '', '')
    assert api.manager('Progress', 's', identity)[0] == 'running'
    slow.answer()
    assert api.wait(job) == ('done', '', '')
    assert names_at(slow) == ['root']
    with disk.raw(disk.top(slow.folder / 'root')) as raw, disk.mounted(raw) as path:
        assert (pathlib.Path(path) / 'etc/greeting').read_bytes() == TEXT


@pytest.mark.parametrize('moment', MOMENTS)
def test_job_whose_images_hang_can_be_cancelled(api, slow, reference, work, start, moment):
    identity, job = start(moment)
    api.manager('Cancel', 's', identity)
    assert api.wait(job, timeout=2 * DEADLINE)[0] == 'cancelled'
    check_served(api, reference, work / 'beside')
    slow.answer()
    assert 'root' not in names_at(slow)


def test_cancelled_job_whose_images_answer_again_leaves_nothing(api, slow, start):
    identity, job = start('close')
    api.manager('Cancel', 's', identity)
    slow.answer()
    assert api.wait(job, timeout=2 * DEADLINE)[0] == 'cancelled'
    assert names_at(slow) == []


def test_images_that_do_not_close_hold_up_no_other_worker(api, slow, reference, work, faulty_registry):
    image = samples.small(TEXT)
    faulty_registry.add('image', image)
    gate = faulty_registry.gate(f'/image/blobs/{image.layers[0].digest}', 0)
    identity, job = api.bootstrap(faulty_registry.reference('image'), slow.path / 'root', **QCOW2)
    wait_for(lambda: has_images(slow), 'the job to wait')
    slow.hang('flush')
    check_served(api, reference, work / 'beside')
    slow.answer()
    gate.set()
    assert api.wait(job) == ('done', '', '')
