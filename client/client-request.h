/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The calls that have options: Manager.Bootstrap, Inspect, ListTags and ExplainTrust. */

#include <systemd/sd-bus.h>

#include "client-connect.h"
#include "client-secret.h"
#include "client-source.h"

/** client_request_read_source() - client_source_read(), unless @connection cannot pass the file that it opens */
int client_request_read_source(
        ClientConnection *connection,
        const char *directory,
        const char *text,
        ClientSource *ret,
        Error *error);

/**
 * client_request_new_bootstrap() - create a call of Bootstrap; *@ret is owned by the caller
 * @destination: as passed to the daemon
 *
 * The message is marked sensitive. Secrets and files are passed as descriptors, which it duplicates.
 */
int client_request_new_bootstrap(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        const char *destination,
        sd_bus_message **ret,
        Error *error);

/**
 * client_request_new_inspect() - like client_request_new_bootstrap(), for Inspect and its options
 * @document:   which one the answer is to contain; or NULL
 */
int client_request_new_inspect(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        const char *document,
        sd_bus_message **ret,
        Error *error);

/** client_request_new_tags() - the same for ListTags; @repository: "docker://[HOST/]NAME" */
int client_request_new_tags(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const char *repository,
        sd_bus_message **ret,
        Error *error);

/**
 * client_request_new_trust() - like client_request_new_inspect(), for ExplainTrust
 * @key_fd:     borrowed; negative if the signature policy is to decide
 */
int client_request_new_trust(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        int key_fd,
        sd_bus_message **ret,
        Error *error);
