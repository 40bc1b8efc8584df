/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base-fd.h"
#include "job-auth.h"
#include "job-cure.h"
#include "job-fetch-internal.h"
#include "job-room.h"
#include "job-spares.h"

#define FILE_BLOBS 3 /* of an image in files, at a time */

/* Files may give an image any name; for a registry, the daemon knows the name. */
static void set_name(JobFetch *fetch, const char *name) {
        const JobSpec *spec = fetch->spec;

        if (spec->source_kind == JOB_SOURCE_REGISTRY)
                (void) snprintf(fetch->name, sizeof(fetch->name), "%s", spec->reference);
        else
                (void) snprintf(
                        fetch->name, sizeof(fetch->name), "%.*s%s%s",
                        (int) strcspn(spec->fetch, ":"), spec->fetch, name[0] != '\0' ? ":" : "",
                        name);
}

static int check_pin(
        const JobFetch *fetch, const Digest *wanted, const Digest *have, Error *error) {
        const JobSpec *spec = fetch->spec;
        char want_text[DIGEST_STRING_MAX], have_text[DIGEST_STRING_MAX];

        if (digest_equal(wanted, have))
                return 0;
        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH, "%s is %s, not %s",
                spec->source_kind == JOB_SOURCE_FILES ? spec->source : fetch->name,
                digest_format(have, have_text), digest_format(wanted, want_text));
}

/* The document from which the resolve worker starts. */
static int set_top(JobFetch *fetch, const ProtoTop *top, Error *error) {
        ProtoMessage message = { .type = PROTO_TOP, .top = *top };
        int r;

        fetch->top = *top;
        fetch->has_top = true;
        if (fetch->spec->has_pin) {
                r = check_pin(fetch, &fetch->spec->pin, &top->digest, error);
                if (r < 0)
                        return r;
        }

        memset(message.top.name, 0, sizeof(message.top.name));
        if (fetch->resolver.process)
                job_process_send(fetch->resolver.process, &message, NULL, 0);
        if (fetch->needs_signatures)
                job_trust_set_top(fetch->trust, &top->digest);
        return 0;
}

static int take_top(JobFetch *fetch, const ProtoTop *top, Error *error) {
        if (fetch->has_top)
                return job_fetch_out_of_place(&fetch->fetcher, error, "a second image");
        if (fetch->spec->source_kind == JOB_SOURCE_REGISTRY && top->name[0] != '\0')
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "The fetch worker broke the protocol: it calls %s \"%.100s\"", fetch->name,
                        top->name);
        if (!job_fetch_find_document(fetch, &top->digest))
                return job_fetch_not_brought(&top->digest, error);
        if (top->has_signed && !job_fetch_find_document(fetch, &top->signed_digest))
                return job_fetch_not_brought(&top->signed_digest, error);

        set_name(fetch, top->name);
        return set_top(fetch, top, error);
}

/* The resolve worker's digests are trusted only if a verify worker has computed them. */
static int check_image(const JobFetch *fetch, Error *error) {
        const ProtoImage *image = &fetch->image.head;
        const JobFetchWanted *manifest = job_fetch_find_document(fetch, &image->manifest);
        const JobSpec *spec = fetch->spec;

        if (!fetch->has_top || !digest_equal(&image->digest, &fetch->top.digest) || !manifest ||
            !job_fetch_is_brought(manifest) || !job_fetch_find_document(fetch, &image->layout))
                return job_fetch_out_of_place(&fetch->resolver, error, "the image");

        return !spec->has_digest || digest_equal(&spec->digest, &image->manifest)
                       ? 0
                       : check_pin(fetch, &spec->digest, &image->digest, error);
}

static bool has_small_layers(const JobImage *image) {
        for (uint32_t i = 0; i < image->n_layers; i++)
                if (job_fetch_is_small(image->layers[i].size))
                        return true;

        return false;
}

static int on_image(JobFetch *fetch, Error *error) {
        int r;

        r = check_image(fetch, error);
        if (r < 0)
                return r;

        if (fetch->spec->destination) {
                r = job_room_check(
                        fetch->context, fetch->spec, fetch->image.layers, fetch->image.n_layers,
                        &fetch->download, error);
                if (r < 0)
                        return r;
        }

        fetch->layer_blobs = calloc(fetch->image.n_layers, sizeof(*fetch->layer_blobs));
        if (!fetch->layer_blobs)
                return error_oom(error);
        if (!has_small_layers(&fetch->image))
                job_verify_pool_close(fetch->pool);

        fetch->events->resolved(fetch->userdata);
        for (size_t i = 0; r >= 0 && i < fetch->n_early && !fetch->is_stopping; i++)
                r = job_fetch_use_layer(&fetch->fetcher, &fetch->early[i], error);
        return r;
}

static void on_read(JobFetch *fetch, uint64_t size) {
        if (fetch->events->read)
                fetch->events->read(fetch->userdata, size);
}

/* Its other requests may have to wait as well. */
static void on_wait(JobFetch *fetch, const ProtoFetchWait *wait) {
        uint64_t now = 0, usec;

        (void) sd_event_now(fetch->context->event, CLOCK_MONOTONIC, &now);
        usec = job_waits_add(&fetch->waits, now, wait->seconds * USEC_PER_SEC);
        for (size_t i = 0; i < fetch->n_documents; i++)
                if (fetch->documents[i].use)
                        job_blob_use_wait(fetch->documents[i].use, usec);
        for (uint32_t i = 0; fetch->layer_blobs && i < fetch->image.n_layers; i++)
                if (fetch->layer_blobs[i].use)
                        job_blob_use_wait(fetch->layer_blobs[i].use, usec);
        if (fetch->events->wait)
                fetch->events->wait(fetch->userdata, wait, usec);
}

static int pass_signature(JobFetch *fetch, const ProtoMessage *message, Error *error) {
        if (fetch->needs_signatures && job_trust_pass(fetch->trust, message) >= 0)
                return 0;
        return job_fetch_out_of_place(&fetch->fetcher, error, "a signature");
}

/* job_process_start() passes only messages that this kind of worker may send. */
static void on_fetcher_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobFetch *fetch = userdata;
        int r = 0;

        if (fetch->is_stopping)
                return;

        if (message->type == PROTO_FETCH_READ)
                on_read(fetch, message->fetch_read.size);
        else if (message->type == PROTO_FETCH_WAIT)
                on_wait(fetch, &message->fetch_wait);
        else if (message->type == PROTO_WARNING)
                fetch->events->warning(fetch->userdata, message->warning.text);
        else if (message->type == PROTO_BLOB_WANTED)
                r = job_fetch_want(&fetch->fetcher, &message->blob_wanted, &error);
        else if (message->type == PROTO_TOP)
                r = take_top(fetch, &message->top, &error);
        else if (message->type == PROTO_TAG)
                r = job_fetch_out_of_place(&fetch->fetcher, &error, "a tag");
        else
                r = pass_signature(fetch, message, &error);

        if (r < 0)
                job_fetch_stop_with(fetch, &error);
}

static void on_resolver_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobFetch *fetch = userdata;
        int r = 0;

        if (fetch->is_stopping)
                return;

        if (message->type == PROTO_WARNING)
                fetch->events->warning(fetch->userdata, message->warning.text);
        else if (message->type == PROTO_BLOB_WANTED)
                r = job_fetch_want(&fetch->resolver, &message->blob_wanted, &error);
        else
                r = job_image_add(&fetch->image, message, &error);
        if (r > 0 && fetch->is_trusted)
                r = on_image(fetch, &error);

        if (r < 0)
                job_fetch_stop_with(fetch, &error);
}

static bool is_complete(const JobFetch *fetch) {
        if (!fetch->layer_blobs)
                return false;

        for (uint32_t i = 0; fetch->spec->destination && i < fetch->image.n_layers; i++)
                if (!fetch->layer_blobs[i].use ||
                    job_blob_use_status(fetch->layer_blobs[i].use).state != BLOB_READY)
                        return false;

        return true;
}

/* The end, after both workers have ended. */
static void conclude(JobFetch *fetch) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (fetch->fetcher.process || fetch->resolver.process ||
            (fetch->trust && job_trust_is_running(fetch->trust)))
                return;

        job_verify_pool_close(fetch->pool);
        if (fetch->error.code != 0)
                error_move(&error, &fetch->error);
        else if (fetch->incomplete.code != 0)
                error_move(&error, &fetch->incomplete);
        else if (!is_complete(fetch))
                (void) job_fetch_out_of_place(
                        fetch->fetcher.fetch ? &fetch->fetcher : &fetch->resolver, &error,
                        "the end");

        if (error.code != 0)
                job_cure_suggest_offline(fetch->context, fetch->spec, &fetch->known, &error);
        /* The workers do not know the names of their files. */
        if (error.code != 0 && fetch->spec->source_kind == JOB_SOURCE_FILES)
                (void) error_prefix(&error, "%s", fetch->spec->source);
        fetch->events->ended(fetch->userdata, &error);
}

/* Without the image, the other worker has nothing left to do. */
static void on_fetcher_ended(void *userdata, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobFetch *fetch = userdata;

        fetch->fetcher.process = job_process_free(fetch->fetcher.process);
        if (result->code != 0)
                (void) error_copy(&error, result);
        else if (
                !fetch->has_top ||
                (fetch->needs_signatures && !job_trust_has_signatures(fetch->trust)))
                (void) job_fetch_out_of_place(&fetch->fetcher, &error, "the end");
        if (error.code != 0)
                job_fetch_stop_with(fetch, &error);
        conclude(fetch);
}

static void on_resolver_ended(void *userdata, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobFetch *fetch = userdata;

        fetch->resolver.process = job_process_free(fetch->resolver.process);
        if (result->code != 0) {
                (void) error_copy(&error, result);
                if (fetch->spec->source_kind == JOB_SOURCE_REGISTRY &&
                    error.kind != ERROR_WORKER_FAILED)
                        (void) error_prefix(&error, "%s", fetch->name);
        } else if (!fetch->image.is_complete)
                (void) job_fetch_out_of_place(&fetch->resolver, &error, "the end");
        if (error.code != 0)
                job_fetch_stop_with(fetch, &error);
        conclude(fetch);
}

static const JobProcessEvents fetcher_events = {
        .message = on_fetcher_message,
        .ended = on_fetcher_ended,
};

static const JobProcessEvents resolver_events = {
        .message = on_resolver_message,
        .ended = on_resolver_ended,
};

static int set_text(char *field, size_t size, const char *text, const char *what, Error *error) {
        if (!text || proto_text_set(field, size, text))
                return 0;

        return error_set(
                error, ENAMETOOLONG, ERROR_INVALID_OPTION, "The %s has more than %zu bytes", what,
                size - 1);
}

static void send_endpoints(const RegistriesRoute *route, JobProcess *process) {
        static_assert(REGISTRIES_ENDPOINTS_MAX <= PROTO_ENDPOINTS_MAX, "all endpoints can be sent");
        for (size_t i = 0; route && i < route->n; i++) {
                ProtoMessage message = {
                        .type = PROTO_FETCH_ENDPOINT,
                        .fetch_endpoint = {
                                .not_secure = route->endpoints[i].is_insecure,
                                .is_own = route->endpoints[i].is_own,
                        },
                };
                ProtoFetchEndpoint *endpoint = &message.fetch_endpoint;

                static_assert(sizeof(endpoint->reference) > REFERENCE_MAX, "a reference fits");
                (void) proto_text_set(
                        endpoint->reference, sizeof(endpoint->reference),
                        route->endpoints[i].reference);
                job_process_send(process, &message, NULL, 0);
        }
}

/* With what the registry may ask for: of the caller or, if that has nothing, of the administrator. */
static int send_to_registry(
        const JobContext *context,
        const JobSpec *spec,
        JobProcess *process,
        ProtoMessage *message,
        Error *error) {
        ProtoFetchStart *start = &message->fetch_start;
        _cleanup_(closep) int own_fd = -EBADF;
        int fds[2], auth_fd = spec->auth_fd, r;
        size_t n = 0;

        r = job_auth_open(context->config, spec, &own_fd, error);
        if (r > 0) {
                auth_fd = own_fd;
                r = set_text(
                        start->auth_file, sizeof(start->auth_file), context->config->auth_file,
                        "path", error);
        }
        if (r < 0)
                return r;

        start->has_password = spec->password_fd >= 0;
        if (start->has_password)
                fds[n++] = spec->password_fd;
        start->has_auth = auth_fd >= 0;
        if (start->has_auth)
                fds[n++] = auth_fd;
        job_process_send(process, message, fds, n);
        return 0;
}

int job_fetch_send_start(
        const JobContext *context,
        const JobSpec *spec,
        JobProcess *process,
        JobFetchAim aim,
        Error *error) {
        ProtoMessage message = {
                .type = PROTO_FETCH_START,
                .fetch_start = {
                        .has_digest = spec->has_digest,
                        .digest = spec->digest,
                        .n_endpoints = spec->route ? (uint32_t) spec->route->n : 0,
                        .inspect = !spec->destination,
                        .list_tags = aim == JOB_FETCH_TAGS,
                        .signatures = aim == JOB_FETCH_SIGNED_IMAGE,
                        .keep_signed = spec->document == JOB_DOCUMENT_MANIFEST,
                        .trace = context->log && context->log->level >= LOG_DEBUG,
                        .sandbox = context->config->sandbox,
                        .parallel_blobs = FILE_BLOBS,
                        .user = job_user_id(job_process_user(process)),
                        .limits = context->config->limits,
                },
        };
        ProtoFetchStart *start = &message.fetch_start;
        _cleanup_(closep) int scratch_fd = -EBADF;
        int r;

        r = set_text(start->source, sizeof(start->source), spec->fetch, "source", error);
        if (r >= 0)
                r = set_text(
                        start->platform, sizeof(start->platform), spec->platform, "platform",
                        error);
        if (r >= 0)
                r = set_text(
                        start->username, sizeof(start->username), spec->username, "user name",
                        error);
        if (r >= 0)
                r = set_text(
                        start->private_hosts, sizeof(start->private_hosts),
                        context->config->private_hosts, "list of hosts", error);
        if (r >= 0)
                r = set_text(
                        start->token_servers, sizeof(start->token_servers),
                        context->config->token_servers, "list of hosts", error);
        if (r < 0)
                return r;

        if (spec->source_kind == JOB_SOURCE_FILES) {
                r = store_anonymous_open(context->temporary_directory, &scratch_fd, error);
                if (r < 0)
                        return r;
                job_process_send(
                        process, &message, (const int[]){ spec->source_fd, scratch_fd }, 2);
                return 0;
        }

        start->parallel_blobs = (uint32_t) context->config->parallel_blobs;
        r = send_to_registry(context, spec, process, &message, error);
        if (r < 0)
                return r;

        send_endpoints(spec->route, process);
        return 0;
}

static int start_fetcher(JobFetch *fetch, Error *error) {
        int r;

        fetch->fetcher.fetch = fetch;
        r = job_spares_start(
                fetch->context, job_spares_fetcher(fetch->spec), &fetcher_events, fetch,
                &fetch->fetcher.process, error);
        return r < 0 ? r
                     : job_fetch_send_start(
                               fetch->context, fetch->spec, fetch->fetcher.process,
                               fetch->needs_signatures ? JOB_FETCH_SIGNED_IMAGE : JOB_FETCH_IMAGE,
                               error);
}

static ProtoReportKind report_kind(JobDocument document) {
        if (document == JOB_DOCUMENT_IMAGE_JSON)
                return PROTO_REPORT_IMAGE;
        return document == JOB_DOCUMENT_CONFIG_JSON ? PROTO_REPORT_CONFIG : PROTO_REPORT_NONE;
}

static int start_resolver(JobFetch *fetch, Error *error) {
        const JobSpec *spec = fetch->spec;
        ProtoMessage message = {
                .type = PROTO_RESOLVE_START,
                .resolve_start = {
                        .offline = fetch->fetcher.fetch == NULL,
                        .inspect = !spec->destination,
                        .report = report_kind(spec->document),
                        .sandbox = fetch->context->config->sandbox,
                },
        };
        ProtoResolveStart *start = &message.resolve_start;
        int r;

        r = set_text(start->platform, sizeof(start->platform), spec->platform, "platform", error);
        if (r < 0)
                return r;

        r = job_spares_start(
                fetch->context, WORKER_RESOLVE, &resolver_events, fetch, &fetch->resolver.process,
                error);
        if (r < 0)
                return r;

        start->user = job_user_id(job_process_user(fetch->resolver.process));
        job_process_send(fetch->resolver.process, &message, NULL, 0);
        return 0;
}

/* A registry's image from the store alone: no worker with network access is involved. */
static int start_offline(JobFetch *fetch, Error *error) {
        const JobSpec *spec = fetch->spec;
        ProtoTop top = { 0 };
        int r;

        if (fetch->known.reference[0] != '\0') {
                top.digest = fetch->known.top;
                strcpy(top.media_type, fetch->known.top_media_type);
        } else if (spec->has_pin)
                top.digest = spec->pin;
        else
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND,
                        "%s is not in the cache, and nothing is fetched offline", spec->reference);

        r = start_resolver(fetch, error);
        return r < 0 ? r : set_top(fetch, &top, error);
}

/* Without TLS, an attacker on the network could answer for the registry: a different origin. */
static int set_origin(JobFetch *fetch, Error *error) {
        const JobSpec *spec = fetch->spec;
        int r;

        if (spec->source_kind == JOB_SOURCE_REGISTRY)
                r = asprintf(
                        &fetch->origin, "%.*s%s", (int) strcspn(spec->reference, "/"),
                        spec->reference, spec->not_secure ? " (not secure)" : "");
        else
                r = asprintf(&fetch->origin, "%s", spec->source);
        if (r >= 0)
                return 0;

        fetch->origin = NULL;
        return error_oom(error);
}

/* The image's documents are fetched. */
static int begin(JobFetch *fetch, Error *error) {
        const JobSpec *spec = fetch->spec;
        int r;

        fetch->is_begun = true;
        /* For files, being offline makes no difference. */
        if (spec->source_kind == JOB_SOURCE_REGISTRY && spec->offline)
                return start_offline(fetch, error);

        r = start_fetcher(fetch, error);
        if (r >= 0)
                r = start_resolver(fetch, error);
        /* All documents of an image that the store does not know will be missing. */
        if (r >= 0 && spec->source_kind == JOB_SOURCE_REGISTRY && fetch->known.reference[0] == '\0')
                job_blob_table_start_pool(fetch->context->blobs, fetch->pool);
        return r;
}

/* Nothing is fetched of what is rejected anyway. */
static void on_needs_signatures(void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobFetch *fetch = userdata;
        const JobTrustReport *report = job_trust_report(fetch->trust);

        if (fetch->is_stopping)
                return;

        fetch->needs_signatures = true;
        if (fetch->spec->offline)
                error_set(
                        &error, EACCES, ERROR_NOT_TRUSTED,
                        "%s: The image is not trusted: %s demands a signature (rule %s, scope %s), which is "
                        "not in the cache, and nothing is fetched offline",
                        fetch->name, report->policy ? report->policy : "the given key",
                        report->decision.rule, report->decision.scope);
        else
                (void) begin(fetch, &error);
        if (error.code != 0)
                job_fetch_stop_with(fetch, &error);
}

static void on_trust_warning(void *userdata, const char *text) {
        JobFetch *fetch = userdata;

        fetch->events->warning(fetch->userdata, text);
}

static void on_trust_ended(void *userdata, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobFetch *fetch = userdata;

        if (result->code != 0) {
                (void) error_copy(&error, result);
                if (fetch->spec->source_kind == JOB_SOURCE_REGISTRY &&
                    error.kind != ERROR_WORKER_FAILED)
                        (void) error_prefix(&error, "%s", fetch->name);
        } else if (!fetch->is_stopping) {
                fetch->is_trusted = true;
                if (!fetch->is_begun)
                        (void) begin(fetch, &error);
                else if (fetch->image.is_complete)
                        (void) on_image(fetch, &error);
        }

        if (error.code != 0)
                job_fetch_stop_with(fetch, &error);
        conclude(fetch);
}

static const JobTrustEvents trust_events = {
        .needs_signatures = on_needs_signatures,
        .warning = on_trust_warning,
        .ended = on_trust_ended,
};

static int start(JobFetch *fetch, Error *error) {
        const JobSpec *spec = fetch->spec;
        int r;

        fetch->pool = job_verify_pool_new();
        if (!fetch->pool)
                return error_oom(error);

        set_name(fetch, "");
        r = set_origin(fetch, error);
        if (r < 0)
                return r;
        if (spec->source_kind == JOB_SOURCE_REGISTRY)
                r = store_image_find(fetch->context->store, spec->reference, &fetch->known, error);
        if (r >= 0 && (spec->destination || spec->explain_trust))
                r = job_trust_start(
                        fetch->context, spec, &trust_events, fetch, &fetch->trust, error);
        if (r < 0 || fetch->trust)
                return r;

        fetch->is_trusted = true;
        return begin(fetch, error);
}

static_assert(CONFIG_PARALLEL_MAX <= PROTO_PARALLEL_MAX, "what is configured is valid");

int job_fetch_start(
        const JobContext *context,
        const JobSpec *spec,
        const JobFetchEvents *events,
        void *userdata,
        JobFetch **ret,
        Error *error) {
        _cleanup_(job_fetch_freep) JobFetch *fetch = NULL;
        int r;

        fetch = calloc(1, sizeof(*fetch));
        if (!fetch)
                return error_oom(error);

        fetch->context = context;
        fetch->spec = spec;
        fetch->events = events;
        fetch->userdata = userdata;
        fetch->resolver.fetch = fetch;
        r = start(fetch, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(fetch);
        return 0;
}

JobFetch *job_fetch_free(JobFetch *fetch) {
        if (!fetch)
                return NULL;

        job_process_free(fetch->fetcher.process);
        job_process_free(fetch->resolver.process);
        job_trust_free(fetch->trust);
        for (uint32_t i = 0; fetch->layer_blobs && i < fetch->image.n_layers; i++)
                job_blob_use_free(fetch->layer_blobs[i].use);
        for (size_t i = 0; i < fetch->n_documents; i++)
                job_blob_use_free(fetch->documents[i].use);
        job_verify_pool_free(fetch->pool);
        free(fetch->layer_blobs);
        free(fetch->early);
        free(fetch->origin);
        job_image_done(&fetch->image);
        store_image_done(&fetch->known);
        error_clear(&fetch->error);
        error_clear(&fetch->incomplete);
        free(fetch);
        return NULL;
}

const JobImage *job_fetch_image(const JobFetch *fetch) {
        return fetch->layer_blobs ? &fetch->image : NULL;
}

const Digest *job_fetch_digest(const JobFetch *fetch) {
        return fetch->has_top ? &fetch->top.digest : NULL;
}

const JobTrustReport *job_fetch_trust(const JobFetch *fetch) {
        return fetch->trust ? job_trust_report(fetch->trust) : NULL;
}

uint64_t job_fetch_download(const JobFetch *fetch) {
        return fetch->download;
}

const char *job_fetch_name(const JobFetch *fetch) {
        return fetch->name;
}

JobBlobUse *job_fetch_layer_use(const JobFetch *fetch, uint32_t index) {
        assert(index < fetch->image.n_layers);
        return fetch->layer_blobs[index].use;
}

/* Whether it came from where the reference leads, now or earlier, so a later fetch worker may read it. */
static bool is_own(
        const JobFetch *fetch, const StoreImage *current, const JobFetchWanted *document) {
        return (document->asker == &fetch->fetcher && document->offset == 0 &&
                job_blob_use_status(document->use).is_filled) ||
               store_image_has_document(&fetch->known, &document->digest) ||
               store_image_has_document(current, &document->digest);
}

int job_fetch_describe(const JobFetch *fetch, StoreImage *ret, Error *error) {
        const ProtoImage *said = &fetch->image.head;
        StoreImage image = { .top = fetch->top.digest, .manifest = said->layout };
        _cleanup_(store_image_done) StoreImage current = { 0 };
        int r;

        assert(job_fetch_image(fetch) && fetch->spec->source_kind == JOB_SOURCE_REGISTRY);
        static_assert(DOCUMENTS_MAX <= STORE_IMAGE_DOCUMENTS_MAX, "they can be remembered");

        /* Another job may have fetched the same in the meantime. */
        r = store_image_find(fetch->context->store, fetch->spec->reference, &current, error);
        if (r < 0)
                return r;

        image.blobs = calloc(fetch->image.n_layers + fetch->n_documents, sizeof(*image.blobs));
        if (!image.blobs)
                return error_oom(error);

        for (uint32_t i = 0; i < fetch->image.n_layers; i++)
                image.blobs[image.n_blobs++] = fetch->image.layers[i].digest;
        for (size_t i = 0; i < fetch->n_documents; i++) {
                const JobFetchWanted *document = &fetch->documents[i];

                if (document->use && is_own(fetch, &current, document))
                        image.documents[image.n_documents++] = document->digest;
                else if (document->use)
                        image.blobs[image.n_blobs++] = document->digest;
        }

        (void) proto_text_set(image.reference, sizeof(image.reference), fetch->spec->reference);
        (void) proto_text_set(image.top_media_type, sizeof(image.top_media_type), said->media_type);
        (void) proto_text_set(
                image.manifest_media_type, sizeof(image.manifest_media_type),
                said->layout_media_type);
        (void) proto_text_set(image.platform, sizeof(image.platform), said->platform);
        *ret = image;
        return 0;
}
