/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "step-files.h"
#include "step.h"

static int run(int socket_fd, ProtoOutcome *failure, Error *error) {
        return step_files_run(socket_fd, source_open_archive, error);
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
