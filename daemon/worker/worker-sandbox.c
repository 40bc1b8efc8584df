/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>

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

/* Where programs and their libraries are. */
static const char *const program_paths[] = {
        "/dev/urandom", "/etc/ld.so.cache", "/etc/ld.so.preload", "/lib", "/lib64", "/nix/store",
        "/usr",
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

/* To what @allow lets it have of @dir_fd; to nothing at all with a negative @dir_fd. */
static int restrict_to(
        int (*allow)(int rules, int dir_fd, Error *error), int dir_fd, Error *error) {
        _cleanup_(closep) int rules = -EBADF;
        int r;

        r = landlock_start(&rules, error);
        if (r <= 0)
                return r;

        r = dir_fd >= 0 ? allow(rules, dir_fd, error) : 0;
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

/* A user namespace has but one user: root that is to be nobody in there must be so before. */
int sandbox_leave_network(Error *error) {
        bool can_mount = privileges_can_mount();
        int r;

        if (!can_mount) {
                r = privileges_become_nobody(error);
                if (r < 0)
                        return r;
                /* Who has changed its user may not write its own maps otherwise. */
                if (prctl(PR_SET_DUMPABLE, 1) < 0)
                        return error_set_errno(error, errno, "Cannot prepare the sandbox");
        }

        return namespace_leave_network(!can_mount, error);
}

/* Nothing but the descriptors that are open, and what @step does with them. */
static int keep_descriptors(SeccompStep step, Error *error) {
        int r;

        r = privileges_limit(error);
        if (r >= 0)
                r = privileges_become_nobody(error);
        if (r >= 0)
                r = privileges_drop(false, error);
        if (r >= 0)
                r = restrict_to(NULL, -EBADF, error);
        if (r >= 0)
                r = privileges_seal(error);
        if (r >= 0)
                r = seccomp_apply(step, error);
        return r;
}

int sandbox_enter_blob(Error *error) {
        int r;

        r = sandbox_leave_network(error);
        return r < 0 ? r : keep_descriptors(SECCOMP_BLOB, error);
}

int sandbox_enter_disk(Error *error) {
        return keep_descriptors(SECCOMP_DISK, error);
}

int sandbox_enter_directory(int dir_fd, Error *error) {
        bool can_mount = privileges_can_mount();
        int r;

        r = privileges_limit(error);
        if (r >= 0)
                r = namespace_enter_directory(!can_mount, dir_fd, error);
        /* In a user namespace root is the only user, and its capabilities are for its own files. */
        if (r >= 0)
                r = can_mount ? privileges_become_reader(error) : privileges_drop(false, error);
        if (r >= 0)
                r = restrict_to(landlock_allow_reading_below, dir_fd, error);
        if (r >= 0)
                r = privileges_seal(error);
        if (r >= 0)
                r = seccomp_apply(SECCOMP_DIRECTORY, error);
        return r;
}

int sandbox_enter_tree(int *root_fd, bool *ret_privileged, Error *error) {
        bool privileged = privileges_can_write_trees(), can_mount = privileges_can_mount();
        int r;

        r = privileges_limit(error);
        /* Root that may not mount has no use for a namespace in which there are no other users. */
        if (r >= 0 && (can_mount || !privileged))
                r = namespace_enter_tree(!can_mount, root_fd, error);
        if (r >= 0)
                r = privileges_drop(privileged, error);
        if (r >= 0)
                r = restrict_to(landlock_allow_all, *root_fd, error);
        if (r >= 0)
                r = privileges_seal(error);
        if (r >= 0)
                r = seccomp_apply(SECCOMP_TREE, error);
        if (r < 0)
                return r;

        *ret_privileged = privileged;
        return 0;
}

static int restrict_to_files(const SandboxFiles *files, Error *error) {
        _cleanup_(closep) int rules = -EBADF, null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        int r;

        if (null_fd < 0)
                return error_set_errno(error, errno, "Cannot open /dev/null");
        r = landlock_start(&rules, error);
        if (r <= 0)
                return r;

        r = landlock_allow_file(rules, null_fd, error);
        for (size_t i = 0; r >= 0 && i < N(program_paths); i++)
                r = landlock_allow_reading(rules, program_paths[i], error);
        for (size_t i = 0; r >= 0 && i < files->n_fds; i++)
                r = landlock_allow_file(rules, files->fds[i], error);
        return r < 0 ? r : landlock_apply(rules, error);
}

int sandbox_confine(void *userdata, Error *error) {
        int r;

        r = privileges_limit_program(error);
        if (r >= 0)
                r = privileges_become_nobody(error);
        if (r >= 0)
                r = privileges_drop(false, error);
        if (r >= 0)
                r = restrict_to_files(userdata, error);
        if (r >= 0)
                r = seccomp_apply_program(error);
        return r;
}

int sandbox_enter_processes(Error *error) {
        int r = 0;

        /* Not in a user namespace: there root's files are somebody else's, and so they would be in the
         * appliance that libguestfs makes of them, and keeps. */
        if (privileges_can_mount())
                r = namespace_own_processes(error);
        return r < 0 ? r : privileges_seal(error);
}

int sandbox_enter_programs(Error *error) {
        int r;

        r = privileges_limit_programs(error);
        if (r >= 0)
                r = privileges_become_builder(error);
        if (r >= 0)
                r = privileges_drop(false, error);
        if (r >= 0)
                r = privileges_seal(error);
        return r;
}
