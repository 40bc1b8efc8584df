/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-fd.h"
#include "base-secret.h"
#include "password-shadow.h"
#include "step-rootfs.h"
#include "step.h"
#include "unpack-run.h"

/* The receiver of reports, and the last report. */
typedef struct Reader {
        int socket_fd; /* borrowed; the daemon's */
        const StepRootfs *settings;
        uint64_t consumed;
} Reader;

static void on_progress(void *userdata, const UnpackProgress *progress) {
        Reader *reader = userdata;
        const ProtoMessage message = {
                .type = PROTO_UNPACK_PROGRESS,
                .unpack_progress = {
                        .consumed = progress->consumed,
                        .unpacked = progress->unpacked,
                        .files = progress->files,
                },
        };

        reader->consumed = progress->consumed;
        (void) proto_send(reader->socket_fd, &message, NULL, 0);
        if (reader->settings->unpacked)
                reader->settings->unpacked(reader->settings->userdata, progress->unpacked);
}

static void on_warning(void *userdata, const char *text) {
        const Reader *reader = userdata;

        (void) step_warn(reader->socket_fd, text, NULL);
}

int step_rootfs_receive_maps(int socket_fd, uint32_t n, StepRootfs *settings, Error *error) {
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < n; i++) {
                ProtoMessage message;

                r = step_receive(socket_fd, PROTO_ID_RANGE, &message, NULL, error);
                if (r >= 0)
                        r = idmap_add(
                                message.id_range.is_group ? &settings->gids : &settings->uids,
                                &message.id_range.range, error);
        }

        return r;
}

static bool has(UnpackTarget *target, UnpackDir root, const char *name) {
        UnpackInfo info;

        return target->ops->look(target, root, name, &info, NULL) >= 0;
}

/* A user who names an image archive by its path alone gets its files, but probably means the image. */
static void warn_of_image(int socket_fd, UnpackTarget *target) {
        const char *kind = NULL;
        UnpackInfo info;
        UnpackDir root;

        if (target->ops->open_root((void *) target, &root, &info, NULL) < 0 ||
            has(target, root, "etc") || has(target, root, "usr") || has(target, root, "bin"))
                return;

        if (has(target, root, "oci-layout") && has(target, root, "index.json"))
                kind = "oci-archive";
        else if (has(target, root, "manifest.json") && has(target, root, "repositories"))
                kind = "docker-archive";
        if (kind) {
                char text[256];

                (void) snprintf(
                        text, sizeof(text),
                        "This is not a root file system but an archive that contains an image; "
                        "use %s:PATH",
                        kind);
                (void) step_warn(socket_fd, text, NULL);
        }
}

int step_rootfs_unpack(
        int socket_fd,
        StepLayers *layers,
        UnpackTarget *target,
        const StepRootfs *settings,
        uint64_t *ret_consumed,
        Error *error) {
        Reader reader = { .socket_fd = socket_fd, .settings = settings };
        const InflateInput input = step_layers_input(layers);
        const UnpackOptions options = {
                .limits = settings->limits,
                .uids = settings->maps_later ? NULL : &settings->uids,
                .gids = settings->maps_later ? NULL : &settings->gids,
                .has_lower = settings->has_lower,
        };
        const UnpackEvents events = {
                .progress = on_progress,
                .warning = on_warning,
                .userdata = &reader,
        };
        int r;

        r = unpack_run(&input, target, &options, &events, error);
        if (ret_consumed)
                *ret_consumed = reader.consumed;
        if (r >= 0 && step_layers_are_tarball(layers))
                warn_of_image(socket_fd, target);
        return r;
}

int step_rootfs_set_password(UnpackTarget *target, int password_fd, Error *error) {
        _cleanup_(secret_freep) char *text = NULL;
        int r;

        r = fd_read_all(password_fd, SHADOW_BYTES_MAX, &text, NULL);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read root's new password");

        text[strcspn(text, "\r\n")] = '\0';
        if (text[0] == '\0')
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION, "Root's new password is empty");
        return password_set_root(target, text, error);
}
