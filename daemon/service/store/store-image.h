/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Images: what a reference named when it was last requested.
 *
 * They are kept in the text file "virt-bootstrap/images", from which index.json is made, so that
 * the daemon writes JSON and never reads it. An entry is
 *
 *     image REFERENCE
 *     top DIGEST MEDIA-TYPE                 the document that the reference names
 *     manifest DIGEST MEDIA-TYPE PLATFORM   the platform's; goes into index.json
 *     document DIGEST                       manifests and the config, fetched from where the reference
 *                                           leads: later requests for it may read them
 *     blob DIGEST                           layers, and documents that other references fetched
 *
 * A job without sync writes the list to "virt-bootstrap/images.unsynced" instead, which then takes precedence. It has one
 * more line at the start:
 *
 *     boot BOOT CHECKSUM                    of the system, as the kernel names it; of the rest of the file
 *
 * If the checksum does not match after a power failure, the list in "images" is used.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-digest.h"
#include "store.h"

#define STORE_IMAGES_MAX          ((size_t) 10000)
#define STORE_IMAGE_BLOBS_MAX     ((size_t) 1024) /* 1000 layers and the documents */
#define STORE_IMAGE_DOCUMENTS_MAX ((size_t) 16)

typedef struct StoreImage {
        char reference[512];
        Digest top;
        char top_media_type[128];
        Digest manifest;
        char manifest_media_type[128];
        char platform[64];
        Digest documents[STORE_IMAGE_DOCUMENTS_MAX];
        size_t n_documents;
        Digest *blobs; /* owned */
        size_t n_blobs;
} StoreImage;

/** store_image_done() - release what @image owns; usable with _cleanup_() */
void store_image_done(StoreImage *image);

/**
 * store_image_add() - record an image, replacing the one with the same reference
 *
 * All its blobs must be in the store. With @no_sync, a power failure may lose this image, but no other.
 */
int store_image_add(Store *store, const StoreImage *image, bool no_sync, Error *error);

/**
 * store_image_find() - what @reference named last time
 * @ret:        release it with store_image_done()
 *
 * Return: 1 if known, 0 if not.
 */
int store_image_find(Store *store, const char *reference, StoreImage *ret, Error *error);

/** store_image_has_document() - whether @digest is one of the image's documents */
bool store_image_has_document(const StoreImage *image, const Digest *digest);

/** store_image_refresh() - forget images with missing blobs, and rewrite index.json */
int store_image_refresh(Store *store, Error *error);

/** store_image_recover() - rewrite and sync the lists if they were written without sync in an earlier boot */
int store_image_recover(Store *store, Error *error);

/**
 * store_image_list() - all images, oldest record first
 * @ret:        release it with store_images_free()
 */
int store_image_list(Store *store, StoreImage **ret, size_t *ret_n, Error *error);

/** store_images_free() - release @n images (may be NULL) */
void store_images_free(StoreImage *images, size_t n);

/** store_image_forget() - forget the images with these references, and those with missing blobs; their blobs stay */
int store_image_forget(Store *store, const char *const *references, size_t n, Error *error);
