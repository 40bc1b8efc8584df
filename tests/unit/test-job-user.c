/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job.h"

#include <dlfcn.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* No ids of real daemons, whose workers may run meanwhile, nor of another run of this program. */
#define FIRST   (first_id())
#define LAST    (FIRST + 2)
#define SKIPPED 77
#define MANY    1024U /* ids of a range from which several are locked at a time */

static uint32_t first_id(void) {
        static uint32_t id;

        if (id == 0)
                id = 66000 + (uint32_t) getpid() % 16 * 2048;
        return id;
}

static unsigned n_looks; /* at all processes */
static time_t advance;   /* seconds that the clock is ahead */
static int lookup_code;  /* with which the next look-ups of users fail, or 0 */

/* These are in the place of libc's. */

int getpwnam_r(
        const char *name,
        struct passwd *entry,
        char *buffer,
        size_t size,
        struct passwd **ret_found) {
        int (*next)(const char *, struct passwd *, char *, size_t, struct passwd **);

        if (lookup_code != 0) {
                *ret_found = NULL;
                return lookup_code;
        }
        *(void **) &next = dlsym(RTLD_NEXT, "getpwnam_r");
        return next(name, entry, buffer, size, ret_found);
}

DIR *opendir(const char *name) {
        DIR *(*next)(const char *name);

        *(void **) &next = dlsym(RTLD_NEXT, "opendir");
        n_looks += strcmp(name, "/proc") == 0;
        return next(name);
}

int clock_gettime(clockid_t clock, struct timespec *ret) {
        int (*next)(clockid_t clock, struct timespec * ret);
        int r;

        *(void **) &next = dlsym(RTLD_NEXT, "clock_gettime");
        r = next(clock, ret);
        ret->tv_sec += advance;
        return r;
}

static void set_range(JobFixture *f, uint32_t first, uint32_t last) {
        f->config.users = (ConfigUsers){ first, last };
        use_users(f, "no such user", "no such user");
}

static int set_up(void **state) {
        JobFixture *f = calloc(1, sizeof(*f));

        job_fixture_init(f);
        set_range(f, FIRST, LAST);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        JobFixture *f = *state;

        job_fixture_done(f);
        free(f);
        return 0;
}

static JobUser *take(JobFixture *f, JobUserPurpose purpose) {
        JobUser *user = NULL;

        assert_int_equal(job_user_take(f->users, purpose, &user, NULL), 0);
        assert_non_null(user);
        return user;
}

static bool has_lock(JobFixture *f, uint32_t id) {
        char path[64];

        (void) snprintf(path, sizeof(path), "locks/ids/%" PRIu32, id);
        return scratch_exists(f->scratch, path);
}

/* As somebody else does who wants the id. */
static int lock(JobFixture *f, uint32_t id) {
        char path[64];
        int fd;

        (void) snprintf(path, sizeof(path), "locks/ids/%" PRIu32, id);
        fd = open(scratch_at(f->scratch, path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        return fd;
}

static void assert_none_is_free(JobFixture *f, JobUserPurpose purpose) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobUser *user = NULL;
        char expected[128];

        assert_int_equal(job_user_take(f->users, purpose, &user, &error), -EUSERS);
        (void) snprintf(
                expected, sizeof(expected),
                "No user is free for a worker: all of %u-%u are taken (WorkerUsers=)", FIRST, LAST);
        assert_string_equal(error.message, expected);
}

#define USER_TEST(name) TEST_WITH(name, set_up, tear_down)

USER_TEST(each_worker_has_an_id_that_no_other_one_has) {
        JobFixture *f = *state;
        JobUser *users[_USER_PURPOSE_MAX];

        for (JobUserPurpose p = 0; p < _USER_PURPOSE_MAX; p++) {
                users[p] = take(f, p);
                assert_in_range(job_user_id(users[p]).uid, FIRST, LAST);
                assert_int_equal(job_user_id(users[p]).uid, job_user_id(users[p]).gid);
                assert_true(has_lock(f, job_user_id(users[p]).uid));
                for (JobUserPurpose q = 0; q < p; q++)
                        assert_int_not_equal(job_user_id(users[q]).uid, job_user_id(users[p]).uid);
        }
        for (JobUserPurpose p = 0; p < _USER_PURPOSE_MAX; p++) {
                assert_none_is_free(f, p);
        }
        for (JobUserPurpose p = 0; p < _USER_PURPOSE_MAX; p++)
                job_user_unref(users[p]);
}

USER_TEST(id_is_free_with_the_last_reference) {
        JobFixture *f = *state;
        JobUser *first, *other;
        uint32_t id;

        set_range(f, FIRST, FIRST);
        first = take(f, USER_FILES);
        id = job_user_id(first).uid;
        other = job_user_ref(first);
        job_user_unref(first);
        assert_true(has_lock(f, id));
        assert_int_equal(job_user_take(f->users, USER_FILES, &first, NULL), -EUSERS);
        job_user_unref(other);
        assert_false(has_lock(f, id));
        job_user_unref(take(f, USER_FILES));
}

USER_TEST(id_is_not_taken_again_as_long_as_there_are_others) {
        JobFixture *f = *state;
        uint32_t ids[3];

        for (size_t i = 0; i < 3; i++) {
                JobUser *user = take(f, USER_FILES);

                ids[i] = job_user_id(user).uid;
                job_user_unref(user);
                for (size_t j = 0; j < i; j++)
                        assert_int_not_equal(ids[j], ids[i]);
        }
}

USER_TEST(id_that_somebody_has_locked_is_left_to_them) {
        JobFixture *f = *state;
        int fd;

        job_user_unref(take(f, USER_FILES)); /* makes the directory */
        set_range(f, FIRST, FIRST);
        fd = lock(f, FIRST);
        assert_int_equal(job_user_take(f->users, USER_FILES, &(JobUser *){ NULL }, NULL), -EUSERS);
        assert_true(has_lock(f, FIRST));
        /* A file that nobody locks is what a killed daemon left. */
        close(fd);
        job_user_unref(take(f, USER_FILES));
}

static bool is_locked_in_store(JobFixture *f, uint32_t id) {
        char path[64];
        int fd;

        (void) snprintf(path, sizeof(path), "store/virt-bootstrap/users/%" PRIu32, id);
        fd = open(scratch_at(f->scratch, path), O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return false;
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
        close(fd);
        return true;
}

USER_TEST(where_nothing_can_be_locked_the_store_has_the_locks) {
        JobFixture *f = *state;
        JobUser *first, *other;

        (void) snprintf(f->locks, sizeof(f->locks), "%s", "/proc/self/locks/ids");
        set_range(f, FIRST, FIRST + 1);
        first = take(f, USER_FILES);
        other = take(f, USER_SEALED);
        assert_int_not_equal(job_user_id(first).uid, job_user_id(other).uid);
        assert_true(is_locked_in_store(f, FIRST) && is_locked_in_store(f, FIRST + 1));
        assert_int_equal(job_user_take(f->users, USER_FILES, &(JobUser *){ NULL }, NULL), -EUSERS);
        job_user_unref(first);
        job_user_unref(other);
        assert_false(is_locked_in_store(f, FIRST) || is_locked_in_store(f, FIRST + 1));
}

/* With one of the four numbers of @change() the id. */
static pid_t start_process(void (*change)(void)) {
        int fds[2];
        pid_t pid;
        char c;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                change();
                /* Otherwise, if a case fails, it would have the id for ever; a change of user resets this. */
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (write(fds[1], "", 1) == 1)
                        for (;;)
                                (void) pause();
                _exit(1);
        }

        close(fds[1]);
        assert_int_equal(read(fds[0], &c, 1), 1);
        close(fds[0]);
        return pid;
}

static void be_user(void) {
        if (setresuid(FIRST, FIRST, FIRST) < 0)
                _exit(1);
}

static void keep_user(void) {
        if (setresuid(0, 0, FIRST) < 0)
                _exit(1);
}

static void be_group(void) {
        if (setresgid(0, FIRST, 0) < 0)
                _exit(1);
}

USER_TEST(id_that_a_process_has_is_not_taken) {
        static void (*const changes[])(void) = { be_user, keep_user, be_group };
        JobFixture *f = *state;

        set_range(f, FIRST, FIRST);
        for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
                const pid_t pid = start_process(changes[i]);

                assert_int_equal(
                        job_user_take(f->users, USER_FILES, &(JobUser *){ NULL }, NULL), -EUSERS);
                assert_false(has_lock(f, FIRST));
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                job_user_unref(take(f, USER_FILES));
        }
}

USER_TEST(processes_are_looked_at_once_for_the_workers_of_a_small_job) {
        JobFixture *f = *state;
        JobUser *users[4];

        set_range(f, FIRST, FIRST + MANY - 1);
        n_looks = 0;
        for (size_t i = 0; i < 4; i++) {
                users[i] = take(f, USER_SEALED);
                assert_true(has_lock(f, job_user_id(users[i]).uid));
                for (size_t j = 0; j < i; j++)
                        assert_int_not_equal(job_user_id(users[j]).uid, job_user_id(users[i]).uid);
        }
        assert_int_equal(n_looks, 1);
        for (size_t i = 0; i < 4; i++)
                job_user_unref(users[i]);
}

USER_TEST(processes_are_looked_at_again_for_the_workers_of_later_jobs) {
        JobFixture *f = *state;
        uint32_t id;

        set_range(f, FIRST, FIRST + MANY - 1);
        n_looks = 0;
        for (advance = 0; advance < 6; advance += 2) {
                JobUser *user = take(f, USER_SEALED);

                id = job_user_id(user).uid;
                job_user_unref(user);
                assert_false(has_lock(f, id));
        }
        advance = 0;
        assert_int_equal(n_looks, 3);
}

static unsigned count_locks(JobFixture *f) {
        _cleanup_(closedirp) DIR *dir = opendir(scratch_at(f->scratch, "locks/ids"));
        const struct dirent *entry;
        unsigned n = 0;

        assert_non_null(dir);
        while ((entry = readdir(dir)))
                n += entry->d_name[0] != '.';
        return n;
}

USER_TEST(ids_that_no_worker_has_needed_are_free_at_the_end) {
        JobFixture *f = *state;

        set_range(f, FIRST, FIRST + MANY - 1);
        job_user_unref(take(f, USER_SEALED));
        assert_int_equal(count_locks(f), 3);
        set_range(f, FIRST, LAST); /* ends the table */
        assert_int_equal(count_locks(f), 0);
}

/* Of several that are locked at a time. */
USER_TEST(only_ids_that_a_process_has_are_left_out) {
        JobFixture *f = *state;
        const pid_t pid = start_process(be_user);

        set_range(f, FIRST, FIRST + MANY - 1);
        for (size_t i = 0; i < MANY; i++) {
                JobUser *user = take(f, USER_SEALED);

                assert_int_not_equal(job_user_id(user).uid, FIRST);
                job_user_unref(user);
        }
        assert_false(has_lock(f, FIRST));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

USER_TEST(processes_are_looked_at_once_for_an_id_of_a_small_range) {
        JobFixture *f = *state;
        JobUser *users[3];

        for (size_t i = 0; i < 3; i++) {
                n_looks = 0;
                users[i] = take(f, USER_FILES);
                assert_int_equal(n_looks, 1);
        }
        for (size_t i = 0; i < 3; i++)
                job_user_unref(users[i]);
}

USER_TEST(id_of_a_user_or_group_is_not_taken) {
        JobFixture *f = *state;
        const struct passwd *user;
        const struct group *group;

        /* The overflow ids are nobody's, whatever the range says. */
        set_range(f, 65534, 65535);
        assert_int_equal(job_user_take(f->users, USER_FILES, &(JobUser *){ NULL }, NULL), -EUSERS);

        setpwent();
        while ((user = getpwent()))
                if (proto_id_is_valid(user->pw_uid)) {
                        set_range(f, user->pw_uid, user->pw_uid);
                        assert_int_equal(
                                job_user_take(f->users, USER_FILES, &(JobUser *){ NULL }, NULL),
                                -EUSERS);
                }
        endpwent();
        setgrent();
        while ((group = getgrent()))
                if (proto_id_is_valid(group->gr_gid)) {
                        set_range(f, group->gr_gid, group->gr_gid);
                        assert_int_equal(
                                job_user_take(f->users, USER_FILES, &(JobUser *){ NULL }, NULL),
                                -EUSERS);
                }
        endgrent();
}

/* A system user whom no process has; the names are this machine's. */
static const char *find_system_user(JobFixture *f) {
        static char name[256];
        const struct passwd *entry;

        setpwent();
        while ((entry = getpwent())) {
                _cleanup_(job_user_unrefp) JobUser *user = NULL;

                (void) snprintf(name, sizeof(name), "%s", entry->pw_name);
                use_users(f, name, name);
                assert_int_equal(job_user_take(f->users, USER_PROGRAMS, &user, NULL), 0);
                if (job_user_id(user).uid == entry->pw_uid)
                        break;
        }

        endpwent();
        return entry ? name : NULL;
}

USER_TEST(system_users_are_for_sealed_workers_and_for_one_builder) {
        JobFixture *f = *state;
        const char *name = find_system_user(f);
        JobUser *users[5];
        uint32_t uid;

        if (!name)
                skip();

        uid = getpwnam(name)->pw_uid;
        users[0] = take(f, USER_SEALED);
        users[1] = take(f, USER_SEALED);
        users[2] = take(f, USER_PROGRAMS);
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(job_user_id(users[i]).uid, uid);
                assert_int_equal(job_user_id(users[i]).gid, getpwnam(name)->pw_gid);
        }
        users[3] = take(f, USER_PROGRAMS);
        users[4] = take(f, USER_FILES);
        for (size_t i = 3; i < 5; i++)
                assert_in_range(job_user_id(users[i]).uid, FIRST, LAST);
        for (size_t i = 0; i < 5; i++)
                job_user_unref(users[i]);
}

/* Neither root nor nobody, whoever has given them such a name. */
USER_TEST(system_users_with_ids_of_others_are_none) {
        JobFixture *f = *state;
        JobUser *user;

        use_users(f, "nobody", "root");
        user = take(f, USER_SEALED);
        assert_in_range(job_user_id(user).uid, FIRST, LAST);
        job_user_unref(user);
        user = take(f, USER_PROGRAMS);
        assert_in_range(job_user_id(user).uid, FIRST, LAST);
        job_user_unref(user);
}

USER_TEST(failure_to_look_a_user_up_is_no_absence) {
        static const JobUserPurpose purposes[] = { USER_SEALED, USER_PROGRAMS };
        static const int codes[] = { EIO, EMFILE, ERANGE };
        JobFixture *f = *state;

        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
                lookup_code = codes[i];
                use_users(f, "no such user", "no such user");
                for (size_t p = 0; p < sizeof(purposes) / sizeof(purposes[0]); p++) {
                        _cleanup_(error_clear) Error error = ERROR_NULL;
                        JobUser *user = NULL;

                        lookup_code = codes[i];
                        assert_int_equal(
                                job_user_take(f->users, purposes[p], &user, &error), -codes[i]);
                        assert_true(strstr(
                                error.message, "Cannot determine whether the user no such user"));
                        /* It is asked for again. */
                        lookup_code = 0;
                        job_user_unref(take(f, purposes[p]));
                }
        }
}

USER_TEST(without_users_there_is_no_system_user) {
        JobFixture *f = *state;

        lookup_code = ENOENT;
        use_users(f, "no such user", "no such user");
        job_user_unref(take(f, USER_SEALED));
        lookup_code = 0;
}

USER_TEST(without_a_sandbox_workers_stay_who_they_are) {
        JobFixture *f = *state;
        JobUser *user = NULL;

        f->config.sandbox = false;
        assert_int_equal(job_user_take(f->users, USER_FILES, &user, NULL), 0);
        assert_null(user);
        assert_int_equal(job_user_id(user).uid, 0);
}

int main(void) {
        if (geteuid() != 0)
                return SKIPPED; /* only root can be others */
        return test_run();
}
