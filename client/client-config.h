/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an image would run, as Manager.Inspect and Job.Config tell it. */

#include <systemd/sd-bus.h>

#include "client-json.h"
#include "client-table.h"

/* Texts are borrowed from the message. What the image does not have is NULL. */
typedef struct ClientConfig {
        char **entrypoint, **cmd; /* owned, as the next three: each ends with a NULL */
        char **volumes, **ports, **env;
        const char *user, *working_dir, *stop_signal;
        int is_incomplete;
} ClientConfig;

/** client_config_done() - release what @config owns; usable with _cleanup_() */
void client_config_done(ClientConfig *config);

/**
 * client_config_read_value() - read the variant of the dictionary entry @key
 *
 * Return: 1; 0 if the key is not one of these, and nothing was read; or a negative errno.
 */
int client_config_read_value(sd_bus_message *m, const char *key, ClientConfig *config);

/** client_config_describe() - the command as for a shell, with its directory and user; *@ret is NULL without a command */
int client_config_describe(const ClientConfig *config, char **ret, Error *error);

/** client_config_add_rows() - add all to a table of two columns; fails only with -ENOMEM or -E2BIG */
int client_config_add_rows(const ClientConfig *config, ClientTable *table, Error *error);

/** client_config_print_json() - add an object with what is known; null if that is nothing */
void client_config_print_json(const ClientConfig *config, ClientJson *json, const char *key);
