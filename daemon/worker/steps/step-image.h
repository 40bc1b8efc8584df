/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From an image's name to the layers: follows indexes to the manifest of a platform, and reads its config.
 * Every document goes through the daemon's store, by its digest; what is there is not asked for again.
 *
 * The way is gone twice. The fetch worker gathers the documents and learns what it has to fetch. The
 * resolve worker, which has no source but the store, reads them again: what that one says is believed.
 */

#include "oci-config.h"
#include "oci-index.h"
#include "oci-manifest.h"
#include "source.h"
#include "step.h"

/* The connections of who asks for documents. */
typedef struct StepChannel {
        int socket_fd;        /* borrowed; to the daemon */
        Source *source;       /* owned; NULL for the resolve worker, which has the store alone */
        uint32_t n_documents; /* asked for so far; makes their tokens */
} StepChannel;

/* The image that is to be found. */
typedef struct StepWantedImage {
        char name[512];  /* what it is called */
        bool has_digest; /* the name has it: nobody has to be asked for the image's first document */
        Digest digest;
        DigestAlgorithm algorithm; /* of the first document's digest, when it is asked for */
        bool is_made;              /* its manifest is made here: what it came from says no digest */
        bool prefix_errors; /* what is wrong with its documents is said with its name in front */
} StepWantedImage;

/* For which machine an image is wanted. */
typedef struct StepWantedPlatform {
        ReferencePlatform platform;
        bool is_explicit; /* the user said it; else this machine's */
} StepWantedPlatform;

/* What the fetch worker has to know of an image. */
typedef struct StepGatheredImage {
        Digest digest; /* of the document that the name stands for */
        OciMediaType media_type;
        OciManifest manifest; /* owned */
} StepGatheredImage;

typedef struct StepImage {
        Digest digest; /* of the document that the name stands for */
        OciMediaType media_type;
        Digest manifest_digest;
        OciMediaType manifest_media_type;
        Digest layout_digest; /* of the manifest that goes into the store's index */
        OciMediaType layout_media_type;
        ReferencePlatform platform; /* what the image says it is for; parts may be empty */
        OciManifest manifest;       /* owned */
        OciConfig config;           /* owned; empty for schema 1 */
} StepImage;

/** step_gathered_image_done() - release what @image owns; usable with _cleanup_() */
void step_gathered_image_done(StepGatheredImage *image);

/** step_resolved_image_done() - release what @image owns; usable with _cleanup_() */
void step_resolved_image_done(StepImage *image);

/** step_resolve_platform() - read what the daemon wants; empty: this machine's */
int step_resolve_platform(const char *platform, StepWantedPlatform *ret, Error *error);

/**
 * step_gather_image() - find an image in its source, and bring its documents into the store
 * @wanted:     its name
 * @ret:        to be released with step_gathered_image_done(); untouched on failure
 *
 * Return: 0, or a negative errno with @error set.
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
 * @ret:        to be released with step_resolved_image_done(); untouched on failure
 *
 * Warns of an image for another machine. Return: 0, or a negative errno with @error set.
 */
int step_resolve_image(
        StepChannel *channel,
        const StepWantedPlatform *platform,
        const ProtoTop *top,
        StepImage *ret,
        Error *error);
