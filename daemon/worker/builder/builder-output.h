/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Parses the output of virt-builder and guestfish in the C locale: progress, and errors. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILDER_REASON_MAX ((size_t) 512)

typedef struct BuilderOutput {
        uint32_t permille;     /* of all work of virt-builder; never decreases */
        uint32_t permille_max; /* at the start of the next phase */
        bool is_unknown_template;
        bool is_no_space;
        unsigned rank;                   /* of @reason, 0 without one */
        char reason[BUILDER_REASON_MAX]; /* the most likely reason if it fails */
} BuilderOutput;

#define BUILDER_OUTPUT_NULL ((BuilderOutput){ .permille_max = 1 })

/**
 * builder_output_read() - parse one line
 *
 * Return: a warning within @line, or NULL.
 */
const char *builder_output_read(BuilderOutput *output, const char *line);
