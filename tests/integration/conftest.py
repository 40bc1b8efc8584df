# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures. What they start ends with them, and a test that leaves a process behind fails."""

import os
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

from support import (
    archives, bus, certs, faulty, hanging, image, module as python_module, process, programs,
    registry, samples, tokens)

USER, PASSWORD = 'someone', 'pass word:é'


def pytest_addoption(parser):
    parser.addoption('--tap', action='store_true', help='print the results as TAP only')


@pytest.hookimpl(hookwrapper=True)
def pytest_cmdline_main(config):
    """A folder of this run's own for all that the tests make, gone however the run ends."""
    # Whose time is over, as meson says it, cleans up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = tempfile.mkdtemp(prefix='virt-bootstrap-test-')
    try:
        os.chmod(folder, 0o755)
        config.option.basetemp = os.path.join(folder, 'pytest')
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    config.addinivalue_line('markers', 'root: needs root')
    if config.option.tap:
        # Not -p no:terminal: pytest's own explanations of an assertion need that plugin's options.
        config.pluginmanager.unregister(name='terminalreporter')
        config.pluginmanager.register(Tap(), 'tap')
    process.become_subreaper()


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker('root') and not samples.is_root():
            item.add_marker(pytest.mark.skip(reason='needs root'))


class Tap:
    """One line a test, for meson; the story of a failure beside it."""

    def __init__(self):
        self.count = 0
        self.seconds = 0.0

    @staticmethod
    def _story(text):
        """On standard error, without characters that the report in XML could not carry."""
        for line in text.splitlines():
            print(''.join(c if c.isprintable() else '?' for c in line), file=sys.stderr,
                  flush=True)

    def _line(self, ok, name, comment=''):
        self.count += 1
        print(f'{"ok" if ok else "not ok"} {self.count} - {name}{comment}', flush=True)

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.partition('::')[2].replace('#', ' ')
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ''
            self._line(True, name, f' # SKIP {" ".join(reason.split())}')
        elif report.when == 'call' or report.failed:
            self._line(report.passed, name if report.when == 'call' else f'{name} {report.when}')
        if report.failed:
            self._story(report.longreprtext)
        # For tests/count-results.py: all of a test, with what its fixtures took.
        self.seconds += report.duration
        if report.when == 'teardown':
            print(f'# {self.seconds:.3f} s: {name}', flush=True)
            self.seconds = 0.0

    def pytest_collectreport(self, report):
        if report.failed:
            self._line(False, report.nodeid)
            self._story(report.longreprtext)

    def pytest_sessionfinish(self):
        print(f'1..{self.count}', flush=True)


@pytest.fixture(autouse=True)
def no_stray_process():
    yield
    try:
        process.wait_for(lambda: not process.running(programs.ALL), 'every process to end', 10)
    finally:
        for pid in process.running(programs.ALL):
            os.kill(pid, signal.SIGKILL)
        process.reap()


@pytest.fixture
def env(tmp_path):
    tmp_path.chmod(0o755)
    return programs.environment(tmp_path / 'user')


@pytest.fixture
def cache(env):
    return pathlib.Path(env['VIRTBOOTSTRAP_CACHE'])


@pytest.fixture
def work(tmp_path):
    """An empty folder for destinations; nothing but them may be in it after a job."""
    folder = tmp_path / 'work'
    folder.mkdir()
    return folder


@pytest.fixture
def dest(work):
    return work / 'root'


@pytest.fixture
def client(env):
    return programs.Client(env)


@pytest.fixture
def module(env, tmp_path):
    """The Python module, which reaches no bus, and so starts a daemon of its own."""
    nowhere = f'unix:path={tmp_path}/no-bus'
    return python_module.Module({**env, 'DBUS_SYSTEM_BUS_ADDRESS': nowhere, 'DBUS_SESSION_BUS_ADDRESS': nowhere},
                                tmp_path / 'python')


@pytest.fixture
def user(env, tmp_path, work):
    """A client of an ordinary user, with programs that the user can reach."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name in programs.ALL:
        shutil.copy(name, folder)
    env['VIRTBOOTSTRAP_DAEMON'] = str(folder / os.path.basename(programs.DAEMON))
    env['VIRTBOOTSTRAP_WORKERS'] = str(folder)
    for path in tmp_path.parents[:2]:
        path.chmod(0o755)
    for path in (tmp_path, work, tmp_path / 'user'):
        path.mkdir(exist_ok=True)
        os.chown(path, programs.UID, programs.UID)
    return programs.Client(env, prefix=programs.AS_USER)


@pytest.fixture
def daemon_on(env, tmp_path):
    """Starts daemons on private buses, or on a socket (kind 'peer')."""
    started = []

    def start(kind='user', options=(), **more):
        one_bus = None
        if kind != 'peer':
            one_bus = bus.BusDaemon(tmp_path / f'bus-{len(started)}')
            started.append(one_bus)
        one = programs.Daemon({**env, **more}, one_bus, kind, options)
        started.append(one)
        return one

    yield start
    for one in reversed(started):
        one.stop()


@pytest.fixture
def daemon(daemon_on):
    return daemon_on()


@pytest.fixture
def api(daemon):
    """A connection to a daemon on a private session bus."""
    connection = daemon.connect()
    yield connection
    connection.close()


@pytest.fixture
def other(daemon):
    """Another client of the same daemon."""
    one = daemon.connect()
    yield one
    one.close()


@pytest.fixture
def slow(daemon, tmp_path):
    """A file system that may hang; gone before the daemon is to end."""
    one = hanging.FileSystem(tmp_path)
    yield one
    one.stop()


@pytest.fixture
def faulty_registry():
    one = faulty.FaultyRegistry()
    yield one
    one.stop()


@pytest.fixture
def one(faulty_registry):
    """An image of one layer, which the registry has."""
    it = samples.large(8)
    faulty_registry.add('image', it)
    return it


@pytest.fixture
def reference(faulty_registry, one):
    return faulty_registry.reference('image')


@pytest.fixture
def held(faulty_registry, one):
    """Stops the layer half-way; set it to let it go on."""
    return faulty_registry.gate(one.layers[0].digest, len(one.layers[0].blob) // 2)


@pytest.fixture
def remote(daemon_on, env):
    """A client of a daemon which lives longer than it."""
    return programs.Client(env, daemon_on('peer').address)


@pytest.fixture
def other_registry():
    one = faulty.FaultyRegistry()
    yield one
    one.stop()


@pytest.fixture(scope='session')
def authority(tmp_path_factory):
    return certs.Authority(tmp_path_factory.mktemp('ca'))


@pytest.fixture(scope='session')
def server_certificate(authority):
    return authority.issue()


@pytest.fixture(scope='session')
def docker_registry(tmp_path_factory):
    """Plain HTTP, no authentication."""
    one = registry.Registry(tmp_path_factory.mktemp('registry'))
    yield one
    one.stop()


@pytest.fixture(scope='session')
def tls_registry(tmp_path_factory, authority, server_certificate):
    one = registry.Registry(tmp_path_factory.mktemp('registry-tls'), *server_certificate,
                            ca=authority.certificate)
    one.put('test/small', 'latest', samples.small())
    yield one
    one.stop()


@pytest.fixture(scope='session')
def basic_registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp('registry-basic')
    one = registry.Registry(folder, auth=registry.htpasswd(folder, USER, PASSWORD),
                            login=(USER, PASSWORD))
    one.put('test/small', 'latest', samples.small())
    yield one
    one.stop()


@pytest.fixture(scope='session')
def token_server(server_certificate):
    one = tokens.TokenServer(*server_certificate, USER, PASSWORD)
    yield one
    one.stop()


@pytest.fixture(scope='session')
def token_registry(tmp_path_factory, authority, token_server):
    """Bearer; what it offers was copied into its storage by a registry without a lock."""
    folder = tmp_path_factory.mktemp('registry-token')
    open_one = registry.Registry(folder)
    open_one.put('test/small', 'latest', samples.small())
    open_one.put('test/order', 'latest', samples.order())
    open_one.stop()
    one = registry.Registry(folder, auth=token_server.auth_section(authority.certificate))
    yield one
    one.stop()


@pytest.fixture(scope='session')
def layouts(tmp_path_factory):
    """The sample images as OCI layouts, by name."""
    folder = tmp_path_factory.mktemp('layouts')
    return {'everything': image.write_layout(folder / 'everything', samples.everything()),
            'order': image.write_layout(folder / 'order', samples.order())}


@pytest.fixture(scope='session')
def everything(layouts, tmp_path_factory):
    """The image with everything, by kind, as skopeo writes it."""
    folder = tmp_path_factory.mktemp('sources')
    out = {'oci': f'oci:{layouts["everything"]}'}
    for kind in archives.KINDS[1:]:
        out[kind] = f'{kind}:{folder / kind}'
        archives.skopeo(layouts['everything'],
                        out[kind] + (f':{archives.NAME}' if kind.endswith('archive') else ''))
    return out


@pytest.fixture(scope='session')
def storage(layouts, tmp_path_factory):
    """With images that it gives back as they were: it has no holes, for one."""
    folder = tmp_path_factory.mktemp('storage')
    one = archives.Storage(folder, {
        'example.org/order:2': layouts['order'],
        'example.org/small:1': image.write_layout(folder / 'small', samples.small())})
    yield one
    one.stop()


@pytest.fixture
def registries(env, tmp_path):
    """Writes the registries.conf of the test's programs."""
    def write(text):
        path = tmp_path / 'registries.conf'
        path.write_text(text)
        path.chmod(0o644)
        env['CONTAINERS_REGISTRIES_CONF'] = str(path)
        return path
    return write


@pytest.fixture
def folder(tmp_path):
    """For files that are not destinations."""
    path = tmp_path / 'files'
    path.mkdir()
    return path


@pytest.fixture
def tmpfs(tmp_path):
    """Mounts small file systems; a function of their size."""
    mounted = []

    def mount(size, name='small'):
        folder = tmp_path / name
        folder.mkdir()
        process.run(['mount', '-t', 'tmpfs', '-o', f'size={size},mode=0755', 'test', folder])
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        process.unmount(folder)
