/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The layers' blobs: asks the daemon for each, and fills the pipes that it answers with, a few at a time. */

#include "step-image.h"

#define TRANSFERS_MAX 3U /* layers at a time */

/**
 * step_transfer_layers() - until the daemon has all layers
 *
 * Return: 0, or a negative errno with @error set. After a failure the process has to end: threads may
 * still be at work.
 */
int step_transfer_layers(StepChannel *channel, const OciManifest *manifest, Error *error);
