/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a user can do about a failure where the daemon knows it, and the worker that failed does not. */

#include "job-context.h"
#include "job-spec.h"
#include "store-image.h"

/**
 * job_cure_suggest_offline() - add to an error that an image from the cache could be used instead
 * @known:      what the store knows of the image
 *
 * Only if the registry could not be reached or did not work, and everything of the image is in the store. The sentence
 * says when the document came that the name stands for.
 */
void job_cure_suggest_offline(
        const JobContext *context, const JobSpec *spec, const StoreImage *known, Error *error);
