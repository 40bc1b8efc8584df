/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each wall is tried from inside: a child enters the sandbox of a step, as the worker does, and then does
 * what it must not. The exit status says how far it got. */

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "worker-privileges.h"
#include "worker-sandbox.h"

typedef enum Step { STEP_TREE, STEP_BLOB, STEP_DIRECTORY, STEP_NETWORK } Step;

typedef struct Fixture {
        char path[64];
        int fd;
} Fixture;

typedef int Context; /* the directory */

#include "test-wall.h"

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        strcpy(f->path, "/tmp/test-worker-sandbox-XXXXXX");
        assert_non_null(mkdtemp(f->path));
        f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->fd >= 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        (void) unlinkat(f->fd, "node", 0);
        (void) unlinkat(f->fd, "link", 0);
        (void) unlinkat(f->fd, "secret", 0);
        (void) unlinkat(f->fd, "dir", AT_REMOVEDIR);
        close(f->fd);
        assert_int_equal(rmdir(f->path), 0);
        free(f);
        return 0;
}

static int enter(Step step, int *root_fd) {
        bool privileged;

        switch (step) {
        case STEP_TREE:
                return sandbox_enter_tree(SANDBOX_YES, root_fd, &privileged, NULL);
        case STEP_BLOB:
                return sandbox_enter_blob(SANDBOX_YES, NULL);
        case STEP_DIRECTORY:
                return sandbox_enter_directory(SANDBOX_YES, root_fd, NULL);
        case STEP_NETWORK:
                return sandbox_enter_network(SANDBOX_YES, NULL);
        }

        return -EINVAL;
}

/* How far a child gets: @try returns whether it was allowed. */
static int run(Fixture *f, Step step, uid_t uid, bool (*try)(int root_fd)) {
        pid_t pid;

        assert_true(uid == 0 || chown(f->path, uid, uid) == 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (!become(uid) || enter(step, &f->fd) < 0)
                        _exit(NO_SANDBOX);
                _exit(try(f->fd) ? ALLOWED : REFUSED);
        }

        return wait_for(pid);
}

static bool is_root(void) {
        return geteuid() == 0;
}

static bool open_host_file(int root_fd) {
        return open("/etc/passwd", O_RDONLY) >= 0 || open("/proc/self/status", O_RDONLY) >= 0;
}

static bool climb_out(int root_fd) {
        return openat(root_fd, "../../etc/passwd", O_RDONLY) >= 0 ||
               open("/../../../etc/passwd", O_RDONLY) >= 0 ||
               (chdir("../../etc") >= 0 && access("passwd", F_OK) >= 0);
}

static int open_in(int dir_fd, const char *name, uint64_t flags) {
        struct open_how how = { .flags = flags };

        return (int) syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
}

static bool open_outside(int root_fd) {
        return open_in(AT_FDCWD, "/etc/passwd", O_RDONLY) >= 0 ||
               open_in(AT_FDCWD, "/proc/self/status", O_RDONLY) >= 0 ||
               open_in(root_fd, "../../etc/passwd", O_RDONLY) >= 0 ||
               open_in(root_fd, "link", O_RDONLY) >= 0;
}

static bool write_inside(int root_fd) {
        return open_in(root_fd, "secret", O_WRONLY) >= 0 ||
               open_in(root_fd, "secret", O_RDWR) >= 0 ||
               open_in(root_fd, "secret", O_WRONLY | O_TRUNC) >= 0 ||
               mkdirat(root_fd, "dir", 0700) >= 0 || unlinkat(root_fd, "secret", 0) >= 0;
}

static bool read_inside(int root_fd) {
        return open_in(root_fd, "secret", O_RDONLY | O_NONBLOCK) >= 0;
}

static bool make_socket(int root_fd) {
        return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool signal_others(int root_fd) {
        return kill(1, 0) >= 0 || kill(getppid(), 0) >= 0;
}

/* In one piece that is never touched: nothing is really taken. */
static bool take_memory(int root_fd) {
#ifdef __SANITIZE_ADDRESS__
        return false;
#else
        return mmap(NULL, PRIVILEGES_MEMORY_MAX, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
#endif
}

static bool write_tree(int root_fd) {
        struct stat st;

        return mkdirat(root_fd, "dir", 0700) >= 0 && fchownat(root_fd, "dir", 1, 2, 0) >= 0 &&
               mknodat(root_fd, "node", S_IFCHR | 0600, 0x103) >= 0 &&
               fstatat(root_fd, "dir", &st, 0) >= 0 && st.st_uid == 1;
}

static bool write_own_tree(int root_fd) {
        return mkdirat(root_fd, "dir", 0700) >= 0;
}

static bool read_what_root_may(int root_fd) {
        return open("/etc/shadow", O_RDONLY) >= 0;
}

static bool read_other_places(int root_fd) {
        return open("/var/lib/dpkg/status", O_RDONLY) >= 0 || open("/proc/1/status", O_RDONLY) >= 0;
}

static bool write_anywhere(int root_fd) {
        return open("/tmp/test-worker-sandbox-file", O_WRONLY | O_CREAT, 0600) >= 0 ||
               openat(root_fd, "file", O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool resolve_names(int root_fd) {
        return open("/etc/nsswitch.conf", O_RDONLY) >= 0 && socket(AF_INET, SOCK_DGRAM, 0) >= 0;
}

static void check(void **state, const Case *cases, size_t n) {
        check_walls(run, state, cases, n);
}

static void tree_worker_cannot_get_out_of_the_tree(void **state) {
        static const Case cases[] = {
                { "open a host's file", STEP_TREE, open_host_file, REFUSED },
                { "climb out", STEP_TREE, climb_out, REFUSED },
                { "make a socket", STEP_TREE, make_socket, REFUSED },
                { "signal others", STEP_TREE, signal_others, REFUSED },
                { "fork", STEP_TREE, fork_off, REFUSED },
                { "take memory", STEP_TREE, take_memory, REFUSED },
                { "trace others", STEP_TREE, trace_others, KILLED },
                { "execute a program", STEP_TREE, execute, KILLED },
                { "mount", STEP_TREE, mount_something, KILLED },
                { "make a namespace", STEP_TREE, make_namespace, KILLED },
        };

        check(state, cases, sizeof(cases) / sizeof(cases[0]));
}

static void verify_worker_has_nothing_but_its_descriptors(void **state) {
        static const Case cases[] = {
                { "open a host's file", STEP_BLOB, open_host_file, REFUSED },
                { "write", STEP_BLOB, write_anywhere, REFUSED },
                { "make a socket", STEP_BLOB, make_socket, REFUSED },
                { "signal others", STEP_BLOB, signal_others, REFUSED },
                { "fork", STEP_BLOB, fork_off, REFUSED },
                { "take memory", STEP_BLOB, take_memory, REFUSED },
                { "trace others", STEP_BLOB, trace_others, KILLED },
                { "execute a program", STEP_BLOB, execute, KILLED },
        };

        check(state, cases, sizeof(cases) / sizeof(cases[0]));
}

static void fetch_worker_has_the_network_and_reads_the_system(void **state) {
        static const Case cases[] = {
                { "resolve names", STEP_NETWORK, resolve_names, ALLOWED },
                { "read /etc/shadow", STEP_NETWORK, read_what_root_may, REFUSED },
                { "read other places", STEP_NETWORK, read_other_places, REFUSED },
                { "write", STEP_NETWORK, write_anywhere, REFUSED },
                { "signal others", STEP_NETWORK, signal_others, REFUSED },
                { "fork", STEP_NETWORK, fork_off, REFUSED },
                { "take memory", STEP_NETWORK, take_memory, REFUSED },
                { "trace others", STEP_NETWORK, trace_others, KILLED },
                { "execute a program", STEP_NETWORK, execute, KILLED },
                { "mount", STEP_NETWORK, mount_something, KILLED },
        };

        check(state, cases, sizeof(cases) / sizeof(cases[0]));
}

/* A file of @uid that nobody else may read, and a link out. */
static void put_files(Fixture *f, uid_t uid) {
        int fd = openat(f->fd, "secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(fchown(fd, uid, uid), 0);
        close(fd);
        assert_true(symlinkat("/etc/passwd", f->fd, "link") >= 0 || errno == EEXIST);
}

static void reader_of_a_directory_cannot_get_out_of_it(void **state) {
        static const Case cases[] = {
                { "open a host's file", STEP_DIRECTORY, open_outside, REFUSED },
                { "write in it", STEP_DIRECTORY, write_inside, REFUSED },
                { "write", STEP_DIRECTORY, write_anywhere, REFUSED },
                { "make a socket", STEP_DIRECTORY, make_socket, REFUSED },
                { "signal others", STEP_DIRECTORY, signal_others, REFUSED },
                { "fork", STEP_DIRECTORY, fork_off, REFUSED },
                { "take memory", STEP_DIRECTORY, take_memory, REFUSED },
                { "trace others", STEP_DIRECTORY, trace_others, KILLED },
                { "execute a program", STEP_DIRECTORY, execute, KILLED },
        };

        if (!is_root())
                skip();
        put_files(*state, SOMEBODY);
        check(state, cases, sizeof(cases) / sizeof(cases[0]));
}

static void reader_of_a_directory_reads_what_who_started_it_may(void **state) {
        static const struct {
                uid_t owner, reader;
                int want;
        } cases[] = {
                { 0, 0, ALLOWED },
                { SOMEBODY, 0, ALLOWED },
                { SOMEBODY, SOMEBODY, ALLOWED },
                { 0, SOMEBODY, REFUSED },
        };

        if (!is_root())
                skip();

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                put_files(*state, cases[i].owner);
                assert_int_equal(
                        run(*state, STEP_DIRECTORY, cases[i].reader, read_inside), cases[i].want);
        }
}

static void tree_worker_of_root_keeps_what_trees_need(void **state) {
        if (!is_root())
                skip();

        assert_int_equal(run(*state, STEP_TREE, 0, write_tree), ALLOWED);
}

static void tree_worker_of_a_user_writes_its_own_files(void **state) {
        if (!is_root())
                skip();

        assert_int_equal(run(*state, STEP_TREE, SOMEBODY, write_own_tree), ALLOWED);
}

/* How many capabilities a program that is started could ever get. */
static int count_bounding_set(int (*become_other)(Error *error)) {
        pid_t pid = fork();
        int n = 0;

        assert_true(pid >= 0);
        if (pid == 0) {
                if (become_other(NULL) < 0)
                        _exit(NO_SANDBOX);
                for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
                        n += prctl(PR_CAPBSET_READ, c, 0, 0, 0);
                _exit(n);
        }

        return wait_for(pid);
}

static void who_was_root_can_never_get_a_capability_back(void **state) {
        if (!is_root())
                skip();

        assert_int_equal(count_bounding_set(privileges_become_nobody), 0);
        assert_int_equal(count_bounding_set(privileges_become_builder), 0);
        assert_int_equal(count_bounding_set(privileges_become_reader), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE_WITH(tree_worker_cannot_get_out_of_the_tree, set_up, tear_down),
                CASE_WITH(verify_worker_has_nothing_but_its_descriptors, set_up, tear_down),
                CASE_WITH(fetch_worker_has_the_network_and_reads_the_system, set_up, tear_down),
                CASE_WITH(reader_of_a_directory_cannot_get_out_of_it, set_up, tear_down),
                CASE_WITH(reader_of_a_directory_reads_what_who_started_it_may, set_up, tear_down),
                CASE_WITH(tree_worker_of_root_keeps_what_trees_need, set_up, tear_down),
                CASE_WITH(tree_worker_of_a_user_writes_its_own_files, set_up, tear_down),
                CASE(who_was_root_can_never_get_a_capability_back),
        };

        return cmocka_run_group_tests_name("worker-sandbox", tests, NULL, NULL);
}
