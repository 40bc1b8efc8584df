/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-thread.h"
#include "sandbox-label.h"
#include "sandbox-owners.h"
#include "sandbox-privileges.h"
#include "sandbox.h"
#include "step-layers.h"
#include "step-rootfs.h"
#include "step.h"
#include "unpack-directory.h"

static int enter_sandbox(
        int socket_fd,
        const ProtoUnpackStart *start,
        int *root_fd,
        bool *ret_privileged,
        Error *error) {
        if (start->sandbox != SANDBOX_NO)
                return step_tell_open(
                        socket_fd,
                        sandbox_enter_tree(
                                (SandboxMode) start->sandbox, root_fd, ret_privileged, error),
                        error);

        *ret_privileged = sandbox_privileges_can_write_trees();
        return 0;
}

static bool is_mark(const char *name) {
        return strncmp(name, PROTO_MARK_PREFIX, strlen(PROTO_MARK_PREFIX)) == 0;
}

static bool has_id(const char *mark) {
        const char *id = mark + strlen(PROTO_MARK_PREFIX);

        return id[0] != '\0' && id[strspn(id, "0123456789abcdef")] == '\0';
}

static bool is_of_no_content(const char *name) {
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
               strcmp(name, "lost+found") == 0 || is_mark(name);
}

/* Finds the file by which the daemon recognizes a directory that is filled in place; empty: none. */
static int find_mark(int dir_fd, char ret[static NAME_MAX + 1], Error *error) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        ret[0] = '\0';
        r = dir_open(dir_fd, &dir);
        if (r == -EACCES)
                return 0; /* if the daemon has made one, the directory is readable */
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the root directory");

        do {
                errno = 0;
                entry = readdir(dir);
        } while (entry && !(is_mark(entry->d_name) && has_id(entry->d_name)));

        if (errno != 0)
                return error_set_errno(error, errno, "Cannot read the root directory");
        (void) snprintf(ret, NAME_MAX + 1, "%s", entry ? entry->d_name : "");
        return 0;
}

/* Whether a directory has only entries made by mkfs and the daemon. */
static int is_empty(int dir_fd, Error *error) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = dir_open(dir_fd, &dir);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the root directory");

        do {
                errno = 0;
                entry = readdir(dir);
        } while (entry && is_of_no_content(entry->d_name));

        if (errno != 0)
                return error_set_errno(error, errno, "Cannot read the root directory");
        return !entry;
}

/* The id to which root is mapped; @own without a mapping. */
static uint32_t mapped_root(const IdMap *map, uint32_t own) {
        return map->n_ranges > 0 && idmap_covers(map, 0) ? idmap_apply(map, 0) : own;
}

/* Images need not have an entry for the root: initially, a root directory of this user, usually root, is
 * given to the mapped root. */
static int map_root(int root_fd, const StepRootfs *settings, Error *error) {
        struct stat st;
        uid_t uid;
        gid_t gid;
        int r;

        r = is_empty(root_fd, error);
        if (r <= 0)
                return r;
        if (fstat(root_fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot stat the root directory");

        uid = st.st_uid == geteuid() ? mapped_root(&settings->uids, st.st_uid) : st.st_uid;
        gid = st.st_gid == getegid() ? mapped_root(&settings->gids, st.st_gid) : st.st_gid;
        if ((uid != st.st_uid || gid != st.st_gid) && fchown(root_fd, uid, gid) < 0)
                return error_set_errno(error, errno, "Cannot change the owner to %u:%u", uid, gid);
        return 0;
}

/* The daemon decides whether that matters. */
static int tell_rights(int socket_fd, const UnpackTarget *target, Error *error) {
        ProtoMessage message = { .type = PROTO_UNPACK_RIGHTS };
        const char *example;

        message.unpack_rights.n = unpack_directory_rights(target, &example);
        if (message.unpack_rights.n == 0)
                return 0;

        (void) proto_text_set(
                message.unpack_rights.example, sizeof(message.unpack_rights.example),
                example ? example : "");
        return step_send(socket_fd, &message, error);
}

static int unpack(
        int socket_fd,
        int root_fd,
        int password_fd,
        bool privileged,
        StepLayers *layers,
        const StepRootfs *settings,
        Error *error) {
        _cleanup_(unpack_target_freep) UnpackTarget *target = NULL;
        char mark[NAME_MAX + 1];
        int r;

        r = privileged ? map_root(root_fd, settings, error) : 0;
        if (r >= 0)
                r = find_mark(root_fd, mark, error);
        if (r >= 0)
                r = unpack_directory_new(root_fd, privileged, &target, error);
        if (r >= 0 && !settings->no_sync)
                r = unpack_directory_write_back(target, error);
        if (r >= 0 && mark[0] != '\0')
                unpack_directory_spare(target, mark);
        if (r >= 0 && !settings->keeps_devices)
                unpack_directory_close_devices(
                        target, idmap_apply(&settings->uids, 0), idmap_apply(&settings->gids, 0));
        if (r >= 0)
                r = step_rootfs_unpack(socket_fd, layers, target, settings, NULL, error);
        if (r >= 0)
                r = tell_rights(socket_fd, target, error);
        if (r >= 0 && password_fd >= 0)
                r = step_rootfs_set_password(target, password_fd, error);
        if (r >= 0 && !settings->no_sync && syncfs(root_fd) < 0)
                r = error_set_errno(error, errno, "Cannot flush the new tree to the disk");
        return r;
}

static int run(int socket_fd, ProtoOutcome *failure, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        _cleanup_(freep) StepRootfs *settings = NULL;
        _cleanup_(step_layers_freep) StepLayers *layers = NULL;
        bool privileged = false;
        ProtoMessage message;
        int r;

        r = step_receive(socket_fd, PROTO_UNPACK_START, &message, &fds, error);
        if (r < 0)
                return r;

        thread_prefer_throughput();
        settings = calloc(1, sizeof(*settings));
        if (!settings)
                return error_oom(error);

        settings->limits = message.unpack_start.limits;
        settings->keeps_devices = message.unpack_start.keeps_devices;
        settings->no_sync = message.unpack_start.no_sync;

        r = step_rootfs_receive_maps(socket_fd, message.unpack_start.n_id_ranges, settings, error);
        if (r >= 0)
                r = step_layers_new(socket_fd, message.unpack_start.n_layers, &layers, error);
        if (r >= 0)
                r = sandbox_label_new_files(fds.fds[0], error);
        if (r >= 0 && message.unpack_start.n_id_ranges > 0)
                r = sandbox_owners_enter_namespace(&fds.fds[0], error);
        if (r >= 0)
                r = enter_sandbox(
                        socket_fd, &message.unpack_start, &fds.fds[0], &privileged, error);
        if (r < 0)
                return r;

        return unpack(socket_fd, fds.fds[0], fds.fds[1], privileged, layers, settings, error);
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
