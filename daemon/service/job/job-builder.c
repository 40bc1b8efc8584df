/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "job-builder.h"

static_assert(CONFIG_ARGUMENTS_MAX <= PROTO_ARGUMENTS_MAX);
static_assert(CONFIG_ARGUMENT_BYTES_MAX <= sizeof(((ProtoBuilderArgument *) NULL)->text));

static void send_arguments(JobProcess *builder, const ConfigArguments *arguments) {
        const char *one = NULL;

        while ((one = config_arguments_next(arguments, one))) {
                ProtoMessage message = { .type = PROTO_BUILDER_ARGUMENT };

                strcpy(message.builder_argument.text, one);
                job_process_send(builder, &message, NULL, 0);
        }
}

static void send_start(
        JobProcess *builder, const Config *config, const JobSpec *spec, int pipe_fd) {
        const int fds[] = { pipe_fd, spec->root_password_fd };
        ProtoMessage message = {
                .type = PROTO_BUILDER_START,
                .builder_start = {
                        .n_arguments = config->builder.n,
                        .sandbox = config->sandbox,
                        .user = job_user_id(job_process_user(builder)),
                },
        };

        (void) proto_text_set(
                message.builder_start.template, sizeof(message.builder_start.template),
                spec->fetch);
        job_process_send(builder, &message, fds, spec->root_password_fd >= 0 ? 2 : 1);
        send_arguments(builder, &config->builder);
}

int job_builder_start(
        const JobContext *context,
        const JobSpec *spec,
        int pipe_fd,
        const JobProcessEvents *events,
        void *userdata,
        JobProcess **ret,
        Error *error) {
        int r;

        r = job_process_start(context, WORKER_BUILDER, events, userdata, ret, error);
        if (r >= 0)
                send_start(*ret, context->config, spec, pipe_fd);
        return r;
}
