/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How large a disk has to be for an image that did not fit. */

#include "proto-message.h"
#include "step-layers.h"
#include "step-rootfs.h"

/**
 * step_measure_rootfs() - unpack once more, into a disk that is large enough and keeps nothing
 * @socket_fd:  the daemon's, which is told of the progress: the job is not stuck
 * @scratch_fd: a file that nobody needs any more
 * @layers:     rewound
 *
 * Return: 0 with the size in @ret, bytes, or a negative errno with @error set.
 */
int step_measure_rootfs(
        int socket_fd,
        const ProtoDiskStart *start,
        int scratch_fd,
        StepLayers *layers,
        const StepRootfs *settings,
        uint64_t *ret,
        Error *error);
