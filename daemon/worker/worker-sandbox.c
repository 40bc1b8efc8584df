/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "base-cleanup.h"
#include "worker-landlock.h"
#include "worker-namespace.h"
#include "worker-privileges.h"
#include "worker-sandbox.h"
#include "worker-seccomp.h"

/* Where name resolution, certificates and the libraries that they load are. */
static const char *const network_paths[] = {
        "/dev/null",  "/dev/urandom", "/etc",         "/lib", "/lib64",
        "/nix/store", "/run/nscd",    "/run/systemd", "/usr", "/var/lib/ca-certificates",
};

/* Certificates may be somewhere else. */
static const char *const network_variables[] = {
        "CURL_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "VIRTBOOTSTRAP_CERTS_DIR",
};

#define N(list) (sizeof(list) / sizeof((list)[0]))

static int restrict_to_system(Error *error) {
        _cleanup_(closep) int rules = -EBADF;
        int r;

        r = landlock_start(&rules, error);
        if (r <= 0)
                return r;

        for (size_t i = 0; r >= 0 && i < N(network_paths); i++)
                r = landlock_allow_reading(rules, network_paths[i], error);
        for (size_t i = 0; r >= 0 && i < N(network_variables); i++) {
                const char *path = getenv(network_variables[i]);

                if (path && path[0] == '/')
                        r = landlock_allow_reading(rules, path, error);
        }
        return r < 0 ? r : landlock_apply(rules, error);
}

/* To nothing at all with a negative @dir_fd. */
static int restrict_to_tree(int dir_fd, Error *error) {
        _cleanup_(closep) int rules = -EBADF;
        int r;

        r = landlock_start(&rules, error);
        if (r <= 0)
                return r;

        r = dir_fd >= 0 ? landlock_allow_all(rules, dir_fd, error) : 0;
        return r < 0 ? r : landlock_apply(rules, error);
}

int sandbox_enter_network(Error *error) {
        int r;

        r = privileges_limit(error);
        if (r >= 0)
                r = privileges_become_nobody(error);
        if (r >= 0)
                r = privileges_drop(false, error);
        if (r >= 0)
                r = restrict_to_system(error);
        if (r >= 0)
                r = privileges_seal(error);
        if (r >= 0)
                r = seccomp_apply(SECCOMP_NETWORK, error);
        return r;
}

int sandbox_enter_blob(Error *error) {
        bool can_mount = privileges_can_mount();
        int r;

        r = privileges_limit(error);
        if (r >= 0)
                r = namespace_leave_network(!can_mount, error);
        if (r >= 0)
                r = privileges_become_nobody(error);
        if (r >= 0)
                r = privileges_drop(false, error);
        if (r >= 0)
                r = restrict_to_tree(-EBADF, error);
        if (r >= 0)
                r = privileges_seal(error);
        if (r >= 0)
                r = seccomp_apply(SECCOMP_BLOB, error);
        return r;
}

int sandbox_enter_tree(int *root_fd, bool *ret_privileged, Error *error) {
        bool privileged = privileges_can_write_trees(), can_mount = privileges_can_mount();
        int r;

        r = privileges_limit(error);
        if (r >= 0)
                r = namespace_enter_tree(!can_mount, root_fd, error);
        if (r >= 0)
                r = privileges_drop(privileged, error);
        if (r >= 0)
                r = restrict_to_tree(*root_fd, error);
        if (r >= 0)
                r = privileges_seal(error);
        if (r >= 0)
                r = seccomp_apply(SECCOMP_TREE, error);
        if (r < 0)
                return r;

        *ret_privileged = privileged;
        return 0;
}
