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

static bool is_complete(const Store *store, const StoreImage *image) {
        struct stat st;

        for (size_t i = 0; i < image->n_documents; i++)
                if (!store_blob_look(store, &image->documents[i], &st))
                        return false;
        for (size_t i = 0; i < image->n_blobs; i++)
                if (!store_blob_look(store, &image->blobs[i], &st))
                        return false;

        return true;
}

void job_cure_suggest_offline(
        const JobContext *context, const JobSpec *spec, const StoreImage *known, Error *error) {
        char date[DATE_MAX];
        struct stat st;
        struct tm utc;

        if (!may_come_back(error) || spec->source_kind != JOB_SOURCE_REGISTRY || spec->offline ||
            known->reference[0] == '\0')
                return;
        if (!store_blob_look(context->store, &known->top, &st) ||
            !is_complete(context->store, known) || !gmtime_r(&st.st_mtime, &utc) ||
            strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &utc) == 0)
                return;

        error_add_hint(error, "it is in the cache as of %s: --offline uses that", date);
}
