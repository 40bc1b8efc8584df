# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls virtBootstrap.bootstrap() as a JSON object on standard input says, and prints what comes of it."""

import json
import logging
import signal
import sys
import threading

LOCK = threading.Lock()
SIGNALS = [one for one in signal.valid_signals() if one not in (signal.SIGKILL, signal.SIGSTOP)]


class Stop(Exception):
    pass


def say(**what):
    with LOCK:
        print(json.dumps(what), flush=True)


class Handler(logging.Handler):
    def emit(self, record):
        say(log=[record.levelname, record.getMessage()])


def signal_state():
    """What of signals a library has to leave alone."""
    return [str(signal.getsignal(one)) for one in SIGNALS], str(signal.pthread_sigmask(signal.SIG_BLOCK, ())), \
        signal.set_wakeup_fd(-1)


def call(spec):
    """Returns how it ended."""
    import virtBootstrap

    def on_progress(progress):
        say(progress=[progress['status'], progress['value'], threading.current_thread().name])
        if progress['status'] == spec.get('raise_at'):
            raise Stop('the callback does not want any more')

    try:
        value = virtBootstrap.bootstrap(progress_cb=on_progress, **spec['arguments'])
        return {'type': None, 'name': None, 'value': value}
    except BaseException as reason:
        return {'type': type(reason).__name__, 'name': getattr(reason, 'name', None), 'message': str(reason)}


def call_in_threads(spec):
    """@dest-0, @dest-1, … at once; how the last of those that failed ended, if any did."""
    ends = []

    def work(number):
        arguments = {**spec['arguments'], 'dest': f'{spec["arguments"]["dest"]}-{number}'}
        ends.append(call({**spec, 'arguments': arguments}))

    threads = [threading.Thread(target=work, args=(number,), name=f'thread-{number}')
               for number in range(spec['threads'])]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return max(ends, key=lambda end: bool(end['type']))


def main():
    spec = json.loads(sys.stdin.readline())
    logger = logging.getLogger('virtBootstrap')
    logger.setLevel(spec.get('level', 'DEBUG'))
    logging.getLogger().addHandler(Handler())
    before = signal_state()
    end = call_in_threads(spec) if 'threads' in spec else call(spec)
    end['signals_untouched'] = before == signal_state()
    say(end=end)


main()
