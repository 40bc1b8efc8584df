/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include <sys/stat.h>

#include "job-cure.h"
#include "job-room.h"

#define LONG_AGO 1000 /* seconds since the epoch */

static void set_used_long_ago(StoreFixture *f, const Digest *digest) {
        const struct timespec times[] = { { .tv_sec = LONG_AGO }, { .tv_sec = LONG_AGO } };

        assert_int_equal(
                utimensat(
                        AT_FDCWD, scratch_at(&f->scratch, private_path("verified", digest)), times,
                        0),
                0);
}

static time_t used(StoreFixture *f, const Digest *digest) {
        struct stat st;

        assert_int_equal(stat(scratch_at(&f->scratch, private_path("verified", digest)), &st), 0);
        return st.st_mtime;
}

STORE_TEST(suggesting_the_cache_is_no_use_of_it) {
        StoreFixture *f = *state;
        Digest top = store_put(f->store, "manifest"), layer = store_put(f->store, "layer");
        Digest document = store_put(f->store, "document");
        const StoreImage known = {
                .reference = "example.org/image:1",
                .top = top,
                .documents = { document },
                .n_documents = 1,
                .blobs = &layer,
                .n_blobs = 1,
        };
        const JobSpec spec = { .source_kind = JOB_SOURCE_REGISTRY };
        const JobContext context = { .store = f->store };
        _cleanup_(error_clear) Error error = ERROR_NULL;

        set_used_long_ago(f, &top);
        set_used_long_ago(f, &layer);
        set_used_long_ago(f, &document);
        error_set(&error, EIO, ERROR_REGISTRY_UNAVAILABLE, "It does not answer");
        job_cure_suggest_offline(&context, &spec, &known, &error);
        assert_non_null(strstr(error_text(&error), "it is in the cache as of"));
        assert_int_equal(used(f, &top), LONG_AGO);
        assert_int_equal(used(f, &layer), LONG_AGO);
        assert_int_equal(used(f, &document), LONG_AGO);
}

STORE_TEST(cache_that_lacks_a_layer_is_not_suggested) {
        StoreFixture *f = *state;
        Digest layer = digest_of("layer");
        const StoreImage known = {
                .reference = "example.org/image:1",
                .top = store_put(f->store, "manifest"),
                .blobs = &layer,
                .n_blobs = 1,
        };
        const JobSpec spec = { .source_kind = JOB_SOURCE_REGISTRY };
        const JobContext context = { .store = f->store };
        _cleanup_(error_clear) Error error = ERROR_NULL;

        error_set(&error, EIO, ERROR_REGISTRY_UNAVAILABLE, "It does not answer");
        job_cure_suggest_offline(&context, &spec, &known, &error);
        assert_string_equal(error_text(&error), "It does not answer");
}

STORE_TEST(asking_what_must_be_downloaded_is_no_use) {
        StoreFixture *f = *state;
        const Digest layer = store_put(f->store, "layer"), missing = digest_of("missing");

        set_used_long_ago(f, &layer);
        assert_true(job_room_is_stored(f->store, &layer));
        assert_false(job_room_is_stored(f->store, &missing));
        assert_int_equal(used(f, &layer), LONG_AGO);
}
