/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tar archives, byte by byte, for the tests of unpack/. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "test.h"

#define TAR_BLOCK ((size_t) 512)

typedef struct Bytes {
        uint8_t *data; /* owned */
        size_t size, room;
} Bytes;

void bytes_done(Bytes *bytes);

void bytes_add(Bytes *bytes, const void *data, size_t size);

void bytes_pad(Bytes *bytes);

/* What a header says; members that are 0 are left at something harmless. */
typedef struct TarEntry {
        char type; /* '0' */
        const char *name;
        const char *link;
        const char *prefix;
        unsigned mode; /* 0644, 0755 of directories */
        bool no_mode;  /* mode 0 */
        uint64_t uid, gid;
        int64_t mtime; /* 1000000000 */
        uint64_t major, minor;
        const char *content;
        uint64_t size; /* of @content: its length */
        bool lies;     /* @size is announced, but only @content follows */
} TarEntry;

/* Octal, or base 256 when it does not fit, as GNU tar does. */
void tar_number(uint8_t *field, size_t size, uint64_t value);

void tar_checksum(uint8_t *block);

void tar_fill_header(uint8_t *block, const TarEntry *entry, size_t content_size);

void tar_add(Bytes *tar, const TarEntry *entry);

void tar_file(Bytes *tar, const char *name, const char *content);

void tar_dir(Bytes *tar, const char *name);

void tar_symlink(Bytes *tar, const char *name, const char *link);

void tar_hardlink(Bytes *tar, const char *name, const char *link);

/* An extra header in front of the next entry: 'x', 'g', 'L', 'K'. */
void tar_extra(Bytes *tar, char type, const void *data, size_t size);

/* "LENGTH KEY=VALUE\n" */
void pax_add(Bytes *records, const char *key, const void *value, size_t size);

/* A pax header with one record, whose value is @size bytes. */
void tar_pax_bytes(Bytes *tar, const char *key, const void *value, size_t size);

void tar_pax(Bytes *tar, const char *key, const char *value);

void tar_end(Bytes *tar);
