/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job.h"

void use_users(JobFixture *f, const char *worker, const char *builder) {
        const JobUserSettings settings = {
                .config = &f->config,
                .lock_directory = f->locks,
                .store = f->store,
                .worker = worker,
                .builder = builder,
        };

        job_user_table_free(f->users);
        assert_int_equal(job_user_table_new(&settings, &f->users, NULL), 0);
        f->context.users = f->users;
}

void job_fixture_init(JobFixture *f) {
        void *state;

        (void) signal(SIGPIPE, SIG_IGN);
        /* In its sandbox a worker cannot look for leaks. */
        (void) setenv("LSAN_OPTIONS", "detect_leaks=0", 1);
        assert_int_equal(store_set_up(&state), 0);
        f->store_fixture = state;
        f->scratch = &f->store_fixture->scratch;
        f->store = f->store_fixture->store;
        assert_true(sd_event_new(&f->event) >= 0);
        log_init(&f->log, getenv("TEST_LOG") ? 7 : -1);
        f->config = CONFIG_DEFAULT;
        (void) snprintf(f->locks, sizeof(f->locks), "%s", scratch_at(f->scratch, "locks/ids"));
        f->context = (JobContext){
                .event = f->event,
                .store = f->store,
                .workers = TEST_WORKERS,
                .config = &f->config,
                .log = &f->log,
        };
        use_users(f, "no such user", "no such user");
}

void job_fixture_done(JobFixture *f) {
        void *state = f->store_fixture;

        unsetenv("FAKE_WORKER");
        sd_event_unref(f->event);
        job_user_table_free(f->users);
        assert_int_equal(store_tear_down(&state), 0);
}

void use_fake_worker(JobFixture *f, const char *mode) {
        assert_int_equal(setenv("FAKE_WORKER", mode, 1), 0);
        f->context.workers = TEST_FAKE_WORKERS;
}

void loop_until(JobFixture *f, bool (*is_done)(void *userdata), void *userdata) {
        time_t end = time(NULL) + LOOP_SECONDS_MAX;

        while (!is_done(userdata)) {
                assert_true(time(NULL) < end);
                assert_true(sd_event_run(f->event, 100000) >= 0);
        }
}

bool has_no_child(void *userdata) {
        siginfo_t info = { 0 };

        return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

size_t list_children(pid_t *pids, size_t max) {
        size_t n = 0;
        char path[64];
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
        file = fopen(path, "re");
        assert_non_null(file);
        while (n < max && fscanf(file, "%d", &pids[n]) == 1)
                n++;
        (void) fclose(file);
        return n;
}

void loop_settle(JobFixture *f) {
        while (sd_event_run(f->event, 150000) > 0)
                ;
}

void make_layer(JobFixture *f, const char *name, const char *content) {
        union {
                struct {
                        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8],
                                type, link[100], magic[8];
                };
                uint8_t bytes[TAR_BLOCK * 4];
        } tar = { 0 };
        unsigned sum = 0;
        FILE *file;

        strcpy(tar.name, name);
        strcpy(tar.mode, "0000644");
        strcpy(tar.uid, "0000000");
        strcpy(tar.gid, "0000000");
        (void) snprintf(tar.size, sizeof(tar.size), "%011o", (unsigned) strlen(content));
        strcpy(tar.mtime, "00000000001");
        tar.type = '0';
        memcpy(tar.magic, "ustar\00000", 8);
        memset(tar.checksum, ' ', sizeof(tar.checksum));
        for (size_t i = 0; i < TAR_BLOCK; i++)
                sum += tar.bytes[i];
        (void) snprintf(tar.checksum, sizeof(tar.checksum), "%06o", sum);
        memcpy(tar.bytes + TAR_BLOCK, content, strlen(content));

        file = fopen(scratch_at(f->scratch, "layer.tar"), "we");
        assert_int_equal(fwrite(tar.bytes, 1, sizeof(tar.bytes), file), sizeof(tar.bytes));
        fclose(file);
        assert_int_equal(setenv("FAKE_LAYER", scratch_at(f->scratch, "layer.tar"), 1), 0);
}

void need_root(void) {
        if (geteuid() != 0) {
                print_message("Unpacking as a user needs user namespaces\n");
                skip();
        }
}

int add_job(JobQueue *queue, JobSpec *spec, Job **ret, Error *error) {
        const JobDestinationRequest request = {
                .path = spec->destination,
                .directory_fd = spec->destination_fd,
                .overwrite = spec->overwrite,
                .maps_owners = spec->uids.n_ranges + spec->gids.n_ranges > 0,
        };
        JobDestination *destination;
        int r;

        r = job_destination_new(&request, &destination, error);
        if (r < 0) {
                job_spec_free(spec);
                return r;
        }
        return job_queue_add(queue, spec, destination, ret, error);
}
