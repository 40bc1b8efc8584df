/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The answer of Manager.Inspect, and how it is printed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "base-error.h"

#define IMAGE_LIST_MAX ((size_t) 65536) /* layers, labels and variables, each */

typedef struct ImageLayer {
        const char *digest, *media_type;
        uint64_t size; /* bytes, compressed */
        int is_cached;
} ImageLayer;

typedef struct ImageLabel {
        const char *name, *value;
} ImageLabel;

/* Strings are borrowed from the message; NULL when the image does not say. */
typedef struct Image {
        const char *name, *digest, *manifest_digest, *media_type, *platform;
        const char *created, *author;
        uint64_t size;      /* bytes of all layers, compressed */
        ImageLayer *layers; /* owned */
        size_t n_layers;
        ImageLabel *labels; /* owned */
        size_t n_labels;
        const char **env; /* owned */
        size_t n_env;
} Image;

#define IMAGE_NULL ((Image){ 0 })

/** image_read() - read the answer, which has to outlive @ret; returns 0 or -errno with @error set */
int image_read(sd_bus_message *reply, Image *ret, Error *error);

/** image_print() - for people; returns 0 or -ENOMEM with @error set */
int image_print(const Image *image, FILE *file, Error *error);

/** image_print_json() - one line, with the keys of skopeo-inspect(1) */
void image_print_json(const Image *image, FILE *file);

/** image_done() - release what @image owns; usable with _cleanup_() */
void image_done(Image *image);
