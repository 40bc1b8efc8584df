/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "base-log.h"
#include "base-macro.h"

static const char *const level_names[] = {
        [LOG_EMERG] = "emerg", [LOG_ALERT] = "alert",     [LOG_CRIT] = "crit",
        [LOG_ERR] = "err",     [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
};

#define N_LEVELS N_ELEMENTS(level_names)

/* systemd passes the device and inode of the journal's stream. */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(2, &st) == 0 &&
               st.st_dev == dev && st.st_ino == ino;
}

void log_init(Log *log, int level) {
        *log = (Log){ .level = level, .has_priorities = stderr_is_journal() };
}

int log_level_from_string(const char *text) {
        for (size_t i = 0; i < N_LEVELS; i++)
                if (strcmp(text, level_names[i]) == 0 ||
                    (text[0] == (char) ('0' + i) && text[1] == '\0'))
                        return (int) i;

        return -EINVAL;
}

const char *log_level_to_string(int level) {
        assert(level >= 0 && (size_t) level < N_LEVELS);
        return level_names[level];
}

void log_print(const Log *log, int priority, const char *format, ...) {
        char line[2048];
        va_list ap;

        if (!log || priority > log->level)
                return;

        va_start(ap, format);
        (void) vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);

        if (log->has_priorities)
                (void) fprintf(stderr, "<%d>%s\n", priority, line);
        else
                (void) fprintf(stderr, "virt-bootstrapd: %s\n", line);
}
