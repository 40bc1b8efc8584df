/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "base-secret.h"
#include "registry-curl.h"
#include "registry-host.h"
#include "registry-realm.h"
#include "registry-url.h"

#define CLIENT_ID "virt-bootstrap"

/* What everybody would have to configure. */
static const char well_known[] = "docker.io=auth.docker.io registry.gitlab.com=gitlab.com";

static bool is_under(const char *host, const char *name) {
        const size_t length = registry_host_length(host), name_length = registry_host_length(name);

        return memchr(name, '.', name_length) && !registry_host_is_address(name) &&
               !registry_host_is_address(host) && length > name_length + 1 &&
               host[length - name_length - 1] == '.' &&
               strncasecmp(host + length - name_length, name, name_length) == 0;
}

static bool is_listed(const char *list, const char *name, const char *host) {
        for (const char *p = list + strspn(list, " "); *p != '\0'; p += strspn(p, " ")) {
                const size_t length = strcspn(p, " "), name_length = strcspn(p, "=");

                if (name_length < length && strlen(name) == name_length &&
                    strncasecmp(p, name, name_length) == 0 &&
                    registry_host_matches(p + name_length + 1, length - name_length - 1, host))
                        return true;
                p += length;
        }

        return false;
}

bool registry_realm_is_trusted(const RegistryRealmOwner *owner, const char *realm) {
        char host[REGISTRY_HOST_MAX];

        (void) registry_url_host(realm, host);
        return registry_url_same_host(realm, owner->url) || is_under(host, owner->name) ||
               is_listed(well_known, owner->name, host) ||
               is_listed(owner->token_servers, owner->name, host);
}

int registry_realm_refuse(const RegistryRealmOwner *owner, const char *realm, Error *error) {
        char host[REGISTRY_HOST_MAX];

        return error_set(
                error, EPROTO, ERROR_REGISTRY_ERROR,
                "%s wants its credentials to be sent to %s, which is not its own host "
                "(TokenServers= in virt-bootstrapd.conf would allow it)",
                owner->name, registry_url_host(realm, host));
}

/* One field of a form. */
typedef struct FormField {
        const char *name;
        const char *value;
} FormField;

int registry_realm_form(
        const char *service, const char *scope, const char *token, char **ret, Error *error) {
        const FormField fields[] = {
                { "grant_type", "refresh_token" },
                { "client_id", CLIENT_ID },
                { "service", service },
                { "scope", scope },
                { "refresh_token", token },
        };
        char *form, *p;
        size_t size = 1;

        /* At once, since a text that grows leaves copies behind. */
        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
                size += strlen(fields[i].name) + 2 + 3 * strlen(fields[i].value);
        form = p = malloc(size);
        if (!form)
                return error_oom(error);

        for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
                _cleanup_(registry_curl_freep) char *value =
                        curl_easy_escape(NULL, fields[i].value, 0);

                if (!value) {
                        secret_free(form);
                        return error_oom(error);
                }
                if (fields[i].value[0] != '\0')
                        p = stpcpy(
                                stpcpy(stpcpy(stpcpy(p, p > form ? "&" : ""), fields[i].name), "="),
                                value);
        }

        *ret = form;
        return 0;
}
