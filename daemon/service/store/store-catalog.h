/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The images of the cache and the blobs that each needs, at one moment: what users see, and what a removal is planned
 * with.
 *
 * An image is in it under the full reference that a job got it with. The blobs of images in files, of tags that have
 * moved on, and of jobs that did not end well are there without an image.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store-cache.h"
#include "store-image.h"

typedef struct StoreCatalogImage {
        StoreImage image; /* owned, as @blobs */
        uint32_t *blobs;  /* indices of catalog blobs, each once */
        size_t n_blobs;
        uint64_t disk_bytes;   /* of these, as in store-usage.h */
        uint64_t shared_bytes; /* of those that other images need as well */
        uint64_t used_usec;    /* last use, since the epoch */
        bool is_used;          /* by a job */
} StoreCatalogImage;

typedef struct StoreCatalogBlob {
        StoreEntry entry;
        size_t first_user; /* see store_catalog_users() */
        uint32_t n_images; /* images that need it; less when some are being removed */
} StoreCatalogBlob;

/* Zero it; store_catalog_done(). The least recently used are first. */
typedef struct StoreCatalog {
        StoreCatalogBlob *blobs; /* owned */
        size_t n_blobs;
        StoreCatalogImage *images; /* owned */
        size_t n_images;
        uint32_t *users; /* owned; the indices of images, blob by blob */
        size_t n_users;
} StoreCatalog;

/** store_catalog_read() - look at the cache; images with missing blobs are left out */
int store_catalog_read(Store *store, StoreCatalog *ret, Error *error);

/** store_catalog_done() - release what @catalog owns, and make it empty; usable with _cleanup_() */
void store_catalog_done(StoreCatalog *catalog);

/** store_catalog_users() - the indices of the @ret_n images that need a blob; borrowed */
const uint32_t *store_catalog_users(const StoreCatalog *catalog, size_t index, size_t *ret_n);

/* What somebody means by a text: images with one name or digest, or else one blob. */
typedef struct StoreCatalogMatch {
        const char
                *reference; /* borrowed from the catalog: the one image with this name; or NULL */
        Digest digest; /* if there is no @reference: of the images, or of the blob if there are none */
} StoreCatalogMatch;

#define STORE_CATALOG_HEX_MIN ((size_t) 4) /* digits of a short digest */

/** store_catalog_is_digest() - whether @text is a digest, or the start of one, with or without "sha256:" */
bool store_catalog_is_digest(const char *text);

/**
 * store_catalog_find() - find what @text names
 * @reference:  the full reference that @text stands for; NULL: it cannot be one
 *
 * Return: 0; -ENOENT (ERROR_NOT_FOUND); -EEXIST (ERROR_INVALID_OPTION) if it could be several, which @error names.
 */
int store_catalog_find(
        const StoreCatalog *catalog,
        const char *reference,
        const char *text,
        StoreCatalogMatch *ret,
        Error *error);
