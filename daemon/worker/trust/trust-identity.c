/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base-text.h"
#include "trust-identity.h"
#include "trust-json.h"

#define WHAT "signature policy"

static const char *const kind_names[_TRUST_IDENTITY_MAX] = {
        [TRUST_MATCH_REPO_DIGEST_OR_EXACT] = "matchRepoDigestOrExact",
        [TRUST_MATCH_EXACT] = "matchExact",
        [TRUST_MATCH_REPOSITORY] = "matchRepository",
        [TRUST_EXACT_REFERENCE] = "exactReference",
        [TRUST_EXACT_REPOSITORY] = "exactRepository",
        [TRUST_REMAP_IDENTITY] = "remapIdentity",
};

/* A reference in which a missing tag is not "latest". */
typedef struct Named {
        Reference reference;
        bool is_name_only;
} Named;

/* Only the plain form, without a scheme and such. */
static int parse_named(const char *text, Named *ret) {
        const char *last = strrchr(text, '/');
        Reference reference;

        last = last ? last + 1 : text;
        if (strstr(text, "//") || last[0] == '\0' || strncasecmp(text, "docker:", 7) == 0 ||
            reference_parse(text, &reference, NULL) < 0)
                return -EINVAL;

        *ret = (Named){ .reference = reference, .is_name_only = !strpbrk(last, ":@") };
        return 0;
}

static bool has_equal_name(const Reference *a, const Reference *b) {
        return strcmp(a->host, b->host) == 0 && strcmp(a->repository, b->repository) == 0;
}

static bool is_equal(const Reference *a, const Reference *b) {
        char text_a[REFERENCE_MAX + 1], text_b[REFERENCE_MAX + 1];

        return strcmp(reference_format(a, text_a), reference_format(b, text_b)) == 0;
}

static int read_text(
        const json_t *value, const char *key, char ret[static REFERENCE_MAX + 1], Error *error) {
        const char *text;
        int r;

        r = trust_json_get_string(value, key, WHAT, &text, error);
        if (r < 0)
                return r;
        if (text[0] == '\0' || strlen(text) > REFERENCE_MAX)
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED,
                        "'%s' in the " WHAT " is empty or too long", key);

        strcpy(ret, text);
        return 0;
}

/* A prefix is a host or the beginning of a repository: with a further component it is a reference. */
static int read_prefix(
        const json_t *value, const char *key, char ret[static REFERENCE_MAX + 1], Error *error) {
        char longer[REFERENCE_MAX + 3];
        Named named;
        int r;

        r = read_text(value, key, ret, error);
        if (r < 0)
                return r;

        (void) snprintf(longer, sizeof(longer), "%s/x", ret);
        if (strpbrk(ret, "@ ") || parse_named(longer, &named) < 0)
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED,
                        "'%s' in the " WHAT " is not the beginning of a reference", key);
        return 0;
}

static int read_wanted(
        const json_t *value, const char *key, bool is_reference, TrustIdentity *ret, Error *error) {
        Named named;
        int r;

        r = read_text(value, key, ret->wanted, error);
        if (r < 0)
                return r;
        if (parse_named(ret->wanted, &named) < 0 || named.is_name_only == is_reference)
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED, "'%s' in the " WHAT " is not %s", key,
                        is_reference ? "a reference with a tag or a digest"
                                     : "a repository without tag and digest");
        return 0;
}

static int read_more(const json_t *value, TrustIdentity *ret, Error *error) {
        static const char *const plain[] = { "type", NULL };
        static const char *const reference[] = { "type", "dockerReference", NULL };
        static const char *const repository[] = { "type", "dockerRepository", NULL };
        static const char *const remap[] = { "type", "prefix", "signedPrefix", NULL };
        int r = 0;

        switch (ret->kind) {
        case TRUST_MATCH_REPO_DIGEST_OR_EXACT:
        case TRUST_MATCH_EXACT:
        case TRUST_MATCH_REPOSITORY:
                return trust_json_check_keys(value, plain, WHAT, error);
        case TRUST_EXACT_REFERENCE:
                r = trust_json_check_keys(value, reference, WHAT, error);
                return r < 0 ? r : read_wanted(value, "dockerReference", true, ret, error);
        case TRUST_EXACT_REPOSITORY:
                r = trust_json_check_keys(value, repository, WHAT, error);
                return r < 0 ? r : read_wanted(value, "dockerRepository", false, ret, error);
        case TRUST_REMAP_IDENTITY:
                r = trust_json_check_keys(value, remap, WHAT, error);
                if (r >= 0)
                        r = read_prefix(value, "prefix", ret->prefix, error);
                return r < 0 ? r : read_prefix(value, "signedPrefix", ret->signed_prefix, error);
        case _TRUST_IDENTITY_MAX:
                break;
        }

        assert(0);
        return -EINVAL;
}

int trust_identity_parse(const json_t *value, TrustIdentity *ret, Error *error) {
        TrustIdentity identity = { 0 };
        char quoted[TEXT_QUOTE_MAX];
        const char *type;
        int r;

        r = trust_json_get_string(value, "type", WHAT, &type, error);
        if (r < 0)
                return r;

        while (identity.kind < _TRUST_IDENTITY_MAX && strcmp(type, kind_names[identity.kind]) != 0)
                identity.kind++;
        if (identity.kind == _TRUST_IDENTITY_MAX)
                return error_set(
                        error, EINVAL, ERROR_NOT_TRUSTED,
                        "The " WHAT " has a signedIdentity of the unknown type '%s'",
                        text_quote(type, quoted));

        r = read_more(value, &identity, error);
        if (r < 0)
                return r;

        *ret = identity;
        return 0;
}

static bool match_repo_digest_or_exact(const Reference *image, const Named *stated) {
        if (image->has_digest)
                return has_equal_name(image, &stated->reference);
        return !stated->is_name_only && is_equal(image, &stated->reference);
}

/* Replaces the prefix, if @image has it. Returns whether the result is a reference. */
static bool remap(const TrustIdentity *identity, const Reference *image, Reference *ret) {
        const size_t length = strlen(identity->prefix);
        char text[REFERENCE_MAX + 1], mapped[2 * REFERENCE_MAX + 2];
        const size_t name_length = strlen(image->host) + 1 + strlen(image->repository);
        Named named;

        (void) reference_format(image, text);
        if (length > name_length || strncmp(text, identity->prefix, length) != 0 ||
            (length < name_length && text[length] != '/')) {
                *ret = *image;
                return true;
        }

        (void) snprintf(mapped, sizeof(mapped), "%s%s", identity->signed_prefix, text + length);
        if (strlen(mapped) > REFERENCE_MAX || parse_named(mapped, &named) < 0)
                return false;
        *ret = named.reference;
        return true;
}

static bool is_accepted(
        const TrustIdentity *identity, const Reference *image, const Named *stated) {
        Reference mapped;
        Named wanted;

        switch (identity->kind) {
        case TRUST_MATCH_REPO_DIGEST_OR_EXACT:
                return match_repo_digest_or_exact(image, stated);
        case TRUST_MATCH_EXACT:
                return !stated->is_name_only && is_equal(image, &stated->reference);
        case TRUST_MATCH_REPOSITORY:
                return has_equal_name(image, &stated->reference);
        case TRUST_EXACT_REFERENCE:
                return parse_named(identity->wanted, &wanted) >= 0 && !stated->is_name_only &&
                       is_equal(&wanted.reference, &stated->reference);
        case TRUST_EXACT_REPOSITORY:
                return parse_named(identity->wanted, &wanted) >= 0 &&
                       has_equal_name(&wanted.reference, &stated->reference);
        case TRUST_REMAP_IDENTITY:
                return remap(identity, image, &mapped) &&
                       match_repo_digest_or_exact(&mapped, stated);
        case _TRUST_IDENTITY_MAX:
                break;
        }

        assert(0);
        return false;
}

static int check_nameless(const TrustIdentity *identity, Error *error) {
        if (identity->kind == TRUST_MATCH_REPO_DIGEST_OR_EXACT ||
            identity->kind == TRUST_MATCH_REPOSITORY)
                return 0;
        return error_set(
                error, EACCES, ERROR_NOT_TRUSTED, "it names no repository, which %s demands",
                kind_names[identity->kind]);
}

int trust_identity_check(
        const TrustIdentity *identity, const Reference *image, const char *stated, Error *error) {
        char want[REFERENCE_MAX + 1], quoted[TEXT_QUOTE_MAX];
        Reference wanted = *image;
        Named named;

        if (stated[0] == '\0')
                return check_nameless(identity, error);

        if (wanted.has_digest)
                wanted.tag[0] = '\0';
        if (parse_named(stated, &named) < 0)
                return error_set(
                        error, EACCES, ERROR_NOT_TRUSTED,
                        "it is for '%s', which is not a reference", text_quote(stated, quoted));
        if (is_accepted(identity, &wanted, &named))
                return 0;
        return error_set(
                error, EACCES, ERROR_NOT_TRUSTED, "it is for '%s', which %s does not accept for %s",
                text_quote(stated, quoted), kind_names[identity->kind],
                reference_format(&wanted, want));
}
