/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes one JSON text (RFC 8259) on one line, in order, as it is told. Inside an object each
 * value has a @key, inside an array and at the top @key is NULL. What is not valid UTF-8 is written
 * as U+FFFD. Writing to the stream may fail: see ferror(3).
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 8

typedef struct Json {
        FILE *file; /* borrowed */
        unsigned depth;
        bool has_value[JSON_DEPTH_MAX + 1]; /* at each depth: the next value needs a comma */
} Json;

#define JSON_INIT(f) ((Json){ .file = (f) })

void json_object_begin(Json *json, const char *key);
void json_object_end(Json *json);
void json_array_begin(Json *json, const char *key);
void json_array_end(Json *json);

/** json_string() - add a string; NULL is written as null */
void json_string(Json *json, const char *key, const char *value);
void json_uint(Json *json, const char *key, uint64_t value);
void json_bool(Json *json, const char *key, bool value);
void json_null(Json *json, const char *key);

/** json_fraction() - add a number of 0 to 1 with six decimals, whatever the locale */
void json_fraction(Json *json, const char *key, double value);

/** json_finish() - end the line and flush it, so that who reads a pipe sees it at once */
void json_finish(Json *json);
