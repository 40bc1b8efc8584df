/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An image's configuration (OCI image specification, config.md), as far as used. */

#include <stdbool.h>
#include <stddef.h>

#include "base-digest.h"
#include "base-error.h"
#include "oci-manifest.h"
#include "reference-platform.h"

#define CONFIG_LABELS_MAX ((size_t) 1000)
#define CONFIG_ENV_MAX    ((size_t) 1000)
#define CONFIG_TEXTS_MAX  ((size_t) 256) /* of each other list; more are left out */

typedef struct OciLabel {
        char *name;        /* owned */
        const char *value; /* in the same memory */
} OciLabel;

/* A list that is only reported. */
typedef struct OciConfigTexts {
        char **texts; /* owned, as are its elements */
        size_t n;     /* <= CONFIG_TEXTS_MAX */
} OciConfigTexts;

/* Texts are UTF-8 as the image has them, control characters included. All together they are no
 * longer than OCI_DOCUMENT_MAX. */
typedef struct OciConfig {
        ReferencePlatform platform; /* normalised; parts are empty when the config lacks them */
        Digest *diff_ids;           /* owned; of the uncompressed layers, root layer first */
        size_t n_diff_ids;          /* 1 … LAYERS_MAX */
        char *created;              /* owned; RFC 3339 time, not checked; or NULL */
        char *author;               /* owned, or NULL */
        char *docker_version;       /* owned, or NULL */
        OciLabel *labels;           /* owned */
        size_t n_labels;            /* <= CONFIG_LABELS_MAX */
        char **env;                 /* owned; "NAME=VALUE" */
        size_t n_env;               /* <= CONFIG_ENV_MAX */
        OciConfigTexts entrypoint;  /* the words of a command; "Cmd" has more of them, or all */
        OciConfigTexts cmd;
        OciConfigTexts volumes; /* paths */
        OciConfigTexts ports;   /* PORT[/PROTOCOL] */
        char *user;             /* owned, as the next two; NAME or ID[:GROUP]; or NULL */
        char *working_directory;
        char *stop_signal;
        bool is_cut; /* a list was longer than CONFIG_TEXTS_MAX */
} OciConfig;

/**
 * oci_config_parse() - read a configuration
 * @ret:        to be released with oci_config_done(); untouched on failure
 *
 * Return: 0, or a negative errno with @error set: ERROR_NO_LAYERS, ERROR_LIMIT_EXCEEDED or
 * ERROR_UNSUPPORTED_IMAGE.
 */
int oci_config_parse(const void *data, size_t size, OciConfig *ret, Error *error);

/** oci_config_done() - release what @config owns; usable with _cleanup_() */
void oci_config_done(OciConfig *config);

/**
 * oci_config_match_layers() - check that there is one diff id for each layer of @manifest
 *
 * Return: 0, or -EBADMSG with @error set to ERROR_UNSUPPORTED_IMAGE.
 */
int oci_config_match_layers(const OciConfig *config, const OciManifest *manifest, Error *error);
