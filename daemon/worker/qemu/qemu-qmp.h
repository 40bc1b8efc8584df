/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * QMP, the protocol of QEMU's monitors: one JSON object a line (docs/interop/qmp-spec.txt of QEMU). All
 * functions block.
 */

#include <jansson.h>

#include "base-cleanup.h"
#include "base-error.h"

#define QMP_LINE_MAX ((size_t) 64 << 10) /* bytes of one answer */

typedef struct QemuQmp QemuQmp;

/* What happens some time after a command was answered. One job and one export are there at a time. */
typedef enum QemuQmpEvent {
        QMP_JOB_CONCLUDED,
        QMP_EXPORT_DELETED,
        _QMP_EVENT_MAX,
} QemuQmpEvent;

/**
 * qemu_qmp_new() - wait for the greeting, and get ready for commands
 * @fd:         connected stream socket; taken over, also on failure
 * @ret:        owned by the caller; untouched on failure
 *
 * Return: 0, DISK_GONE, or another negative errno, with @error set.
 */
int qemu_qmp_new(int fd, QemuQmp **ret, Error *error);

/** qemu_qmp_free() - close the connection, and release @qmp (may be NULL) */
QemuQmp *qemu_qmp_free(QemuQmp *qmp);

/**
 * qemu_qmp_execute() - have a command done
 * @arguments:  of json_pack(): an object; taken over, NULL counts as a failed allocation
 * @ret:        what it returned, owned by the caller; may be NULL
 *
 * Return: 0, DISK_GONE, or another negative errno, with @error set: ERROR_FAILED with QEMU's own words
 * when it refused.
 */
int qemu_qmp_execute(
        QemuQmp *qmp, const char *command, json_t *arguments, json_t **ret, Error *error);

/**
 * qemu_qmp_refused() - what QEMU has said of a command, or of the job that the command was
 *
 * In English, which is all that there is to tell a full file system by. Returns a negative errno with
 * @error set, always.
 */
int qemu_qmp_refused(const char *command, const char *description, Error *error);

/** qemu_qmp_wait() - wait until @event has happened since the last call for it; returns as qemu_qmp_execute() */
int qemu_qmp_wait(QemuQmp *qmp, QemuQmpEvent event, Error *error);

DEFINE_CLEANUP(QemuQmp, qemu_qmp_free);
