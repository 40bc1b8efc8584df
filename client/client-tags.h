/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tags of a repository: Manager.ListTags. */

#include <stddef.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "client-connect.h"
#include "client-secret.h"

#define TAGS_MAX ((size_t) 1 << 20)

/* Strings are borrowed from @reply. */
typedef struct ClientTags {
        sd_bus_message *reply; /* owned */
        const char *repository;
        const char **names; /* owned */
        size_t n_names;
} ClientTags;

#define TAGS_NULL ((ClientTags){ 0 })

/**
 * client_tags_list() - ask the daemon, and wait for the answer
 * @repository: "docker://[HOST/]NAME"
 * @ret:        to be released with client_tags_done(); untouched on failure
 */
int client_tags_list(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const char *repository,
        ClientTags *ret,
        Error *error);

/** client_tags_done() - release what @tags owns; usable with _cleanup_() */
void client_tags_done(ClientTags *tags);
