/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every request of ours tells libcurl: policy, TLS, time and size limits. */

#include <curl/curl.h>
#include <stdbool.h>

#include "registry-tls.h"

#define REGISTRY_CONNECT_TIMEOUT_SEC 15L           /* until the TLS handshake is done */
#define REGISTRY_STALL_TIMEOUT_SEC   30L           /* without a byte */
#define REGISTRY_BUFFER_BYTES        (512L * 1024) /* the most that libcurl takes */

/**
 * registry_handle_setup() - forget the last request and set up for one to @url
 * @tls:        borrowed until the next setup; a client certificate is for the host of @home_url only
 * @insecure:   unverified certificates are allowed
 *
 * Connections, TLS sessions and resolved names stay. Return: CURLE_OK, or what failed.
 */
CURLcode registry_handle_setup(
        CURL *easy, const RegistryTls *tls, bool insecure, const char *home_url, const char *url);
