/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the steps have in common that make a root file system, in whatever format. */

#include "base-idmap.h"
#include "base-limits.h"
#include "step-layers.h"
#include "unpack-run.h"
#include "unpack-target.h"

/* How the tree is to be made. */
typedef struct StepRootfs {
        IdMap uids;
        IdMap gids;
        Limits limits;
        bool maps_later;    /* owners are the image's while it is unpacked */
        bool has_lower;     /* the target has lower layers already */
        bool keeps_devices; /* of a directory: also their modes and owners */
} StepRootfs;

/** step_rootfs_receive_maps() - take in @n ranges of owners; returns 0 or -errno with @error set */
int step_rootfs_receive_maps(int socket_fd, uint32_t n, StepRootfs *settings, Error *error);

/**
 * step_rootfs_unpack() - unpack_run(), which tells the daemon of its progress
 * @ret_consumed:       compressed bytes that were unpacked, also on failure; may be NULL
 */
int step_rootfs_unpack(
        int socket_fd,
        StepLayers *layers,
        UnpackTarget *target,
        const StepRootfs *settings,
        uint64_t *ret_consumed,
        Error *error);

/** step_rootfs_set_password() - make the first line of @password_fd root's password in @target */
int step_rootfs_set_password(UnpackTarget *target, int password_fd, Error *error);
