/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "client-source.h"

typedef struct Fixture {
        Scratch scratch;
        ClientSource source;
        Error error;
        int standard_input; /* as it was */
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        f->source = SOURCE_NULL;
        f->standard_input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
        scratch_write(&f->scratch, "a.tar", "content");
        assert_int_equal(mkdir(scratch_at(&f->scratch, "layout"), 0700), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        (void) dup2(f->standard_input, STDIN_FILENO);
        close(f->standard_input);
        client_source_done(&f->source);
        error_clear(&f->error);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static int read_source(Fixture *f, const char *text) {
        client_source_done(&f->source);
        error_clear(&f->error);
        return client_source_read(f->scratch.path, text, &f->source, &f->error);
}

static bool is_same(int fd, const char *path) {
        struct stat a, b;

        return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
               a.st_dev == b.st_dev;
}

/* What @text with the scratch folder for each '%' reads as. */
static char *expand(const Fixture *f, const char *text) {
        const char *rest = strchr(text, '%');
        char *out;

        assert_true(
                asprintf(
                        &out, "%.*s%s%s", (int) (rest ? rest - text : (ptrdiff_t) strlen(text)),
                        text, rest ? f->scratch.path : "", rest ? rest + 1 : "") >= 0);
        return out;
}

#define SOURCE_TEST(name) TEST_WITH(name, set_up, tear_down)

SOURCE_TEST(files_are_opened_and_their_paths_absolute) {
        static const struct {
                const char *text, *sent, *opened;
        } sources[] = {
                { "a.tar", "%/a.tar", "a.tar" },
                { "%/./a.tar", "%/a.tar", "a.tar" },
                { "file://%/a.tar", "file://%/a.tar", "a.tar" },
                { "file:%/a.tar", "file:%/a.tar", "a.tar" },
                { "FILE://%/a.tar", "FILE://%/a.tar", "a.tar" },
                { "file://localhost%/a.tar", "file://localhost%/a.tar", "a.tar" },
                { "file://LocalHost%/a.tar", "file://LocalHost%/a.tar", "a.tar" },
                { "OCI:layout:latest", "OCI:%/layout:latest", "layout" },
                { "Docker-Archive:a.tar:b", "Docker-Archive:%/a.tar:b", "a.tar" },
                { "oci:layout", "oci:%/layout", "layout" },
                { "oci:layout:latest", "oci:%/layout:latest", "layout" },
                { "oci:.//layout:a//./b", "oci:%/layout:a//./b", "layout" },
                { "oci-archive:a.tar:@1", "oci-archive:%/a.tar:@1", "a.tar" },
                { "docker-archive:a.tar:b:c", "docker-archive:%/a.tar:b:c", "a.tar" },
                { "docker-archive:a.tar:host:5000/b/./c", "docker-archive:%/a.tar:host:5000/b/./c",
                  "a.tar" },
                { "dir:layout", "dir:%/layout", "layout" },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
                _cleanup_(freep) char *text = expand(f, sources[i].text);
                _cleanup_(freep) char *sent = expand(f, sources[i].sent);

                assert_true(client_source_is_file(text));
                assert_int_equal(read_source(f, text), 0);
                assert_string_equal(f->source.text, sent);
                assert_true(is_same(f->source.fd, scratch_at(&f->scratch, sources[i].opened)));
        }
}

SOURCE_TEST(other_sources_are_copied) {
        static const char *const sources[] = {
                "docker://alpine",
                "docker://localhost:5000/a/./b",
                "virt-builder://fedora-40",
                "virt-builder:/fedora-40",
                "unknown://thing",
                /* The daemon says what is wrong with them. */
                "file://relative",
                "file://elsewhere/a.tar",
                "file://localhost",
                "file://localhost:80/a.tar",
                "file:",
                "oci:",
                "oci::latest",
                "dir:",
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
                assert_false(client_source_is_file(sources[i]));
                assert_int_equal(read_source(f, sources[i]), 0);
                assert_string_equal(f->source.text, sources[i]);
                assert_true(f->source.fd < 0);
        }
}

SOURCE_TEST(path_of_a_directory_copy_may_have_colons) {
        Fixture *f = *state;

        assert_int_equal(mkdir(scratch_at(&f->scratch, "a:b"), 0700), 0);
        assert_int_equal(read_source(f, "dir:a:b"), 0);
        assert_true(is_same(f->source.fd, scratch_at(&f->scratch, "a:b")));
        assert_int_equal(read_source(f, "./a:b"), 0);
        assert_true(is_same(f->source.fd, scratch_at(&f->scratch, "a:b")));
}

SOURCE_TEST(colon_in_the_current_directory_does_not_end_the_path) {
        Fixture *f = *state;
        char directory[PATH_MAX];

        strcpy(directory, scratch_at(&f->scratch, "a:b"));
        assert_int_equal(mkdir(directory, 0700), 0);
        scratch_write(&f->scratch, "a:b/c.tar", "content");
        assert_int_equal(
                client_source_read(directory, "oci-archive:c.tar:latest", &f->source, &f->error),
                0);
        assert_string_equal(f->source.text, "oci-archive:c.tar:latest");
        assert_true(is_same(f->source.fd, scratch_at(&f->scratch, "a:b/c.tar")));
}

SOURCE_TEST(file_that_is_not_there_is_named) {
        Fixture *f = *state;

        assert_int_equal(read_source(f, "docker-archive:none.tar:b"), -ENOENT);
        assert_int_equal(f->error.kind, ERROR_NOT_FOUND);
        assert_non_null(strstr(f->error.message, scratch_at(&f->scratch, "none.tar: No such")));
        assert_null(f->source.text);
        assert_int_equal(read_source(f, "oci:a.tar"), -ENOTDIR);
        assert_non_null(strstr(f->error.message, scratch_at(&f->scratch, "a.tar: Not a dir")));
}

static void assert_hint(
        Fixture *f, const char *text, int code, const char *path, const char *hint) {
        _cleanup_(freep) char *absolute = strdup(scratch_at(&f->scratch, path));
        _cleanup_(freep) char *wanted = NULL;

        assert_int_equal(read_source(f, text), -code);
        assert_true(asprintf(&wanted, "Cannot open %s: %s%s", absolute, strerror(code), hint) >= 0);
        assert_string_equal(f->error.message, wanted);
}

SOURCE_TEST(what_may_have_been_meant_is_said) {
        Fixture *f = *state;
        _cleanup_(freep) char *escaped = expand(f, "file://%/a%2dB%e4");
        _cleanup_(freep) char *other = expand(f, "file://%/b%2dB");

        scratch_write(&f->scratch, "a:b.tar", "content");
        scratch_write(&f->scratch, "a-B\xe4", "content");
        assert_hint(
                f, "oci:a.tar", ENOTDIR, "a.tar",
                "; for an image in one file, use oci-archive:PATH or docker-archive:PATH");
        assert_hint(f, "dir:a.tar/x", ENOTDIR, "a.tar/x", "");
        assert_hint(
                f, "oci-archive:a:b.tar", ENOENT, "a",
                "; a:b.tar exists, but the path ends at the first ':'; use a link to it whose path has no colon");
        assert_hint(
                f, "oci-archive:a:b.tar:c:d", ENOENT, "a",
                "; a:b.tar exists, but the path ends at the first ':'; use a link to it whose path has no colon");
        assert_hint(f, "oci-archive:a:c.tar", ENOENT, "a", "");
        assert_hint(f, other, ENOENT, "b%2dB", "");
        assert_int_equal(read_source(f, escaped), -ENOENT);
        assert_non_null(strstr(f->error.message, "; /"));
        assert_non_null(strstr(f->error.message, "a-B"));
        assert_non_null(strstr(f->error.message, "exists; write the path literally"));
        assert_true(text_is_utf8(f->error.message));
}

SOURCE_TEST(path_of_any_bytes_is_opened_and_told_in_utf8) {
        Fixture *f = *state;
        _cleanup_(freep) char *sent = expand(f, "oci-archive:%/a?b\xc3\xa4:c");

        scratch_write(
                &f->scratch,
                "a\xff"
                "b\xc3\xa4",
                "content");
        assert_int_equal(
                read_source(
                        f,
                        "oci-archive:a\xff"
                        "b\xc3\xa4:c"),
                0);
        assert_true(
                is_same(f->source.fd, scratch_at(
                                              &f->scratch,
                                              "a\xff"
                                              "b\xc3\xa4")));
        assert_string_equal(f->source.text, sent);
        assert_int_equal(read_source(f, "docker://a\xff"), 0);
        assert_string_equal(f->source.text, "docker://a?");
}

SOURCE_TEST(standard_input_may_be_a_socket) {
        static const char *const sources[] = {
                "docker-archive:-",  "oci-archive:-:latest", "oci-archive:/dev/stdin",
                "file:///dev/stdin", "/dev/stdin",
        };
        Fixture *f = *state;
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(dup2(pair[0], STDIN_FILENO), STDIN_FILENO);

        for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
                struct stat a, b;

                assert_int_equal(read_source(f, sources[i]), 0);
                assert_string_equal(f->source.text, sources[i]);
                assert_int_equal(fstat(f->source.fd, &a), 0);
                assert_int_equal(fstat(pair[0], &b), 0);
                assert_int_equal(a.st_ino, b.st_ino);
                assert_true(f->source.fd > STDERR_FILENO);
        }
        close(pair[0]);
        close(pair[1]);
}

SOURCE_TEST(dash_alone_is_standard_input) {
        Fixture *f = *state;

        assert_int_equal(read_source(f, "-"), 0);
        assert_string_equal(f->source.text, "/dev/stdin");
        assert_true(is_same(f->source.fd, "/dev/stdin"));
}

SOURCE_TEST(directory_is_never_standard_input) {
        Fixture *f = *state;

        assert_int_equal(mkdir(scratch_at(&f->scratch, "-"), 0700), 0);
        assert_int_equal(read_source(f, "oci:-"), 0);
        assert_true(is_same(f->source.fd, scratch_at(&f->scratch, "-")));
}
