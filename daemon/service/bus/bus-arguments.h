/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Converts the arguments of callers to a JobSpec. */

#include "bus-internal.h"

/**
 * bus_arguments_read_bootstrap() - read "ssa{sv}": source, destination, options
 * @closer:     of the spec, or NULL
 *
 * Return: 0; -EINVAL (ERROR_INVALID_REFERENCE, or ERROR_INVALID_OPTION with the option's name).
 */
int bus_arguments_read_bootstrap(sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error);

/** bus_arguments_read_inspect() - the same for "sa{sv}", with fewer options */
int bus_arguments_read_inspect(sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error);

/** bus_arguments_read_tags() - the same for the repository of a registry, with even fewer options */
int bus_arguments_read_tags(sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error);

/** bus_arguments_read_trust() - bus_arguments_read_inspect(), for the question whether the image is trusted */
int bus_arguments_read_trust(sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error);
