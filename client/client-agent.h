/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * polkit's text agent, which asks for a password on the terminal where no desktop would. It steps
 * back when the session has an agent already.
 */

#include <sys/types.h>

/** client_agent_start() - start pkttyagent(1) and wait until it is registered; returns its pid, or 0 */
pid_t client_agent_start(void);

/** client_agent_stop() - end it; @pid may be 0 */
void client_agent_stop(pid_t pid);
