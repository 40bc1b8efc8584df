/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The manifest.json of an archive that "docker save" (or podman, skopeo, buildah) wrote: which of its
 * members are whose config and layers. The format is described in Docker's image specification
 * v1.2 ("Combined Image JSON + Filesystem Changeset Format").
 */

#include <stddef.h>

#include "base-error.h"

#define DOCKER_ARCHIVE_IMAGES_MAX ((size_t) 1000)
#define DOCKER_ARCHIVE_TAGS_MAX   ((size_t) 1000) /* of one image */

typedef struct OciDockerArchiveImage {
        char *config; /* owned; a member's name, as it is written there */
        char **tags;  /* owned; "NAME:TAG", as they are written there; not checked */
        size_t n_tags;
        char **layers; /* owned; members' names, root layer first */
        size_t n_layers;
} OciDockerArchiveImage;

typedef struct OciDockerArchive {
        OciDockerArchiveImage *images; /* owned */
        size_t n_images;               /* may be 0 */
} OciDockerArchive;

/**
 * oci_docker_archive_parse() - read a manifest.json
 * @ret:        to be released with oci_docker_archive_done(); untouched on failure
 *
 * Return: 0, or a negative errno with @error set: ERROR_LIMIT_EXCEEDED or ERROR_UNSUPPORTED_IMAGE.
 */
int oci_docker_archive_parse(const void *data, size_t size, OciDockerArchive *ret, Error *error);

/** oci_docker_archive_done() - release what @archive owns; usable with _cleanup_() */
void oci_docker_archive_done(OciDockerArchive *archive);
