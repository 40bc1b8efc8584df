/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "client-auth.h"
#include "credentials-login.h"
#include "credentials.h"

/* "me:one" to "me:five" in base64. */
static const char all[] =
        "{\"auths\": {"
        "\"r.example\": {\"auth\": \"bWU6b25l\"},"
        "\"r.example/team/image\": {\"auth\": \"bWU6dHdv\"},"
        "\"r.example/team/other\": {\"auth\": \"bWU6dGhyZWU=\"},"
        "\"mirror.example\": {\"auth\": \"bWU6Zm91cg==\"},"
        "\"other.example\": {\"auth\": \"bWU6Zml2ZQ==\"}}}";

static int set_up(void **state) {
        Scratch *scratch = calloc(1, sizeof(*scratch));

        scratch_init(scratch);
        scratch_write(scratch, "auth.json", all);
        scratch_write(scratch, "registries.conf", "");
        assert_int_equal(setenv("REGISTRY_AUTH_FILE", scratch_at(scratch, "auth.json"), 1), 0);
        assert_int_equal(
                setenv("CONTAINERS_REGISTRIES_CONF", scratch_at(scratch, "registries.conf"), 1), 0);
        *state = scratch;
        return 0;
}

static int tear_down(void **state) {
        Scratch *scratch = *state;

        assert_int_equal(unsetenv("REGISTRY_AUTH_FILE"), 0);
        assert_int_equal(unsetenv("CONTAINERS_REGISTRIES_CONF"), 0);
        scratch_done(scratch);
        free(scratch);
        return 0;
}

#define AUTH_TEST(name) TEST_WITH(name, set_up, tear_down)

/* What the daemon would get for the image; NULL: nothing. */
static char *take(const char *image) {
        char source[128];
        char *arguments[] = { source };
        const ClientOptions options = { .arguments = arguments, .n_arguments = 1 };
        _cleanup_(closep) int fd = -EBADF;
        char *text = NULL;

        (void) snprintf(source, sizeof(source), "docker://%s", image);
        assert_int_equal(client_auth_take(&options, &fd, NULL), 0);
        if (fd >= 0)
                assert_int_equal(fd_read_all(fd, CREDENTIALS_FILE_MAX, &text, NULL), 0);
        return text;
}

/* The text has this password for the repository. */
static void check(const char *text, const char *host, const char *repository, const char *want) {
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };
        _cleanup_(credentials_freep) Credentials *credentials = NULL;

        assert_int_equal(credentials_parse("it", text, strlen(text), &credentials, NULL), 0);
        assert_int_equal(credentials_find(credentials, host, repository, &login, NULL), 1);
        assert_string_equal(login.password, want);
}

static size_t count_entries(const char *text) {
        size_t n = 0;

        while ((text = strstr(text, "\"auth\""))) {
                text++;
                n++;
        }
        return n;
}

AUTH_TEST(daemon_gets_the_entry_of_the_image_alone) {
        _cleanup_(freep) char *specific = take("r.example/team/image:1");
        _cleanup_(freep) char *general = take("r.example/else");

        assert_non_null(specific);
        check(specific, "r.example", "team/image", "two");
        assert_int_equal(count_entries(specific), 1);
        assert_non_null(general);
        check(general, "r.example", "else", "one");
        assert_int_equal(count_entries(general), 1);
}

AUTH_TEST(daemon_gets_nothing_for_an_image_elsewhere) {
        assert_null(take("elsewhere.example/team/image"));
        assert_null(take("r.example:5000/team/image"));
}

AUTH_TEST(daemon_gets_the_entries_of_mirrors_that_are_asked) {
        _cleanup_(freep) char *text = NULL;

        scratch_write(
                *state, "registries.conf",
                "[[registry]]\nlocation = \"r.example/team\"\n"
                "[[registry.mirror]]\nlocation = \"mirror.example/team\"\n"
                "[[registry]]\nlocation = \"r.example/other\"\n"
                "[[registry.mirror]]\nlocation = \"other.example/team\"\n");
        text = take("r.example/team/image");
        assert_non_null(text);
        check(text, "r.example", "team/image", "two");
        check(text, "mirror.example", "team/image", "four");
        assert_int_equal(count_entries(text), 2);
}
