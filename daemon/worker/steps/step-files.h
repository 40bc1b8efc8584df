/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The fetch worker of an image in files. It has no network, so it needs no libcurl; and a directory no libarchive. */

#include "source.h"

/* How to open one kind of them: source_open_archive() or source_open_directory(). */
typedef int (*StepFilesOpen)(
        const ReferenceSource *reference, const SourceInput *input, Source **ret, Error *error);

/** step_files_run() - the whole step; for step_main() */
int step_files_run(int socket_fd, StepFilesOpen open, Error *error);
