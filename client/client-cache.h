/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs of the cache share. Functions that can fail return a negative errno with @error set. */

#include <stdint.h>

#include "client-connect.h"
#include "client-json.h"

#define CACHE_NAME_MAX   ((size_t) 520) /* a reference */
#define CACHE_DIGEST_MAX ((size_t) 13)  /* 12 hex digits and the NUL */
#define CACHE_TIME_MAX   ((size_t) 32)

/** client_cache_new_call() - a call of a method of the interface Cache */
int client_cache_new_call(
        ClientConnection *connection, const char *member, sd_bus_message **ret, Error *error);

/** client_cache_call() - make a call that may take any time; @ret_reply may be NULL */
int client_cache_call(
        ClientConnection *connection,
        sd_bus_message *call,
        sd_bus_message **ret_reply,
        Error *error);

/**
 * client_cache_short_name() - a reference as people write it: "debian:12" for docker.io/library/debian:12
 *
 * It means the same, unless it ends in "…", in place of most of a digest. Returns @ret.
 */
char *client_cache_short_name(const char *reference, char ret[static CACHE_NAME_MAX]);

/** client_cache_short_digest() - the first hex digits of "ALGORITHM:HEX"; returns @ret */
char *client_cache_short_digest(const char *digest, char ret[static CACHE_DIGEST_MAX]);

/** client_cache_format_time() - microseconds since the epoch as "2026-11-30 18:05", or "-" for 0; returns @ret */
const char *client_cache_format_time(uint64_t usec, char ret[static CACHE_TIME_MAX]);

/** client_cache_format_date() - likewise, without the time of the day */
const char *client_cache_format_date(uint64_t usec, char ret[static CACHE_TIME_MAX]);

#define CACHE_USAGE_KINDS_MAX 16u

/* What the cache takes of the disk, by kind. */
typedef struct ClientCacheUsage {
        struct {
                const char *kind; /* borrowed from the reply */
                uint64_t bytes;
        } kinds[CACHE_USAGE_KINDS_MAX];
        size_t n;
        uint64_t total; /* bytes */
} ClientCacheUsage;

/** client_cache_read_usage() - read "a{st}"; the result is valid as long as @reply */
int client_cache_read_usage(sd_bus_message *reply, ClientCacheUsage *ret, Error *error);

/** client_cache_print_usage() - " 133.1M in all: blobs 30.3M, …" and the end of the line, to standard output */
void client_cache_print_usage(const ClientCacheUsage *usage);

/** client_cache_write_usage() - the members "size" and "usage" of a JSON object */
void client_cache_write_usage(ClientJson *json, const ClientCacheUsage *usage);

/** client_cache_tell_leftover() - say what virt-bootstrap 1 has left, if there is something, and how to remove it */
void client_cache_tell_leftover(ClientConnection *connection, const ClientCacheUsage *usage);
