/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a caller writes for a source:
 *
 *     docker://[HOST[:PORT]/]NAME[:TAG][@DIGEST]      reference.h; also with no slash, or one or three
 *     oci:, oci-archive:, docker-archive:, dir:       reference-source.h
 *     file:///PATH, file://localhost/PATH, /PATH      a tarball of a root file system; no %-escapes
 *     virt-builder://TEMPLATE                         also with one slash, or three
 *
 * The case of what is in front of the ':' does not matter (RFC 3986, 3.1).
 */

#include "job-spec.h"

#define SOURCE_TEMPLATE_MAX ((size_t) 255)     /* bytes */
#define BUS_SOURCE_MAX      ((size_t) 8 << 10) /* bytes of a source: jobs keep it for a while */

/**
 * bus_source_read() - read the source of @spec, and set what it has of it; no file is looked at
 *
 * Return: 0, or a negative errno with @error set: ERROR_INVALID_REFERENCE, …
 */
int bus_source_read(JobSpec *spec, Error *error);

/**
 * bus_source_open() - open the source of @spec unless the caller has sent a descriptor, and look at it
 *
 * Files are opened with the daemon's own rights, which root and the daemon's own user have anyway. May take for
 * ever: see job-task.h. Return: 0, or a negative errno with @error set: ERROR_INVALID_REFERENCE,
 * ERROR_NOT_FOUND, …
 */
int bus_source_open(JobSpec *spec, Error *error);
