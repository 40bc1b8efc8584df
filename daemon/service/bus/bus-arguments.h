/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What callers send, as a JobSpec. */

#include "bus-internal.h"

/**
 * bus_arguments_read_bootstrap() - read "ssa{sv}": source, destination, options
 * @closer:     of the spec; or NULL
 *
 * Return: 0; -EINVAL (ERROR_INVALID_REFERENCE, ERROR_INVALID_OPTION, which names the option), or another
 * negative errno, with @error set.
 */
int bus_arguments_read_bootstrap(sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error);

/** bus_arguments_read_inspect() - the same of "sa{sv}", with fewer options */
int bus_arguments_read_inspect(sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error);
