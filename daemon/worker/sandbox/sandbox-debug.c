/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto-channel.h"
#include "sandbox-debug.h"

bool sandbox_debug_is_wanted(void) {
        static const char prefix[] = "virt-bootstrap-";
        const char *wanted = getenv(PROTO_DEBUG_VARIABLE), *name = program_invocation_short_name;

        return wanted && strncmp(name, prefix, strlen(prefix)) == 0 &&
               strcmp(wanted, name + strlen(prefix)) == 0;
}

void sandbox_debug_wait(void) {
        if (!sandbox_debug_is_wanted())
                return;

        (void) fprintf(
                stderr, "Waiting for a debugger: gdb -p %d; then, or without one: kill -CONT %d\n",
                (int) getpid(), (int) getpid());
        (void) raise(SIGSTOP);
}
