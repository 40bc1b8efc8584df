/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From an image's name to its layers: follows indexes to the manifest of a platform, and reads its config.
 * Every document goes through the daemon's store, by its digest; stored ones are not fetched again.
 *
 * This happens twice. The fetch worker gathers the documents and learns what to fetch. The resolve worker,
 * whose only source is the store, reads them again, and its result is the one that counts.
 */

#include "oci-config.h"
#include "oci-index.h"
#include "oci-manifest.h"
#include "source.h"
#include "step.h"

/* The connections of a step that asks for documents. */
typedef struct StepChannel {
        int socket_fd;        /* borrowed; to the daemon */
        Source *source;       /* owned; NULL in the resolve worker, which only has the store */
        uint32_t n_documents; /* requested so far; generates their tokens */
} StepChannel;

/* The image to find. */
typedef struct StepWantedImage {
        char name[512];  /* for messages */
        bool has_digest; /* the name contains the digest of the image's first document */
        Digest digest;
        DigestAlgorithm algorithm; /* of the first document's digest, if it is requested by name */
        const Digest
                *pin; /* borrowed; that its first document or its manifest must have; or NULL */
        bool is_made; /* its manifest is generated here: its source states no digest */
        bool prefix_errors; /* errors in its documents start with its name */
} StepWantedImage;

/* The platform that an image is wanted for. */
typedef struct StepWantedPlatform {
        ReferencePlatform platform;
        bool is_explicit; /* the user named it; else this machine's */
} StepWantedPlatform;

/* What the fetch worker needs of an image. */
typedef struct StepGatheredImage {
        Digest digest; /* of the document that the name refers to */
        OciMediaType media_type;
        OciManifest manifest; /* owned */
} StepGatheredImage;

typedef struct StepImage {
        Digest digest; /* of the document that the name refers to */
        OciMediaType media_type;
        Digest manifest_digest;
        OciMediaType manifest_media_type;
        Digest layout_digest; /* of the manifest that goes into the store's index */
        OciMediaType layout_media_type;
        ReferencePlatform platform; /* as the image states it; parts may be empty */
        OciManifest manifest;       /* owned */
        OciConfig config;           /* owned; empty for schema 1 */
        char *manifest_text;        /* owned; its bytes, and a NUL */
        size_t manifest_size;
        char *config_text; /* owned, the same; NULL for schema 1 */
        size_t config_size;
} StepImage;

/** step_gathered_image_done() - release what @image owns; usable with _cleanup_() */
void step_gathered_image_done(StepGatheredImage *image);

/** step_resolved_image_done() - release what @image owns; usable with _cleanup_() */
void step_resolved_image_done(StepImage *image);

/** step_resolve_platform() - parse the wanted platform; empty: this machine's */
int step_resolve_platform(const char *platform, StepWantedPlatform *ret, Error *error);

/**
 * step_gather_image() - find an image in its source, and bring its documents into the store
 * @wanted:     its name
 * @ret:        release with step_gathered_image_done()
 */
int step_gather_image(
        StepChannel *channel,
        const ReferencePlatform *platform,
        const StepWantedImage *wanted,
        StepGatheredImage *ret,
        Error *error);

/**
 * step_resolve_image() - read an image's documents, which are in the store
 * @top:        the first one
 * @ret:        release with step_resolved_image_done()
 *
 * Warns if the image is for another machine.
 */
int step_resolve_image(
        StepChannel *channel,
        const StepWantedPlatform *platform,
        const ProtoTop *top,
        StepImage *ret,
        Error *error);
