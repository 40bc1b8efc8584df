/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Paths in archives, and the names of whiteouts. Pure functions of bytes: nothing is looked up. */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"
#include "base-limits.h"

#define PATH_BYTES_MAX ((size_t) 4095) /* of a path to create, without the NUL: PATH_MAX - 1 */
#define NAME_BYTES_MAX ((size_t) 255)  /* NAME_MAX */

/* A path inside the root: "a/b/c", without "." and ".." and empty components; "" is the root. */
typedef struct UnpackPath {
        char text[PATH_BYTES_MAX + 1];
        size_t size; /* bytes of @text, without the NUL */
        size_t n_components;
} UnpackPath;

/**
 * unpack_path_init() - clean a path from an archive
 *
 * "/x" and "../x" are "x", "a/../b" is "b": a path cannot leave the root, whatever exists.
 *
 * Return: 0; -ENAMETOOLONG; or -EINVAL for a NUL among the @size bytes.
 */
int unpack_path_init(
        UnpackPath *path, const char *text, size_t size, const Limits *limits, Error *error);

/** unpack_path_name() - the last component, within @path; "" for the root */
const char *unpack_path_name(const UnpackPath *path);

typedef enum UnpackWhiteout {
        WHITEOUT_NONE,    /* an ordinary name */
        WHITEOUT_NAME,    /* removes a name from lower layers */
        WHITEOUT_OPAQUE,  /* hides the content of the directory in lower layers */
        WHITEOUT_SKIP,    /* internal to aufs, to be skipped */
        WHITEOUT_INVALID, /* would remove the directory itself, or its parent */
        _WHITEOUT_KIND_MAX,
} UnpackWhiteout;

/**
 * unpack_whiteout_parse() - the whiteout that an entry's path means (image-spec, layer.md, "Whiteouts")
 * @ret_name:   WHITEOUT_NAME: the name to remove, within @path
 */
UnpackWhiteout unpack_whiteout_parse(const UnpackPath *path, const char **ret_name);
