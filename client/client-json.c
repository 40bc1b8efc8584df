/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base-macro.h"
#include "base-text.h"
#include "client-json.h"

static void write_escaped(FILE *file, char c) {
        static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        const char *p = c ? strchr(plain, c) : NULL;

        if (p)
                (void) fprintf(file, "\\%c", letters[p - plain]);
        else if ((unsigned char) c < 0x20 || c == 0x7f)
                (void) fprintf(file, "\\u%04x", (unsigned) (unsigned char) c);
        else
                (void) fputc(c, file);
}

static void write_string(FILE *file, const char *text) {
        (void) fputc('"', file);

        while (*text) {
                uint32_t c = 0;
                const size_t n = text_character(text, &c);

                if (n == 1)
                        write_escaped(file, *text);
                else if (n == 0)
                        (void) fputs("\\ufffd", file);
                else if (text_is_control(c))
                        (void) fprintf(file, "\\u%04x", c);
                else
                        (void) fwrite(text, 1, n, file);
                text += n > 0 ? n : 1;
        }

        (void) fputc('"', file);
}

static void begin_value(ClientJson *json, const char *key) {
        if (json->has_value[json->depth])
                (void) fputc(',', json->file);
        json->has_value[json->depth] = true;

        if (key) {
                write_string(json->file, key);
                (void) fputc(':', json->file);
        }
}

static void open_container(ClientJson *json, const char *key, char c) {
        assert(json->depth < JSON_DEPTH_MAX);

        begin_value(json, key);
        (void) fputc(c, json->file);
        json->depth++;
        json->has_value[json->depth] = false;
}

static void close_container(ClientJson *json, char c) {
        assert(json->depth > 0);

        (void) fputc(c, json->file);
        json->depth--;
}

void client_json_object_begin(ClientJson *json, const char *key) {
        open_container(json, key, '{');
}

void client_json_object_end(ClientJson *json) {
        close_container(json, '}');
}

void client_json_array_begin(ClientJson *json, const char *key) {
        open_container(json, key, '[');
}

void client_json_array_end(ClientJson *json) {
        close_container(json, ']');
}

void client_json_string(ClientJson *json, const char *key, const char *value) {
        if (!value) {
                client_json_null(json, key);
                return;
        }

        begin_value(json, key);
        write_string(json->file, value);
}

void client_json_uint(ClientJson *json, const char *key, uint64_t value) {
        begin_value(json, key);
        (void) fprintf(json->file, "%" PRIu64, value);
}

void client_json_known(ClientJson *json, const char *key, uint64_t value) {
        if (value > 0)
                client_json_uint(json, key, value);
        else
                client_json_null(json, key);
}

void client_json_bool(ClientJson *json, const char *key, bool value) {
        begin_value(json, key);
        (void) fputs(value ? "true" : "false", json->file);
}

void client_json_null(ClientJson *json, const char *key) {
        begin_value(json, key);
        (void) fputs("null", json->file);
}

void client_json_fraction(ClientJson *json, const char *key, double value) {
        /* Not %f: some locales write a comma. The negation also catches a NaN. */
        double clamped = !(value > 0) ? 0 : value < 1 ? value : 1;
        unsigned millionths = (unsigned) (clamped * 1e6 + 0.5);

        begin_value(json, key);
        (void) fprintf(json->file, "%u.%06u", millionths / 1000000U, millionths % 1000000U);
}

void client_json_seconds(ClientJson *json, const char *key, uint64_t usec) {
        begin_value(json, key);
        (void) fprintf(
                json->file, "%" PRIu64 ".%06u", usec / USEC_PER_SEC,
                (unsigned) (usec % USEC_PER_SEC));
}

void client_json_finish(ClientJson *json) {
        assert(json->depth == 0);

        (void) fputc('\n', json->file);
        (void) fflush(json->file);
        json->has_value[0] = false;
}
