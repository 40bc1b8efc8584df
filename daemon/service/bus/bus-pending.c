/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "bus-access.h"
#include "bus-image.h"
#include "bus-pending-internal.h"
#include "bus-pending.h"
#include "bus-source.h"
#include "bus-trust.h"
#include "job-owners.h"
#include "job-tags.h"

void bus_pending_free(BusPending *pending) {
        BusPending **p = &pending->server->pending;

        while (*p && *p != pending)
                p = &(*p)->next;
        if (*p)
                *p = pending->next;

        job_queue_release(pending->server->queue);
        job_task_free(pending->task);
        job_fetch_free(pending->fetch);
        job_tags_free(pending->tags);
        job_spec_free(pending->spec);
        if (pending->verify)
                pending->free_verify(pending->verify);
        sd_event_source_disable_unref(pending->deadline);
        sd_bus_track_unref(pending->caller);
        sd_bus_message_unref(pending->call);
        free(pending);
}

static int on_caller_gone(sd_bus_track *track, void *userdata) {
        bus_pending_free(userdata);
        return 0;
}

int bus_pending_new(BusServer *server, sd_bus_message *call, BusPending **ret, Error *error) {
        BusPending *pending;
        unsigned n = 0;
        int r;

        for (pending = server->pending; pending; pending = pending->next)
                n++;
        if (n >= BUS_PENDING_MAX)
                return error_set(
                        error, ENOBUFS, ERROR_QUEUE_FULL,
                        "%u calls are already in progress; try again later", n);

        pending = calloc(1, sizeof(*pending));
        if (!pending)
                return error_oom(error);

        pending->server = server;
        pending->call = sd_bus_message_ref(call);
        pending->next = server->pending;
        server->pending = pending;
        job_queue_hold(server->queue);

        r = bus_access_track(call, on_caller_gone, pending, &pending->caller, error);
        if (r < 0) {
                bus_pending_free(pending);
                return r;
        }

        *ret = pending;
        return 0;
}

void bus_pending_answer_error(BusPending *pending, const Error *error) {
        (void) sd_bus_reply_method_errorf(
                pending->call, error_kind_to_bus_name(error->kind), "%s", error_text(error));
}

static uint64_t deadline_usec(const BusPending *pending) {
        const uint64_t job_usec = pending->server->context->config->job_usec;

        return job_usec > 0 && job_usec < BUS_PENDING_USEC ? job_usec : BUS_PENDING_USEC;
}

/* A registry or a worker that goes on for ever keeps neither the place nor the daemon. */
static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusPending *pending = userdata;
        const uint64_t limit_usec = deadline_usec(pending);

        error_set(
                &error, ETIMEDOUT, ERROR_LIMIT_EXCEEDED,
                "The call has run for %" PRIu64 " seconds%s", limit_usec / USEC_PER_SEC,
                limit_usec < BUS_PENDING_USEC ? LIMIT_KEY("JobTimeoutSec") : "");
        bus_pending_answer_error(pending, &error);
        bus_pending_free(pending);
        return 0;
}

static int limit_time(BusPending *pending, Error *error) {
        int r;

        r = sd_event_add_time_relative(
                pending->server->event, &pending->deadline, CLOCK_MONOTONIC, deadline_usec(pending),
                0, on_deadline, pending);
        return r < 0 ? error_set_errno(error, -r, "Cannot limit the time of a call") : 0;
}

/* Whether a blob is in the store now. */
static bool is_cached(const BusPending *pending, const Digest *digest) {
        struct stat st;

        return store_blob_look(pending->server->context->store, digest, &st);
}

static int append_layers(const BusPending *pending, sd_bus_message *reply) {
        const JobImage *image = job_fetch_image(pending->fetch);
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "layers");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(sstb)");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sstb)");
        for (uint32_t i = 0; r >= 0 && i < image->n_layers; i++) {
                const ProtoLayer *layer = &image->layers[i];
                char digest[DIGEST_STRING_MAX];

                r = sd_bus_message_append(
                        reply, "(sstb)", digest_format(&layer->digest, digest), layer->media_type,
                        layer->size == PROTO_SIZE_UNKNOWN ? UINT64_C(0) : layer->size,
                        (int) is_cached(pending, &layer->digest));
        }
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* The document that the caller asks for. */
static int append_document(
        sd_bus_message *reply, const JobSpec *spec, const char *data, size_t size) {
        int r;

        if (spec->document == JOB_DOCUMENT_NONE)
                return 0;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "document");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', data, size);
        for (int i = 0; r >= 0 && i < 2; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_repository(sd_bus_message *reply, const JobSpec *spec) {
        return spec->repository
                       ? sd_bus_message_append(reply, "{sv}", "repository", "s", spec->repository)
                       : 0;
}

static int answer_image(const BusPending *pending, const char *document, size_t document_size) {
        _cleanup_(bus_message_unrefp) sd_bus_message *reply = NULL;
        const JobImage *image = job_fetch_image(pending->fetch);
        const ProtoImage *head = &image->head;
        char digest[DIGEST_STRING_MAX], manifest[DIGEST_STRING_MAX];
        int r;

        r = sd_bus_message_new_method_return(pending->call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "name", "s",
                        job_fetch_name(pending->fetch), "digest", "s",
                        digest_format(&head->digest, digest), "manifest-digest", "s",
                        digest_format(&head->manifest, manifest), "media-type", "s",
                        head->media_type, "platform", "s", head->platform, "size", "t",
                        job_image_size(image));
        if (r >= 0)
                r = append_layers(pending, reply);
        if (r >= 0)
                r = bus_image_append_details(reply, &image->details);
        if (r >= 0)
                r = bus_image_append_config(reply, &image->details);
        if (r >= 0)
                r = append_repository(reply, pending->spec);
        if (r >= 0)
                r = append_document(reply, pending->spec, document, document_size);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void on_resolved(void *userdata) {
}

static void on_layer_changed(void *userdata, uint32_t index) {
}

static void on_warning(void *userdata, const char *text) {
}

static void on_fetch_ended(void *userdata, const Error *error) {
        _cleanup_(error_clear) Error failure = ERROR_NULL;
        _cleanup_(freep) char *document = NULL;
        BusPending *pending = userdata;
        size_t size = 0;
        int r = 0;

        if (pending->spec->explain_trust && (error->code == 0 || error->kind == ERROR_NOT_TRUSTED))
                r = bus_trust_answer(pending->call, pending->fetch, error);
        else {
                if (error->code != 0)
                        (void) error_copy(&failure, error);
                else if (pending->spec->document != JOB_DOCUMENT_NONE)
                        (void) job_fetch_document(pending->fetch, &document, &size, &failure);
                if (failure.code == 0)
                        r = answer_image(pending, document, size);
        }
        if (r < 0)
                (void) error_set_errno(&failure, -r, "Cannot describe the image");

        if (failure.code != 0)
                bus_pending_answer_error(pending, &failure);
        bus_pending_free(pending);
}

static const JobFetchEvents fetch_events = {
        .resolved = on_resolved,
        .layer_changed = on_layer_changed,
        .warning = on_warning,
        .ended = on_fetch_ended,
};

/* What a thread determines for a request. */
typedef struct Acceptance {
        JobSpec *spec;               /* owned */
        JobDestination *destination; /* owned; NULL to inspect */
} Acceptance;

static Acceptance *acceptance_free(Acceptance *acceptance) {
        if (!acceptance)
                return NULL;

        job_destination_free(acceptance->destination);
        job_spec_free(acceptance->spec);
        free(acceptance);
        return NULL;
}
DEFINE_CLEANUP(Acceptance, acceptance_free);

static void acceptance_release(void *data) {
        acceptance_free(data);
}

static int accept_source(JobTask *task, void *data, Error *error) {
        Acceptance *acceptance = data;

        return bus_source_open(acceptance->spec, error);
}

static int accept_job(JobTask *task, void *data, Error *error) {
        Acceptance *acceptance = data;
        const bool is_file = job_spec_is_file(acceptance->spec);
        const JobDestinationRequest request = {
                .path = acceptance->spec->destination,
                .directory_fd = acceptance->spec->destination_fd,
                .is_file = is_file,
                /* A file can only be replaced as a whole. */
                .overwrite = acceptance->spec->overwrite && !is_file,
                .replaces = acceptance->spec->replace || (acceptance->spec->overwrite && is_file),
                .keep_old = acceptance->spec->keep_old,
                .in_place = acceptance->spec->in_place,
                .no_sync = acceptance->spec->no_sync,
                .maps_owners =
                        acceptance->spec->uids.n_ranges + acceptance->spec->gids.n_ranges > 0,
        };
        int r;

        r = job_owners_check(acceptance->spec, error);
        if (r >= 0)
                r = accept_source(task, data, error);
        return r < 0 ? r : job_destination_new(&request, &acceptance->destination, error);
}

/* Answers with the failure, if there is one. */
static bool is_accepted(BusPending *pending, int r, const Error *error) {
        pending->task = job_task_free(pending->task);
        if (r >= 0)
                return true;

        bus_pending_answer_error(pending, error);
        bus_pending_free(pending);
        return false;
}

static void on_source_accepted(void *userdata, void *data, int r, Error *error) {
        _cleanup_(acceptance_freep) Acceptance *acceptance = data;
        BusPending *pending = userdata;

        if (!is_accepted(pending, r, error))
                return;

        pending->spec = TAKE_PTR(acceptance->spec);
        if (job_fetch_start(
                    pending->server->context, pending->spec, &fetch_events, pending,
                    &pending->fetch, error) >= 0)
                return;

        bus_pending_answer_error(pending, error);
        bus_pending_free(pending);
}

static void on_job_accepted(void *userdata, void *data, int r, Error *error) {
        _cleanup_(acceptance_freep) Acceptance *acceptance = data;
        BusPending *pending = userdata;
        BusServer *server = pending->server;
        Job *job;

        if (!is_accepted(pending, r, error))
                return;

        if (job_queue_add(
                    server->queue, TAKE_PTR(acceptance->spec), TAKE_PTR(acceptance->destination),
                    &job, error) < 0)
                bus_pending_answer_error(pending, error);
        else
                (void) sd_bus_reply_method_return(
                        pending->call, "so", job_id(job), bus_job_find(server, job_id(job))->path);
        bus_pending_free(pending);
}

static const JobTaskOperation inspect_operation = {
        .work = accept_source,
        .release = acceptance_release,
        .ended = on_source_accepted,
};

static const JobTaskOperation bootstrap_operation = {
        .work = accept_job,
        .release = acceptance_release,
        .ended = on_job_accepted,
};

static int accept_spec(
        BusServer *server,
        sd_bus_message *call,
        JobSpec *spec,
        const JobTaskOperation *operation,
        Error *error) {
        _cleanup_(acceptance_freep) Acceptance *acceptance = NULL;
        _cleanup_(job_spec_freep) JobSpec *owned = spec;
        const JobContext *context = server->context;
        BusPending *pending;
        int r;

        acceptance = calloc(1, sizeof(*acceptance));
        if (!acceptance)
                return error_oom(error);
        acceptance->spec = TAKE_PTR(owned);
        acceptance->spec->no_sync |= context->config->durability == DURABILITY_NONE;

        r = job_task_pool_check(context->tasks, error);
        if (r >= 0)
                r = bus_pending_new(server, call, &pending, error);
        if (r < 0)
                return r;

        if (!acceptance->spec->destination)
                r = limit_time(pending, error);
        if (r >= 0)
                r = job_task_start(
                        context->tasks, operation, acceptance, pending, &pending->task, error);
        if (r < 0)
                bus_pending_free(pending);
        else
                TAKE_PTR(acceptance);
        return r;
}

int bus_pending_inspect(BusServer *server, sd_bus_message *call, JobSpec *spec, Error *error) {
        return accept_spec(server, call, spec, &inspect_operation, error);
}

static int answer_tags(const BusPending *pending) {
        _cleanup_(bus_message_unrefp) sd_bus_message *reply = NULL;
        const ProtoTag *names;
        size_t n;
        int r;

        names = job_tags_names(pending->tags, &n);
        r = sd_bus_message_new_method_return(pending->call, &reply);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', pending->spec->repository);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append_basic(reply, 's', names[i].name);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void on_tags_ended(void *userdata, const Error *error) {
        _cleanup_(error_clear) Error failure = ERROR_NULL;
        BusPending *pending = userdata;
        int r;

        if (error->code != 0)
                (void) error_copy(&failure, error);
        else {
                r = answer_tags(pending);
                if (r < 0)
                        (void) error_set_errno(&failure, -r, "Cannot send the tags");
        }

        if (failure.code != 0)
                bus_pending_answer_error(pending, &failure);
        bus_pending_free(pending);
}

static void on_tags_accepted(void *userdata, void *data, int r, Error *error) {
        _cleanup_(acceptance_freep) Acceptance *acceptance = data;
        BusPending *pending = userdata;

        if (!is_accepted(pending, r, error))
                return;

        pending->spec = TAKE_PTR(acceptance->spec);
        if (job_tags_start(
                    pending->server->context, pending->spec, on_tags_ended, pending, &pending->tags,
                    error) >= 0)
                return;

        bus_pending_answer_error(pending, error);
        bus_pending_free(pending);
}

static const JobTaskOperation tags_operation = {
        .work = accept_source,
        .release = acceptance_release,
        .ended = on_tags_accepted,
};

int bus_pending_list_tags(BusServer *server, sd_bus_message *call, JobSpec *spec, Error *error) {
        return accept_spec(server, call, spec, &tags_operation, error);
}

int bus_pending_bootstrap(BusServer *server, sd_bus_message *call, JobSpec *spec, Error *error) {
        _cleanup_(job_spec_freep) JobSpec *owned = spec;
        int r;

        r = job_queue_check(server->queue, error);
        return r < 0 ? r : accept_spec(server, call, TAKE_PTR(owned), &bootstrap_operation, error);
}

void bus_pending_drop(BusServer *server, sd_bus *bus) {
        BusPending *next;

        for (BusPending *pending = server->pending; pending; pending = next) {
                next = pending->next;
                if (!bus || sd_bus_message_get_bus(pending->call) == bus)
                        bus_pending_free(pending);
        }
}
