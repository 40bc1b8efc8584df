/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job.h"

#include "base-macro.h"
#include "job-spares.h"

typedef struct Fixture {
        JobFixture job;
        JobSpec spec;
        JobProcess *process;
        unsigned n_ended;
        Error result;
} Fixture;

static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
}

static void on_ended(void *userdata, const Error *error) {
        Fixture *f = userdata;

        f->n_ended++;
        if (error->code != 0)
                (void) error_copy(&f->result, error);
        f->process = job_process_free(f->process);
}

static const JobProcessEvents events = { .message = on_message, .ended = on_ended };

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        job_fixture_init(&f->job);
        f->spec = (JobSpec){
                .source_kind = JOB_SOURCE_REGISTRY,
                .destination = (char[]){ "/nowhere" },
        };
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        job_process_free(f->process);
        f->job.context.spares = job_spares_free(f->job.context.spares);
        error_clear(&f->result);
        job_fixture_done(&f->job);
        free(f);
        return 0;
}

static size_t count_children(void) {
        pid_t pids[8];

        return list_children(pids, N_ELEMENTS(pids));
}

static void start_spares(Fixture *f, const char *mode) {
        use_fake_worker(&f->job, mode);
        f->job.context.spares = job_spares_new(&f->job.context, &f->spec);
        assert_non_null(f->job.context.spares);
}

static void start(Fixture *f, JobWorkerKind kind) {
        assert_int_equal(job_spares_start(&f->job.context, kind, &events, f, &f->process, NULL), 0);
}

static bool has_ended(void *userdata) {
        return ((Fixture *) userdata)->n_ended > 0;
}

#define SPARES_TEST(name) TEST_WITH(name, set_up, tear_down)

SPARES_TEST(each_job_has_those_that_it_will_need) {
        static const struct {
                JobSource source;
                bool offline, inspects;
                unsigned n;
        } jobs[] = {
                { JOB_SOURCE_REGISTRY, false, false, 3 }, /* fetch, resolve, unpack */
                { JOB_SOURCE_FILES, false, false, 3 },    { JOB_SOURCE_REGISTRY, true, false, 2 },
                { JOB_SOURCE_REGISTRY, false, true, 2 },  { JOB_SOURCE_TARBALL, false, false, 1 },
                { JOB_SOURCE_TEMPLATE, false, false, 1 },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < N_ELEMENTS(jobs); i++) {
                f->spec.source_kind = jobs[i].source;
                f->spec.offline = jobs[i].offline;
                f->spec.destination = jobs[i].inspects ? NULL : (char[]){ "/nowhere" };
                start_spares(f, "wait-silently");
                assert_int_equal(count_children(), jobs[i].n);
                f->job.context.spares = job_spares_free(f->job.context.spares);
                assert_int_equal(count_children(), 0);
        }
}

/* tests/lint/check-links.py has what each of them links. */
SPARES_TEST(files_are_fetched_by_who_has_no_client_of_registries) {
        static const struct {
                JobSource source;
                bool is_directory;
                JobWorkerKind kind;
        } jobs[] = {
                { JOB_SOURCE_REGISTRY, false, WORKER_FETCH },
                { JOB_SOURCE_FILES, false, WORKER_FETCH_ARCHIVE },
                { JOB_SOURCE_FILES, true, WORKER_FETCH_DIRECTORY },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < N_ELEMENTS(jobs); i++) {
                f->spec.source_kind = jobs[i].source;
                f->spec.is_directory = jobs[i].is_directory;
                assert_int_equal(job_spares_fetcher(&f->spec), jobs[i].kind);
                start_spares(f, "wait-silently");
                start(f, jobs[i].kind);
                assert_int_equal(count_children(), 3); /* it was one of them */
                f->process = job_process_free(f->process);
                f->job.context.spares = job_spares_free(f->job.context.spares);
        }
}

SPARES_TEST(worker_that_is_needed_is_the_one_that_waits) {
        Fixture *f = *state;

        start_spares(f, "wait-silently");
        start(f, WORKER_UNPACK);
        assert_int_equal(count_children(), 3);
        job_process_stop(f->process);
        loop_until(&f->job, has_ended, f);
        assert_int_equal(f->n_ended, 1);
        assert_int_equal(count_children(), 2);

        /* There was but one. */
        start(f, WORKER_UNPACK);
        assert_int_equal(count_children(), 3);
}

SPARES_TEST(spare_that_died_is_replaced) {
        Fixture *f = *state;

        start_spares(f, "die");
        loop_until(&f->job, has_no_child, NULL);
        loop_settle(&f->job);
        use_fake_worker(&f->job, "succeed");
        start(f, WORKER_UNPACK);
        loop_until(&f->job, has_ended, f);
        assert_int_equal(f->result.code, 0);
}
