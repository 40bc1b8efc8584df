/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registries-toml.h"

static RegistriesToml *parse(const char *text) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        RegistriesToml *root = NULL;

        if (registries_toml_parse("test", text, strlen(text), &root, &error) < 0)
                fail_msg("%s: %s", text, error_text(&error));
        return root;
}

static void refused_with(const char *text, const char *expected) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        RegistriesToml *root = NULL;

        assert_int_equal(registries_toml_parse("test", text, strlen(text), &root, &error), -EINVAL);
        assert_null(root);
        assert_int_equal(error.kind, ERROR_FAILED);
        assert_string_equal(error.message, expected);
}

/* The value at KEY/KEY/…; a number is an element of an array. */
static const RegistriesToml *at(const RegistriesToml *value, const char *path) {
        while (*path != '\0') {
                size_t length = strcspn(path, "/");
                size_t index = strtoul(path, NULL, 10);
                const bool is_array = value->kind == REGISTRIES_TOML_ARRAY;

                for (value = value->first; value; value = value->next)
                        if (is_array ? index-- == 0
                                     : strlen(value->key) == length &&
                                               strncmp(value->key, path, length) == 0)
                                break;
                assert_non_null(value);
                path += length + (path[length] == '/');
        }

        return value;
}

static void text_is(const char *text, const char *path, const char *expected) {
        _cleanup_(registries_toml_freep) RegistriesToml *root = parse(text);
        const RegistriesToml *value = at(root, path);

        assert_int_equal(value->kind, REGISTRIES_TOML_STRING);
        assert_string_equal(value->text, expected);
}

TEST(strings_are_read) {
        static const struct {
                const char *text, *path, *expected;
        } cases[] = {
                { "a = \"b\"", "a", "b" },
                { "a='b'", "a", "b" },
                { "  a\t=\t\"\"  # comment", "a", "" },
                { "a = \"#\"#\"", "a", "#" },
                { "# a = \"1\"\r\n\r\na = \"2\"\r\n", "a", "2" },
                { "a = 'C:\\no \"escape\"'", "a", "C:\\no \"escape\"" },
                { "a = \"\\\"\\\\\\u00e9\\U0001F600\"", "a", "\"\\\xc3\xa9\xf0\x9f\x98\x80" },
                { "a = \"\\u20ac\"", "a", "\xe2\x82\xac" },
                { "a = \"\xc3\xa9\"", "a", "\xc3\xa9" },
                { "a = \"x\ty\\tz\"", "a", "x y z" },
                { "\"a b\" = \"c\"", "a b", "c" },
                { "'a.b' = \"c\"", "a.b", "c" },
                { "a . \"b\" = 'c'", "a/b", "c" },
                { "1234 = \"c\"", "1234", "c" },
                { "a = [ 'x', # one\n 'y'\n, ]", "a/1", "y" },
                { "a = { b = 'x', c.d = 'y' }", "a/c/d", "y" },
                { "[t]\na = 'x'\n[u]\na = 'y'", "t/a", "x" },
                { "[ t . \"u\" ] # comment\na = 'x'", "t/u/a", "x" },
                { "[t.u]\na = 'x'\n[t]\na = 'y'", "t/a", "y" },
                { "[[t]]\na = 'x'\n[[t]]\na = 'y'", "t/1/a", "y" },
                { "[[t]]\n[[t.u]]\na = 'x'\n[[t]]\n[[t.u]]\na = 'y'\n[[t.u]]\na = 'z'", "t/1/u/1/a",
                  "z" },
                { "[[t]]\n[t.u]\na = 'x'\n[[t]]\n[t.u]\na = 'y'", "t/0/u/a", "x" },
                { "[t]\na.b = 'x'\n[t.a.c]\nd = 'y'", "t/a/c/d", "y" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                text_is(cases[i].text, cases[i].path, cases[i].expected);
}

TEST(other_values_have_their_kind_and_line) {
        _cleanup_(registries_toml_freep) RegistriesToml *root =
                parse("yes = true\nno = false\n\ncount = -1_000.5e3\n# comment\n"
                      "date = 1979-05-27T07:32:00.99-07:00\nnone = nan\nlist = []\ntable = {}\n");

        assert_int_equal(at(root, "yes")->kind, REGISTRIES_TOML_BOOLEAN);
        assert_true(at(root, "yes")->boolean);
        assert_int_equal(at(root, "no")->kind, REGISTRIES_TOML_BOOLEAN);
        assert_false(at(root, "no")->boolean);
        assert_int_equal(at(root, "count")->kind, REGISTRIES_TOML_NUMBER);
        assert_int_equal(at(root, "date")->kind, REGISTRIES_TOML_NUMBER);
        assert_int_equal(at(root, "date")->line, 6);
        assert_int_equal(at(root, "none")->kind, REGISTRIES_TOML_NUMBER);
        assert_int_equal(at(root, "list")->kind, REGISTRIES_TOML_ARRAY);
        assert_null(at(root, "list")->first);
        assert_int_equal(at(root, "table")->kind, REGISTRIES_TOML_TABLE);
        assert_int_equal(at(root, "table")->line, 9);
}

TEST(what_cannot_be_read_is_refused_with_its_line) {
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "\na", "test, line 2: expected '=' after the key" },
                { "a =",
                  "test, line 1: expected a string in quotes, true, false, a number, an array "
                  "or a table" },
                { "a = b",
                  "test, line 1: expected a string in quotes, true, false, a number, an "
                  "array or a table" },
                { "a = True",
                  "test, line 1: expected a string in quotes, true, false, a number, an "
                  "array or a table" },
                { "= 1", "test, line 1: expected KEY = VALUE or [TABLE]" },
                { "a. = 1", "test, line 1: expected KEY = VALUE or [TABLE]" },
                { "a = 1 b = 2", "test, line 1: unexpected text at the end of the line" },
                { "a = 'b", "test, line 1: a string does not end" },
                { "a = \"b\n\"", "test, line 1: a string does not end" },
                { "a = \"\"\"b\"\"\"", "test, line 1: a string on several lines is not supported" },
                { "a = '''b'''", "test, line 1: a string on several lines is not supported" },
                { "a = \"\\x\"", "test, line 1: a string has an invalid character" },
                { "a = \"\\u12g4\"", "test, line 1: a string has an invalid character" },
                { "a = \"\\u0000\"", "test, line 1: a string has an invalid character" },
                { "a = \"\\u001b\"", "test, line 1: a string has an invalid character" },
                { "a = \"\\ud800\"", "test, line 1: a string has an invalid character" },
                { "a = \"\\U00110000\"", "test, line 1: a string has an invalid character" },
                { "a = \"\\n\"", "test, line 1: a string has an invalid character" },
                { "a = \"\x1b\"", "test, line 1: a string has an invalid character" },
                { "a = \"\xff\"", "test, line 1: a string has an invalid character" },
                { "a = ['b' 'c']", "test, line 1: expected ',' or ']' in an array" },
                { "a = ['b'", "test, line 1: expected ',' or ']' in an array" },
                { "a = { b = 1 c = 2 }", "test, line 1: expected ',' or '}' in a table" },
                { "a = { b = 1\n}", "test, line 1: expected ',' or '}' in a table" },
                { "[a", "test, line 1: expected ']' after the name of a table" },
                { "[[a]", "test, line 1: expected ']' after the name of a table" },
                { "[]", "test, line 1: expected KEY = VALUE or [TABLE]" },
                { "[a] b = 1", "test, line 1: unexpected text at the end of the line" },
                { "a.a.a.a.a.a.a.a.a = 1", "test, line 1: a key has too many dots" },
                { "a = [[[[[[[[[[]]]]]]]]]]",
                  "test, line 1: arrays or tables are nested too deeply" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                refused_with(cases[i].text, cases[i].message);
}

TEST(nothing_is_set_twice) {
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "a = 1\n\na = 2", "test, line 3: \"a\" is already set in line 1" },
                { "[a]\nb = 1\n\"b\" = 2", "test, line 3: \"b\" is already set in line 2" },
                { "[a]\n[a]", "test, line 2: \"a\" is already set in line 1" },
                { "[a]\n[[a]]", "test, line 2: \"a\" is already set in line 1" },
                { "[[a]]\n[a]", "test, line 2: \"a\" is already set in line 1" },
                { "a = []\n[[a]]", "test, line 2: \"a\" is already set in line 1" },
                { "a = {}\n[a]", "test, line 2: \"a\" is already set in line 1" },
                { "a = {}\n[a.b]", "test, line 2: \"a\" is already set in line 1" },
                { "a = {}\na.b = 1", "test, line 2: \"a\" is already set in line 1" },
                { "a = 1\na.b = 1", "test, line 2: \"a\" is already set in line 1" },
                { "a.b = 1\n[a]", "test, line 2: \"a\" is already set in line 1" },
                { "[a.b]\n[a]\nb.c = 1", "test, line 3: \"b\" is already set in line 1" },
                { "a = { b = 1, b = 2 }", "test, line 1: \"b\" is already set in line 1" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                refused_with(cases[i].text, cases[i].message);
}

TEST(nul_character_is_refused) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        RegistriesToml *root = NULL;

        assert_int_equal(registries_toml_parse("test", "a = 1\0\n", 7, &root, &error), -EINVAL);
        assert_string_equal(error.message, "test, line 1: the file has a NUL character");
}

/* @n times @piece. */
static char *repeat(const char *piece, size_t n) {
        size_t length = strlen(piece);
        char *text = malloc(n * length + 1);

        assert_non_null(text);
        for (size_t i = 0; i < n; i++)
                memcpy(text + i * length, piece, length);
        text[n * length] = '\0';
        return text;
}

TEST(file_string_and_number_of_values_are_limited) {
        _cleanup_(freep) char *blanks = repeat(" ", REGISTRIES_TOML_BYTES_MAX + 1);
        _cleanup_(freep) char *tables = repeat("[[a]]\n", REGISTRIES_TOML_VALUES_MAX);
        _cleanup_(freep) char *letters = repeat("x", REGISTRIES_TOML_STRING_MAX);
        char text[REGISTRIES_TOML_STRING_MAX + 16], message[64];
        RegistriesToml *root = NULL;

        refused_with(blanks, "test, line 1: the file is too large");
        blanks[REGISTRIES_TOML_BYTES_MAX] = '\0';
        registries_toml_free(parse(blanks));

        /* The array is a value, too. */
        (void) snprintf(
                message, sizeof(message), "test, line %u: the file has too many values",
                REGISTRIES_TOML_VALUES_MAX);
        refused_with(tables, message);
        tables[strlen(tables) - strlen("[[a]]\n")] = '\0';
        registries_toml_free(parse(tables));

        (void) snprintf(text, sizeof(text), "a = '%s'", letters);
        root = parse(text);
        assert_int_equal(strlen(at(root, "a")->text), REGISTRIES_TOML_STRING_MAX);
        registries_toml_free(root);
        (void) snprintf(text, sizeof(text), "a = '%sx'", letters);
        refused_with(text, "test, line 1: a string is too long");
}
