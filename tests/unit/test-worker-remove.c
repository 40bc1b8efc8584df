/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <sys/wait.h>

#include "base-cleanup.h"
#include "worker-remove.h"

#define NOBODY     65534
#define DEPTH      2500 /* more than descriptors, and paths longer than PATH_MAX */
#define WIDE_FILES 300

typedef struct Fixture {
        Scratch scratch;
        int fd;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        f->fd = open(f->scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = f;
        return f->fd < 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        close(f->fd);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static void make_deep(int dir_fd, unsigned depth) {
        int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);

        for (unsigned i = 0; i < depth; i++) {
                int next;

                assert_int_equal(mkdirat(fd, "d", 0755), 0);
                next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                assert_true(next >= 0);
                close(fd);
                fd = next;
        }

        assert_int_equal(mkfifoat(fd, "end", 0600), 0);
        close(fd);
}

static void tree_of_any_depth_is_removed(void **state) {
        Fixture *f = *state;
        int fd;

        scratch_mkdir(&f->scratch, "tree");
        fd = openat(f->fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        make_deep(fd, DEPTH);
        close(fd);
        assert_int_equal(worker_remove_tree(f->fd, "tree", NULL), 0);
        assert_false(scratch_exists(&f->scratch, "tree"));
}

static void make_wide(Fixture *f) {
        char name[64];

        scratch_mkdir(&f->scratch, "tree");
        for (int i = 0; i < 20; i++) {
                (void) snprintf(name, sizeof(name), "tree/%d", i);
                scratch_mkdir(&f->scratch, name);
                for (int j = 0; j < WIDE_FILES / 20; j++) {
                        (void) snprintf(name, sizeof(name), "tree/%d/%d", i, j);
                        scratch_write(&f->scratch, name, "x");
                        (void) snprintf(name, sizeof(name), "tree/%d/d%d", i, j);
                        scratch_mkdir(&f->scratch, name);
                        (void) snprintf(name, sizeof(name), "tree/%d/d%d/.x", i, j);
                        scratch_write(&f->scratch, name, "x");
                }
        }
}

static void emptied_directory_stays_itself(void **state) {
        Fixture *f = *state;
        int fd;

        make_wide(f);
        fd = openat(f->fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(worker_empty_tree(fd, NULL), 0);
        assert_true(fcntl(fd, F_GETFD) >= 0);
        close(fd);
        assert_true(scratch_exists(&f->scratch, "tree"));
        assert_int_equal(rmdir(scratch_at(&f->scratch, "tree")), 0);
}

static void links_are_removed_and_not_followed(void **state) {
        Fixture *f = *state;

        scratch_mkdir(&f->scratch, "outside");
        scratch_write(&f->scratch, "outside/precious", "x");
        scratch_mkdir(&f->scratch, "tree");
        scratch_mkdir(&f->scratch, "tree/sub");
        assert_int_equal(
                symlink(scratch_at(&f->scratch, "outside"), scratch_at(&f->scratch, "tree/a")), 0);
        assert_int_equal(symlink("../../outside", scratch_at(&f->scratch, "tree/sub/b")), 0);
        assert_int_equal(symlink("nowhere", scratch_at(&f->scratch, "tree/sub/c")), 0);
        assert_int_equal(symlink("..", scratch_at(&f->scratch, "tree/sub/d")), 0);
        assert_int_equal(
                link(scratch_at(&f->scratch, "outside/precious"),
                     scratch_at(&f->scratch, "tree/hard")),
                0);
        assert_int_equal(worker_remove_tree(f->fd, "tree", NULL), 0);
        assert_false(scratch_exists(&f->scratch, "tree"));

        assert_int_equal(symlink("outside", scratch_at(&f->scratch, "tree")), 0);
        assert_int_equal(worker_remove_tree(f->fd, "tree", NULL), 0);
        assert_false(scratch_exists(&f->scratch, "tree"));
        assert_true(scratch_exists(&f->scratch, "outside/precious"));
}

static void what_is_missing_is_removed_already(void **state) {
        Fixture *f = *state;

        assert_int_equal(worker_remove_tree(f->fd, "missing", NULL), 0);
        scratch_write(&f->scratch, "file", "x");
        assert_int_equal(worker_remove_tree(f->fd, "file", NULL), 0);
        assert_false(scratch_exists(&f->scratch, "file"));
}

/* Runs as somebody without privileges; returns what the function does. */
static int as_nobody(int (*run)(Fixture *f), Fixture *f) {
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
                                       setresuid(NOBODY, NOBODY, NOBODY) < 0))
                        _exit(99);
                _exit(-run(f));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int make_locked_tree_and_remove_it(Fixture *f) {
        static const struct {
                const char *name;
                mode_t mode;
        } dirs[] = {
                { "tree", 0755 },          { "tree/none", 0755 },   { "tree/none/x", 0755 },
                { "tree/read", 0755 },     { "tree/read/x", 0755 }, { "tree/search", 0755 },
                { "tree/search/x", 0755 }, { "tree/fixed", 0755 },  { "tree/fixed/x", 0755 },
                { "tree/none/x", 0 },      { "tree/none", 0 },      { "tree/read", 0400 },
                { "tree/search", 0100 },   { "tree/fixed", 0500 },  { "tree", 0 },
        };

        for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
                const char *path = scratch_at(&f->scratch, dirs[i].name);

                if (mkdir(path, 0755) < 0 && chmod(path, dirs[i].mode) < 0)
                        return -100;
        }
        return worker_remove_tree(f->fd, "tree", NULL);
}

static void directories_that_nobody_may_enter_are_removed_without_privileges(void **state) {
        Fixture *f = *state;

        assert_int_equal(chmod(f->scratch.path, 0777), 0);
        assert_int_equal(as_nobody(make_locked_tree_and_remove_it, f), 0);
        assert_false(scratch_exists(&f->scratch, "tree"));
}

static int remove_theirs(Fixture *f) {
        Error error = ERROR_NULL;
        int r = worker_remove_tree(f->fd, "tree", &error);

        return r < 0 && (error.code != -r || error.kind != ERROR_ACCESS_DENIED) ? -100 : r;
}

static void tree_of_somebody_else_is_an_error(void **state) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip();
        scratch_mkdir(&f->scratch, "tree");
        scratch_write(&f->scratch, "tree/file", "x");
        assert_int_equal(as_nobody(remove_theirs, f), EACCES);
        assert_true(scratch_exists(&f->scratch, "tree/file"));
}

#define REMOVE_CASE(fn) CASE_WITH(fn, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                REMOVE_CASE(tree_of_any_depth_is_removed),
                REMOVE_CASE(emptied_directory_stays_itself),
                REMOVE_CASE(links_are_removed_and_not_followed),
                REMOVE_CASE(what_is_missing_is_removed_already),
                REMOVE_CASE(directories_that_nobody_may_enter_are_removed_without_privileges),
                REMOVE_CASE(tree_of_somebody_else_is_an_error),
        };

        return cmocka_run_group_tests_name("worker-remove", tests, NULL, NULL);
}
