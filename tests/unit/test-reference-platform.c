/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "reference-platform.h"

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

TEST(names_are_normalised) {
        static const char *const cases[][2] = {
                { "linux/amd64", "linux/amd64" },       { "linux/x86_64", "linux/amd64" },
                { "Linux/X86-64", "linux/amd64" },      { "linux/i386", "linux/386" },
                { "linux/i686", "linux/386" },          { "linux/aarch64", "linux/arm64" },
                { "linux/arm64/v8", "linux/arm64/v8" }, { "linux/arm64/8", "linux/arm64/v8" },
                { "linux/armhf", "linux/arm/v7" },      { "linux/armhf/v6", "linux/arm/v6" },
                { "linux/armel", "linux/arm/v6" },      { "linux/armv7l", "linux/arm/v7" },
                { "linux/arm/7", "linux/arm/v7" },      { "linux/arm", "linux/arm" },
                { "linux/ppc64el", "linux/ppc64le" },   { "linux/s390x", "linux/s390x" },
                { "linux/riscv64", "linux/riscv64" },   { "windows/amd64", "windows/amd64" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                char text[PLATFORM_STRING_MAX];
                ReferencePlatform platform;

                assert_int_equal(reference_platform_parse(cases[i][0], &platform, NULL), 0);
                assert_string_equal(reference_platform_format(&platform, text), cases[i][1]);
        }
}

TEST(malformed_platform_is_named) {
        static const char *const texts[] = {
                "",
                "linux",
                "linux/",
                "/amd64",
                "linux//v7",
                "linux/arm/",
                "linux/arm/v7/x",
                "lin ux/arm",
                "linux/a,b",
                "linux/\xc3\xa9",
                "linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                ReferencePlatform platform = { .os = "before" };

                assert_int_equal(reference_platform_parse(texts[i], &platform, &error), -EINVAL);
                assert_int_equal(error.kind, ERROR_INVALID_OPTION);
                assert_non_null(strstr(error_text(&error), "OS/ARCH"));
                assert_string_equal(platform.os, "before");
        }
}

TEST(longest_platform_fits) {
        static const char text[] =
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/"
                "ccccccccccccccccccccccccccccccc";
        char formatted[PLATFORM_STRING_MAX];
        ReferencePlatform platform;

        assert_int_equal(sizeof(text), PLATFORM_STRING_MAX);
        assert_int_equal(reference_platform_parse(text, &platform, NULL), 0);
        assert_string_equal(reference_platform_format(&platform, formatted), text);
}

TEST(rank_follows_the_fallback_of_variants) {
        static const struct {
                const char *wanted;
                const char *offered;
                int rank;
        } cases[] = {
                { "linux/amd64", "linux/amd64", 1 },
                { "linux/amd64", "linux/amd64/v1", 0 },
                { "linux/amd64", "linux/amd64/v2", -1 },
                { "linux/amd64/v3", "linux/amd64/v3", 0 },
                { "linux/amd64/v3", "linux/amd64/v2", 1 },
                { "linux/amd64/v3", "linux/amd64/v4", -1 },
                { "linux/amd64", "windows/amd64", -1 },
                { "linux/amd64", "linux/arm64", -1 },
                { "linux/arm/v8", "linux/arm/v8", 0 },
                { "linux/arm/v8", "linux/arm/v7", 1 },
                { "linux/arm/v8", "linux/arm/v6", 2 },
                { "linux/arm/v8", "linux/arm/v5", 3 },
                { "linux/arm/v8", "linux/arm", 4 },
                { "linux/arm", "linux/arm/v8", -1 },
                { "linux/arm", "linux/arm/v7", 0 },
                { "linux/arm", "linux/arm/v6", 1 },
                { "linux/arm", "linux/arm", 3 },
                { "linux/arm/v5", "linux/arm/v6", -1 },
                { "linux/arm/v5", "linux/arm/v5", 0 },
                { "linux/arm/v5", "linux/arm", 1 },
                { "linux/arm64", "linux/arm64/v8", 0 },
                { "linux/arm64", "linux/arm64", 1 },
                { "linux/arm64/v8", "linux/arm64", 1 },
                { "linux/arm64", "linux/arm64/v9", -1 },
                { "linux/arm64/v9", "linux/arm64/v9", 0 },
                { "linux/arm64/v9", "linux/arm64/v8", 1 },
                { "linux/arm64/v9", "linux/arm64", 2 },
                { "linux/arm64", "linux/arm/v8", -1 },
                { "linux/mips64le", "linux/mips64le", 0 },
                { "linux/mips64le/hardfloat", "linux/mips64le", 1 },
                { "linux/mips64le/hardfloat", "linux/mips64le/hardfloat", 0 },
                { "linux/mips64le", "linux/mips64le/hardfloat", -1 },
                { "linux/amd64/v9", "linux/amd64", 1 },
                { "unknown/unknown", "unknown/unknown", -1 },
                { "unknown/amd64", "unknown/amd64", -1 },
                { "linux/unknown", "linux/unknown", -1 },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                ReferencePlatform wanted, offered;

                assert_int_equal(reference_platform_parse(cases[i].wanted, &wanted, NULL), 0);
                assert_int_equal(reference_platform_parse(cases[i].offered, &offered, NULL), 0);
                if (reference_platform_rank(&wanted, &offered) != cases[i].rank)
                        fail_msg(
                                "%s for %s: %d", cases[i].offered, cases[i].wanted,
                                reference_platform_rank(&wanted, &offered));
        }
}

TEST(host_is_a_linux_platform_that_runs_its_own_images) {
        char text[PLATFORM_STRING_MAX];
        ReferencePlatform host, parsed;

        assert_int_equal(reference_platform_host(&host, NULL), 0);
        assert_string_equal(host.os, "linux");
        assert_string_not_equal(host.architecture, "x86_64");
        assert_string_not_equal(host.architecture, "aarch64");
        assert_int_equal(
                reference_platform_parse(reference_platform_format(&host, text), &parsed, NULL), 0);
        assert_memory_equal(&parsed, &host, sizeof(host));
        assert_true(reference_platform_rank(&host, &host) >= 0);
}
