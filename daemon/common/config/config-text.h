/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The grammar of configuration files: systemd.syntax(7), as far as used. Sections in brackets,
 * "Key=Value", comments with '#' or ';', a '\' at the end of a line continues it.
 */

#include <stddef.h>
#include <stdint.h>

#define CONFIG_LINE_MAX ((size_t) 4096) /* bytes, continuations included */

typedef struct ConfigEvents {
        /* An assignment; all borrowed for the call. */
        void (*assign)(
                void *userdata,
                unsigned line,
                const char *section,
                const char *key,
                const char *value);
        /* A line that is neither an assignment, nor a section, nor empty. */
        void (*malformed)(void *userdata, unsigned line, const char *text);
} ConfigEvents;

/** config_text_parse() - read the @size bytes of a file at @text */
void config_text_parse(const char *text, size_t size, const ConfigEvents *events, void *userdata);

/**
 * config_parse_number() - digits, and nothing else
 *
 * Return: 0, -EINVAL, or -ERANGE if it is not @min to @max.
 */
int config_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/** config_parse_size() - bytes, or with K, M, G or T a multiple of 1024; as config_parse_number() */
int config_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/** config_parse_usec() - a time span (base-span.h) in microseconds, "infinity" being @max; as config_parse_number() */
int config_parse_usec(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/**
 * config_parse_range() - two numbers with "-" between them, the smaller one first
 * @count_max:  maximum number of numbers in it
 *
 * As config_parse_number(); both are @min to @max.
 */
int config_parse_range(
        const char *text,
        uint64_t min,
        uint64_t max,
        uint64_t count_max,
        uint64_t *ret_first,
        uint64_t *ret_last);

/** config_parse_boolean() - yes, true, on, 1, no, false, off, 0; returns 0 or 1, or -EINVAL */
int config_parse_boolean(const char *text);
