/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Some jobs that want blobs, with the real verify worker; the test is who fills the pipe. */

#include "test-job.h"

#include <limits.h>

#include "job-blob.h"
#include "store-cache.h"

#define N_USERS 5

typedef struct Fixture Fixture;

/* A job that wants a blob. */
typedef struct JobUser {
        Fixture *fixture;
        JobBlobUse *use;
        int pipe_fd; /* owned; of the last fill() */
        uint64_t offset;
        unsigned n_fill, n_changed;
        JobBlobStatus status; /* when it was told last */
        ErrorKind failure;    /* of BLOB_FAILED */
        bool frees_itself;    /* as soon as it is told of something */
} JobUser;

struct Fixture {
        JobFixture job;
        JobBlobTable *table;
        JobUser users[N_USERS];
};

static inline void on_changed(void *userdata, JobBlobUse *use) {
        JobUser *user = userdata;

        assert_ptr_equal(use, user->use);
        user->n_changed++;
        user->status = job_blob_use_status(use);
        assert_true(user->status.size <= user->status.arrived || user->status.arrived == 0);
        if (user->status.state == BLOB_FAILED)
                user->failure = user->status.error->kind;
        if (user->frees_itself)
                user->use = job_blob_use_free(use);
}

static inline void on_fill(void *userdata, JobBlobUse *use, int pipe_fd, uint64_t offset) {
        JobUser *user = userdata;

        assert_ptr_equal(use, user->use);
        closep(&user->pipe_fd);
        user->pipe_fd = fcntl(pipe_fd, F_DUPFD_CLOEXEC, 3);
        user->offset = offset;
        user->n_fill++;
}

static const JobBlobEvents events = { .changed = on_changed, .fill = on_fill };

static inline int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        job_fixture_init(&f->job);
        assert_int_equal(job_blob_table_new(&f->job.context, &f->table, NULL), 0);
        for (int i = 0; i < N_USERS; i++)
                f->users[i] = (JobUser){ .fixture = f, .pipe_fd = -EBADF, .offset = UINT64_MAX };
        scratch_mkdir(f->job.scratch, "temporary");
        *state = f;
        return 0;
}

static inline int tear_down(void **state) {
        Fixture *f = *state;

        for (int i = 0; i < N_USERS; i++) {
                job_blob_use_free(f->users[i].use);
                closep(&f->users[i].pipe_fd);
        }
        job_blob_table_free(f->table); /* with nothing in it */
        job_fixture_done(&f->job);
        free(f);
        return 0;
}

static inline void want_request(Fixture *f, JobUser *user, const JobBlobRequest *request) {
        Error error = ERROR_NULL;

        user->pipe_fd = -EBADF;
        assert_int_equal(job_blob_use_new(f->table, request, &events, user, &user->use, &error), 0);
        assert_int_equal(user->n_changed + user->n_fill, 0); /* not from inside */
}

static inline void want(Fixture *f, JobUser *user, const char *content) {
        const JobBlobRequest request = { .digest = digest_of(content), .size = strlen(content) };

        want_request(f, user, &request);
}

/* @origin: where the job's image is; borrowed until the end. */
static inline void want_from(Fixture *f, JobUser *user, const char *content, const char *origin) {
        const JobBlobRequest request = {
                .digest = digest_of(content),
                .size = strlen(content),
                .origin = origin,
        };

        want_request(f, user, &request);
}

static inline void put(JobUser *user, const char *content) {
        assert_true(user->pipe_fd >= 0);
        assert_int_equal(fd_write_full(user->pipe_fd, content, strlen(content)), 0);
}

/* All that the user had to say. */
static inline void end_of(JobUser *user) {
        closep(&user->pipe_fd);
        user->pipe_fd = -EBADF;
}

static inline bool is_asked(void *userdata) {
        return ((JobUser *) userdata)->pipe_fd >= 0;
}

static inline bool is_settled(void *userdata) {
        const JobUser *user = userdata;

        return user->status.state == BLOB_READY || user->status.state == BLOB_FAILED;
}

static inline bool has_some(void *userdata) {
        return ((JobUser *) userdata)->status.size > 0;
}

static inline bool sees_some(void *userdata) {
        return ((JobUser *) userdata)->status.arrived > 0;
}

static inline bool has_arrived(void *userdata) {
        return ((JobUser *) userdata)->status.arrived > ((JobUser *) userdata)->offset;
}

static inline void await_ready(Fixture *f, JobUser *user) {
        loop_until(&f->job, is_settled, user);
        assert_int_equal(user->status.state, BLOB_READY);
}

static inline void await_failure(Fixture *f, JobUser *user, ErrorKind kind) {
        loop_until(&f->job, is_settled, user);
        assert_int_equal(user->status.state, BLOB_FAILED);
        assert_int_equal(user->failure, kind);
}

static inline void check_content(const JobUser *user, const char *content) {
        char data[64];
        int fd;

        assert_int_equal(job_blob_use_open(user->use, &fd, NULL), 0);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(fd_read_full(fd, data, sizeof(data)), strlen(content));
        assert_memory_equal(data, content, strlen(content));
        close(fd);
}

static inline void check_stored(Fixture *f, const char *content) {
        Digest digest = digest_of(content);
        StoreBlob blob = STORE_BLOB_NULL;

        assert_int_equal(store_blob_open(f->job.store, &digest, &blob, NULL), 1);
        assert_true(blob.is_verified);
        assert_int_equal(blob.size, strlen(content));
        close(blob.fd);
        assert_false(scratch_exists(f->job.scratch, partial_path(&digest, strlen(content))));
}

static inline void check_absent(Fixture *f, const char *content, const char *partial) {
        Digest digest = digest_of(content);
        char *left;

        assert_false(scratch_exists(f->job.scratch, blob_path(&digest)));
        if (!partial) {
                assert_false(
                        scratch_exists(f->job.scratch, partial_path(&digest, strlen(content))));
                return;
        }
        left = scratch_read(f->job.scratch, partial_path(&digest, strlen(content)));
        assert_string_equal(left, partial);
        free(left);
}

#define BLOB_TEST(name) TEST_WITH(name, set_up, tear_down)
