/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sys/stat.h>
#include <time.h>

#include "job-cure.h"
#include "store-blob.h"

#define DATE_MAX 32 /* bytes */

static bool may_come_back(const Error *error) {
        return error->kind == ERROR_REGISTRY_UNAVAILABLE || error->kind == ERROR_REGISTRY_ERROR ||
               error->kind == ERROR_TOO_MANY_REQUESTS;
}

/* Whether it is in the store; when it came there, unless @ret is NULL. */
static bool is_stored(Store *store, const Digest *digest, time_t *ret) {
        StoreBlob blob = STORE_BLOB_NULL;
        bool is_found;
        struct stat st;

        is_found = store_blob_open(store, digest, &blob, NULL) > 0 && fstat(blob.fd, &st) >= 0;
        closep(&blob.fd);
        if (is_found && ret)
                *ret = st.st_mtime;
        return is_found;
}

static bool is_complete(Store *store, const StoreImage *image) {
        for (size_t i = 0; i < image->n_documents; i++)
                if (!is_stored(store, &image->documents[i], NULL))
                        return false;
        for (size_t i = 0; i < image->n_blobs; i++)
                if (!is_stored(store, &image->blobs[i], NULL))
                        return false;

        return true;
}

void job_cure_suggest_offline(
        const JobContext *context, const JobSpec *spec, const StoreImage *known, Error *error) {
        char date[DATE_MAX];
        struct tm utc;
        time_t came;

        if (!may_come_back(error) || spec->source_kind != JOB_SOURCE_REGISTRY || spec->offline ||
            known->reference[0] == '\0')
                return;
        if (!is_stored(context->store, &known->top, &came) || !is_complete(context->store, known) ||
            !gmtime_r(&came, &utc) || strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &utc) == 0)
                return;

        error_add_hint(error, "it is in the cache as of %s: --offline uses that", date);
}
