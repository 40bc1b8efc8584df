/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "client-config.h"

static char *const shell[] = { (char *) "/bin/sh", (char *) "-c", NULL };
static char *const script[] = { (char *) "it's \"a\" $x", (char *) "", (char *) "A=b,c@%+:./_-",
                                NULL };

static void expect_description(const ClientConfig *config, const char *expected) {
        _cleanup_(freep) char *text = NULL;

        assert_int_equal(client_config_describe(config, &text, NULL), 0);
        if (expected)
                assert_string_equal(text, expected);
        else
                assert_null(text);
}

TEST(command_is_described_as_a_shell_would_read_it) {
        ClientConfig config = { .entrypoint = (char **) shell, .cmd = (char **) script };

        expect_description(&config, "/bin/sh -c 'it'\\''s \"a\" $x' '' A=b,c@%+:./_-");
        config.working_dir = "/srv";
        config.cmd = NULL;
        expect_description(&config, "/bin/sh -c (in /srv)");
        config.user = "www-data:www";
        expect_description(&config, "/bin/sh -c (in /srv, as www-data:www)");
        config.working_dir = NULL;
        expect_description(&config, "/bin/sh -c (as www-data:www)");
        config.entrypoint = NULL;
        expect_description(&config, NULL);
}

static char *print_json(const ClientConfig *config) {
        char *text;
        size_t size;
        FILE *file = open_memstream(&text, &size);
        ClientJson json = JSON_INIT(file);

        assert_non_null(file);
        client_json_object_begin(&json, NULL);
        client_config_print_json(config, &json, "config");
        client_json_object_end(&json);
        assert_int_equal(fclose(file), 0);
        return text;
}

TEST(json_has_what_the_image_has) {
        const ClientConfig nothing = { 0 };
        const ClientConfig some = {
                .entrypoint = (char **) shell,
                .user = "a",
                .stop_signal = "9",
                .is_incomplete = true,
        };
        _cleanup_(freep) char *none = print_json(&nothing), *text = print_json(&some);

        assert_string_equal(none, "{\"config\":null}");
        assert_string_equal(
                text,
                "{\"config\":{\"entrypoint\":[\"/bin/sh\",\"-c\"],\"user\":\"a\",\"stop-signal\":\"9\","
                "\"incomplete\":true}}");
}

TEST(rows_are_for_what_the_image_has) {
        static const ClientTableColumn columns[] = { { "", .is_right = true }, { "" } };
        static char *const paths[] = { (char *) "/a", (char *) "/b\033[2J", NULL };
        static char *const ports[] = { (char *) "22/tcp", (char *) "80", NULL };
        const ClientConfig config = {
                .cmd = (char **) shell,
                .volumes = (char **) paths,
                .ports = (char **) ports,
                .working_dir = "/w",
                .is_incomplete = true,
        };
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        char *text;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        assert_int_equal(client_table_new(columns, N_ELEMENTS(columns), &table, NULL), 0);
        assert_int_equal(client_config_add_rows(&config, table, NULL), 0);
        client_table_print(table, false, file);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(
                text,
                "        Cmd: /bin/sh -c\n"
                "Working dir: /w\n"
                "    Volumes: /a\n"
                "             /b?[2J\n"
                "      Ports: 22/tcp 80\n"
                " Incomplete: long texts and lists are cut\n");
        free(text);
}
