# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a user sees of a job on terminals of several kinds and sizes, as pyte shows it."""

import os
import re
import signal
import termios
import threading

import pytest

from support import faulty, image, programs, samples, tar
from support.process import running, wait_for
from support.screen import Screen

UNITS = {'B': 1, 'K': 1 << 10, 'M': 1 << 20}


def size(text):
    return float(text[:-1]) * UNITS[text[-1]]


@pytest.fixture
def one(faulty_registry):
    it = samples.large(8, layers=3)
    faulty_registry.add('debian', it)
    return it


@pytest.fixture
def reference(faulty_registry, one):
    return faulty_registry.reference('debian')


@pytest.fixture
def held(faulty_registry, one):
    """The transfers of the last two layers stand still when they are half done."""
    return [faulty_registry.gate(layer.digest, 1 << 20) for layer in one.layers[1:]]


@pytest.fixture
def on_screen(client, dest):
    """Starts a bootstrap on a terminal."""
    screens = []

    def start(reference, columns=80, rows=24, prefix=(), **env):
        env = {**client.env, 'TERM': 'xterm-256color', **env}
        argv = [*prefix, *client.argv('--not-secure', reference, dest)]
        screens.append(Screen(argv, env, columns, rows))
        return screens[-1]

    yield start
    for one in screens:
        one.close()


def is_stopped(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        return f.read().rpartition(')')[2].split()[0] == 'T'


def release(gates):
    for gate in gates:
        gate.set()


def assert_honest(line):
    """The percentage of @line is that of its bytes, as exactly as they are shown."""
    found = re.search(r'(\d+)%.* ([\d.]+[BKM]) of ([\d.]+[BKM])', line)
    assert found, line
    done, total = size(found[2]), size(found[3])
    assert abs(int(found[1]) - 100 * done / total) <= 2, line
    return int(found[1])


@pytest.mark.parametrize('columns', [120, 80])
def test_image_layers_in_work_and_total_are_shown(on_screen, held, reference, one, columns):
    screen = on_screen(reference, columns=columns)
    for layer in one.layers[1:]:
        screen.wait_for(f'{layer.digest[7:19]} .* downloading .*1.0M')
    screen.wait_for('Total  66%')
    wait_for(lambda: len(screen.pump()) == 4, 'the other layer to be done')
    lines = screen.lines()
    assert lines[0] == f'{reference}  linux/{image.MACHINE}  3 layers, 6.0M'
    assert_honest(lines[3])
    assert max(map(len, lines)) < columns
    assert one.layers[0].digest[7:19] not in str(screen), 'it is done'
    release(held)
    screen.finish()


@pytest.mark.parametrize('columns, rows', [(40, 24), (30, 24), (120, 7), (120, 3), (80, 1)])
def test_total_alone_is_shown_without_room_and_its_percentage_first(
        on_screen, held, reference, columns, rows):
    screen = on_screen(reference, columns=columns, rows=rows)
    screen.wait_for('^ 66% Downloading')
    assert len(screen.lines()) == 1
    assert len(screen.lines()[0]) < columns
    if columns > 30:
        assert_honest(screen.lines()[0])
    release(held)
    screen.finish()


def test_speed_and_time_left_are_shown_while_bytes_arrive(on_screen, faulty_registry, reference):
    pause = threading.Event()
    faulty_registry.fault('/blobs/', faulty.send_slowly(lambda sent: pause.wait(0.2)))
    screen = on_screen(reference)
    found = screen.wait_for(r'^Total +\d+%  ([\d.]+[BKM]) of 6.0M   ([\d.]+[BKM])/s   (\d+):(\d\d) left')
    left = 60 * int(found[3]) + int(found[4])
    expected = (size('6.0M') - size(found[1])) / size(found[2])
    assert expected - 1.5 <= left <= expected + 1.5
    assert_honest(found[0])
    pause.set()
    screen.finish()


def test_percentage_never_falls_while_it_is_of_the_download(on_screen, faulty_registry, reference):
    pause = threading.Event()
    faulty_registry.fault('/blobs/', faulty.send_slowly(lambda sent: pause.wait(0.03)))
    screen, shares = on_screen(reference), []
    screen.at_each_change(lambda lines: shares.extend(
        assert_honest(line) for line in lines if line.startswith('Total')))
    screen.finish()
    assert shares == sorted(shares)
    assert len(set(shares)) > 3


def test_block_does_not_flicker(on_screen, faulty_registry, reference):
    pause = threading.Event()
    faulty_registry.fault('/blobs/', faulty.send_slowly(lambda sent: pause.wait(0.02)))
    screen, changes = on_screen(reference), []
    screen.wait_for('^Total')
    screen.at_each_change(lambda lines: changes.append('%' in '\n'.join(lines) or 'ready' in '\n'.join(lines)))
    screen.finish()
    # Once, the end's line takes the place of the block.
    assert changes.count(False) <= 1
    assert len(changes) > 5


@pytest.mark.parametrize('columns', [120, 80, 40])
def test_nothing_of_the_block_is_left_behind(on_screen, reference, one, dest, columns):
    lines = on_screen(reference, columns=columns).finish()
    text = ''.join(lines)
    assert text.startswith(f'{dest} is ready'[:columns])
    assert '%' not in text and 'Total' not in text


def test_end_tells_what_was_made_and_a_short_digest(on_screen, reference, one, dest):
    digest = image.digest_of(one.manifest())[7:19]
    lines = on_screen(reference, columns=160).finish()
    assert re.fullmatch(rf'{dest} is ready: 3 layers, 6\.0M downloaded, \d+ files, [\d.]+ s   debian@{digest}',
                        lines[0])
    assert lines[1:] == []


def test_end_tells_that_nothing_was_downloaded(on_screen, client, reference, dest, work):
    client.bootstrap(reference, work / 'before')
    lines = on_screen(reference, columns=160).finish()
    assert re.match(rf'{dest} is ready: 3 layers, from the cache, \d+ files', lines[0])


def test_end_for_a_program_has_the_whole_digest(client, reference, one, dest):
    result = client.bootstrap(reference, dest)
    assert re.fullmatch(rf'{dest} is ready: 3 layers, 6\.0M downloaded, \d+ files, .* '
                        rf'\({image.digest_of(one.manifest())}\)', result.err.splitlines()[-1])


def test_end_names_the_disk_image_to_use(client, reference, dest):
    result = client.bootstrap(reference, dest, '--format', 'qcow2', '--size', '64M')
    assert result.err.splitlines()[-1].startswith(f'{dest}/layer-2.qcow2 is ready: ')


def test_end_of_a_tarball_has_no_layers(client, folder, dest):
    (folder / 'root.tar').write_bytes(tar.archive([tar.directory('.'), tar.file('one', b'1')]))
    result = client.bootstrap(folder / 'root.tar', dest)
    assert re.fullmatch(rf'{dest} is ready: 1 file, [\d.]+ s', result.err.splitlines()[-1])


def test_block_follows_the_size_of_the_terminal(on_screen, held, reference, one):
    screen = on_screen(reference, columns=120)
    screen.wait_for('Total  66%')
    screen.resize(40, 24)
    screen.wait_for('^ 66% Downloading')
    assert len(screen.lines()) == 1
    screen.resize(100, 24)
    for layer in one.layers[1:]:
        screen.wait_for(f'{layer.digest[7:19]} .* downloading')
    wait_for(lambda: len(screen.pump()) == 4, 'the other layer to be done')
    release(held)
    assert 'is ready' in screen.finish()[0]


def test_messages_are_above_the_block(on_screen, faulty_registry, reference, one, held):
    faulty_registry.fault(one.layers[0].digest, faulty.status(429, Retry_After='2'), times=1)
    screen = on_screen(reference)
    screen.wait_for('waiting 2 s')
    screen.wait_for('^Total')
    assert 'waiting 2 s' in screen.lines()[0]
    assert screen.lines()[1].startswith('docker://')
    release(held)
    assert 'waiting 2 s' in screen.finish()[0]


def test_ctrl_c_leaves_the_terminal_as_it_was(on_screen, held, reference):
    screen = on_screen(reference)
    screen.wait_for('Total  66%')
    screen.type(b'\x03')
    lines = screen.finish(130)
    assert lines[0].endswith('virt-bootstrap: The job was cancelled')
    assert lines[1:] == []
    assert not screen.screen.cursor.hidden and screen.screen.cursor.x == 0
    assert screen.modes == termios.tcgetattr(screen.ours)
    assert screen.taskbar()[-1] == (0, 0)


def test_block_is_gone_while_ctrl_z_stops_the_client(on_screen, held, reference):
    # The kernel stops only processes whose session has a shell.
    screen = on_screen(reference, prefix=['bash', '-c', 'set -m; "$@" & wait -f $!', 'bash'])
    screen.wait_for('Total  66%')
    pid, = running([programs.CLIENT], screen.process.pid)
    os.kill(pid, signal.SIGTSTP)
    wait_for(lambda: is_stopped(pid), 'the client to stop')
    assert 'Total' not in ''.join(screen.pump())
    os.kill(pid, signal.SIGCONT)
    screen.wait_for('Total  66%')
    release(held)
    screen.finish()


@pytest.mark.parametrize('more', [{'TERM': 'dumb'}, {'NO_COLOR': '1'}, {'NO_COLOR': '0'}, {'TERM': ''}])
def test_plain_lines_where_the_terminal_is_not_to_be_drawn_on(on_screen, reference, more):
    screen = on_screen(reference, columns=200, rows=50, **more)
    screen.finish()
    assert b'\x1b' not in screen.seen
    assert b'\r' not in screen.seen.replace(b'\r\n', b'')
    assert b'Downloading' in screen.seen


def test_empty_no_color_changes_nothing(on_screen, held, reference):
    screen = on_screen(reference, NO_COLOR='')
    screen.wait_for('Total  66%')
    release(held)
    screen.finish()


def test_pipe_gets_a_line_each_tenth(client, faulty_registry, reference, dest):
    pause = threading.Event()
    faulty_registry.fault('/blobs/', faulty.send_slowly(lambda sent: pause.wait(0.02)))
    lines = client.bootstrap(reference, dest).err.splitlines()
    shares = [assert_honest(plain(line)) for line in lines if line.startswith('Downloading: ')]
    assert 3 <= len(shares) <= 11, lines
    assert shares == sorted(shares)


def plain(line):
    """With the percentage first, as assert_honest() reads it."""
    return re.sub(r'(.*) \((\d+%)\)$', r'\2 \1', line)


def test_taskbar_is_told_and_reset(on_screen, held, reference):
    screen = on_screen(reference)
    screen.wait_for('Total  66%')
    release(held)
    screen.finish()
    told = screen.taskbar()
    assert (1, 66) in told
    assert told[-1] == (0, 0)


def test_taskbar_shows_a_failure(on_screen, faulty_registry, reference, one):
    faulty_registry.fault(one.layers[1].digest, faulty.corrupt)
    screen = on_screen(reference)
    screen.finish(1)
    assert screen.taskbar()[-1][0] == 2


def test_taskbar_is_not_told_on_the_console_of_linux(on_screen, held, reference):
    screen = on_screen(reference, TERM='linux')
    screen.wait_for('Total  66%')
    release(held)
    screen.finish()
    assert not screen.taskbar()
