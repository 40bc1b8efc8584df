/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Prints what the daemon's worker reports about an image: JSON texts, which may contain anything. */

#include <stdbool.h>
#include <stdio.h>

#include "client-tags.h"

/* Everything is borrowed. */
typedef struct ClientReport {
        const char *text; /* a JSON object on one line, without a NUL behind it */
        size_t size;
        const char *name;       /* for an additional first member, "Name"; or NULL */
        const ClientTags *tags; /* for the empty member "RepoTags"; or NULL */
        const char *own; /* a JSON text, for an additional last member, "virt-bootstrap"; or NULL */
} ClientReport;

/**
 * client_report_print() - print the object and a line end
 * @is_indented: on several lines, by four blanks per level; otherwise on one
 *
 * Characters that control a terminal are written as escapes of JSON. Fails with -EBADMSG if the text cannot be JSON.
 */
int client_report_print(const ClientReport *report, bool is_indented, FILE *file, Error *error);
