/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon does not run in the user's current directory, so it needs absolute paths. */

#include "base-error.h"

/**
 * client_path_make_absolute() - make @path absolute; *@ret is owned by the caller
 * @directory:  the base of a relative @path; absolute
 *
 * "." and empty components are dropped; ".." stays, because the parent of a symlink's target is elsewhere.
 * Fails only with -ENOMEM.
 */
int client_path_make_absolute(const char *directory, const char *path, char **ret, Error *error);
