/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manifests, indexes and configs: small blobs that are read here. */

#include "step-image.h"

typedef struct StepDocument {
        char *data; /* owned; NUL-terminated behind @size */
        size_t size;
        Digest digest;
        char *content_type; /* owned; NULL when nobody said it */
} StepDocument;

/** step_document_done() - release what @document owns; usable with _cleanup_() */
void step_document_done(StepDocument *document);

/**
 * step_document_get_top() - what the image's name stands for now; asks the source
 * @algorithm:  of the digest by which it is kept, and compared with what the user wants
 *
 * Return: 0, or a negative errno with @error set.
 */
int step_document_get_top(
        StepChannel *channel, DigestAlgorithm algorithm, StepDocument *ret, Error *error);

/** step_document_get_manifest() - a manifest or index by its digest, from the store or the source */
int step_document_get_manifest(
        StepChannel *channel, const Digest *digest, StepDocument *ret, Error *error);

/** step_document_get_config() - a config by its descriptor, from the store or the source */
int step_document_get_config(
        StepChannel *channel, const OciDescriptor *descriptor, StepDocument *ret, Error *error);

/** step_document_bring_config() - have a config in the store, for somebody else to read */
int step_document_bring_config(StepChannel *channel, const OciDescriptor *descriptor, Error *error);

/** step_document_keep() - put a document of our own into the store; sets its digest */
int step_document_keep(
        StepChannel *channel, DigestAlgorithm algorithm, StepDocument *document, Error *error);
