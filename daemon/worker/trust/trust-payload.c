/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "base-text.h"
#include "trust-json.h"
#include "trust-payload.h"

#define WHAT "signed payload"

#define PAYLOAD_TYPE "cosign container image signature"

static const char *const top_keys[] = { "critical", "optional", NULL };
static const char *const critical_keys[] = { "identity", "image", "type", NULL };
static const char *const image_keys[] = { "docker-manifest-digest", NULL };
static const char *const identity_keys[] = { "docker-reference", NULL };

static int check_type(const json_t *critical, Error *error) {
        char quoted[TEXT_QUOTE_MAX];
        const char *type;
        int r;

        r = trust_json_get_string(critical, "type", WHAT, &type, error);
        if (r < 0)
                return r;
        if (strcmp(type, PAYLOAD_TYPE) == 0)
                return 0;
        return error_set(
                error, EBADMSG, ERROR_NOT_TRUSTED,
                "its payload has the type '%s', not '" PAYLOAD_TYPE "'", text_quote(type, quoted));
}

/* The one member of an object, which must have no others: NULL, with @error set. */
static const char *get_only(
        const json_t *critical, const char *key, const char *const *names, Error *error) {
        const char *text = NULL;
        json_t *object;

        if (trust_json_get_object(critical, key, WHAT, &object, error) < 0 ||
            trust_json_check_keys(object, names, WHAT, error) < 0 ||
            trust_json_get_string(object, names[0], WHAT, &text, error) < 0)
                return NULL;
        return text;
}

static int read_claim(const json_t *critical, TrustClaim *ret, Error *error) {
        const char *digest = get_only(critical, "image", image_keys, error);
        const char *identity = digest ? get_only(critical, "identity", identity_keys, error) : NULL;
        char quoted[TEXT_QUOTE_MAX];
        TrustClaim claim = { 0 };

        if (!identity)
                return -EBADMSG;
        if (digest_parse(digest, &claim.digest) < 0)
                return error_set(
                        error, EBADMSG, ERROR_NOT_TRUSTED, "it is of '%s', which is not a digest",
                        text_quote(digest, quoted));
        /* A name that is missing does not count as none: this form has one. */
        if (identity[0] == '\0' || strlen(identity) > REFERENCE_MAX)
                return error_set(
                        error, EBADMSG, ERROR_NOT_TRUSTED,
                        "it is for '%s', which is not a reference", text_quote(identity, quoted));

        strcpy(claim.identity, identity);
        *ret = claim;
        return 0;
}

int trust_payload_parse(const void *data, size_t size, TrustClaim *ret, Error *error) {
        json_auto_t *payload = NULL;
        json_t *critical;
        int r;

        r = trust_json_load(data, size, WHAT, &payload, error);
        if (r >= 0)
                r = trust_json_check_keys(payload, top_keys, WHAT, error);
        if (r >= 0)
                r = trust_json_get_object(payload, "critical", WHAT, &critical, error);
        if (r >= 0)
                r = trust_json_check_keys(critical, critical_keys, WHAT, error);
        if (r >= 0)
                r = check_type(critical, error);
        return r < 0 ? r : read_claim(critical, ret, error);
}
