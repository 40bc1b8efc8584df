/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running another program to its end, and reading what it writes. */

#include <stddef.h>

#include "base-error.h"

#define PROGRAM_LINE_MAX  ((size_t) 1024) /* bytes of a line, with the NUL; what is longer is cut */
#define PROGRAM_TICK_MSEC 5000

typedef struct Spawn {
        const char *path;         /* borrowed, as all that follow */
        const char *const *argv;  /* ends with NULL */
        char *const *environment; /* the same */
        const char *directory;    /* to run in */
        int output_fd; /* where its standard output goes; -EBADF: it is lines, as on standard error */
} Spawn;

typedef struct SpawnEvents {
        void (*line)(void *userdata, const char *text); /* without its end; not empty */
        void (*moved)(void *userdata, size_t bytes);    /* so much more went to @output_fd */
        void (*waiting)(
                void *userdata); /* it was silent for PROGRAM_TICK_MSEC, and still is there */
} SpawnEvents;

/**
 * spawn_run() - run, until it ends
 * @ret_status: as waitpid(2) tells it
 *
 * Whatever it started is left alone. Return: 0, or a negative errno with @error set, and the program
 * killed: -EPIPE when nobody reads from @output_fd any more.
 */
int spawn_run(
        const Spawn *program,
        const SpawnEvents *events,
        void *userdata,
        int *ret_status,
        Error *error);
