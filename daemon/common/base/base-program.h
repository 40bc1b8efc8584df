/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base-error.h"

/**
 * program_find() - look for a program
 * @name:       its absolute path, or a name that is in one of the directories of $PATH
 * @ret:        its path, owned by the caller
 *
 * Relative directories in $PATH are ignored. Return: 0; -ENOENT, without @error set, if it does not exist or
 * cannot be executed.
 */
int program_find(const char *name, char **ret, Error *error);
