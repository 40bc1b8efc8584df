/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * QMP, the protocol of QEMU's monitors: one JSON object per line (docs/interop/qmp-spec.txt of QEMU). All
 * functions block, and return DISK_GONE, with @error set, if QEMU has exited.
 */

#include <jansson.h>

#include "base-cleanup.h"
#include "base-error.h"

#define QMP_LINE_MAX ((size_t) 64 << 10) /* bytes of one answer */

typedef struct QemuQmp QemuQmp;

/* Events some time after the reply to a command. One job exists at a time. */
typedef enum QemuQmpEvent {
        QMP_JOB_CONCLUDED,
        _QMP_EVENT_MAX,
} QemuQmpEvent;

/**
 * qemu_qmp_new() - wait for the greeting, and enable commands
 * @fd:         connected stream socket; taken over, also on failure
 * @ret:        owned by the caller
 */
int qemu_qmp_new(int fd, QemuQmp **ret, Error *error);

/** qemu_qmp_free() - close the connection, and release @qmp */
QemuQmp *qemu_qmp_free(QemuQmp *qmp);

/**
 * qemu_qmp_execute() - execute a command
 * @arguments:  an object, from json_pack(); taken over, NULL means that its allocation failed
 * @ret:        the returned value, owned by the caller; may be NULL
 *
 * ERROR_FAILED with QEMU's own words if it refuses.
 */
int qemu_qmp_execute(
        QemuQmp *qmp, const char *command, json_t *arguments, json_t **ret, Error *error);

/**
 * qemu_qmp_refused() - convert QEMU's description of a failed command, or of the job that it started
 *
 * The description is English text, the only sign of a full file system. Always returns a negative errno with
 * @error set.
 */
int qemu_qmp_refused(const char *command, const char *description, Error *error);

/** qemu_qmp_wait() - wait until @event has happened since the last call for it */
int qemu_qmp_wait(QemuQmp *qmp, QemuQmpEvent event, Error *error);

DEFINE_CLEANUP(QemuQmp, qemu_qmp_free);
