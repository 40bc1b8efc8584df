/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base-cleanup.h"
#include "sandbox-landlock.h"
#include "sandbox-namespace.h"
#include "sandbox-privileges.h"
#include "sandbox-seccomp.h"
#include "sandbox.h"

/* Where name resolution, certificates and the libraries that they load are. Of sockets only those of services
 * that resolve names. */
static const char *const network_paths[] = {
        "/dev/null",
        "/dev/urandom",
        "/etc",
        "/lib",
        "/lib64",
        "/nix/store",
        "/run/avahi-daemon/socket",
        "/run/systemd/resolve",
        "/usr",
        "/var/lib/ca-certificates",
        "/var/run/avahi-daemon/socket",
        "/var/run/nscd",
};

/* Certificates may be somewhere else. */
static const char *const network_variables[] = {
        "CURL_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "VIRTBOOTSTRAP_CERTS_DIR",
};

/* A link into /run in many places, often by way of others. */
static const char resolver_file[] = "/etc/resolv.conf";

#define RESOLVER_PATHS_MAX ((size_t) 16)

/* Where the resolver's file is: its path, and that with each of its links followed. */
typedef struct ResolverPaths {
        char paths[RESOLVER_PATHS_MAX][PATH_MAX];
        size_t n;
} ResolverPaths;

/* Where programs and their libraries are. */
static const char *const program_paths[] = {
        "/bin", "/dev/urandom", "/etc/ld.so.cache", "/etc/ld.so.preload",
        "/lib", "/lib64",       "/nix/store",       "/usr",
};

/* What a program opens otherwise: of /proc what it has open already. */
static const char *const program_files[] = { "/dev/null", "/proc/self/fd" };

#define N(list) (sizeof(list) / sizeof((list)[0]))

/* What keeps a worker from the host's files: 0 for what is there, else the errno value that says why not. */
typedef struct Walls {
        int mounts;
        int landlock;
} Walls;

#define WALLS_NULL ((Walls){ EPERM, EPERM })

#define LANDLOCK_SCOPES (LANDLOCK_NO_ABSTRACT_SOCKETS | LANDLOCK_NO_SIGNALS)

#define NETWORK_PATHS_MAX (N(network_paths) + N(network_variables) + RESOLVER_PATHS_MAX)

/* All paths of the network worker, borrowed from @resolver, too; returns how many. */
static size_t list_network_paths(
        const ResolverPaths *resolver, const char *ret[static NETWORK_PATHS_MAX]) {
        size_t n = 0;

        for (size_t i = 0; i < N(network_paths); i++)
                ret[n++] = network_paths[i];
        for (size_t i = 0; i < N(network_variables); i++) {
                const char *path = getenv(network_variables[i]);

                if (path && path[0] == '/')
                        ret[n++] = path;
        }
        for (size_t i = 0; i < resolver->n; i++)
                ret[n++] = resolver->paths[i];
        return n;
}

/* Returns whether it fits. */
static bool put_path(
        char ret[static PATH_MAX], const char *directory, const char *name, const char *rest) {
        const int length = snprintf(
                ret, PATH_MAX, "%s%s%s%s", directory, name[0] == '/' ? "" : "/", name, rest);

        return length > 0 && length < PATH_MAX;
}

/* Takes "." and ".." out of @path up to its first link, and replaces that one in @ret by what it leads to:
 * returns whether there is one. */
static bool follow_link(char path[static PATH_MAX], char ret[static PATH_MAX]) {
        char known[PATH_MAX] = "", target[PATH_MAX], name[NAME_MAX + 1];
        size_t length;

        for (const char *p = path + strspn(path, "/"); *p != '\0'; p += strspn(p, "/")) {
                char *end = known + strlen(known);
                ssize_t n;

                length = strcspn(p, "/");
                if (length > NAME_MAX)
                        return false;
                memcpy(name, p, length);
                name[length] = '\0';
                p += length;
                if (strcmp(name, ".") == 0)
                        continue;
                if (strcmp(name, "..") == 0) {
                        end = strrchr(known, '/');
                        if (end)
                                *end = '\0';
                        continue;
                }

                if (!put_path(ret, known, name, ""))
                        return false;
                n = readlink(ret, target, sizeof(target) - 1);
                if (n < 0) {
                        strcpy(known, ret);
                        continue;
                }
                target[n] = '\0';
                *end = '\0';
                if (!put_path(ret, known, name, p))
                        return false;
                strcpy(path, ret);
                return put_path(ret, target[0] == '/' ? "" : known, target, p);
        }

        strcpy(path, known);
        return false;
}

static void find_resolver(ResolverPaths *ret) {
        char next[PATH_MAX];
        bool is_link = true;
        struct stat st;

        ret->n = 0;
        if (stat(resolver_file, &st) < 0 || !S_ISREG(st.st_mode))
                return;
        strcpy(next, resolver_file);
        for (; is_link && ret->n < RESOLVER_PATHS_MAX; ret->n++) {
                strcpy(ret->paths[ret->n], next);
                is_link = follow_link(ret->paths[ret->n], next);
        }
}

static int restrict_to_system(const char *const *paths, size_t n, Walls *walls, Error *error) {
        _cleanup_(closep) int rules = -EBADF;
        int r;

        r = sandbox_landlock_start(LANDLOCK_SCOPES, &rules, &walls->landlock, error);
        if (r <= 0)
                return r;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sandbox_landlock_allow_reading(rules, paths[i], error);
        return r < 0 ? r : sandbox_landlock_apply(rules, error);
}

/* To what @allow lets it have of @dir_fd; to nothing at all with a negative @dir_fd. */
static int restrict_to(
        int (*allow)(int rules, int dir_fd, Error *error),
        int dir_fd,
        uint64_t scopes,
        Walls *walls,
        Error *error) {
        _cleanup_(closep) int rules = -EBADF;
        int r;

        r = sandbox_landlock_start(scopes, &rules, &walls->landlock, error);
        if (r <= 0)
                return r;

        r = dir_fd >= 0 ? allow(rules, dir_fd, error) : 0;
        return r < 0 ? r : sandbox_landlock_apply(rules, error);
}

/* Returns whether there is none, or a negative errno with @error set. */
static int check_walls(const Walls *walls, SandboxMode mode, Error *error) {
        if (walls->mounts == 0 || walls->landlock == 0)
                return 0;
        if (mode == SANDBOX_BEST_EFFORT)
                return 1;
        return error_set(
                error, EOPNOTSUPP, ERROR_FAILED,
                "Nothing would keep a worker from the host's files: this system allows it neither a "
                "mount namespace (%s) nor Landlock (%s); Sandbox=best-effort in "
                "virt-bootstrapd.conf runs it all the same",
                strerror(walls->mounts), strerror(walls->landlock));
}

static int seal(const Walls *walls, SandboxMode mode, SandboxSeccompStep step, Error *error) {
        int is_open, r;

        is_open = check_walls(walls, mode, error);
        if (is_open < 0)
                return is_open;

        r = sandbox_privileges_seal(error);
        if (r >= 0)
                r = sandbox_seccomp_apply(step, error);
        return r < 0 ? r : is_open;
}

/* A user namespace has but one user: root that is to be another in there must be so before. */
static int prepare_user_namespace(ProtoUser user, Error *error) {
        int r;

        r = sandbox_privileges_become_user(user, error);
        /* Who has changed its user may not write its own maps otherwise. */
        if (r >= 0 && prctl(PR_SET_DUMPABLE, 1) < 0)
                return error_set_errno(error, errno, "Cannot prepare the sandbox");
        return r;
}

/* What namespace_*() returns becomes a wall, or the reason why it is none. */
static void note(int r, int missing, int *ret) {
        if (r >= 0)
                *ret = r > 0 ? 0 : missing;
}

int sandbox_enter_network(SandboxMode mode, ProtoUser user, Error *error) {
        const char *paths[NETWORK_PATHS_MAX];
        const bool can_mount = sandbox_privileges_can_mount();
        ResolverPaths resolver;
        Walls walls = WALLS_NULL;
        int r, missing = EPERM;
        size_t n;

        find_resolver(&resolver);
        n = list_network_paths(&resolver, paths);
        r = sandbox_privileges_limit(error);
        if (r >= 0 && !can_mount)
                r = prepare_user_namespace(user, error);
        if (r >= 0)
                r = sandbox_namespace_enter_paths(!can_mount, paths, n, &missing, error);
        note(r, missing, &walls.mounts);
        if (r >= 0)
                r = sandbox_privileges_become_user(user, error);
        if (r >= 0)
                r = sandbox_privileges_drop(false, error);
        if (r >= 0)
                r = restrict_to_system(paths, n, &walls, error);
        return r < 0 ? r : seal(&walls, mode, SECCOMP_NETWORK, error);
}

int sandbox_leave_network(ProtoUser user, Error *error) {
        bool can_mount = sandbox_privileges_can_mount();
        int r = 0;

        if (!can_mount)
                r = prepare_user_namespace(user, error);
        if (r >= 0)
                r = sandbox_namespace_leave_network(!can_mount, error);
        if (r >= 0 && prctl(PR_SET_DUMPABLE, 0) < 0)
                return error_set_errno(error, errno, "Cannot prepare the sandbox");
        return r;
}

/* Of the file system only @paths, also in the user namespace that was entered before. */
static int leave_files(const char *const *paths, size_t n, Walls *walls, Error *error) {
        int r, missing = EPERM;

        if (!sandbox_privileges_can_mount())
                return 0;

        r = sandbox_namespace_enter_paths(false, paths, n, &missing, error);
        note(r, missing, &walls->mounts);
        return r;
}

/* Nothing but the descriptors that are open, and what @step does with them. */
static int keep_descriptors(
        Walls *walls,
        SandboxMode mode,
        ProtoUser user,
        uint64_t scopes,
        SandboxSeccompStep step,
        Error *error) {
        int r;

        r = sandbox_privileges_limit(error);
        if (r >= 0)
                r = sandbox_privileges_become_user(user, error);
        if (r >= 0)
                r = sandbox_privileges_drop(false, error);
        if (r >= 0)
                r = restrict_to(NULL, -EBADF, scopes, walls, error);
        return r < 0 ? r : seal(walls, mode, step, error);
}

/* Root that may not mount finds an empty directory everywhere: it has only the process's own descriptors. */
static int leave_files_without_mounts(Walls *walls, Error *error) {
        _cleanup_(closep) int fd = open("/proc/self/fdinfo", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r, missing = EPERM;

        if (fd < 0)
                return 0;

        r = sandbox_namespace_change_root(&fd, &missing, error);
        note(r, missing, &walls->mounts);
        return r;
}

int sandbox_enter_blob(SandboxMode mode, ProtoUser user, Error *error) {
        /* One worker is made for each blob, and mounts cost more than rules. */
        const bool needs_mounts = sandbox_landlock_missing() != 0;
        Walls walls = WALLS_NULL;
        int r = 0;

        if (needs_mounts && !sandbox_privileges_can_mount())
                r = leave_files_without_mounts(&walls, error);
        if (r >= 0)
                r = sandbox_leave_network(user, error);
        if (r >= 0 && needs_mounts && walls.mounts != 0)
                r = leave_files(NULL, 0, &walls, error);
        return r < 0 ? r
                     : keep_descriptors(&walls, mode, user, LANDLOCK_SCOPES, SECCOMP_BLOB, error);
}

int sandbox_enter_disk(SandboxMode mode, ProtoUser user, Error *error) {
        Walls walls = WALLS_NULL;
        int r;

        r = leave_files(NULL, 0, &walls, error);
        /* The child is outside of its rules, and has to be reached and ended. */
        return r < 0 ? r : keep_descriptors(&walls, mode, user, 0, SECCOMP_DISK, error);
}

int sandbox_enter_directory(SandboxMode mode, ProtoUser user, int *dir_fd, Error *error) {
        const bool can_mount = sandbox_privileges_can_mount();
        Walls walls = WALLS_NULL;
        int r, missing = EPERM;

        r = sandbox_privileges_limit(error);
        if (r >= 0)
                r = sandbox_namespace_enter_directory(!can_mount, dir_fd, &missing, error);
        note(r, missing, &walls.mounts);
        /* In a user namespace root is the only user, and its capabilities are for its own files. */
        if (r >= 0)
                r = can_mount ? sandbox_privileges_become_reader(user, error)
                              : sandbox_privileges_drop(false, error);
        if (r >= 0)
                r = restrict_to(
                        sandbox_landlock_allow_reading_below, *dir_fd, LANDLOCK_SCOPES, &walls,
                        error);
        return r < 0 ? r : seal(&walls, mode, SECCOMP_DIRECTORY, error);
}

/* Whoever could open a device that is in the image would have the host's. */
static int drop_devices(Error *error) {
        static const cap_value_t devices = CAP_MKNOD;
        cap_t caps = cap_get_proc();
        int r = 0;

        if (!caps || cap_set_flag(caps, CAP_EFFECTIVE, 1, &devices, CAP_CLEAR) < 0 ||
            cap_set_flag(caps, CAP_PERMITTED, 1, &devices, CAP_CLEAR) < 0 || cap_set_proc(caps) < 0)
                r = error_set_errno(error, errno, "Cannot drop a capability");
        if (caps)
                (void) cap_free(caps);
        return r;
}

/* Root that may not mount has no use for a namespace in which there are no other users. */
static int make_tree_root(
        bool privileged, int *root_fd, bool *ret_nodev, Walls *walls, Error *error) {
        const bool can_mount = sandbox_privileges_can_mount();
        int r = 0, missing = EPERM;

        if (can_mount || !privileged)
                r = sandbox_namespace_enter_tree(!can_mount, root_fd, ret_nodev, &missing, error);
        if (r == 0 && privileged)
                r = sandbox_namespace_change_root(root_fd, &missing, error);
        note(r, missing, &walls->mounts);
        return r;
}

int sandbox_enter_tree(SandboxMode mode, int *root_fd, bool *ret_privileged, Error *error) {
        const bool privileged = sandbox_privileges_can_write_trees();
        Walls walls = WALLS_NULL;
        bool nodev = false;
        int r;

        r = sandbox_privileges_limit(error);
        if (r >= 0)
                r = make_tree_root(privileged, root_fd, &nodev, &walls, error);
        if (r >= 0)
                r = sandbox_privileges_drop(privileged, error);
        if (r >= 0 && privileged && !nodev)
                r = drop_devices(error);
        if (r >= 0)
                r = restrict_to(
                        sandbox_landlock_allow_all, *root_fd, LANDLOCK_SCOPES, &walls, error);
        if (r >= 0)
                r = seal(&walls, mode, SECCOMP_TREE, error);
        if (r < 0)
                return r;

        *ret_privileged = privileged;
        return r;
}

static int restrict_to_files(const SandboxFiles *files, Walls *walls, Error *error) {
        _cleanup_(closep) int rules = -EBADF, null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        int r;

        if (null_fd < 0)
                return error_set_errno(error, errno, "Cannot open /dev/null");
        r = sandbox_landlock_start(LANDLOCK_SCOPES, &rules, &walls->landlock, error);
        if (r <= 0)
                return r;

        r = sandbox_landlock_allow_file(rules, null_fd, error);
        for (size_t i = 0; r >= 0 && i < N(program_paths); i++)
                r = sandbox_landlock_allow_reading(rules, program_paths[i], error);
        for (size_t i = 0; r >= 0 && i < files->n_fds; i++)
                r = sandbox_landlock_allow_file(rules, files->fds[i], error);
        return r < 0 ? r : sandbox_landlock_apply(rules, error);
}

int sandbox_confine(void *userdata, Error *error) {
        const char *paths[N(program_paths) + N(program_files)];
        const SandboxFiles *files = userdata;
        Walls walls = WALLS_NULL;
        int is_open = 0, r;

        memcpy(paths, program_paths, sizeof(program_paths));
        memcpy(paths + N(program_paths), program_files, sizeof(program_files));
        r = sandbox_privileges_limit_program(error);
        if (r >= 0)
                r = leave_files(paths, N(paths), &walls, error);
        if (r >= 0)
                r = sandbox_privileges_become_user(files->user, error);
        if (r >= 0)
                r = sandbox_privileges_drop(false, error);
        if (r >= 0)
                r = restrict_to_files(files, &walls, error);
        if (r >= 0)
                r = is_open = check_walls(&walls, files->mode, error);
        if (r >= 0)
                r = sandbox_seccomp_apply_program(error);
        return r < 0 ? r : is_open;
}

int sandbox_enter_processes(Error *error) {
        int r = 0;

        /* Not in a user namespace: there root's files are somebody else's, and so they would be in the
         * appliance that libguestfs makes of them, and keeps. */
        if (sandbox_privileges_can_mount())
                r = sandbox_namespace_own_processes(error);
        return r < 0 ? r : sandbox_privileges_seal(error);
}

int sandbox_leave_processes(Error *error) {
        const int r = sandbox_privileges_can_mount() ? sandbox_namespace_share_processes() : 0;

        return r < 0 ? error_set_errno(error, -r, "Cannot leave a namespace of processes") : 0;
}

int sandbox_enter_programs(ProtoUser user, Error *error) {
        int r;

        r = sandbox_privileges_limit_programs(error);
        if (r >= 0)
                r = sandbox_privileges_become_builder(user, error);
        if (r >= 0)
                r = sandbox_privileges_drop(false, error);
        if (r >= 0)
                r = sandbox_privileges_seal(error);
        return r;
}
