/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether libarchive reads an entry as we do. */

#include <archive_entry.h>

#include "unpack-header.h"

/**
 * unpack_doubt_find() - why an entry is ambiguous
 * @size:       bytes of headers that libarchive has read
 *
 * Call it in the C locale, in which libarchive does not convert names.
 *
 * Return: what differs, or why other programs would read it differently; NULL if it is not ambiguous.
 */
const char *unpack_doubt_find(const UnpackHeader *header, size_t size, struct archive_entry *entry);
