/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unpack-brought.h"

static int make_scratch(void *userdata, Error *error) {
        unsigned *n = userdata;

        (*n)++;
        return memfd_create("test", MFD_CLOEXEC);
}

static void only_what_was_added_is_there(void **state) {
        _cleanup_(unpack_brought_freep) UnpackBrought *brought = NULL;
        unsigned n = 0;

        assert_int_equal(unpack_brought_new(make_scratch, &n, &brought, NULL), 0);
        assert_int_equal(unpack_brought_has(brought, 1, "a", NULL), 0);
        assert_int_equal(unpack_brought_add(brought, 1, "a", NULL), 0);
        assert_int_equal(unpack_brought_add(brought, 1, "a", NULL), 0);
        assert_int_equal(
                unpack_brought_add(brought, 1, "a long name, of more than eight bytes", NULL), 0);
        assert_int_equal(unpack_brought_has(brought, 1, "a", NULL), 1);
        assert_int_equal(unpack_brought_has(brought, 2, "a", NULL), 0);
        assert_int_equal(unpack_brought_has(brought, 1, "b", NULL), 0);
        assert_int_equal(unpack_brought_has(brought, 1, "", NULL), 0);
        assert_int_equal(
                unpack_brought_has(brought, 1, "a long name, of more than eight bytes", NULL), 1);
        assert_int_equal(
                unpack_brought_has(brought, 1, "a long name, of more than eight bytez", NULL), 0);
        unpack_brought_clear(brought);
        assert_int_equal(unpack_brought_has(brought, 1, "a", NULL), 0);
        assert_int_equal(n, 0);
}

static void millions_of_names_go_to_a_file_and_are_found_there(void **state) {
        _cleanup_(unpack_brought_freep) UnpackBrought *brought = NULL;
        const unsigned total = 3000000;
        unsigned n = 0;
        char name[32];

        assert_int_equal(unpack_brought_new(make_scratch, &n, &brought, NULL), 0);
        for (unsigned i = 0; i < total; i++) {
                (void) snprintf(name, sizeof(name), "%u", i);
                assert_int_equal(unpack_brought_add(brought, i / 1000, name, NULL), 0);
        }
        assert_int_equal(n, 1);

        for (unsigned i = 0; i < total; i += 37) {
                (void) snprintf(name, sizeof(name), "%u", i);
                assert_int_equal(unpack_brought_has(brought, i / 1000, name, NULL), 1);
                assert_int_equal(unpack_brought_has(brought, i / 1000 + total, name, NULL), 0);
        }

        unpack_brought_clear(brought);
        assert_int_equal(unpack_brought_has(brought, 0, "0", NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(only_what_was_added_is_there),
                CASE(millions_of_names_go_to_a_file_and_are_found_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
