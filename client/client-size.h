/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sizes as people write and read them; K, M, G, T, P and E are powers of 1024. */

#include <stddef.h>
#include <stdint.h>

#include "base-error.h"

#define SIZE_TEXT_MAX ((size_t) 16) /* "1023.9K", with room to spare */

/** client_size_parse() - read "5G", "5GB", "5GiB", "10737418240"; fails only with -EINVAL */
int client_size_parse(const char *text, uint64_t *ret_bytes, Error *error);

/** client_size_format() - write @bytes with one decimal, such as "1.5G", to @ret; returns @ret */
char *client_size_format(uint64_t bytes, char ret[static SIZE_TEXT_MAX]);
