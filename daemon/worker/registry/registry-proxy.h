/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The proxy that the environment names for a request, and where it is.
 *
 *     registry_proxy_find() ─▶ CURLOPT_RESOLVE ─▶ registry_proxy_is_at()* ─▶ registry_proxy_done()
 *
 * Its name may have several addresses, or others each time that it is looked up. It is looked up once a request,
 * and libcurl is told what came of it: so both have the same ones.
 */

#include <curl/curl.h>
#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base-error.h"

typedef struct RegistryProxy {
        bool is_named;              /* there is one */
        struct addrinfo *addresses; /* owned; all that it has, with its port; NULL: unknown */
        struct curl_slist *pinned;  /* owned; these, for CURLOPT_RESOLVE; NULL: there is no need */
} RegistryProxy;

/**
 * registry_proxy_find() - look for the proxy for @url; no_proxy is not read
 * @ret:        to be released with registry_proxy_done(), once libcurl does not use it any more
 *
 * Takes the variables that libcurl(3) does, and waits for a name server. Return: 0, also when there is none or its
 * name is not known; or a negative errno with @error set.
 */
int registry_proxy_find(const char *url, RegistryProxy *ret, Error *error);

/** registry_proxy_done() - release what @proxy owns; usable with _cleanup_() */
void registry_proxy_done(RegistryProxy *proxy);

/** registry_proxy_is_at() - whether @address and its port are among those of @proxy */
bool registry_proxy_is_at(const RegistryProxy *proxy, const struct sockaddr *address);
