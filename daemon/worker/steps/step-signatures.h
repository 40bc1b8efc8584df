/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Gathers the signatures of a registry's image for the trust worker, which alone looks into them. */

#include "step-image.h"

/**
 * step_signatures_send() - find the signatures of the image @digest in the source, and send them to the daemon
 *
 * What the registry does not have, or refuses, is no failure: the trust worker is told. A registry that cannot be
 * reached is one.
 */
int step_signatures_send(StepChannel *channel, const Digest *digest, Error *error);
