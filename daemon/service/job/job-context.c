/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "job-context.h"
#include "job-blob.h"
#include "job-task.h"
#include "job-user.h"

int job_context_init(JobContext *context, Error *error) {
        const JobUserSettings settings = {
                .config = context->config,
                .lock_directory = USER_LOCK_DIRECTORY,
                .store = context->store,
                .worker = USER_WORKER,
                .builder = USER_BUILDER,
        };
        int r;

        if (context->verdict_usec == 0)
                context->verdict_usec = JOB_VERDICT_USEC;

        r = job_user_table_new(&settings, &context->users, error);
        if (r < 0)
                return r;

        context->closer = closer_new();
        if (!context->closer)
                return error_oom(error);

        r = job_blob_table_new(context, &context->blobs, error);
        return r < 0 ? r : job_task_pool_new(context->event, &context->tasks, error);
}

void job_context_done(JobContext *context) {
        job_blob_table_free(context->blobs);
        job_user_table_free(context->users);
        job_task_pool_free(context->tasks);
        closer_free(context->closer);
        context->blobs = NULL;
        context->users = NULL;
        context->tasks = NULL;
        context->closer = NULL;
}
