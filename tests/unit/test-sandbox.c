/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each wall is tried from inside: a child enters the sandbox of a step, as the worker does, and then does
 * what it must not. The exit status says how far it got. */

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "sandbox-privileges.h"
#include "sandbox.h"

typedef enum Step { STEP_TREE, STEP_BLOB, STEP_DIRECTORY, STEP_NETWORK } Step;

typedef struct Fixture {
        char path[64];
        int fd;
} Fixture;

typedef int Context; /* the directory */

#include "test-wall.h"

static pid_t bystander; /* whose user is root */

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
        (void) unlinkat(f->fd, "disk", 0);
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
                return sandbox_enter_blob(SANDBOX_YES, worker_user, NULL);
        case STEP_DIRECTORY:
                return sandbox_enter_directory(SANDBOX_YES, worker_user, root_fd, NULL);
        case STEP_NETWORK:
                return sandbox_enter_network(SANDBOX_YES, worker_user, NULL);
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

/* Whoever waits for the pipe is told by a signal, and both can be chosen. */
static bool signal_by_pipe(int root_fd) {
        const struct f_owner_ex owner = { .type = F_OWNER_PID, .pid = getppid() };
        int fds[2];

        return pipe2(fds, O_NONBLOCK) < 0 || fcntl(fds[0], F_SETOWN, getppid()) >= 0 ||
               fcntl(fds[0], F_SETOWN_EX, &owner) >= 0 || fcntl(fds[0], F_SETSIG, SIGKILL) >= 0 ||
               fcntl(fds[0], F_SETFL, O_ASYNC | O_NONBLOCK) >= 0 ||
               fcntl(root_fd, F_NOTIFY, DN_CREATE) >= 0 || fcntl(fds[0], F_SETLEASE, F_RDLCK) >= 0;
}

static bool use_descriptors(int root_fd) {
        int fds[2];

        return pipe2(fds, 0) >= 0 && fcntl(fds[0], F_SETFL, O_NONBLOCK) >= 0 &&
               (fcntl(fds[0], F_GETFL) & O_NONBLOCK) && fcntl(fds[0], F_DUPFD_CLOEXEC, 3) >= 0 &&
               fcntl(fds[0], F_SETFD, FD_CLOEXEC) >= 0;
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

/* With owner, mode and capabilities, as images have them, on a mount that ignores them. */
static bool write_program(int root_fd) {
        static const char capability[20] = { 0, 0, 0, 2, 0, 0x20 }; /* version 2, none in effect */
        struct stat st;
        int fd = openat(root_fd, "secret", O_WRONLY | O_CREAT, 0600);

        return fd >= 0 && fchown(fd, 1, 2) >= 0 && fchmodat(root_fd, "secret", 04755, 0) >= 0 &&
               fsetxattr(fd, "security.capability", capability, sizeof(capability), 0) >= 0 &&
               fstat(fd, &st) >= 0 && (st.st_mode & 07777) == 04755;
}

/* A device that is on every machine, and whatever the block device would be. */
static bool make_devices(int root_fd) {
        return mknodat(root_fd, "node", S_IFCHR | 0666, makedev(1, 3)) >= 0 &&
               mknodat(root_fd, "disk", S_IFBLK | 0666, makedev(7, 0)) >= 0;
}

static bool is_closed(int root_fd, const char *name, int flags) {
        return openat(root_fd, name, flags) < 0 && errno == EACCES;
}

static bool open_devices(int root_fd) {
        return !make_devices(root_fd) || !is_closed(root_fd, "node", O_RDONLY) ||
               !is_closed(root_fd, "node", O_RDWR) || !is_closed(root_fd, "disk", O_RDONLY) ||
               !is_closed(root_fd, "disk", O_RDWR);
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

static bool make_odd_socket(int root_fd) {
        static const struct {
                int family, type, protocol;
        } sockets[] = {
                { AF_VSOCK, SOCK_STREAM, 0 },
                { AF_ALG, SOCK_SEQPACKET, 0 },
                { AF_PACKET, SOCK_RAW, 0 },
                { AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER },
                { AF_NETLINK, SOCK_RAW, NETLINK_XFRM },
                { AF_NETLINK, SOCK_RAW, NETLINK_GENERIC },
                { AF_NETLINK, SOCK_RAW, NETLINK_AUDIT },
                { AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP },
                { AF_INET, SOCK_RAW, IPPROTO_ICMP },
        };

        for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
                if (socket(sockets[i].family, sockets[i].type, sockets[i].protocol) >= 0 ||
                    errno != EPERM)
                        return true;
        return false;
}

static bool make_usual_socket(int root_fd) {
        return socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) >= 0 &&
               socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP) >= 0 &&
               socket(AF_UNIX, SOCK_STREAM, 0) >= 0 &&
               socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) >= 0;
}

static bool control_others(int root_fd) {
        int fd = socket(AF_INET, SOCK_STREAM, 0), value = 1, owner = getppid();
        char c = 'x';

        return fd < 0 || ioctl(fd, FIOSETOWN, &owner) >= 0 || ioctl(fd, SIOCSPGRP, &owner) >= 0 ||
               ioctl(fd, FIOASYNC, &value) >= 0 || ioctl(STDERR_FILENO, TIOCSTI, &c) >= 0 ||
               errno != EPERM;
}

static bool control_socket(int root_fd) {
        int fd = socket(AF_INET, SOCK_STREAM, 0), value = 1;

        return fd >= 0 && ioctl(fd, FIONBIO, &value) >= 0;
}

static void check(void **state, const Case *cases, size_t n) {
        check_walls(run, state, cases, n);
}

#define SANDBOX_TEST(name) TEST_WITH(name, set_up, tear_down)

SANDBOX_TEST(tree_worker_cannot_get_out_of_the_tree) {
        static const Case cases[] = {
                { "open a host's file", STEP_TREE, open_host_file, REFUSED },
                { "climb out", STEP_TREE, climb_out, REFUSED },
                { "make a socket", STEP_TREE, make_socket, REFUSED },
                { "signal others", STEP_TREE, signal_others, REFUSED },
                { "have a signal sent", STEP_TREE, signal_by_pipe, REFUSED },
                { "use descriptors", STEP_TREE, use_descriptors, ALLOWED },
                { "fork", STEP_TREE, fork_off, REFUSED },
                { "take memory", STEP_TREE, take_memory, REFUSED },
                { "trace others", STEP_TREE, trace_others, KILLED },
                { "execute a program", STEP_TREE, execute, KILLED },
                { "mount", STEP_TREE, mount_something, KILLED },
                { "make a namespace", STEP_TREE, make_namespace, KILLED },
        };

        check(state, cases, sizeof(cases) / sizeof(cases[0]));
}

SANDBOX_TEST(verify_worker_has_nothing_but_its_descriptors) {
        static const Case cases[] = {
                { "open a host's file", STEP_BLOB, open_host_file, REFUSED },
                { "write", STEP_BLOB, write_anywhere, REFUSED },
                { "make a socket", STEP_BLOB, make_socket, REFUSED },
                { "signal others", STEP_BLOB, signal_others, REFUSED },
                { "have a signal sent", STEP_BLOB, signal_by_pipe, REFUSED },
                { "use descriptors", STEP_BLOB, use_descriptors, ALLOWED },
                { "fork", STEP_BLOB, fork_off, REFUSED },
                { "take memory", STEP_BLOB, take_memory, REFUSED },
                { "trace others", STEP_BLOB, trace_others, KILLED },
                { "execute a program", STEP_BLOB, execute, KILLED },
        };

        check(state, cases, sizeof(cases) / sizeof(cases[0]));
}

SANDBOX_TEST(fetch_worker_has_the_network_and_reads_the_system) {
        static const Case cases[] = {
                { "resolve names", STEP_NETWORK, resolve_names, ALLOWED },
                { "make a usual socket", STEP_NETWORK, make_usual_socket, ALLOWED },
                { "make an odd socket", STEP_NETWORK, make_odd_socket, REFUSED },
                { "control a socket", STEP_NETWORK, control_socket, ALLOWED },
                { "control others", STEP_NETWORK, control_others, REFUSED },
                { "read /etc/shadow", STEP_NETWORK, read_what_root_may, REFUSED },
                { "read other places", STEP_NETWORK, read_other_places, REFUSED },
                { "write", STEP_NETWORK, write_anywhere, REFUSED },
                { "signal others", STEP_NETWORK, signal_others, REFUSED },
                { "have a signal sent", STEP_NETWORK, signal_by_pipe, REFUSED },
                { "use descriptors", STEP_NETWORK, use_descriptors, ALLOWED },
                { "fork", STEP_NETWORK, fork_off, REFUSED },
                { "take memory", STEP_NETWORK, take_memory, REFUSED },
                { "trace others", STEP_NETWORK, trace_others, KILLED },
                { "execute a program", STEP_NETWORK, execute, KILLED },
                { "mount", STEP_NETWORK, mount_something, KILLED },
        };

        check(state, cases, sizeof(cases) / sizeof(cases[0]));
}

static bool kill_by_pipe(int root_fd) {
        int fds[2];

        return pipe2(fds, O_NONBLOCK) >= 0 && fcntl(fds[0], F_SETOWN, bystander) >= 0 &&
               fcntl(fds[0], F_SETSIG, SIGKILL) >= 0 &&
               fcntl(fds[0], F_SETFL, O_ASYNC | O_NONBLOCK) >= 0 && write(fds[1], "", 1) == 1;
}

SANDBOX_TEST(workers_cannot_have_a_bystander_killed) {
        static const Step steps[] = { STEP_TREE, STEP_BLOB, STEP_DIRECTORY, STEP_NETWORK };
        int status;

        if (!is_root())
                skip();

        bystander = fork();
        assert_true(bystander >= 0);
        if (bystander == 0)
                for (;;)
                        (void) pause();

        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
                assert_int_equal(run(*state, steps[i], 0, kill_by_pipe), REFUSED);

        /* A signal that came before is the one that it ends by. */
        assert_int_equal(kill(bystander, SIGTERM), 0);
        assert_int_equal(waitpid(bystander, &status, 0), bystander);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGTERM);
}

/* A file of @uid that nobody else may read, and a link out. */
static void put_files(Fixture *f, uid_t uid) {
        int fd = openat(f->fd, "secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(fchown(fd, uid, uid), 0);
        close(fd);
        assert_true(symlinkat("/etc/passwd", f->fd, "link") >= 0 || errno == EEXIST);
}

SANDBOX_TEST(reader_of_a_directory_cannot_get_out_of_it) {
        static const Case cases[] = {
                { "open a host's file", STEP_DIRECTORY, open_outside, REFUSED },
                { "write in it", STEP_DIRECTORY, write_inside, REFUSED },
                { "write", STEP_DIRECTORY, write_anywhere, REFUSED },
                { "make a socket", STEP_DIRECTORY, make_socket, REFUSED },
                { "signal others", STEP_DIRECTORY, signal_others, REFUSED },
                { "have a signal sent", STEP_DIRECTORY, signal_by_pipe, REFUSED },
                { "use descriptors", STEP_DIRECTORY, use_descriptors, ALLOWED },
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

SANDBOX_TEST(reader_of_a_directory_reads_what_who_started_it_may) {
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

SANDBOX_TEST(tree_worker_of_root_keeps_what_trees_need) {
        if (!is_root())
                skip();

        assert_int_equal(run(*state, STEP_TREE, 0, write_tree), ALLOWED);
}

SANDBOX_TEST(tree_worker_makes_programs_that_are_not_run) {
        if (!is_root())
                skip();

        assert_int_equal(run(*state, STEP_TREE, 0, write_program), ALLOWED);
}

SANDBOX_TEST(tree_worker_makes_devices_and_cannot_open_them) {
        if (!is_root())
                skip();

        assert_int_equal(run(*state, STEP_TREE, 0, open_devices), REFUSED);
}

SANDBOX_TEST(tree_worker_of_a_user_writes_its_own_files) {
        if (!is_root())
                skip();

        assert_int_equal(run(*state, STEP_TREE, SOMEBODY, write_own_tree), ALLOWED);
}

/* How many capabilities a program that is started could ever get. */
static int count_bounding_set(int (*become_other)(ProtoUser user, Error *error)) {
        pid_t pid = fork();
        int n = 0;

        assert_true(pid >= 0);
        if (pid == 0) {
                if (become_other(worker_user, NULL) < 0)
                        _exit(NO_SANDBOX);
                for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
                        n += prctl(PR_CAPBSET_READ, c, 0, 0, 0);
                _exit(n);
        }

        return wait_for(pid);
}

TEST(who_was_root_can_never_get_a_capability_back) {
        if (!is_root())
                skip();

        assert_int_equal(count_bounding_set(sandbox_privileges_become_user), 0);
        assert_int_equal(count_bounding_set(sandbox_privileges_become_builder), 0);
        assert_int_equal(count_bounding_set(sandbox_privileges_become_reader), 0);
}
