/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack.h"

#include <crypt.h>

#include "test-freed.h"

#include "password-shadow.h"
#include "password.h"

static void put(Fixture *f, const char *path, const char *content, mode_t mode) {
        int fd = openat(f->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, content, strlen(content)), strlen(content));
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}

static void make_etc(Fixture *f) {
        assert_int_equal(mkdirat(f->fd, "etc", 0755), 0);
}

static int truncate_of(Fixture *f, const char *path, off_t size) {
        char full[128];

        (void) snprintf(full, sizeof(full), "%s/%s", f->path, path);
        return truncate(full, size);
}

static const char *get(Fixture *f, const char *path) {
        int fd = openat(f->fd, path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        assert_true(fd >= 0);
        n = read(fd, f->text, sizeof(f->text) - 1);
        assert_true(n >= 0);
        f->text[n] = '\0';
        close(fd);
        return f->text;
}

static int set_password(Fixture *f, const char *password) {
        _cleanup_(unpack_target_freep) UnpackTarget *target = open_target(f);

        return password_set_root(target, password, &f->error);
}

static bool wants_yescrypt(Fixture *f) {
        _cleanup_(unpack_target_freep) UnpackTarget *target = open_target(f);
        _cleanup_(unpack_tree_freep) UnpackTree *tree = NULL;

        assert_int_equal(unpack_tree_new(target, &f->options.limits, 0, 0, &tree, NULL), 0);
        return password_wants_yescrypt(tree);
}

TEST(root_line_gets_hash_and_day_and_the_rest_stays) {
        static const struct {
                const char *from, *to;
        } cases[] = {
                { "root:*:19000:0:99999:7:::\n", "root:HASH:20000:0:99999:7:::\n" },
                { "root::::::::", "root:HASH:20000::::::" },
                { "a:x:1:\nroot:!:1\nb:y:2:\n", "a:x:1:\nroot:HASH:20000\nb:y:2:\n" },
                { "rootx:*:1:\nxroot:*:1:\nroot:*:1:2\n",
                  "rootx:*:1:\nxroot:*:1:\nroot:HASH:20000:2\n" },
                { "root:*:1:\nroot:*:1:\n", "root:HASH:20000:\nroot:*:1:\n" },
                { "\n\nroot:$6$a$b:1:\n", "\n\nroot:HASH:20000:\n" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_(freep) char *text = NULL;
                size_t size = 0;

                assert_int_equal(
                        password_shadow_edit(
                                cases[i].from, strlen(cases[i].from), "HASH", 20000, &text, &size),
                        0);
                assert_string_equal(text, cases[i].to);
                assert_int_equal(size, strlen(cases[i].to));
        }
}

TEST(text_without_a_line_of_roots_is_refused) {
        static const struct {
                const char *text;
                int result;
        } cases[] = {
                { "", -ENOENT },
                { "root", -ENOENT },
                { "daemon:*:1:\n", -ENOENT },
                { " root:*:1:\n", -ENOENT },
                { "Root:*:1:\n", -ENOENT },
                { "root:\n", -EINVAL },
                { "root:x\nb:c:d\n", -EINVAL },
        };
        char *text = NULL;
        size_t size;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_int_equal(
                        password_shadow_edit(
                                cases[i].text, strlen(cases[i].text), "HASH", 1, &text, &size),
                        cases[i].result);
        assert_null(text);
}

TEST(hash_that_would_break_the_line_is_refused) {
        char *text = NULL;
        size_t size;

        assert_int_equal(password_shadow_edit("root:*:1:\n", 10, "a:b", 1, &text, &size), -EINVAL);
        assert_int_equal(password_shadow_edit("root:*:1:\n", 10, "a\nb", 1, &text, &size), -EINVAL);
        assert_int_equal(
                password_shadow_edit("root:*:1:\n", SHADOW_BYTES_MAX + 1, "a", 1, &text, &size),
                -EFBIG);
}

UNPACK_TEST(password_is_set_and_the_file_keeps_its_attributes) {
        Fixture *f = *state;
        struct crypt_data data = { 0 };
        char full[128], hash[256];

        make_etc(f);
        put(f, "etc/shadow", "root:*:1:0:::::\nother:x:2:0:::::\n", 0640);
        (void) snprintf(full, sizeof(full), "%s/etc/shadow", f->path);
        assert_int_equal(setxattr(full, "user.x", "1", 1, 0), 0);
        if (geteuid() == 0)
                assert_int_equal(fchownat(f->fd, "etc/shadow", 3, 42, 0), 0);

        assert_int_equal(set_password(f, "secret"), 0);
        assert_int_equal(sscanf(get(f, "etc/shadow"), "root:%255[^:]:", hash), 1);
        assert_string_equal(crypt_r("secret", hash, &data), hash);
        assert_int_equal(strncmp(hash, "$6$", 3), 0);
        assert_non_null(strstr(f->text, ":0:::::\nother:x:2:0:::::\n"));
        assert_null(strstr(f->text, ":1:0:"));
        assert_int_equal(stat_of(f, "etc/shadow").st_mode & 07777, 0640);
        assert_int_equal(xattr_of(f, "etc/shadow", "user.x", NULL, 0), 1);
        if (geteuid() == 0) {
                assert_int_equal(stat_of(f, "etc/shadow").st_uid, 3);
                assert_int_equal(stat_of(f, "etc/shadow").st_gid, 42);
        }
}

UNPACK_TEST(shadow_of_mode_000_is_replaced) {
        Fixture *f = *state;

        make_etc(f);
        put(f, "etc/shadow", "root:*:1:\n", 0);
        assert_int_equal(set_password(f, "secret"), 0);
        assert_int_equal(stat_of(f, "etc/shadow").st_mode & 07777, 0);
        assert_true(stat_of(f, "etc/shadow").st_size > 50);
}

static void replace_as_user(Fixture *f) {
        make_etc(f);
        put(f, "etc/shadow", "root:*:1:\n", 0);
        assert_int_equal(fchmodat(f->fd, "etc", 0100, 0), 0);
        assert_int_equal(set_password(f, "secret"), 0);
        assert_int_equal(stat_of(f, "etc").st_mode & 07777, 0100);
        assert_int_equal(stat_of(f, "etc/shadow").st_mode & 07777, 0);
        assert_int_equal(stat_of(f, "etc/shadow").st_uid, geteuid());
        assert_true(stat_of(f, "etc/shadow").st_size > 50);
}

UNPACK_TEST(user_replaces_a_shadow_of_mode_000_in_a_directory_that_it_may_not_read) {
        as_user(*state, replace_as_user);
}

UNPACK_TEST(directory_of_the_shadow_keeps_its_times) {
        static const struct timespec times[2] = { { 1, 2 }, { 3, 4 } };
        Fixture *f = *state;

        make_etc(f);
        put(f, "etc/shadow", "root:*:1:\n", 0600);
        assert_int_equal(utimensat(f->fd, "etc/shadow", times, 0), 0);
        assert_int_equal(utimensat(f->fd, "etc", times, 0), 0);
        assert_int_equal(set_password(f, "secret"), 0);
        assert_int_equal(stat_of(f, "etc").st_mtim.tv_sec, 3);
        assert_int_equal(stat_of(f, "etc").st_mtim.tv_nsec, 4);
        assert_true(stat_of(f, "etc/shadow").st_mtim.tv_sec > 3);
        assert_true(stat_of(f, "etc/shadow").st_atim.tv_sec > 3);
}

UNPACK_TEST(other_name_of_the_shadow_keeps_the_old_one) {
        Fixture *f = *state;

        make_etc(f);
        put(f, "etc/shadow", "root:*:1:\n", 0600);
        assert_int_equal(linkat(f->fd, "etc/shadow", f->fd, "etc/other", 0), 0);
        assert_int_equal(set_password(f, "secret"), 0);
        assert_string_equal(get(f, "etc/other"), "root:*:1:\n");
}

UNPACK_TEST(shadow_that_is_too_large_is_refused) {
        Fixture *f = *state;

        make_etc(f);
        put(f, "etc/shadow", "root:*:1:\n", 0600);
        assert_int_equal(truncate_of(f, "etc/shadow", (off_t) SHADOW_BYTES_MAX + 1), 0);
        assert_int_equal(set_password(f, "secret"), -EFBIG);
        assert_int_equal(f->error.kind, ERROR_UNSUPPORTED_IMAGE);
        error_clear(&f->error);
        assert_int_equal(truncate_of(f, "etc/shadow", (off_t) SHADOW_BYTES_MAX), 0);
        assert_int_equal(set_password(f, "secret"), 0);
}

UNPACK_TEST(shadow_that_is_no_regular_file_is_refused) {
        Fixture *f = *state;

        make_etc(f);
        put(f, "real", "root:*:1:\n", 0600);
        assert_int_equal(symlinkat("../real", f->fd, "etc/shadow"), 0);
        assert_true(set_password(f, "secret") < 0);
        assert_int_equal(f->error.kind, ERROR_UNSUPPORTED_IMAGE);
        error_clear(&f->error);
        assert_int_equal(unlinkat(f->fd, "etc/shadow", 0), 0);
        assert_int_equal(mkfifoat(f->fd, "etc/shadow", 0600), 0);
        assert_true(set_password(f, "secret") < 0);
        error_clear(&f->error);
        assert_int_equal(unlinkat(f->fd, "etc/shadow", 0), 0);
        assert_true(set_password(f, "secret") < 0);
        assert_string_equal(
                error_text(&f->error),
                "There is no etc/shadow, in which --root-password would be set");
        error_clear(&f->error);
        assert_int_equal(unlinkat(f->fd, "etc", AT_REMOVEDIR), 0);
        assert_true(set_password(f, "secret") < 0);
        assert_string_equal(
                error_text(&f->error),
                "There is no etc/shadow, in which --root-password would be set");
        error_clear(&f->error);
        assert_int_equal(symlinkat("etc", f->fd, "etc"), 0);
        assert_true(set_password(f, "secret") < 0);
        assert_int_equal(f->error.kind, ERROR_UNSAFE_ARCHIVE);
        assert_string_equal(get(f, "real"), "root:*:1:\n");
}

UNPACK_TEST(link_in_the_way_to_shadow_stays_inside_the_root) {
        Fixture *f = *state;

        assert_int_equal(mkdirat(f->fd, "real", 0755), 0);
        put(f, "real/shadow", "root:*:1:\n", 0600);
        assert_int_equal(symlinkat("/../../real", f->fd, "etc"), 0);
        assert_int_equal(set_password(f, "secret"), 0);
        assert_true(stat_of(f, "real/shadow").st_size > 50);
}

UNPACK_TEST(shadow_without_root_is_left_as_it_is) {
        Fixture *f = *state;

        make_etc(f);
        put(f, "etc/shadow", "daemon:*:1:\n", 0600);
        assert_true(set_password(f, "secret") < 0);
        assert_string_equal(list(f), "0755 etc/\n0600 etc/shadow = daemon:*:1:\n\n");
}

UNPACK_TEST(password_that_is_too_long_is_refused) {
        char password[600];
        Fixture *f = *state;

        make_etc(f);
        put(f, "etc/shadow", "root:*:1:\n", 0600);
        memset(password, 'a', sizeof(password));
        password[ROOT_PASSWORD_MAX + 1] = '\0';
        assert_int_equal(set_password(f, password), -EINVAL);
        password[ROOT_PASSWORD_MAX] = '\0';
        error_clear(&f->error);
        assert_int_equal(set_password(f, password), 0);
}

TEST(method_is_what_login_defs_says) {
        assert_int_equal(password_parse_method("ENCRYPT_METHOD YESCRYPT\n"), 1);
        assert_int_equal(password_parse_method("X 1\n  ENCRYPT_METHOD\t\"yescrypt\"\r\n"), 1);
        assert_int_equal(password_parse_method("ENCRYPT_METHOD SHA512"), 0);
        assert_int_equal(password_parse_method("ENCRYPT_METHOD YESCRYPTX"), 0);
        assert_int_equal(password_parse_method("#ENCRYPT_METHOD YESCRYPT\n"), -ENOENT);
        assert_int_equal(password_parse_method("ENCRYPT_METHODS YESCRYPT\n"), -ENOENT);
        assert_int_equal(password_parse_method(""), -ENOENT);
}

UNPACK_TEST(yescrypt_is_used_where_it_is_understood) {
        Fixture *f = *state;

        assert_false(wants_yescrypt(f));
        make_etc(f);
        assert_int_equal(mkdirat(f->fd, "usr", 0755), 0);
        assert_int_equal(mkdirat(f->fd, "usr/lib64", 0755), 0);
        put(f, "usr/lib64/libcrypt-2.31.so", "x", 0755);
        assert_false(wants_yescrypt(f));
        assert_int_equal(symlinkat("libcrypt.so.2.0.0", f->fd, "usr/lib64/libcrypt.so.2"), 0);
        assert_false(wants_yescrypt(f));
        put(f, "usr/lib64/libcrypt.so.2.0.0", "x", 0755);
        assert_true(wants_yescrypt(f));

        /* What the distribution says counts before. */
        put(f, "etc/login.defs", "ENCRYPT_METHOD SHA512\n", 0644);
        assert_false(wants_yescrypt(f));
        put(f, "etc/login.defs", "ENCRYPT_METHOD YESCRYPT\n", 0644);
        assert_true(wants_yescrypt(f));

        put(f, "etc/shadow", "root:*:1:\n", 0600);
        assert_int_equal(set_password(f, "secret"), 0);
        assert_int_equal(strncmp(get(f, "etc/shadow"), "root:$y$", 8), 0);
}

UNPACK_TEST(library_is_found_in_the_directory_of_any_architecture) {
        static const char *const parents[] = { "usr/lib", "lib" };
        Fixture *f = *state;

        make_etc(f);
        assert_int_equal(mkdirat(f->fd, "usr", 0755), 0);
        for (size_t i = 0; i < 2; i++) {
                char directory[64], library[128];

                (void) snprintf(directory, sizeof(directory), "%s/sparc64-linux-gnu", parents[i]);
                (void) snprintf(library, sizeof(library), "%s/libcrypt.so.1.1.0", directory);
                assert_int_equal(mkdirat(f->fd, parents[i], 0755), 0);
                assert_int_equal(mkdirat(f->fd, directory, 0755), 0);
                assert_false(wants_yescrypt(f));
                put(f, library, "x", 0755);
                assert_true(wants_yescrypt(f));
                assert_int_equal(unlinkat(f->fd, library, 0), 0);
        }

        /* Not in any other. */
        assert_int_equal(mkdirat(f->fd, "usr/lib/plugins", 0755), 0);
        put(f, "usr/lib/plugins/libcrypt.so.2", "x", 0755);
        assert_false(wants_yescrypt(f));
}

UNPACK_TEST(links_to_login_defs_stay_inside_the_root) {
        Fixture *f = *state;

        make_etc(f);
        put(f, "defs", "ENCRYPT_METHOD YESCRYPT\n", 0);
        assert_int_equal(mkdirat(f->fd, "usr", 0755), 0);
        assert_int_equal(symlinkat("/../../etc/../usr/defs", f->fd, "etc/login.defs"), 0);
        assert_false(wants_yescrypt(f));
        assert_int_equal(symlinkat("./.././../defs", f->fd, "usr/defs"), 0);
        assert_true(wants_yescrypt(f));
}

UNPACK_TEST(login_defs_that_cannot_be_read_says_nothing) {
        static const char *const targets[] = { "login.defs", ".", "/", "/etc", "fifo", "/none/x" };
        Fixture *f = *state;

        make_etc(f);
        assert_int_equal(mkdirat(f->fd, "usr", 0755), 0);
        assert_int_equal(mkdirat(f->fd, "usr/etc", 0755), 0);
        put(f, "usr/etc/login.defs", "ENCRYPT_METHOD YESCRYPT\n", 0644);
        assert_int_equal(mkfifoat(f->fd, "etc/fifo", 0600), 0);
        for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
                assert_int_equal(symlinkat(targets[i], f->fd, "etc/login.defs"), 0);
                assert_true(wants_yescrypt(f));
                assert_int_equal(unlinkat(f->fd, "etc/login.defs", 0), 0);
        }

        put(f, "etc/login.defs", "ENCRYPT_METHOD SHA512\n", 0644);
        assert_false(wants_yescrypt(f));
        assert_int_equal(truncate_of(f, "etc/login.defs", (256 << 10) + 1), 0);
        assert_true(wants_yescrypt(f));
}

UNPACK_TEST(no_hash_stays_in_memory) {
        Fixture *f = *state;

        make_etc(f);
        put(f, "etc/shadow", "root:$6$old$hash:1:0:::::\n", 0640);
        freed_text = "$6$";
        assert_int_equal(set_password(f, "secret"), 0);
        freed_text = NULL;
        assert_int_equal(n_freed_with_text, 0);
}
