/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A builder worker, which has virt-builder make an image of a template, and writes what is in it into a
 * pipe, as a tarball.
 *
 *     job_builder_start() ─▶ progress()* ─▶ ended() ─▶ job_builder_free()
 */

#include "job-process.h"
#include "job-spec.h"

typedef struct JobBuilder JobBuilder;

typedef struct JobBuilderEvents {
        void (*progress)(void *userdata, uint32_t permille); /* of what is done */
        void (*warning)(void *userdata, const char *text);

        /* The worker is gone; as the last thing. @error is empty when all of the tarball was written;
         * @is_unread: it failed since nobody wanted to read it. */
        void (*ended)(void *userdata, const Error *error, bool is_unread);
} JobBuilderEvents;

/**
 * job_builder_start() - start
 * @spec:       of a template; borrowed for the call
 * @pipe_fd:    where the tarball goes; borrowed for the call
 * @events:     borrowed as long as the builder, as is @userdata
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_builder_start(
        const JobContext *context,
        const JobSpec *spec,
        int pipe_fd,
        const JobBuilderEvents *events,
        void *userdata,
        JobBuilder **ret,
        Error *error);

/** job_builder_free() - release @builder (may be NULL) */
JobBuilder *job_builder_free(JobBuilder *builder);

/** job_builder_stop() - end it; ended() follows */
void job_builder_stop(JobBuilder *builder);

DEFINE_CLEANUP(JobBuilder, job_builder_free);
