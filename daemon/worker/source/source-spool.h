/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Archives that cannot be read at any place: pipes, and those that are compressed as a whole. */

#include "source.h"

/**
 * source_spool() - have an archive as a plain tar in a regular file
 *
 * That is @input->fd itself, if it is one that begins at the file's first byte. Otherwise the archive is
 * written, uncompressed, to the scratch file. The compression is told by content, as of layers.
 *
 * Return: the descriptor to read, borrowed from @input; or a negative errno with @error set:
 * ERROR_CORRUPT_ARCHIVE, ERROR_LIMIT_EXCEEDED, ERROR_NO_SPACE, ERROR_UNSUPPORTED_IMAGE for what is
 * neither a file nor a pipe, or needs a scratch file when there is none.
 */
int source_spool(const SourceInput *input, Error *error);
