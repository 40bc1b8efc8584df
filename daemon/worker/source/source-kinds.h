/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kinds of source that are files. Private to source-open-*.c and those that implement them.
 *
 * Each of these finds the image in @files and takes these over; on failure they stay the caller's. Errors as of
 * source_open_archive(). */

#include "source-files.h"
#include "source.h"

/** source_layout_open() - an OCI image layout (image specification, image-layout.md) */
int source_layout_open(
        SourceFiles *files, const ReferenceSelector *selector, Source **ret, Error *error);

/** source_docker_open() - what "docker save" writes (oci-docker-archive.h) */
int source_docker_open(
        SourceFiles *files, const ReferenceSelector *selector, Source **ret, Error *error);

/**
 * source_dir_open() - what "skopeo copy … dir:" writes
 *
 * manifest.json, which may be an index; the manifests that this names as HEX.manifest.json; and all
 * blobs as HEX, where HEX are the digits of a sha256 digest, or "sha512-" and those of another.
 */
int source_dir_open(
        SourceFiles *files, const ReferenceSelector *selector, Source **ret, Error *error);
