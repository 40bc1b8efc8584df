/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From an image's name to the layers: follows indexes to the manifest of a platform, and reads its config.
 * Every document goes through the daemon's store, by its digest; what is there is not asked for again.
 */

#include "oci-config.h"
#include "oci-index.h"
#include "oci-manifest.h"
#include "source.h"
#include "worker.h"

/* The fetch worker's connections. */
typedef struct FetchChannel {
        int socket_fd;        /* borrowed; to the daemon */
        ImageSource *source;  /* owned; NULL when offline */
        uint32_t n_documents; /* asked for so far; makes their tokens */
} FetchChannel;

/* The image that is to be found. */
typedef struct WantedImage {
        char name[512];  /* what it is called, and what the store knows a registry's by */
        bool has_digest; /* the name has it: nobody has to be asked for the image's first document */
        Digest digest;
        DigestAlgorithm algorithm; /* of the first document's digest, when it is asked for */
        bool is_made;              /* its manifest is made here: what it came from says no digest */
        bool prefix_errors; /* what is wrong with its documents is said with its name in front */
} WantedImage;

typedef struct ResolvedImage {
        Digest digest; /* of the document that the name stands for, as all up to @size */
        MediaType media_type;
        uint64_t size; /* bytes */
        Digest manifest_digest;
        MediaType manifest_media_type;
        Digest layout_digest; /* of the manifest that goes into the store's index */
        MediaType layout_media_type;
        Platform platform; /* what the image says it is for; parts may be empty */
        Manifest manifest; /* owned */
        Config config;     /* owned; empty for schema 1 */
} ResolvedImage;

/** resolved_image_done() - release what @image owns; usable with _cleanup_() */
void resolved_image_done(ResolvedImage *image);

/**
 * resolve_image() - find an image
 * @platform:   what the daemon wants; empty: this machine's
 * @wanted:     its name
 * @ret:        to be released with resolved_image_done(); untouched on failure
 *
 * Return: 0, or a negative errno with @error set.
 */
int resolve_image(
        FetchChannel *channel,
        const char *platform,
        const WantedImage *wanted,
        ResolvedImage *ret,
        Error *error);
