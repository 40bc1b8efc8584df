/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job's properties, as read from its object on the bus. */

#include <systemd/sd-bus.h>

#include "client-config.h"
#include "client-connect.h"
#include "client-event.h"

typedef struct ClientJobInfo {
        sd_bus_message *reply; /* owned; contains the strings below */
        ClientJobHeader header;
        const char *format, *state, *digest;
        const char *error, *message;
        ClientProgress progress;
        uint32_t owner; /* uid */
        uint64_t bytes_downloaded, bytes_unpacked;
        ClientConfig config;
} ClientJobInfo;

#define JOB_INFO_NULL ((ClientJobInfo){ 0 })

/** client_job_make_path() - the object path of the job @id; fails only with -ENOMEM */
int client_job_make_path(const char *id, char **ret, Error *error);

/**
 * client_job_info_read() - read all properties of the job at @path
 *
 * Missing properties are "" or 0. If the job does not exist, @error has the kind ERROR_NO_SUCH_JOB.
 */
int client_job_info_read(
        ClientConnection *connection, const char *path, ClientJobInfo *ret, Error *error);

/** client_job_info_done() - release what @info owns; usable with _cleanup_() */
void client_job_info_done(ClientJobInfo *info);
