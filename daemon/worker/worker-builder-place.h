/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where virt-builder works: a directory in $VIRTBOOTSTRAP_TMPDIR or /var/tmp, locked as long as it is in
 * use, and removed afterwards. One that a killed worker left, which nobody locks any more, is removed by the
 * next one. Templates are kept in the user's cache, where virt-builder itself has them, and libguestfs'
 * appliance where libguestfs has it; of root, who does this as nobody, both are in
 * $VIRTBOOTSTRAP_CACHE-builder, or /var/cache/virt-bootstrap-builder.
 */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base-error.h"

#define BUILDER_PLACE_PREFIX "virt-bootstrap-builder-"
#define BUILDER_DISK_NAME    "disk.img"

typedef struct BuilderPlace {
        char parent[PATH_MAX]; /* empty: nothing was made */
        char path[PATH_MAX];   /* below it */
        int fd;                /* owned; holds the lock */
        char *cache;           /* owned; in which virt-builder has a directory */
        bool is_nobodys;
} BuilderPlace;

#define BUILDER_PLACE_NULL ((BuilderPlace){ .fd = -EBADF })

/**
 * builder_place_make() - make it, and remove what others left
 * @as_nobody:  for the user nobody instead of oneself
 * @ret:        BUILDER_PLACE_NULL; to be removed also when this fails
 *
 * Return: 0, or a negative errno with @error set.
 */
int builder_place_make(bool as_nobody, BuilderPlace *ret, Error *error);

/** builder_place_remove() - with all that is in it; usable with _cleanup_() */
void builder_place_remove(BuilderPlace *place);

/** builder_place_put() - make the file @name of @text, which nobody else may read */
int builder_place_put(const BuilderPlace *place, const char *name, const char *text, Error *error);

/** builder_place_usage() - bytes that the files in it and the templates in the cache have */
uint64_t builder_place_usage(const BuilderPlace *place);

/** builder_place_disk_bytes() - bytes that the disk image has, holes not counted */
uint64_t builder_place_disk_bytes(const BuilderPlace *place);

/**
 * builder_place_environment() - what virt-builder and guestfish may know of the worker's environment
 * @ret:        owned by the caller, with environment_free(); ends with NULL
 */
int builder_place_environment(const BuilderPlace *place, char ***ret, Error *error);

/** environment_freep() - usable with _cleanup_() */
void environment_freep(char ***environment);
