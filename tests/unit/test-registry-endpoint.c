/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "registry-endpoint.h"
#include "test-freed.h"

#define HOST     "r.example"
#define PASSWORD "drowssap"

/* With a directory of certificates which has what cannot be used when @is_bad. */
static int make(RegistryEndpoint *endpoint, const char *username, bool is_bad, Error *error) {
        char root[] = "/tmp/test-registry-endpoint-XXXXXX", certs[64], key[80];
        const RegistryOptions options = {
                .username = username,
                .password = PASSWORD,
                .certs_dir = root,
        };
        Reference reference;
        int fd, r;

        assert_int_equal(reference_parse(HOST "/image", &reference, NULL), 0);
        assert_non_null(mkdtemp(root));
        (void) snprintf(certs, sizeof(certs), "%s/" HOST, root);
        (void) snprintf(key, sizeof(key), "%s/a.key", certs);
        assert_int_equal(mkdir(certs, 0700), 0);
        if (is_bad) {
                fd = open(key, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
                assert_true(fd >= 0);
                close(fd);
        }

        r = registry_endpoint_init(endpoint, &reference, &options, error);
        (void) unlink(key);
        assert_int_equal(rmdir(certs) | rmdir(root), 0);
        return r;
}

static int look_for_password(void **state) {
        freed_text = PASSWORD;
        n_freed_with_text = 0;
        return 0;
}

static int stop_looking(void **state) {
        freed_text = NULL;
        return 0;
}

#define PASSWORD_TEST(name) TEST_WITH(name, look_for_password, stop_looking)

PASSWORD_TEST(password_goes_with_the_endpoint) {
        RegistryEndpoint endpoint;

        assert_int_equal(make(&endpoint, "someone", false, NULL), 0);
        assert_string_equal(endpoint.login.password, PASSWORD);
        registry_endpoint_done(&endpoint);
        assert_null(endpoint.login.password);
        assert_int_equal(n_freed_with_text, 0);
}

PASSWORD_TEST(password_does_not_stay_when_the_certificates_cannot_be_read) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        RegistryEndpoint endpoint;

        assert_true(make(&endpoint, "someone", true, &error) < 0);
        assert_int_equal(error.kind, ERROR_TLS_ERROR);
        assert_int_equal(n_freed_with_text, 0);
}

TEST(user_name_with_a_colon_is_refused) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        RegistryEndpoint endpoint;

        assert_true(make(&endpoint, "some:one", false, &error) < 0);
        assert_int_equal(error.kind, ERROR_INVALID_OPTION);
        assert_non_null(strstr(error_text(&error), "colon"));
}
