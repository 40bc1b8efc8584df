/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the program does, one function and file per verb.
 *
 * Return: the exit status, when what there is to say has been said; or a negative errno with @error
 * set, which is then to be shown.
 */

#include "client-connect.h"
#include "client-secret.h"

int verb_bootstrap(
        Connection *connection, const Options *options, const Secrets *secrets, Error *error);
int verb_inspect(
        Connection *connection, const Options *options, const Secrets *secrets, Error *error);
int verb_list(Connection *connection, const Options *options, Error *error);
int verb_show(Connection *connection, const Options *options, Error *error);
int verb_attach(Connection *connection, const Options *options, Error *error);
int verb_cancel(Connection *connection, const Options *options, Error *error);
int verb_monitor(Connection *connection, const Options *options, Error *error);
int verb_cache_list(Connection *connection, const Options *options, Error *error);
int verb_cache_verify(Connection *connection, const Options *options, Error *error);
int verb_cache_remove(Connection *connection, const Options *options, Error *error);
int verb_cache_prune(Connection *connection, const Options *options, Error *error);
