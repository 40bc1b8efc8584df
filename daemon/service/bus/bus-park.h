/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The descriptors that come with a call are closed when the call is released, which may take for ever, as closing
 * any file of others (base-closer.h). So a thread puts other ones in their places before.
 */

#include "bus-internal.h"

/**
 * bus_park() - what the options of a call hold is not needed any more, but for copies of it
 * @n_texts:    strings that come before the options, "a{sv}"
 *
 * The call is kept until that is done. What cannot be done here is left to the event loop.
 */
void bus_park(BusServer *server, sd_bus_message *call, unsigned n_texts);

/** bus_park_free_all() - at the end: what hangs is left to the kernel */
void bus_park_free_all(BusServer *server);
