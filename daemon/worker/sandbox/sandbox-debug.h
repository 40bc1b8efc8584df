/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Debugging a step. PROTO_DEBUG_VARIABLE names the step, which then stops before its sandbox, and permits a
 * debugger until it ends. A daemon that systemd started does not pass the variable to its workers.
 */

#include <stdbool.h>

/** sandbox_debug_is_wanted() - whether the variable names the step of this program */
bool sandbox_debug_is_wanted(void);

/** sandbox_debug_wait() - if wanted: report it on standard error, and stop until SIGCONT */
void sandbox_debug_wait(void);
