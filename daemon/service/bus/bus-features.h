/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The features of this build: kinds of sources, and formats, in the words of callers, such as "docker" or
 * "qcow2"; meson.build selects them by its options. */

#include <systemd/sd-bus.h>

#include "base-error.h"

/** bus_features_append() - append the words to @message, as an array of strings; returns as sd-bus does */
int bus_features_append(sd_bus_message *message);

/**
 * bus_features_require() - check that this build has the feature @word
 *
 * Return: 0, or -EOPNOTSUPP (ERROR_INVALID_OPTION).
 */
int bus_features_require(const char *word, Error *error);
