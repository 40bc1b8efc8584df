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
typedef struct FetchChannel {
        int socket_fd;        /* borrowed; to the daemon */
        ImageSource *source;  /* owned; NULL for the resolve worker, which has the store alone */
        uint32_t n_documents; /* asked for so far; makes their tokens */
} FetchChannel;

/* The image that is to be found. */
typedef struct WantedImage {
        char name[512];  /* what it is called */
        bool has_digest; /* the name has it: nobody has to be asked for the image's first document */
        Digest digest;
        DigestAlgorithm algorithm; /* of the first document's digest, when it is asked for */
        bool is_made;              /* its manifest is made here: what it came from says no digest */
        bool prefix_errors; /* what is wrong with its documents is said with its name in front */
} WantedImage;

/* For which machine an image is wanted. */
typedef struct WantedPlatform {
        Platform platform;
        bool is_explicit; /* the user said it; else this machine's */
} WantedPlatform;

/* What the fetch worker has to know of an image. */
typedef struct GatheredImage {
        Digest digest; /* of the document that the name stands for */
        MediaType media_type;
        Manifest manifest; /* owned */
} GatheredImage;

typedef struct ResolvedImage {
        Digest digest; /* of the document that the name stands for */
        MediaType media_type;
        Digest manifest_digest;
        MediaType manifest_media_type;
        Digest layout_digest; /* of the manifest that goes into the store's index */
        MediaType layout_media_type;
        Platform platform; /* what the image says it is for; parts may be empty */
        Manifest manifest; /* owned */
        Config config;     /* owned; empty for schema 1 */
} ResolvedImage;

/** gathered_image_done() - release what @image owns; usable with _cleanup_() */
void gathered_image_done(GatheredImage *image);

/** resolved_image_done() - release what @image owns; usable with _cleanup_() */
void resolved_image_done(ResolvedImage *image);

/** resolve_platform() - read what the daemon wants; empty: this machine's */
int resolve_platform(const char *platform, WantedPlatform *ret, Error *error);

/**
 * gather_image() - find an image in its source, and bring its documents into the store
 * @wanted:     its name
 * @ret:        to be released with gathered_image_done(); untouched on failure
 *
 * Return: 0, or a negative errno with @error set.
 */
int gather_image(
        FetchChannel *channel,
        const Platform *platform,
        const WantedImage *wanted,
        GatheredImage *ret,
        Error *error);

/**
 * resolve_image() - read an image's documents, which are in the store
 * @top:        the first one
 * @ret:        to be released with resolved_image_done(); untouched on failure
 *
 * Warns of an image for another machine. Return: 0, or a negative errno with @error set.
 */
int resolve_image(
        FetchChannel *channel,
        const WantedPlatform *platform,
        const ProtoTop *top,
        ResolvedImage *ret,
        Error *error);
