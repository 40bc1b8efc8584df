/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A step under a debugger. PROTO_DEBUG_VARIABLE names the step: it stops before its sandbox, and a debugger
 * may attach to it until it ends. The daemon keeps the variable from its workers when systemd started it.
 */

#include <stdbool.h>

/** sandbox_debug_is_wanted() - whether the variable names the step of this program */
bool sandbox_debug_is_wanted(void);

/** sandbox_debug_wait() - when it is wanted: tell so on standard error, and stop until SIGCONT comes */
void sandbox_debug_wait(void);
