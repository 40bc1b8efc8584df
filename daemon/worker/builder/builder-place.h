/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The working directory of virt-builder, a "place": locked while it is in use, and removed afterwards. The
 * next worker removes unlocked ones, left by killed workers. The process that removes a place sees nothing
 * else (builder-remove.h).
 *
 * All places are in one directory, owned by this process's user and accessible to nobody else:
 * $VIRTBOOTSTRAP_TMPDIR/virt-bootstrap-builder, or "builder" in the cache. Programs that root runs as another
 * user reach their place in a mount namespace of their own, in which it is mounted over that directory, with
 * a short path, as libguestfs needs for its sockets. If no such namespace is available, others may enter that
 * directory, but not list or change it, while one of these builders exists; they share a lock on it.
 */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base-error.h"
#include "base-sandbox.h"
#include "proto-message.h"

#define BUILDER_PLACE_PREFIX   "place-"
#define BUILDER_DISK_NAME      "disk.img"
#define BUILDER_CACHE_NAME     "cache"        /* in a place for another user */
#define BUILDER_TEMPLATES_NAME "virt-builder" /* in a cache, the templates of virt-builder */

typedef struct BuilderPlace {
        char parent[PATH_MAX]; /* of all places */
        char path[PATH_MAX];   /* below it; once entered, the mount point */
        int parent_fd;         /* owned; of @parent, locked while others may enter it */
        int fd;                /* owned; holds the lock; -EBADF: nothing was created */
        uid_t user;            /* user of the programs in it; 0: this process's user */
        gid_t group;           /* likewise */
        SandboxMode mode;      /* of the process that empties places */
} BuilderPlace;

#define BUILDER_PLACE_NULL ((BuilderPlace){ .parent_fd = -EBADF, .fd = -EBADF })

/* A place of an earlier builder could not be removed; @error says which and why. */
typedef void (*BuilderPlaceLeft)(void *userdata, const Error *error);

/**
 * builder_place_make() - create a place
 * @user:       user of the programs in it; zeros: this process's user
 * @mode:       as in BuilderPlace
 * @ret:        must be BUILDER_PLACE_NULL; remove it even after a failure
 *
 * Return: 0; -EPERM (ERROR_ACCESS_DENIED) if another user owns the directory of all places; or another
 * negative errno.
 */
int builder_place_make(ProtoUser user, SandboxMode mode, BuilderPlace *ret, Error *error);

/** builder_place_is_others() - whether the programs in it run as a different user from this process */
bool builder_place_is_others(const BuilderPlace *place);

/** builder_place_hand_over() - give @fd, of a file in the place, to its user */
int builder_place_hand_over(const BuilderPlace *place, int fd, Error *error);

/** builder_place_sweep() - remove places left by killed workers; calls @on_left for each failure */
void builder_place_sweep(const BuilderPlace *place, BuilderPlaceLeft on_left, void *userdata);

/**
 * builder_place_enter() - in a process that becomes another user: mount the place over the directory of all
 */
int builder_place_enter(BuilderPlace *place, Error *error);

/** builder_place_check() - check that this process, after becoming its user, can reach the place */
int builder_place_check(const BuilderPlace *place, Error *error);

/** builder_place_remove() - remove the place and its content */
int builder_place_remove(BuilderPlace *place, Error *error);

/** builder_place_done() - likewise; usable with _cleanup_() */
void builder_place_done(BuilderPlace *place);

/** builder_place_put() - write @text to the file @name, which nobody else may read */
int builder_place_put(const BuilderPlace *place, const char *name, const char *text, Error *error);

/** builder_place_usage() - bytes of the files in it and of the templates in the cache */
uint64_t builder_place_usage(const BuilderPlace *place);

/** builder_place_disk_bytes() - bytes of the disk image, excluding holes */
uint64_t builder_place_disk_bytes(const BuilderPlace *place);

/**
 * builder_place_environment() - the part of the worker's environment that virt-builder and guestfish get
 * @ret:        owned by the caller, NULL-terminated; release with builder_environment_freep()
 */
int builder_place_environment(const BuilderPlace *place, char ***ret, Error *error);

/** builder_environment_freep() - usable with _cleanup_() */
void builder_environment_freep(char ***environment);
