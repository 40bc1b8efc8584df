/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the steps that make a root file system, in any format. */

#include "base-idmap.h"
#include "base-limits.h"
#include "step-layers.h"
#include "unpack-run.h"
#include "unpack-target.h"

/* Settings for the tree. */
typedef struct StepRootfs {
        IdMap uids;
        IdMap gids;
        Limits limits;
        bool maps_later;    /* owners are mapped after unpacking */
        bool has_lower;     /* the target already has lower layers */
        bool keeps_devices; /* directories only: keep modes and owners of device nodes */
        bool no_sync;       /* directories only: the tree need not be on the disk */

        /* @n uncompressed bytes have been unpacked, of all layers; from time to time. May be NULL. */
        void (*unpacked)(void *userdata, uint64_t n);
        void *userdata; /* borrowed */
} StepRootfs;

/** step_rootfs_receive_maps() - receive @n ranges of owners */
int step_rootfs_receive_maps(int socket_fd, uint32_t n, StepRootfs *settings, Error *error);

/**
 * step_rootfs_unpack() - call unpack_run(), and report progress to the daemon
 * @ret_consumed:       compressed bytes that were unpacked, set even on failure; may be NULL
 */
int step_rootfs_unpack(
        int socket_fd,
        StepLayers *layers,
        UnpackTarget *target,
        const StepRootfs *settings,
        uint64_t *ret_consumed,
        Error *error);

/** step_rootfs_set_password() - set root's password in @target to the first line of @password_fd */
int step_rootfs_set_password(UnpackTarget *target, int password_fd, Error *error);
