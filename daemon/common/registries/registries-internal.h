/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of registries/ share. */

#include "registries.h"

/* When a mirror is asked. */
typedef enum RegistriesPull {
        REGISTRIES_PULL_ALL,
        REGISTRIES_PULL_DIGEST_ONLY,
        REGISTRIES_PULL_TAG_ONLY,
        _REGISTRIES_PULL_MAX,
} RegistriesPull;

typedef struct RegistriesMirror {
        char *location; /* owned; HOST[:PORT][/PATH] */
        bool is_insecure;
        RegistriesPull pull;
} RegistriesMirror;

/* A [[registry]] table. */
typedef struct RegistriesEntry {
        char *prefix;   /* owned; HOST[:PORT][/PATH][:TAG][@DIGEST], or *.DOMAIN */
        char *folded;   /* owned; the same after reference_fold_host() */
        char *location; /* owned; HOST[:PORT][/PATH]; NULL: the reference as it is */
        char *file;     /* owned; where it is from, for messages */
        unsigned line;
        bool is_insecure;
        bool is_blocked;
        size_t n_mirrors;
        RegistriesMirror mirrors[REGISTRIES_MIRRORS_MAX]; /* in the order in which they are tried */
} RegistriesEntry;

typedef struct RegistriesAlias {
        char *name;   /* owned */
        char *target; /* owned; HOST/REPOSITORY */
} RegistriesAlias;

struct Registries {
        RegistriesEntry **entries; /* owned, as each of them */
        size_t n_entries;
        RegistriesAlias *aliases; /* owned */
        size_t n_aliases;
};
