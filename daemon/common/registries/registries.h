/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The configuration of registries that podman, skopeo and others use, too: containers-registries.conf(5), version 2,
 * and its drop-ins, containers-registries.conf.d(5).
 *
 *     registries_load() ─▶ registries_find_alias() ─▶ registries_route() ─▶ registries_free()
 *
 * Files are read in this order. A later one replaces the [[registry]] tables with the same prefix and the aliases
 * with the same name.
 *
 *     $XDG_CONFIG_HOME/containers/registries.conf                 not for root; if it exists, nothing in /etc is read
 *     /etc/containers/registries.conf, /etc/containers/registries.conf.d/NAME.conf by name
 *     $XDG_CONFIG_HOME/containers/registries.conf.d/NAME.conf     by name; not for root
 *
 * What is not understood is refused, since it may be a restriction: version 1, unknown keys, a prefix twice in
 * one file. Settings that are of no use here are read and ignored: unqualified-search-registries (nothing is
 * guessed), short-name-mode, credential-helpers and additional-layer-store-auth-helper.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "reference.h"

#define REGISTRIES_ENTRIES_MAX ((size_t) 2000)  /* [[registry]] tables */
#define REGISTRIES_ALIASES_MAX ((size_t) 10000) /* of short names */
#define REGISTRIES_MIRRORS_MAX ((size_t) 16)    /* of one registry */
#define REGISTRIES_FILES_MAX   ((size_t) 1000)  /* in one directory of drop-ins */

typedef struct Registries Registries;

/** registries_new() - an empty configuration: each image is where its name says; NULL when out of memory */
Registries *registries_new(void);

/** registries_free() - release @registries (may be NULL) */
Registries *registries_free(Registries *registries);

/**
 * registries_load() - read all files
 * @file:       read only this one, which must exist; or NULL
 * @ret:        owned by the caller
 *
 * Errors name file and line.
 */
int registries_load(const char *file, Registries **ret, Error *error);

/**
 * registries_add() - read one file's content over what is there
 * @name:       of the file, for messages; copied
 *
 * Nothing changes on failure, which is ERROR_FAILED.
 */
int registries_add(
        Registries *registries, const char *name, const char *text, size_t size, Error *error);

/** registries_add_file() - read one file; returns 1, or 0 if it does not exist */
int registries_add_file(Registries *registries, const char *path, Error *error);

/** registries_add_directory() - read the files NAME.conf in a directory, by name; it need not exist */
int registries_add_directory(Registries *registries, const char *path, Error *error);

/**
 * registries_find_alias() - what a short name stands for
 * @reference:  if it is a short name with an alias, changed to what that names; tag and digest stay
 */
int registries_find_alias(const Registries *registries, Reference *reference, Error *error);

DEFINE_CLEANUP(Registries, registries_free);
