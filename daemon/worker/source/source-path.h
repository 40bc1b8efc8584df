/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names of an archive's members, with one spelling each: relative, without empty components, "." and
 * "..". Pure functions: nothing is ever unpacked under these names, they are only compared.
 */

#include <stddef.h>

#define SOURCE_PATH_MAX ((size_t) 255) /* bytes; the tools use less than 160 */

/**
 * source_path_clean() - give a name its one spelling
 * @ret:        untouched on failure
 *
 * Return: 0; -EXDEV when it is absolute or points outside the archive; -EINVAL when it is the archive's
 * root or empty; -ENAMETOOLONG.
 */
int source_path_clean(const char *text, char ret[static SOURCE_PATH_MAX + 1]);

/**
 * source_path_follow() - what a symbolic link points to
 * @from:       the link's name, clean
 * @link:       its target; relative to the directory of @from
 *
 * Return: as source_path_clean().
 */
int source_path_follow(const char *from, const char *link, char ret[static SOURCE_PATH_MAX + 1]);
