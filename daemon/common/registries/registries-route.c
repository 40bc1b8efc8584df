/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "registries-internal.h"
#include "registries-route.h"

/* The forms of a reference that prefixes are compared with, after reference_fold_host(). */
typedef struct Names {
        const Reference *reference;      /* borrowed */
        char written[REFERENCE_MAX + 1]; /* the full form, with the host as it is asked */
        char full[REFERENCE_MAX + 1];
        char without_tag[REFERENCE_MAX + 1]; /* if it also has a digest; else as @full */
        size_t host_length;
        size_t name_length; /* of host and repository */
} Names;

static void set_names(Names *names, const Reference *reference) {
        Reference folded = *reference;

        names->reference = reference;
        (void) reference_format(reference, names->written);
        reference_fold_host(folded.host);
        (void) reference_format(&folded, names->full);
        if (reference->has_digest)
                folded.tag[0] = '\0';
        (void) reference_format(&folded, names->without_tag);
        names->host_length = strlen(folded.host);
        names->name_length = names->host_length + 1 + strlen(reference->repository);
}

/* "*.DOMAIN" stands for names in the domain, not for the domain itself. */
static bool matches_domain(const char *prefix, const char *host) {
        const char *domain = prefix + 1;
        size_t length = strlen(domain), name_length = strcspn(host, ":");

        return name_length > length &&
               strncasecmp(host + name_length - length, domain, length) == 0;
}

/* Compares with "HOST/REPOSITORY…"; the first @host_length bytes without case. */
static bool matches_text(const char *prefix, const char *text, size_t host_length) {
        size_t length = strlen(prefix);

        if (length < host_length || length > strlen(text) ||
            strncasecmp(prefix, text, host_length) != 0 ||
            strncmp(prefix + host_length, text + host_length, length - host_length) != 0)
                return false;

        return text[length] == '\0' || strchr("/:@", text[length]);
}

static bool matches(const RegistriesEntry *entry, const Names *names) {
        if (entry->prefix[0] == '*')
                return matches_domain(entry->folded, names->reference->host);

        return matches_text(entry->folded, names->full, names->host_length) ||
               matches_text(entry->folded, names->without_tag, names->host_length);
}

/*
 * Of two prefixes of the same length, one is of a domain and the other more specific, or both are the same one, which
 * counts in its shortest spelling.
 */
static bool is_better(const RegistriesEntry *entry, const RegistriesEntry *best) {
        size_t length = strlen(entry->folded), best_length = strlen(best->folded);

        if (length != best_length)
                return length > best_length;
        if (entry->prefix[0] == '*' || best->prefix[0] == '*')
                return best->prefix[0] == '*';
        return strlen(entry->prefix) < strlen(best->prefix);
}

static const RegistriesEntry *find_entry(const Registries *registries, const Names *names) {
        const RegistriesEntry *best = NULL;

        for (size_t i = 0; i < registries->n_entries; i++)
                if (matches(registries->entries[i], names) &&
                    (!best || is_better(registries->entries[i], best)))
                        best = registries->entries[i];

        return best;
}

/* What follows the prefix in the image's name; tag and digest stay in any case. */
static const char *name_behind(const RegistriesEntry *entry, const Names *names) {
        size_t length = entry->prefix[0] == '*' ? names->host_length : strlen(entry->folded);

        return names->full + (length < names->name_length ? length : names->name_length);
}

static int add_endpoint(
        RegistriesRoute *route,
        const Names *names,
        const RegistriesEntry *entry,
        const char *location,
        Error *error) {
        RegistriesEndpoint *endpoint = &route->endpoints[route->n];
        char text[2 * REFERENCE_MAX + 1];
        const char *behind;
        Reference reference;
        int r;

        if (!location) {
                strcpy(endpoint->reference, names->written);
                endpoint->is_own = true;
                route->n++;
                return 0;
        }

        behind = name_behind(entry, names);
        if (snprintf(text, sizeof(text), "%s%s", location, behind) >= (int) sizeof(text))
                text[REFERENCE_MAX] = '\0'; /* still too long */
        r = reference_parse(text, &reference, error);
        if (r < 0)
                return error_prefix(
                        error, "%s cannot be fetched from the location in %s, line %u",
                        names->written, entry->file, entry->line);

        (void) reference_format(&reference, endpoint->reference);
        endpoint->is_own = strcasecmp(reference.host, names->reference->host) == 0;
        route->n++;
        return 0;
}

static bool is_asked(const RegistriesMirror *mirror, const Reference *reference) {
        switch (mirror->pull) {
        case REGISTRIES_PULL_ALL:
                return true;
        case REGISTRIES_PULL_DIGEST_ONLY:
                return reference->has_digest;
        case REGISTRIES_PULL_TAG_ONLY:
                return !reference->has_digest;
        case _REGISTRIES_PULL_MAX:
                break;
        }

        return false;
}

static int add_endpoints(
        RegistriesRoute *route, const Names *names, const RegistriesEntry *entry, Error *error) {
        for (size_t i = 0; i < entry->n_mirrors; i++) {
                const RegistriesMirror *mirror = &entry->mirrors[i];
                int r;

                if (!is_asked(mirror, names->reference))
                        continue;

                route->endpoints[route->n].is_insecure = mirror->is_insecure;
                r = add_endpoint(route, names, entry, mirror->location, error);
                if (r < 0)
                        return r;
        }

        route->endpoints[route->n].is_insecure = entry->is_insecure;
        return add_endpoint(route, names, entry, entry->location, error);
}

int registries_route(
        const Registries *registries,
        const Reference *reference,
        bool is_insecure,
        RegistriesRoute **ret,
        Error *error) {
        _cleanup_(freep) RegistriesRoute *route = calloc(1, sizeof(*route));
        const RegistriesEntry *entry;
        Names names;
        int r;

        if (!route)
                return error_oom(error);

        set_names(&names, reference);
        entry = find_entry(registries, &names);
        if (entry && entry->is_blocked)
                return error_set(
                        error, EACCES, ERROR_ACCESS_DENIED,
                        "%s is blocked: see the prefix %s in %s, line %u", names.written,
                        entry->prefix, entry->file, entry->line);

        r = entry ? add_endpoints(route, &names, entry, error)
                  : add_endpoint(route, &names, NULL, NULL, error);
        if (r < 0)
                return r;

        if (is_insecure)
                route->endpoints[route->n - 1].is_insecure = true;
        *ret = TAKE_PTR(route);
        return 0;
}
