/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "registry-tls.h"

#define HOST "r.example:5000"

static char root[64];

static void write_file(const char *path, const char *text) {
        _cleanup_(closep) int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_int_equal(file_write_atomic(fd, path, text, strlen(text), 0600), 0);
}

static int set_up(void **state) {
        char path[128];

        strcpy(root, "/tmp/test-registry-tls-XXXXXX");
        assert_non_null(mkdtemp(root));
        (void) snprintf(path, sizeof(path), "%s/" HOST, root);
        return mkdir(path, 0700);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int tear_down(void **state) {
        return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int load(RegistryTls *ret, Error *error) {
        char system[128];

        (void) snprintf(system, sizeof(system), "%s/system.pem", root);
        return registry_tls_load(root, HOST, system, ret, error);
}

static void assert_refused(const char *named) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        RegistryTls tls = { .key = (char *) "untouched" };

        assert_true(load(&tls, &error) < 0);
        assert_int_equal(error.kind, ERROR_TLS_ERROR);
        assert_non_null(strstr(error_text(&error), named));
        assert_string_equal(tls.key, "untouched");
}

#define TLS_TEST(name) TEST_WITH(name, set_up, tear_down)

TLS_TEST(registry_without_a_directory_has_nothing) {
        RegistryTls tls;

        assert_int_equal(registry_tls_load(root, "other.example", NULL, &tls, NULL), 0);
        assert_null(tls.authorities);
        assert_null(tls.certificate);
}

TLS_TEST(authorities_are_added_to_the_systems) {
        _cleanup_(registry_tls_done) RegistryTls tls = { 0 };

        write_file("system.pem", "SYSTEM");
        write_file(HOST "/a.crt", "OWN-A");
        write_file(HOST "/b.crt", "OWN-B");
        write_file(HOST "/README", "no certificate");
        assert_int_equal(load(&tls, NULL), 0);
        assert_int_equal(strncmp(tls.authorities, "SYSTEM\n", strlen("SYSTEM\n")), 0);
        assert_non_null(strstr(tls.authorities, "\nOWN-A\n"));
        assert_non_null(strstr(tls.authorities, "\nOWN-B\n"));
        assert_null(strstr(tls.authorities, "no certificate"));
}

TLS_TEST(missing_system_bundle_is_no_error) {
        _cleanup_(registry_tls_done) RegistryTls tls = { 0 };

        write_file(HOST "/a.crt", "OWN");
        assert_int_equal(load(&tls, NULL), 0);
        assert_string_equal(tls.authorities, "OWN\n");
}

TLS_TEST(pair_is_the_client_certificate) {
        _cleanup_(registry_tls_done) RegistryTls tls = { 0 };

        write_file(HOST "/client.cert", "CERT");
        write_file(HOST "/client.key", "KEY");
        assert_int_equal(load(&tls, NULL), 0);
        assert_string_equal(tls.certificate, "CERT");
        assert_string_equal(tls.key, "KEY");
        assert_null(tls.authorities);
}

TLS_TEST(certificate_without_key_is_an_error) {
        write_file(HOST "/client.cert", "CERT");
        write_file(HOST "/other.crt", "CA");
        assert_refused("client.key");
}

TLS_TEST(key_without_certificate_is_an_error) {
        write_file(HOST "/client.key", "KEY");
        assert_refused("client.cert");
}

TLS_TEST(two_pairs_are_an_error) {
        write_file(HOST "/a.cert", "CERT");
        write_file(HOST "/a.key", "KEY");
        write_file(HOST "/b.cert", "CERT");
        write_file(HOST "/b.key", "KEY");
        assert_refused("second client certificate");
}

TLS_TEST(pipe_is_not_waited_for) {
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/" HOST "/a.crt", root);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_refused("a.crt");
}

TLS_TEST(host_that_leaves_the_directory_is_refused) {
        static const char *const hosts[] = { "..", "../x", "a/../../x", ".", "" };

        for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
                RegistryTls tls;

                assert_int_equal(registry_tls_load(root, hosts[i], NULL, &tls, NULL), -EINVAL);
        }
}
