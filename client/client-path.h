/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon does not run where the user stands, so that it needs absolute paths. */

#include "base-error.h"

/**
 * path_make_absolute() - @path from the root on
 * @directory:  what a relative @path starts from; absolute
 *
 * "." and empty components are dropped; ".." stays, since what is above a symlink is elsewhere.
 *
 * Return: 0, or -ENOMEM with @error set; *@ret is owned by the caller.
 */
int path_make_absolute(const char *directory, const char *path, char **ret, Error *error);

/**
 * source_make_absolute() - as path_make_absolute(), for the path that a source consists of or has
 *
 * That is a PATH alone, or behind oci:, oci-archive:, docker-archive: and dir:. All other sources
 * are copied as they are.
 */
int source_make_absolute(const char *directory, const char *source, char **ret, Error *error);
