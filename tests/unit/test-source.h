/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Images in files, for the tests of source/. */

#include <sys/mman.h>

#include "base-fd.h"
#include "hash.h"
#include "source.h"
#include "test-oci.h"
#include "test-scratch.h"
#include "test-unpack-tar.h"

#define OCI_CONFIG   "application/vnd.oci.image.config.v1+json"
#define OCI_INDEX    "application/vnd.oci.image.index.v1+json"
#define OCI_LAYER    "application/vnd.oci.image.layer.v1.tar"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"

/* A file without a name that holds @bytes, at its beginning; closed by the caller. */
int file_of(const Bytes *bytes);

Digest digest_of_bytes(const void *data, size_t size);

/* Of a text; good until the next call but seven. */
const char *sha_of(const char *text);

/* "PREFIX" and the digits of the text's digest; the same. */
const char *hex_name(const char *prefix, const char *text);

/* printf, with '"' for each '\''; owned by the caller. */
__attribute__((__format__(__printf__, 1, 2))) char *json_format(const char *format, ...);

/* The configuration of an image with one layer; owned by the caller. */
char *config_of(const char *layer);

/* Its manifest. */
char *manifest_of(const char *config, const char *layer);

/* An index.json with one manifest, and what else there is to say of that. */
char *index_of(const char *manifest, const char *more);

int open_source(const char *text, int fd, int scratch_fd, Source **ret, Error *error);

/* The same with an archive. */
int open_archive(const char *text, Bytes *tar, int *ret_fd, Source **ret, Error *error);

int on_blob(void *userdata, const void *data, size_t size, Error *error);

int get_blob(Source *source, const char *digest_text, uint64_t size, Bytes *ret, Error *error);

void assert_blob(Source *source, const char *content);

/* That the image is the one with this manifest. */
void assert_top(Source *source, const char *content, const char *type);
