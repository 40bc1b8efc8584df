/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "base-secret.h"
#include "oci-registry-error.h"
#include "registry-response.h"

#define ROOM_MIN ((size_t) 4096) /* bytes */

static const struct {
        long status;
        int code;
        ErrorKind kind;
        const char *sentence; /* goes on from the host's name */
} statuses[] = {
        { 403, EACCES, ERROR_ACCESS_DENIED, "denies access" },
        { 404, ENOENT, ERROR_NOT_FOUND, "does not have it" },
        { 429, EBUSY, ERROR_TOO_MANY_REQUESTS, "reports too many requests" },
};

void registry_response_done(RegistryResponse *response) {
        secret_free(response->body); /* may be a token */
        *response = (RegistryResponse){ 0 };
}

static void read_header(CURL *easy, const char *name, char ret[static REGISTRY_HEADER_TEXT_MAX]) {
        struct curl_header *header;
        size_t size;

        ret[0] = '\0';
        if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
                return;

        size = strlen(header->value);
        if (size < REGISTRY_HEADER_TEXT_MAX)
                memcpy(ret, header->value, size + 1);
}

/* One that cannot be read is left out: another one may be what is needed. */
static void read_challenges(CURL *easy, RegistryChallenges *ret) {
        struct curl_header *header;

        *ret = (RegistryChallenges){ 0 };
        for (size_t i = 0;
             curl_easy_header(easy, "WWW-Authenticate", i, CURLH_HEADER, -1, &header) == CURLHE_OK;
             i++)
                (void) registry_challenges_add(ret, header->value);
}

/* libcurl would compare a date with this machine's clock, which may be another than the server's. */
static int64_t read_retry_after(CURL *easy) {
        char text[REGISTRY_HEADER_TEXT_MAX], date[REGISTRY_HEADER_TEXT_MAX];
        int64_t now_sec;

        read_header(easy, "Retry-After", text);
        read_header(easy, "Date", date);
        now_sec = curl_getdate(date, NULL);
        return registry_retry_parse(text, now_sec > 0 ? now_sec : (int64_t) time(NULL));
}

/* The first one to a next page counts. */
static void read_links(CURL *easy, RegistryResponse *response) {
        struct curl_header *header;

        response->next[0] = '\0';
        for (size_t i = 0;
             response->next[0] == '\0' &&
             curl_easy_header(easy, "Link", i, CURLH_HEADER, -1, &header) == CURLHE_OK;
             i++)
                if (registry_link_next(header->value, response->next) < 0)
                        response->has_bad_link = true;
}

void registry_response_read_headers(RegistryResponse *response, CURL *easy) {
        curl_off_t length = -1;

        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response->status);
        (void) curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);

        response->retry_after = read_retry_after(easy);
        response->content_length = length >= 0 ? (uint64_t) length : REGISTRY_SIZE_UNKNOWN;

        read_header(easy, "Content-Type", response->content_type);
        read_header(easy, "Content-Range", response->content_range);
        read_header(easy, "ETag", response->etag);
        read_header(easy, "Docker-Content-Digest", response->digest);
        read_links(easy, response);
        if (response->status == 401 || response->status == 403)
                read_challenges(easy, &response->challenges);
}

/* To a power of two that is at least @room. */
static int grow(RegistryResponse *response, size_t room, Error *error) {
        size_t bigger = response->room > 0 ? response->room : ROOM_MIN;
        char *body;

        if (room <= response->room)
                return 0;

        while (bigger < room)
                bigger *= 2;
        body = secret_realloc(response->body, bigger);
        if (!body)
                return error_oom(error);

        response->body = body;
        response->room = bigger;
        return 0;
}

int registry_response_append(
        RegistryResponse *response, const void *data, size_t size, size_t max, Error *error) {
        int r;

        if (size > max - response->size)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "%s sent a document of more than %zu bytes", response->host, max);

        r = grow(response, response->size + size + 1, error);
        if (r < 0)
                return r;

        memcpy(response->body + response->size, data, size);
        response->size += size;
        response->body[response->size] = '\0';
        return 0;
}

/* Of some, a token that is good for nothing is all that one gets for what does not exist. */
static bool may_not_exist(const RegistryResponse *response) {
        const RegistryChallenge *bearer =
                registry_challenges_find(&response->challenges, REGISTRY_SCHEME_BEARER);

        return bearer && strcmp(bearer->error, "insufficient_scope") == 0;
}

static int set_login_error(
        const RegistryResponse *response, bool has_credentials, const char *said, Error *error) {
        const char *separator = said[0] != '\0' ? ": " : "";

        if (!has_credentials)
                return error_set(
                        error, EACCES, ERROR_AUTHENTICATION_REQUIRED,
                        "%s requires authentication%s%s%s", response->host,
                        may_not_exist(response) ? ", or does not have it" : "", separator, said);

        return error_set(
                error, EACCES, ERROR_ACCESS_DENIED, "%s refuses the user name or password%s%s",
                response->host, separator, said);
}

static bool is_supported(const RegistryChallenges *challenges) {
        return registry_challenges_find(challenges, REGISTRY_SCHEME_BASIC) ||
               registry_challenges_find(challenges, REGISTRY_SCHEME_BEARER);
}

static int set_status_error(const RegistryResponse *response, const char *said, Error *error) {
        const int64_t asked = registry_retry_asked_sec(response->status, response->retry_after);
        const char *separator = said[0] != '\0' ? ": " : "";
        char wait[sizeof(" and asks to wait  s") + 3 * sizeof(asked)] = "";

        if (asked > 0)
                (void) snprintf(wait, sizeof(wait), " and asks to wait %" PRId64 " s", asked);
        for (size_t i = 0; i < N_ELEMENTS(statuses); i++)
                if (statuses[i].status == response->status)
                        return error_set(
                                error, statuses[i].code, statuses[i].kind, "%s %s%s%s%s",
                                response->host, statuses[i].sentence, wait, separator, said);

        return error_set(
                error, EREMOTEIO, ERROR_REGISTRY_ERROR, "%s answered with status %ld%s%s%s",
                response->host, response->status, wait, separator, said);
}

int registry_response_error(
        const RegistryResponse *response,
        const char *registry,
        bool has_credentials,
        Error *error) {
        char said[OCI_REGISTRY_ERROR_MAX] = "";
        int r;

        if (response->body)
                (void) oci_registry_error_parse(response->body, response->size, said);

        if (response->status != 401)
                return set_status_error(response, said, error);
        if (has_credentials && !is_supported(&response->challenges))
                return error_set(
                        error, EACCES, ERROR_AUTHENTICATION_REQUIRED,
                        "%s requires an unsupported kind of authentication%s%s", response->host,
                        said[0] != '\0' ? ": " : "", said);

        r = set_login_error(response, has_credentials, said, error);
        if (registry)
                error_add_hint(
                        error, "use %s--username, or podman login %s",
                        has_credentials ? "another " : "", registry);
        return r;
}
