/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a job has made and what is to be used next, for people. */

#include "client-details.h"

/* Borrowed. */
typedef struct ClientReady {
        const char *source;      /* as the user wrote it */
        const char *destination; /* absolute */
        const ClientDetails *details;
} ClientReady;

/**
 * client_ready_format() - the last lines of a job that is done, printable
 * @columns:    of the terminal; 0 if it is none
 *
 * "/srv/vm/layer-2.qcow2 is ready: 3 layers, 30.3M downloaded, 4323 files, 6.5 s   debian@26f6459ff117": on a terminal
 * that is too narrow, the image is on a line of its own. Otherwise, for programs, the whole digest is in parentheses,
 * last on one line. What is not known is left out. Owned by the caller; NULL when out of memory.
 */
char *client_ready_format(const ClientReady *ready, size_t columns);
