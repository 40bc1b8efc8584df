/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "registry-challenge.h"

#define TEXT_MAX (2 * (REGISTRY_REALM_MAX + REGISTRY_SERVICE_MAX + REGISTRY_SCOPE_MAX) + 256)

static void add_quoted(char **p, const char *name, const char *value) {
        *p = stpcpy(stpcpy(*p, name), "=\"");
        for (; *value != '\0'; value++) {
                if ((unsigned char) *value < ' ' || *value == '\x7f')
                        __builtin_trap(); /* would end a header or drive a terminal */
                if (*value == '"' || *value == '\\')
                        *(*p)++ = '\\';
                *(*p)++ = *value;
        }
        *p = stpcpy(*p, "\"");
}

/* What was read, written down again, reads the same. */
static void check_round_trip(const RegistryChallenge *challenge) {
        static const char *const names[] = { "Other ", "Basic ", "Bearer " };
        _cleanup_(freep) RegistryChallenges *again = calloc(1, sizeof(*again));
        char text[TEXT_MAX], *p = stpcpy(text, names[challenge->scheme]);

        add_quoted(&p, "realm", challenge->realm);
        add_quoted(&p, ",service", challenge->service);
        add_quoted(&p, " , SCOPE", challenge->scope);
        add_quoted(&p, ",error", challenge->error);
        if (registry_challenges_add(again, text) < 0 || again->n_items != 1 ||
            memcmp(&again->items[0], challenge, sizeof(*challenge)) != 0)
                __builtin_trap();
}

/* A line a header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        _cleanup_(freep) RegistryChallenges *all = calloc(1, sizeof(*all));
        char *rest = text, *line;

        while (text && all && (line = strsep(&rest, "\n"))) {
                size_t n = all->n_items;

                if (registry_challenges_add(all, line) < 0 && all->n_items != n)
                        __builtin_trap();
        }

        for (size_t i = 0; all && i < all->n_items; i++) {
                RegistryChallenge clean = { .scheme = all->items[i].scheme };

                /* Only the texts: what is behind their ends does not matter. */
                strcpy(clean.realm, all->items[i].realm);
                strcpy(clean.service, all->items[i].service);
                strcpy(clean.scope, all->items[i].scope);
                strcpy(clean.error, all->items[i].error);
                check_round_trip(&clean);
        }
        return 0;
}
