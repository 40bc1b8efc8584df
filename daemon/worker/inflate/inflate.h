/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Layers, uncompressed. The compression is told by the first bytes, not by what a manifest says:
 * none, gzip (RFC 1952), zstd (RFC 8878), xz, bzip2, lz4 (frames) or lzip; lzop is named and refused.
 * A stream must be whole, its checksums right. More of its kind may follow it, and zeros, as tapes have
 * them; anything else is an error for a layer that has a digest, and left out of a tarball (but behind
 * xz, which forbids it).
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

/** inflate_new() - @input and @limits are borrowed; *@ret is owned by the caller; 0 or -errno with
 * @error set */
int inflate_new(const InflateInput *input, const Limits *limits, Inflate **ret, Error *error);

/** inflate_free() - release @inflate (may be NULL) */
Inflate *inflate_free(Inflate *inflate);

/** inflate_next() - go on to the next layer; returns 1, 0 when there is none, or -errno with @error
 * set */
int inflate_next(Inflate *inflate, InflateLayer *ret, Error *error);

/**
 * inflate_read() - bytes of the uncompressed layer
 *
 * Return: how many, @size unless the layer ends; 0 when it has ended well; or a negative errno with
 * @error set: ERROR_CORRUPT_ARCHIVE, ERROR_LIMIT_EXCEEDED, or what the input said.
 */
ssize_t inflate_read(Inflate *inflate, void *buffer, size_t size, Error *error);

/**
 * inflate_pass_rest() - go past a piece of what follows the stream
 *
 * To be called after inflate_read() has come to the layer's end, until nothing is left: a tape has zeros there,
 * and some put a signature. Who writes all that into a pipe can do so to the end.
 *
 * Return: 1, 0 when nothing is left, or a negative errno with @error set.
 */
int inflate_pass_rest(Inflate *inflate, Error *error);

/** inflate_has_end() - whether a layer from which was read is compressed so that what is cut off is no
 * valid stream */
bool inflate_has_end(const Inflate *inflate);

/** inflate_has_rest() - whether something that was left out follows a layer that has ended */
bool inflate_has_rest(const Inflate *inflate);

/** inflate_consumed() - compressed bytes of all layers that inflate_read() has used */
uint64_t inflate_consumed(const Inflate *inflate);

DEFINE_CLEANUP(Inflate, inflate_free);
