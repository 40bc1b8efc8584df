/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is made, as the name of the destination and the options say. */

#include <stdbool.h>

#include "base-error.h"

/**
 * client_format_choose() - let the destination's name complete the options, and check them against it
 * @destination: as the user wrote it
 * @format:     NULL, "dir", "qcow2" or "raw"; set if it was NULL and the name decides it
 * @flatten:    set if the name is that of one qcow2 image
 *
 * A name that ends in ".qcow2" is one of a qcow2 image, in ".raw" of a raw one, and in ".img" of either, by default a
 * raw one; with a slash at its end, it is one of a directory. Return: 0, or -EINVAL (ERROR_INVALID_OPTION); @error says
 * what would be right.
 */
int client_format_choose(const char *destination, const char **format, bool *flatten, Error *error);
