/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether an image's layers, as declared, can be downloaded; checked before their first byte is. */

#include "job-fetch.h"

/**
 * job_room_check() - check the sizes of layers
 * @spec:       of the job that needs them
 *
 * Layers in the store need no space. Partial downloads are removed if there is too little.
 *
 * Return: 0; -EFBIG (ERROR_LIMIT_EXCEEDED, which names the key); -ENOSPC (ERROR_NO_SPACE, with the path
 * and the bytes that are needed and free).
 */
int job_room_check(
        const JobContext *context,
        const JobSpec *spec,
        const ProtoLayer *layers,
        uint32_t n_layers,
        Error *error);
