/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * polkit's text agent, which asks for a password on the terminal if no desktop does. It does nothing
 * if the session already has an agent.
 */

#include <sys/types.h>

/** client_agent_start() - start pkttyagent(1) and wait until it is registered; returns its pid, or 0 */
pid_t client_agent_start(void);

/** client_agent_stop() - end the agent; @pid may be 0 */
void client_agent_stop(pid_t pid);
