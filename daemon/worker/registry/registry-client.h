/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Registry client: fetches the manifests and blobs of one repository (OCI distribution-spec, "Pull").
 * Every call blocks. The only user of libcurl.
 *
 *     registry_client_new() -> registry_client_get_manifest()* -> registry_client_get_blob()*
 *                           -> registry_client_free()
 *
 * The get functions may be called by several threads at a time, which share connections: a single one where the
 * registry offers HTTP/2 (registry-loop.h). Nothing here verifies a digest: the caller does.
 *
 * The process has to ignore SIGPIPE. Certificates of certs.d are read by registry_client_new(), the
 * system's with each connection.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "reference.h"
#include "registry-blob.h"
#include "registry-endpoint.h"

#define REGISTRY_CLIENT_CONNECTIONS_MAX ((size_t) 16)

typedef struct RegistryClient RegistryClient;

/* A manifest or index, as it came. */
typedef struct RegistryDocument {
        char *data; /* owned; NUL-terminated behind @size, never NULL */
        size_t size;
        char *content_type; /* owned; the header's value, NULL when there was none */
} RegistryDocument;

/**
 * registry_client_new() - a client for @reference's repository
 * @reference:  only host and repository count; copied
 * @options:    copied
 * @ret:        owned by the caller; untouched on failure
 *
 * Does not connect yet. From then on, libcurl and jansson clear all memory that they free. This affects the
 * whole process, which must still be single-threaded.
 *
 * Return: 0, or a negative errno with @error set.
 */
int registry_client_new(
        const Reference *reference,
        const RegistryOptions *options,
        RegistryClient **ret,
        Error *error);

/**
 * registry_client_log_in() - use what a file has for where the repository is fetched from
 *
 * Before the first request. A user name and a password of the options precede it. Return: 0, or a negative errno
 * with @error set.
 */
int registry_client_log_in(RegistryClient *client, const Credentials *credentials, Error *error);

/** registry_client_free() - close all connections, scrub the credentials, release @client (may be NULL) */
RegistryClient *registry_client_free(RegistryClient *client);

/**
 * registry_client_get_manifest() - fetch a manifest or index
 * @name:       a tag, or a digest's text
 * @ret:        to be released by the caller; untouched on failure
 *
 * Errors of both get functions: ERROR_REGISTRY_UNAVAILABLE (no connection, or it broke too often),
 * ERROR_TLS_ERROR (also for a registry without TLS, unless insecure), ERROR_AUTHENTICATION_REQUIRED,
 * ERROR_ACCESS_DENIED (also for a wrong user name or password), ERROR_NOT_FOUND,
 * ERROR_TOO_MANY_REQUESTS, ERROR_LIMIT_EXCEEDED (a manifest above OCI_DOCUMENT_MAX),
 * ERROR_REGISTRY_ERROR for all else that a registry does wrong.
 *
 * Return: 0, or a negative errno with @error set.
 */
int registry_client_get_manifest(
        RegistryClient *client, const char *name, RegistryDocument *ret, Error *error);

/**
 * registry_client_get_tags() - fetch a page of the repository's tags
 * @url:        *@url is NULL for the first page, and where the next one is afterwards, or NULL at the end of the list;
 *              owned by the caller, replaced here
 * @ret:        as it came; to be released by the caller; untouched on failure
 *
 * Return: 0, or a negative errno with @error set, as registry_client_get_manifest().
 */
int registry_client_get_tags(
        RegistryClient *client, char **url, RegistryDocument *ret, Error *error);

/**
 * registry_client_find_repository() - ask once, without waiting, whether the registry has the repository
 *
 * Return: 0 if it has; ERROR_NOT_FOUND if it says that it has not; otherwise as registry_client_get_tags().
 */
int registry_client_find_repository(RegistryClient *client, Error *error);

/**
 * registry_client_get_referrers() - fetch the list of manifests that refer to @digest
 * @ret:        to be released by the caller; untouched on failure
 *
 * ERROR_NOT_FOUND if the registry has no such list, for any image: then it may be an index under a tag (OCI
 * distribution specification, "Referrers Tag Schema").
 */
int registry_client_get_referrers(
        RegistryClient *client, const Digest *digest, RegistryDocument *ret, Error *error);

/**
 * registry_client_get_blob() - fetch a blob from an offset on
 *
 * Nothing is asked for when @offset is @size already. ERROR_DIGEST_MISMATCH for an @offset behind
 * @size, and for a blob that is longer than @size or, after several tries, still shorter; an error of
 * @write is handed on. What was written before an error is good, as far as the registry is, and a
 * later call may go on behind it.
 *
 * Return: 0, or a negative errno with @error set.
 */
int registry_client_get_blob(
        RegistryClient *client, const RegistryBlobRequest *request, Error *error);

/** registry_document_done() - release what @document owns; usable with _cleanup_() */
void registry_document_done(RegistryDocument *document);

DEFINE_CLEANUP(RegistryClient, registry_client_free);
