/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "bus-source.h"

#define CONF "CONTAINERS_REGISTRIES_CONF"

typedef struct Fixture {
        Scratch scratch;
        JobSpec *spec;
        Error error;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        assert_int_equal(setenv(CONF, "/dev/null", 1), 0);
        *state = f;
        return 0;
}

static void forget(Fixture *f) {
        f->spec = job_spec_free(f->spec);
        error_clear(&f->error);
}

static int tear_down(void **state) {
        Fixture *f = *state;

        forget(f);
        assert_int_equal(unsetenv(CONF), 0);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static int read_source(Fixture *f, const char *source, int fd) {
        forget(f);
        f->spec = job_spec_new();
        f->spec->source = strdup(source);
        f->spec->source_fd = fd;
        if (bus_source_read(f->spec, &f->error) < 0)
                return -f->error.code;
        return bus_source_open(f->spec, &f->error);
}

/* The path of @name between what comes before and behind it. */
static int read_around(Fixture *f, const char *before, const char *name, const char *behind) {
        char source[4096];

        (void) snprintf(
                source, sizeof(source), "%s%s%s", before, scratch_at(&f->scratch, name), behind);
        return read_source(f, source, -EBADF);
}

static int read_path(Fixture *f, const char *before, const char *name) {
        return read_around(f, before, name, "");
}

#define SOURCE_TEST(name) TEST_WITH(name, set_up, tear_down)

SOURCE_TEST(registry_reference_is_read) {
        Fixture *f = *state;

        assert_int_equal(read_source(f, "docker://registry.example/team/debian:12", -EBADF), 0);
        assert_int_equal(f->spec->source_kind, JOB_SOURCE_REGISTRY);
        assert_string_equal(f->spec->fetch, "docker://registry.example/team/debian:12");
        assert_string_equal(f->spec->name, "debian");
        assert_true(f->spec->source_fd < 0);
        assert_string_equal(f->spec->reference, "registry.example/team/debian:12");
        assert_false(f->spec->has_pin);
}

/* The one under which the store knows the image. */
SOURCE_TEST(registry_reference_has_a_full_form) {
        static const char hex[] =
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        Fixture *f = *state;
        char source[256], want[256];
        Digest pin;

        assert_int_equal(read_source(f, "docker:alpine", -EBADF), 0);
        assert_string_equal(f->spec->reference, "docker.io/library/alpine:latest");

        (void) snprintf(source, sizeof(source), "docker://alpine@sha256:%s", hex);
        (void) snprintf(want, sizeof(want), "docker.io/library/alpine@sha256:%s", hex);
        assert_int_equal(read_source(f, source, -EBADF), 0);
        assert_string_equal(f->spec->reference, want);
        assert_true(f->spec->has_pin);
        assert_int_equal(digest_parse(strchr(want, '@') + 1, &pin), 0);
        assert_true(digest_equal(&f->spec->pin, &pin));
}

SOURCE_TEST(registry_is_where_its_configuration_says) {
        Fixture *f = *state;

        scratch_write(
                &f->scratch, "registries.conf",
                "[[registry]]\nlocation = 'b.example'\nblocked = true\n"
                "[[registry]]\nprefix = 'a.example'\nlocation = 'c.example'\ninsecure = true\n"
                "[[registry.mirror]]\nlocation = 'm.example/sub'\n"
                "[aliases]\nshort = 'a.example/team/debian'\n");
        assert_int_equal(setenv(CONF, scratch_at(&f->scratch, "registries.conf"), 1), 0);

        assert_int_equal(read_source(f, "docker:short:12", -EBADF), 0);
        assert_string_equal(f->spec->reference, "a.example/team/debian:12");
        assert_string_equal(f->spec->fetch, "docker://a.example/team/debian:12");
        assert_string_equal(f->spec->name, "debian");
        assert_true(f->spec->not_secure);
        assert_int_equal(f->spec->route->n, 2);
        assert_string_equal(f->spec->route->endpoints[0].reference, "m.example/sub/team/debian:12");
        assert_false(f->spec->route->endpoints[0].is_insecure);
        assert_string_equal(f->spec->route->endpoints[1].reference, "c.example/team/debian:12");

        assert_int_equal(read_source(f, "docker://b.example/debian", -EBADF), -EACCES);
        assert_int_equal(f->error.kind, ERROR_ACCESS_DENIED);
        assert_int_equal(read_source(f, "docker://d.example/debian", -EBADF), 0);
        assert_int_equal(f->spec->route->n, 1);
        assert_false(f->spec->not_secure);
}

SOURCE_TEST(source_that_is_too_long_is_refused_with_a_short_sentence) {
        static char source[BUS_SOURCE_MAX + 2];
        Fixture *f = *state;

        memset(source, 'a', sizeof(source) - 1);
        memcpy(source, "docker://", strlen("docker://"));
        assert_int_equal(read_source(f, source, -EBADF), -ENAMETOOLONG);
        assert_int_equal(f->error.kind, ERROR_INVALID_REFERENCE);
        assert_string_equal(
                f->error.message,
                "The source is too long: it has 8193 bytes, but may have at most 8192");

        source[BUS_SOURCE_MAX] = '\0';
        assert_int_equal(read_source(f, source, -EBADF), -EINVAL);
}

SOURCE_TEST(registry_reference_has_any_slashes_and_case) {
        static const char *const sources[] = { "docker:alpine", "docker:/alpine",
                                               "docker:///alpine", "DOCKER://alpine" };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
                assert_int_equal(read_source(f, sources[i], -EBADF), 0);
                assert_int_equal(f->spec->source_kind, JOB_SOURCE_REGISTRY);
                assert_string_equal(f->spec->fetch, "docker://docker.io/library/alpine:latest");
        }
}

SOURCE_TEST(tarball_is_opened_by_each_of_its_names) {
        static const char *const schemes[] = { "file://", "file:", "", "FILE://",
                                               "file://localhost" };
        Fixture *f = *state;

        scratch_write(&f->scratch, "root.tar.gz", "x");
        for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
                assert_int_equal(read_path(f, schemes[i], "root.tar.gz"), 0);
                assert_int_equal(f->spec->source_kind, JOB_SOURCE_TARBALL);
                assert_string_equal(f->spec->name, "root");
                assert_true(f->spec->source_fd >= 0);
        }
}

SOURCE_TEST(image_in_files_is_opened_and_its_path_kept_from_the_worker) {
        static const struct {
                const char *scheme, *selector, *fetch, *name;
        } cases[] = {
                { "oci:", "", "oci:.", "there" }, { "oci:", ":latest", "oci:.:latest", "latest" },
                { "dir:", "", "dir:.", "there" }, { "oci:", ":@3", "oci:.:@3", "there" },
                { "OCI:", ":B", "oci:.:B", "B" },
        };
        Fixture *f = *state;

        scratch_mkdir(&f->scratch, "there");
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(read_around(f, cases[i].scheme, "there", cases[i].selector), 0);
                assert_int_equal(f->spec->source_kind, JOB_SOURCE_FILES);
                assert_string_equal(f->spec->fetch, cases[i].fetch);
                assert_string_equal(f->spec->name, cases[i].name);
                assert_true(f->spec->source_fd >= 0);
        }
}

SOURCE_TEST(archive_gets_its_images_full_name) {
        Fixture *f = *state;

        scratch_write(&f->scratch, "saved.tar", "x");
        assert_int_equal(read_around(f, "docker-archive:", "saved.tar", ":debian"), 0);
        assert_string_equal(f->spec->fetch, "docker-archive:.:docker.io/library/debian:latest");
        assert_string_equal(f->spec->name, "debian");
}

SOURCE_TEST(descriptor_takes_the_place_of_the_path) {
        Fixture *f = *state;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(read_source(f, "file:///nonexistent/x.tar", fds[0]), 0);
        assert_int_equal(f->spec->source_fd, fds[0]);
        assert_int_equal(close(fds[1]), 0);

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(read_source(f, "docker-archive:-", fds[0]), 0);
        assert_int_equal(close(fds[1]), 0);
        assert_int_equal(read_source(f, "docker-archive:-", -EBADF), -EINVAL);
}

SOURCE_TEST(pipe_without_a_writer_does_not_hold_the_daemon_up) {
        Fixture *f = *state;

        assert_int_equal(mkfifo(scratch_at(&f->scratch, "fifo"), 0600), 0);
        assert_int_equal(read_path(f, "", "fifo"), 0);
        assert_int_equal(fcntl(f->spec->source_fd, F_GETFL) & O_NONBLOCK, 0);
}

SOURCE_TEST(template_has_one_to_three_slashes) {
        static const char *const good[] = {
                "virt-builder:/fedora-38",
                "virt-builder://fedora-38",
                "virt-builder:///fedora-38",
        };
        static const char *const bad[] = {
                "virt-builder:fedora-38",   "virt-builder:////fedora-38", "virt-builder://",
                "virt-builder://--help",    "virt-builder://a/b",         "virt-builder://a b",
                "virt-builder://fedora;38",
        };
        Fixture *f = *state;

        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(read_source(f, good[i], -EBADF), 0);
                assert_int_equal(f->spec->source_kind, JOB_SOURCE_TEMPLATE);
                assert_string_equal(f->spec->fetch, "fedora-38");
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_int_equal(read_source(f, bad[i], -EBADF), -EINVAL);
                assert_int_equal(f->error.kind, ERROR_INVALID_REFERENCE);
        }
}

SOURCE_TEST(bad_sources_are_refused) {
        static const char *const bad[] = {
                "",
                "debian:12",
                "docker:",
                "docker://",
                "file://relative",
                "file:relative",
                "file://elsewhere/x.tar",
                "file://localhost",
                "docker:////alpine",
                "docker-archive:x:",
                "http://example.org/x",
                "docker://registry.example/UPPER",
                "docker://host/name@sha256:abc",
                "docker://a b",
                "oci:",
                "relative/path.tar",
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                if (read_source(f, bad[i], -EBADF) >= 0)
                        print_error("\"%s\" was not refused\n", bad[i]);
                assert_int_equal(f->error.code, EINVAL);
                assert_int_equal(f->error.kind, ERROR_INVALID_REFERENCE);
        }
}

SOURCE_TEST(what_would_be_right_is_said) {
        static const struct {
                const char *source, *part;
        } cases[] = {
                { "docker://", "it has no image name; expected docker://[HOST/]NAME[:TAG]" },
                { "docker:", "it has no image name; expected docker://[HOST/]NAME[:TAG]" },
                { "oci:", "expected oci:PATH[:REF]" },
                { "oci::latest", "expected oci:PATH[:REF]" },
                { "dir:", "expected dir:PATH" },
                { "docker-archive:", "expected docker-archive:PATH[:REF]" },
                { "docker-archive:/x:", "expected a name after" },
                { "file://elsewhere/x", "of a file on this host" },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(read_source(f, cases[i].source, -EBADF), -EINVAL);
                if (!strstr(f->error.message, cases[i].part))
                        fail_msg("%s", f->error.message);
        }
}

SOURCE_TEST(missing_file_is_named) {
        Fixture *f = *state;

        assert_int_equal(read_path(f, "", "missing.tar"), -ENOENT);
        assert_int_equal(f->error.kind, ERROR_NOT_FOUND);
        assert_non_null(strstr(f->error.message, "missing.tar"));
}

SOURCE_TEST(what_is_no_file_or_directory_is_refused) {
        Fixture *f = *state;

        scratch_mkdir(&f->scratch, "there");
        scratch_write(&f->scratch, "file", "x");
        assert_int_equal(read_path(f, "", "there"), -EINVAL);
        assert_int_equal(read_path(f, "docker-archive:", "there"), -EINVAL);
        assert_non_null(strstr(f->error.message, "oci:PATH or dir:PATH"));
        assert_int_equal(read_path(f, "oci:", "file"), -ENOTDIR);
        assert_non_null(strstr(f->error.message, "oci-archive:PATH or docker-archive:PATH"));
        assert_int_equal(read_path(f, "dir:", "file"), -ENOTDIR);
        assert_int_equal(read_source(f, "/dev/null", -EBADF), -EINVAL);
        assert_int_equal(f->error.kind, ERROR_INVALID_REFERENCE);
}
