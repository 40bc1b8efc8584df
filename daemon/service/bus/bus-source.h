/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sources, as callers write them:
 *
 *     docker://[HOST[:PORT]/]NAME[:TAG][@DIGEST]      reference.h; also with zero, one or three slashes
 *     oci:, oci-archive:, docker-archive:, dir:       reference-source.h
 *     file:///PATH, file://localhost/PATH, /PATH      a tarball of a root file system; no %-escapes
 *     virt-builder://TEMPLATE                         also with one or three slashes
 *
 * The scheme is case-insensitive (RFC 3986, 3.1).
 */

#include "job-spec.h"

#define SOURCE_TEMPLATE_MAX ((size_t) 255)     /* bytes */
#define BUS_SOURCE_MAX      ((size_t) 8 << 10) /* bytes of a source, which jobs retain for a while */

/**
 * bus_source_read() - parse the source of @spec into its other members; accesses no files
 *
 * Return: 0; on failure ERROR_INVALID_REFERENCE, …
 */
int bus_source_read(JobSpec *spec, Error *error);

/**
 * bus_source_open() - open the source of @spec unless the caller has sent a descriptor, and check its type
 *
 * For a registry, reads containers-registries.conf(5): a short name may have an alias, and an image may be blocked or at other
 * places.
 *
 * Files are opened with the daemon's own rights, which root and the daemon's own user have anyway. May take
 * forever: see job-task.h. Return: 0; on failure ERROR_INVALID_REFERENCE, ERROR_NOT_FOUND, ERROR_ACCESS_DENIED, …
 */
int bus_source_open(JobSpec *spec, Error *error);
