/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base-thread.h"
#include "job-task.h"

struct JobTaskPool {
        pthread_mutex_t lock;
        unsigned n_refs;         /* under the lock: the owner, and each thread */
        bool is_closed;          /* under the lock: the owner and the event loop have ended */
        JobTask *ended;          /* under the lock: owned; not reported yet */
        int event_fd;            /* owned; readable if @ended is not empty */
        sd_event_source *source; /* owned */
        JobTask *waiting; /* owned; oldest first; used only by the event loop, as all that follow */
        unsigned n_threads; /* whose end was not handled yet */
        unsigned n_single;  /* of these, with a single operation */
};

typedef enum TaskState {
        TASK_WAITS, /* for a thread */
        TASK_RUNS,  /* or has ended, which was not reported yet */
        TASK_ENDED,
} TaskState;

struct JobTask {
        JobTask *next;                     /* owned; in one of the lists of its pool */
        JobTaskPool *pool;                 /* borrowed */
        const JobTaskOperation *operation; /* borrowed */
        void *userdata;                    /* borrowed */
        void *data;                        /* owned until it has ended */
        TaskState state;                   /* used only by the event loop */
        bool is_given_up;                  /* under the lock of the pool */
        int r;
        Error error;
};

static void append(JobTask **list, JobTask *task) {
        while (*list)
                list = &(*list)->next;
        *list = task;
}

static JobTask *take_first(JobTask **list) {
        JobTask *task = *list;

        if (task) {
                *list = task->next;
                task->next = NULL;
        }
        return task;
}

static void destroy(JobTask *task) {
        if (task->data)
                task->operation->release(task->data);
        error_clear(&task->error);
        free(task);
}

static void pool_unref(JobTaskPool *pool) {
        bool is_last;

        (void) pthread_mutex_lock(&pool->lock);
        is_last = --pool->n_refs == 0;
        (void) pthread_mutex_unlock(&pool->lock);
        if (!is_last)
                return;

        (void) pthread_mutex_destroy(&pool->lock);
        free(pool);
}

/* Notifies the event loop, if it still exists. */
static void post(JobTask *task) {
        JobTaskPool *pool = task->pool;
        const uint64_t one = 1;

        (void) pthread_mutex_lock(&pool->lock);
        if (!pool->is_closed) {
                append(&pool->ended, task);
                (void) !write(pool->event_fd, &one, sizeof(one));
                task = NULL;
        }
        (void) pthread_mutex_unlock(&pool->lock);
        if (task)
                destroy(task);
}

static void *run(void *argument) {
        JobTask *task = argument;
        JobTaskPool *pool = task->pool;

        task->r = task->operation->work(task, task->data, &task->error);
        if (job_task_is_given_up(task)) {
                task->operation->release(task->data);
                task->data = NULL;
        }
        post(task);
        pool_unref(pool);
        return NULL;
}

static void launch(JobTask *task) {
        JobTaskPool *pool = task->pool;
        int r;

        task->state = TASK_RUNS;
        pool->n_threads++;
        pool->n_single += task->operation->is_single;
        (void) pthread_mutex_lock(&pool->lock);
        pool->n_refs++;
        (void) pthread_mutex_unlock(&pool->lock);

        r = thread_start_detached(run, task);
        if (r >= 0)
                return;

        task->r = error_set_errno(&task->error, -r, "Cannot start a thread");
        post(task);
        pool_unref(pool);
}

static void launch_waiting(JobTaskPool *pool) {
        while (pool->waiting && pool->n_threads < JOB_TASKS_MAX)
                launch(take_first(&pool->waiting));
}

/* Clears the event with the last one, under the lock: what is posted afterwards is an event of its own. */
static JobTask *take_ended(JobTaskPool *pool) {
        JobTask *task;
        uint64_t n;

        (void) pthread_mutex_lock(&pool->lock);
        task = take_first(&pool->ended);
        if (!pool->ended)
                (void) !read(pool->event_fd, &n, sizeof(n));
        (void) pthread_mutex_unlock(&pool->lock);
        return task;
}

/* Afterwards its owner has freed it, or will. */
static void tell(JobTask *task) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (!task->is_given_up) {
                task->state = TASK_ENDED;
                error_move(&error, &task->error);
                task->operation->ended(task->userdata, TAKE_PTR(task->data), task->r, &error);
                return;
        }

        destroy(task);
}

static int on_ended(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        JobTaskPool *pool = userdata;
        JobTask *task;

        while ((task = take_ended(pool))) {
                pool->n_threads--;
                pool->n_single -= task->operation->is_single;
                tell(task);
        }
        launch_waiting(pool);
        return 0;
}

int job_task_pool_new(sd_event *event, JobTaskPool **ret, Error *error) {
        JobTaskPool *pool;
        int r;

        pool = malloc(sizeof(*pool));
        if (!pool)
                return error_oom(error);

        *pool = (JobTaskPool){ .n_refs = 1 };
        (void) pthread_mutex_init(&pool->lock, NULL);
        pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = pool->event_fd < 0
                    ? -errno
                    : sd_event_add_io(
                              event, &pool->source, pool->event_fd, EPOLLIN, on_ended, pool);
        if (r < 0) {
                job_task_pool_free(pool);
                return error_set_errno(error, -r, "Cannot set up threads");
        }

        *ret = pool;
        return 0;
}

JobTaskPool *job_task_pool_free(JobTaskPool *pool) {
        JobTask *task;

        if (!pool)
                return NULL;

        assert(!pool->waiting);
        (void) pthread_mutex_lock(&pool->lock);
        pool->is_closed = true;
        (void) pthread_mutex_unlock(&pool->lock);
        while ((task = take_ended(pool)))
                tell(task);
        sd_event_source_disable_unref(pool->source);
        closep(&pool->event_fd);
        pool_unref(pool);
        return NULL;
}

unsigned job_task_pool_n_threads(const JobTaskPool *pool) {
        return pool->n_threads;
}

int job_task_pool_check(const JobTaskPool *pool, Error *error) {
        if (pool->n_threads < JOB_TASKS_CROWDED)
                return 0;
        return error_set(
                error, ENOBUFS, ERROR_QUEUE_FULL,
                "%u paths are already being looked at; try again later, or find out which file system "
                "does not answer",
                pool->n_threads);
}

bool job_task_pool_runs_single(const JobTaskPool *pool) {
        return pool->n_single > 0;
}

int job_task_start(
        JobTaskPool *pool,
        const JobTaskOperation *operation,
        void *data,
        void *userdata,
        JobTask **ret,
        Error *error) {
        JobTask *task = malloc(sizeof(*task));

        if (!task)
                return error_oom(error);

        *task = (JobTask){
                .pool = pool,
                .operation = operation,
                .data = data,
                .userdata = userdata,
        };
        append(&pool->waiting, task);
        launch_waiting(pool);
        *ret = task;
        return 0;
}

static void stop_waiting(JobTask *task) {
        JobTask **p = &task->pool->waiting;

        while (*p != task)
                p = &(*p)->next;
        *p = task->next;
}

/* The thread, or the event loop, does the rest. */
static void give_up(JobTask *task) {
        (void) pthread_mutex_lock(&task->pool->lock);
        task->is_given_up = true;
        (void) pthread_mutex_unlock(&task->pool->lock);
}

JobTask *job_task_free(JobTask *task) {
        if (!task)
                return NULL;

        switch (task->state) {
        case TASK_WAITS:
                stop_waiting(task);
                destroy(task);
                break;
        case TASK_RUNS:
                give_up(task);
                break;
        case TASK_ENDED:
                destroy(task);
                break;
        }

        return NULL;
}

bool job_task_is_given_up(JobTask *task) {
        bool is_given_up;

        (void) pthread_mutex_lock(&task->pool->lock);
        is_given_up = task->is_given_up;
        (void) pthread_mutex_unlock(&task->pool->lock);
        return is_given_up;
}
