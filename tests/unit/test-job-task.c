/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "job-task.h"

/* Tasks that hang read from a pipe into which nobody writes, until its other end is closed. */

#define LOOP_SECONDS_MAX 60
#define TASKS            (2 * JOB_TASKS_MAX)
#define ROUNDS           200

typedef struct Fixture {
        sd_event *event;
        JobTaskPool *pool;
        int hang_fds[2];
        unsigned n_tasks;
        JobTask *tasks[TASKS];
        unsigned order[TASKS]; /* of the ends */
        unsigned n_ended;
        pthread_t loop; /* the thread of the event loop */
        int r;          /* of the last one */
        Error error;
        atomic_uint n_running, n_running_max, n_begun, n_released, n_given_up;
        atomic_bool is_released_in_thread;
} Fixture;

typedef struct Data {
        Fixture *f;
        unsigned number;
} Data;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        assert_true(sd_event_new(&f->event) >= 0);
        assert_int_equal(job_task_pool_new(f->event, &f->pool, NULL), 0);
        assert_int_equal(pipe2(f->hang_fds, O_CLOEXEC), 0);
        f->loop = pthread_self();
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        for (unsigned i = 0; i < f->n_tasks; i++)
                job_task_free(f->tasks[i]);
        job_task_pool_free(f->pool);
        sd_event_unref(f->event);
        closep(&f->hang_fds[0]);
        closep(&f->hang_fds[1]);
        error_clear(&f->error);
        free(f);
        return 0;
}

static void begin(Data *data) {
        unsigned running = atomic_fetch_add(&data->f->n_running, 1) + 1;
        unsigned max = atomic_load(&data->f->n_running_max);

        while (running > max &&
               !atomic_compare_exchange_weak(&data->f->n_running_max, &max, running))
                ;
        atomic_fetch_add(&data->f->n_begun, 1);
}

static int succeed(JobTask *task, void *userdata, Error *error) {
        Data *data = userdata;

        begin(data);
        assert_false(pthread_equal(pthread_self(), data->f->loop));
        atomic_fetch_sub(&data->f->n_running, 1);
        return (int) data->number;
}

static int refuse(JobTask *task, void *userdata, Error *error) {
        return error_set(error, ENOTDIR, ERROR_INVALID_DESTINATION, "It is a file");
}

static int hang(JobTask *task, void *userdata, Error *error) {
        Data *data = userdata;
        char c;

        begin(data);
        (void) !read(data->f->hang_fds[0], &c, 1);
        atomic_fetch_add(&data->f->n_given_up, job_task_is_given_up(task));
        atomic_fetch_sub(&data->f->n_running, 1);
        return 0;
}

static int look_at_signals(JobTask *task, void *userdata, Error *error) {
        sigset_t blocked;

        assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
        return sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGCHLD);
}

static void release(void *userdata) {
        Data *data = userdata;

        atomic_store(
                &data->f->is_released_in_thread, !pthread_equal(pthread_self(), data->f->loop));
        atomic_fetch_add(&data->f->n_released, 1);
        free(data);
}

static void on_ended(void *userdata, void *released, int r, Error *error) {
        Fixture *f = userdata;
        Data *data = released;

        assert_true(pthread_equal(pthread_self(), f->loop));
        f->order[f->n_ended++] = data->number;
        f->r = r;
        error_clear(&f->error);
        f->tasks[data->number] = job_task_free(f->tasks[data->number]);
        /* It outlives the task. */
        error_move(&f->error, error);
        free(data);
}

#define OPERATION(function)                                                                        \
        static const JobTaskOperation function##_operation = { .work = (function),                 \
                                                               .release = release,                 \
                                                               .ended = on_ended }

OPERATION(succeed);
OPERATION(refuse);
OPERATION(hang);
OPERATION(look_at_signals);

static void start(Fixture *f, const JobTaskOperation *operation) {
        Data *data = malloc(sizeof(*data));

        *data = (Data){ .f = f, .number = f->n_tasks };
        assert_int_equal(
                job_task_start(f->pool, operation, data, f, &f->tasks[f->n_tasks++], NULL), 0);
}

static void loop_until(Fixture *f, unsigned n_ended) {
        time_t end = time(NULL) + LOOP_SECONDS_MAX;

        while (f->n_ended < n_ended) {
                assert_true(time(NULL) < end);
                assert_true(sd_event_run(f->event, 100000) >= 0);
        }
}

/* What a thread does when nobody waits for it comes without an event. */
static void wait_for(Fixture *f, atomic_uint *value, unsigned want) {
        time_t end = time(NULL) + LOOP_SECONDS_MAX;

        while (atomic_load(value) < want) {
                assert_true(time(NULL) < end);
                assert_true(sd_event_run(f->event, 1000) >= 0);
        }
}

static void let_go(Fixture *f) {
        closep(&f->hang_fds[1]);
        f->hang_fds[1] = -EBADF;
}

static void await_threads(Fixture *f) {
        time_t end = time(NULL) + LOOP_SECONDS_MAX;

        while (job_task_pool_n_threads(f->pool) > 0) {
                assert_true(time(NULL) < end);
                assert_true(sd_event_run(f->event, 100000) >= 0);
        }
}

#define TASK_TEST(name) TEST_WITH(name, set_up, tear_down)

TASK_TEST(end_is_told_once_from_the_event_loop) {
        Fixture *f = *state;

        start(f, &succeed_operation);
        start(f, &succeed_operation);
        assert_int_equal(f->n_ended, 0);
        loop_until(f, 2);
        await_threads(f);
        assert_int_equal(sd_event_run(f->event, 0), 0);
        assert_int_equal(f->n_ended, 2);
        assert_int_equal(f->n_released, 0);
        assert_int_equal(f->error.code, 0);
}

/* An end may come while another one is told. */
TASK_TEST(event_loop_has_nothing_left_to_do_once_all_ends_are_told) {
        Fixture *f = *state;

        for (unsigned round = 0; round < ROUNDS; round++) {
                f->n_tasks = f->n_ended = 0;
                for (unsigned i = 0; i < JOB_TASKS_MAX; i++)
                        start(f, &succeed_operation);
                loop_until(f, JOB_TASKS_MAX);
                assert_int_equal(sd_event_run(f->event, 0), 0);
        }
}

TASK_TEST(error_of_the_work_is_told) {
        Fixture *f = *state;

        start(f, &refuse_operation);
        loop_until(f, 1);
        assert_int_equal(f->r, -ENOTDIR);
        assert_int_equal(f->error.kind, ERROR_INVALID_DESTINATION);
        assert_string_equal(error_text(&f->error), "It is a file");
}

TASK_TEST(signals_are_for_the_event_loop) {
        Fixture *f = *state;

        start(f, &look_at_signals_operation);
        loop_until(f, 1);
        assert_int_equal(f->r, 1);
}

TASK_TEST(task_that_hangs_holds_up_nothing) {
        Fixture *f = *state;

        start(f, &hang_operation);
        wait_for(f, &f->n_running, 1);
        start(f, &succeed_operation);
        loop_until(f, 1);
        assert_int_equal(f->order[0], 1);
        let_go(f);
        loop_until(f, 2);
}

TASK_TEST(more_tasks_than_threads_wait_in_order) {
        Fixture *f = *state;

        for (unsigned i = 0; i < JOB_TASKS_MAX; i++)
                start(f, &hang_operation);
        wait_for(f, &f->n_running, JOB_TASKS_MAX);
        for (unsigned i = 0; i < 3; i++)
                start(f, &hang_operation);
        assert_int_equal(sd_event_run(f->event, 10000), 0);
        assert_int_equal(f->n_begun, JOB_TASKS_MAX);
        let_go(f);
        loop_until(f, JOB_TASKS_MAX + 3);
        assert_int_equal(f->n_running_max, JOB_TASKS_MAX);
}

TASK_TEST(nothing_new_begins_when_many_hang) {
        Fixture *f = *state;
        Error error = ERROR_NULL;

        for (unsigned i = 0; i < JOB_TASKS_CROWDED; i++) {
                assert_int_equal(job_task_pool_check(f->pool, NULL), 0);
                start(f, &hang_operation);
        }
        assert_int_equal(job_task_pool_check(f->pool, &error), -ENOBUFS);
        assert_int_equal(error.kind, ERROR_QUEUE_FULL);
        error_clear(&error);
        let_go(f);
        await_threads(f);
        assert_int_equal(job_task_pool_check(f->pool, NULL), 0);
}

TASK_TEST(task_that_was_given_up_releases_its_data_and_tells_nobody) {
        Fixture *f = *state;

        start(f, &hang_operation);
        wait_for(f, &f->n_running, 1);
        f->tasks[0] = job_task_free(f->tasks[0]);
        assert_int_equal(sd_event_run(f->event, 10000), 0);
        assert_int_equal(f->n_released, 0);
        assert_int_equal(job_task_pool_n_threads(f->pool), 1);
        let_go(f);
        await_threads(f);
        assert_int_equal(f->n_ended, 0);
        assert_int_equal(f->n_given_up, 1);
        assert_int_equal(f->n_released, 1);
        assert_true(f->is_released_in_thread);
}

TASK_TEST(task_that_waits_is_given_up_at_once) {
        Fixture *f = *state;

        for (unsigned i = 0; i < JOB_TASKS_MAX; i++)
                start(f, &hang_operation);
        start(f, &succeed_operation);
        f->tasks[JOB_TASKS_MAX] = job_task_free(f->tasks[JOB_TASKS_MAX]);
        assert_int_equal(f->n_released, 1);
        let_go(f);
        loop_until(f, JOB_TASKS_MAX);
        assert_int_equal(f->n_begun, JOB_TASKS_MAX);
}

TASK_TEST(end_that_was_not_told_yet_is_given_up) {
        Fixture *f = *state;

        start(f, &succeed_operation);
        wait_for(f, &f->n_begun, 1);
        f->tasks[0] = job_task_free(f->tasks[0]);
        await_threads(f);
        assert_int_equal(f->n_released + f->n_ended, 1);
}

TASK_TEST(thread_that_hangs_outlives_the_pool) {
        Fixture *f = *state;
        time_t end = time(NULL) + LOOP_SECONDS_MAX;

        start(f, &hang_operation);
        wait_for(f, &f->n_running, 1);
        f->tasks[0] = job_task_free(f->tasks[0]);
        f->pool = job_task_pool_free(f->pool);
        assert_int_equal(f->n_released, 0);
        let_go(f);
        while (atomic_load(&f->n_released) == 0) {
                assert_true(time(NULL) < end);
                sched_yield();
        }
        assert_int_equal(f->n_ended, 0);
}

TASK_TEST(single_operation_is_told_until_its_thread_ends) {
        static const JobTaskOperation single_operation = {
                .work = hang,
                .release = release,
                .ended = on_ended,
                .is_single = true,
        };
        Fixture *f = *state;

        start(f, &hang_operation);
        assert_false(job_task_pool_runs_single(f->pool));
        start(f, &single_operation);
        assert_true(job_task_pool_runs_single(f->pool));

        /* Its caller is gone, but not the thread. */
        f->tasks[1] = job_task_free(f->tasks[1]);
        assert_true(job_task_pool_runs_single(f->pool));
        closep(&f->hang_fds[1]);
        loop_until(f, 1);
        while (job_task_pool_runs_single(f->pool))
                assert_true(sd_event_run(f->event, 100000) >= 0);
}
