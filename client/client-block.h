/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A running job as the lines that a terminal has room for:
 *
 *     docker://docker.io/library/debian:12  linux/amd64  8 layers, 294.1M (90.4M cached)
 *     e48ca511bdc3   39.3M  unpacking   [==============>     ] 28.2M
 *     4ad8db1c5398   90.4M  downloading [=======>            ] 33.1M
 *     Total  38%  112.9M of 294.1M   5.8M/s   0:31 left
 *
 * The image, its layers that are being worked on, and the whole. Without much room, and without layers, it is one
 * line, client_progress_format_bar(). Nothing here depends on a terminal.
 */

#include "client-details.h"
#include "client-progress.h"

#define BLOCK_COLUMNS_MIN ((size_t) 60) /* narrower ones get one line, … */
#define BLOCK_ROWS_MIN    ((size_t) 8)  /* … and so do lower ones */
#define BLOCK_LAYERS_MAX  ((size_t) 12)
#define BLOCK_LINES_MAX   (BLOCK_LAYERS_MAX + 2)

typedef struct ClientBlock {
        char lines[BLOCK_LINES_MAX][PROGRESS_LINE_MAX];
        size_t n_lines; /* at least one */
} ClientBlock;

/* Borrowed. */
typedef struct ClientBlockJob {
        const char *source; /* printable */
        const ClientProgress *progress;
        const ClientDetails *details;
} ClientBlockJob;

/** client_block_format() - each line is narrower than @columns, and their number less than @rows */
void client_block_format(const ClientBlockJob *job, size_t columns, size_t rows, ClientBlock *ret);
