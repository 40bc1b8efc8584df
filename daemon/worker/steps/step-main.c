/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virt-bootstrap-worker STEP: started by the daemon, with its socket as descriptor PROTO_WORKER_FD. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base-cleanup.h"
#include "step.h"

static const struct {
        const char *name;
        int (*run)(int socket_fd, Error *error);
        int (*run_at_pipe)(int socket_fd, ProtoOutcome *failure, Error *error); /* instead */
} steps[] = {
        { "fetch", step_fetch, NULL },   { "resolve", step_resolve, NULL },
        { "verify", NULL, step_verify }, { "unpack", step_unpack, NULL },
        { "disk", step_disk, NULL },     { "builder", NULL, step_builder },
        { "tree", step_tree, NULL },
};

#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

int main(int argc, char **argv) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        ProtoOutcome failure = PROTO_OUTCOME_FAILED;
        ProtoMessage result;
        struct stat st;

        if (argc != 2 || fstat(PROTO_WORKER_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
                (void) fprintf(
                        stderr, "virt-bootstrap-worker is started by virt-bootstrapd only\n");
                return 2;
        }

        /* A pipe whose reader is gone is an error to report, not a reason to die. */
        (void) signal(SIGPIPE, SIG_IGN);

        for (size_t i = 0; i < N_STEPS; i++)
                if (strcmp(argv[1], steps[i].name) == 0) {
                        (void) (steps[i].run
                                        ? steps[i].run(PROTO_WORKER_FD, &error)
                                        : steps[i].run_at_pipe(PROTO_WORKER_FD, &failure, &error));
                        proto_result_set(&result, failure, &error);
                        return step_send(PROTO_WORKER_FD, &result, NULL) < 0 ? EXIT_FAILURE
                                                                             : EXIT_SUCCESS;
                }

        (void) fprintf(stderr, "virt-bootstrap-worker: unknown step \"%s\"\n", argv[1]);
        return 2;
}
