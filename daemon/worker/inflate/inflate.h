/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Decompresses layers. The first bytes determine the compression, not the manifest: none, gzip
 * (RFC 1952), zstd (RFC 8878), xz, bzip2, lz4 (frames) or lzip; lzop is recognized and refused. A stream
 * must be complete, with correct checksums. More streams of its format may follow, and zeros, as on
 * tapes. Other trailing data is an error in a layer that has a digest, and ignored in a tarball (except
 * after xz, which forbids it).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "base-limits.h"
#include "inflate-input.h"

typedef struct Inflate Inflate;

/** inflate_new() - @input and @limits are borrowed; *@ret is owned by the caller */
int inflate_new(const InflateInput *input, const Limits *limits, Inflate **ret, Error *error);

/** inflate_free() - release @inflate */
Inflate *inflate_free(Inflate *inflate);

/** inflate_next() - proceed to the next layer; returns 1, or 0 if there is none */
int inflate_next(Inflate *inflate, InflateLayer *ret, Error *error);

/**
 * inflate_read() - read bytes of the uncompressed layer
 *
 * Return: the number of bytes, @size unless the layer ends; 0 at its end. Errors: ERROR_CORRUPT_ARCHIVE,
 * ERROR_LIMIT_EXCEEDED, or those of the input.
 */
ssize_t inflate_read(Inflate *inflate, void *buffer, size_t size, Error *error);

/**
 * inflate_pass_rest() - skip some of the data after the stream
 *
 * Call this after inflate_read() has reached the end of the layer, until nothing is left: tapes have zeros
 * there, some tools append a signature. So the writer of a pipe can write everything.
 *
 * Return: 1, or 0 if nothing is left.
 */
int inflate_pass_rest(Inflate *inflate, Error *error);

/** inflate_has_end() - whether truncation of the current layer is detectable; after inflate_read() */
bool inflate_has_end(const Inflate *inflate);

/** inflate_has_rest() - whether ignored data follows a layer that has ended */
bool inflate_has_rest(const Inflate *inflate);

/** inflate_consumed() - compressed bytes of all layers that inflate_read() has consumed */
uint64_t inflate_consumed(const Inflate *inflate);

DEFINE_CLEANUP(Inflate, inflate_free);
