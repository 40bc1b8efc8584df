/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files with credentials for registries, as podman, skopeo and docker write them when a user logs in
 * (containers-auth.json(5), Docker's config.json):
 *
 *     {"auths": {"HOST[:PORT][/NAMESPACE...]": {"auth": BASE64 of "USER:PASSWORD", "identitytoken": TOKEN}},
 *      "credHelpers": {"HOST[:PORT]": NAME},
 *      "credsStore": NAME}
 *
 * Hosts are compared as a whole, with their ports, but without case. Docker's older keys "https://HOST/..." are
 * for HOST; "index.docker.io" and "registry-1.docker.io" are docker.io. Entries without "auth" and
 * "identitytoken" only mark that a helper has them, and are skipped.
 *
 * Errors never quote what a file contains, except for keys and names of helpers.
 */

#include <stddef.h>

#include "base-cleanup.h"
#include "base-error.h"

#define CREDENTIALS_FILE_MAX   ((size_t) 1 << 20)  /* bytes */
#define CREDENTIALS_TEXT_MAX   ((size_t) 64 << 10) /* bytes of a user name, password or token */
#define CREDENTIALS_HELPER_MAX ((size_t) 128)      /* bytes of a helper's name */
#define CREDENTIALS_HOST_MAX   ((size_t) 255) /* bytes of "HOST[:PORT]"; longer ones never match */

typedef struct Credentials Credentials; /* one file */

/* What to log in with; owned, secret. Either user name and password, or the token, or all of them. */
typedef struct CredentialsLogin {
        char *username;
        char *password;
        char *identity_token; /* to be exchanged for an access token */
} CredentialsLogin;

/* The program docker-credential-NAME, and what it knows the registry as; borrowed. */
typedef struct CredentialsHelper {
        const char *name;
        const char *server;
} CredentialsHelper;

/**
 * credentials_set_up() - make jansson clear all memory that it frees, since it contains secrets
 *
 * This affects the whole process, which must still be single-threaded.
 */
void credentials_set_up(void);

/** credentials_new() - one without entries; NULL when out of memory */
Credentials *credentials_new(void);

/**
 * credentials_parse() - read a file
 * @name:       of the file, for messages; copied
 *
 * Return: 0; -ENOMEM, -EFBIG or -EINVAL (ERROR_INVALID_OPTION) with @error naming the file, and the line if it
 * is not JSON.
 */
int credentials_parse(
        const char *name, const void *data, size_t size, Credentials **ret, Error *error);

/**
 * credentials_find() - the entry for a repository
 * @host:       "HOST[:PORT]" as in a reference
 * @repository: without the host
 *
 * The entry with the longest key: of the repository, of what it is in, and finally of the host.
 *
 * Return: 1 with @ret set; 0 if there is none; -EINVAL if that entry is malformed.
 */
int credentials_find(
        const Credentials *credentials,
        const char *host,
        const char *repository,
        CredentialsLogin *ret,
        Error *error);

/** credentials_find_helper() - the helper for @host in "credHelpers"; returns as credentials_find() */
int credentials_find_helper(
        const Credentials *credentials, const char *host, CredentialsHelper *ret, Error *error);

/** credentials_find_store() - the helper for all other hosts, "credsStore"; returns as credentials_find() */
int credentials_find_store(
        const Credentials *credentials, const char *host, CredentialsHelper *ret, Error *error);

/** credentials_add() - add an entry, or replace the one that has the same @key */
int credentials_add(
        Credentials *credentials, const char *key, const CredentialsLogin *login, Error *error);

/** credentials_format() - write a file; @ret is secret, NUL-terminated, and owned by the caller */
int credentials_format(const Credentials *credentials, char **ret, Error *error);

/** credentials_free() - release @credentials (may be NULL) */
Credentials *credentials_free(Credentials *credentials);

DEFINE_CLEANUP(Credentials, credentials_free);
