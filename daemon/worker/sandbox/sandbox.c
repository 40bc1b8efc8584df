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

/* Paths of name resolution, certificates and the libraries that they load. The only sockets are those of
 * services that resolve names. */
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

/* Variables that name other paths of certificates. */
static const char *const network_variables[] = {
        "CURL_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "VIRTBOOTSTRAP_CERTS_DIR",
};

/* A link into /run in many places, often by way of others. */
static const char resolver_file[] = "/etc/resolv.conf";

#define RESOLVER_PATHS_MAX ((size_t) 16)

/* Paths of the resolver's file: its own, and that after each of its links. */
typedef struct ResolverPaths {
        char paths[RESOLVER_PATHS_MAX][PATH_MAX];
        size_t n;
} ResolverPaths;

/* Paths of programs and their libraries. */
static const char *const program_paths[] = {
        "/bin", "/dev/urandom", "/etc/ld.so.cache", "/etc/ld.so.preload",
        "/lib", "/lib64",       "/nix/store",       "/usr",
};

/* Other files that a program opens: in /proc only its own descriptors. */
static const char *const program_files[] = { "/dev/null", "/proc/self/fd" };

/* The walls between a worker and the host's files: 0 for one that exists, else the errno value why it does not. */
typedef struct Walls {
        int mounts;
        int landlock;
} Walls;

#define WALLS_NULL ((Walls){ EPERM, EPERM })

/* A step on its way into its sandbox. */
typedef struct Entering {
        SandboxMode mode;
        ProtoUser user;
        bool can_mount;           /* determined before: in a user namespace everybody can */
        int *dir_fd;              /* borrowed; the directory or the tree, replaced on the way */
        const char *const *paths; /* borrowed; paths of the host in its root; may be NULL */
        size_t n_paths;
        const SandboxFiles *files; /* borrowed; of the disk worker's child */
        bool privileged;           /* of a tree: owners can be set, … */
        bool nodev;                /* … and device nodes in it cannot be opened */
        Walls walls;
} Entering;

#define LANDLOCK_SCOPES (LANDLOCK_NO_ABSTRACT_SOCKETS | LANDLOCK_NO_SIGNALS)

#define NETWORK_PATHS_MAX                                                                          \
        (N_ELEMENTS(network_paths) + N_ELEMENTS(network_variables) + RESOLVER_PATHS_MAX)

/* Lists all paths of the network worker, some borrowed from @resolver; returns their number. */
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

/* Removes "." and ".." from @path up to its first link, and replaces that link in @ret by its target:
 * returns whether it has one. */
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

/* Returns whether there is no wall, or a negative errno. */
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

/* A user namespace has only one user: root must become another user before. */
static int prepare_user_namespace(ProtoUser user, Error *error) {
        int r;

        r = sandbox_privileges_become_user(user, error);
        /* After a change of user this is needed to write its own maps. */
        if (r >= 0 && prctl(PR_SET_DUMPABLE, 1) < 0)
                return error_set_errno(error, errno, "Cannot prepare the sandbox");
        return r;
}

/* Records the result of namespace_*() as a wall, or the reason for its absence. */
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

/* Only the paths remain of the file system, also in a user namespace entered before. */
static int leave_files(Entering *entering, Error *error) {
        int r, missing = EPERM;

        if (!sandbox_privileges_can_mount())
                return 0;

        r = sandbox_namespace_enter_paths(
                false, entering->paths, entering->n_paths, &missing, error);
        note(r, missing, &entering->walls.mounts);
        return r;
}

/* Root that may not mount can use an empty directory: it has only the process's own descriptors. */
static int leave_files_without_mounts(Entering *entering, Error *error) {
        _cleanup_(closep) int fd = open("/proc/self/fdinfo", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r, missing = EPERM;

        if (fd < 0)
                return 0;

        r = sandbox_namespace_change_root(&fd, &missing, error);
        note(r, missing, &entering->walls.mounts);
        return r;
}

/* Each blob has a worker, and mounts cost more than rules. */
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

/* Root that may not mount cannot use a namespace without other users. */
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

/* Not in a user namespace, where root's files belong to somebody else, as they then would in the appliance
 * that libguestfs makes of them, and caches. */
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

/* Opening a device in the image would give access to that of the host. */
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

/* Landlock: what a step may open. Scopes limit what else it may reach. */

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

/* The walls of a step, in order. NULL: none. */
typedef struct Step {
        int (*limit)(Error *error); /* new privileges, core dumps, memory */
        int (*namespaces)(Entering *entering, Error *error);
        int (*user)(Entering *entering, Error *error);
        int (*capabilities)(Entering *entering, Error *error);
        AllowFiles landlock; /* with one it needs a wall around the file system */
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

/* See the table in sandbox.h. */
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
                .scopes = 0, /* the child is outside its rules, and must be ended */
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
