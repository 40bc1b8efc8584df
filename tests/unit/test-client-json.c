/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "client-event.h"
#include "client-json.h"

typedef struct Output {
        FILE *file;
        char *text;
        size_t size;
} Output;

static void output_open(Output *output) {
        output->file = open_memstream(&output->text, &output->size);
        assert_non_null(output->file);
}

static void output_expect(Output *output, const char *expected) {
        assert_int_equal(fclose(output->file), 0);
        assert_string_equal(output->text, expected);
        free(output->text);
}

/* The events, without the times at which they were printed. */
static void output_expect_events(Output *output, const char *expected) {
        static const char key[] = ",\"time\":";
        char *time;

        assert_int_equal(fflush(output->file), 0);
        for (char *text = output->text; (time = strstr(text, key)) != NULL; text = time) {
                const char *end = time + strlen(key) + strspn(time + strlen(key), "0123456789");

                assert_true(end > time + strlen(key));
                memmove(time, end, strlen(end) + 1);
        }
        assert_string_equal(output->text, expected);
        assert_int_equal(fclose(output->file), 0);
        free(output->text);
}

static void expect_text(const char *value, const char *expected) {
        Output output;

        output_open(&output);
        client_json_string(&JSON_INIT(output.file), NULL, value);
        output_expect(&output, expected);
}

TEST(strings_are_escaped) {
        expect_text("", "\"\"");
        expect_text("plain / text", "\"plain / text\"");
        expect_text("\"quoted\" \\", "\"\\\"quoted\\\" \\\\\"");
        expect_text("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
        expect_text("\001\033\x1f\x7f", "\"\\u0001\\u001b\\u001f\\u007f\"");
        expect_text("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\"\\u0080\\u009b\\u009f\xc2\xa0\"");
        expect_text("böse € 😀", "\"böse € 😀\"");
        expect_text("\xff \xc3", "\"\\ufffd \\ufffd\"");
        expect_text(NULL, "null");
}

TEST(containers_nest_with_commas_where_they_belong) {
        Output output;

        output_open(&output);
        ClientJson json = JSON_INIT(output.file);

        client_json_object_begin(&json, NULL);
        client_json_array_begin(&json, "empty");
        client_json_array_end(&json);
        client_json_array_begin(&json, "list");
        client_json_object_begin(&json, NULL);
        client_json_bool(&json, "yes", true);
        client_json_bool(&json, "no", false);
        client_json_object_end(&json);
        client_json_uint(&json, NULL, UINT64_MAX);
        client_json_null(&json, NULL);
        client_json_array_end(&json);
        client_json_string(&json, "\"key\"", "value");
        client_json_object_end(&json);
        client_json_finish(&json);
        client_json_object_begin(&json, NULL);
        client_json_object_end(&json);
        client_json_finish(&json);

        output_expect(
                &output,
                "{\"empty\":[],\"list\":[{\"yes\":true,\"no\":false},18446744073709551615,null],"
                "\"\\\"key\\\"\":\"value\"}\n{}\n");
}

TEST(fraction_is_a_number_whatever_comes) {
        static const struct {
                double value;
                const char *text;
        } fractions[] = {
                { 0, "0.000000" },         { 0.5, "0.500000" },      { 1, "1.000000" },
                { 0.9999999, "1.000000" }, { -1, "0.000000" },       { 2, "1.000000" },
                { NAN, "0.000000" },       { INFINITY, "1.000000" },
        };

        for (size_t i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++) {
                Output output;

                output_open(&output);
                client_json_fraction(&JSON_INIT(output.file), NULL, fractions[i].value);
                output_expect(&output, fractions[i].text);
        }
}

TEST(events_are_one_line_each) {
        _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;
        Output output;

        assert_int_equal(client_outcome_set(&outcome, "failed", "a.b.Error", "It \"failed\""), 0);
        output_open(&output);
        client_event_write_job(
                output.file, &(ClientJobHeader){ "7", "/job/7", "docker://alpine", "/srv/alpine" });
        client_event_write_progress(
                output.file, "7", &(ClientProgress){ "download", 1, 2, 0.25 }, NULL);
        client_event_write_message(output.file, "7", 4, "two\nlines");
        client_event_write_finished(output.file, "7", &outcome, NULL);
        output_expect_events(
                &output,
                "{\"event\":\"job\",\"version\":1,\"id\":\"7\",\"path\":\"/job/7\",\"source\":\"docker://alpine\","
                "\"destination\":\"/srv/alpine\"}\n"
                "{\"event\":\"progress\",\"job\":\"7\",\"phase\":\"download\",\"done\":1,\"total\":2,"
                "\"fraction\":0.250000,\"speed\":null,\"left\":null,\"start-time\":null,"
                "\"platform\":null,\"layers\":null}\n"
                "{\"event\":\"message\",\"job\":\"7\",\"priority\":4,\"text\":\"two\\nlines\"}\n"
                "{\"event\":\"finished\",\"version\":1,\"job\":\"7\",\"result\":\"failed\",\"error\":\"a.b.Error\","
                "\"message\":\"It \\\"failed\\\"\",\"digest\":null,\"platform\":null,\"disk\":null,\"layers\":null,"
                "\"files\":null,\"downloaded\":null,\"queued-time\":null,\"start-time\":null,"
                "\"end-time\":null,\"elapsed\":null}\n");
}

TEST(success_tells_what_was_made) {
        _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;
        ClientLayer layer = { (char *) "sha256:aa", true, LAYER_UNPACKED, 5, 5 };
        const ClientDetails details = {
                .platform = (char *) "linux/arm64",
                .digest = (char *) "sha256:00",
                .disk = (char *) "/srv/vm/layer-0.qcow2",
                .layers = &layer,
                .n_layers = 1,
                .speed = 3,
                .files = 12,
                .queued_usec = 1,
                .start_usec = 1000000,
                .end_usec = 7500000,
        };
        Output output;

        assert_int_equal(client_outcome_set(&outcome, "done", "", ""), 0);
        output_open(&output);
        client_event_write_progress(
                output.file, "7", &(ClientProgress){ "download", 1, 8, 0.25 }, &details);
        client_event_write_finished(output.file, "7", &outcome, &details);
        output_expect_events(
                &output,
                "{\"event\":\"progress\",\"job\":\"7\",\"phase\":\"download\",\"done\":1,\"total\":8,"
                "\"fraction\":0.250000,\"speed\":3,\"left\":3,\"start-time\":1000000,"
                "\"platform\":\"linux/arm64\",\"layers\":[{\"digest\":\"sha256:aa\",\"cached\":true,"
                "\"state\":\"unpacked\",\"done\":5,\"size\":5}]}\n"
                "{\"event\":\"finished\",\"version\":1,\"job\":\"7\",\"result\":\"done\",\"error\":null,"
                "\"message\":null,\"digest\":\"sha256:00\",\"platform\":\"linux/arm64\","
                "\"disk\":\"/srv/vm/layer-0.qcow2\",\"layers\":[{\"digest\":\"sha256:aa\","
                "\"cached\":true,\"state\":\"unpacked\",\"done\":5,\"size\":5}],\"files\":12,"
                "\"downloaded\":0,\"queued-time\":1,\"start-time\":1000000,\"end-time\":7500000,"
                "\"elapsed\":6.500000}\n");
}

TEST(without_a_job_it_is_unknown_what_was_downloaded) {
        const ClientDetails details = DETAILS_NULL;
        const ClientOutcome outcome = { .result = (char *) "failed" };
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        assert_non_null(file);
        client_event_write_finished(file, NULL, &outcome, &details);
        assert_int_equal(fclose(file), 0);
        assert_non_null(strstr(text, "\"downloaded\":null,"));
        free(text);
}
