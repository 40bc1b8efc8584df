/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job as its object on the bus says it. */

#include <systemd/sd-bus.h>

#include "client-connect.h"
#include "client-event.h"

typedef struct ClientJobInfo {
        sd_bus_message *reply; /* owned; the strings below are in it */
        ClientJobHeader header;
        const char *format, *state, *digest;
        const char *error, *message;
        ClientProgress progress;
        uint32_t owner; /* uid */
        uint64_t bytes_downloaded, bytes_unpacked;
} ClientJobInfo;

#define JOB_INFO_NULL ((ClientJobInfo){ 0 })

/** client_job_make_path() - the object of the job @id; returns 0 or -ENOMEM with @error set */
int client_job_make_path(const char *id, char **ret, Error *error);

/**
 * client_job_info_read() - all properties of the job at @path
 *
 * What the daemon does not say is "" and 0.
 *
 * Return: 0, or a negative errno with @error set: ERROR_NO_SUCH_JOB when there is none.
 */
int client_job_info_read(
        ClientConnection *connection, const char *path, ClientJobInfo *ret, Error *error);

/** client_job_info_done() - release what @info owns; usable with _cleanup_() */
void client_job_info_done(ClientJobInfo *info);
