/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry-link.h"

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

TEST(next_page_is_found) {
        static const struct {
                const char *header, *target;
        } cases[] = {
                { "</v2/a/tags/list?n=2&last=b>; rel=\"next\"", "/v2/a/tags/list?n=2&last=b" },
                { "<https://h/x>;rel=next", "https://h/x" },
                { " <x> ; Title=\"a, <b>; rel=prev\" ; REL=\"prev  NEXT\"", "x" },
                { "<p>; rel=prev, <n>; rel=next, <l>; rel=last", "n" },
                { "<x>", "x" },
                { "<x>; crossorigin", "x" },
        };
        char target[REGISTRY_LINK_MAX];

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                assert_int_equal(registry_link_next(cases[i].header, target), 1);
                assert_string_equal(target, cases[i].target);
        }
}

TEST(other_relations_are_no_next_page) {
        static const char *const headers[] = {
                "",
                "  ",
                "<p>; rel=prev",
                "<p>; rel=\"nexto anext\"",
                "<p>; rel=\"\"",
                "<p>; rel=nex",
        };
        char target[REGISTRY_LINK_MAX];

        for (size_t i = 0; i < N_ELEMENTS(headers); i++) {
                assert_int_equal(registry_link_next(headers[i], target), 0);
                assert_string_equal(target, "");
        }
}

TEST(header_that_breaks_the_grammar_is_refused) {
        static const char *const headers[] = {
                "x",
                "<x",
                "<>; rel=next",
                "<x>; rel=\"next",
                "<x> y; rel=next",
                "<x>; rel=\"a\\\"b\"",
        };
        char target[REGISTRY_LINK_MAX];

        for (size_t i = 0; i < N_ELEMENTS(headers); i++) {
                assert_int_equal(registry_link_next(headers[i], target), -EINVAL);
                assert_string_equal(target, "");
        }
}

TEST(long_target_is_refused) {
        char header[REGISTRY_LINK_MAX + 32], target[REGISTRY_LINK_MAX];

        (void) snprintf(header, sizeof(header), "<%0*d>", (int) REGISTRY_LINK_MAX, 0);
        assert_int_equal(registry_link_next(header, target), -E2BIG);
        (void) snprintf(header, sizeof(header), "<%0*d>", (int) REGISTRY_LINK_MAX - 1, 0);
        assert_int_equal(registry_link_next(header, target), 1);
        assert_int_equal(strlen(target), REGISTRY_LINK_MAX - 1);
}
