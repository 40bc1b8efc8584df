/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manifests, indexes and configs: small blobs that the step reads itself. */

#include "step-image.h"

typedef struct StepDocument {
        char *data; /* owned; @size bytes and a NUL */
        size_t size;
        Digest digest;
        char *content_type; /* owned; NULL if unknown */
} StepDocument;

/** step_document_done() - release what @document owns; usable with _cleanup_() */
void step_document_done(StepDocument *document);

/**
 * step_document_get_top() - ask the source for the current document of the image's name
 * @algorithm:  of the digest by which it is stored, and compared with the user's
 */
int step_document_get_top(
        StepChannel *channel, DigestAlgorithm algorithm, StepDocument *ret, Error *error);

/** step_document_get_manifest() - get a manifest or index by its digest, from the store or the source */
int step_document_get_manifest(
        StepChannel *channel, const Digest *digest, StepDocument *ret, Error *error);

/** step_document_get_config() - get a config by its descriptor, from the store or the source */
int step_document_get_config(
        StepChannel *channel, const OciDescriptor *descriptor, StepDocument *ret, Error *error);

/** step_document_bring_config() - bring a config into the store, for another step to read */
int step_document_bring_config(StepChannel *channel, const OciDescriptor *descriptor, Error *error);

/** step_document_keep() - store a document that was made here; sets its digest */
int step_document_keep(
        StepChannel *channel, DigestAlgorithm algorithm, StepDocument *document, Error *error);

/**
 * step_document_bring_signed() - bring the source's first document with its signatures into the store (schema 1)
 * @digest:     of what the signatures are for: step_document_get_top() returned it
 * @ret:        the digest of the whole
 */
int step_document_bring_signed(
        StepChannel *channel, const Digest *digest, Digest *ret, Error *error);

/** step_document_check_signed() - check that the stored document @whole is the one of @digest with signatures */
int step_document_check_signed(
        StepChannel *channel, const Digest *whole, const Digest *digest, Error *error);
