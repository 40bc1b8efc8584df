/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "base-secret.h"
#include "oci-token.h"

static const char *const token_keys[] = { "token", "access_token" };

void oci_token_set_up(void) {
        json_set_alloc_funcs(malloc, secret_free);
}

void oci_token_done(OciToken *token) {
        secret_free(token->token);
        *token = (OciToken){ 0 };
}

/* It becomes part of a header. */
static bool is_header_text(const char *text) {
        for (; *text != '\0'; text++)
                if (*text <= ' ' || *text > '~')
                        return false;

        return true;
}

static const char *find_token(const json_t *answer) {
        for (size_t i = 0; i < N_ELEMENTS(token_keys); i++) {
                const char *text = json_string_value(json_object_get(answer, token_keys[i]));

                if (text && text[0] != '\0')
                        return text;
        }

        return NULL;
}

static uint64_t read_expires_in(const json_t *answer) {
        const json_t *value = json_object_get(answer, "expires_in");
        double seconds = json_number_value(value);

        if (!(seconds > (double) OCI_TOKEN_EXPIRES_DEFAULT))
                return OCI_TOKEN_EXPIRES_DEFAULT;
        if (seconds > (double) OCI_TOKEN_EXPIRES_MAX)
                return OCI_TOKEN_EXPIRES_MAX;

        return (uint64_t) seconds;
}

int oci_token_parse(const void *data, size_t size, OciToken *ret, Error *error) {
        _cleanup_(json_decrefp) json_t *answer = NULL;
        const char *token;
        char *copy;

        if (size > OCI_TOKEN_DOCUMENT_MAX)
                return error_set(
                        error, EFBIG, ERROR_REGISTRY_ERROR,
                        "The token server's answer is larger than %zu bytes",
                        OCI_TOKEN_DOCUMENT_MAX);

        answer = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
        token = find_token(answer);
        if (!token)
                return error_set(
                        error, EBADMSG, ERROR_REGISTRY_ERROR,
                        "The token server's answer contains no token");
        if (strlen(token) > OCI_TOKEN_MAX || !is_header_text(token))
                return error_set(
                        error, EBADMSG, ERROR_REGISTRY_ERROR,
                        "The token server's answer contains an unusable token");

        copy = strdup(token);
        if (!copy)
                return error_oom(error);

        *ret = (OciToken){ .token = copy, .expires_in = read_expires_in(answer) };
        return 0;
}
