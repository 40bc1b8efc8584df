/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base-fd.h"
#include "job-fetch.h"

#define DOCUMENTS_MAX ((size_t) 16)   /* manifests, nested indexes and the config of an image */
#define DETAILS_MAX   ((size_t) 1024) /* labels and environment */

/* A blob that the worker asked for: a layer, or a document. */
typedef struct Wanted {
        Fetch *fetch; /* borrowed */
        BlobUse *use; /* owned; NULL: not asked for yet */
        uint32_t token;
        bool want_content;
        bool is_answered; /* the worker knows that we have it */
        uint64_t size;    /* what the image says of it, or PROTO_SIZE_UNKNOWN */
        Digest digest;
} Wanted;

struct Fetch {
        const FetchContext *context; /* borrowed, as all that follow up to @userdata */
        const JobSpec *spec;
        const FetchEvents *events;
        void *userdata;
        Process *process; /* owned */
        bool is_stopping;
        bool is_resolved;
        ProtoImage image; /* when @has_image */
        bool has_image;
        ProtoLayer *layers;  /* owned; image.n_layers of them */
        uint32_t n_layers;   /* so many are known */
        Wanted *layer_blobs; /* owned; one per layer */
        Wanted documents[DOCUMENTS_MAX];
        size_t n_documents;
        ProtoDetail *details; /* owned */
        size_t n_details;
        Error error;      /* why it is stopping */
        Error incomplete; /* a transfer ended early; the worker may have more to say about it */
};

static bool is_layer(const Wanted *wanted) {
        return wanted->token < PROTO_LAYERS_MAX;
}

static void stop_with(Fetch *fetch, Error *error) {
        if (fetch->error.code == 0)
                error_move(&fetch->error, error);
        fetch_stop(fetch);
}

/* Tells the worker that a blob is in the store. */
static int answer_have(Wanted *wanted, Error *error) {
        const ProtoMessage answer = {
                .type = PROTO_BLOB_ANSWER,
                .blob_answer = { .token = wanted->token, .state = PROTO_BLOB_HAVE },
        };
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (wanted->want_content) {
                r = blob_use_open(wanted->use, &fd, error);
                if (r < 0)
                        return r;
        }

        wanted->is_answered = true;
        process_send(wanted->fetch->process, &answer, &fd, fd >= 0 ? 1 : 0);
        return 0;
}

static int check_size(const Wanted *wanted, uint64_t size, Error *error) {
        char text[DIGEST_STRING_MAX];

        if (wanted->size == PROTO_SIZE_UNKNOWN || wanted->size == size)
                return 0;

        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH,
                "The image says that %s has %ju bytes, but it has %ju",
                digest_format(&wanted->digest, text), (uintmax_t) wanted->size, (uintmax_t) size);
}

static void on_blob_changed(void *userdata, BlobUse *use) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Wanted *wanted = userdata;
        Fetch *fetch = wanted->fetch;
        const BlobStatus status = blob_use_status(use);

        if (!fetch->process || fetch->is_stopping)
                return;

        if (status.state == BLOB_FAILED) {
                /* Whose transfer ended early can say why; it is about to end. */
                if (status.error->code == EAGAIN) {
                        if (fetch->incomplete.code == 0)
                                (void) error_copy(&fetch->incomplete, status.error);
                        return;
                }
                (void) error_copy(&error, status.error);
                stop_with(fetch, &error);
                return;
        }

        if (status.state == BLOB_READY && !wanted->is_answered &&
            (check_size(wanted, status.size, &error) < 0 || answer_have(wanted, &error) < 0)) {
                stop_with(fetch, &error);
                return;
        }

        if (is_layer(wanted))
                fetch->events->layer_changed(fetch->userdata, wanted->token);
}

static void on_blob_fill(void *userdata, BlobUse *use, int pipe_fd, uint64_t offset) {
        Wanted *wanted = userdata;
        const ProtoMessage answer = {
                .type = PROTO_BLOB_ANSWER,
                .blob_answer = {
                        .token = wanted->token,
                        .state = PROTO_BLOB_FILL,
                        .offset = offset,
                },
        };

        if (wanted->fetch->process)
                process_send(wanted->fetch->process, &answer, &pipe_fd, 1);
}

static const BlobEvents blob_events = {
        .changed = on_blob_changed,
        .fill = on_blob_fill,
};

static int out_of_place(Error *error, const char *what) {
        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED,
                "The fetch worker broke the protocol: %s is out of place", what);
}

/* Answers that a blob is not there, if it is not: returns 1 then, 0 when it is to be looked at as any other. */
static int answer_absent(Fetch *fetch, const ProtoBlobWanted *request, Error *error) {
        const ProtoMessage answer = {
                .type = PROTO_BLOB_ANSWER,
                .blob_answer = { .token = request->token, .state = PROTO_BLOB_ABSENT },
        };
        StoreBlob blob = STORE_BLOB_NULL;
        int r;

        r = store_blob_open(fetch->context->store, &request->digest, &blob, error);
        if (r < 0)
                return r;

        closep(&blob.fd);
        if (r > 0)
                return 0;
        process_send(fetch->process, &answer, NULL, 0);
        return 1;
}

/* What the reference named last time, so that it can be found without the network. */
static int look_up_image(Fetch *fetch, const ProtoImageLookup *lookup, Error *error) {
        _cleanup_(store_image_done) StoreImage image = { 0 };
        ProtoMessage answer = { .type = PROTO_IMAGE_KNOWN };
        int r;

        r = store_image_find(fetch->context->store, lookup->reference, &image, error);
        if (r < 0)
                return r;

        if (r > 0) {
                answer.image_known.is_known = 1;
                answer.image_known.digest = image.top;
                (void) proto_text_set(
                        answer.image_known.media_type, sizeof(answer.image_known.media_type),
                        image.top_media_type);
        }

        process_send(fetch->process, &answer, NULL, 0);
        return 0;
}

static int find_wanted(Fetch *fetch, const ProtoBlobWanted *request, Wanted **ret, Error *error) {
        Wanted *wanted;

        if (request->token < PROTO_LAYERS_MAX) {
                if (!fetch->is_resolved || request->token >= fetch->n_layers ||
                    fetch->layer_blobs[request->token].use || !fetch->spec->destination ||
                    !digest_equal(&request->digest, &fetch->layers[request->token].digest))
                        return out_of_place(error, "a wanted layer");
                wanted = &fetch->layer_blobs[request->token];
                wanted->size = fetch->layers[request->token].size;
        } else {
                if (fetch->n_documents == DOCUMENTS_MAX)
                        return out_of_place(error, "a wanted document");
                wanted = &fetch->documents[fetch->n_documents++];
                wanted->size = request->size;
        }

        wanted->fetch = fetch;
        wanted->token = request->token;
        wanted->want_content = request->want_content;
        wanted->digest = request->digest;
        *ret = wanted;
        return 0;
}

static int want(Fetch *fetch, const ProtoBlobWanted *request, Error *error) {
        const BlobRequest blob_request = {
                .digest = request->digest,
                .size = request->size,
                .temporary_directory =
                        fetch->spec->no_cache ? fetch->context->temporary_directory : NULL,
        };
        Wanted *wanted;
        int r;

        if (request->lookup_only) {
                r = answer_absent(fetch, request, error);
                if (r != 0)
                        return r < 0 ? r : 0;
        }

        r = find_wanted(fetch, request, &wanted, error);
        if (r < 0)
                return r;

        return blob_use_new(
                fetch->context->blobs, &blob_request, &blob_events, wanted, &wanted->use, error);
}

static int add_image(Fetch *fetch, const ProtoImage *image, Error *error) {
        if (fetch->has_image)
                return out_of_place(error, "a second image");

        fetch->layers = calloc(image->n_layers, sizeof(*fetch->layers));
        fetch->layer_blobs = calloc(image->n_layers, sizeof(*fetch->layer_blobs));
        if (!fetch->layers || !fetch->layer_blobs)
                return error_oom(error);

        fetch->image = *image;
        fetch->has_image = true;
        return 0;
}

static int add_layer(Fetch *fetch, const ProtoLayer *layer, Error *error) {
        if (!fetch->has_image || layer->index != fetch->n_layers ||
            fetch->n_layers == fetch->image.n_layers)
                return out_of_place(error, "a layer");

        fetch->layers[fetch->n_layers++] = *layer;
        if (fetch->n_layers == fetch->image.n_layers) {
                fetch->is_resolved = true;
                fetch->events->resolved(fetch->userdata);
        }
        return 0;
}

static int add_detail(Fetch *fetch, const ProtoDetail *detail, Error *error) {
        ProtoDetail *bigger;

        if (fetch->is_resolved || fetch->n_details == DETAILS_MAX)
                return out_of_place(error, "a detail");

        bigger = reallocarray(fetch->details, fetch->n_details + 1, sizeof(*bigger));
        if (!bigger)
                return error_oom(error);

        fetch->details = bigger;
        bigger[fetch->n_details++] = *detail;
        return 0;
}

static void on_read(Fetch *fetch, uint64_t size) {
        if (fetch->events->read)
                fetch->events->read(fetch->userdata, size);
}

static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Fetch *fetch = userdata;
        int r = 0;

        if (fetch->is_stopping)
                return;

        /* process_start() lets through what a fetch worker may send, and nothing else. */
        if (message->type == PROTO_IMAGE_LOOKUP)
                r = look_up_image(fetch, &message->image_lookup, &error);
        else if (message->type == PROTO_FETCH_READ)
                on_read(fetch, message->fetch_read.size);
        else if (message->type == PROTO_BLOB_WANTED)
                r = want(fetch, &message->blob_wanted, &error);
        else if (message->type == PROTO_IMAGE)
                r = add_image(fetch, &message->image, &error);
        else if (message->type == PROTO_LAYER)
                r = add_layer(fetch, &message->layer, &error);
        else if (message->type == PROTO_DETAIL)
                r = add_detail(fetch, &message->detail, &error);
        else
                fetch->events->warning(fetch->userdata, message->warning.text);

        if (r < 0)
                stop_with(fetch, &error);
}

static bool is_complete(const Fetch *fetch) {
        if (!fetch->is_resolved)
                return false;

        for (uint32_t i = 0; fetch->spec->destination && i < fetch->n_layers; i++)
                if (!fetch->layer_blobs[i].use ||
                    blob_use_status(fetch->layer_blobs[i].use).state != BLOB_READY)
                        return false;

        return true;
}

static void on_ended(void *userdata, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Fetch *fetch = userdata;

        fetch->process = process_free(fetch->process);

        if (fetch->error.code != 0)
                error_move(&error, &fetch->error);
        else if (result->code != 0)
                (void) error_copy(&error, result);
        else if (fetch->incomplete.code != 0)
                error_move(&error, &fetch->incomplete);
        else if (!is_complete(fetch))
                (void) out_of_place(&error, "the end");

        /* The worker does not know what its files are called. */
        if (error.code != 0 && fetch->spec->source_kind == JOB_SOURCE_FILES)
                (void) error_prefix(&error, "%s", fetch->spec->source);
        fetch->events->ended(fetch->userdata, &error);
}

static const ProcessEvents process_events = {
        .message = on_message,
        .ended = on_ended,
};

static int set_text(char *field, size_t size, const char *text, const char *what, Error *error) {
        if (!text || proto_text_set(field, size, text))
                return 0;

        return error_set(
                error, ENAMETOOLONG, ERROR_INVALID_OPTION, "The %s has more than %zu bytes", what,
                size - 1);
}

static int send_start(Fetch *fetch, Error *error) {
        const JobSpec *spec = fetch->spec;
        ProtoMessage message = {
                .type = PROTO_FETCH_START,
                .fetch_start = {
                        .has_digest = spec->has_digest,
                        .digest = spec->digest,
                        .not_secure = spec->not_secure,
                        .offline = spec->offline,
                        .inspect = !spec->destination,
                        .sandbox = fetch->context->process->config->sandbox,
                        .limits = fetch->context->process->config->limits,
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
                        fetch->context->process->config->private_hosts, "list of hosts", error);
        if (r < 0)
                return r;

        if (spec->source_kind == JOB_SOURCE_FILES) {
                r = store_anonymous_open(fetch->context->temporary_directory, &scratch_fd, error);
                if (r < 0)
                        return r;
                process_send(
                        fetch->process, &message, (const int[]){ spec->source_fd, scratch_fd }, 2);
                return 0;
        }

        process_send(fetch->process, &message, &spec->password_fd, spec->password_fd >= 0 ? 1 : 0);
        return 0;
}

int fetch_start(
        const FetchContext *context,
        const JobSpec *spec,
        const FetchEvents *events,
        void *userdata,
        Fetch **ret,
        Error *error) {
        _cleanup_(fetch_freep) Fetch *fetch = NULL;
        int r;

        fetch = calloc(1, sizeof(*fetch));
        if (!fetch)
                return error_oom(error);

        fetch->context = context;
        fetch->spec = spec;
        fetch->events = events;
        fetch->userdata = userdata;

        r = process_start(
                context->process, WORKER_FETCH, &process_events, fetch, &fetch->process, error);
        if (r >= 0)
                r = send_start(fetch, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(fetch);
        return 0;
}

Fetch *fetch_free(Fetch *fetch) {
        if (!fetch)
                return NULL;

        process_free(fetch->process);
        for (uint32_t i = 0; i < fetch->n_layers; i++)
                blob_use_free(fetch->layer_blobs[i].use);
        for (size_t i = 0; i < fetch->n_documents; i++)
                blob_use_free(fetch->documents[i].use);
        free(fetch->layers);
        free(fetch->layer_blobs);
        free(fetch->details);
        error_clear(&fetch->error);
        error_clear(&fetch->incomplete);
        free(fetch);
        return NULL;
}

void fetch_stop(Fetch *fetch) {
        fetch->is_stopping = true;
        if (fetch->process)
                process_stop(fetch->process);
}

const ProtoImage *fetch_image(const Fetch *fetch) {
        return fetch->is_resolved ? &fetch->image : NULL;
}

const ProtoLayer *fetch_layer(const Fetch *fetch, uint32_t index) {
        assert(index < fetch->n_layers);
        return &fetch->layers[index];
}

BlobUse *fetch_layer_use(const Fetch *fetch, uint32_t index) {
        assert(index < fetch->n_layers);
        return fetch->layer_blobs[index].use;
}

const ProtoDetail *fetch_details(const Fetch *fetch, size_t *ret_n) {
        *ret_n = fetch->n_details;
        return fetch->details;
}

int fetch_describe(const Fetch *fetch, StoreImage *ret, Error *error) {
        StoreImage image = {
                .top = fetch->image.digest,
                .manifest = fetch->image.layout,
        };

        assert(fetch->is_resolved);

        image.blobs = calloc(fetch->n_layers + fetch->n_documents, sizeof(*image.blobs));
        if (!image.blobs)
                return error_oom(error);

        for (uint32_t i = 0; i < fetch->n_layers; i++)
                image.blobs[image.n_blobs++] = fetch->layers[i].digest;
        for (size_t i = 0; i < fetch->n_documents; i++)
                image.blobs[image.n_blobs++] = fetch->documents[i].digest;

        (void) proto_text_set(image.reference, sizeof(image.reference), fetch->image.reference);
        (void) proto_text_set(
                image.top_media_type, sizeof(image.top_media_type), fetch->image.media_type);
        (void) proto_text_set(
                image.manifest_media_type, sizeof(image.manifest_media_type),
                fetch->image.layout_media_type);
        (void) proto_text_set(image.platform, sizeof(image.platform), fetch->image.platform);
        *ret = image;
        return 0;
}
