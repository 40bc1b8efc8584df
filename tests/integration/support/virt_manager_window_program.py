# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: virt_manager_window_program.py FOLDER: creates a container with virt-manager's own windows, as JSON on
standard input says, and prints what the user sees. Leaves question.png and progress.png in FOLDER.

The host is libvirt's test driver, which claims to have LXC.
"""

import gc
import json
import os
import sys
import traceback

sys.path.insert(0, '/usr/share/virt-manager')
# pylint: disable=wrong-import-position
from virtManager import virtmanager

CAPABILITIES = '''<capabilities>
  <host><cpu><arch>x86_64</arch></cpu></host>
  <guest>
    <os_type>exe</os_type>
    <arch name='x86_64'><wordsize>64</wordsize><emulator>/usr/libexec/libvirt_lxc</emulator><domain type='lxc'/></arch>
  </guest>
</capabilities>
'''
POLL = 50  # milliseconds
DEFAULT_GUEST = 'test'  # of libvirt's test driver
TITLE = 'Creating Virtual Machine'


def screenshot(path):
    from gi.repository import Gdk
    root = Gdk.get_default_root_window()
    Gdk.pixbuf_get_from_window(root, 0, 0, root.get_width(), root.get_height()).savev(path, 'png', [], [])


def visible(kind):
    from gi.repository import Gtk
    return [one for one in Gtk.Window.list_toplevels() if isinstance(one, kind) and one.get_visible()]


def find(kind, widget):
    """All of a kind that are in a widget."""
    from gi.repository import Gtk
    children = []
    if isinstance(widget, Gtk.Container):
        widget.forall(children.append)
    return ([widget] if isinstance(widget, kind) else []) + [one for child in children for one in find(kind, child)]


def draw(window):
    """Returns a function which tells whether it was drawn since."""
    drawn = []
    window.connect_after('draw', lambda *_: drawn.append(True) and False)
    window.queue_draw()
    return lambda: drawn


def details_of(window):
    """The lines of the terminal in the progress window."""
    from gi.repository import Vte
    return [line for terminal in find(Vte.Terminal, window)
            for line in terminal.get_text_range(0, 0, 100, 200, None)[0].splitlines() if line]


def script(folder, arguments):
    """Yields what to wait for."""
    yield lambda: 'virtManager.createvm' in sys.modules
    from gi.repository import GLib, Gtk
    from virtManager.createvm import vmmCreateVM
    from virtManager.engine import vmmEngine

    def forward(page):
        GLib.idle_add(dialog.widget('create-forward').clicked)
        return lambda: dialog.widget('create-pages').get_current_page() == page

    dialog = yield lambda: next((one for one in gc.get_objects() if isinstance(one, vmmCreateVM)), None)
    conn = yield lambda: dialog.widget('create-forward').get_sensitive() and dialog.conn
    vmmEngine.get_instance().increment_window_counter()  # stay when all windows are closed
    dialog.widget('method-container-os').set_active(True)
    yield forward(1)
    is_offered = dialog.widget('install-oscontainer-bootstrap').get_visible()
    dialog.widget('install-oscontainer-fs').set_text(arguments['dest'])
    dialog.widget('install-oscontainer-bootstrap').set_active(True)
    dialog.widget('install-oscontainer-source-url-entry').set_text(arguments['source'])
    dialog.widget('install-oscontainer-source-insecure').set_active(True)
    dialog.widget('install-oscontainer-rootpw').set_text(arguments['root_password'])
    next_page = forward(2)
    question, = yield lambda: visible(Gtk.MessageDialog)
    yield draw(question)
    screenshot(f'{folder}/question.png')
    text = question.get_property('text')
    question.response(Gtk.ResponseType.YES)
    yield next_page
    yield forward(4)
    GLib.idle_add(dialog.widget('create-finish').clicked)
    progress = yield lambda: next((one for one in visible(Gtk.Window) if one.get_title() == TITLE), None)
    yield lambda: 'Downloading' in details_of(progress)
    for expander in find(Gtk.Expander, progress):
        expander.set_expanded(True)
    yield draw(progress)
    screenshot(f'{folder}/progress.png')
    details = []

    def is_over():
        details[:] = details_of(progress) or details
        return not progress.get_visible()
    yield is_over
    ended = yield lambda: ([one.get_property('text') for one in visible(Gtk.MessageDialog)] or
                           [vm.get_name() for vm in conn.list_vms() if vm.get_name() != DEFAULT_GUEST])
    print(json.dumps({'is_offered': is_offered, 'question': text, 'details': details, 'ended': ended}), flush=True)


def play(steps):
    """Runs @steps in the main loop, and ends the process after them."""
    from gi.repository import GLib
    wait = [next(steps)]

    def poll():
        try:
            value = wait[0]()
            if value:
                wait[0] = steps.send(value)
            return True
        except StopIteration:
            os._exit(0)
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
            os._exit(1)
    GLib.timeout_add(POLL, poll)


def main():
    folder, arguments = sys.argv[1], json.loads(sys.stdin.readline())
    capabilities = os.path.join(folder, 'capabilities.xml')
    with open(capabilities, 'w', encoding='utf-8') as file:
        file.write(CAPABILITIES)
    sys.argv[1:] = ['--no-fork', '--show-domain-creator', '--connect',
                    f'__virtinst_test__test:///default,caps={capabilities},fakeuri=lxc:///']
    import gi
    gi.require_version('Gtk', '3.0')
    gi.require_version('Vte', '2.91')
    play(script(folder, arguments))
    virtmanager.main()


main()
