/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "hash.h"
#include "oci-document.h"
#include "oci-schema1.h"
#include "oci-signature.h"
#include "step-registry.h"
#include "step.h"

#define TOP_MAX     (DIGEST_STRING_MAX > REFERENCE_TAG_MAX ? DIGEST_STRING_MAX : REFERENCE_TAG_MAX + 1)
#define MIRRORS_MAX ((size_t) 256) /* bytes of a list of mirrors in a message */

static_assert(SOURCE_SIZE_UNKNOWN == REGISTRY_SIZE_UNKNOWN, "a size is handed on as it is");

typedef struct Endpoint {
        RegistryClient *client; /* owned; NULL: a mirror that could not be set up */
        char host[REFERENCE_REPOSITORY_MAX + 1];
        bool has_no_login;      /* credentials for its host are not for it */
        atomic_bool has_failed; /* not asked again */
} Endpoint;

typedef struct RegistrySource {
        Source source;
        int socket_fd;       /* borrowed */
        Endpoint *endpoints; /* owned */
        size_t n;
        char top[TOP_MAX]; /* the tag, or the digest */
        bool has_digest;   /* the image must have @digest */
        Digest digest;
} RegistrySource;

/* How a list of signatures is read. */
typedef int ParseList(const void *data, size_t size, OciSignatures *ret, Error *error);

/* What is asked for, of one endpoint after the other. */
typedef struct Wanted {
        const char *name;              /* of a document */
        const Digest *digest;          /* that a mirror's document must have; or NULL */
        bool is_tag;                   /* a mirror whose tag is another image does not have it */
        const Digest *referrers_of;    /* a list of referrers instead of a document; or NULL */
        ParseList *parse_list;         /* of a list of signatures; or NULL */
        SourceDocument *document;      /* where it is put */
        SourceDocument empty;          /* owned; a mirror's list without signatures */
        const SourceBlobRequest *blob; /* or a blob */
        uint64_t position;             /* bytes of the blob that were handed on */
        bool is_refused;               /* by who gets them: another endpoint does not help */
} Wanted;

static void registry_free(Source *source) {
        RegistrySource *registry = (RegistrySource *) source;

        for (size_t i = 0; i < registry->n; i++)
                registry_client_free(registry->endpoints[i].client);
        free(registry->endpoints);
        free(registry);
}

static SourceDocument take_document(RegistryDocument *document) {
        return (SourceDocument){
                .data = TAKE_PTR(document->data),
                .size = document->size,
                .content_type = TAKE_PTR(document->content_type),
        };
}

/* A page that asks for a login is not a document. The digest of a signed schema 1 manifest excludes its signatures. */
static int hash_document(
        const RegistryDocument *document, DigestAlgorithm algorithm, Digest *ret, Error *error) {
        _cleanup_(freep) char *payload = NULL;
        OciMediaType type;
        size_t size;
        int r;

        r = oci_document_classify(
                document->data, document->size, document->content_type, &type, error);
        if (r < 0)
                return r;
        if (oci_media_type_class(type) != MEDIA_CLASS_SCHEMA1)
                return hash_buffer(algorithm, document->data, document->size, ret, error);

        r = oci_schema1_payload(document->data, document->size, &payload, &size, error);
        return r < 0 ? r : hash_buffer(algorithm, payload, size, ret, error);
}

static int check_document(const Wanted *wanted, const RegistryDocument *document, Error *error) {
        char want[DIGEST_STRING_MAX], have[DIGEST_STRING_MAX];
        Digest digest;
        int r;

        r = hash_document(
                document, wanted->digest ? wanted->digest->algorithm : DIGEST_SHA256, &digest,
                error);
        if (r < 0 || !wanted->digest || digest_equal(&digest, wanted->digest))
                return r;

        return error_set(
                error, EBADMSG, wanted->is_tag ? ERROR_NOT_FOUND : ERROR_DIGEST_MISMATCH,
                "It returned %s, not %s", digest_format(&digest, have),
                digest_format(wanted->digest, want));
}

/* It may be older than the signatures at the registry. */
static int check_list(Wanted *wanted, RegistryDocument *document, Error *error) {
        _cleanup_(oci_signatures_done) OciSignatures signatures = { 0 };
        int r;

        r = wanted->parse_list(document->data, document->size, &signatures, error);
        if (r < 0 || signatures.n > 0)
                return r;

        source_document_done(&wanted->empty);
        wanted->empty = take_document(document);
        return error_set(error, ENOENT, ERROR_NOT_FOUND, "It lists no signatures");
}

/* Whoever asked checks what the registry itself returns. */
static int ask_for_document(
        const Endpoint *endpoint, Wanted *wanted, bool is_mirror, Error *error) {
        _cleanup_(registry_document_done) RegistryDocument document = { 0 };
        int r;

        r = wanted->referrers_of ? registry_client_get_referrers(
                                           endpoint->client, wanted->referrers_of, &document, error)
                                 : registry_client_get_manifest(
                                           endpoint->client, wanted->name, &document, error);
        if (r >= 0 && is_mirror)
                r = check_document(wanted, &document, error);
        if (r >= 0 && is_mirror && wanted->parse_list)
                r = check_list(wanted, &document, error);
        if (r < 0)
                return r;

        *wanted->document = take_document(&document);
        return 0;
}

static int on_blob(void *userdata, const void *data, size_t size, Error *error) {
        Wanted *wanted = userdata;
        int r;

        r = wanted->blob->write(wanted->blob->userdata, data, size, error);
        wanted->is_refused = r < 0;
        wanted->position += size;
        return r;
}

/* A mirror may have what the image says to be elsewhere. */
static int ask_for_blob(const Endpoint *endpoint, Wanted *wanted, bool is_mirror, Error *error) {
        const RegistryBlobRequest request = {
                .digest = wanted->blob->digest,
                .url = is_mirror ? NULL : wanted->blob->url,
                .offset = wanted->position,
                .size = wanted->blob->size,
                .write = on_blob,
                .userdata = wanted,
        };

        return registry_client_get_blob(endpoint->client, &request, error);
}

/* A mirror may be partial: what it does not have is no failure. */
static void note_failure(const RegistrySource *registry, Endpoint *endpoint, const Error *error) {
        char text[sizeof(((ProtoWarning *) NULL)->text)];

        if (error->kind == ERROR_NOT_FOUND || atomic_exchange(&endpoint->has_failed, true))
                return;

        (void) snprintf(
                text, sizeof(text), "The mirror %s is not used: %s", endpoint->host,
                error_text(error));
        /* If the daemon has exited, the next answer shows it. */
        (void) step_warn(registry->socket_fd, text, NULL);
}

static int prefix_with_mirrors(const RegistrySource *registry, Error *error) {
        char mirrors[MIRRORS_MAX] = "";
        size_t length = 0;

        if (registry->n == 1)
                return -error->code;

        for (size_t i = 0; i + 1 < registry->n && length < sizeof(mirrors); i++)
                length += (size_t) snprintf(
                        mirrors + length, sizeof(mirrors) - length, "%s%s", i > 0 ? ", " : "",
                        registry->endpoints[i].host);
        return error_prefix(
                error, "After %s %s", registry->n > 2 ? "the mirrors" : "the mirror", mirrors);
}

static int ask(RegistrySource *registry, Wanted *wanted, Error *error) {
        for (size_t i = 0;; i++) {
                Endpoint *endpoint = &registry->endpoints[i];
                const bool is_mirror = i + 1 < registry->n;
                _cleanup_(error_clear) Error failed = ERROR_NULL;
                int r;

                if (endpoint->has_failed)
                        continue;

                r = wanted->blob ? ask_for_blob(endpoint, wanted, is_mirror, &failed)
                                 : ask_for_document(endpoint, wanted, is_mirror, &failed);
                if (r >= 0)
                        return r;

                if (is_mirror && !wanted->is_refused) {
                        /* One that cannot list referrers is as good as others for the rest. */
                        if (!wanted->referrers_of)
                                note_failure(registry, endpoint, &failed);
                        continue;
                }
                if (!wanted->is_refused)
                        (void) prefix_with_mirrors(registry, &failed);
                error_move(error, &failed);
                return r;
        }
}

/* Many registries say the same of a tag and of a repository that does not exist, unless they are asked for its tags. */
static void explain_missing(const RegistrySource *registry, Error *error) {
        RegistryClient *client = registry->endpoints[registry->n - 1].client;
        _cleanup_(error_clear) Error failed = ERROR_NULL;

        if (registry_client_find_repository(client, &failed) >= 0)
                error_add_hint(
                        error, "the repository exists: virt-bootstrap list-tags lists its tags");
        else if (failed.kind == ERROR_NOT_FOUND)
                error_add_hint(error, "there is no such repository");
}

static int registry_get_top(Source *source, SourceDocument *ret, Error *error) {
        RegistrySource *registry = (RegistrySource *) source;
        Wanted wanted = {
                .name = registry->top,
                .digest = registry->has_digest ? &registry->digest : NULL,
                .is_tag = true,
                .document = ret,
        };
        int r;

        r = ask(registry, &wanted, error);
        if (r < 0 && error && error->kind == ERROR_NOT_FOUND && !strchr(registry->top, ':'))
                explain_missing(registry, error);
        return r;
}

static int registry_get_manifest(
        Source *source, const Digest *digest, SourceDocument *ret, Error *error) {
        char name[DIGEST_STRING_MAX];
        Wanted wanted = {
                .name = digest_format(digest, name),
                .digest = digest,
                .document = ret,
        };

        return ask((RegistrySource *) source, &wanted, error);
}

/* A mirror whose list is empty, where the registry cannot be asked, is better than none. */
static int ask_for_list(RegistrySource *registry, Wanted *wanted, Error *error) {
        _cleanup_(error_clear) Error failed = ERROR_NULL;
        int r;

        r = ask(registry, wanted, &failed);
        if (r < 0 && wanted->empty.data && failed.kind != ERROR_NOT_FOUND) {
                *wanted->document = TAKE_STRUCT(wanted->empty);
                return 0;
        }

        source_document_done(&wanted->empty);
        if (r < 0)
                error_move(error, &failed);
        return r;
}

static int registry_get_tagged(Source *source, const char *tag, SourceDocument *ret, Error *error) {
        Wanted wanted = {
                .name = tag,
                .parse_list = strchr(tag, '.') ? oci_signatures_parse_attached
                                               : oci_signatures_parse_referrers,
                .document = ret,
        };

        return ask_for_list((RegistrySource *) source, &wanted, error);
}

static int registry_get_referrers(
        Source *source, const Digest *digest, SourceDocument *ret, Error *error) {
        Wanted wanted = {
                .referrers_of = digest,
                .parse_list = oci_signatures_parse_referrers,
                .document = ret,
        };

        return ask_for_list((RegistrySource *) source, &wanted, error);
}

static int registry_get_blob(Source *source, const SourceBlobRequest *request, Error *error) {
        Wanted wanted = { .blob = request, .position = request->offset };

        return ask((RegistrySource *) source, &wanted, error);
}

static const SourceOps registry_ops = {
        .get_top = registry_get_top,
        .get_manifest = registry_get_manifest,
        .get_blob = registry_get_blob,
        .get_tagged = registry_get_tagged,
        .get_referrers = registry_get_referrers,
        .free = registry_free,
};

int step_registry_log_in(Source *source, const Credentials *credentials, Error *error) {
        const RegistrySource *registry = (const RegistrySource *) source;

        for (size_t i = 0; i < registry->n; i++) {
                Endpoint *endpoint = &registry->endpoints[i];
                _cleanup_(error_clear) Error failed = ERROR_NULL;

                if (endpoint->has_failed || endpoint->has_no_login ||
                    registry_client_log_in(endpoint->client, credentials, &failed) >= 0)
                        continue;
                if (i + 1 == registry->n)
                        return error_copy(error, &failed);
                note_failure(registry, endpoint, &failed);
        }

        return 0;
}

/* Whether it may be somebody else than the host for which the credentials are. */
static bool is_exposed(const StepEndpoints *endpoints, const StepEndpoint *place) {
        const StepEndpoint *last = &endpoints->all[endpoints->n - 1];

        return place != last && place->options.insecure &&
               (place->is_own || strcmp(place->reference.host, last->reference.host) == 0);
}

static int add_endpoint(
        RegistrySource *registry,
        const StepEndpoints *endpoints,
        const StepEndpoint *place,
        Error *error) {
        const bool is_mirror = place != &endpoints->all[endpoints->n - 1];
        Endpoint *endpoint = &registry->endpoints[registry->n++];
        _cleanup_(error_clear) Error failed = ERROR_NULL;
        RegistryOptions options = place->options;
        int r;

        options.is_mirror = is_mirror;
        endpoint->has_no_login = is_exposed(endpoints, place);
        if (endpoint->has_no_login)
                options.username = options.password = NULL;
        strcpy(endpoint->host, place->reference.host);
        r = registry_client_new(&place->reference, &options, &endpoint->client, &failed);
        if (r >= 0)
                return 0;

        if (!is_mirror)
                return error_copy(error, &failed);
        /* Never asked, whatever is wrong. */
        note_failure(registry, endpoint, &failed);
        endpoint->has_failed = true;
        return 0;
}

int step_registry_source_new(const StepEndpoints *endpoints, Source **ret, Error *error) {
        const Reference *last = &endpoints->all[endpoints->n - 1].reference;
        _cleanup_(source_freep) Source *source = NULL;
        RegistrySource *registry = calloc(1, sizeof(*registry));
        int r = 0;

        if (!registry)
                return error_oom(error);

        source = &registry->source;
        source->ops = &registry_ops;
        registry->socket_fd = endpoints->socket_fd;
        registry->has_digest = endpoints->digest;
        if (endpoints->digest)
                registry->digest = *endpoints->digest;
        if (last->has_digest)
                (void) digest_format(&last->digest, registry->top);
        else
                strcpy(registry->top, last->tag);

        registry->endpoints = calloc(endpoints->n, sizeof(*registry->endpoints));
        if (!registry->endpoints)
                return error_oom(error);
        for (size_t i = 0; r >= 0 && i < endpoints->n; i++)
                r = add_endpoint(registry, endpoints, &endpoints->all[i], error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(source);
        return 0;
}

/* Of a page, and whether anything may follow it. */
static int check_page(size_t n_new, const char *next, unsigned *n_idle, Error *error) {
        *n_idle = n_new > 0 || !next ? 0 : *n_idle + 1;
        if (*n_idle <= TAG_PAGES_IDLE_MAX)
                return 0;

        return error_set(
                error, EPROTO, ERROR_REGISTRY_ERROR,
                "The registry's list of tags has more than %u pages without a new tag",
                TAG_PAGES_IDLE_MAX);
}

int step_registry_list_tags(Source *source, OciTags *tags, Error *error) {
        const RegistrySource *registry = (const RegistrySource *) source;
        RegistryClient *client = registry->endpoints[registry->n - 1].client;
        _cleanup_(freep) char *url = NULL;
        unsigned n_idle = 0;

        for (unsigned n = 0; n < TAG_PAGES_MAX; n++) {
                _cleanup_(registry_document_done) RegistryDocument page = { 0 };
                const size_t n_before = oci_tags_count(tags);
                int r;

                r = registry_client_get_tags(client, &url, &page, error);
                if (r >= 0)
                        r = oci_tags_add_page(tags, page.data, page.size, error);
                if (r >= 0)
                        r = check_page(oci_tags_count(tags) - n_before, url, &n_idle, error);
                if (r < 0 || !url)
                        return r;
        }

        return error_set(
                error, E2BIG, ERROR_LIMIT_EXCEEDED,
                "The registry's list of tags has more than %u pages", TAG_PAGES_MAX);
}
