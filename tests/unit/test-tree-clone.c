/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <time.h>

#include "test-remove.h"
#include "tree-clone.h"

typedef struct Fixture {
        Scratch scratch;
        int fd;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        f->fd = open(f->scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        scratch_mkdir(&f->scratch, "from");
        scratch_mkdir(&f->scratch, "to");
        *state = f;
        return f->fd < 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        close(f->fd);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static struct stat look(Fixture *f, const char *name) {
        struct stat st;

        assert_int_equal(lstat(scratch_at(&f->scratch, name), &st), 0);
        return st;
}

static bool is_same_file(Fixture *f, const char *a, const char *b) {
        return look(f, a).st_ino == look(f, b).st_ino;
}

static void clone(Fixture *f) {
        Error error = ERROR_NULL;

        assert_int_equal(tree_clone(f->fd, "from", "to", &error), 0);
        assert_int_equal(error.code, 0);
}

#define CLONE_TEST(name) TEST_WITH(name, set_up, tear_down)

CLONE_TEST(files_become_hard_links) {
        Fixture *f = *state;

        scratch_write(&f->scratch, "from/file", "x");
        scratch_mkdir(&f->scratch, "from/dir");
        assert_int_equal(
                link(scratch_at(&f->scratch, "from/file"),
                     scratch_at(&f->scratch, "from/dir/hard")),
                0);
        assert_int_equal(mkfifo(scratch_at(&f->scratch, "from/dir/fifo"), 0600), 0);
        clone(f);
        assert_true(is_same_file(f, "from/file", "to/file"));
        assert_true(is_same_file(f, "to/file", "to/dir/hard"));
        assert_true(is_same_file(f, "from/dir/fifo", "to/dir/fifo"));
        assert_false(is_same_file(f, "from/dir", "to/dir"));
        assert_int_equal(look(f, "to/file").st_nlink, 4);
}

CLONE_TEST(links_are_cloned_and_not_followed) {
        Fixture *f = *state;
        char target[16] = "";

        scratch_mkdir(&f->scratch, "outside");
        scratch_write(&f->scratch, "outside/precious", "x");
        assert_int_equal(symlink("../outside", scratch_at(&f->scratch, "from/link")), 0);
        assert_int_equal(symlink("nowhere", scratch_at(&f->scratch, "from/dangling")), 0);
        clone(f);
        assert_true(S_ISLNK(look(f, "to/link").st_mode));
        assert_true(is_same_file(f, "from/dangling", "to/dangling"));
        assert_int_equal(readlink(scratch_at(&f->scratch, "to/link"), target, sizeof(target)), 10);
        assert_string_equal(target, "../outside");
        assert_int_equal(look(f, "outside/precious").st_nlink, 1);
}

CLONE_TEST(top_that_is_a_link_is_refused) {
        Fixture *f = *state;
        Error error = ERROR_NULL;

        assert_int_equal(symlink("from", scratch_at(&f->scratch, "link")), 0);
        assert_true(tree_clone(f->fd, "link", "to", &error) < 0);
        assert_int_not_equal(error.code, 0);
        error_clear(&error);
        assert_true(tree_clone(f->fd, "from", "link", NULL) < 0);
        assert_int_equal(tree_clone(f->fd, "missing", "to", NULL), -ENOENT);
}

CLONE_TEST(directories_keep_their_attributes) {
        static const struct timespec times[] = { { 1000, 1 }, { 2000, 123456789 } };
        Fixture *f = *state;
        const char *dir;
        struct stat st;
        char value[8];

        scratch_mkdir(&f->scratch, "from/dir");
        scratch_write(&f->scratch, "from/dir/file", "x");
        dir = scratch_at(&f->scratch, "from/dir");
        if (geteuid() == 0)
                assert_int_equal(chown(dir, 12, 34), 0);
        assert_int_equal(chmod(dir, 03751), 0);
        assert_int_equal(utimensat(AT_FDCWD, dir, times, 0), 0);
        assert_int_equal(chmod(scratch_at(&f->scratch, "from"), 0700), 0);
        clone(f);

        st = look(f, "to/dir");
        assert_int_equal(st.st_mode & 07777, 03751);
        assert_int_equal(st.st_mtim.tv_sec, 2000);
        assert_int_equal(st.st_mtim.tv_nsec, 123456789);
        assert_int_equal(look(f, "to").st_mode & 07777, 0700);
        if (geteuid() == 0) {
                assert_int_equal(st.st_uid, 12);
                assert_int_equal(st.st_gid, 34);
        }

        if (setxattr(scratch_at(&f->scratch, "from/dir"), "user.test", "a\0b", 3, 0) < 0)
                skip();
        assert_int_equal(remove_tree(f->fd, "to", NULL), 0);
        scratch_mkdir(&f->scratch, "to");
        clone(f);
        assert_int_equal(
                getxattr(scratch_at(&f->scratch, "to/dir"), "user.test", value, sizeof(value)), 3);
        assert_memory_equal(value, "a\0b", 3);
}

CLONE_TEST(directories_that_nobody_may_enter_are_cloned_by_root) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip();
        scratch_mkdir(&f->scratch, "from/none");
        scratch_write(&f->scratch, "from/none/file", "x");
        assert_int_equal(chmod(scratch_at(&f->scratch, "from/none/file"), 0), 0);
        assert_int_equal(chmod(scratch_at(&f->scratch, "from/none"), 0), 0);
        clone(f);
        assert_int_equal(look(f, "to/none").st_mode & 07777, 0);
        assert_true(is_same_file(f, "from/none/file", "to/none/file"));
}

/* Nested @depth directories in the directory @name, which counts as the first. */
static void make_deep(Fixture *f, const char *name, size_t depth) {
        int fd = openat(f->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        for (size_t i = 1; i < depth; i++) {
                int next;

                assert_int_equal(mkdirat(fd, "d", 0755), 0);
                next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                assert_true(next >= 0);
                close(fd);
                fd = next;
        }
        close(fd);
}

static void clear_deep(Fixture *f) {
        assert_int_equal(remove_tree(f->fd, "from", NULL), 0);
        assert_int_equal(remove_tree(f->fd, "to", NULL), 0);
}

CLONE_TEST(tree_as_deep_as_allowed_is_cloned) {
        Fixture *f = *state;

        make_deep(f, "from", TREE_CLONE_DEPTH_MAX);
        clone(f);
        clear_deep(f);
}

CLONE_TEST(deeper_tree_is_refused) {
        Fixture *f = *state;
        Error error = ERROR_NULL;

        make_deep(f, "from", TREE_CLONE_DEPTH_MAX + 1);
        assert_int_equal(tree_clone(f->fd, "from", "to", &error), -ELOOP);
        assert_int_equal(error.kind, ERROR_LIMIT_EXCEEDED);
        error_clear(&error);
        clear_deep(f);
}

CLONE_TEST(tree_with_something_mounted_in_it_is_refused) {
        Fixture *f = *state;
        Error error = ERROR_NULL;
        int r;

        scratch_mkdir(&f->scratch, "from/mnt");
        if (geteuid() != 0 ||
            mount("tmpfs", scratch_at(&f->scratch, "from/mnt"), "tmpfs", 0, NULL) < 0)
                skip();
        r = tree_clone(f->fd, "from", "to", &error);
        assert_int_equal(umount(scratch_at(&f->scratch, "from/mnt")), 0);
        assert_int_equal(r, -EXDEV);
        assert_non_null(strstr(error.message, "mnt"));
        error_clear(&error);
}

/* What the daemon remembers before a tree is cloned. */
typedef struct Times {
        uint64_t cloned, modified;
} Times;

static uint64_t nsec_of(struct timespec time) {
        return (uint64_t) time.tv_sec * 1000000000U + (uint64_t) time.tv_nsec;
}

static Times clone_and_remember(Fixture *f) {
        struct timespec now;
        Times times = { .modified = nsec_of(look(f, "from").st_mtim) };

        assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
        times.cloned = nsec_of(now);
        clone(f);
        return times;
}

static void assert_changed(Fixture *f, Times times, const char *where) {
        Error error = ERROR_NULL;

        assert_int_equal(
                tree_clone_check(f->fd, "from", times.cloned, times.modified, &error), -EBUSY);
        assert_int_equal(error.kind, ERROR_DESTINATION_BUSY);
        assert_non_null(strstr(error.message, where));
        error_clear(&error);
}

CLONE_TEST(what_changes_after_it_was_cloned_is_named) {
        Fixture *f = *state;
        Times times;

        scratch_mkdir(&f->scratch, "from/a");
        scratch_mkdir(&f->scratch, "from/a/b");
        scratch_mkdir(&f->scratch, "from/c");
        scratch_write(&f->scratch, "from/a/file", "x");
        times = clone_and_remember(f);
        scratch_write(&f->scratch, "from/a/file", "y");
        assert_int_equal(tree_clone_check(f->fd, "from", times.cloned, times.modified, NULL), 0);

        scratch_write(&f->scratch, "from/a/b/new", "x");
        assert_changed(f, times, "directory /a/b;");
        assert_int_equal(unlink(scratch_at(&f->scratch, "from/a/b/new")), 0);
        assert_changed(f, times, "directory /a/b;");
}

CLONE_TEST(change_of_the_top_is_seen_but_not_that_it_was_renamed) {
        Fixture *f = *state;
        Times times = clone_and_remember(f);

        assert_int_equal(renameat2(f->fd, "from", f->fd, "to", RENAME_EXCHANGE), 0);
        assert_int_equal(tree_clone_check(f->fd, "to", times.cloned, times.modified, NULL), 0);
        assert_int_equal(renameat2(f->fd, "from", f->fd, "to", RENAME_EXCHANGE), 0);
        scratch_write(&f->scratch, "from/new", "x");
        assert_changed(f, times, "directory /;");
}
