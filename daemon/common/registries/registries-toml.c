/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base-macro.h"
#include "base-text.h"
#include "registries-toml.h"

#define BARE_KEY "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
#define NUMBER   BARE_KEY "+.:"

typedef struct TomlReading {
        const char *name; /* borrowed */
        const char *p;    /* borrowed; the next byte, of a NUL-terminated text */
        unsigned line;
        unsigned n_values;
        Error *error; /* borrowed */
} TomlReading;

/* A key with dots: "registry.mirror". */
typedef struct Keys {
        char *keys[REGISTRIES_TOML_KEYS_MAX]; /* owned */
        unsigned n;
} Keys;

static void keys_done(Keys *keys) {
        for (unsigned i = 0; i < keys->n; i++)
                free(keys->keys[i]);
}

RegistriesToml *registries_toml_free(RegistriesToml *value) {
        while (value) {
                RegistriesToml *next = value->next;

                registries_toml_free(value->first);
                free(value->key);
                free(value->text);
                free(value);
                value = next;
        }

        return NULL;
}

int registries_toml_refuse(const char *name, unsigned line, Error *error, const char *format, ...) {
        char text[2 * TEXT_QUOTE_MAX];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        return error_set(error, EINVAL, ERROR_FAILED, "%s, line %u: %s", name, line, text);
}

static int refuse(const TomlReading *reading, const char *what) {
        return registries_toml_refuse(reading->name, reading->line, reading->error, "%s", what);
}

static int refuse_key(const TomlReading *reading, const char *key, unsigned first) {
        char quoted[TEXT_QUOTE_MAX];

        return registries_toml_refuse(
                reading->name, reading->line, reading->error, "\"%s\" is already set in line %u",
                text_quote(key, quoted), first);
}

static void skip_blanks(TomlReading *reading) {
        reading->p += strspn(reading->p, " \t");
}

static bool skip_newline(TomlReading *reading) {
        size_t n = strncmp(reading->p, "\r\n", 2) == 0 ? 2 : *reading->p == '\n';

        reading->p += n;
        reading->line += n > 0;
        return n > 0;
}

static void skip_comment(TomlReading *reading) {
        skip_blanks(reading);
        if (*reading->p == '#')
                reading->p += strcspn(reading->p, "\n");
}

/* Empty lines and comments. */
static void skip_lines(TomlReading *reading) {
        do
                skip_comment(reading);
        while (skip_newline(reading));
}

static int end_line(TomlReading *reading) {
        skip_comment(reading);
        return *reading->p == '\0' || skip_newline(reading)
                       ? 0
                       : refuse(reading, "unexpected text at the end of the line");
}

static int append_character(char *text, size_t *length, uint32_t c) {
        char *p = text + *length;

        if (c == 0 || text_is_control(c) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
                return -EINVAL;

        if (c < 0x80)
                *p++ = (char) c;
        else if (c < 0x800)
                *p++ = (char) (0xc0 | (c >> 6));
        else if (c < 0x10000) {
                *p++ = (char) (0xe0 | (c >> 12));
                *p++ = (char) (0x80 | ((c >> 6) & 0x3f));
        } else {
                *p++ = (char) (0xf0 | (c >> 18));
                *p++ = (char) (0x80 | ((c >> 12) & 0x3f));
                *p++ = (char) (0x80 | ((c >> 6) & 0x3f));
        }
        if (c >= 0x80)
                *p++ = (char) (0x80 | (c & 0x3f));

        *length = (size_t) (p - text);
        return 0;
}

static int hex_value(char c) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *p = c != '\0' ? strchr(digits, c) : NULL;

        return p ? (int) ((p - digits) % 16) : -EINVAL;
}

/* The character of an escape sequence, behind the backslash. */
static int read_escape(TomlReading *reading, uint32_t *ret) {
        char kind = *reading->p;
        unsigned n_digits = kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
        uint32_t c = 0;

        if (kind == '"' || kind == '\\')
                c = (uint32_t) kind;
        else if (kind == 't')
                c = ' ';
        else if (n_digits == 0)
                return -EINVAL;

        reading->p++;
        for (unsigned i = 0; i < n_digits; i++) {
                int digit = hex_value(*reading->p);

                if (digit < 0)
                        return -EINVAL;
                c = c << 4 | (uint32_t) digit;
                reading->p++;
        }

        *ret = c;
        return 0;
}

static int read_character(TomlReading *reading, char quote, uint32_t *ret) {
        size_t n;

        if (*reading->p == '\\' && quote == '"') {
                reading->p++;
                return read_escape(reading, ret);
        }

        n = text_character(reading->p, ret);
        if (*reading->p == '\t')
                *ret = ' ';
        reading->p += n;
        return n > 0 ? 0 : -EINVAL;
}

/* A tab becomes a space; other control characters have no place in names. */
static int read_string(TomlReading *reading, char **ret) {
        char text[REGISTRIES_TOML_STRING_MAX + 4];
        const char quote = *reading->p;
        size_t length = 0;

        if (reading->p[1] == quote && reading->p[2] == quote)
                return refuse(reading, "a string on several lines is not supported");

        reading->p++;
        while (*reading->p != quote) {
                uint32_t c;

                if (*reading->p == '\0' || *reading->p == '\n' || *reading->p == '\r')
                        return refuse(reading, "a string does not end");
                if (length >= REGISTRIES_TOML_STRING_MAX)
                        return refuse(reading, "a string is too long");
                if (read_character(reading, quote, &c) < 0 ||
                    append_character(text, &length, c) < 0)
                        return refuse(reading, "a string has an invalid character");
        }
        reading->p++;

        *ret = strndup(text, length);
        return *ret ? 0 : error_oom(reading->error);
}

static int read_key(TomlReading *reading, char **ret) {
        size_t length = strspn(reading->p, BARE_KEY);

        if (*reading->p == '"' || *reading->p == '\'')
                return read_string(reading, ret);
        if (length == 0)
                return refuse(reading, "expected KEY = VALUE or [TABLE]");
        if (length > REGISTRIES_TOML_STRING_MAX)
                return refuse(reading, "a key is too long");

        *ret = strndup(reading->p, length);
        reading->p += length;
        return *ret ? 0 : error_oom(reading->error);
}

static int read_keys(TomlReading *reading, Keys *keys) {
        for (;;) {
                int r;

                if (keys->n == REGISTRIES_TOML_KEYS_MAX)
                        return refuse(reading, "a key has too many dots");

                skip_blanks(reading);
                r = read_key(reading, &keys->keys[keys->n]);
                if (r < 0)
                        return r;

                keys->n++;
                skip_blanks(reading);
                if (*reading->p != '.')
                        return 0;
                reading->p++;
        }
}

/* Takes @key, which may be NULL, even if it fails. */
static RegistriesToml *add(
        TomlReading *reading, RegistriesToml *parent, RegistriesTomlKind kind, char *key) {
        RegistriesToml *value = calloc(1, sizeof(*value));

        if (!value || reading->n_values++ == REGISTRIES_TOML_VALUES_MAX) {
                (void) (value ? refuse(reading, "the file has too many values")
                              : error_oom(reading->error));
                free(value);
                free(key);
                return NULL;
        }

        *value = (RegistriesToml){ .kind = kind, .line = reading->line, .key = key };
        if (parent->last)
                parent->last->next = value;
        else
                parent->first = value;
        parent->last = value;
        return value;
}

static RegistriesToml *find(const RegistriesToml *table, const char *key) {
        for (RegistriesToml *value = table->first; value; value = value->next)
                if (strcmp(value->key, key) == 0)
                        return value;

        return NULL;
}

static int read_value(TomlReading *reading, RegistriesToml *parent, char *key, unsigned depth);

/* KEY = VALUE, into @table. */
static int read_assignment(TomlReading *reading, RegistriesToml *table, unsigned depth) {
        _cleanup_(keys_done) Keys keys = { 0 };
        const RegistriesToml *old;
        int r;

        r = read_keys(reading, &keys);
        for (unsigned i = 0; r >= 0 && i + 1 < keys.n; i++) {
                RegistriesToml *inner = find(table, keys.keys[i]);

                if (inner && (inner->kind != REGISTRIES_TOML_TABLE ||
                              inner->origin != REGISTRIES_TOML_DOTTED))
                        return refuse_key(reading, keys.keys[i], inner->line);
                if (!inner) {
                        inner = add(reading, table, REGISTRIES_TOML_TABLE, TAKE_PTR(keys.keys[i]));
                        if (!inner)
                                return -EINVAL;
                        inner->origin = REGISTRIES_TOML_DOTTED;
                }
                table = inner;
        }
        if (r < 0)
                return r;

        old = find(table, keys.keys[keys.n - 1]);
        if (old)
                return refuse_key(reading, keys.keys[keys.n - 1], old->line);
        if (*reading->p != '=')
                return refuse(reading, "expected '=' after the key");

        reading->p++;
        skip_blanks(reading);
        return read_value(reading, table, TAKE_PTR(keys.keys[keys.n - 1]), depth);
}

static int read_array(TomlReading *reading, RegistriesToml *array, unsigned depth) {
        reading->p++;
        for (;;) {
                int r;

                skip_lines(reading);
                if (*reading->p == ']')
                        break;

                r = read_value(reading, array, NULL, depth + 1);
                if (r < 0)
                        return r;

                skip_lines(reading);
                if (*reading->p == ',')
                        reading->p++;
                else if (*reading->p != ']')
                        return refuse(reading, "expected ',' or ']' in an array");
        }

        reading->p++;
        return 0;
}

static int read_inline_table(TomlReading *reading, RegistriesToml *table, unsigned depth) {
        reading->p++;
        skip_blanks(reading);
        while (*reading->p != '}') {
                int r = read_assignment(reading, table, depth + 1);

                if (r < 0)
                        return r;

                skip_blanks(reading);
                if (*reading->p == ',')
                        reading->p++;
                else if (*reading->p != '}')
                        return refuse(reading, "expected ',' or '}' in a table");
                skip_blanks(reading);
        }

        reading->p++;
        return 0;
}

/* Numbers and dates matter to nobody here. */
static int read_word(TomlReading *reading, RegistriesToml *value) {
        size_t length = strspn(reading->p, NUMBER);

        value->boolean = length == 4 && strncmp(reading->p, "true", length) == 0;
        if (value->boolean || (length == 5 && strncmp(reading->p, "false", length) == 0))
                value->kind = REGISTRIES_TOML_BOOLEAN;
        else if (length == 0 || !strchr("0123456789+-in", *reading->p))
                return refuse(
                        reading,
                        "expected a string in quotes, true, false, a number, an array or a "
                        "table");

        reading->p += length;
        return 0;
}

/* Takes @key, even if it fails. */
static int read_value(TomlReading *reading, RegistriesToml *parent, char *key, unsigned depth) {
        RegistriesToml *value = add(reading, parent, REGISTRIES_TOML_NUMBER, key);

        if (!value)
                return -EINVAL;
        if (depth > REGISTRIES_TOML_DEPTH_MAX)
                return refuse(reading, "arrays or tables are nested too deeply");

        switch (*reading->p) {
        case '"':
        case '\'':
                value->kind = REGISTRIES_TOML_STRING;
                return read_string(reading, &value->text);
        case '[':
                value->kind = REGISTRIES_TOML_ARRAY;
                return read_array(reading, value, depth);
        case '{':
                value->kind = REGISTRIES_TOML_TABLE;
                return read_inline_table(reading, value, depth);
        default:
                return read_word(reading, value);
        }
}

/* The table into which a header's next key leads; of an array of tables, the last one. */
static RegistriesToml *descend(TomlReading *reading, RegistriesToml *table, char **key) {
        RegistriesToml *inner = find(table, *key);

        if (!inner) {
                inner = add(reading, table, REGISTRIES_TOML_TABLE, TAKE_PTR(*key));
                if (inner)
                        inner->origin = REGISTRIES_TOML_IMPLIED;
                return inner;
        }
        if (inner->kind == REGISTRIES_TOML_ARRAY && inner->origin == REGISTRIES_TOML_HEADER)
                return inner->last;
        if (inner->kind == REGISTRIES_TOML_TABLE && inner->origin != REGISTRIES_TOML_VALUE)
                return inner;

        (void) refuse_key(reading, *key, inner->line);
        return NULL;
}

/* [NAME]: each table once. */
static RegistriesToml *open_table(TomlReading *reading, RegistriesToml *parent, char **key) {
        RegistriesToml *table = find(parent, *key);

        if (table &&
            (table->kind != REGISTRIES_TOML_TABLE || table->origin != REGISTRIES_TOML_IMPLIED)) {
                (void) refuse_key(reading, *key, table->line);
                return NULL;
        }

        if (!table)
                table = add(reading, parent, REGISTRIES_TOML_TABLE, TAKE_PTR(*key));
        if (table) {
                table->origin = REGISTRIES_TOML_HEADER;
                table->line = reading->line;
        }
        return table;
}

/* [[NAME]]: one more table of an array. */
static RegistriesToml *open_element(TomlReading *reading, RegistriesToml *parent, char **key) {
        RegistriesToml *array = find(parent, *key), *table;

        if (array &&
            (array->kind != REGISTRIES_TOML_ARRAY || array->origin != REGISTRIES_TOML_HEADER)) {
                (void) refuse_key(reading, *key, array->line);
                return NULL;
        }

        if (!array)
                array = add(reading, parent, REGISTRIES_TOML_ARRAY, TAKE_PTR(*key));
        if (!array)
                return NULL;

        array->origin = REGISTRIES_TOML_HEADER;
        table = add(reading, array, REGISTRIES_TOML_TABLE, NULL);
        if (table)
                table->origin = REGISTRIES_TOML_HEADER;
        return table;
}

/* Returns the table into which the lines that follow go; NULL with the error set. */
static RegistriesToml *read_header(TomlReading *reading, RegistriesToml *root) {
        const bool is_array = reading->p[1] == '[';
        _cleanup_(keys_done) Keys keys = { 0 };
        RegistriesToml *table = root;
        char **last;

        reading->p += 1 + is_array;
        if (read_keys(reading, &keys) < 0)
                return NULL;
        if (reading->p[0] != ']' || (is_array && reading->p[1] != ']')) {
                (void) refuse(reading, "expected ']' after the name of a table");
                return NULL;
        }

        reading->p += 1 + is_array;
        for (unsigned i = 0; table && i + 1 < keys.n; i++)
                table = descend(reading, table, &keys.keys[i]);
        if (!table)
                return NULL;

        last = &keys.keys[keys.n - 1];
        return is_array ? open_element(reading, table, last) : open_table(reading, table, last);
}

static int read_all(TomlReading *reading, RegistriesToml *root) {
        RegistriesToml *table = root;
        int r;

        for (;;) {
                skip_lines(reading);
                if (*reading->p == '\0')
                        return 0;

                if (*reading->p == '[') {
                        table = read_header(reading, root);
                        r = table ? 0 : -EINVAL;
                } else
                        r = read_assignment(reading, table, 0);
                if (r >= 0)
                        r = end_line(reading);
                if (r < 0)
                        return r;
        }
}

int registries_toml_parse(
        const char *name, const char *text, size_t size, RegistriesToml **ret, Error *error) {
        _cleanup_(registries_toml_freep) RegistriesToml *root = NULL;
        _cleanup_(freep) char *copy = NULL;
        TomlReading reading = { .name = name, .line = 1, .error = error };
        int r;

        if (size > REGISTRIES_TOML_BYTES_MAX)
                return refuse(&reading, "the file is too large");

        copy = strndup(text, size);
        root = calloc(1, sizeof(*root));
        if (!copy || !root)
                return error_oom(error);

        root->kind = REGISTRIES_TOML_TABLE;
        reading.p = copy;
        r = read_all(&reading, root);
        if (r < 0)
                return r;
        if (strlen(copy) != size)
                return refuse(&reading, "the file has a NUL character");

        *ret = TAKE_PTR(root);
        return 0;
}
