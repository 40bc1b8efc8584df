/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the user has logged in with: files with credentials (credentials.h) and credential helpers.
 *
 * The client looks, since they are its user's. The daemon gets only what is for one repository: where its name says,
 * and at the mirrors that registries.conf(5) lists for it.
 */

#include "base-error.h"
#include "client-options.h"

/**
 * client_auth_take() - look for credentials for the image that is the first argument
 * @ret_fd:     sealed memory with an entry in the format of credentials.h; owned by the caller; untouched
 *              if there are none
 *
 * Not for the host in the image's name if a user name was given, not if the image is not in a registry or nothing is to be fetched, and not for a daemon on
 * another host, to which no descriptor can be passed.
 *
 * Reads only $REGISTRY_AUTH_FILE, if that is set; otherwise the first of these that has an entry:
 *
 *     $XDG_RUNTIME_DIR/containers/auth.json, or /run/containers/UID/auth.json
 *     $XDG_CONFIG_HOME/containers/auth.json, or ~/.config/containers/auth.json
 *     $DOCKER_CONFIG/config.json, or ~/.docker/config.json
 *
 * In each, the host's helper precedes the entries, and those precede the helper for all hosts.
 *
 * Return: 0; a negative errno with @error set if a file or a helper cannot be used.
 */
int client_auth_take(const ClientOptions *options, int *ret_fd, Error *error);
