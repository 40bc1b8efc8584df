/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base-cleanup.h"
#include "sandbox-debug.h"
#include "step.h"

int step_main(int argc, char **argv, StepRun run) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        ProtoOutcome failure = PROTO_OUTCOME_FAILED;
        ProtoMessage result;
        struct stat st;

        if (argc != 1 || fstat(PROTO_WORKER_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
                (void) fprintf(
                        stderr, "%s can only be started by virt-bootstrapd\n",
                        argc > 0 ? argv[0] : "This");
                return 2;
        }

        /* A closed pipe is an error to report, not a reason to die. */
        (void) signal(SIGPIPE, SIG_IGN);

        sandbox_debug_wait();
        (void) run(PROTO_WORKER_FD, &failure, &error);
        proto_result_set(&result, failure, &error);
        return step_send(PROTO_WORKER_FD, &result, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
