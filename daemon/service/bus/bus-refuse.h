/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The answer of a daemon that cannot start. */

#include "base-error.h"

/**
 * bus_refuse() - answer the first call on a connected socket with @why, except those that the library answers (Ping)
 * @fd:         closed
 *
 * Blocks until there is a call, but at most BUS_REFUSE_USEC.
 *
 * Return: 0 if somebody has been told; a negative errno if nobody has.
 */
#define BUS_REFUSE_USEC UINT64_C(5000000)
int bus_refuse(int fd, const Error *why);
