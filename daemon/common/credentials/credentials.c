/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "base-secret.h"
#include "base-text.h"
#include "credentials-login.h"
#include "credentials.h"

#define HUB     "docker.io"
#define HUB_KEY "https://index.docker.io/v1/" /* where Docker logs in to it */

#define HELPER_CHARACTERS                                                                          \
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-" /* of a name */

struct Credentials {
        char *name;   /* owned; of the file */
        json_t *root; /* owned, secret; an object */
};

/* What an entry is for. */
typedef struct EntryKey {
        char host[CREDENTIALS_HOST_MAX + 1]; /* in lower case */
        const char *path;                    /* borrowed; "" or "/NAMESPACE" */
} EntryKey;

void credentials_set_up(void) {
        json_set_alloc_funcs(malloc, secret_free);
}

Credentials *credentials_free(Credentials *credentials) {
        if (!credentials)
                return NULL;

        json_decref(credentials->root);
        free(credentials->name);
        free(credentials);
        return NULL;
}

Credentials *credentials_new(void) {
        _cleanup_(credentials_freep) Credentials *credentials = calloc(1, sizeof(*credentials));

        if (!credentials)
                return NULL;

        credentials->root = json_pack("{s: {}}", "auths");
        return credentials->root ? TAKE_PTR(credentials) : NULL;
}

static int broken(const char *name, const char *key, const char *what, Error *error) {
        char quoted[TEXT_QUOTE_MAX];

        return error_set(
                error, EINVAL, ERROR_INVALID_OPTION, "%s is broken: \"%s\" %s", name,
                text_quote(key, quoted), what);
}

/* Not in jansson's words, which quote the text. */
static int not_json(const char *name, const json_error_t *where, Error *error) {
        static const struct {
                enum json_error_code code;
                const char *what;
        } reasons[] = {
                { json_error_duplicate_key, "a key occurs twice" },
                { json_error_premature_end_of_input, "it ends too early" },
                { json_error_invalid_utf8, "it is not UTF-8" },
        };
        const enum json_error_code code = json_error_code(where);
        const char *what = "it is not JSON";

        if (code == json_error_out_of_memory)
                return error_oom(error);

        for (size_t i = 0; i < N_ELEMENTS(reasons); i++)
                if (reasons[i].code == code)
                        what = reasons[i].what;
        return error_set(
                error, EINVAL, ERROR_INVALID_OPTION, "%s is broken in line %d: %s", name,
                where->line, what);
}

static int check_shape(const char *name, const json_t *root, Error *error) {
        static const char *const objects[] = { "auths", "credHelpers" };
        const json_t *store = json_object_get(root, "credsStore");

        if (!json_is_object(root))
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "%s is broken in line 1: it is not a JSON object", name);

        for (size_t i = 0; i < N_ELEMENTS(objects); i++) {
                const json_t *value = json_object_get(root, objects[i]);

                if (value && !json_is_object(value) && !json_is_null(value))
                        return broken(name, objects[i], "is not an object", error);
        }
        if (store && !json_is_string(store) && !json_is_null(store))
                return broken(name, "credsStore", "is not a string", error);
        return 0;
}

int credentials_parse(
        const char *name, const void *data, size_t size, Credentials **ret, Error *error) {
        _cleanup_(credentials_freep) Credentials *credentials = NULL;
        json_error_t where;
        int r;

        if (size > CREDENTIALS_FILE_MAX)
                return error_set(
                        error, EFBIG, ERROR_INVALID_OPTION, "%s is larger than %zu bytes", name,
                        CREDENTIALS_FILE_MAX);

        credentials = calloc(1, sizeof(*credentials));
        if (!credentials)
                return error_oom(error);
        credentials->name = strdup(name);
        if (!credentials->name)
                return error_oom(error);

        credentials->root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &where);
        r = credentials->root ? check_shape(name, credentials->root, error)
                              : not_json(name, &where, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(credentials);
        return 0;
}

static bool skip(const char **text, const char *prefix) {
        if (strncmp(*text, prefix, strlen(prefix)) != 0)
                return false;

        *text += strlen(prefix);
        return true;
}

static bool is_hub(const char *host) {
        return strcmp(host, HUB) == 0 || strcmp(host, "index." HUB) == 0 ||
               strcmp(host, "registry-1." HUB) == 0;
}

/* Returns whether it may be a key. */
static bool read_key(const char *text, EntryKey *ret) {
        const bool is_url = skip(&text, "https://") || skip(&text, "http://");
        const size_t length = strcspn(text, "/");

        if (length == 0 || length >= sizeof(ret->host))
                return false;

        for (size_t i = 0; i < length; i++)
                ret->host[i] = (char) tolower((unsigned char) text[i]);
        ret->host[length] = '\0';
        if (is_hub(ret->host))
                stpcpy(ret->host, HUB);
        ret->path = is_url ? "" : text + length;
        return true;
}

/* How much of "HOST/REPOSITORY" @text is the key of; -1 for another one. */
static ssize_t rank_key(const char *text, const EntryKey *wanted, const char *repository) {
        size_t length;
        EntryKey key;

        if (!read_key(text, &key) || strcmp(key.host, wanted->host) != 0)
                return -1;
        if (key.path[0] == '\0')
                return 0;

        length = strlen(key.path + 1);
        if (length == 0 || strncmp(key.path + 1, repository, length) != 0 ||
            (repository[length] != '/' && repository[length] != '\0'))
                return -1;
        return (ssize_t) length;
}

static bool is_text(const json_t *value) {
        return json_string_length(value) > 0;
}

/* Docker leaves {} behind where a helper has the credentials. */
static bool is_marker(const json_t *entry) {
        const json_t *auth = json_object_get(entry, "auth");
        const json_t *token = json_object_get(entry, "identitytoken");

        return json_is_object(entry) && (!auth || (json_is_string(auth) && !is_text(auth))) &&
               (!token || (json_is_string(token) && !is_text(token)));
}

static int read_login(
        const char *name,
        const char *key,
        const json_t *entry,
        CredentialsLogin *ret,
        Error *error) {
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };
        const json_t *auth = json_object_get(entry, "auth");
        const json_t *token = json_object_get(entry, "identitytoken");
        int r = 0;

        if (!json_is_object(entry) || (auth && !json_is_string(auth)) ||
            (token && !json_is_string(token)) || json_string_length(token) > CREDENTIALS_TEXT_MAX)
                return broken(name, key, "has no usable credentials", error);

        if (is_text(auth))
                r = credentials_login_decode(json_string_value(auth), &login);
        if (r >= 0 && is_text(token)) {
                login.identity_token = strdup(json_string_value(token));
                r = login.identity_token ? 0 : -ENOMEM;
        }
        if (r == -ENOMEM)
                return error_oom(error);
        if (r < 0)
                return broken(name, key, "has no user name and password in base64", error);

        *ret = TAKE_STRUCT(login);
        return 1;
}

int credentials_find(
        const Credentials *credentials,
        const char *host,
        const char *repository,
        CredentialsLogin *ret,
        Error *error) {
        json_t *auths = json_object_get(credentials->root, "auths"), *entry, *best = NULL;
        const char *text, *best_text = NULL;
        ssize_t best_rank = -1;
        EntryKey wanted;

        if (!read_key(host, &wanted))
                return 0;

        json_object_foreach(auths, text, entry) {
                const ssize_t rank = rank_key(text, &wanted, repository);

                if (rank < 0 || rank < best_rank || is_marker(entry))
                        continue;
                /* Of a host's several keys, its own name is the one that counts. */
                if (rank == best_rank && strncmp(text, wanted.host, strlen(wanted.host)) != 0)
                        continue;
                best = entry;
                best_text = text;
                best_rank = rank;
        }

        return best ? read_login(credentials->name, best_text, best, ret, error) : 0;
}

static int take_helper(
        const Credentials *credentials,
        const char *key,
        const json_t *value,
        const char *server,
        CredentialsHelper *ret,
        Error *error) {
        const char *name = json_string_value(value);

        /* It becomes part of a program's name. */
        if (!name || name[0] == '\0' || strlen(name) > CREDENTIALS_HELPER_MAX ||
            name[strspn(name, HELPER_CHARACTERS)] != '\0')
                return broken(
                        credentials->name, key, "is not the name of a credential helper", error);

        *ret = (CredentialsHelper){ .name = name, .server = server };
        return 1;
}

int credentials_find_helper(
        const Credentials *credentials, const char *host, CredentialsHelper *ret, Error *error) {
        json_t *helpers = json_object_get(credentials->root, "credHelpers"), *value;
        const char *text;
        EntryKey wanted;

        if (!read_key(host, &wanted))
                return 0;

        json_object_foreach(helpers, text, value) {
                if (rank_key(text, &wanted, "") == 0)
                        return take_helper(credentials, text, value, text, ret, error);
        }

        return 0;
}

int credentials_find_store(
        const Credentials *credentials, const char *host, CredentialsHelper *ret, Error *error) {
        const json_t *store = json_object_get(credentials->root, "credsStore");
        EntryKey wanted;

        if (!is_text(store) || !read_key(host, &wanted))
                return 0;

        return take_helper(
                credentials, "credsStore", store, is_hub(wanted.host) ? HUB_KEY : host, ret, error);
}

int credentials_add(
        Credentials *credentials, const char *key, const CredentialsLogin *login, Error *error) {
        _cleanup_(json_decrefp) json_t *entry = json_object();
        _cleanup_(secret_freep) char *auth = NULL;
        json_t *auths = json_object_get(credentials->root, "auths");

        if (login->username && credentials_login_encode(login, &auth) < 0)
                return error_oom(error);
        if ((auth && json_object_set_new(entry, "auth", json_string(auth)) < 0) ||
            (login->identity_token &&
             json_object_set_new(entry, "identitytoken", json_string(login->identity_token)) < 0) ||
            json_object_set(auths, key, entry) < 0)
                return error_oom(error);
        return 0;
}

int credentials_format(const Credentials *credentials, char **ret, Error *error) {
        char *text = json_dumps(credentials->root, JSON_COMPACT);

        if (!text)
                return error_oom(error);

        *ret = text;
        return 0;
}
