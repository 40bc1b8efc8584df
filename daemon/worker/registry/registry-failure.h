/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why libcurl has no response: in classes for the code, and as a sentence for a person. */

#include <curl/curl.h>
#include <stdbool.h>

#include "base-error.h"
#include "registry-retry.h"

/* A request that failed; everything is borrowed. */
typedef struct RegistryTrouble {
        CURL *easy;
        CURLcode code;      /* not CURLE_OK */
        const char *reason; /* of CURLOPT_ERRORBUFFER; may be empty */
        const char *host;   /* "HOST[:PORT]" */
        bool is_tls;        /* the URL's scheme is https */
} RegistryTrouble;

/** registry_trouble_classify() - never REGISTRY_FAILURE_NONE */
RegistryFailure registry_trouble_classify(const RegistryTrouble *trouble);

/**
 * registry_trouble_error() - describe it
 *
 * ERROR_REGISTRY_UNAVAILABLE, ERROR_TLS_ERROR or ERROR_REGISTRY_ERROR. Return: a negative errno, always.
 */
int registry_trouble_error(const RegistryTrouble *trouble, RegistryFailure failure, Error *error);
