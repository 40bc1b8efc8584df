/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "registries-route.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX

static Registries *configure(const char *text) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Registries *registries = registries_new();

        assert_non_null(registries);
        if (registries_add(registries, "test", text, strlen(text), &error) < 0)
                fail_msg("%s: %s", text, error_text(&error));
        return registries;
}

/* All endpoints, in order, with their properties: "REFERENCE[ insecure][ own]". */
static void route_is(const char *text, const char *image, bool is_insecure, const char *expected) {
        _cleanup_(registries_freep) Registries *registries = configure(text);
        _cleanup_(freep) RegistriesRoute *route = NULL;
        char found[4096] = "";
        Reference reference;

        assert_int_equal(reference_parse(image, &reference, NULL), 0);
        assert_int_equal(registries_route(registries, &reference, is_insecure, &route, NULL), 0);
        for (size_t i = 0; i < route->n; i++) {
                strcat(strcat(found, i > 0 ? ", " : ""), route->endpoints[i].reference);
                strcat(found, route->endpoints[i].is_insecure ? " insecure" : "");
                strcat(found, route->endpoints[i].is_own ? " own" : "");
        }
        assert_string_equal(found, expected);
}

TEST(image_without_a_registry_in_the_files_is_where_its_name_says) {
        route_is("", "debian:12", false, "docker.io/library/debian:12 own");
        route_is("", "a.b/c", true, "a.b/c:latest insecure own");
        route_is(
                "[[registry]]\nprefix = 'x.y'\nlocation = 'z.y'", "a.b/c", false,
                "a.b/c:latest own");
}

/* Whether an entry for the prefix applies to the image. */
static void prefix_applies(const char *prefix, const char *image, bool expected) {
        _cleanup_(registries_freep) Registries *registries = NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        RegistriesRoute *route = NULL;
        Reference reference;
        char text[512];
        int r;

        (void) snprintf(
                text, sizeof(text), "[[registry]]\nprefix = '%s'\nblocked = true\n", prefix);
        registries = configure(text);
        assert_int_equal(reference_parse(image, &reference, NULL), 0);
        r = registries_route(registries, &reference, false, &route, &error);
        if ((r == -EACCES) != expected)
                fail_msg("%s of %s", prefix, image);
        if (expected) {
                assert_int_equal(error.kind, ERROR_ACCESS_DENIED);
                assert_non_null(strstr(error.message, " is blocked: see the prefix "));
                assert_non_null(strstr(error.message, " in test, line 1"));
        } else
                assert_int_equal(r, 0);
        free(route);
}

TEST(prefix_ends_where_a_part_of_the_reference_begins) {
        static const struct {
                const char *prefix, *image;
                bool applies;
        } cases[] = {
                { "a.b", "a.b/c", true },
                { "a.b/", "a.b/c", true },
                { "a.b", "A.B/c", true },
                { "A.b", "a.b/c", true },
                { "a.b", "a.bc/c", false },
                { "a.b", "x.a.b/c", false },
                { "a.b", "a.b:5000/c", false },
                { "a.b:5000", "a.b:5000/c", true },
                { "a.b:500", "a.b:5000/c", false },
                { "a.b", "a.b:443/c", true },
                { "a.b/c", "A.b:443/c", true },
                { "a.b:443", "a.b/c", true },
                { "A.b:443/c", "a.b:443/c", true },
                { "a.b", "a.b:4430/c", false },
                { "a.b:5000", "a.b/c", false },
                { "[::1]:5000", "[::1]:5000/c", true },
                { "a.b/c", "a.b/c", true },
                { "a.b/c", "a.b/c:1", true },
                { "a.b/c", "a.b/c@" DIGEST, true },
                { "a.b/c", "a.b/c/d", true },
                { "a.b/c", "a.b/cd", false },
                { "a.b/c", "a.b/c-d", false },
                { "a.b/c:1", "a.b/c:1", true },
                { "a.b/c:1", "a.b/c:1.2", false },
                { "a.b/c:1", "a.b/c", false },
                { "a.b/c:latest", "a.b/c", true },
                { "a.b/c:1", "a.b/c:1@" DIGEST, true },
                { "a.b/c@" DIGEST, "a.b/c@" DIGEST, true },
                { "a.b/c@" DIGEST, "a.b/c:1@" DIGEST, true },
                { "a.b/c@" DIGEST, "a.b/c:1", false },
                { "docker.io", "debian", true },
                { "docker.io/library", "debian", true },
                { "docker.io/library/debian", "index.docker.io/debian", true },
                { "docker.io", "registry-1.docker.io/library/debian", true },
                { "docker.io", "INDEX.docker.io:443/debian", true },
                { "registry-1.docker.io", "debian", true },
                { "docker.io/debian", "debian", false },
                { "*.b.c", "a.b.c/d", true },
                { "*.b.c", "x.a.B.C/d", true },
                { "*.b.c", "a.b.c:5000/d", true },
                { "*.b.c", "b.c/d", false },
                { "*.b.c", "ab.c/d", false },
                { "*.b.c", "a.b.c.d/e", false },
                { "*.b.c", "x.y/a.b.c/d", false },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                prefix_applies(cases[i].prefix, cases[i].image, cases[i].applies);
}

TEST(longest_prefix_wins) {
        static const char text[] =
                "[[registry]]\nprefix = 'a.b'\nlocation = 'one.x'\n"
                "[[registry]]\nprefix = 'a.b/c/d'\nlocation = 'three.x'\n"
                "[[registry]]\nprefix = 'a.b/c'\nlocation = 'two.x'\n"
                "[[registry]]\nprefix = 'a.b/c:1'\nlocation = 'tag.x/y'\n"
                "[[registry]]\nprefix = '*.b'\nlocation = 'any.x'\n"
                "[[registry]]\nprefix = '*.longer.b'\nlocation = 'sub.x'\n";
        static const char *const cases[][2] = {
                { "a.b/e", "one.x/e:latest" },
                { "a.b/c/e", "two.x/e:latest" },
                { "a.b/c/d/e", "three.x/e:latest" },
                { "a.b/c:1", "tag.x/y:1" },
                { "c.b/e:1@" DIGEST, "any.x/e:1@" DIGEST },
                { "a.longer.b:77/e", "sub.x/e:latest" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                route_is(text, cases[i][0], false, cases[i][1]);
}

TEST(spelling_of_a_host_does_not_choose_the_prefix) {
        static const char text[] =
                "[[registry]]\nprefix = 'a.b:443'\nlocation = 'port.x'\n"
                "[[registry]]\nprefix = 'a.b'\nlocation = 'short.x/e'\n"
                "[[registry]]\nprefix = 'a.b/team'\nlocation = 'team.x'\n";

        route_is(text, "a.b/c", false, "short.x/e/c:latest");
        route_is(text, "A.b:443/c", false, "short.x/e/c:latest");
        route_is(text, "a.b:443/team/c", false, "team.x/c:latest");
        route_is(
                "[[registry]]\nprefix = 'a.b'\n[[registry.mirror]]\nlocation = 'm.x'", "a.b:443/c",
                false, "m.x/c:latest, a.b:443/c:latest own");
}

/* "*.b" is as long as "a.b". */
TEST(whole_host_wins_over_a_domain) {
        static const char before[] =
                "[[registry]]\nprefix = '*.b.c'\nlocation = 'any.x'\n"
                "[[registry]]\nprefix = 'a.b.c'\nlocation = 'one.x'\n";
        static const char behind[] =
                "[[registry]]\nprefix = 'a.b.c'\nlocation = 'one.x'\n"
                "[[registry]]\nprefix = '*.b.c'\nlocation = 'any.x'\n";

        route_is(before, "a.b.c/e", false, "one.x/e:latest");
        route_is(behind, "a.b.c/e", false, "one.x/e:latest");
}

TEST(mirrors_come_in_order_and_the_registry_last) {
        static const char text[] =
                "[[registry]]\nprefix = 'a.b/team'\nlocation = 'c.d'\n"
                "[[registry.mirror]]\nlocation = 'm1.x/path/to'\n"
                "[[registry.mirror]]\nlocation = 'localhost:5000'\ninsecure = true\n"
                "[[registry.mirror]]\nlocation = 'a.b/mirrored'\n";

        route_is(
                text, "a.b/team/c:1", false,
                "m1.x/path/to/c:1, localhost:5000/c:1 insecure, a.b/mirrored/c:1 own, c.d/c:1");
        route_is(
                text, "a.b/team/c:1", true,
                "m1.x/path/to/c:1, localhost:5000/c:1 insecure, a.b/mirrored/c:1 own, "
                "c.d/c:1 insecure");
        route_is(
                text, "a.b/team/c:1@" DIGEST, false,
                "m1.x/path/to/c:1@" DIGEST ", localhost:5000/c:1@" DIGEST
                " insecure, a.b/mirrored/c:1@" DIGEST " own, c.d/c:1@" DIGEST);
}

TEST(registry_may_be_insecure) {
        route_is(
                "[[registry]]\nlocation = 'a.b'\ninsecure = true\n[[registry.mirror]]\n"
                "location = 'c.d'",
                "a.b/e", false, "c.d/e:latest, a.b/e:latest insecure own");
}

TEST(mirror_may_be_for_digests_or_for_tags) {
        static const char text[] =
                "[[registry]]\nlocation = 'a.b'\n"
                "[[registry.mirror]]\nlocation = 'all.x'\npull-from-mirror = 'all'\n"
                "[[registry.mirror]]\nlocation = 'digest.x'\npull-from-mirror = 'digest-only'\n"
                "[[registry.mirror]]\nlocation = 'tag.x'\npull-from-mirror = 'tag-only'\n";
        static const char by_digest[] =
                "[[registry]]\nlocation = 'a.b'\nmirror-by-digest-only = true\n"
                "[[registry.mirror]]\nlocation = 'm.x'\n";

        route_is(text, "a.b/c:1", false, "all.x/c:1, tag.x/c:1, a.b/c:1 own");
        route_is(
                text, "a.b/c@" DIGEST, false,
                "all.x/c@" DIGEST ", digest.x/c@" DIGEST ", a.b/c@" DIGEST " own");
        route_is(
                text, "a.b/c:1@" DIGEST, false,
                "all.x/c:1@" DIGEST ", digest.x/c:1@" DIGEST ", a.b/c:1@" DIGEST " own");
        route_is(by_digest, "a.b/c:1", false, "a.b/c:1 own");
        route_is(by_digest, "a.b/c@" DIGEST, false, "m.x/c@" DIGEST ", a.b/c@" DIGEST " own");
}

TEST(domain_keeps_the_name_unless_it_has_a_location) {
        route_is(
                "[[registry]]\nprefix = '*.b'\n[[registry.mirror]]\nlocation = 'm.x/n'", "a.b:5/c",
                false, "m.x/n/c:latest, a.b:5/c:latest own");
        route_is(
                "[[registry]]\nprefix = '*.b'\nlocation = 'c.d/e'", "a.b:5/c", false,
                "c.d/e/c:latest");
}

TEST(mirror_of_docker_hub_gets_its_library) {
        route_is(
                "[[registry]]\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = 'm.x:5000'",
                "debian:12", false, "m.x:5000/library/debian:12, docker.io/library/debian:12 own");
}

TEST(location_that_makes_a_reference_too_long_is_an_error) {
        _cleanup_(registries_freep) Registries *registries = NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char text[1024], image[512] = "a.b/";
        RegistriesRoute *route = NULL;
        Reference reference;

        memset(image + strlen(image), 'x', 200);
        (void) snprintf(
                text, sizeof(text), "[[registry]]\nprefix = 'a.b'\nlocation = 'c.d/%s'", image + 4);
        registries = configure(text);
        assert_int_equal(reference_parse(image, &reference, NULL), 0);
        assert_int_equal(registries_route(registries, &reference, false, &route, &error), -EINVAL);
        assert_int_equal(error.kind, ERROR_INVALID_REFERENCE);
        assert_non_null(
                strstr(error.message, "cannot be fetched from the location in test, line 1"));
        assert_null(route);
}
