/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon does not run where the user stands, so that it needs absolute paths. */

#include "base-error.h"

/**
 * client_path_make_absolute() - @path from the root on
 * @directory:  what a relative @path starts from; absolute
 *
 * "." and empty components are dropped; ".." stays, since what is above a symlink is elsewhere.
 *
 * Return: 0, or -ENOMEM with @error set; *@ret is owned by the caller.
 */
int client_path_make_absolute(const char *directory, const char *path, char **ret, Error *error);
