/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base-error.h"

/**
 * program_find() - look for a program
 * @name:       its absolute path, or a name that is in one of the directories of $PATH
 * @ret:        its path, owned by the caller; untouched on failure
 *
 * Directories that are no absolute path do not count. Return: 0; -ENOENT without @error when it is not
 * there, or cannot be executed; or -ENOMEM with @error set.
 */
int program_find(const char *name, char **ret, Error *error);
