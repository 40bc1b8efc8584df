/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "job-fetch-internal.h"
#include "job-tags.h"
#include "reference.h"

#define ROOM_MIN ((size_t) 64)

struct JobTags {
        JobTagsEnded ended; /* borrowed, as is @userdata */
        void *userdata;
        JobProcess *process; /* owned */
        ProtoTag *names;     /* owned */
        size_t n_names;
        size_t room;
        Error error; /* why it was stopped */
};

static int add_name(JobTags *tags, const ProtoTag *name, Error *error) {
        ProtoTag *bigger;

        if (tags->n_names == PROTO_TAGS_MAX || !reference_is_tag(name->name))
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "The fetch worker broke the protocol: a tag is out of place");

        if (tags->n_names == tags->room) {
                const size_t room = tags->room > 0 ? 2 * tags->room : ROOM_MIN;

                bigger = reallocarray(tags->names, room, sizeof(*bigger));
                if (!bigger)
                        return error_oom(error);
                tags->names = bigger;
                tags->room = room;
        }

        tags->names[tags->n_names++] = *name;
        return 0;
}

static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobTags *tags = userdata;
        int r;

        if (tags->error.code != 0 || message->type == PROTO_WARNING ||
            message->type == PROTO_FETCH_WAIT)
                return;

        if (message->type == PROTO_TAG)
                r = add_name(tags, &message->tag, &error);
        else
                r = error_set(
                        &error, EBADMSG, ERROR_WORKER_FAILED,
                        "The fetch worker broke the protocol: it was asked for tags");
        if (r < 0) {
                error_move(&tags->error, &error);
                job_process_stop(tags->process);
        }
}

static void on_ended(void *userdata, const Error *error) {
        JobTags *tags = userdata;

        tags->ended(tags->userdata, tags->error.code != 0 ? &tags->error : error);
}

static const JobProcessEvents events = { .message = on_message, .ended = on_ended };

int job_tags_start(
        const JobContext *context,
        const JobSpec *spec,
        JobTagsEnded ended,
        void *userdata,
        JobTags **ret,
        Error *error) {
        _cleanup_(job_tags_freep) JobTags *tags = calloc(1, sizeof(*tags));
        int r;

        if (!tags)
                return error_oom(error);

        tags->ended = ended;
        tags->userdata = userdata;
        r = job_process_start(context, WORKER_FETCH, &events, tags, &tags->process, error);
        if (r >= 0)
                r = job_fetch_send_start(context, spec, tags->process, JOB_FETCH_TAGS, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(tags);
        return 0;
}

JobTags *job_tags_free(JobTags *tags) {
        if (!tags)
                return NULL;

        job_process_free(tags->process);
        free(tags->names);
        error_clear(&tags->error);
        free(tags);
        return NULL;
}

const ProtoTag *job_tags_names(const JobTags *tags, size_t *ret_n) {
        *ret_n = tags->n_names;
        return tags->names;
}
