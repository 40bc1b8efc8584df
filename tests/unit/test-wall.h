/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Walls of a sandbox, each tried from inside by a child that has entered it as a worker does. The exit
 * status says how far it got. To be included behind the types Fixture, Step (which sandbox) and Context
 * (what a try is given).
 */

#include "test.h"

#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOMEBODY      4711   /* a user without privileges */
#define WORKER_UID    61234U /* whom root becomes */
#define FORGOTTEN_MAX 4

enum {
        REFUSED = 0,
        ALLOWED = 10,
        NO_SANDBOX = 20, /* entering failed */
        KILLED = 128,    /* by SIGSYS */
};

static const ProtoUser worker_user = { WORKER_UID, WORKER_UID };

typedef bool (*Try)(Context context); /* whether it was allowed */

typedef struct Case {
        const char *what;
        Step step;
        Try try;
        int want;
} Case;

/* A change of the user without exec() takes /proc/self away. */
static inline bool become(uid_t uid) {
        return uid == 0 || (setgroups(0, NULL) >= 0 && setgid(uid) >= 0 && setuid(uid) >= 0 &&
                            prctl(PR_SET_DUMPABLE, 1) >= 0);
}

/* How far the child got. */
static inline int wait_for(pid_t pid) {
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
                return KILLED;
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* As root and as somebody; @run returns how far a child got. */
static inline void check_walls(
        int (*run)(Fixture *f, Step step, uid_t uid, Try try),
        void **state,
        const Case *cases,
        size_t n) {
        static const uid_t users[] = { 0, SOMEBODY };

        if (geteuid() != 0)
                skip();

        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < 2; j++) {
                        int got = run(*state, cases[i].step, users[j], cases[i].try);

                        if (got != cases[i].want)
                                fail_msg(
                                        "to %s as uid %u: %d, not %d", cases[i].what, users[j], got,
                                        cases[i].want);
                }
}

/* From now on the kernel is one that knows none of these calls; their children's, too. */
static inline bool forget_calls(const unsigned *numbers, size_t n, unsigned code) {
        struct sock_filter filter[1 + 2 * FORGOTTEN_MAX + 1] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        };
        struct sock_fprog program = { .len = (unsigned short) (2 * n + 2), .filter = filter };

        for (size_t i = 0; i < n; i++) {
                filter[1 + 2 * i] =
                        (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], 0, 1);
                filter[2 + 2 * i] =
                        (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code);
        }
        filter[1 + 2 * n] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) >= 0 &&
               prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) >= 0;
}

static inline bool forget_landlock(void) {
        static const unsigned calls[] = { SYS_landlock_create_ruleset };

        return forget_calls(calls, 1, ENOSYS);
}

/* As the filters of containers have it. */
static inline bool forget_namespaces(void) {
        static const unsigned calls[] = { SYS_unshare };

        return forget_calls(calls, 1, EPERM);
}

static inline bool trace_others(Context context) {
        return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) >= 0;
}

static inline bool execute(Context context) {
        return execl("/bin/true", "true", NULL) >= 0;
}

static inline bool mount_something(Context context) {
        return mount("none", "/", "tmpfs", 0, NULL) >= 0;
}

static inline bool make_namespace(Context context) {
        return unshare(CLONE_NEWUSER) >= 0;
}

static inline bool fork_off(Context context) {
        return fork() >= 0;
}
