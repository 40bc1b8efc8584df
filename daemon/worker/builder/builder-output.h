/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What virt-builder and guestfish print in the locale C: how far they are, and what went wrong. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILDER_REASON_MAX ((size_t) 512)

typedef struct BuilderOutput {
        uint32_t permille;     /* of all that virt-builder does; never falls */
        uint32_t permille_max; /* what the next phase begins with */
        bool is_unknown_template;
        bool is_no_space;
        unsigned rank;                   /* of @reason, 0 without one */
        char reason[BUILDER_REASON_MAX]; /* what most likely was the reason if it fails */
} BuilderOutput;

#define BUILDER_OUTPUT_NULL ((BuilderOutput){ .permille_max = 1 })

/**
 * builder_output_read() - take note of one line
 *
 * Return: a warning in it, which is a part of @line; or NULL.
 */
const char *builder_output_read(BuilderOutput *output, const char *line);
