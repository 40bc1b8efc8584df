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
#include "base-macro.h"
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

/* What keeps a worker from the host's files: 0 for what is there, else the errno value that says why not. */
typedef struct Walls {
        int mounts;
        int landlock;
} Walls;

#define WALLS_NULL ((Walls){ EPERM, EPERM })

/* A step on its way into its sandbox. */
typedef struct Entering {
        SandboxMode mode;
        ProtoUser user;
        bool can_mount;           /* before it began: in a user namespace everybody can */
        int *dir_fd;              /* borrowed; the directory or the tree, replaced on the way */
        const char *const *paths; /* borrowed; what its root has of the host's; may be NULL */
        size_t n_paths;
        const SandboxFiles *files; /* borrowed; of the disk worker's child */
        bool privileged;           /* of a tree: owners can be set, … */
        bool nodev;                /* … and device nodes in it cannot be opened */
        Walls walls;
} Entering;

#define LANDLOCK_SCOPES (LANDLOCK_NO_ABSTRACT_SOCKETS | LANDLOCK_NO_SIGNALS)

#define NETWORK_PATHS_MAX                                                                          \
        (N_ELEMENTS(network_paths) + N_ELEMENTS(network_variables) + RESOLVER_PATHS_MAX)

/* All paths of the network worker, borrowed from @resolver, too; returns how many. */
static size_t list_network_paths(
        const ResolverPaths *resolver, const char *ret[static NETWORK_PATHS_MAX]) {
        size_t n = 0;

        for (size_t i = 0; i < N_ELEMENTS(network_paths); i++)
                ret[n++] = network_paths[i];
        for (size_t i = 0; i < N_ELEMENTS(network_variables); i++) {
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

/* Returns whether there is none, or a negative errno with @error set. */
static int check_walls(const Walls *walls, SandboxMode mode, Error *error) {
        if (walls->mounts == 0 || walls->landlock == 0)
                return 0;
        if (mode == SANDBOX_BEST_EFFORT)
                return 1;
        return error_set(
                error, EOPNOTSUPP, ERROR_FAILED,
                "Cannot isolate a worker from the host's files: this system allows neither a mount "
                "namespace (%s) nor Landlock (%s); Sandbox=best-effort in virt-bootstrapd.conf runs it anyway",
                strerror(walls->mounts), strerror(walls->landlock));
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

/* Namespaces. */

static int leave_all_but_paths(Entering *entering, Error *error) {
        int r = 0, missing = EPERM;

        if (!entering->can_mount)
                r = prepare_user_namespace(entering->user, error);
        if (r >= 0)
                r = sandbox_namespace_enter_paths(
                        !entering->can_mount, entering->paths, entering->n_paths, &missing, error);
        note(r, missing, &entering->walls.mounts);
        return r;
}

/* Of the file system only the paths, also in the user namespace that was entered before. */
static int leave_files(Entering *entering, Error *error) {
        int r, missing = EPERM;

        if (!sandbox_privileges_can_mount())
                return 0;

        r = sandbox_namespace_enter_paths(
                false, entering->paths, entering->n_paths, &missing, error);
        note(r, missing, &entering->walls.mounts);
        return r;
}

/* Root that may not mount finds an empty directory everywhere: it has only the process's own descriptors. */
static int leave_files_without_mounts(Entering *entering, Error *error) {
        _cleanup_(closep) int fd = open("/proc/self/fdinfo", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r, missing = EPERM;

        if (fd < 0)
                return 0;

        r = sandbox_namespace_change_root(&fd, &missing, error);
        note(r, missing, &entering->walls.mounts);
        return r;
}

/* One worker is made for each blob, and mounts cost more than rules. */
static int leave_network_and_files(Entering *entering, Error *error) {
        const bool needs_mounts = sandbox_landlock_missing() != 0;
        int r = 0;

        if (needs_mounts && !entering->can_mount)
                r = leave_files_without_mounts(entering, error);
        if (r >= 0)
                r = sandbox_leave_network(entering->user, error);
        if (r >= 0 && needs_mounts && entering->walls.mounts != 0)
                r = leave_files(entering, error);
        return r;
}

static int make_directory_root(Entering *entering, Error *error) {
        int r, missing = EPERM;

        r = sandbox_namespace_enter_directory(
                !entering->can_mount, entering->dir_fd, &missing, error);
        note(r, missing, &entering->walls.mounts);
        return r;
}

/* Root that may not mount has no use for a namespace in which there are no other users. */
static int make_tree_root(Entering *entering, Error *error) {
        int r = 0, missing = EPERM;

        if (entering->can_mount || !entering->privileged)
                r = sandbox_namespace_enter_tree(
                        !entering->can_mount, entering->dir_fd, &entering->nodev, &missing, error);
        if (r == 0 && entering->privileged)
                r = sandbox_namespace_change_root(entering->dir_fd, &missing, error);
        note(r, missing, &entering->walls.mounts);
        return r;
}

/* Not in a user namespace: there root's files are somebody else's, and so they would be in the appliance
 * that libguestfs makes of them, and keeps. */
static int own_processes(Entering *entering, Error *error) {
        return entering->can_mount ? sandbox_namespace_own_processes(error) : 0;
}

/* Users, and their capabilities. */

static int become_user(Entering *entering, Error *error) {
        return sandbox_privileges_become_user(entering->user, error);
}

/* In a user namespace root is the only user, and its capabilities are for its own files. */
static int become_reader(Entering *entering, Error *error) {
        return entering->can_mount ? sandbox_privileges_become_reader(entering->user, error)
                                   : sandbox_privileges_drop(false, error);
}

static int become_builder(Entering *entering, Error *error) {
        return sandbox_privileges_become_builder(entering->user, error);
}

static int keep_none(Entering *entering, Error *error) {
        return sandbox_privileges_drop(false, error);
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

static int keep_for_trees(Entering *entering, Error *error) {
        int r = sandbox_privileges_drop(entering->privileged, error);

        return r >= 0 && entering->privileged && !entering->nodev ? drop_devices(error) : r;
}

/* Landlock: what a step may open. Scopes are what it may not reach otherwise. */

typedef int (*AllowFiles)(const Entering *entering, int rules, Error *error);

static int allow_nothing(const Entering *entering, int rules, Error *error) {
        return 0;
}

static int allow_paths(const Entering *entering, int rules, Error *error) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < entering->n_paths; i++)
                r = sandbox_landlock_allow_reading(rules, entering->paths[i], error);
        return r;
}

static int allow_directory(const Entering *entering, int rules, Error *error) {
        return sandbox_landlock_allow_reading_below(rules, *entering->dir_fd, error);
}

static int allow_tree(const Entering *entering, int rules, Error *error) {
        return sandbox_landlock_allow_all(rules, *entering->dir_fd, error);
}

static int allow_programs_and_files(const Entering *entering, int rules, Error *error) {
        const SandboxFiles *files = entering->files;
        _cleanup_(closep) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        int r;

        if (null_fd < 0)
                return error_set_errno(error, errno, "Cannot open /dev/null");

        r = sandbox_landlock_allow_file(rules, null_fd, error);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(program_paths); i++)
                r = sandbox_landlock_allow_reading(rules, program_paths[i], error);
        for (size_t i = 0; r >= 0 && i < files->n_fds; i++)
                r = sandbox_landlock_allow_file(rules, files->fds[i], error);
        return r;
}

static int restrict_files(Entering *entering, AllowFiles allow, uint64_t scopes, Error *error) {
        _cleanup_(closep) int rules = -EBADF;
        int r;

        r = sandbox_landlock_start(scopes, &rules, &entering->walls.landlock, error);
        if (r <= 0)
                return r;

        r = allow(entering, rules, error);
        return r < 0 ? r : sandbox_landlock_apply(rules, error);
}

/* The walls of a step, in the order in which they go up. What is NULL is none. */
typedef struct Step {
        int (*limit)(Error *error); /* new privileges, core dumps, memory */
        int (*namespaces)(Entering *entering, Error *error);
        int (*user)(Entering *entering, Error *error);
        int (*capabilities)(Entering *entering, Error *error);
        AllowFiles landlock; /* with one it needs a wall around the host's files */
        uint64_t scopes;
        int (*seal)(Error *error);
        SandboxSeccompStep seccomp;
} Step;

typedef enum StepKind {
        STEP_NETWORK,
        STEP_BLOB,
        STEP_DIRECTORY,
        STEP_TREE,
        STEP_DISK,
        STEP_CHILD, /* of the disk worker */
        STEP_PROCESSES,
        STEP_PROGRAMS,
        _STEP_KIND_MAX,
} StepKind;

/* sandbox.h draws it. */
static const Step steps[_STEP_KIND_MAX] = {
        [STEP_NETWORK] = {
                .limit = sandbox_privileges_limit,
                .namespaces = leave_all_but_paths,
                .user = become_user,
                .capabilities = keep_none,
                .landlock = allow_paths,
                .scopes = LANDLOCK_SCOPES,
                .seal = sandbox_privileges_seal,
                .seccomp = SECCOMP_NETWORK,
        },
        [STEP_BLOB] = {
                .limit = sandbox_privileges_limit,
                .namespaces = leave_network_and_files,
                .user = become_user,
                .capabilities = keep_none,
                .landlock = allow_nothing,
                .scopes = LANDLOCK_SCOPES,
                .seal = sandbox_privileges_seal,
                .seccomp = SECCOMP_BLOB,
        },
        [STEP_DIRECTORY] = {
                .limit = sandbox_privileges_limit,
                .namespaces = make_directory_root,
                .user = become_reader, /* and its capabilities */
                .landlock = allow_directory,
                .scopes = LANDLOCK_SCOPES,
                .seal = sandbox_privileges_seal,
                .seccomp = SECCOMP_DIRECTORY,
        },
        [STEP_TREE] = {
                .limit = sandbox_privileges_limit,
                .namespaces = make_tree_root,
                .capabilities = keep_for_trees,
                .landlock = allow_tree,
                .scopes = LANDLOCK_SCOPES,
                .seal = sandbox_privileges_seal,
                .seccomp = SECCOMP_TREE,
        },
        [STEP_DISK] = {
                .limit = sandbox_privileges_limit,
                .namespaces = leave_files,
                .user = become_user,
                .capabilities = keep_none,
                .landlock = allow_nothing,
                .scopes = 0, /* the child is outside of its rules, and has to be reached and ended */
                .seal = sandbox_privileges_seal,
                .seccomp = SECCOMP_DISK,
        },
        [STEP_CHILD] = {
                .limit = sandbox_privileges_limit_program,
                .namespaces = leave_files,
                .user = become_user,
                .capabilities = keep_none,
                .landlock = allow_programs_and_files,
                .scopes = LANDLOCK_SCOPES,
                .seccomp = SECCOMP_PROGRAM,
        },
        [STEP_PROCESSES] = {
                .namespaces = own_processes,
                .seal = sandbox_privileges_seal,
        },
        [STEP_PROGRAMS] = {
                .limit = sandbox_privileges_limit_programs,
                .user = become_builder,
                .capabilities = keep_none,
                .seal = sandbox_privileges_seal,
        },
};

static int enter(StepKind kind, Entering *entering, Error *error) {
        const Step *step = &steps[kind];
        int is_open = 0, r = 0;

        entering->can_mount = sandbox_privileges_can_mount();
        entering->walls = WALLS_NULL;

        if (step->limit)
                r = step->limit(error);
        if (r >= 0 && step->namespaces)
                r = step->namespaces(entering, error);
        if (r >= 0 && step->user)
                r = step->user(entering, error);
        if (r >= 0 && step->capabilities)
                r = step->capabilities(entering, error);
        if (r >= 0 && step->landlock)
                r = restrict_files(entering, step->landlock, step->scopes, error);
        if (r >= 0 && step->landlock)
                r = is_open = check_walls(&entering->walls, entering->mode, error);
        if (r >= 0 && step->seal)
                r = step->seal(error);
        if (r >= 0)
                r = sandbox_seccomp_apply(step->seccomp, error);
        return r < 0 ? r : is_open;
}

int sandbox_enter_network(SandboxMode mode, ProtoUser user, Error *error) {
        const char *paths[NETWORK_PATHS_MAX];
        Entering entering = { .mode = mode, .user = user, .paths = paths };
        ResolverPaths resolver;

        find_resolver(&resolver);
        entering.n_paths = list_network_paths(&resolver, paths);
        return enter(STEP_NETWORK, &entering, error);
}

int sandbox_enter_blob(SandboxMode mode, ProtoUser user, Error *error) {
        Entering entering = { .mode = mode, .user = user };

        return enter(STEP_BLOB, &entering, error);
}

int sandbox_enter_disk(SandboxMode mode, ProtoUser user, Error *error) {
        Entering entering = { .mode = mode, .user = user };

        return enter(STEP_DISK, &entering, error);
}

int sandbox_enter_directory(SandboxMode mode, ProtoUser user, int *dir_fd, Error *error) {
        Entering entering = { .mode = mode, .user = user, .dir_fd = dir_fd };

        return enter(STEP_DIRECTORY, &entering, error);
}

int sandbox_enter_tree(SandboxMode mode, int *root_fd, bool *ret_privileged, Error *error) {
        Entering entering = {
                .mode = mode,
                .dir_fd = root_fd,
                .privileged = sandbox_privileges_can_write_trees(),
        };
        int r = enter(STEP_TREE, &entering, error);

        if (r >= 0)
                *ret_privileged = entering.privileged;
        return r;
}

int sandbox_confine(void *userdata, Error *error) {
        const char *paths[N_ELEMENTS(program_paths) + N_ELEMENTS(program_files)];
        const SandboxFiles *files = userdata;
        Entering entering = {
                .mode = files->mode,
                .user = files->user,
                .paths = paths,
                .n_paths = N_ELEMENTS(paths),
                .files = files,
        };

        memcpy(paths, program_paths, sizeof(program_paths));
        memcpy(paths + N_ELEMENTS(program_paths), program_files, sizeof(program_files));
        return enter(STEP_CHILD, &entering, error);
}

int sandbox_enter_processes(Error *error) {
        Entering entering = { .mode = SANDBOX_YES };

        return enter(STEP_PROCESSES, &entering, error);
}

int sandbox_leave_processes(Error *error) {
        const int r = sandbox_privileges_can_mount() ? sandbox_namespace_share_processes() : 0;

        return r < 0 ? error_set_errno(error, -r, "Cannot leave a PID namespace") : 0;
}

int sandbox_enter_programs(ProtoUser user, Error *error) {
        Entering entering = { .user = user };

        return enter(STEP_PROGRAMS, &entering, error);
}
