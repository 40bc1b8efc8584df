/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon's log: lines on standard error, with a syslog priority in front ("<4>") where that is
 * the journal (sd-daemon(3)). Who makes an error does not log it; who decides what becomes of it does.
 */

#include <stdbool.h>

typedef struct Log {
        int level;           /* the least important syslog priority that is shown; 4 is warnings */
        bool has_priorities; /* whether to put the priority in front */
} Log;

/** log_init() - show what is at least as important as @level; finds out about the journal */
void log_init(Log *log, int level);

/** log_level_from_string() - "err", "warning", "info", "debug" or a number; or -EINVAL */
int log_level_from_string(const char *text);

/** log_level_to_string() - "err", …; of a @level that log_init() took */
const char *log_level_to_string(int level);

/** log_print() - one line; @log may be NULL: nothing is shown */
void log_print(const Log *log, int priority, const char *format, ...)
        __attribute__((__format__(__printf__, 3, 4)));
