/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* As test-sandbox.c, for the disk worker and for the program that is its child. */

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "proto-message.h"
#include "sandbox.h"

typedef enum Step { WORKER, PROGRAM } Step;

/* Two images and what is beside them, in a directory that everybody may write to. */
typedef struct Fixture {
        char path[64];
        int dir_fd;
        int fds[2]; /* the first one read-only */
        int other_fd;
        pid_t other_pid; /* of the user that a worker is */
} Fixture;

typedef const Fixture *Context;

#include "test-wall.h"

static const char *const names[] = { "lower", "upper", "other" };

static int open_file(const Fixture *f, const char *name, int flags) {
        int fd = openat(f->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, "text", 4), 4);
        assert_int_equal(close(fd), 0);
        r = openat(f->dir_fd, name, flags | O_CLOEXEC);
        assert_true(r >= 0);
        return r;
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        strcpy(f->path, "/tmp/test-worker-sandbox-disk-XXXXXX");
        assert_non_null(mkdtemp(f->path));
        assert_int_equal(chmod(f->path, 0777), 0);
        f->dir_fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->dir_fd >= 0);
        f->fds[0] = open_file(f, names[0], O_RDONLY);
        f->fds[1] = open_file(f, names[1], O_RDWR);
        f->other_fd = open_file(f, names[2], O_RDWR);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        for (size_t i = 0; i < 3; i++)
                assert_int_equal(unlinkat(f->dir_fd, names[i], 0), 0);
        (void) unlinkat(f->dir_fd, "new", 0);
        close(f->fds[0]);
        close(f->fds[1]);
        close(f->other_fd);
        close(f->dir_fd);
        assert_int_equal(rmdir(f->path), 0);
        free(f);
        return 0;
}

static int enter(Fixture *f, Step step) {
        SandboxFiles files = { SANDBOX_YES, worker_user, f->fds, 2 };
        int r;

        r = sandbox_leave_network(worker_user, NULL);
        if (r < 0)
                return r;

        switch (step) {
        case WORKER:
                return sandbox_enter_disk(SANDBOX_YES, worker_user, NULL);
        case PROGRAM:
                r = sandbox_confine(&files, NULL);
                /* As execve(2) does. */
                return r < 0 ? r : prctl(PR_SET_DUMPABLE, 1);
        }

        return -EINVAL;
}

static pid_t start_other(uid_t uid) {
        int fds[2];
        pid_t pid;
        char c;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (become(uid) && write(fds[1], "", 1) == 1)
                        for (;;)
                                (void) pause();
                _exit(1);
        }

        close(fds[1]);
        assert_int_equal(read(fds[0], &c, 1), 1);
        close(fds[0]);
        return pid;
}

static int run(Fixture *f, Step step, uid_t uid, bool (*try)(const Fixture *f)) {
        uid_t owner = uid == 0 ? WORKER_UID : uid;
        pid_t pid;
        int got;

        for (size_t i = 0; i < 3; i++)
                assert_int_equal(fchownat(f->dir_fd, names[i], owner, owner, 0), 0);
        f->other_pid = start_other(owner);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (!become(uid) || enter(f, step) < 0)
                        _exit(NO_SANDBOX);
                _exit(try(f) ? ALLOWED : REFUSED);
        }

        got = wait_for(pid);
        assert_int_equal(kill(f->other_pid, SIGKILL), 0);
        assert_int_equal(waitpid(f->other_pid, NULL, 0), f->other_pid);
        return got;
}

static bool reopen(int fd, int flags) {
        char path[FD_PATH_MAX];

        return open(fd_path(fd, path), flags | O_CLOEXEC) >= 0;
}

static bool open_images(const Fixture *f) {
        return reopen(f->fds[1], O_RDWR) && reopen(f->fds[0], O_RDONLY);
}

static bool write_lower_image(const Fixture *f) {
        return reopen(f->fds[0], O_RDWR) || reopen(f->fds[0], O_WRONLY | O_TRUNC);
}

/* By its descriptor, which the program would not even have. */
static bool open_other_file(const Fixture *f) {
        return reopen(f->other_fd, O_RDONLY) || reopen(f->other_fd, O_RDWR);
}

static bool open_host_file(const Fixture *f) {
        return open("/etc/passwd", O_RDONLY) >= 0 || open("/etc/hostname", O_RDONLY) >= 0 ||
               open("/proc/self/environ", O_RDONLY) >= 0;
}

static bool make_file(const Fixture *f) {
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/new", f->path);
        return open(path, O_WRONLY | O_CREAT, 0600) >= 0 ||
               openat(f->dir_fd, "new", O_WRONLY | O_CREAT, 0600) >= 0 ||
               mkdir("/tmp/test-worker-sandbox-disk-new", 0700) >= 0;
}

static bool change_file(const Fixture *f) {
        return fchmodat(f->dir_fd, "other", 0666, 0) >= 0 || fchmod(f->fds[1], 0666) >= 0 ||
               unlinkat(f->dir_fd, "other", 0) >= 0 ||
               renameat(f->dir_fd, "other", f->dir_fd, "new") >= 0 ||
               linkat(f->dir_fd, "other", f->dir_fd, "new", 0) >= 0;
}

static bool read_program(const Fixture *f) {
        return open("/usr/bin/env", O_RDONLY) >= 0 && open("/dev/null", O_RDWR) >= 0;
}

/* Its status is what try() would have said. */
static bool execute_program(const Fixture *f) {
        return execl("/bin/sh", "sh", "-c", "exit 10", NULL) >= 0;
}

static bool make_network_socket(const Fixture *f) {
        return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_INET6, SOCK_DGRAM, 0) >= 0 ||
               socket(AF_NETLINK, SOCK_RAW, 0) >= 0 || socket(AF_VSOCK, SOCK_STREAM, 0) >= 0;
}

static bool make_local_socket(const Fixture *f) {
        return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

/* The parent's address is one of another network namespace. */
static bool reach_host_socket(const Fixture *f) {
        static const char address[] = "test-worker-sandbox-disk";
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        memcpy(name.sun_path + 1, address, sizeof(address));
        return fd < 0 || connect(fd, (struct sockaddr *) &name, sizeof(name)) >= 0;
}

static bool signal_others(const Fixture *f) {
        return kill(1, 0) >= 0 || kill(f->other_pid, 0) >= 0 ||
               syscall(SYS_tgkill, f->other_pid, f->other_pid, 0) >= 0;
}

static bool signal_by_pipe(const Fixture *f) {
        const struct f_owner_ex owner = { .type = F_OWNER_PID, .pid = f->other_pid };
        int fds[2], pid = f->other_pid;

        return pipe2(fds, O_CLOEXEC) < 0 || fcntl(fds[0], F_SETOWN, f->other_pid) >= 0 ||
               fcntl(fds[0], F_SETOWN_EX, &owner) >= 0 || fcntl(fds[0], F_SETSIG, SIGKILL) >= 0 ||
               ioctl(fds[0], FIOSETOWN, &pid) >= 0 || errno != EPERM;
}

static bool lock_image(const Fixture *f) {
        struct flock lock = { .l_type = F_RDLCK };

        return fcntl(f->fds[1], F_OFD_SETLK, &lock) >= 0;
}

static bool use_call(long number, long a, long b, long c) {
        return syscall(number, a, b, c) >= 0 || errno != ENOSYS;
}

/* What processes share by a name, and what they may do to each other. */
static bool share_by_name(const Fixture *f) {
        return use_call(SYS_shmget, 1, 4096, 0600 | IPC_CREAT) ||
               use_call(SYS_semget, 1, 1, 0600 | IPC_CREAT) ||
               use_call(SYS_msgget, 1, 0600 | IPC_CREAT, 0) ||
               use_call(SYS_mq_open, (long) "test", O_RDONLY | O_CREAT, 0600);
}

static bool meddle_with_others(const Fixture *f) {
        const struct rlimit none = { 0, 0 };

        return use_call(SYS_sched_setaffinity, f->other_pid, 0, 0) ||
               use_call(SYS_setpriority, PRIO_PROCESS, f->other_pid, 19) ||
               use_call(SYS_kcmp, getpid(), f->other_pid, 0) ||
               use_call(SYS_fanotify_init, 0, 0, 0) ||
               prlimit(f->other_pid, RLIMIT_CPU, &none, NULL) >= 0 || errno != EPERM;
}

static bool signal_itself(const Fixture *f) {
        return syscall(SYS_tgkill, getpid(), getpid(), 0) >= 0;
}

static bool use_io_uring(const Fixture *f) {
        char parameters[256] = { 0 };

        return syscall(SYS_io_uring_setup, 4, parameters) >= 0;
}

static bool dump_core(const Fixture *f) {
        struct rlimit limit;

        return getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max > 0;
}

static bool get_privileges_back(const Fixture *f) {
        return setuid(0) >= 0 || setgid(0) >= 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
}

static void check(void **state, const Case *cases, size_t n) {
        check_walls(run, state, cases, n);
}

#define DISK_TEST(name) TEST_WITH(name, set_up, tear_down)

DISK_TEST(disk_worker_has_its_descriptors_alone) {
        static const Case cases[] = {
                { "make a local socket", WORKER, make_local_socket, REFUSED },
                { "make a network socket", WORKER, make_network_socket, REFUSED },
                { "open a host's file", WORKER, open_host_file, REFUSED },
                { "open an image", WORKER, open_images, REFUSED },
                { "make a file", WORKER, make_file, REFUSED },
                { "change a file", WORKER, change_file, REFUSED },
                { "signal itself", WORKER, signal_itself, ALLOWED },
                { "signal others", WORKER, signal_others, REFUSED },
                { "have a signal sent", WORKER, signal_by_pipe, REFUSED },
                { "fork", WORKER, fork_off, REFUSED },
                { "trace others", WORKER, trace_others, KILLED },
                { "execute a program", WORKER, execute, KILLED },
                { "mount", WORKER, mount_something, KILLED },
                { "make a namespace", WORKER, make_namespace, KILLED },
                { "use io_uring", WORKER, use_io_uring, KILLED },
        };

        check(state, cases, sizeof(cases) / sizeof(cases[0]));
}

DISK_TEST(program_opens_images_and_what_it_needs_to_run) {
        static const Case cases[] = {
                { "open the images", PROGRAM, open_images, ALLOWED },
                { "read a program", PROGRAM, read_program, ALLOWED },
                { "execute a program", PROGRAM, execute_program, ALLOWED },
                { "make a local socket", PROGRAM, make_local_socket, ALLOWED },
                { "signal itself", PROGRAM, signal_itself, ALLOWED },
                { "lock an image", PROGRAM, lock_image, ALLOWED },
                { "write a lower image", PROGRAM, write_lower_image, REFUSED },
                { "open another file", PROGRAM, open_other_file, REFUSED },
                { "open a host's file", PROGRAM, open_host_file, REFUSED },
                { "make a file", PROGRAM, make_file, REFUSED },
                { "change a file", PROGRAM, change_file, REFUSED },
        };

        check(state, cases, sizeof(cases) / sizeof(cases[0]));
}

DISK_TEST(program_reaches_no_network_and_no_process) {
        static const Case cases[] = {
                { "make a network socket", PROGRAM, make_network_socket, REFUSED },
                { "signal others", PROGRAM, signal_others, REFUSED },
                { "have a signal sent", PROGRAM, signal_by_pipe, REFUSED },
                { "share by name", PROGRAM, share_by_name, REFUSED },
                { "meddle with others", PROGRAM, meddle_with_others, REFUSED },
                { "fork", PROGRAM, fork_off, REFUSED },
                { "use io_uring", PROGRAM, use_io_uring, REFUSED },
                { "dump core", PROGRAM, dump_core, REFUSED },
                { "get privileges back", PROGRAM, get_privileges_back, REFUSED },
                { "trace others", PROGRAM, trace_others, KILLED },
                { "mount", PROGRAM, mount_something, KILLED },
                { "make a namespace", PROGRAM, make_namespace, KILLED },
        };

        check(state, cases, sizeof(cases) / sizeof(cases[0]));
}

DISK_TEST(host_sockets_without_a_file_are_out_of_reach) {
        static const Case cases[] = {
                { "reach a host's socket", PROGRAM, reach_host_socket, REFUSED },
        };
        static const char address[] = "test-worker-sandbox-disk";
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        memcpy(name.sun_path + 1, address, sizeof(address));
        assert_int_equal(bind(fd, (struct sockaddr *) &name, sizeof(name)), 0);
        assert_int_equal(listen(fd, 16), 0);
        check(state, cases, sizeof(cases) / sizeof(cases[0]));
        close(fd);
}
