/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * polkit's text agent, which asks for a password on the terminal where no desktop would. It steps
 * back when the session has an agent already.
 */

#include <sys/types.h>

/** agent_start() - start pkttyagent(1) and wait until it is registered; returns its pid, or 0 */
pid_t agent_start(void);

/** agent_stop() - end it; @pid may be 0 */
void agent_stop(pid_t pid);
