/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manifests, indexes and configs: small blobs that are read here. */

#include "step-resolve.h"

typedef struct Document {
        char *data; /* owned; NUL-terminated behind @size */
        size_t size;
        Digest digest;
        char *content_type; /* owned; NULL when nobody said it */
} Document;

/** document_done() - release what @document owns; usable with _cleanup_() */
void document_done(Document *document);

/**
 * document_get_top() - what the image's name stands for now; asks the source
 * @algorithm:  of the digest by which it is kept, and compared with what the user wants
 *
 * Return: 0, or a negative errno with @error set.
 */
int document_get_top(FetchChannel *channel, DigestAlgorithm algorithm, Document *ret, Error *error);

/** document_get_manifest() - a manifest or index by its digest, from the store or the source */
int document_get_manifest(FetchChannel *channel, const Digest *digest, Document *ret, Error *error);

/** document_get_config() - a config by its descriptor, from the store or the source */
int document_get_config(
        FetchChannel *channel, const Descriptor *descriptor, Document *ret, Error *error);

/** document_bring_config() - have a config in the store, for somebody else to read */
int document_bring_config(FetchChannel *channel, const Descriptor *descriptor, Error *error);

/** document_keep() - put a document of our own into the store; sets its digest */
int document_keep(
        FetchChannel *channel, DigestAlgorithm algorithm, Document *document, Error *error);
