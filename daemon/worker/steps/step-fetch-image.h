/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the fetch workers of registries, archives and directories do once their source is open. */

#include "step-image.h"

/**
 * step_fetch_image() - find the image in the source of @channel, and transfer what the daemon lacks of it
 *
 * After a failure the process must exit: threads may still be running.
 */
int step_fetch_image(
        StepChannel *channel,
        const ProtoFetchStart *start,
        const StepWantedImage *wanted,
        Error *error);
