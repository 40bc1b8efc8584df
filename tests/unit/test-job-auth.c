/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>

#include "job-auth.h"

typedef struct Fixture {
        Scratch scratch;
        Config config;
        JobSpec *spec;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        scratch_write(&f->scratch, "auth.json", "{}");
        f->config = (Config) CONFIG_DEFAULT;
        stpcpy(f->config.auth_file, scratch_at(&f->scratch, "auth.json"));
        f->config.has_auth_file = true;
        f->spec = job_spec_new();
        f->spec->owner = geteuid();
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        job_spec_free(f->spec);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

#define AUTH_TEST(name) TEST_WITH(name, set_up, tear_down)

/* Whether the job gets the file. */
static bool gets(const Fixture *f) {
        int fd = -EBADF, r = job_auth_open(&f->config, f->spec, &fd, NULL);

        assert_true(r == 0 || r == 1);
        assert_int_equal(r, fd >= 0);
        if (fd >= 0)
                close(fd);
        return r > 0;
}

AUTH_TEST(root_and_the_daemons_user_get_the_file) {
        Fixture *f = *state;

        assert_true(gets(f));
        f->spec->owner = 0;
        assert_true(gets(f));
}

AUTH_TEST(another_user_does_not_get_it) {
        Fixture *f = *state;

        f->spec->owner = geteuid() + 4711;
        assert_false(gets(f));
        f->spec->owner = (uid_t) -1;
        assert_false(gets(f));
        job_spec_free(f->spec);
        f->spec = job_spec_new();
        assert_false(gets(f));
}

AUTH_TEST(job_with_credentials_of_its_own_does_not_get_it) {
        Fixture *f = *state;

        f->spec->username = strdup("me");
        assert_false(gets(f));
        free(f->spec->username);
        f->spec->username = NULL;
        f->spec->auth_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_false(gets(f));
}

AUTH_TEST(job_without_a_registry_does_not_get_it) {
        Fixture *f = *state;

        f->spec->source_kind = JOB_SOURCE_FILES;
        assert_false(gets(f));
}

AUTH_TEST(default_may_be_missing_and_another_may_not) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Fixture *f = *state;
        int fd = -EBADF;
        char want[256];

        stpcpy(f->config.auth_file, scratch_at(&f->scratch, "none"));
        (void) snprintf(
                want, sizeof(want),
                "Cannot open the credentials file %s of AuthFile=: No such file or directory",
                f->config.auth_file);
        assert_int_equal(job_auth_open(&f->config, f->spec, &fd, &error), -ENOENT);
        assert_string_equal(error_text(&error), want);
        f->config.has_auth_file = false;
        assert_false(gets(f));
        f->config.auth_file[0] = '\0';
        f->config.has_auth_file = true;
        assert_false(gets(f));
}
