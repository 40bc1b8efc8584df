/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "source.h"

Source *source_free(Source *source) {
        if (source)
                source->ops->free(source);
        return NULL;
}

int source_get_top(Source *source, SourceDocument *ret, Error *error) {
        return source->ops->get_top(source, ret, error);
}

int source_get_manifest(Source *source, const Digest *digest, SourceDocument *ret, Error *error) {
        return source->ops->get_manifest(source, digest, ret, error);
}

int source_get_blob(Source *source, const SourceBlobRequest *request, Error *error) {
        return source->ops->get_blob(source, request, error);
}

int source_get_tagged(Source *source, const char *tag, SourceDocument *ret, Error *error) {
        return source->ops->get_tagged(source, tag, ret, error);
}

int source_get_referrers(Source *source, const Digest *digest, SourceDocument *ret, Error *error) {
        return source->ops->get_referrers(source, digest, ret, error);
}

void source_document_done(SourceDocument *document) {
        free(document->data);
        free(document->content_type);
        *document = (SourceDocument){ 0 };
}
