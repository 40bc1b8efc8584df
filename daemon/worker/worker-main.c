/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virt-bootstrap-worker STEP: started by the daemon, with its socket as descriptor PROTO_WORKER_FD. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base-cleanup.h"
#include "worker.h"

static const struct {
        const char *name;
        int (*run)(int socket_fd, Error *error);
} steps[] = {
        { "fetch", worker_fetch },   { "resolve", worker_resolve }, { "verify", worker_verify },
        { "unpack", worker_unpack }, { "disk", worker_disk },       { "builder", worker_builder },
        { "tree", worker_tree },
};

#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

int main(int argc, char **argv) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
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
                        (void) steps[i].run(PROTO_WORKER_FD, &error);
                        proto_result_set(&result, &error);
                        return worker_send(PROTO_WORKER_FD, &result, NULL) < 0 ? EXIT_FAILURE
                                                                               : EXIT_SUCCESS;
                }

        (void) fprintf(stderr, "virt-bootstrap-worker: unknown step \"%s\"\n", argv[1]);
        return 2;
}
