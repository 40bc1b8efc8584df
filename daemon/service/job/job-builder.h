/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A builder worker, which has virt-builder make an image of a template, and writes what is in it into a
 * pipe, as a tarball.
 */

#include "job-process.h"
#include "job-spec.h"

/**
 * job_builder_start() - start a process that sends PROTO_BUILDER_PROGRESS and PROTO_WARNING
 * @spec:       of a template; borrowed for the call
 * @pipe_fd:    where the tarball goes; borrowed for the call
 * @events:     borrowed, as is @userdata, until the process is freed; it ends without an error when all of the
 *              tarball was written, and as PROTO_OUTCOME_OUTPUT_CLOSED when it failed since nobody read it
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_builder_start(
        const JobContext *context,
        const JobSpec *spec,
        int pipe_fd,
        const JobProcessEvents *events,
        void *userdata,
        JobProcess **ret,
        Error *error);
