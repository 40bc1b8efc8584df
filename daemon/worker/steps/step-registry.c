/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <string.h>

#include "step-registry.h"

#define TOP_MAX (DIGEST_STRING_MAX > REFERENCE_TAG_MAX ? DIGEST_STRING_MAX : REFERENCE_TAG_MAX + 1)

static_assert(SOURCE_SIZE_UNKNOWN == REGISTRY_SIZE_UNKNOWN, "a size is handed on as it is");

typedef struct RegistrySource {
        Source source;
        RegistryClient *client; /* owned */
        char top[TOP_MAX];      /* the tag, or the digest */
} RegistrySource;

static void registry_free(Source *source) {
        RegistrySource *registry = (RegistrySource *) source;

        registry_client_free(registry->client);
        free(registry);
}

static int get_document(
        RegistrySource *registry, const char *name, SourceDocument *ret, Error *error) {
        RegistryDocument document;
        int r;

        r = registry_client_get_manifest(registry->client, name, &document, error);
        if (r < 0)
                return r;

        *ret = (SourceDocument){
                .data = document.data,
                .size = document.size,
                .content_type = document.content_type,
        };
        return 0;
}

static int registry_get_top(Source *source, SourceDocument *ret, Error *error) {
        RegistrySource *registry = (RegistrySource *) source;

        return get_document(registry, registry->top, ret, error);
}

static int registry_get_manifest(
        Source *source, const Digest *digest, SourceDocument *ret, Error *error) {
        char name[DIGEST_STRING_MAX];

        return get_document((RegistrySource *) source, digest_format(digest, name), ret, error);
}

static int registry_get_blob(Source *source, const SourceBlobRequest *request, Error *error) {
        const RegistrySource *registry = (const RegistrySource *) source;
        const RegistryBlobRequest registry_request = {
                .digest = request->digest,
                .url = request->url,
                .offset = request->offset,
                .size = request->size,
                .write = request->write,
                .userdata = request->userdata,
        };

        return registry_client_get_blob(registry->client, &registry_request, error);
}

static const SourceOps registry_ops = {
        .get_top = registry_get_top,
        .get_manifest = registry_get_manifest,
        .get_blob = registry_get_blob,
        .free = registry_free,
};

int step_registry_source_new(
        const Reference *reference, const RegistryOptions *options, Source **ret, Error *error) {
        _cleanup_(freep) RegistrySource *registry = calloc(1, sizeof(*registry));
        int r;

        if (!registry)
                return error_oom(error);

        registry->source.ops = &registry_ops;
        if (reference->has_digest)
                (void) digest_format(&reference->digest, registry->top);
        else
                strcpy(registry->top, reference->tag);

        r = registry_client_new(reference, options, &registry->client, error);
        if (r < 0)
                return r;

        *ret = &TAKE_PTR(registry)->source;
        return 0;
}
