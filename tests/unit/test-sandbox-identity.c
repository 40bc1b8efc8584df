/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who a step is in its sandbox. The filter of system calls is left out here: no worker may ask for all that. */

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "sandbox-seccomp.h"
#include "sandbox.h"
#include "test-scratch.h"

#define WORKER_UID 61234U /* whom root becomes */
#define GROUPS_MAX 64

static const ProtoUser worker_user = { WORKER_UID, WORKER_UID };

/* In place of the sandbox's own. */
int sandbox_seccomp_apply(SandboxSeccompStep step, Error *error) {
        return 0;
}

/* What a child says about itself. */
typedef struct Identity {
        uid_t uid[3];
        gid_t gid[3];
        gid_t groups[GROUPS_MAX];
        int n_groups;
        int dumpable; /* whether others may trace it */
        int death_signal;
} Identity;

typedef int (*Enter)(int *dir_fd);

static int enter_tree(int *dir_fd) {
        bool is_privileged;

        return sandbox_enter_tree(SANDBOX_YES, dir_fd, &is_privileged, NULL);
}

static int enter_directory(int *dir_fd) {
        return sandbox_enter_directory(SANDBOX_YES, worker_user, dir_fd, NULL);
}

static int enter_network(int *dir_fd) {
        return sandbox_enter_network(SANDBOX_YES, worker_user, NULL);
}

static int enter_blob(int *dir_fd) {
        return sandbox_enter_blob(SANDBOX_YES, worker_user, NULL);
}

static int enter_disk(int *dir_fd) {
        const int r = sandbox_leave_network(worker_user, NULL);

        return r < 0 ? r : sandbox_enter_disk(SANDBOX_YES, worker_user, NULL);
}

static int enter_processes(int *dir_fd) {
        return sandbox_enter_processes(NULL);
}

static int enter_programs(int *dir_fd) {
        return sandbox_enter_programs(worker_user, NULL);
}

static const struct {
        const char *step;
        Enter enter;
        bool is_root;
        bool has_network; /* the host's */
        bool may_use_kvm;
} steps[] = {
        { "tree", enter_tree, .is_root = true },
        { "directory", enter_directory },
        { "network", enter_network, .has_network = true },
        { "blob", enter_blob },
        { "disk", enter_disk },
        { "processes", enter_processes, .is_root = true, .has_network = true },
        { "programs", enter_programs, .has_network = true, .may_use_kvm = true },
};

#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

static Identity ask(void) {
        Identity identity = { .dumpable = prctl(PR_GET_DUMPABLE) };

        (void) prctl(PR_GET_PDEATHSIG, &identity.death_signal);
        (void) getresuid(&identity.uid[0], &identity.uid[1], &identity.uid[2]);
        (void) getresgid(&identity.gid[0], &identity.gid[1], &identity.gid[2]);
        identity.n_groups = getgroups(GROUPS_MAX, identity.groups);
        return identity;
}

static ino_t network_of(pid_t pid) {
        char path[64];
        struct stat st;

        (void) snprintf(path, sizeof(path), "/proc/%d/ns/net", (int) pid);
        assert_int_equal(stat(path, &st), 0);
        return st.st_ino;
}

/* Tells who it is, and waits for the end of @in_fd. */
static void be_a_step(Enter enter, int dir_fd, int out_fd, int in_fd) {
        Identity identity;
        char c;

        if (enter(&dir_fd) < 0)
                _exit(EXIT_FAILURE);
        identity = ask();
        if (write(out_fd, &identity, sizeof(identity)) != (ssize_t) sizeof(identity))
                _exit(EXIT_FAILURE);
        (void) !read(in_fd, &c, 1);
        _exit(EXIT_SUCCESS);
}

/* Root has a group of its own to lose. */
static int set_up(void **state) {
        static const gid_t groups[] = { 0, 4711 };
        static Scratch scratch;

        scratch_init(&scratch);
        *state = &scratch;
        return geteuid() == 0 ? setgroups(2, groups) : 0;
}

static int tear_down(void **state) {
        scratch_done(*state);
        return 0;
}

static Identity look_at(const Scratch *scratch, Enter enter, bool *ret_has_network) {
        int dir_fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), out[2], in[2], status;
        Identity identity;
        pid_t pid;

        assert_true(dir_fd >= 0);
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                close(in[1]);
                be_a_step(enter, dir_fd, out[1], in[0]);
        }

        close(dir_fd);
        close(out[1]);
        close(in[0]);
        assert_int_equal(read(out[0], &identity, sizeof(identity)), sizeof(identity));
        *ret_has_network = network_of(pid) == network_of(getpid());
        close(in[1]);
        close(out[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        return identity;
}

#define IDENTITY_TEST(name) TEST_WITH(name, set_up, tear_down)

IDENTITY_TEST(no_step_can_be_traced_or_outlives_who_started_it) {
        bool has_network;

        if (geteuid() != 0)
                skip();

        for (size_t i = 0; i < N_STEPS; i++) {
                const Identity identity = look_at(*state, steps[i].enter, &has_network);

                if (identity.dumpable != 0 || identity.death_signal != SIGKILL)
                        fail_msg(
                                "%s: dumpable %d, death signal %d", steps[i].step,
                                identity.dumpable, identity.death_signal);
        }
}

IDENTITY_TEST(root_is_another_user_where_it_need_not_be_root) {
        bool has_network;

        if (geteuid() != 0)
                skip();

        for (size_t i = 0; i < N_STEPS; i++) {
                const Identity identity = look_at(*state, steps[i].enter, &has_network);
                const uid_t want = steps[i].is_root ? 0 : WORKER_UID;

                for (int k = 0; k < 3; k++)
                        if (identity.uid[k] != want || identity.gid[k] != want)
                                fail_msg(
                                        "%s: uid %u, gid %u", steps[i].step, identity.uid[k],
                                        identity.gid[k]);
        }
}

static gid_t group_of_kvm(void) {
        struct stat st;

        return stat("/dev/kvm", &st) >= 0 && S_ISCHR(st.st_mode) ? st.st_gid : 0;
}

IDENTITY_TEST(other_user_has_none_of_roots_groups) {
        bool has_network;

        if (geteuid() != 0)
                skip();

        for (size_t i = 0; i < N_STEPS; i++) {
                const Identity identity = look_at(*state, steps[i].enter, &has_network);
                const bool has_kvm = steps[i].may_use_kvm && group_of_kvm() != 0;

                if (steps[i].is_root)
                        continue;
                if (identity.n_groups != (has_kvm ? 1 : 0) ||
                    (has_kvm && identity.groups[0] != group_of_kvm()))
                        fail_msg("%s: %d groups", steps[i].step, identity.n_groups);
        }
}

IDENTITY_TEST(only_who_fetches_and_runs_programs_has_the_hosts_network) {
        if (geteuid() != 0)
                skip();

        for (size_t i = 0; i < N_STEPS; i++) {
                bool has_network;

                (void) look_at(*state, steps[i].enter, &has_network);
                if (has_network != steps[i].has_network)
                        fail_msg("%s: %d", steps[i].step, has_network);
        }
}
