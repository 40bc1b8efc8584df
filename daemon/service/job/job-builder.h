/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A builder worker, which runs virt-builder to build an image from a template, and writes the content of the
 * image into a pipe, as a tarball.
 */

#include "job-process.h"
#include "job-spec.h"

/**
 * job_builder_start() - start a process that sends PROTO_BUILDER_PROGRESS and PROTO_WARNING
 * @spec:       of a template; borrowed for the call
 * @pipe_fd:    for the tarball; borrowed for the call
 * @events:     borrowed, as is @userdata, until the process is freed; it ends without an error if the whole
 *              tarball was written, and with PROTO_OUTCOME_OUTPUT_CLOSED if it failed because nobody read it
 */
int job_builder_start(
        const JobContext *context,
        const JobSpec *spec,
        int pipe_fd,
        const JobProcessEvents *events,
        void *userdata,
        JobProcess **ret,
        Error *error);
