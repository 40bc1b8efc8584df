/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <math.h>

#include "job-progress.h"

#define LAYERS 2u

typedef struct Fixture {
        ProtoLayer layers[LAYERS];
        JobImage image;
        JobCounts counts;
        JobParts parts;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        f->layers[0].size = 300;
        f->layers[0].digest.bytes[0] = 1;
        f->layers[1].size = 100;
        f->image = (JobImage){ .layers = f->layers, .n_layers = LAYERS };
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        job_counts_done(&f->counts);
        free(f);
        return 0;
}

static void set_layer(Fixture *f, uint32_t index, uint64_t arrived, bool is_fetched) {
        const JobBlobStatus status = { .arrived = arrived, .is_fetched = is_fetched };

        job_counts_set_layer(&f->counts, index, &status);
}

static void make_ready(Fixture *f, uint32_t index, uint64_t size) {
        const JobBlobStatus status = {
                .state = BLOB_READY,
                .arrived = size,
                .size = size,
                .is_fetched = !f->counts.layers[index].is_cached,
        };

        job_counts_set_layer(&f->counts, index, &status);
}

static void unpack(Fixture *f, uint64_t consumed, uint64_t unpacked, uint64_t files) {
        const ProtoUnpackProgress progress = {
                .consumed = consumed,
                .unpacked = unpacked,
                .files = files,
        };

        job_counts_set_unpacked(&f->counts, &progress, &LIMITS_DEFAULT);
}

static void begin(Fixture *f) {
        f->parts.fetch.state = PART_RUNNING;
        assert_int_equal(job_counts_set_image(&f->counts, &f->image, NULL), 0);
}

static void assert_layer(const Fixture *f, uint32_t index, JobLayerState state, uint64_t done) {
        const JobLayer layer = job_counts_layer(&f->counts, index);

        assert_int_equal(layer.state, state);
        assert_int_equal(layer.done, done);
        assert_true(layer.done <= layer.size);
}

static void assert_progress(
        const Fixture *f, JobPhase phase, uint64_t done, uint64_t total, double fraction) {
        const JobProgress progress = job_counts_measure(&f->counts, &f->parts);

        assert_int_equal(progress.phase, phase);
        assert_int_equal(progress.done, done);
        assert_int_equal(progress.total, total);
        assert_true(fabs(progress.fraction - fraction) < 1e-9);
}

#define TASK_TEST(name) TEST_WITH(name, set_up, tear_down)

TASK_TEST(fraction_is_that_of_the_download) {
        Fixture *f = *state;

        f->parts.fetch.state = PART_RUNNING;
        f->counts.archive_read = 7;
        assert_progress(f, JOB_PHASE_RESOLVE, 7, 0, 0);

        begin(f);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 0, 400, 0);
        set_layer(f, 0, 200, true);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 200, 400, 0.5);
        unpack(f, 150, 1000, 3);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 200, 400, 0.5);
        make_ready(f, 0, 300);
        set_layer(f, 1, 99, true);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 399, 400, 399.0 / 400);
        make_ready(f, 1, 100);
        assert_progress(f, JOB_PHASE_UNPACK, 150, 400, 150.0 / 400);
        unpack(f, 400, 2000, 6);
        assert_progress(f, JOB_PHASE_UNPACK, 400, 400, 1);
}

TASK_TEST(fraction_of_a_cached_image_is_that_of_unpacking) {
        Fixture *f = *state;

        begin(f);
        job_counts_set_cached(&f->counts, 0);
        job_counts_set_cached(&f->counts, 1);
        assert_progress(f, JOB_PHASE_UNPACK, 0, 400, 0);
        set_layer(f, 0, 0, false);
        assert_progress(f, JOB_PHASE_UNPACK, 0, 400, 0);
        make_ready(f, 0, 300);
        unpack(f, 100, 1000, 3);
        assert_progress(f, JOB_PHASE_UNPACK, 100, 400, 0.25);
}

TASK_TEST(cached_layer_is_there_from_the_beginning_on) {
        Fixture *f = *state;

        begin(f);
        job_counts_set_cached(&f->counts, 0);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 300, 400, 0.75);
        assert_layer(f, 0, JOB_LAYER_WAITING, 0);
        make_ready(f, 0, 300);
        assert_layer(f, 0, JOB_LAYER_DOWNLOADED, 300);
        assert_true(job_counts_layer(&f->counts, 0).is_cached);
        set_layer(f, 1, 50, true);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 350, 400, 0.875);
        assert_int_equal(job_counts_measure(&f->counts, &f->parts).downloaded, 50);
}

TASK_TEST(damaged_layer_is_not_cached) {
        Fixture *f = *state;

        begin(f);
        job_counts_set_cached(&f->counts, 0);
        set_layer(f, 0, 20, true);
        assert_false(job_counts_layer(&f->counts, 0).is_cached);
        assert_layer(f, 0, JOB_LAYER_DOWNLOADING, 20);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 20, 400, 0.05);
}

TASK_TEST(what_an_earlier_job_left_is_there_but_not_downloaded) {
        Fixture *f = *state;
        const JobBlobStatus status = { .arrived = 200, .resumed = 150, .is_fetched = true };

        begin(f);
        job_counts_set_layer(&f->counts, 0, &status);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 200, 400, 0.5);
        assert_int_equal(job_counts_measure(&f->counts, &f->parts).downloaded, 50);
}

TASK_TEST(repeated_layer_is_downloaded_once) {
        Fixture *f = *state;

        f->layers[1] = f->layers[0];
        begin(f);
        set_layer(f, 0, 200, true);
        set_layer(f, 1, 200, true);
        assert_int_equal(job_counts_measure(&f->counts, &f->parts).downloaded, 200);
}

TASK_TEST(layer_goes_through_its_states) {
        Fixture *f = *state;

        begin(f);
        assert_layer(f, 0, JOB_LAYER_WAITING, 0);
        set_layer(f, 0, 200, true);
        assert_layer(f, 0, JOB_LAYER_DOWNLOADING, 200);
        unpack(f, 100, 1000, 1);
        assert_layer(f, 0, JOB_LAYER_DOWNLOADING, 200);
        set_layer(f, 0, 300, true);
        assert_layer(f, 0, JOB_LAYER_DOWNLOADING, 300);
        make_ready(f, 0, 300);
        assert_layer(f, 0, JOB_LAYER_UNPACKING, 100);
        make_ready(f, 1, 100);
        assert_layer(f, 1, JOB_LAYER_DOWNLOADED, 100);
        unpack(f, 300, 2000, 1);
        assert_layer(f, 0, JOB_LAYER_UNPACKED, 300);
        assert_layer(f, 1, JOB_LAYER_DOWNLOADED, 100);
        unpack(f, 301, 2000, 1);
        assert_layer(f, 1, JOB_LAYER_UNPACKING, 1);
        job_counts_end_unpacked(&f->counts);
        assert_layer(f, 1, JOB_LAYER_UNPACKED, 100);
        assert_progress(f, JOB_PHASE_UNPACK, 400, 400, 1);
}

TASK_TEST(state_never_goes_back) {
        Fixture *f = *state;

        begin(f);
        set_layer(f, 0, 200, true);
        set_layer(f, 0, 0, true);
        assert_layer(f, 0, JOB_LAYER_DOWNLOADING, 0);
}

TASK_TEST(worker_cannot_unpack_what_has_not_arrived) {
        Fixture *f = *state;

        begin(f);
        unpack(f, UINT64_MAX, 0, 0);
        assert_int_equal(f->counts.consumed, 0);
        make_ready(f, 1, 100);
        unpack(f, UINT64_MAX, 0, 0);
        assert_layer(f, 1, JOB_LAYER_DOWNLOADED, 100);
        set_layer(f, 0, 200, true);
        unpack(f, UINT64_MAX, 0, 0);
        assert_int_equal(f->counts.consumed, 200);
        assert_layer(f, 0, JOB_LAYER_DOWNLOADING, 200);
        assert_layer(f, 1, JOB_LAYER_DOWNLOADED, 100);
}

TASK_TEST(worker_cannot_take_back_or_exceed_what_it_said) {
        Fixture *f = *state;

        begin(f);
        make_ready(f, 0, 300);
        unpack(f, 200, 1000, 5);
        unpack(f, 100, 500, 2);
        assert_int_equal(f->counts.consumed, 200);
        assert_int_equal(f->counts.unpacked, 1000);
        assert_int_equal(f->counts.files, 5);
        unpack(f, 200, UINT64_MAX, UINT64_MAX);
        assert_int_equal(f->counts.unpacked, LIMITS_DEFAULT.unpacked_bytes);
        assert_int_equal(f->counts.files, LIMITS_DEFAULT.entries);
        assert_int_equal(job_counts_measure(&f->counts, &f->parts).files, LIMITS_DEFAULT.entries);
}

TASK_TEST(blob_has_no_more_bytes_than_the_image_says) {
        Fixture *f = *state;

        begin(f);
        set_layer(f, 0, 5000, true);
        assert_layer(f, 0, JOB_LAYER_DOWNLOADING, 300);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 300, 400, 0.75);
}

TASK_TEST(shared_layer_is_not_unpacked_again) {
        Fixture *f = *state;

        begin(f);
        job_counts_set_cached(&f->counts, 0);
        job_counts_set_cached(&f->counts, 1);
        job_counts_set_shared(&f->counts, 1);
        assert_progress(f, JOB_PHASE_UNPACK, 300, 400, 0.75);
        assert_layer(f, 0, JOB_LAYER_WAITING, 0);
        make_ready(f, 0, 300);
        assert_layer(f, 0, JOB_LAYER_UNPACKED, 300);
        make_ready(f, 1, 100);
        unpack(f, 50, 1000, 1);
        assert_layer(f, 1, JOB_LAYER_UNPACKING, 50);
        assert_progress(f, JOB_PHASE_UNPACK, 350, 400, 0.875);
}

TASK_TEST(end_of_a_layer_shows_its_unpacked_size) {
        Fixture *f = *state;

        begin(f);
        make_ready(f, 0, 300);
        make_ready(f, 1, 100);
        unpack(f, 299, 900, 1);
        assert_int_equal(job_counts_layer_unpacked(&f->counts, 0), 0);
        unpack(f, 300, 1000, 1);
        unpack(f, 350, 1100, 1);
        unpack(f, 400, 1500, 1);
        assert_int_equal(job_counts_layer_unpacked(&f->counts, 0), 1000);
        assert_int_equal(job_counts_layer_unpacked(&f->counts, 1), 500);
}

TASK_TEST(blob_that_begins_anew_takes_back_what_it_counted) {
        Fixture *f = *state;

        begin(f);
        set_layer(f, 0, 200, true);
        set_layer(f, 0, 0, true);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 0, 400, 0);
        assert_int_equal(job_counts_measure(&f->counts, &f->parts).downloaded, 0);
}

/* Until it is complete, nobody can say which part of the whole has arrived. */
TASK_TEST(unknown_size_has_no_total) {
        Fixture *f = *state;

        f->layers[1].size = PROTO_SIZE_UNKNOWN;
        begin(f);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 0, 0, 0);
        make_ready(f, 0, 300);
        set_layer(f, 1, 500, true);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 800, 0, 0);
        assert_int_equal(job_counts_layer(&f->counts, 1).size, 500);
        make_ready(f, 1, 600);
        assert_progress(f, JOB_PHASE_UNPACK, 0, 900, 0);
        unpack(f, 450, 1000, 1);
        assert_progress(f, JOB_PHASE_UNPACK, 450, 900, 0.5);
}

TASK_TEST(pipe_has_no_fraction) {
        Fixture *f = *state;

        unpack(f, 50, 100, 1);
        assert_progress(f, JOB_PHASE_UNPACK, 50, 0, 0);
        f->counts.tarball_bytes = 200;
        assert_progress(f, JOB_PHASE_UNPACK, 50, 200, 0.25);
        unpack(f, 1000, 100, 1);
        assert_progress(f, JOB_PHASE_UNPACK, 200, 200, 1);
}

TASK_TEST(template_is_built_and_then_unpacked) {
        Fixture *f = *state;

        f->parts.builder.state = PART_RUNNING;
        f->counts.built = 400;
        assert_progress(f, JOB_PHASE_BUILD, 0, 0, 0.4);
        f->counts.consumed = 10;
        assert_progress(f, JOB_PHASE_UNPACK, 10, 0, 0.4);
}

TASK_TEST(whatever_moves_is_seen) {
        Fixture *f = *state;
        uint64_t moved = job_counts_moved(&f->counts);

        assert_int_equal(job_counts_set_image(&f->counts, &f->image, NULL), 0);
        assert_true(job_counts_moved(&f->counts) > moved);
        moved = job_counts_moved(&f->counts);
        set_layer(f, 1, 1, true);
        assert_true(job_counts_moved(&f->counts) > moved);
        moved = job_counts_moved(&f->counts);
        f->counts.consumed++;
        assert_true(job_counts_moved(&f->counts) > moved);
}
