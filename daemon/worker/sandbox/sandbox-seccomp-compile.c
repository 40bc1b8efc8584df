/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-macro.h"
#include "sandbox-seccomp-compile.h"

/* clang-format off */

/* For every step: memory, threads, time, and open descriptors. */
static const char *const common_calls[] = {
        "brk", "clock_getres", "clock_gettime", "clock_nanosleep", "close", "dup",
        "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "exit",
        "exit_group", "fdatasync", "flock", "fstat", "fstatfs", "fsync",
        "ftruncate", "futex", "futex_waitv", "getegid", "geteuid", "getgid", "getpid",
        "getppid", "getrandom", "getrlimit", "gettid", "gettimeofday", "getuid", "lseek",
        "madvise", "membarrier", "mmap", "mprotect", "mremap", "munmap", "nanosleep",
        "newfstatat", "pipe2", "poll", "ppoll", "pread64", "pwrite64", "read", "readv",
        "recvmsg", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
        "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sched_getaffinity",
        "sched_yield", "sendmsg", "set_robust_list", "sigaltstack",
        "sync_file_range", "sysinfo", "time", "uname", "write", "writev",
};

static const char *const directory_calls[] = {
        "openat2",
};

static const char *const tree_calls[] = {
        "access", "chdir", "faccessat", "faccessat2", "fallocate", "fchdir", "fchmod",
        "fchmodat", "fchmodat2", "fchown", "fchownat", "fgetxattr", "flistxattr",
        "fremovexattr", "fsetxattr", "getcwd", "getdents64", "lgetxattr", "linkat",
        "llistxattr", "lremovexattr", "lsetxattr", "mkdirat", "mknodat", "openat", "openat2",
        "readlinkat", "renameat", "renameat2", "statx", "symlinkat", "syncfs", "umask",
        "unlinkat", "utimensat",
};

static const char *const disk_calls[] = {
        "fallocate", "pidfd_send_signal", "recvfrom", "sendto", "syncfs", "wait4", "waitid",
};

static const char *const network_calls[] = {
        "access", "bind", "connect", "faccessat", "faccessat2", "getdents64",
        "getpeername", "getsockname", "getsockopt", "lstat", "open", "openat", "pselect6",
        "readlink", "readlinkat", "recvfrom", "recvmmsg", "select", "sendmmsg", "sendto",
        "setsockopt", "shutdown", "stat", "statfs", "statx",
};

/* Calls that a program which writes images may try, but does not need. QEMU probes for io_uring, and works
 * without it. */
static const char *const program_calls[] = {
        "chmod", "chown", "chroot", "clone3", "fanotify_init", "fanotify_mark", "fchmod",
        "fchmodat", "fchmodat2", "fchown", "fchownat", "fork", "fremovexattr", "fsetxattr",
        "io_uring_enter", "io_uring_register", "io_uring_setup", "ioprio_set", "kcmp",
        "kill", "lchown", "link", "linkat", "lremovexattr", "lsetxattr", "migrate_pages",
        "mkdir", "mkdirat", "mknod", "mknodat", "move_pages", "mq_getsetattr", "mq_notify",
        "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget",
        "msgrcv", "msgsnd", "name_to_handle_at", "pidfd_getfd", "pidfd_open",
        "pidfd_send_signal", "process_madvise", "process_mrelease", "removexattr", "rename",
        "renameat", "renameat2", "rmdir", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
        "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler",
        "semctl", "semget", "semop", "semtimedop", "setpriority", "setxattr", "shmat",
        "shmctl", "shmdt", "shmget", "symlink", "symlinkat", "tkill", "truncate", "unlink",
        "unlinkat", "utime", "utimensat", "utimes", "vfork",
};

/* Only an attacker would try these: better to end at once. */
static const char *const forbidden_calls[] = {
        "add_key", "bpf", "delete_module", "execve", "execveat", "finit_module",
        "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "io_uring_enter",
        "io_uring_setup", "kexec_load", "keyctl", "mount", "move_mount",
        "open_by_handle_at", "open_tree", "perf_event_open", "pivot_root",
        "process_vm_readv", "process_vm_writev", "ptrace", "reboot", "request_key",
        "setns", "swapon", "umount2", "unshare", "userfaultfd",
};

/* Permitted commands of fcntl(2): not those for signals and leases. F_SETFL is checked. */
static const scmp_datum_t fcntl_commands[] = {
        F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD,
};

static const scmp_datum_t fcntl_forbidden[] = {
        F_NOTIFY, F_SETLEASE, F_SETOWN, F_SETOWN_EX, F_SETSIG,
};

/* The same by ioctl(2), and input into the terminal of standard error. */
static const scmp_datum_t ioctl_forbidden[] = { FIOASYNC, FIOSETOWN, SIOCSPGRP, TIOCLINUX, TIOCSTI };

/* Of sockets, and the number of an interface in the address of a name server. */
static const scmp_datum_t network_ioctls[] = { FIONBIO, FIONREAD, SIOCGIFINDEX };

/* clang-format on */

/* Kinds of sockets that a step may create. */
static const struct {
        scmp_datum_t family, protocol;
} network_sockets[] = {
        { AF_INET, 0 },  { AF_INET, IPPROTO_TCP },      { AF_INET, IPPROTO_UDP },
        { AF_INET6, 0 }, { AF_INET6, IPPROTO_TCP },     { AF_INET6, IPPROTO_UDP },
        { AF_UNIX, 0 },  { AF_NETLINK, NETLINK_ROUTE },
};

static void seccomp_releasep(scmp_filter_ctx *filter) {
        if (*filter)
                seccomp_release(*filter);
}

/* A call unknown to this libseccomp or machine is not possible either. */
static int add(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++) {
                int number = seccomp_syscall_resolve_name(names[i]), r;

                if (number == __NR_SCMP_ERROR)
                        continue;
                r = seccomp_rule_add(filter, action, number, 0);
                if (r < 0 && r != -EDOM)
                        return r;
        }

        return 0;
}

/* @action for @call with one of @values in its argument @index, and nothing else in its upper half. */
static int add_values(
        scmp_filter_ctx filter,
        uint32_t action,
        int call,
        unsigned index,
        const scmp_datum_t *values,
        size_t n) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = seccomp_rule_add(
                        filter, action, call, 1, SCMP_CMP(index, SCMP_CMP_EQ, values[i]));
        return r;
}

static int add_fcntl(scmp_filter_ctx filter) {
        int r;

        r = add_values(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, fcntl_commands,
                N_ELEMENTS(fcntl_commands));
        if (r >= 0)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 2, SCMP_A1(SCMP_CMP_EQ, F_SETFL),
                        SCMP_A2(SCMP_CMP_MASKED_EQ, O_ASYNC, 0));
        return r;
}

static int add_network(scmp_filter_ctx filter) {
        int r;

        r = add(filter, SCMP_ACT_ALLOW, network_calls, N_ELEMENTS(network_calls));
        if (r >= 0)
                r = add_values(
                        filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, network_ioctls,
                        N_ELEMENTS(network_ioctls));
        if (r >= 0)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
                        SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(network_sockets); i++)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                        SCMP_A0(SCMP_CMP_EQ, network_sockets[i].family),
                        SCMP_A2(SCMP_CMP_EQ, network_sockets[i].protocol));
        return r;
}

/* Threads, and nothing else; glibc falls back to clone(2), whose flags can be looked at. */
static int add_threads(scmp_filter_ctx filter, pid_t pid) {
        int r;

        r = seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
        if (r >= 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
        /* Signals to itself, for abort(3). */
        if (r >= 0)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                        SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) pid));
        /* Names of threads, and their death with the daemon. */
        if (r >= 0)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                        SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
        return r;
}

static int add_step(scmp_filter_ctx filter, SandboxSeccompStep step) {
        switch (step) {
        case SECCOMP_DIRECTORY:
                return add(filter, SCMP_ACT_ALLOW, directory_calls, N_ELEMENTS(directory_calls));
        case SECCOMP_TREE:
                return add(filter, SCMP_ACT_ALLOW, tree_calls, N_ELEMENTS(tree_calls));
        case SECCOMP_NETWORK:
                return add_network(filter);
        case SECCOMP_DISK:
                return add(filter, SCMP_ACT_ALLOW, disk_calls, N_ELEMENTS(disk_calls));
        case SECCOMP_BLOB:
        case SECCOMP_NONE:
        case SECCOMP_PROGRAM:
        case _SECCOMP_STEP_MAX:
                break;
        }

        return 0;
}

/* Creates a filter with the default @action. */
static int new_filter(uint32_t action, scmp_filter_ctx *ret) {
        int r;

        *ret = seccomp_init(action);
        if (!*ret)
                return -ENOMEM;

        r = seccomp_attr_set(*ret, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        return r < 0 ? r : seccomp_attr_set(*ret, SCMP_FLTATR_CTL_OPTIMIZE, 2);
}

static bool is_program_call(const char *name) {
        for (size_t i = 0; i < N_ELEMENTS(program_calls); i++)
                if (strcmp(name, program_calls[i]) == 0)
                        return true;

        return strcmp(name, "execve") == 0;
}

static int add_forbidden(scmp_filter_ctx filter) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(forbidden_calls); i++)
                if (!is_program_call(forbidden_calls[i]))
                        r = add(filter, SCMP_ACT_KILL_PROCESS, &forbidden_calls[i], 1);
        return r < 0 ? r
                     : add(filter, SCMP_ACT_ERRNO(ENOSYS), program_calls,
                           N_ELEMENTS(program_calls));
}

/* Like the kernel, this only checks the lower half of these arguments. */
static int forbid_values(scmp_filter_ctx filter, int call, const scmp_datum_t *values, size_t n) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ERRNO(EPERM), call, 1,
                        SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, values[i]));
        return r;
}

/* With arguments: local sockets, threads, and signals to and limits of the process itself. */
static int add_arguments(scmp_filter_ctx filter, pid_t pid) {
        int r;

        r = seccomp_rule_add(
                filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                SCMP_A0(SCMP_CMP_NE, AF_UNIX));
        if (r >= 0)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
        if (r >= 0)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
                        SCMP_A0(SCMP_CMP_NE, (scmp_datum_t) pid));
        if (r >= 0)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1,
                        SCMP_A0(SCMP_CMP_NE, 0));
        if (r >= 0)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair), 1,
                        SCMP_A0(SCMP_CMP_NE, AF_UNIX));
        if (r >= 0)
                r = forbid_values(
                        filter, SCMP_SYS(fcntl), fcntl_forbidden, N_ELEMENTS(fcntl_forbidden));
        if (r >= 0)
                r = forbid_values(
                        filter, SCMP_SYS(ioctl), ioctl_forbidden, N_ELEMENTS(ioctl_forbidden));
        return r;
}

static int add_program(scmp_filter_ctx filter, pid_t pid) {
        int r;

        r = add_forbidden(filter);
        return r < 0 ? r : add_arguments(filter, pid);
}

static int add_worker(scmp_filter_ctx filter, SandboxSeccompStep step, pid_t pid) {
        int r;

        r = add(filter, SCMP_ACT_ALLOW, common_calls, N_ELEMENTS(common_calls));
        if (r >= 0)
                r = add_fcntl(filter);
        if (r >= 0)
                r = add_threads(filter, pid);
        if (r >= 0)
                r = add_step(filter, step);
        if (r >= 0)
                r = add(filter, SCMP_ACT_KILL_PROCESS, forbidden_calls,
                        N_ELEMENTS(forbidden_calls));
        return r;
}

/* libseccomp writes it to a file. */
static int export(scmp_filter_ctx filter, SandboxSeccompProgram *ret) {
        _cleanup_(closep) int fd = memfd_create("seccomp", MFD_CLOEXEC);
        SandboxSeccompProgram program;
        struct stat st;
        int r;

        if (fd < 0)
                return -errno;
        r = seccomp_export_bpf(filter, fd);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return -errno;

        program.n = (size_t) st.st_size / sizeof(*program.instructions);
        program.instructions = calloc(program.n, sizeof(*program.instructions));
        if (!program.instructions)
                return -ENOMEM;
        if (fd_pread_full(fd, program.instructions, (size_t) st.st_size, 0) != st.st_size) {
                free(program.instructions);
                return -EIO;
        }

        *ret = program;
        return 0;
}

int sandbox_seccomp_compile(SandboxSeccompStep step, pid_t pid, SandboxSeccompProgram *ret) {
        const bool is_program = step == SECCOMP_PROGRAM;
        _cleanup_(seccomp_releasep) scmp_filter_ctx filter = NULL;
        int r;

        r = new_filter(is_program ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM), &filter);
        if (r >= 0)
                r = is_program ? add_program(filter, pid) : add_worker(filter, step, pid);
        return r < 0 ? r : export(filter, ret);
}
