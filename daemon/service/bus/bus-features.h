/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What this build can do: kinds of sources, and formats. The words are those of callers, "docker" or
 * "qcow2"; meson.build chooses them by its options. */

#include <systemd/sd-bus.h>

#include "base-error.h"

/** bus_features_append() - add the words to @message, as an array of strings; a negative errno of sd-bus's */
int bus_features_append(sd_bus_message *message);

/**
 * bus_features_require() - whether this build has what @word names
 *
 * Return: 0, or -EOPNOTSUPP with @error set: ERROR_INVALID_OPTION.
 */
int bus_features_require(const char *word, Error *error);
