/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The descriptors of a call are closed when the call is released, which may take forever, as closing any file of
 * others (base-closer.h). So a thread replaces them first.
 */

#include "bus-internal.h"

/**
 * bus_park() - release a call whose options are no longer needed, except for copies
 * @n_texts:    strings before the options, "a{sv}"
 *
 * The call is kept until that is done. On failure, the event loop closes the descriptors.
 */
void bus_park(BusServer *server, sd_bus_message *call, unsigned n_texts);

/** bus_park_free_all() - at exit; the kernel closes what hangs */
void bus_park_free_all(BusServer *server);
