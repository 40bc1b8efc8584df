/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "proto-message.h"
#include "sandbox-debug.h"
#include "sandbox-privileges.h"

/* Capabilities for unpacking as root: owners, modes, device nodes, file capabilities. */
static const cap_value_t tree_capabilities[] = {
        CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
        CAP_FSETID, CAP_MKNOD,        CAP_SETFCAP,
};

#define N_TREE_CAPABILITIES N_ELEMENTS(tree_capabilities)

static const struct {
        __rlimit_resource_t resource;
        rlim_t value;
} limits[] = {
        { RLIMIT_CORE, 0 },
        { RLIMIT_MEMLOCK, 0 },
        { RLIMIT_MSGQUEUE, 0 },
#ifndef __SANITIZE_ADDRESS__ /* whose shadow is larger */
        { RLIMIT_DATA, PRIVILEGES_MEMORY_MAX },
#endif
};

#define N_LIMITS N_ELEMENTS(limits)

static void cap_freep(cap_t *caps) {
        if (*caps)
                (void) cap_free(*caps);
}

static bool has_capability(cap_value_t capability) {
        _cleanup_(cap_freep) cap_t caps = cap_get_proc();
        cap_flag_value_t value = CAP_CLEAR;

        return caps && cap_get_flag(caps, capability, CAP_EFFECTIVE, &value) == 0 &&
               value == CAP_SET;
}

bool sandbox_privileges_can_write_trees(void) {
        for (size_t i = 0; i < N_TREE_CAPABILITIES; i++)
                if (!has_capability(tree_capabilities[i]))
                        return false;

        return true;
}

bool sandbox_privileges_can_mount(void) {
        return has_capability(CAP_SYS_ADMIN) && has_capability(CAP_SETPCAP);
}

static bool is_one_of(cap_value_t capability, const cap_value_t *all, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (all[i] == capability)
                        return true;

        return false;
}

static int limit_bounding_set(const cap_value_t *keep, size_t n_keep, Error *error) {
        for (cap_value_t c = 0; c < cap_max_bits(); c++)
                if (!is_one_of(c, keep, n_keep) && cap_drop_bound(c) < 0 && errno != EPERM)
                        return error_set_errno(error, errno, "Cannot drop a capability");

        return 0;
}

static int set_capabilities(const cap_value_t *keep, size_t n_keep, Error *error) {
        _cleanup_(cap_freep) cap_t caps = cap_init();
        int n = (int) n_keep;

        if (!caps ||
            (n > 0 && (cap_set_flag(caps, CAP_PERMITTED, n, keep, CAP_SET) < 0 ||
                       cap_set_flag(caps, CAP_EFFECTIVE, n, keep, CAP_SET) < 0)) ||
            cap_set_proc(caps) < 0)
                return error_set_errno(error, errno, "Cannot drop capabilities");
        return 0;
}

int sandbox_privileges_drop(bool keep_trees, Error *error) {
        size_t n_keep = keep_trees ? N_TREE_CAPABILITIES : 0;
        int r;

        r = limit_bounding_set(tree_capabilities, n_keep, error);
        return r < 0 ? r : set_capabilities(tree_capabilities, n_keep, error);
}

static int become(ProtoUser user, const gid_t *groups, size_t n_groups, Error *error) {
        const pid_t parent = getppid();
        int r;

        if (geteuid() != 0)
                return 0;
        if (!proto_id_is_valid(user.uid) || !proto_id_is_valid(user.gid))
                return error_set(
                        error, EINVAL, ERROR_WORKER_FAILED,
                        "The daemon named no user for its worker");

        /* The new user could no longer do this. */
        r = limit_bounding_set(NULL, 0, error);
        if (r < 0)
                return r;
        if (setgroups(n_groups, groups) < 0 || setresgid(user.gid, user.gid, user.gid) < 0 ||
            setresuid(user.uid, user.uid, user.uid) < 0)
                return error_set_errno(
                        error, errno, "Cannot become the user %u (WorkerUsers=)", user.uid);

        /* The kernel has just reset the parent death signal, and the parent may have died since. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return error_set_errno(error, errno, "Cannot bind the worker to its parent");
        if (getppid() != parent)
                _exit(EXIT_FAILURE);
        return 0;
}

int sandbox_privileges_become_user(ProtoUser user, Error *error) {
        return become(user, NULL, 0, error);
}

int sandbox_privileges_become_builder(ProtoUser user, Error *error) {
        struct stat st;

        return stat("/dev/kvm", &st) >= 0 && S_ISCHR(st.st_mode) && st.st_gid != 0
                       ? become(user, &st.st_gid, 1, error)
                       : become(user, NULL, 0, error);
}

int sandbox_privileges_become_reader(ProtoUser user, Error *error) {
        static const cap_value_t keep[] = { CAP_DAC_READ_SEARCH };
        int r;

        if (geteuid() != 0 || !has_capability(CAP_DAC_READ_SEARCH))
                return sandbox_privileges_drop(false, error);

        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                return error_set_errno(error, errno, "Cannot keep a capability");
        r = sandbox_privileges_become_user(user, error);
        return r < 0 ? r : set_capabilities(keep, 1, error);
}

int sandbox_privileges_limit_programs(Error *error) {
        const struct rlimit none = { 0, 0 };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return error_set_errno(error, errno, "Cannot set no_new_privs");
        if (setrlimit(RLIMIT_CORE, &none) < 0)
                return error_set_errno(error, errno, "Cannot limit the worker");
        return 0;
}

int sandbox_privileges_limit_program(Error *error) {
        const struct rlimit memory = { PRIVILEGES_PROGRAM_MEMORY_MAX,
                                       PRIVILEGES_PROGRAM_MEMORY_MAX };
        int r;

        r = sandbox_privileges_limit_programs(error);
        if (r < 0)
                return r;
#ifndef __SANITIZE_ADDRESS__
        if (setrlimit(RLIMIT_DATA, &memory) < 0)
                return error_set_errno(error, errno, "Cannot limit the memory of a program");
#else
        (void) memory;
#endif
        return 0;
}

int sandbox_privileges_limit(Error *error) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return error_set_errno(error, errno, "Cannot set no_new_privs");

        for (size_t i = 0; i < N_LIMITS; i++) {
                const struct rlimit limit = { limits[i].value, limits[i].value };

                if (setrlimit(limits[i].resource, &limit) < 0)
                        return error_set_errno(error, errno, "Cannot limit the worker");
        }
        return 0;
}

int sandbox_privileges_seal(Error *error) {
        const bool is_debugged = sandbox_debug_is_wanted();

        if (prctl(PR_SET_DUMPABLE, is_debugged ? 1 : 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return error_set_errno(error, errno, "Cannot seal the worker");
        return 0;
}
