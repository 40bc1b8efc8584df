/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "registries-route.h"

static const char *const images[] = {
        "debian",
        "a.b/c:1",
        "x.a.b:5000/c/d@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
};

static void check_printable(const Error *error) {
        for (const char *p = error_text(error); *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        __builtin_trap();
}

static void check_route(const RegistriesRoute *route, const Reference *wanted) {
        if (route->n < 1 || route->n > REGISTRIES_ENDPOINTS_MAX)
                __builtin_trap();

        for (size_t i = 0; i < route->n; i++) {
                const RegistriesEndpoint *endpoint = &route->endpoints[i];
                char formatted[REFERENCE_MAX + 1];
                Reference reference;

                if (reference_parse(endpoint->reference, &reference, NULL) < 0 ||
                    strcmp(reference_format(&reference, formatted), endpoint->reference) != 0 ||
                    strcmp(reference.tag, wanted->tag) != 0 ||
                    reference.has_digest != wanted->has_digest ||
                    !digest_equal(&reference.digest, &wanted->digest))
                        __builtin_trap();
        }
}

/* Whatever a file says, endpoints are references to the same tag and digest, and refusals are printable. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(registries_freep) Registries *registries = registries_new();
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (!registries)
                return 0;
        if (registries_add(registries, "fuzz", (const char *) data, size, &error) < 0) {
                check_printable(&error);
                return 0;
        }
        /* Once more replaces all, and adds nothing. */
        if (registries_add(registries, "fuzz", (const char *) data, size, NULL) < 0)
                __builtin_trap();

        for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
                _cleanup_(freep) RegistriesRoute *route = NULL;
                _cleanup_(error_clear) Error refused = ERROR_NULL;
                Reference reference;

                if (reference_parse(images[i], &reference, NULL) < 0)
                        __builtin_trap();
                if (registries_find_alias(registries, &reference, &refused) < 0)
                        continue;
                if (registries_route(registries, &reference, false, &route, &refused) < 0)
                        check_printable(&refused);
                else
                        check_route(route, &reference);
        }

        return 0;
}
