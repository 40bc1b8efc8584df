# SPDX-License-Identifier: LGPL-2.1-or-later
"""bash, zsh and fish with this project's completions and nobody's settings.

complete(line) are the candidates for the last word of a line, without what they have in common with it; insert(line)
is the line with the only candidate."""

import contextlib
import os
import pty
import re
import subprocess
import termios

from . import programs
from .process import DEADLINE, wait_for

CLIENT = programs.SOURCE / 'client'


def environment(env, folder):
    """With the program under test in the PATH, unless another one is in bin."""
    return {**env, 'PATH': f'{folder}/bin:{programs.CLIENT.parent}:{os.environ["PATH"]}', 'TERM': 'dumb', 'HOME': str(folder),
            'INPUTRC': '/dev/null', 'ZDOTDIR': str(folder), 'HISTFILE': ''}


class Interactive:
    """A shell on a terminal, which answers into a file: the editors of bash and zsh have no other door."""

    def __init__(self, argv, env, folder):
        self.folder, self.answer, self.seen = folder, folder / 'answer', b''
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(argv, env=env, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
                                        start_new_session=True)
        os.close(theirs)
        os.set_blocking(self.ours, False)
        self._read('the shell to start')

    def _drain(self):
        with contextlib.suppress(BlockingIOError):
            self.seen += os.read(self.ours, 4096)
        assert self.process.poll() is None, self.seen
        return True

    def _answered(self):
        return self._drain() and self.answer.exists()

    def _read(self, what):
        wait_for(self._answered, what)
        out = self.answer.read_text()
        self.answer.unlink()
        return out

    def _edits(self):
        return self._drain() and not termios.tcgetattr(self.ours)[3] & termios.ICANON

    def ask(self, keys):
        # Before that, the terminal itself would take some of the keys.
        wait_for(self._edits, 'the line editor')
        os.write(self.ours, keys.encode())
        return self._read(f'an answer to {keys!r}')

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


class Bash(Interactive):
    # Alt-* puts all candidates into the line; Ctrl-X Ctrl-W writes and forgets it.
    SETUP = r'''
        . /usr/share/bash-completion/bash_completion
        . {client}/virt-bootstrap.bash
        PS1=
        write() {{ printf %s "$READLINE_LINE" >answer.new; mv answer.new answer; READLINE_LINE=; }}
        bind 'set bell-style none'
        bind '"\e*": insert-completions'
        bind -x '"\C-x\C-w": write'
        echo ready >answer.new; mv answer.new answer
    '''

    def __init__(self, env, folder):
        (folder / 'bashrc').write_text(self.SETUP.format(client=CLIENT))
        super().__init__(['bash', '--noprofile', '--rcfile', 'bashrc', '-i'], environment(env, folder), folder)

    def complete(self, line):
        return self.insert(line).removeprefix(line[:line.rindex(' ') + 1]).split()

    def insert(self, line):
        return self.ask(f'{line}\x1b*\x18\x17')


class Zsh(Interactive):
    # Ctrl-X completes the line that is in a file, and writes what the completion offered to zsh.
    SETUP = r'''
        fpath=({folder} $fpath)
        autoload -Uz compinit
        compinit -u -D
        PS1=
        unsetopt beep
        compadd() {{
            local -a found
            # One that only asks which would match adds nothing.
            if [[ ${{@[1,(i)(-|--)]}} != *-(O|A|D)\ * ]]; then
                builtin compadd -O found "$@"
                print -rl -- $found >>answer.new
            fi
            builtin compadd "$@"
        }}
        answer() {{
            BUFFER=$(<.typed)
            CURSOR=$#BUFFER
            : >answer.new
            zle complete-word
            mv answer.new answer
            BUFFER=
        }}
        insert() {{
            BUFFER=$(<.typed)
            CURSOR=$#BUFFER
            # The test may have put a program into the PATH.
            rehash
            zle complete-word
            print -r -- $BUFFER >answer.new
            mv answer.new answer
            BUFFER=
        }}
        zle -N answer
        zle -N insert
        bindkey '^X' answer
        bindkey '^Y' insert
        echo ready >answer.new; mv answer.new answer
    '''

    def __init__(self, env, folder):
        (folder / '_virt-bootstrap').write_bytes((CLIENT / 'virt-bootstrap.zsh').read_bytes())
        (folder / '.zshrc').write_text(self.SETUP.format(folder=folder))
        super().__init__(['zsh', '-i'], environment(env, folder), folder)

    def complete(self, line):
        (self.folder / '.typed').write_text(line)
        return self.ask('\x18').split()

    def insert(self, line):
        (self.folder / '.typed').write_text(line)
        return self.ask('\x19')


class Fish:
    def __init__(self, env, folder):
        self.env, self.folder = environment(env, folder), folder

    def complete(self, line):
        return self._complete('complete -C', line)

    def insert(self, line):
        found, = self._complete('complete --escape -C', line)
        return re.sub(r'(\\.|[^ \\])*$', '', line, count=1) + found

    def _complete(self, command, line):
        done = subprocess.run(
            ['fish', '--no-config', '--command', f'set fish_complete_path {CLIENT}; {command} "$argv[1]"', line],
            env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return [one.partition('\t')[0] for one in done.stdout.splitlines()]

    def close(self):
        pass


ALL = {'bash': Bash, 'zsh': Zsh, 'fish': Fish}
