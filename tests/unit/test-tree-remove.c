/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base-cleanup.h"
#include "test-remove.h"

#define NOBODY     65534
#define DEPTH      2500 /* more than descriptors, and paths longer than PATH_MAX */
#define WIDE_FILES 300
#define SWAPS      500

/* How often a directory becomes a file when it is about to be removed. */
static unsigned n_swaps;

/* Where a link leads that takes the place of a directory that is not empty, before that is opened; NULL: there
 * is none. */
static const char *link_target;

static int swap_for_link(int dir_fd, const char *name) {
        const char *target = link_target;

        link_target = NULL;
        assert_int_equal(renameat(dir_fd, name, AT_FDCWD, "moved"), 0);
        assert_int_equal(symlinkat(target, dir_fd, name), 0);
        errno = ENOTEMPTY;
        return -1;
}

/* In place of the C library's. */
int unlinkat(int dir_fd, const char *name, int flags) {
        if (flags == AT_REMOVEDIR && link_target && strcmp(name, "inner") == 0)
                return swap_for_link(dir_fd, name);
        if (flags == AT_REMOVEDIR && n_swaps > 0) {
                n_swaps--;
                if (syscall(SYS_unlinkat, dir_fd, name, AT_REMOVEDIR) == 0)
                        close(openat(dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        }
        return (int) syscall(SYS_unlinkat, dir_fd, name, flags);
}

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

#define REMOVE_TEST(name) TEST_WITH(name, set_up, tear_down)

REMOVE_TEST(tree_of_any_depth_is_removed) {
        Fixture *f = *state;
        int fd;

        scratch_mkdir(&f->scratch, "tree");
        fd = openat(f->fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        make_deep(fd, DEPTH);
        close(fd);
        assert_int_equal(remove_tree(f->fd, "tree", NULL), 0);
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

REMOVE_TEST(emptied_directory_stays_itself) {
        Fixture *f = *state;
        int fd;

        make_wide(f);
        fd = openat(f->fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(tree_empty(fd, "", NULL), 0);
        assert_true(fcntl(fd, F_GETFD) >= 0);
        close(fd);
        assert_true(scratch_exists(&f->scratch, "tree"));
        assert_int_equal(rmdir(scratch_at(&f->scratch, "tree")), 0);
}

REMOVE_TEST(links_are_removed_and_not_followed) {
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
        assert_int_equal(remove_tree(f->fd, "tree", NULL), 0);
        assert_false(scratch_exists(&f->scratch, "tree"));
        assert_true(scratch_exists(&f->scratch, "outside/precious"));
}

REMOVE_TEST(what_is_mounted_in_a_tree_is_named_and_stays) {
        Fixture *f = *state;
        Error error = ERROR_NULL;
        int r;

        scratch_mkdir(&f->scratch, "tree");
        scratch_mkdir(&f->scratch, "tree/sub");
        scratch_mkdir(&f->scratch, "tree/sub/data");
        if (geteuid() != 0 ||
            mount("tmpfs", scratch_at(&f->scratch, "tree/sub/data"), "tmpfs", 0, NULL) < 0)
                skip();
        scratch_write(&f->scratch, "tree/sub/data/precious", "x");
        r = remove_tree(f->fd, "tree", &error);
        assert_true(scratch_exists(&f->scratch, "tree/sub/data/precious"));
        assert_int_equal(umount(scratch_at(&f->scratch, "tree/sub/data")), 0);
        assert_int_equal(r, -EBUSY);
        assert_string_equal(error.message, "Cannot remove data: something is mounted on it");
        error_clear(&error);
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
        return remove_tree(f->fd, "tree", NULL);
}

REMOVE_TEST(directories_that_nobody_may_enter_are_removed_without_privileges) {
        Fixture *f = *state;

        assert_int_equal(chmod(f->scratch.path, 0777), 0);
        assert_int_equal(as_nobody(make_locked_tree_and_remove_it, f), 0);
        assert_false(scratch_exists(&f->scratch, "tree"));
}

/* A directory without permissions changes places all the time with a link to one that is to keep its own. */
static int remove_beside_who_swaps(Fixture *f) {
        struct stat st;
        pid_t pid = fork();

        if (pid < 0 || (pid == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0))
                _exit(99);
        while (pid == 0)
                (void) renameat2(f->fd, "tree/d", f->fd, "tree/link", RENAME_EXCHANGE);

        for (int i = 0; i < SWAPS; i++) {
                (void) mkdirat(f->fd, "tree", 0755);
                (void) !symlinkat("../victim", f->fd, "tree/link");
                (void) mkdirat(f->fd, "tree/new", 0755);
                (void) mkdirat(f->fd, "tree/new/x", 0755);
                (void) !fchmodat(f->fd, "tree/new", 0, 0);
                (void) renameat(f->fd, "tree/new", f->fd, "tree/d");
                (void) remove_tree(f->fd, "tree", NULL);
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        if (fstatat(f->fd, "victim", &st, 0) < 0 || (st.st_mode & 07777) != 0755)
                return -100;
        return remove_tree(f->fd, "tree", NULL);
}

/* As many as may change: each of them costs one swap. */
REMOVE_TEST(directory_that_becomes_a_file_is_removed) {
        Fixture *f = *state;
        Error error = ERROR_NULL;
        char name[64];

        for (unsigned n = 1; n <= REMOVE_CHANGES_MAX + 1; n += REMOVE_CHANGES_MAX) {
                scratch_mkdir(&f->scratch, "tree");
                for (unsigned i = 0; i < n; i++) {
                        (void) snprintf(name, sizeof(name), "tree/%u", i);
                        scratch_mkdir(&f->scratch, name);
                }
                n_swaps = n;
                assert_int_equal(
                        remove_tree(f->fd, "tree", &error), n > REMOVE_CHANGES_MAX ? -ESTALE : 0);
                assert_true(scratch_exists(&f->scratch, "tree") == (n > REMOVE_CHANGES_MAX));
                n_swaps = 0;
        }
        assert_non_null(strstr(error.message, "others keep moving or refilling directories"));
        error_clear(&error);
}

REMOVE_TEST(link_that_takes_a_directorys_place_is_not_followed) {
        Fixture *f = *state;

        scratch_mkdir(&f->scratch, "outside");
        scratch_write(&f->scratch, "outside/precious", "x");
        scratch_mkdir(&f->scratch, "tree");
        scratch_mkdir(&f->scratch, "tree/inner");
        scratch_write(&f->scratch, "tree/inner/file", "x");
        assert_int_equal(fchdir(f->fd), 0);
        link_target = scratch_at(&f->scratch, "outside");
        assert_int_equal(remove_tree(f->fd, "tree", NULL), 0);
        assert_int_equal(chdir("/"), 0);
        assert_null(link_target);
        assert_false(scratch_exists(&f->scratch, "tree"));
        assert_true(scratch_exists(&f->scratch, "outside/precious"));
}

REMOVE_TEST(permissions_are_not_given_through_a_link) {
        Fixture *f = *state;

        assert_int_equal(chmod(f->scratch.path, 0777), 0);
        scratch_mkdir(&f->scratch, "victim");
        if (geteuid() == 0)
                assert_int_equal(chown(scratch_at(&f->scratch, "victim"), NOBODY, NOBODY), 0);
        assert_int_equal(as_nobody(remove_beside_who_swaps, f), 0);
}

static int remove_theirs(Fixture *f) {
        Error error = ERROR_NULL;
        int r = remove_tree(f->fd, "tree", &error);

        return r < 0 && (error.code != -r || error.kind != ERROR_ACCESS_DENIED) ? -100 : r;
}

REMOVE_TEST(tree_of_somebody_else_is_an_error) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip();
        scratch_mkdir(&f->scratch, "tree");
        scratch_write(&f->scratch, "tree/file", "x");
        assert_int_equal(as_nobody(remove_theirs, f), EACCES);
        assert_true(scratch_exists(&f->scratch, "tree/file"));
}

#define SOMEBODY    4711
#define ROUNDS      100
#define FILES       200 /* so that removing them takes long enough to be disturbed */
#define N_CANARIES  5
#define JAIL_FAILED 90 /* exit status: the jail could not be made */

/* Where something that ought to stay is, from the jail's root on. */
static const char *const canaries[N_CANARIES] = {
        "canary", "precious/canary", "precious/sub/canary", "outside/canary", "home/canary",
};

static void must(bool is_done) {
        if (!is_done)
                _exit(JAIL_FAILED);
}

static void touch(int dir_fd, const char *name) {
        int fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

        must(fd >= 0);
        close(fd);
}

/* A file system in memory, which only this process sees, is all that there is for it. */
static void enter_jail(const char *path) {
        must(unshare(CLONE_NEWNS) >= 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) >= 0 &&
             mount("tmpfs", path, "tmpfs", 0, NULL) >= 0 && chroot(path) >= 0 && chdir("/") >= 0);
        must(mkdir("precious", 0700) >= 0 && mkdir("precious/sub", 0700) >= 0 &&
             mkdir("home", 0755) >= 0 && mkdir("outside", 0777) >= 0 &&
             chmod("outside", 0777) >= 0);
        for (size_t i = 0; i < N_CANARIES; i++)
                touch(AT_FDCWD, canaries[i]);
}

static bool are_canaries_alive(void) {
        for (size_t i = 0; i < N_CANARIES; i++)
                if (access(canaries[i], F_OK) < 0)
                        return false;

        return true;
}

/* tree/alice/a/b/c, all of it but the top somebody's, with many files at its end. */
static void make_tree_of_somebody(void) {
        static const char *const names[] = { "tree/alice", "tree/alice/a", "tree/alice/a/b",
                                             "tree/alice/a/b/c" };
        int fd;

        must(mkdir("tree", 0755) >= 0);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                must(mkdir(names[i], 0755) >= 0 && chown(names[i], SOMEBODY, SOMEBODY) >= 0);

        fd = open("tree/alice/a/b/c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        must(fd >= 0);
        for (int i = 0; i < FILES; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "%d", i);
                touch(fd, name);
        }
        close(fd);
}

/* Moves the innermost directory in the tree, and out of it, as soon as something in it goes; and on. */
static _Noreturn void rename_what_is_removed(uid_t uid, int ready_fd) {
        int alice = open("tree/alice", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int b = open("tree/alice/a/b", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int outside = open("outside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int events = inotify_init1(IN_CLOEXEC);
        char event[4096];

        must(alice >= 0 && b >= 0 && outside >= 0 && events >= 0 &&
             inotify_add_watch(events, "tree/alice/a/b/c", IN_DELETE) >= 0);
        must(setgroups(0, NULL) >= 0 && setresgid(uid, uid, uid) >= 0 &&
             setresuid(uid, uid, uid) >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) >= 0 &&
             write(ready_fd, "", 1) == 1);
        must(read(events, event, sizeof(event)) > 0);

        for (;;) {
                (void) renameat(b, "c", alice, "c2");
                (void) renameat(alice, "c2", b, "c");
                (void) renameat(b, "c", outside, "c3");
                (void) renameat(outside, "c3", alice, "c2");
        }
}

/* What comes out of removing the tree while @uid renames in it: the errno is the exit status. */
static void remove_beside(uid_t uid) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        int ready[2], r;
        char byte;
        pid_t pid;

        make_tree_of_somebody();
        must(pipe2(ready, O_CLOEXEC) >= 0);
        pid = fork();
        if (pid == 0)
                rename_what_is_removed(uid, ready[1]);
        must(pid > 0 && read(ready[0], &byte, 1) == 1);
        close(ready[0]);
        close(ready[1]);

        r = remove_tree(AT_FDCWD, "tree", &error);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        if (!are_canaries_alive())
                _exit(200);
        if (r < 0 && (r != -ESTALE || !strstr(error.message, "moved")))
                _exit(-r);
        if (r >= 0 && access("tree", F_OK) >= 0)
                _exit(201);
        /* Without anybody who moves it the rest can be removed. */
        must(remove_tree(AT_FDCWD, "tree", NULL) >= 0 &&
             remove_tree(AT_FDCWD, "outside/c3", NULL) >= 0);
        if (uid != 0 && r < 0)
                _exit(202);
}

static void remove_beside_in_jail(uid_t uid) {
        Scratch scratch;
        int status;
        pid_t pid;

        if (geteuid() != 0)
                skip();
        scratch_init(&scratch);
        pid = fork();
        if (pid == 0) {
                enter_jail(scratch.path);
                for (int i = 0; i < ROUNDS; i++)
                        remove_beside(uid);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        scratch_done(&scratch);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(nobody_who_renames_directories_loses_others_anything) {
        remove_beside_in_jail(SOMEBODY);
}

TEST(not_even_one_who_may_rename_everything) {
        remove_beside_in_jail(0);
}
