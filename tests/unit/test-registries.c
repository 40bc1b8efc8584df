/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "registries-route.h"

/* Debian's golang-github-containers-common has it. */
#define SHORT_NAMES "/etc/containers/registries.conf.d/shortnames.conf"

typedef struct Fixture {
        Scratch scratch;
        Registries *registries;
        Error error;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        f->registries = registries_new();
        assert_non_null(f->registries);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        registries_free(f->registries);
        error_clear(&f->error);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static int add(Fixture *f, const char *name, const char *text) {
        error_clear(&f->error);
        return registries_add(f->registries, name, text, strlen(text), &f->error);
}

static void must_add(Fixture *f, const char *name, const char *text) {
        if (add(f, name, text) < 0)
                fail_msg("%s: %s", text, error_text(&f->error));
}

static void must_refuse(Fixture *f, const char *text, const char *message) {
        if (add(f, "test", text) != -EINVAL)
                fail_msg("%s: expected %s", text, message);
        assert_int_equal(f->error.kind, ERROR_FAILED);
        assert_string_equal(f->error.message, message);
}

/* What @text stands for, and its first endpoint; "blocked" if it is. */
static const char *first_endpoint(Fixture *f, const char *text) {
        static char found[REFERENCE_MAX + 1];
        _cleanup_(freep) RegistriesRoute *route = NULL;
        Reference reference;
        int r;

        error_clear(&f->error);
        assert_int_equal(reference_parse(text, &reference, NULL), 0);
        assert_int_equal(registries_find_alias(f->registries, &reference, NULL), 0);
        r = registries_route(f->registries, &reference, false, &route, &f->error);
        if (r == -EACCES)
                return "blocked";

        assert_int_equal(r, 0);
        strcpy(found, route->endpoints[0].reference);
        return found;
}

#define REGISTRIES_TEST(name) TEST_WITH(name, set_up, tear_down)

REGISTRIES_TEST(example_of_the_manual_is_read) {
        Fixture *f = *state;

        must_add(
                f, "test",
                "unqualified-search-registries = [\"example.com\"]\n"
                "\n"
                "[[registry]]\n"
                "prefix = \"example.com/foo\"\n"
                "insecure = false\n"
                "blocked = false\n"
                "location = \"internal-registry-for-example.com/bar\"\n"
                "\n"
                "[[registry.mirror]]\n"
                "location = \"example-mirror-0.local/mirror-for-foo\"\n"
                "\n"
                "[[registry.mirror]]\n"
                "location = \"example-mirror-1.local/mirrors/foo\"\n"
                "insecure = true\n"
                "\n"
                "[[registry]]\n"
                "location = \"registry.com\"\n"
                "\n"
                "[[registry.mirror]]\n"
                "location = \"mirror.registry.com\"\n");
        assert_string_equal(
                first_endpoint(f, "example.com/foo/image:latest"),
                "example-mirror-0.local/mirror-for-foo/image:latest");
        assert_string_equal(
                first_endpoint(f, "registry.com/image"), "mirror.registry.com/image:latest");
        assert_string_equal(first_endpoint(f, "other.com/image"), "other.com/image:latest");
}

REGISTRIES_TEST(settings_of_others_are_read_and_not_used) {
        Fixture *f = *state;

        must_add(
                f, "test",
                "unqualified-search-registries = ['registry.fedoraproject.org', 'docker.io']\n"
                "short-name-mode = 'enforcing'\n"
                "credential-helpers = ['containers-auth.json', 'secretservice']\n"
                "additional-layer-store-auth-helper = 'helper'\n");
        assert_string_equal(first_endpoint(f, "image"), "docker.io/library/image:latest");
}

REGISTRIES_TEST(what_is_not_understood_is_refused_with_its_line) {
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "a = 1", "test, line 1: the key \"a\" is unknown here" },
                { "[[registry]]\nlocation = 'a.b'\nblokced = true",
                  "test, line 3: the key \"blokced\" is unknown here" },
                { "[[registry]]\nlocation = 'a.b'\npull-from-mirror = 'all'",
                  "test, line 3: the key \"pull-from-mirror\" is unknown here" },
                { "[[registry]]\nlocation = 'a.b'\n[[registry.mirror]]\nblocked = true",
                  "test, line 4: the key \"blocked\" is unknown here" },
                { "registry = 'a.b'", "test, line 1: registry must be an array" },
                { "[registry]\nlocation = 'a.b'", "test, line 1: registry must be an array" },
                { "registry = ['a.b']", "test, line 1: each registry must be a table" },
                { "[[registry]]\nlocation = 'a.b'\nmirror = ['a.b']",
                  "test, line 3: each mirror must be a table" },
                { "[[registry]]\nlocation = 1",
                  "test, line 2: location must be a string in quotes" },
                { "[[registry]]\nlocation = 'a.b'\nblocked = 'true'",
                  "test, line 3: blocked must be true or false" },
                { "[[registry]]\nlocation = 'a.b'\ninsecure = 1",
                  "test, line 3: insecure must be true or false" },
                { "\n[[registry]]\nblocked = true",
                  "test, line 2: the registry has neither a prefix nor a location" },
                { "[[registry]]\nprefix = ''\nlocation = ''",
                  "test, line 1: the registry has neither a prefix nor a location" },
                { "[[registry]]\nlocation = 'a.b'\n[[registry.mirror]]\ninsecure = true",
                  "test, line 3: the mirror has no location" },
                { "[[registry]]\nlocation = 'a.b'\n[[registry]]\nprefix = 'a.b/'",
                  "test, line 3: another registry has the same prefix" },
                { "[[registry]]\nlocation = 'a.b'\n[[registry.mirror]]\nlocation = 'c.d'\n"
                  "pull-from-mirror = 'digest'",
                  "test, line 5: pull-from-mirror must be all, digest-only or tag-only" },
                { "[[registry]]\nlocation = 'a.b'\nmirror-by-digest-only = true\n"
                  "[[registry.mirror]]\nlocation = 'c.d'\npull-from-mirror = 'all'",
                  "test, line 6: pull-from-mirror and mirror-by-digest-only cannot be combined" },
                { "aliases = 'a'", "test, line 1: aliases must be a table" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                must_refuse(*state, cases[i].text, cases[i].message);
}

REGISTRIES_TEST(version_1_is_refused) {
        static const char message[] =
                "test, line 1: the table [registries] is version 1 of the format, which is not supported; "
                "containers-registries.conf(5) describes version 2";

        must_refuse(*state, "[registries.search]\nregistries = ['a.b', 'c.d']\n", message);
        must_refuse(*state, "[registries.insecure]\nregistries = []\n", message);
        must_refuse(*state, "[registries.block]\nregistries = ['a.b']\n", message);
}

REGISTRIES_TEST(locations_and_prefixes_are_checked_and_not_repeated) {
        static const char *const wrong[] = {
                "https://a.b", "docker://a.b/c",    "a",        "a/b",       "a.b/c:tag",
                "a.b/C",       "user:secret@a.b/c", "a.b:port", "a.b:99999", "a.b//c",
                "*.a.b",       "a.b/c@sha256:0123", "[::1",     "-a.b",      "a .b",
        };
        static const char *const wrong_prefixes[] = {
                "https://a.b", "a",         "a/b",   "a.b/c:", "a.b/c@sha256:0123",
                "*",           "*.",        "*a.b",  "a.*.b",  "*.a.b/c",
                "*.a.b:5000",  "a.b/c:t:t", "*.*.b", "a.b/C",  "a.b//c",
        };
        char text[256];

        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                (void) snprintf(text, sizeof(text), "[[registry]]\nlocation = '%s'", wrong[i]);
                must_refuse(
                        *state, text,
                        "test, line 2: the location is invalid; expected HOST[:PORT][/PATH], without "
                        "a scheme, a tag or a digest");
        }
        for (size_t i = 0; i < sizeof(wrong_prefixes) / sizeof(wrong_prefixes[0]); i++) {
                (void) snprintf(
                        text, sizeof(text), "[[registry]]\nprefix = '%s'", wrong_prefixes[i]);
                must_refuse(
                        *state, text,
                        "test, line 2: the prefix is invalid; expected HOST[:PORT][/PATH], "
                        "optionally with a tag or a digest of an image, or *.DOMAIN");
        }
}

REGISTRIES_TEST(inline_tables_and_empty_texts_are_read) {
        Fixture *f = *state;

        must_add(
                f, "test",
                "[[registry]]\nprefix = \"\"\nlocation = \"a.b/c/\"\nmirror-by-digest-only = false\n"
                "mirror = [{ location = \"m.b//\", pull-from-mirror = \"\" }]\n");
        assert_string_equal(first_endpoint(f, "a.b/c/d"), "m.b/d:latest");
}

REGISTRIES_TEST(aliases_stand_for_short_names) {
        static const char *const cases[][2] = {
                { "image", "registry.example/team/image:latest" },
                { "image:1", "registry.example/team/image:1" },
                { "docker://image:1", "registry.example/team/image:1" },
                { "library/image", "docker.io/library/image:latest" },
                { "docker.io/image", "docker.io/library/image:latest" },
                { "docker.io/library/image", "docker.io/library/image:latest" },
                { "opensuse/leap", "registry.opensuse.org/opensuse/leap:latest" },
                { "leap", "docker.io/library/leap:latest" },
                { "one", "docker.io/library/image:latest" }, /* not followed */
                { "host.example/image", "host.example/image:latest" },
        };
        Fixture *f = *state;

        must_add(
                f, "test",
                "[aliases]\nimage = 'registry.example/team/image'\n"
                "\"opensuse/leap\" = \"registry.opensuse.org/opensuse/leap\"\n"
                "one = 'docker.io/image'\n");
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_string_equal(first_endpoint(f, cases[i][0]), cases[i][1]);
}

REGISTRIES_TEST(digest_of_a_short_name_stays) {
        static const char digest[] =
                "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        char text[128], expected[128];
        Fixture *f = *state;

        must_add(f, "test", "[aliases]\nimage = 'a.b/c'\n");
        (void) snprintf(text, sizeof(text), "image@%s", digest);
        (void) snprintf(expected, sizeof(expected), "a.b/c@%s", digest);
        assert_string_equal(first_endpoint(f, text), expected);
}

REGISTRIES_TEST(aliases_are_checked) {
        static const char *const targets[] = { "'image'",       "'team/image'", "'a.b/c:1'",
                                               "'https://a.b'", "'a.b'",        "true" };
        static const char *const names[] = { "a.b/c", "image:1", "Image", "a b", "" };
        char text[128], message[256];

        for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
                (void) snprintf(text, sizeof(text), "[aliases]\nimage = %s", targets[i]);
                must_refuse(
                        *state, text,
                        "test, line 2: the alias \"image\" is invalid; expected "
                        "\"HOST[:PORT]/NAME\", without a tag or a digest");
        }
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                (void) snprintf(text, sizeof(text), "[aliases]\n'%s' = 'a.b/c'", names[i]);
                (void) snprintf(
                        message, sizeof(message),
                        "test, line 2: \"%s\" cannot be an alias; expected a name without a host, a "
                        "tag or a digest",
                        names[i]);
                must_refuse(*state, text, message);
        }
}

REGISTRIES_TEST(later_file_replaces_same_prefix_and_alias_only) {
        Fixture *f = *state;

        must_add(
                f, "first",
                "[[registry]]\nprefix = 'a.b'\nlocation = 'x.y'\n[[registry]]\nlocation = 'c.d'\n"
                "blocked = true\n[aliases]\none = 'a.b/one'\ntwo = 'c.d/two'\nthree = 'e.f/three'\n");
        must_add(
                f, "second",
                "[[registry]]\nlocation = 'a.b'\nblocked = true\n[[registry]]\nlocation = 'g.h'\n"
                "blocked = true\n[aliases]\none = 'e.f/one'\nthree = ''\n");

        assert_string_equal(first_endpoint(f, "a.b/image"), "blocked");
        assert_string_equal(
                f->error.message,
                "a.b/image:latest is blocked: see the prefix a.b in second, line 1");
        assert_string_equal(first_endpoint(f, "c.d/image"), "blocked");
        assert_string_equal(
                f->error.message,
                "c.d/image:latest is blocked: see the prefix c.d in first, line 4");
        assert_string_equal(first_endpoint(f, "g.h/image"), "blocked");
        assert_string_equal(first_endpoint(f, "one"), "e.f/one:latest");
        assert_string_equal(first_endpoint(f, "two"), "blocked");
        assert_string_equal(first_endpoint(f, "three"), "docker.io/library/three:latest");
}

REGISTRIES_TEST(file_that_is_refused_changes_nothing) {
        Fixture *f = *state;

        must_add(f, "first", "[[registry]]\nprefix = 'a.b'\nlocation = 'x.y'\n");
        assert_int_equal(
                add(f, "second", "[[registry]]\nlocation = 'a.b'\n[[registry]]\nlocation = '-'\n"),
                -EINVAL);
        assert_string_equal(first_endpoint(f, "a.b/image"), "x.y/image:latest");
}

/* Makes a file whose registry a.b is at @location. */
static void make_file(Fixture *f, const char *name, const char *location) {
        char text[128];

        (void) snprintf(
                text, sizeof(text), "[[registry]]\nprefix = 'a.b'\nlocation = '%s'\n", location);
        scratch_write(&f->scratch, name, text);
}

REGISTRIES_TEST(drop_ins_are_read_by_name) {
        Fixture *f = *state;

        scratch_mkdir(&f->scratch, "drop-ins");
        scratch_mkdir(&f->scratch, "drop-ins/99-directory.conf");
        make_file(f, "drop-ins/10-second.conf", "second.example");
        make_file(f, "drop-ins/5-third.conf", "third.example");
        make_file(f, "drop-ins/01-first.conf", "first.example");
        make_file(f, "drop-ins/9-other", "other.example");
        make_file(f, "drop-ins/9-other.conf.bak", "other.example");
        assert_int_equal(
                registries_add_directory(f->registries, scratch_at(&f->scratch, "drop-ins"), NULL),
                0);
        assert_string_equal(first_endpoint(f, "a.b/image"), "third.example/image:latest");
}

REGISTRIES_TEST(missing_files_are_none_and_others_are_errors) {
        Fixture *f = *state;
        Registries *loaded = NULL;

        assert_int_equal(
                registries_add_directory(f->registries, scratch_at(&f->scratch, "none"), NULL), 0);
        assert_int_equal(
                registries_add_file(f->registries, scratch_at(&f->scratch, "none"), NULL), 0);
        assert_int_equal(registries_add_file(f->registries, "/dev/null/none", NULL), 0);

        scratch_mkdir(&f->scratch, "directory");
        assert_int_equal(
                registries_add_file(f->registries, scratch_at(&f->scratch, "directory"), &f->error),
                -EISDIR);
        error_clear(&f->error);
        assert_int_equal(
                registries_load(scratch_at(&f->scratch, "none"), &loaded, &f->error), -ENOENT);
        assert_non_null(strstr(f->error.message, "/none does not exist"));
        assert_null(loaded);
}

REGISTRIES_TEST(one_file_may_be_all) {
        Fixture *f = *state;
        Registries *loaded = NULL;

        make_file(f, "file", "x.y");
        assert_int_equal(registries_load(scratch_at(&f->scratch, "file"), &loaded, NULL), 0);
        registries_free(f->registries);
        f->registries = loaded;
        assert_string_equal(first_endpoint(f, "a.b/image"), "x.y/image:latest");
}

REGISTRIES_TEST(short_names_of_debian_are_read) {
        Fixture *f = *state;

        if (access(SHORT_NAMES, R_OK) < 0)
                skip();
        assert_int_equal(registries_add_file(f->registries, SHORT_NAMES, &f->error), 1);
        assert_string_equal(first_endpoint(f, "centos:7"), "quay.io/centos/centos:7");
        assert_string_equal(first_endpoint(f, "debian"), "docker.io/library/debian:latest");
}

REGISTRIES_TEST(number_of_mirrors_is_limited) {
        char text[4096] = "[[registry]]\nlocation = 'a.b'\n";

        for (size_t i = 0; i < REGISTRIES_MIRRORS_MAX; i++)
                strcat(text, "[[registry.mirror]]\nlocation = 'c.d'\n");
        must_add(*state, "test", text);
        strcat(text, "[[registry.mirror]]\nlocation = 'c.d'\n");
        must_refuse(*state, text, "test, line 35: the registry has too many mirrors");
}
