/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * URLs of a registry: what to read out of them, and where a redirect or a challenge may lead.
 * Only http and https exist here. Nothing resolves a name.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"

#define REGISTRY_URL_MAX  ((size_t) 8192) /* bytes; signed URLs of storage services are long */
#define REGISTRY_HOST_MAX ((size_t) 320)  /* a name or address, and a port */

/** registry_url_host() - "HOST[:PORT]" of @url for a message, without user, path and query; returns @ret */
char *registry_url_host(const char *url, char ret[static REGISTRY_HOST_MAX]);

/** registry_url_same_origin() - whether scheme, host and port are the same */
bool registry_url_same_origin(const char *a, const char *b);

/** registry_url_same_host() - whether the host is the same, whatever the port */
bool registry_url_same_host(const char *a, const char *b);

/** registry_url_is_loopback() - whether the host is "localhost" or a loopback address */
bool registry_url_is_loopback(const char *url);

/** registry_url_is_private() - whether the host is an address that registry_address_is_private() */
bool registry_url_is_private(const char *url);

/** registry_url_is_tls() - whether the scheme is https */
bool registry_url_is_tls(const char *url);

/**
 * registry_url_follow() - where a redirect leads
 * @from:       URL that was answered with it
 * @location:   the Location header, absolute or relative
 * @insecure:   whether https may lead to http
 * @ret:        URL without user, password and fragment, owned by the caller
 *
 * Return: 0, or a negative errno with @error set.
 */
int registry_url_follow(
        const char *from, const char *location, bool insecure, char **ret, Error *error);

/**
 * registry_url_next_page() - where a list goes on
 * @from:       URL of the page before
 * @link:       the target of its Link header, absolute or relative
 * @ret:        URL of the same origin, owned by the caller
 *
 * Only path and query of @link count: behind a proxy, a registry may not know its own scheme and port.
 *
 * Return: 0, or a negative errno with @error set: ERROR_REGISTRY_ERROR when @link leads to another host.
 */
int registry_url_next_page(const char *from, const char *link, char **ret, Error *error);

/**
 * registry_url_token() - the URL that hands out a token
 * @realm:      https, or http when @insecure; without user and password
 * @service, @scope, @account:  added to the query unless empty
 *
 * Return: 0, or a negative errno with @error set.
 */
int registry_url_token(
        const char *realm,
        const char *service,
        const char *scope,
        const char *account,
        bool insecure,
        char **ret,
        Error *error);
