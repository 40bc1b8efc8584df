/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "client-cache.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void check(const char *reference, const char *expected) {
        char name[CACHE_NAME_MAX];

        assert_string_equal(client_cache_short_name(reference, name), expected);
}

TEST(name_is_as_short_as_it_may_be) {
        check("docker.io/library/debian:12", "debian:12");
        check("docker.io/library/debian:latest", "debian:latest");
        check("docker.io/bitnami/redis:7", "bitnami/redis:7");
        check("quay.io/centos/centos:stream9", "quay.io/centos/centos:stream9");
        check("127.0.0.1:5000/library/debian:12", "127.0.0.1:5000/library/debian:12");
}

TEST(name_stays_long_where_a_short_one_would_mean_something_else) {
        check("docker.io/library/a/b:1", "library/a/b:1");
        check("docker.io/local.host/b:1", "docker.io/local.host/b:1");
        check("docker.io/localhost/b:1", "docker.io/localhost/b:1");
}

TEST(digest_in_a_name_is_cut) {
        check("docker.io/library/debian@sha256:" HEX, "debian@0123456789ab…");
        check("docker.io/library/debian:12@sha256:" HEX, "debian:12@0123456789ab…");
}

TEST(time_is_told_to_the_minute_or_the_day) {
        char text[CACHE_TIME_MAX];

        assert_string_equal(client_cache_format_time(0, text), "-");
        assert_int_equal(strlen(client_cache_format_time(UINT64_C(1000000000000000), text)), 16);
        assert_int_equal(strlen(client_cache_format_date(UINT64_C(1000000000000000), text)), 10);
}
