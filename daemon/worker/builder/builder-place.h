/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where virt-builder works: a directory of its own, locked as long as it is in use, and removed afterwards.
 * One that a killed worker left, which nobody locks any more, is removed by the next one. What removes it sees
 * nothing else (builder-remove.h).
 *
 * All of them are in one directory of this process's user, to which nobody else has access:
 * $VIRTBOOTSTRAP_TMPDIR/virt-bootstrap-builder, or "builder" in the cache. Programs of root that run as
 * another user find their place all the same: in a mount namespace of their own, in which it is mounted over
 * that directory. It has a short path there, too, which libguestfs needs for its sockets. Where no such
 * namespace can be had others may enter that directory, but not list or change it, as long as one of these
 * builders, which share a lock on it, is there.
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
#define BUILDER_TEMPLATES_NAME "virt-builder" /* in a cache, where virt-builder has its templates */

typedef struct BuilderPlace {
        char parent[PATH_MAX]; /* of all places */
        char path[PATH_MAX];   /* below it; where it is mounted once it was entered */
        int parent_fd;         /* owned; of @parent, with a lock as long as others may enter it */
        int fd;                /* owned; holds the lock; -EBADF: nothing was made */
        uid_t user;            /* whose programs work in it; 0: this process's user's */
        gid_t group;           /* the same */
        SandboxMode mode;      /* of what empties places */
} BuilderPlace;

#define BUILDER_PLACE_NULL ((BuilderPlace){ .parent_fd = -EBADF, .fd = -EBADF })

/* What an earlier builder left stays; @error says which and why. */
typedef void (*BuilderPlaceLeft)(void *userdata, const Error *error);

/**
 * builder_place_make() - make it
 * @user:       for whom; zeros: for oneself
 * @mode:       as in BuilderPlace
 * @ret:        BUILDER_PLACE_NULL; to be removed also when this fails
 *
 * Return: 0; -EPERM (ERROR_ACCESS_DENIED) when the directory of all places is somebody else's; or another
 * negative errno, with @error set.
 */
int builder_place_make(ProtoUser user, SandboxMode mode, BuilderPlace *ret, Error *error);

/** builder_place_is_others() - whether the programs in it run as another user than this process */
bool builder_place_is_others(const BuilderPlace *place);

/** builder_place_hand_over() - make @fd, of something in it, its user's; returns 0, or -errno with @error set */
int builder_place_hand_over(const BuilderPlace *place, int fd, Error *error);

/** builder_place_sweep() - remove what killed workers left beside it; @on_left hears of each that cannot go */
void builder_place_sweep(const BuilderPlace *place, BuilderPlaceLeft on_left, void *userdata);

/**
 * builder_place_enter() - for another user, in the process that becomes it: make it the one that is seen
 *
 * Return: 0, or a negative errno with @error set.
 */
int builder_place_enter(BuilderPlace *place, Error *error);

/** builder_place_check() - whether this process, which has become its user, can reach it; 0, or -errno with
 * @error set */
int builder_place_check(const BuilderPlace *place, Error *error);

/** builder_place_remove() - with all that is in it; returns 0, or -errno with @error set, and it stays */
int builder_place_remove(BuilderPlace *place, Error *error);

/** builder_place_done() - the same; usable with _cleanup_() */
void builder_place_done(BuilderPlace *place);

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

/** builder_environment_freep() - usable with _cleanup_() */
void builder_environment_freep(char ***environment);
