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

static void assert_progress(
        const Fixture *f, JobPhase phase, uint64_t done, uint64_t total, double fraction) {
        const JobProgress progress = job_counts_measure(&f->counts, &f->parts);

        assert_int_equal(progress.phase, phase);
        assert_int_equal(progress.done, done);
        assert_int_equal(progress.total, total);
        assert_true(fabs(progress.fraction - fraction) < 1e-9);
}

#define TASK_TEST(name) TEST_WITH(name, set_up, tear_down)

TASK_TEST(download_is_half_of_an_image) {
        Fixture *f = *state;

        f->parts.fetch.state = PART_RUNNING;
        f->counts.archive_read = 7;
        assert_progress(f, JOB_PHASE_RESOLVE, 7, 0, 0);

        assert_int_equal(job_counts_set_image(&f->counts, &f->image, NULL), 0);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 0, 400, 0);
        set_layer(f, 0, 200, true);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 200, 400, 0.25);
        set_layer(f, 0, 300, true);
        set_layer(f, 1, 100, false);
        assert_progress(f, JOB_PHASE_UNPACK, 0, 400, 0.5);
        f->counts.consumed = 400;
        assert_progress(f, JOB_PHASE_UNPACK, 400, 400, 1);
}

TASK_TEST(cached_layer_is_not_downloaded) {
        Fixture *f = *state;

        f->parts.fetch.state = PART_RUNNING;
        assert_int_equal(job_counts_set_image(&f->counts, &f->image, NULL), 0);
        set_layer(f, 0, 300, false);
        set_layer(f, 1, 50, true);
        assert_int_equal(job_counts_measure(&f->counts, &f->parts).downloaded, 50);
}

TASK_TEST(blob_that_begins_anew_takes_back_what_it_counted) {
        Fixture *f = *state;

        f->parts.fetch.state = PART_RUNNING;
        assert_int_equal(job_counts_set_image(&f->counts, &f->image, NULL), 0);
        set_layer(f, 0, 200, true);
        set_layer(f, 0, 0, true);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 0, 400, 0);
        assert_int_equal(job_counts_measure(&f->counts, &f->parts).downloaded, 0);
}

TASK_TEST(unknown_size_is_what_has_arrived) {
        Fixture *f = *state;

        f->parts.fetch.state = PART_RUNNING;
        f->layers[1].size = PROTO_SIZE_UNKNOWN;
        assert_int_equal(job_counts_set_image(&f->counts, &f->image, NULL), 0);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 0, 300, 0);
        set_layer(f, 1, 500, true);
        assert_progress(f, JOB_PHASE_DOWNLOAD, 500, 800, 500.0 / 1600);
}

TASK_TEST(pipe_has_no_fraction) {
        Fixture *f = *state;

        f->counts.consumed = 50;
        assert_progress(f, JOB_PHASE_UNPACK, 50, 0, 0);
        f->counts.tarball_bytes = 200;
        assert_progress(f, JOB_PHASE_UNPACK, 50, 200, 0.25);
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
        set_layer(f, 1, 1, false);
        assert_true(job_counts_moved(&f->counts) > moved);
        moved = job_counts_moved(&f->counts);
        f->counts.consumed++;
        assert_true(job_counts_moved(&f->counts) > moved);
}
