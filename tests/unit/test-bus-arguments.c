/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "bus-arguments.h"
#include "bus-source.h"

#define SOURCE "docker://registry.example/debian:12"
#define ZEROS  "0000000000000000000000000000000000000000000000000000000000000000"

/* Two ends of a connection in one process: what one calls the other reads as arguments. */
typedef struct Fixture {
        Scratch scratch;
        sd_bus *client, *server;
        bool inspect;
        bool is_read;
        int r;
        JobSpec *spec;
        Error error;
} Fixture;

static int on_call(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        Fixture *f = userdata;

        f->is_read = true;
        f->r = f->inspect ? bus_arguments_read_inspect(call, NULL, &f->spec, &f->error)
                          : bus_arguments_read_bootstrap(call, NULL, &f->spec, &f->error);
        if (f->r >= 0)
                f->r = bus_source_open(f->spec, &f->error);
        return 1;
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        sd_id128_t id;
        int pair[2];

        scratch_init(&f->scratch);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_true(sd_id128_randomize(&id) >= 0);
        assert_true(sd_bus_new(&f->client) >= 0);
        assert_true(sd_bus_set_fd(f->client, pair[0], pair[0]) >= 0);
        assert_true(sd_bus_negotiate_fds(f->client, 1) >= 0);
        assert_true(sd_bus_new(&f->server) >= 0);
        assert_true(sd_bus_set_fd(f->server, pair[1], pair[1]) >= 0);
        assert_true(sd_bus_set_server(f->server, 1, id) >= 0);
        assert_true(sd_bus_negotiate_fds(f->server, 1) >= 0);
        assert_true(sd_bus_add_filter(f->server, NULL, on_call, f) >= 0);
        assert_true(sd_bus_start(f->server) >= 0);
        assert_true(sd_bus_start(f->client) >= 0);
        *state = f;
        return 0;
}

static void forget(Fixture *f) {
        f->spec = job_spec_free(f->spec);
        error_clear(&f->error);
        f->is_read = false;
        f->r = 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        forget(f);
        sd_bus_close_unref(f->client);
        sd_bus_close_unref(f->server);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static void turn(sd_bus *bus) {
        assert_true(sd_bus_process(bus, NULL) >= 0);
}

/* Sends the call, which is freed, and reads it at the other end. */
static int deliver(Fixture *f, sd_bus_message *call) {
        assert_true(sd_bus_message_set_expect_reply(call, 0) >= 0);
        while (sd_bus_is_ready(f->client) == 0) {
                turn(f->client);
                turn(f->server);
        }
        assert_true(sd_bus_send(f->client, call, NULL) >= 0);
        sd_bus_message_unref(call);
        while (!f->is_read) {
                turn(f->client);
                turn(f->server);
        }
        assert_true((f->r < 0) == (f->error.code != 0));
        assert_true((f->r < 0) == (f->spec == NULL));
        return f->r;
}

static sd_bus_message *new_call(Fixture *f) {
        sd_bus_message *call = NULL;

        forget(f);
        assert_true(
                sd_bus_message_new_method_call(
                        f->client, &call, NULL, "/org/virtbootstrap1", "org.virtbootstrap1.Manager",
                        f->inspect ? "Inspect" : "Bootstrap") >= 0);
        return call;
}

/* With the options that are appended in between. */
static sd_bus_message *begin(Fixture *f, const char *source) {
        sd_bus_message *call = new_call(f);

        assert_true(sd_bus_message_append_basic(call, 's', source) >= 0);
        if (!f->inspect)
                assert_true(sd_bus_message_append_basic(call, 's', "/srv/new") >= 0);
        assert_true(sd_bus_message_open_container(call, 'a', "{sv}") >= 0);
        return call;
}

static int finish(Fixture *f, sd_bus_message *call) {
        assert_true(sd_bus_message_close_container(call) >= 0);
        return deliver(f, call);
}

static void add_text(sd_bus_message *call, const char *name, const char *value) {
        assert_true(sd_bus_message_append(call, "{sv}", name, "s", value) >= 0);
}

static int with_text(Fixture *f, const char *name, const char *value) {
        sd_bus_message *call = begin(f, SOURCE);

        add_text(call, name, value);
        return finish(f, call);
}

static int with_bool(Fixture *f, const char *name, int value) {
        sd_bus_message *call = begin(f, SOURCE);

        assert_true(sd_bus_message_append(call, "{sv}", name, "b", value) >= 0);
        return finish(f, call);
}

static int with_ranges(Fixture *f, const char *name, const IdRange *ranges, size_t n) {
        sd_bus_message *call = begin(f, SOURCE);

        assert_true(sd_bus_message_open_container(call, 'e', "sv") >= 0);
        assert_true(sd_bus_message_append_basic(call, 's', name) >= 0);
        assert_true(sd_bus_message_open_container(call, 'v', "a(uuu)") >= 0);
        assert_true(sd_bus_message_open_container(call, 'a', "(uuu)") >= 0);
        for (size_t i = 0; i < n; i++)
                assert_true(
                        sd_bus_message_append(
                                call, "(uuu)", ranges[i].start, ranges[i].target,
                                ranges[i].count) >= 0);
        assert_true(sd_bus_message_close_container(call) >= 0);
        assert_true(sd_bus_message_close_container(call) >= 0);
        assert_true(sd_bus_message_close_container(call) >= 0);
        return finish(f, call);
}

static void check_names(const Fixture *f, const char *name) {
        assert_int_equal(f->error.kind, ERROR_INVALID_OPTION);
        if (!strstr(f->error.message, name))
                print_error("%s is not named: %s\n", name, f->error.message);
        assert_non_null(strstr(f->error.message, name));
}

#define BUS_TEST(name) TEST_WITH(name, set_up, tear_down)

BUS_TEST(call_without_options_has_the_defaults) {
        Fixture *f = *state;

        assert_int_equal(finish(f, begin(f, SOURCE)), 0);
        assert_string_equal(f->spec->source, SOURCE);
        assert_string_equal(f->spec->destination, "/srv/new");
        assert_null(f->spec->platform);
        assert_null(f->spec->username);
        assert_false(
                f->spec->has_digest || f->spec->not_secure || f->spec->no_cache ||
                f->spec->offline || f->spec->overwrite);
        assert_int_equal(f->spec->uids.n_ranges + f->spec->gids.n_ranges, 0);
        assert_true(
                f->spec->password_fd < 0 && f->spec->root_password_fd < 0 &&
                f->spec->destination_fd < 0);
}

BUS_TEST(texts_and_switches_are_read) {
        Fixture *f = *state;
        sd_bus_message *call = begin(f, SOURCE);

        add_text(call, "platform", "linux/arm64/v8");
        add_text(call, "username", "me");
        add_text(call, "format", "dir");
        add_text(call, "digest", "sha256:" ZEROS);
        assert_true(
                sd_bus_message_append(
                        call, "{sv}{sv}{sv}{sv}", "not-secure", "b", 1, "no-cache", "b", 1,
                        "offline", "b", 1, "overwrite", "b", 1) >= 0);
        assert_int_equal(finish(f, call), 0);
        assert_string_equal(f->spec->platform, "linux/arm64/v8");
        assert_string_equal(f->spec->username, "me");
        assert_true(f->spec->has_digest);
        assert_true(
                f->spec->not_secure && f->spec->no_cache && f->spec->offline && f->spec->overwrite);
}

BUS_TEST(each_switch_sets_its_own_member) {
        Fixture *f = *state;

        assert_int_equal(with_bool(f, "overwrite", 1), 0);
        assert_true(
                f->spec->overwrite && !f->spec->offline && !f->spec->no_cache &&
                !f->spec->not_secure);
        assert_int_equal(with_bool(f, "keep-devices", 1), 0);
        assert_true(f->spec->keep_devices && !f->spec->overwrite);
        assert_int_equal(with_bool(f, "offline", 1), 0);
        assert_true(
                !f->spec->overwrite && f->spec->offline && !f->spec->no_cache &&
                !f->spec->not_secure);
        assert_int_equal(with_bool(f, "no-sync", 1), 0);
        assert_true(f->spec->no_sync && !f->spec->no_cache);
        assert_int_equal(with_bool(f, "no-cache", 1), 0);
        assert_false(f->spec->no_sync);
        assert_true(f->spec->no_cache && !f->spec->not_secure);
        assert_int_equal(with_bool(f, "not-secure", 1), 0);
        assert_true(!f->spec->no_cache && f->spec->not_secure);
        assert_int_equal(with_bool(f, "not-secure", 0), 0);
        assert_false(f->spec->not_secure);
}

BUS_TEST(unknown_option_is_named) {
        Fixture *f = *state;

        assert_int_equal(with_text(f, "no-such-option", "x"), -EINVAL);
        check_names(f, "\"no-such-option\"");
        assert_int_equal(with_text(f, "", "x"), -EINVAL);
        check_names(f, "\"\"");
        assert_int_equal(with_bool(f, "Overwrite", 1), -EINVAL);
        check_names(f, "\"Overwrite\"");
}

BUS_TEST(option_of_another_type_is_named) {
        static const char *const switches[] = {
                "not-secure", "no-cache",    "offline",          "overwrite",      "uidmap",
                "gidmap",     "password-fd", "root-password-fd", "destination-fd", "no-sync",
        };
        static const char *const texts[] = { "platform", "username", "format", "digest" };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
                assert_int_equal(with_text(f, switches[i], "true"), -EINVAL);
                check_names(f, switches[i]);
                assert_non_null(strstr(f->error.message, "\"s\""));
        }
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                assert_int_equal(with_bool(f, texts[i], 1), -EINVAL);
                check_names(f, texts[i]);
        }
}

BUS_TEST(bad_values_are_named) {
        static const struct {
                const char *name, *value;
        } cases[] = {
                { "format", "qcow3" },
                { "digest", "sha256:abc" },
                { "digest", "md5:d41d8cd98f00b204e9800998ecf8427e" },
                { "platform", "" },
                { "platform", "linux" },
                { "platform", "a/b/c/d" },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(with_text(f, cases[i].name, cases[i].value), -EINVAL);
                assert_int_equal(f->error.kind, ERROR_INVALID_OPTION);
        }
}

BUS_TEST(owner_maps_are_read) {
        static const IdRange ranges[] = { { 0, 100000, 1000 }, { 1000, 5, 1 } };
        Fixture *f = *state;

        assert_int_equal(with_ranges(f, "uidmap", ranges, 2), 0);
        assert_int_equal(f->spec->uids.n_ranges, 2);
        assert_int_equal(f->spec->gids.n_ranges, 0);
        assert_int_equal(idmap_apply(&f->spec->uids, 1000), 5);
        assert_int_equal(with_ranges(f, "gidmap", ranges, 1), 0);
        assert_int_equal(f->spec->uids.n_ranges, 0);
        assert_int_equal(idmap_apply(&f->spec->gids, 7), 100007);
        assert_int_equal(with_ranges(f, "gidmap", NULL, 0), 0);
        assert_int_equal(f->spec->gids.n_ranges, 0);
}

BUS_TEST(owner_maps_that_cannot_be_are_refused) {
        static const IdRange overlapping[] = { { 0, 100000, 1000 }, { 999, 5, 1 } };
        static const IdRange empty[] = { { 0, 100000, 0 } };
        static const IdRange past[] = { { 0, UINT32_MAX - 1, 2 } };
        IdRange many[ID_RANGES_MAX + 1];
        Fixture *f = *state;

        assert_int_equal(with_ranges(f, "uidmap", overlapping, 2), -EINVAL);
        assert_int_equal(f->error.kind, ERROR_INVALID_OPTION);
        assert_int_equal(with_ranges(f, "uidmap", empty, 1), -EINVAL);
        assert_int_equal(with_ranges(f, "gidmap", past, 1), -EINVAL);
        for (uint32_t i = 0; i <= ID_RANGES_MAX; i++)
                many[i] = (IdRange){ i, i, 1 };
        assert_int_equal(with_ranges(f, "gidmap", many, ID_RANGES_MAX), 0);
        assert_int_equal(with_ranges(f, "gidmap", many, ID_RANGES_MAX + 1), -E2BIG);
        assert_int_equal(f->error.kind, ERROR_INVALID_OPTION);
}

static void check_fd(int fd, const struct stat *want) {
        struct stat st;

        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_ino, want->st_ino);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

/* The message, with those that it brought, is long gone then. */
BUS_TEST(descriptors_stay_with_who_reads_them) {
        Fixture *f = *state;
        static const char *const names[] = { "a", "b", "c", "d" };
        sd_bus_message *call = begin(f, SOURCE);
        struct stat st[4];
        int fds[4];

        for (int i = 0; i < 4; i++) {
                scratch_write(&f->scratch, names[i], names[i]);
                fds[i] = open(scratch_at(&f->scratch, names[i]), O_RDONLY | O_CLOEXEC);
                assert_int_equal(fstat(fds[i], &st[i]), 0);
        }
        add_text(call, "username", "me");
        assert_true(
                sd_bus_message_append(
                        call, "{sv}{sv}{sv}{sv}", "password-fd", "h", fds[0], "root-password-fd",
                        "h", fds[1], "destination-fd", "h", fds[2], "auth-fd", "h", fds[3]) >= 0);
        for (int i = 0; i < 4; i++)
                close(fds[i]);
        assert_int_equal(finish(f, call), 0);
        check_fd(f->spec->password_fd, &st[0]);
        check_fd(f->spec->root_password_fd, &st[1]);
        check_fd(f->spec->destination_fd, &st[2]);
        check_fd(f->spec->auth_fd, &st[3]);
}

/* The fixture sees that nothing stays open. */
BUS_TEST(descriptors_of_a_call_that_is_refused_are_closed) {
        Fixture *f = *state;
        sd_bus_message *call = begin(f, SOURCE);
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        add_text(call, "username", "me");
        assert_true(
                sd_bus_message_append(
                        call, "{sv}{sv}{sv}", "password-fd", "h", fd, "password-fd", "h", fd,
                        "no-such-option", "h", fd) >= 0);
        close(fd);
        assert_int_equal(finish(f, call), -EINVAL);
        check_names(f, "no-such-option");
}

BUS_TEST(password_needs_a_user) {
        Fixture *f = *state;
        sd_bus_message *call = begin(f, SOURCE);
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_true(sd_bus_message_append(call, "{sv}", "password-fd", "h", fd) >= 0);
        close(fd);
        assert_int_equal(finish(f, call), -EINVAL);
        check_names(f, "username");
}

BUS_TEST(credentials_are_for_registries_only) {
        Fixture *f = *state;
        sd_bus_message *call = begin(f, "virt-builder://debian-12");
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_true(sd_bus_message_append(call, "{sv}", "auth-fd", "h", fd) >= 0);
        close(fd);
        assert_int_equal(finish(f, call), -EINVAL);
        check_names(f, "auth-fd");
}

BUS_TEST(last_of_repeated_options_counts) {
        Fixture *f = *state;
        sd_bus_message *call = begin(f, SOURCE);

        add_text(call, "username", "first");
        add_text(call, "username", "second");
        assert_int_equal(finish(f, call), 0);
        assert_string_equal(f->spec->username, "second");
}

BUS_TEST(endless_options_are_refused) {
        Fixture *f = *state;
        sd_bus_message *call = begin(f, SOURCE);

        for (int i = 0; i < 1000; i++)
                add_text(call, "username", "me");
        assert_int_equal(finish(f, call), -E2BIG);
        assert_int_equal(f->error.kind, ERROR_INVALID_OPTION);
}

/* What all sources may look like is the matter of test-bus-source.c. */
BUS_TEST(bad_source_is_refused) {
        Fixture *f = *state;

        assert_int_equal(finish(f, begin(f, "http://example.org/x")), -EINVAL);
        assert_int_equal(f->error.kind, ERROR_INVALID_REFERENCE);
}

static int with_size(Fixture *f, const char *format, uint64_t size) {
        sd_bus_message *call = begin(f, SOURCE);

        add_text(call, "format", format);
        assert_true(sd_bus_message_append(call, "{sv}", "size", "t", size) >= 0);
        return finish(f, call);
}

BUS_TEST(size_is_for_disks_and_in_whole_blocks) {
        Fixture *f = *state;

        assert_int_equal(with_size(f, "qcow2", UINT64_C(1) << 30), 0);
        assert_int_equal(f->spec->format, JOB_FORMAT_QCOW2);
        assert_int_equal(f->spec->size, UINT64_C(1) << 30);
        assert_int_equal(with_size(f, "qcow2", (UINT64_C(1) << 30) + 1), 0);
        assert_int_equal(f->spec->size, (UINT64_C(1) << 30) + 4096);
        assert_int_equal(with_size(f, "dir", UINT64_C(1) << 30), -EINVAL);
        check_names(f, "size");
}

BUS_TEST(size_out_of_range_is_told_in_readable_units) {
        static const struct {
                uint64_t size;
                const char *sentence;
        } cases[] = {
                { 0, "Option \"size\" cannot be 0 bytes; expected 8 MiB to 16 TiB" },
                { 1, "Option \"size\" cannot be 1 byte; expected 8 MiB to 16 TiB" },
                { 1 << 20, "Option \"size\" cannot be 1 MiB; expected 8 MiB to 16 TiB" },
                { UINT64_C(20) << 40,
                  "Option \"size\" cannot be 20 TiB; expected 8 MiB to 16 TiB" },
                { UINT64_MAX,
                  "Option \"size\" cannot be 18446744073709551615 bytes; expected 8 MiB to 16 TiB" },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(with_size(f, "qcow2", cases[i].size), -ERANGE);
                check_names(f, "size");
                assert_string_equal(error_text(&f->error), cases[i].sentence);
        }
}

BUS_TEST(sharing_layers_needs_layers_a_cache_and_disks) {
        static const struct {
                const char *source, *format;
                int no_cache, want;
        } cases[] = {
                { SOURCE, "qcow2", 0, 0 },
                { SOURCE, "qcow2", 1, -EINVAL },
                { SOURCE, "dir", 0, -EINVAL },
                { "virt-builder://debian-12", "qcow2", 0, -EINVAL },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                sd_bus_message *call = begin(f, cases[i].source);

                add_text(call, "format", cases[i].format);
                assert_true(
                        sd_bus_message_append(
                                call, "{sv}{sv}", "share-layers", "b", 1, "no-cache", "b",
                                cases[i].no_cache) >= 0);
                assert_int_equal(finish(f, call), cases[i].want);
                if (cases[i].want < 0)
                        check_names(f, "share-layers");
        }
}

BUS_TEST(single_disk_image_is_a_file) {
        static const struct {
                const char *format;
                int flatten;
                const char *option;   /* set as well; or NULL */
                const char *sentence; /* NULL: accepted */
                bool is_file;
        } cases[] = {
                { "qcow2", 0, NULL, NULL, false },
                { "qcow2", 1, NULL, NULL, true },
                { "raw", 0, NULL, NULL, true },
                { "raw", 1, NULL, NULL, true },
                { "qcow2", 1, "replace", NULL, true },
                { "raw", 0, "overwrite", NULL, true },
                { "raw", 0, "keep-devices", NULL, true },
                { "dir", 1, NULL, "Option \"flatten\" needs the format qcow2", false },
                { "raw", 0, "share-layers", "\"share-layers\" is for chains of disk images",
                  false },
                { "qcow2", 1, "share-layers", "\"share-layers\" is for chains of disk images",
                  false },
                { "raw", 0, "in-place", "\"in-place\" is for directories", false },
                { "qcow2", 1, "in-place", "\"in-place\" is for directories", false },
                { "qcow2", 0, "in-place", NULL, false },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                sd_bus_message *call = begin(f, SOURCE);

                add_text(call, "format", cases[i].format);
                assert_true(
                        sd_bus_message_append(call, "{sv}", "flatten", "b", cases[i].flatten) >= 0);
                if (cases[i].option)
                        assert_true(
                                sd_bus_message_append(call, "{sv}", cases[i].option, "b", 1) >= 0);
                assert_int_equal(finish(f, call), cases[i].sentence ? -EINVAL : 0);
                if (!cases[i].sentence) {
                        assert_true(job_spec_has_disk(f->spec));
                        assert_int_equal(job_spec_is_file(f->spec), cases[i].is_file);
                        continue;
                }
                assert_int_equal(f->error.kind, ERROR_INVALID_OPTION);
                assert_non_null(strstr(error_text(&f->error), cases[i].sentence));
        }
}

BUS_TEST(destination_of_a_single_disk_image_is_not_passed) {
        Fixture *f = *state;
        sd_bus_message *call = begin(f, SOURCE);
        int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        add_text(call, "format", "raw");
        assert_true(sd_bus_message_append(call, "{sv}", "destination-fd", "h", fd) >= 0);
        close(fd);
        assert_int_equal(finish(f, call), -EINVAL);
        check_names(f, "destination-fd");
}

BUS_TEST(what_only_images_have_is_refused_for_other_sources) {
        static const char *const options[] = { "platform", "digest", "username" };
        static const char *const values[] = { "linux/amd64", ("sha256:" ZEROS), "me" };
        Fixture *f = *state;

        for (size_t i = 0; i < 3; i++) {
                sd_bus_message *call = begin(f, "virt-builder://debian-12");

                add_text(call, options[i], values[i]);
                assert_int_equal(finish(f, call), -EINVAL);
                check_names(f, options[i]);
        }
}

BUS_TEST(inspecting_has_no_destination_and_fewer_options) {
        static const char *const not_these[] = { "overwrite", "no-cache", "no-sync" };
        Fixture *f = *state;
        sd_bus_message *call;

        f->inspect = true;
        call = begin(f, SOURCE);
        add_text(call, "platform", "linux/amd64");
        assert_int_equal(finish(f, call), 0);
        assert_null(f->spec->destination);
        assert_string_equal(f->spec->platform, "linux/amd64");
        assert_int_equal(with_bool(f, "offline", 1), 0);
        assert_int_equal(with_bool(f, "not-secure", 1), 0);
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(with_bool(f, not_these[i], 1), -EINVAL);
                check_names(f, not_these[i]);
        }
}

BUS_TEST(arguments_of_another_shape_are_an_error) {
        Fixture *f = *state;
        sd_bus_message *call = new_call(f);

        assert_true(sd_bus_message_append(call, "su", SOURCE, 1) >= 0);
        assert_true(deliver(f, call) < 0);
        assert_int_equal(f->error.kind, ERROR_INVALID_OPTION);

        call = new_call(f);
        assert_true(sd_bus_message_append(call, "ss", SOURCE, "/srv/new") >= 0);
        assert_true(deliver(f, call) < 0);

        call = new_call(f);
        assert_true(sd_bus_message_append(call, "ssa{ss}", SOURCE, "/srv/new", 1, "a", "b") >= 0);
        assert_true(deliver(f, call) < 0);
        assert_int_equal(f->error.kind, ERROR_INVALID_OPTION);
}
