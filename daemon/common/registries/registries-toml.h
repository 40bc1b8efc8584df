/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A reader of TOML 1.0 (toml.io) for containers-registries.conf(5): tables, arrays of tables, dotted and quoted
 * keys, inline tables, arrays, strings on one line, booleans. Numbers and dates are accepted, but not
 * interpreted. Strings on several lines are refused, and so is what TOML forbids, such as a key that is set twice.
 *
 * A pure function of bytes: a text becomes a tree of values.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-cleanup.h"
#include "base-error.h"

#define REGISTRIES_TOML_BYTES_MAX  ((size_t) 1 << 20) /* of a text */
#define REGISTRIES_TOML_STRING_MAX ((size_t) 4096)    /* bytes of a string or a key */
#define REGISTRIES_TOML_VALUES_MAX 10000U
#define REGISTRIES_TOML_KEYS_MAX   8U /* joined by dots */
#define REGISTRIES_TOML_DEPTH_MAX  8U /* of arrays and inline tables in each other */

typedef enum RegistriesTomlKind {
        REGISTRIES_TOML_STRING,
        REGISTRIES_TOML_BOOLEAN,
        REGISTRIES_TOML_NUMBER, /* or a date */
        REGISTRIES_TOML_ARRAY,
        REGISTRIES_TOML_TABLE,
        _REGISTRIES_TOML_KIND_MAX,
} RegistriesTomlKind;

/* How a table or an array came to be, which decides what may be added to it later. */
typedef enum RegistriesTomlOrigin {
        REGISTRIES_TOML_VALUE,   /* of a key: nothing may be added */
        REGISTRIES_TOML_HEADER,  /* [NAME], or [[NAME]] for an array */
        REGISTRIES_TOML_IMPLIED, /* by [NAME.OTHER] */
        REGISTRIES_TOML_DOTTED,  /* by NAME.OTHER = … */
} RegistriesTomlOrigin;

typedef struct RegistriesToml RegistriesToml;

struct RegistriesToml {
        RegistriesTomlKind kind;
        RegistriesTomlOrigin origin;
        unsigned line;         /* where it begins, from 1 on */
        char *key;             /* owned; NULL in an array */
        char *text;            /* owned; of a string, UTF-8 without control characters */
        bool boolean;          /* of a boolean */
        RegistriesToml *first; /* owned; of a table's or an array's values, in their order */
        RegistriesToml *last;  /* borrowed */
        RegistriesToml *next;  /* owned; beside this one */
};

/**
 * registries_toml_parse() - read a text
 * @name:       of the file, for messages
 * @ret:        the table of all that is in it, owned by the caller
 *
 * Return: 0; -EINVAL (ERROR_FAILED) with a message that names file and line.
 */
int registries_toml_parse(
        const char *name, const char *text, size_t size, RegistriesToml **ret, Error *error);

/** registries_toml_free() - release @value (may be NULL), what is in it and beside it */
RegistriesToml *registries_toml_free(RegistriesToml *value);

/** registries_toml_refuse() - describe what is wrong with a line of a file; returns -EINVAL */
int registries_toml_refuse(const char *name, unsigned line, Error *error, const char *format, ...)
        __attribute__((__format__(__printf__, 4, 5)));

DEFINE_CLEANUP(RegistriesToml, registries_toml_free);
