/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes one JSON text (RFC 8259) on one line, in the order of the calls. Inside an object, each
 * value has a @key; inside an array and at the top level, @key is NULL. Invalid UTF-8 is written as
 * U+FFFD. Writing to the stream may fail: see ferror(3).
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 8

typedef struct ClientJson {
        FILE *file; /* borrowed */
        unsigned depth;
        bool has_value[JSON_DEPTH_MAX + 1]; /* for each depth: the next value needs a comma */
} ClientJson;

#define JSON_INIT(f) ((ClientJson){ .file = (f) })

void client_json_object_begin(ClientJson *json, const char *key);
void client_json_object_end(ClientJson *json);
void client_json_array_begin(ClientJson *json, const char *key);
void client_json_array_end(ClientJson *json);

/** client_json_string() - add a string; NULL is written as null */
void client_json_string(ClientJson *json, const char *key, const char *value);
void client_json_uint(ClientJson *json, const char *key, uint64_t value);

/** client_json_known() - add a number of which 0 says that it is unknown, and is written as null */
void client_json_known(ClientJson *json, const char *key, uint64_t value);
void client_json_bool(ClientJson *json, const char *key, bool value);
void client_json_null(ClientJson *json, const char *key);

/** client_json_fraction() - add a number from 0 to 1 with six decimals, regardless of the locale */
void client_json_fraction(ClientJson *json, const char *key, double value);

/** client_json_seconds() - add @usec as a number of seconds, regardless of the locale */
void client_json_seconds(ClientJson *json, const char *key, uint64_t usec);

/** client_json_finish() - end the line and flush it, so that the reader of a pipe sees it at once */
void client_json_finish(ClientJson *json);
