/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job's properties, as read from its object on the bus. Times are in microseconds since the epoch, or 0. */

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
        uint64_t queued_usec, started_usec, ended_usec;
} ClientJobInfo;

#define JOB_INFO_NULL ((ClientJobInfo){ 0 })

/* Nothing is known but the object path. */
#define JOB_INFO_UNKNOWN(path)                                                                     \
        ((ClientJobInfo){                                                                          \
                .header = { "", path, "", "" },                                                    \
                .format = "",                                                                      \
                .state = "",                                                                       \
                .digest = "",                                                                      \
                .error = "",                                                                       \
                .message = "",                                                                     \
                .progress.phase = "",                                                              \
        })

/** client_job_make_path() - the object path of the job @id; fails only with -ENOMEM */
int client_job_make_path(const char *id, char **ret, Error *error);

/**
 * client_job_info_read() - read all properties of the job at @path
 *
 * Missing properties are "" or 0. If the job does not exist, @error has the kind ERROR_NO_SUCH_JOB.
 */
int client_job_info_read(
        ClientConnection *connection, const char *path, ClientJobInfo *ret, Error *error);

/**
 * client_job_info_read_properties() - read the properties in @message, an a{sv}
 * @info:       initially JOB_INFO_UNKNOWN(); its strings are borrowed from @message
 *
 * Return: 0; a negative errno.
 */
int client_job_info_read_properties(sd_bus_message *message, ClientJobInfo *info);

/** client_job_info_done() - release what @info owns; usable with _cleanup_() */
void client_job_info_done(ClientJobInfo *info);
