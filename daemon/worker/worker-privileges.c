/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "worker-privileges.h"

#define NOBODY 65534 /* of every distribution, and the kernel's overflow id */

/* What unpacking as root needs: owners, modes, device nodes, file capabilities. */
static const cap_value_t tree_capabilities[] = {
        CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
        CAP_FSETID, CAP_MKNOD,        CAP_SETFCAP,
};

#define N_TREE_CAPABILITIES (sizeof(tree_capabilities) / sizeof(tree_capabilities[0]))

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

#define N_LIMITS (sizeof(limits) / sizeof(limits[0]))

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

bool privileges_can_write_trees(void) {
        for (size_t i = 0; i < N_TREE_CAPABILITIES; i++)
                if (!has_capability(tree_capabilities[i]))
                        return false;

        return true;
}

bool privileges_can_mount(void) {
        return has_capability(CAP_SYS_ADMIN) && has_capability(CAP_SETPCAP);
}

static bool is_tree_capability(cap_value_t capability) {
        for (size_t i = 0; i < N_TREE_CAPABILITIES; i++)
                if (tree_capabilities[i] == capability)
                        return true;

        return false;
}

int privileges_drop(bool keep_trees, Error *error) {
        _cleanup_(cap_freep) cap_t caps = cap_init();

        for (cap_value_t c = 0; c < cap_max_bits(); c++)
                if (!(keep_trees && is_tree_capability(c)) && cap_get_bound(c) == CAP_SET &&
                    cap_drop_bound(c) < 0 && errno != EPERM)
                        return error_set_errno(error, errno, "Cannot drop a capability");

        if (!caps ||
            (keep_trees &&
             (cap_set_flag(caps, CAP_PERMITTED, N_TREE_CAPABILITIES, tree_capabilities, CAP_SET) <
                      0 ||
              cap_set_flag(caps, CAP_EFFECTIVE, N_TREE_CAPABILITIES, tree_capabilities, CAP_SET) <
                      0)) ||
            cap_set_proc(caps) < 0)
                return error_set_errno(error, errno, "Cannot drop capabilities");
        return 0;
}

int privileges_become_nobody(Error *error) {
        if (geteuid() != 0)
                return 0;

        if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
            setresuid(NOBODY, NOBODY, NOBODY) < 0)
                return error_set_errno(error, errno, "Cannot become an ordinary user");
        return 0;
}

int privileges_limit(Error *error) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return error_set_errno(error, errno, "Cannot give up new privileges");

        for (size_t i = 0; i < N_LIMITS; i++) {
                const struct rlimit limit = { limits[i].value, limits[i].value };

                if (setrlimit(limits[i].resource, &limit) < 0)
                        return error_set_errno(error, errno, "Cannot limit the worker");
        }
        return 0;
}

int privileges_seal(Error *error) {
        if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return error_set_errno(error, errno, "Cannot seal the worker");
        return 0;
}
