/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base-macro.h"
#include "trust-scope.h"

static_assert(TRUST_SCOPE_MAX > REFERENCE_MAX, "a reference is a scope");

/* "/" is not one: it would stand for what "" does. */
static bool is_shortest_path(const char *text) {
        if (text[0] != '/')
                return false;

        while (*text == '/') {
                const size_t length = strcspn(++text, "/");

                if (length == 0 || (length == 1 && text[0] == '.') ||
                    (length == 2 && text[0] == '.' && text[1] == '.'))
                        return false;
                text += length;
        }

        return true;
}

bool trust_scope_is_possible(const char *transport, const char *text) {
        static const char *const of_files[] = { "oci", "oci-archive", "docker-archive", "dir" };

        for (size_t i = 0; i < N_ELEMENTS(of_files); i++)
                if (strcmp(transport, of_files[i]) == 0)
                        return text[0] == '\0' ||
                               (is_shortest_path(text) && !(i == 0 && strchr(text, ':')));
        return true;
}

/* The digest decides what the name stands for: the tag beside it is not looked at. */
static void set_reference(const Reference *reference, TrustScope *ret) {
        Reference name = *reference;

        if (name.has_digest)
                name.tag[0] = '\0';
        reference_fold_host(name.host);
        (void) reference_format(&name, ret->text);
}

void trust_scope_first(const TrustImage *image, TrustScope *ret) {
        *ret = (TrustScope){ 0 };
        if (image->reference)
                set_reference(image->reference, ret);
        else if (image->path && strlen(image->path) < sizeof(ret->text)) {
                strcpy(ret->text, image->path);
                ret->is_repository = true;
        }
}

bool trust_scope_is_spelled(const TrustScope *scope, const char *text) {
        char folded[TRUST_SCOPE_MAX];

        if (strlen(text) >= sizeof(folded))
                return false;

        reference_fold_host(strcpy(folded, text));
        return strcmp(folded, scope->text) == 0;
}

/* From "name:tag" or "name@digest" to "name"; the host may have a port. */
static void cut_version(TrustScope *scope) {
        char *last = strrchr(scope->text, '/');
        char *version;

        scope->is_repository = true;
        if (!last)
                return;

        version = strpbrk(last, "@:");
        if (version)
                *version = '\0';
}

/* From a host or "*.a.b" to the wildcard of the next domain. */
static void widen_host(TrustScope *scope) {
        char domain[TRUST_SCOPE_MAX];
        const char *dot;

        if (!scope->is_wildcard)
                scope->text[strcspn(scope->text, ":")] = '\0';
        dot = strchr(scope->text + (scope->is_wildcard ? strlen("*.") : 0), '.');
        scope->is_wildcard = true;
        if (!dot) {
                scope->text[0] = '\0';
                return;
        }

        strcpy(domain, dot + 1);
        (void) snprintf(scope->text, sizeof(scope->text), "*.%s", domain);
}

bool trust_scope_next(TrustScope *scope) {
        char *slash;

        if (scope->text[0] == '\0')
                return false;

        slash = strrchr(scope->text, '/');
        if (!scope->is_repository)
                cut_version(scope);
        else if (slash)
                *slash = '\0';
        else
                widen_host(scope);
        return true;
}
