/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "registry-trace.h"

static void on_line(void *userdata, const char *text) {
        (void) snprintf(userdata, REGISTRY_TRACE_MAX + 1, "%s", text);
}

static void check(
        const RegistryTraceRequest *request,
        const RegistryResponse *response,
        const char *expected) {
        char line[REGISTRY_TRACE_MAX + 1] = "";
        const RegistryTrace trace = { .on_line = on_line, .userdata = line };

        registry_trace_request(&trace, request, response);
        assert_string_equal(line, expected);
}

TEST(request_is_one_line) {
        const RegistryResponse found = { .status = 200 };

        check(&(RegistryTraceRequest){ .url = "https://r.example/v2/", .usec = 12345 }, &found,
              "GET https://r.example/v2/ (no login): 200, 12 ms");
        check(
                &(RegistryTraceRequest){
                        .url = "http://r.example:5000/v2/a/manifests/b",
                        .is_mirror = true,
                        .has_login = true,
                        .scheme = REGISTRY_SCHEME_BEARER,
                },
                &found, "GET http://r.example:5000/v2/a/manifests/b (mirror, Bearer): 200, 0 ms");
        check(
                &(RegistryTraceRequest){
                        .url = "https://r.example/a",
                        .is_form = true,
                        .has_login = true,
                        .scheme = REGISTRY_SCHEME_BASIC,
                },
                &found, "POST https://r.example/a (Basic): 200, 0 ms");
        check(&(RegistryTraceRequest){ .url = "https://r.example" }, &found,
              "GET https://r.example (no login): 200, 0 ms");
}

TEST(secrets_of_a_url_are_left_out) {
        const RegistryResponse found = { .status = 200 }, moved = { .status = 307 };

        check(
                &(RegistryTraceRequest){
                        .url = "https://user:secret@r.example/a?token=secret#secret" },
                &found, "GET https://r.example/a (no login): 200, 0 ms");
        check(&(RegistryTraceRequest){ .url = "https://r.example?token=secret" }, &found,
              "GET https://r.example (no login): 200, 0 ms");
        check(&(RegistryTraceRequest){ .url = "https://r.example?a=/secret" }, &found,
              "GET https://r.example (no login): 200, 0 ms");
        check(
                &(RegistryTraceRequest){
                        .url = "https://r.example/a",
                        .next = "https://u:secret@cdn.example:8443/secret?sig=secret",
                },
                &moved, "GET https://r.example/a (no login): 307 to cdn.example:8443, 0 ms");
        check(
                &(RegistryTraceRequest){
                        .url = "https://cdn.example:8443/secret?sig=secret",
                        .is_foreign = true,
                },
                &found, "GET https://cdn.example:8443/… (no login): 200, 0 ms");
}

TEST(failure_and_challenge_are_told) {
        RegistryResponse wanted = { .status = 401 };

        assert_int_equal(
                registry_challenges_add(&wanted.challenges, "Bearer realm=\"https://a/\""), 0);
        check(&(RegistryTraceRequest){ .url = "https://r.example/a" }, &wanted,
              "GET https://r.example/a (no login): 401, wants Bearer, 0 ms");
        check(&(RegistryTraceRequest){ .url = "https://r.example/a" },
              &(RegistryResponse){ .failure = REGISTRY_FAILURE_UNREACHABLE },
              "GET https://r.example/a (no login): cannot be reached, 0 ms");
        check(&(RegistryTraceRequest){ .url = "https://r.example/a" },
              &(RegistryResponse){ .failure = REGISTRY_FAILURE_BROKEN, .status = 200 },
              "GET https://r.example/a (no login): 200, the connection broke, 0 ms");
}

TEST(line_has_a_ceiling_and_nobody_need_listen) {
        char url[3 * REGISTRY_TRACE_MAX] = "https://r.example/", line[REGISTRY_TRACE_MAX + 1] = "";
        const RegistryTrace trace = { .on_line = on_line, .userdata = line }, nobody = { 0 };
        const RegistryTraceRequest request = { .url = url };
        const RegistryResponse found = { .status = 200 };

        memset(url + strlen(url), 'x', sizeof(url) - strlen(url) - 1);
        url[sizeof(url) - 1] = '\0';
        registry_trace_request(&trace, &request, &found);
        assert_int_equal(strlen(line), REGISTRY_TRACE_MAX - 1);
        registry_trace_request(&nobody, &request, &found);
        registry_trace_request(NULL, &request, &found);
}
