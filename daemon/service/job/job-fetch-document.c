/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The document that a caller wants to see. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-fd.h"
#include "job-fetch-internal.h"

static int read_document(
        const JobFetch *fetch, const Digest *digest, char **ret, size_t *ret_size, Error *error) {
        const JobFetchWanted *document = job_fetch_find_document(fetch, digest);
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (!document)
                return job_fetch_out_of_place(&fetch->resolver, error, "the configuration");

        r = job_blob_use_open(document->use, &fd, error);
        if (r < 0)
                return r;

        r = fd_read_all(fd, PROTO_DOCUMENT_MAX, ret, ret_size);
        return r < 0 ? error_set_errno(error, -r, "Cannot read a document from the cache") : 0;
}

int job_fetch_document(const JobFetch *fetch, char **ret, size_t *ret_size, Error *error) {
        const JobImage *image = &fetch->image;

        if (fetch->spec->document == JOB_DOCUMENT_MANIFEST)
                return read_document(
                        fetch,
                        fetch->top.has_signed ? &fetch->top.signed_digest : &image->head.digest,
                        ret, ret_size, error);
        if (fetch->spec->document == JOB_DOCUMENT_CONFIG && image->head.has_config)
                return read_document(fetch, &image->head.config, ret, ret_size, error);

        /* Also of a configuration that does not exist: nothing. */
        *ret = malloc(image->report_size + 1);
        if (!*ret)
                return error_oom(error);
        if (image->report_size > 0)
                memcpy(*ret, image->report, image->report_size);
        *ret_size = image->report_size;
        return 0;
}
