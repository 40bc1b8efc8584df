/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For _cleanup_(): what libcurl's URL API gives. */

#include <curl/curl.h>

#include "base-cleanup.h"

DEFINE_CLEANUP(CURLU, curl_url_cleanup);

static inline void registry_curl_freep(char **p) {
        curl_free(*p);
}
