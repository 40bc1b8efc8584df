/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "job-builder.h"

struct JobBuilder {
        const JobBuilderEvents *events; /* borrowed */
        void *userdata;                 /* borrowed */
        JobProcess *process;            /* owned */
};

static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        const JobBuilder *builder = userdata;

        if (message->type == PROTO_BUILDER_PROGRESS)
                builder->events->progress(builder->userdata, message->builder_progress.permille);
        else
                builder->events->warning(builder->userdata, message->warning.text);
}

static void on_ended(void *userdata, const Error *error) {
        JobBuilder *builder = userdata;
        const bool is_unread = job_process_outcome(builder->process) == PROTO_OUTCOME_OUTPUT_CLOSED;

        builder->process = job_process_free(builder->process);
        builder->events->ended(builder->userdata, error, is_unread);
}

static const JobProcessEvents process_events = {
        .message = on_message,
        .ended = on_ended,
};

static_assert(CONFIG_ARGUMENTS_MAX <= PROTO_ARGUMENTS_MAX);
static_assert(CONFIG_ARGUMENT_BYTES_MAX <= sizeof(((ProtoBuilderArgument *) NULL)->text));

static void send_arguments(const JobBuilder *builder, const ConfigArguments *arguments) {
        const char *one = NULL;

        while ((one = config_arguments_next(arguments, one))) {
                ProtoMessage message = { .type = PROTO_BUILDER_ARGUMENT };

                strcpy(message.builder_argument.text, one);
                job_process_send(builder->process, &message, NULL, 0);
        }
}

static void send_start(
        const JobBuilder *builder, const Config *config, const JobSpec *spec, int pipe_fd) {
        const int fds[] = { pipe_fd, spec->root_password_fd };
        ProtoMessage message = {
                .type = PROTO_BUILDER_START,
                .builder_start = {
                        .n_arguments = config->builder.n,
                        .sandbox = config->sandbox,
                        .user = job_user_id(job_process_user(builder->process)),
                },
        };

        (void) proto_text_set(
                message.builder_start.template, sizeof(message.builder_start.template),
                spec->fetch);
        job_process_send(builder->process, &message, fds, spec->root_password_fd >= 0 ? 2 : 1);
        send_arguments(builder, &config->builder);
}

int job_builder_start(
        const JobContext *context,
        const JobSpec *spec,
        int pipe_fd,
        const JobBuilderEvents *events,
        void *userdata,
        JobBuilder **ret,
        Error *error) {
        _cleanup_(job_builder_freep) JobBuilder *builder = NULL;
        int r;

        builder = malloc(sizeof(*builder));
        if (!builder)
                return error_oom(error);

        *builder = (JobBuilder){ .events = events, .userdata = userdata };
        r = job_process_start(
                context, WORKER_BUILDER, &process_events, builder, &builder->process, error);
        if (r < 0)
                return r;

        send_start(builder, context->config, spec, pipe_fd);
        *ret = TAKE_PTR(builder);
        return 0;
}

JobBuilder *job_builder_free(JobBuilder *builder) {
        if (!builder)
                return NULL;

        job_process_free(builder->process);
        free(builder);
        return NULL;
}

void job_builder_stop(JobBuilder *builder) {
        if (builder->process)
                job_process_stop(builder->process);
}
