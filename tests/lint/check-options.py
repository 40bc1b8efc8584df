#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: check-options.py SOURCE_ROOT: what users can say is known wherever it is told.

The client's options and commands: its table, --help, virt-bootstrap(1), and the completions of bash, zsh and fish, which
must also agree on what takes a value. The daemon's options and keys: their tables, --help, virt-bootstrapd(8),
virt-bootstrapd.conf(5), and the example of it. The variables of the environment that both read.
"""

import pathlib
import re
import sys


class Place:
    """A text, and the names that are in it."""

    def __init__(self, name, names):
        self.name, self.names = name, set(names)

    def differences(self, table, what):
        """What @table, the code, says otherwise."""
        for one in sorted(table.names - self.names):
            yield f'{self.name}: it does not mention {what} {one}'
        for one in sorted(self.names - table.names):
            yield f'{self.name}: {table.name} has no {what} {one}'


def options_of(path):
    """{name: whether it takes a value} of a table for getopt_long()."""
    found = re.findall(r'^\s+\{ "([\w-]+)", (no|required)_argument, NULL, ', path.read_text(), re.M)
    return {name: kind == 'required' for name, kind in found}


def plain(text):
    """A page without what man(7) and mdoc(7) write for hyphens and fonts."""
    return re.sub(r'\\f.|\\&', '', text.replace('\\-', '-'))


def long_words(text):
    return re.findall(r'(?<![\w-])--([a-z][a-z-]+)', text)


def bash_values(text):
    """The options whose values the completion skips, and those whose values it completes."""
    skips = re.search(r'\n +(-f \|[^)]*)\)\n +\(\(i\+\+\)\)', text)[1] + ' --address --host'
    value = re.search(r'_virt_bootstrap_value\(\) \{.*?\n\}', text, re.S)[0]
    cases = ' '.join(re.findall(r'^ {8}(-[^)]*)\)', value, re.M))
    return set(long_words(skips)), set(long_words(cases))


def check_completions(root, options):
    client = root / 'client'
    table = Place('client-options.c', options)
    with_value = Place('client-options.c', (name for name in options if options[name]))

    bash = (client / 'virt-bootstrap.bash').read_text()
    words = re.search(r"compgen -W '\n([^']*)'", bash)[1]
    yield from Place('virt-bootstrap.bash', long_words(words)).differences(table, 'the option')
    for values in bash_values(bash):
        yield from Place('virt-bootstrap.bash', values).differences(with_value, 'the value of')

    zsh = dict(re.findall(r'--([a-z-]+)(=?)(?=\[|\})', (client / 'virt-bootstrap.zsh').read_text()))
    yield from Place('virt-bootstrap.zsh', zsh).differences(table, 'the option')
    yield from Place('virt-bootstrap.zsh', (name for name in zsh if zsh[name])).differences(
        with_value, 'the value of')

    fish = (client / 'virt-bootstrap.fish').read_text()
    lines = re.findall(r'^complete -c virt-bootstrap(?: -s .)? -l ([a-z-]+)(.*)', fish, re.M)
    yield from Place('virt-bootstrap.fish', (name for name, _ in lines)).differences(table, 'the option')
    yield from Place('virt-bootstrap.fish', (name for name, rest in lines if re.match(' -[xr]', rest))).differences(
        with_value, 'the value of')
    skips = re.search(r'case (-f .*?)\n +set skip', fish, re.S)[1]
    yield from Place('virt-bootstrap.fish', long_words(skips)).differences(with_value, 'the value of')


def check_commands(root):
    client = root / 'client'
    found = re.findall(r'^\s+\{ "([a-z-]+)", (?:NULL|"(\w*)"), VERB_', (client / 'client-options.c').read_text(), re.M)
    verbs, subs = {verb for verb, _ in found}, {sub for _, sub in found if sub}
    table = Place('client-options.c', verbs | subs)
    helped = (client / 'client-help.c').read_text()
    yield from Place('--help', (one for one in verbs | subs if re.search(rf'"  (cache |\w+ JOB, )?\[?{one}\b', helped))).differences(
        table, 'the command')
    page = plain((client / 'virt-bootstrap.1').read_text())
    commands = page[page.index('.SH COMMANDS'):page.index('.SH OPTIONS')]
    yield from Place('virt-bootstrap.1', (one for one in verbs | subs if re.search(rf'^\.\w+ .*\b{one}\b', commands, re.M))
                     ).differences(table, 'the command')
    for name, pattern in (('bash', r"(?:_virt_bootstrap_source |compgen -W ')([a-z -]+)['\n]"), ('zsh', r"^ {8}['\"]([a-z-]+):"),
                          ('fish', r'^complete .* -a ([a-z-]+) -d')):
        text = (client / f'virt-bootstrap.{name}').read_text()
        words = {word for match in re.findall(pattern, text, re.M) for word in match.split()}
        yield from Place(f'virt-bootstrap.{name}', words).differences(table, 'the command')


def check_client(root):
    client = root / 'client'
    options = options_of(client / 'client-options.c')
    table = Place('client-options.c', options)
    yield from Place('--help', long_words((client / 'client-help.c').read_text())).differences(table, 'the option')
    page = plain((client / 'virt-bootstrap.1').read_text())
    told = {name for line in re.findall(r'^\.TP\n((?:.*\n\.TQ\n)*.*)', page, re.M) for name in long_words(line)}
    # An option of one command is described with that.
    told |= {name for name in options if re.search(rf'^\.(B\w*|R\w*|I\w*) .*--{name}\b', page, re.M)}
    yield from Place('virt-bootstrap.1', told).differences(table, 'the option')
    yield from check_completions(root, options)
    yield from check_commands(root)


def check_daemon(root):
    service = root / 'daemon/service'
    options = options_of(service / 'main-options.c')
    table = Place('main-options.c', options)
    yield from Place('--help', long_words(re.search(r'help\[\] =(.*?)";\n', (service / 'main-options.c').read_text(), re.S)[1])
                     ).differences(table, 'the option')
    page = (service / 'virt-bootstrapd.8').read_text()
    section = page[page.index('.Sh OPTIONS'):page.index('.Sh ENVIRONMENT')]
    yield from Place('virt-bootstrapd.8', (name for line in re.findall(r'^\.It (Fl .*)', section, re.M)
                                           for name in re.findall(r'\s-([a-z-]{2,})', line))
                     ).differences(table, 'the option')


def check_keys(root):
    source = (root / 'daemon/common/config/config.c').read_text()
    keys = set(re.findall(r'^\s+(?:DAEMON|LIMIT|REGISTRY)\("(\w+)"', source, re.M))
    keys |= set(re.findall(r'^\s+\{ "[A-Z]\w+", "(\w+)", assign_', source, re.M))
    keys |= set(re.findall(r'"(\w+)"', re.search(r'builder_keys\[\] = \{(.*?)\}', source)[1]))
    keys |= set(re.findall(r'^\s+\{ "([A-Z]\w+)", offsetof\(Config', source, re.M))
    table = Place('config.c', keys)
    page = (root / 'daemon/service/virt-bootstrapd.conf.5').read_text()
    yield from Place('virt-bootstrapd.conf.5', re.findall(r'^\.It Li (\w+)=', page, re.M)).differences(table, 'the key')
    example = (root / 'daemon/service/virt-bootstrapd.conf').read_text()
    yield from Place('virt-bootstrapd.conf', re.findall(r'^#(\w+)=', example, re.M)).differences(table, 'the key')


def variables(folder):
    text = '\n'.join(path.read_text() for path in folder.rglob('*.[ch]'))
    names = set(re.findall(r'getenv\("(VIRTBOOTSTRAP_\w+)"\)', text))
    return names | set(re.findall(r'^#define \w+_VARIABLE +"(VIRTBOOTSTRAP_\w+)"', text, re.M))


def check_environment(root):
    daemon, client = variables(root / 'daemon'), variables(root / 'client')
    for name, own in (('daemon/service/virt-bootstrapd.8', daemon), ('client/virt-bootstrap.1', daemon | client)):
        text = (root / name).read_text()
        told = re.findall(r'^\.(?:It Ev|B|BR|TP\n\.B) (?:.*[ "])?(VIRTBOOTSTRAP_\w+)', text, re.M)
        told += re.findall(r'(VIRTBOOTSTRAP_\w+) ", " ', text)
        yield from Place(name, told).differences(Place('the code', own), 'the variable')


def main():
    root = pathlib.Path(sys.argv[1])
    wrong = [*check_client(root), *check_daemon(root), *check_keys(root), *check_environment(root)]
    print('\n'.join(dict.fromkeys(wrong)) or 'the same everywhere')
    sys.exit(1 if wrong else 0)


main()
