/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Makes the requests of all threads on the same connections.
 *
 *     registry_loop_new() -> registry_loop_perform()* -> registry_loop_free()
 *
 * libcurl shares connections among the handles of one multi handle, which a single thread has to drive: not
 * among threads (CURLSHOPT_SHARE(3)). So there is one, from the first request on, and the callbacks of all
 * handles run in it. One that blocks delays the other requests as long: so may whoever takes the bytes, since
 * nobody waits for others before taking more. A server that offers HTTP/2 gets all requests on one connection, but for
 * those of large blobs (registry-blob.h); any other gets as many connections as there are requests at a time.
 */

#include <curl/curl.h>

#include "base-cleanup.h"
#include "base-error.h"

#define REGISTRY_LOOP_CONNECTIONS_MAX 16L /* that are kept for later requests */

typedef struct RegistryLoop RegistryLoop;

/** registry_loop_new() - a loop whose thread starts with the first request */
int registry_loop_new(RegistryLoop **ret, Error *error);

/** registry_loop_keep_apart() - before the first request: no connection is shared by two at a time, even by HTTP/2 */
void registry_loop_keep_apart(RegistryLoop *loop);

/** registry_loop_free() - end the thread, close all connections and release @loop (may be NULL) */
RegistryLoop *registry_loop_free(RegistryLoop *loop);

/** registry_loop_perform() - as curl_easy_perform(), which it replaces; uses CURLOPT_PRIVATE */
CURLcode registry_loop_perform(RegistryLoop *loop, CURL *easy);

DEFINE_CLEANUP(RegistryLoop, registry_loop_free);
