/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verbs of the command line, one function each.
 *
 * Return: the exit status, if everything has been printed; or a negative errno with @error set, which
 * the caller must print.
 */

#include "client-connect.h"
#include "client-secret.h"

int client_verb_bootstrap(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        Error *error);
int client_verb_inspect(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        Error *error);
int client_verb_list_tags(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        Error *error);
int client_verb_verify(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        Error *error);
int client_verb_list(ClientConnection *connection, const ClientOptions *options, Error *error);
int client_verb_show(ClientConnection *connection, const ClientOptions *options, Error *error);
int client_verb_attach(ClientConnection *connection, const ClientOptions *options, Error *error);
int client_verb_cancel(ClientConnection *connection, const ClientOptions *options, Error *error);
int client_verb_monitor(ClientConnection *connection, const ClientOptions *options, Error *error);
int client_verb_cache_list(
        ClientConnection *connection, const ClientOptions *options, Error *error);
int client_verb_cache_blobs(
        ClientConnection *connection, const ClientOptions *options, Error *error);
int client_verb_cache_verify(
        ClientConnection *connection, const ClientOptions *options, Error *error);
int client_verb_cache_remove(
        ClientConnection *connection, const ClientOptions *options, Error *error);
int client_verb_cache_prune(
        ClientConnection *connection, const ClientOptions *options, Error *error);
