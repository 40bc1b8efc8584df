/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon's log: lines on standard error, prefixed with a syslog priority ("<4>") if that is the journal
 * (sd-daemon(3)). Whoever creates an error must not log it; whoever handles it does.
 */

#include <stdbool.h>

typedef struct Log {
        int level;           /* the least important syslog priority that is shown; 4 is warnings */
        bool has_priorities; /* whether to put the priority in front */
} Log;

/** log_init() - show messages at least as important as @level; detects the journal */
void log_init(Log *log, int level);

/** log_level_from_string() - "err", "warning", "info", "debug" or a number; or -EINVAL */
int log_level_from_string(const char *text);

/** log_level_to_string() - "err", …; for a @level that log_init() accepts */
const char *log_level_to_string(int level);

/** log_print() - print one line; nothing if @log is NULL */
void log_print(const Log *log, int priority, const char *format, ...)
        __attribute__((__format__(__printf__, 3, 4)));
