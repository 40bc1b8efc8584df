/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The media types of the OCI image specification (media-types.md) and of Docker's image manifest
 * version 2, schema 1 and schema 2.
 */

#include <stdbool.h>
#include <stddef.h>

#define MEDIA_TYPE_TEXT_MAX ((size_t) 255) /* RFC 6838, 4.2: 127 '/' 127 */

typedef enum OciMediaType {
        MEDIA_TYPE_UNKNOWN,
        MEDIA_TYPE_OCI_MANIFEST,
        MEDIA_TYPE_OCI_INDEX,
        MEDIA_TYPE_DOCKER_MANIFEST,      /* schema 2 */
        MEDIA_TYPE_DOCKER_MANIFEST_LIST, /* schema 2's index */
        MEDIA_TYPE_DOCKER_SCHEMA1,
        MEDIA_TYPE_DOCKER_SCHEMA1_SIGNED,
        MEDIA_TYPE_OCI_CONFIG,
        MEDIA_TYPE_DOCKER_CONFIG,
        MEDIA_TYPE_OCI_LAYER_TAR,
        MEDIA_TYPE_OCI_LAYER_TAR_GZIP,
        MEDIA_TYPE_OCI_LAYER_TAR_ZSTD,
        MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR,
        MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR_GZIP,
        MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR_ZSTD,
        MEDIA_TYPE_DOCKER_LAYER_TAR,
        MEDIA_TYPE_DOCKER_LAYER_TAR_GZIP,
        MEDIA_TYPE_DOCKER_LAYER_TAR_ZSTD,
        MEDIA_TYPE_DOCKER_FOREIGN_TAR,
        MEDIA_TYPE_DOCKER_FOREIGN_TAR_GZIP,
        _MEDIA_TYPE_MAX,
} OciMediaType;

/* What a media type is used for. */
typedef enum OciMediaClass {
        MEDIA_CLASS_OTHER,
        MEDIA_CLASS_MANIFEST, /* one image; schema 2 and OCI */
        MEDIA_CLASS_SCHEMA1,  /* one image; layers without sizes, no config */
        MEDIA_CLASS_INDEX,    /* images to choose from by platform */
        MEDIA_CLASS_CONFIG,
        MEDIA_CLASS_LAYER,
} OciMediaClass;

/**
 * oci_media_type_parse() - read a media type or a Content-Type header's value
 *
 * Parameters ("; charset=…") and surrounding blanks are ignored, and so is case.
 *
 * Return: the type, MEDIA_TYPE_UNKNOWN for any other text.
 */
OciMediaType oci_media_type_parse(const char *text);

/** oci_media_type_to_string() - the canonical text; "unknown" for MEDIA_TYPE_UNKNOWN */
const char *oci_media_type_to_string(OciMediaType type);

/** oci_media_type_class() - what the type is used for */
OciMediaClass oci_media_type_class(OciMediaType type);

/** oci_media_type_is_foreign() - whether a layer may be missing in the registry and have "urls" */
bool oci_media_type_is_foreign(OciMediaType type);

/**
 * oci_media_type_is_generic() - whether a Content-Type (NULL: none) says nothing of a document
 *
 * True for what servers send that do not know: "application/json", "text/plain" and the like.
 */
bool oci_media_type_is_generic(const char *content_type);

/** oci_media_type_accept() - value of the Accept header for manifests and indexes; static */
const char *oci_media_type_accept(void);
