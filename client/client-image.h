/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reads and prints the answer of Manager.Inspect. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "base-error.h"
#include "client-config.h"

#define IMAGE_LIST_MAX ((size_t) 65536) /* layers, and labels */

typedef struct ClientImageLayer {
        const char *digest, *media_type;
        uint64_t size; /* bytes, compressed */
        int is_cached;
} ClientImageLayer;

typedef struct ClientImageLabel {
        const char *name, *value;
} ClientImageLabel;

/* Strings are borrowed from the message; NULL if the image does not have them. */
typedef struct ClientImage {
        const char *name, *digest, *manifest_digest, *media_type, *platform;
        const char *created, *author;
        const char *repository; /* HOST/NAME, if the caller's source names one */
        const char *document;   /* the one that was asked for: any bytes, borrowed as well */
        size_t document_size;
        uint64_t size;            /* bytes of all layers, compressed */
        ClientImageLayer *layers; /* owned */
        size_t n_layers;
        ClientImageLabel *labels; /* owned */
        size_t n_labels;
        ClientConfig config;
} ClientImage;

#define IMAGE_NULL ((ClientImage){ 0 })

/** client_image_read() - read the answer, which must outlive @ret */
int client_image_read(sd_bus_message *reply, ClientImage *ret, Error *error);

/** client_image_print() - print tables for people, of at most @columns if possible; fails only with -ENOMEM */
int client_image_print(const ClientImage *image, size_t columns, FILE *file, Error *error);

/** client_image_print_json() - write one JSON object with what skopeo-inspect(1) does not print, without a line end */
void client_image_print_json(const ClientImage *image, FILE *file);

/** client_image_done() - release what @image owns; usable with _cleanup_() */
void client_image_done(ClientImage *image);
