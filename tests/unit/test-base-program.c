/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>

#include "base-cleanup.h"
#include "base-program.h"

static int set_up(void **state) {
        Scratch *scratch = calloc(1, sizeof(*scratch));

        scratch_init(scratch);
        scratch_mkdir(scratch, "first");
        scratch_mkdir(scratch, "second");
        *state = scratch;
        return 0;
}

static int tear_down(void **state) {
        Scratch *scratch = *state;

        assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
        scratch_done(scratch);
        free(scratch);
        return 0;
}

static void put(const Scratch *scratch, const char *name, mode_t mode) {
        scratch_write(scratch, name, "#!/bin/sh\n");
        assert_int_equal(chmod(scratch_at(scratch, name), mode), 0);
}

static void search(const Scratch *scratch) {
        char path[2 * SCRATCH_PATH_MAX];

        (void) snprintf(
                path, sizeof(path), ".::%s:%s", scratch_at(scratch, "first"),
                scratch_at(scratch, "second"));
        assert_int_equal(setenv("PATH", path, 1), 0);
}

static void check(const char *name, const char *want) {
        _cleanup_(freep) char *found = NULL;

        assert_int_equal(program_find(name, &found, NULL), 0);
        assert_string_equal(found, want);
}

static void check_missing(const char *name) {
        char *found = NULL;

        assert_int_equal(program_find(name, &found, NULL), -ENOENT);
        assert_null(found);
}

#define PROGRAM_TEST(name) TEST_WITH(name, set_up, tear_down)

PROGRAM_TEST(first_directory_that_has_it_decides) {
        const Scratch *scratch = *state;

        search(scratch);
        put(scratch, "second/program", 0755);
        check("program", scratch_at(scratch, "second/program"));
        put(scratch, "first/program", 0755);
        check("program", scratch_at(scratch, "first/program"));
}

PROGRAM_TEST(what_cannot_be_executed_is_passed_over) {
        const Scratch *scratch = *state;

        search(scratch);
        put(scratch, "first/program", 0644);
        check_missing("program");
        scratch_mkdir(scratch, "second/program");
        check_missing("program");
        check_missing("no-such-program");
}

PROGRAM_TEST(absolute_path_is_taken_as_it_is) {
        const Scratch *scratch = *state;

        put(scratch, "program", 0755);
        check(scratch_at(scratch, "program"), scratch_at(scratch, "program"));
        check_missing("/nonexistent/program");
}

PROGRAM_TEST(relative_directories_do_not_count) {
        const Scratch *scratch = *state;
        char before[SCRATCH_PATH_MAX];

        assert_non_null(getcwd(before, sizeof(before)));
        search(scratch);
        put(scratch, "program", 0755);
        assert_int_equal(chdir(scratch->path), 0);
        check_missing("program");
        assert_int_equal(chdir(before), 0);
}

PROGRAM_TEST(without_a_path_it_is_the_systems) {
        _cleanup_(freep) char *found = NULL;

        assert_int_equal(unsetenv("PATH"), 0);
        assert_int_equal(program_find("sh", &found, NULL), 0);
        assert_string_equal(strrchr(found, '/'), "/sh");
}
