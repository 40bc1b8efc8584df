/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether what an image says of its layers can be downloaded, before the first byte of them is. */

#include "job-fetch.h"

/**
 * job_room_check() - look at the sizes of layers
 * @spec:       of the job that wants them all
 *
 * What is in the store needs no room. What is left of other downloads goes if there is too little.
 *
 * Return: 0; -EFBIG (ERROR_LIMIT_EXCEEDED, which names the key); -ENOSPC (ERROR_NO_SPACE, with the path
 * and the bytes that are needed and free); or another negative errno, with @error set.
 */
int job_room_check(
        const JobContext *context,
        const JobSpec *spec,
        const ProtoLayer *layers,
        uint32_t n_layers,
        Error *error);
