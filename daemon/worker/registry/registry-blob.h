/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One blob's transfer: from an offset on, taken up again where it broke.
 *
 * A transfer that broke goes on with a Range request. 206 with the Content-Range that was asked for
 * continues; 200 starts over and is discarded up to where it was. After 416, or a 206 that is of
 * another range, total length or entity (ETag, Docker-Content-Digest), the whole blob is asked for and
 * discarded likewise: not a byte of such an answer is used.
 *
 * A layer that need not be in the registry comes from the address in the image, without credentials and
 * by the rules for hosts that a registry refers to (registry-guard.h); otherwise from the registry.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-digest.h"
#include "base-error.h"
#include "registry-auth.h"
#include "registry-endpoint.h"
#include "registry-http.h"
#include "registry-range.h"

/* What has more bytes does not share a connection: a server or a long line may be slow for each connection, and
 * several are faster then. Setting one up takes no time in comparison. */
#define REGISTRY_BLOB_LARGE_BYTES (UINT64_C(64) << 20)

#define REGISTRY_BLOB_PROGRESS_BYTES                                                               \
        UINT64_C(1048576) /* of new data, after which tries count anew */

/* What is wanted; everything is borrowed. */
typedef struct RegistryBlobRequest {
        const Digest *digest;
        const char *url; /* of a foreign layer: the address in the image; or NULL */
        uint64_t offset; /* bytes that the caller has already */
        uint64_t end;    /* only the range up to here; 0: all of it */
        uint64_t size;   /* bytes of the whole blob; REGISTRY_SIZE_UNKNOWN when nothing says it, and
                          * @write has to set the ceiling */

        /* Gets the bytes from @offset on, in order, each once. Returns 0, or a negative errno with
         * @error set, which ends the transfer. */
        int (*write)(void *userdata, const void *data, size_t size, Error *error);
        void *userdata;
} RegistryBlobRequest;

/**
 * registry_blob_get() - see registry_client_get_blob()
 * @http:       used by this call alone until it returns
 *
 * -ENOTSUP if a range is wanted, and the registry does not send it: nothing of it was handed on.
 */
int registry_blob_get(
        RegistryEndpoint *endpoint,
        RegistryAuth *auth,
        RegistryHttp *http,
        const RegistryBlobRequest *request,
        Error *error);
