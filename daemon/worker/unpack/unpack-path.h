/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Paths of archives, and what a whiteout is called. Pure functions of bytes: nothing is looked up.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"
#include "base-limits.h"

#define PATH_BYTES_MAX ((size_t) 4095) /* of what is made, without the NUL: PATH_MAX - 1 */
#define NAME_BYTES_MAX ((size_t) 255)  /* NAME_MAX */

/* A path inside the root: "a/b/c", without "." and ".." and empty components; "" is the root. */
typedef struct UnpackPath {
        char text[PATH_BYTES_MAX + 1];
        size_t size; /* bytes of @text, without the NUL */
        size_t n_components;
} UnpackPath;

/**
 * unpack_path_init() - clean a path of an archive
 *
 * "/x" and "../x" are "x", "a/../b" is "b": what would leave the root stays at the root, before
 * anything is looked up.
 *
 * Return: 0; -ENAMETOOLONG, or -EINVAL for a NUL among the @size bytes, with @error set.
 */
int unpack_path_init(
        UnpackPath *path, const char *text, size_t size, const Limits *limits, Error *error);

/** unpack_path_name() - the last component, within @path; "" for the root */
const char *unpack_path_name(const UnpackPath *path);

typedef enum UnpackWhiteout {
        WHITEOUT_NONE,    /* an ordinary name */
        WHITEOUT_NAME,    /* removes a name of the lower layers */
        WHITEOUT_OPAQUE,  /* hides what the lower layers have in the directory */
        WHITEOUT_SKIP,    /* aufs's own, to be left out */
        WHITEOUT_INVALID, /* would remove the directory itself, or what is above */
        _WHITEOUT_KIND_MAX,
} UnpackWhiteout;

/**
 * unpack_whiteout_parse() - what an entry's path says (image-spec, layer.md, "Whiteouts")
 * @ret_name:   for WHITEOUT_NAME: the name to remove, within @path; else untouched
 */
UnpackWhiteout unpack_whiteout_parse(const UnpackPath *path, const char **ret_name);
