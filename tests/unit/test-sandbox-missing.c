/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* As test-sandbox.c, on systems that do not allow every wall. */

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "sandbox.h"

typedef enum Step { TREE, BLOB, DIRECTORY, NETWORK, DISK, PROGRAM, _STEP_MAX } Step;

typedef struct Fixture {
        char path[64];
        int fd;                /* of path/inside */
        bool (*prepare)(void); /* makes the system another one, in a child */
        SandboxMode mode;
        int ready[2], go[2]; /* pipes: from the child that is in its sandbox, and to it */
} Fixture;

typedef const Fixture *Context;

#include "test-wall.h"

static bool forget_both(void) {
        return forget_landlock() && forget_namespaces();
}

/* As Linux before 5.12. */
static bool forget_mount_attributes(void) {
        static const unsigned calls[] = { SYS_mount_setattr };

        return forget_calls(calls, 1, ENOSYS);
}

/* As AppArmor has it, which allows namespaces and nothing in them. */
static bool forget_mounting(void) {
        static const unsigned calls[] = { SYS_mount, SYS_open_tree, SYS_move_mount, SYS_fsopen };

        return forget_calls(calls, 4, EACCES);
}

static bool drop_mounting(void) {
        static const cap_value_t admin = CAP_SYS_ADMIN;
        cap_t caps = cap_get_proc();
        bool ok = caps && cap_set_flag(caps, CAP_EFFECTIVE, 1, &admin, CAP_CLEAR) >= 0 &&
                  cap_set_flag(caps, CAP_PERMITTED, 1, &admin, CAP_CLEAR) >= 0 &&
                  cap_set_proc(caps) >= 0;

        if (caps)
                (void) cap_free(caps);
        return ok;
}

/* A container's root, on a kernel without Landlock. */
static bool be_in_container(void) {
        return forget_both() && drop_mounting();
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        char path[96];

        strcpy(f->path, "/tmp/test-worker-sandbox-missing-XXXXXX");
        assert_non_null(mkdtemp(f->path));
        (void) snprintf(path, sizeof(path), "%s/inside", f->path);
        assert_int_equal(mkdir(path, 0755), 0);
        f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->fd >= 0);
        assert_int_equal(mkdirat(f->fd, "moving", 0755), 0);
        (void) snprintf(path, sizeof(path), "%s/outside", f->path);
        assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)), 0);
        f->mode = SANDBOX_YES;
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        static const char *const names[] = { "inside/moving", "moved", "inside", "outside", "" };
        Fixture *f = *state;
        char path[96];

        (void) unlinkat(f->fd, "node", 0);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", f->path, names[i]);
                assert_true(remove(path) == 0 || errno == ENOENT);
        }
        close(f->fd);
        free(f);
        return 0;
}

static int enter_disk(const Fixture *f, Step step, Error *error) {
        SandboxFiles files = { f->mode, worker_user, NULL, 0 };
        int r = sandbox_leave_network(worker_user, error);

        if (r < 0)
                return r;
        return step == DISK ? sandbox_enter_disk(f->mode, worker_user, error)
                            : sandbox_confine(&files, error);
}

static int enter(Fixture *f, Step step, Error *error) {
        bool privileged;

        switch (step) {
        case TREE:
                return sandbox_enter_tree(f->mode, &f->fd, &privileged, error);
        case BLOB:
                return sandbox_enter_blob(f->mode, worker_user, error);
        case DIRECTORY:
                return sandbox_enter_directory(f->mode, worker_user, &f->fd, error);
        case NETWORK:
                return sandbox_enter_network(f->mode, worker_user, error);
        case DISK:
        case PROGRAM:
                return enter_disk(f, step, error);
        case _STEP_MAX:
                break;
        }

        return -EINVAL;
}

/* Descriptors of directories are for who is confined to them only. */
static void close_unless_needed(Fixture *f, Step step) {
        if (step != TREE && step != DIRECTORY)
                closep(&f->fd);
}

static bool become_in(const Fixture *f, uid_t uid) {
        return chown(f->path, uid, uid) >= 0 && fchown(f->fd, uid, uid) >= 0 && become(uid) &&
               f->prepare();
}

static int run(Fixture *f, Step step, uid_t uid, Try try) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                if (!become_in(f, uid))
                        _exit(NO_SANDBOX);
                close_unless_needed(f, step);
                if (enter(f, step, NULL) != 0)
                        _exit(NO_SANDBOX);
                _exit(try(f) ? ALLOWED : REFUSED);
        }

        return wait_for(pid);
}

static int open_in(int dir_fd, const char *name) {
        struct open_how how = { .flags = O_RDONLY };

        return (int) syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
}

static bool open_elsewhere(const Fixture *f) {
        char path[96];

        (void) snprintf(path, sizeof(path), "%s/outside", f->path);
        return open(path, O_RDONLY) >= 0 || open_in(AT_FDCWD, path) >= 0 ||
               open_in(f->fd, "../outside") >= 0 || openat(f->fd, "../outside", O_RDONLY) >= 0;
}

static bool make_node(const Fixture *f) {
        return mknodat(f->fd, "node", S_IFCHR | 0600, makedev(1, 3)) >= 0 || errno != EPERM;
}

static bool leave_root(const Fixture *f) {
        return chroot("/") >= 0 || chdir("..") < 0 || open_elsewhere(f);
}

static void check_one_wall(Fixture *f, bool (*prepare)(void)) {
        Case cases[_STEP_MAX];

        f->prepare = prepare;
        for (Step step = 0; step < _STEP_MAX; step++)
                cases[step] = (Case){ "open a file elsewhere", step, open_elsewhere, REFUSED };
        check_walls(run, (void **) &f, cases, _STEP_MAX);
}

#define MISSING_TEST(name) TEST_WITH(name, set_up, tear_down)

MISSING_TEST(without_landlock_mounts_are_the_wall) {
        check_one_wall(*state, forget_landlock);
}

MISSING_TEST(without_namespaces_landlock_is_the_wall) {
        check_one_wall(*state, forget_namespaces);
}

MISSING_TEST(where_nothing_can_be_mounted_landlock_is_the_wall) {
        check_one_wall(*state, forget_mounting);
}

static bool is_told(const Error *error) {
        const char *text = error_text(error);

        return strstr(text, "neither a mount namespace (") && strstr(text, " nor Landlock (") &&
               strstr(text, "; Sandbox=best-effort in virt-bootstrapd.conf ");
}

/* How far a child gets that has no wall. */
static int enter_without(Fixture *f, Step step, uid_t uid) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                Error error = ERROR_NULL;
                int r = become_in(f, uid) ? enter(f, step, &error) : -EINVAL;

                if (r < 0)
                        _exit(is_told(&error) ? REFUSED : NO_SANDBOX);
                _exit(r == 1 ? ALLOWED : 1);
        }

        return wait_for(pid);
}

static void check_without(Fixture *f, uid_t uid, Step first, int want) {
        for (Step step = first; step < _STEP_MAX; step++) {
                int got = enter_without(f, step, uid);

                if (got != want)
                        fail_msg("step %d as uid %u: %d, not %d", (int) step, uid, got, want);
        }
}

MISSING_TEST(without_any_wall_a_step_fails_and_says_so) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip();

        f->prepare = forget_both;
        check_without(f, SOMEBODY, TREE, REFUSED);
        /* Root has chroot(2) for a tree. */
        check_without(f, 0, DIRECTORY, REFUSED);
}

MISSING_TEST(with_best_effort_it_goes_on_and_says_so) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip();

        f->prepare = forget_both;
        f->mode = SANDBOX_BEST_EFFORT;
        check_without(f, SOMEBODY, TREE, ALLOWED);
        check_without(f, 0, DIRECTORY, ALLOWED);
}

MISSING_TEST(root_of_a_container_has_the_tree_as_its_root) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip();

        f->prepare = be_in_container;
        assert_int_equal(run(f, TREE, 0, open_elsewhere), REFUSED);
        assert_int_equal(run(f, TREE, 0, leave_root), REFUSED);
        assert_int_equal(run(f, BLOB, 0, open_elsewhere), REFUSED);
}

MISSING_TEST(where_a_node_could_be_opened_none_is_made) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip();

        f->prepare = be_in_container;
        assert_int_equal(run(f, TREE, 0, make_node), REFUSED);
        f->prepare = forget_mount_attributes;
        assert_int_equal(run(f, TREE, 0, make_node), REFUSED);
}

/* Goes up from a directory that is no longer where it was. */
static bool climb_from_moved(const Fixture *f) {
        int fd = open_in(f->fd, "moving");
        char c;

        return fd < 0 || write(f->ready[1], "", 1) != 1 || read(f->go[0], &c, 1) != 1 ||
               open_in(fd, "../outside") >= 0 || open_in(fd, "../../../etc/passwd") >= 0;
}

static void check_moved(Fixture *f, uid_t uid) {
        char from[96], to[96], c;
        pid_t pid;

        (void) snprintf(from, sizeof(from), "%s/inside/moving", f->path);
        (void) snprintf(to, sizeof(to), "%s/moved", f->path);
        assert_int_equal(pipe2(f->ready, O_CLOEXEC), 0);
        assert_int_equal(pipe2(f->go, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void) close(f->go[1]);
                if (!become_in(f, uid) || enter(f, DIRECTORY, NULL) != 0)
                        _exit(NO_SANDBOX);
                _exit(climb_from_moved(f) ? ALLOWED : REFUSED);
        }

        close(f->ready[1]);
        assert_int_equal(read(f->ready[0], &c, 1), 1);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(write(f->go[1], "", 1), 1);
        assert_int_equal(wait_for(pid), REFUSED);
        assert_int_equal(rename(to, from), 0);
        close(f->ready[0]);
        close(f->go[0]);
        close(f->go[1]);
}

MISSING_TEST(directory_that_is_moved_away_leads_nowhere) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip();

        f->prepare = forget_landlock;
        check_moved(f, 0);
        check_moved(f, SOMEBODY);
}
