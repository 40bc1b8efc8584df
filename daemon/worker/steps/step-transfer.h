/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Transfers the layers' blobs: requests each from the daemon and fills the pipe in the answer, a few at once. */

#include "step-image.h"

#define TRANSFERS_OF_STORE 3U /* layers at a time that are looked up, and not fetched */

/**
 * step_transfer_layers() - transfer layers until the daemon has all
 * @n_parallel: layers at a time
 *
 * After a failure the process must exit: threads may still be running.
 */
int step_transfer_layers(
        StepChannel *channel, const OciManifest *manifest, uint32_t n_parallel, Error *error);
