/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sources that are files: images as other tools write them to a disk. The syntax is that of
 * containers-transports(5):
 *
 *     oci:PATH[:REF|:@INDEX]              an OCI image layout, a directory
 *     oci-archive:PATH[:REF|:@INDEX]      a tar archive of one
 *     docker-archive:PATH[:REF|:@INDEX]   what "docker save" and "podman save" write
 *     dir:PATH                            what "skopeo copy … dir:PATH" writes
 *
 * PATH ends at the first ':', so it cannot contain one, except after "dir:", where everything is PATH. An empty
 * REF means none, except after "docker-archive:", where it is an error. The scheme is case-insensitive
 * (RFC 3986, 3.1).
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"

#define SOURCE_REFERENCE_PATH_MAX ((size_t) 4095) /* bytes */
#define SOURCE_SELECTOR_NAME_MAX  ((size_t) 511)  /* bytes */
#define SOURCE_INDEX_MAX          999999U

typedef enum ReferenceSourceKind {
        SOURCE_OCI,
        SOURCE_OCI_ARCHIVE,
        SOURCE_DOCKER_ARCHIVE,
        SOURCE_DIR,
        _SOURCE_KIND_MAX,
} ReferenceSourceKind;

/* Which image of several. Without a name and an index, there must be only one. */
typedef struct ReferenceSelector {
        char
                name[SOURCE_SELECTOR_NAME_MAX +
                     1]; /* printable ASCII; empty for none. For a docker archive
                                                  * the full form, "docker.io/library/debian:latest";
                                                  * otherwise as it was written. */
        bool has_index;
        unsigned index; /* when @has_index, counted from 0; <= SOURCE_INDEX_MAX */
} ReferenceSelector;

typedef struct ReferenceSource {
        ReferenceSourceKind kind;
        char path[SOURCE_REFERENCE_PATH_MAX + 1]; /* not empty; any bytes */
        ReferenceSelector selector;               /* empty for SOURCE_DIR */
} ReferenceSource;

#define SOURCE_REFERENCE_MAX                                                                       \
        (sizeof("docker-archive:") + SOURCE_REFERENCE_PATH_MAX + SOURCE_SELECTOR_NAME_MAX + 2)

/** reference_source_is_one() - whether @text begins with one of the four schemes */
bool reference_source_is_one(const char *text);

/**
 * reference_source_parse() - read a source
 *
 * A reference of a docker archive is completed as reference_parse() does ("debian" means
 * "docker.io/library/debian:latest"), and must not have a digest.
 *
 * Return: 0, or -EINVAL (ERROR_INVALID_REFERENCE).
 */
int reference_source_parse(const char *text, ReferenceSource *ret, Error *error);

/** reference_source_format() - the text from which @reference can be parsed; returns @ret */
char *reference_source_format(
        const ReferenceSource *reference, char ret[static SOURCE_REFERENCE_MAX + 1]);

/** reference_source_kind_to_string() - "oci", "oci-archive", "docker-archive" or "dir" */
const char *reference_source_kind_to_string(ReferenceSourceKind kind);
