/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-destination.h"

#include <sys/syscall.h>

#include "base-text.h"

/* How often fsync(2) of that directory fails, once something has its name in it. */
static struct {
        char path[PATH_MAX];
        const char *once;
        unsigned n;
} failing;

/* In place of the C library's. */
/* Somebody who exchanges "full" for "victim" right before the daemon exchanges it; NULL: nobody. */
static StoreFixture *before_exchange;

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
        StoreFixture *f = TAKE_PTR(before_exchange);
        char victim[SCRATCH_PATH_MAX];

        if (f) {
                (void) snprintf(victim, sizeof(victim), "%s", scratch_at(&f->scratch, "victim"));
                (void) syscall(
                        SYS_renameat2, AT_FDCWD, scratch_at(&f->scratch, "full"), AT_FDCWD, victim,
                        RENAME_EXCHANGE);
        }
        return (int) syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

int fsync(int fd) {
        struct stat there, st;
        char once[PATH_MAX + NAME_MAX];

        (void) snprintf(
                once, sizeof(once), "%s/%s", failing.path, failing.once ? failing.once : "");
        if (failing.n > 0 && access(once, F_OK) == 0 && stat(failing.path, &there) == 0 &&
            fstat(fd, &st) == 0 && st.st_ino == there.st_ino && st.st_dev == there.st_dev) {
                failing.n--;
                errno = EIO;
                return -1;
        }
        return (int) syscall(SYS_fsync, fd);
}

static void let_sync_fail(StoreFixture *f, const char *once, unsigned n) {
        (void) snprintf(failing.path, sizeof(failing.path), "%s", scratch_at(&f->scratch, "."));
        failing.once = once;
        failing.n = n;
}

static ErrorKind refusal(const char *path) {
        const JobDestinationRequest request = { .path = path, .directory_fd = -EBADF };
        JobDestination *destination = NULL;
        Error error = ERROR_NULL;
        ErrorKind kind;

        assert_true(job_destination_new(&request, &destination, &error) < 0);
        assert_null(destination);
        assert_int_not_equal(error.code, 0);
        kind = error.kind;
        error_clear(&error);
        return kind;
}

STORE_TEST(root_of_the_system_is_refused) {
        static const char *const names[] = {
                "/", "//", "/.", "/./", "///./.", "/..", "/tmp/..", "/../..", "/tmp/../.",
        };
        StoreFixture *f = *state;

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                assert_int_equal(refusal(names[i]), ERROR_INVALID_DESTINATION);

        assert_int_equal(symlink("/", scratch_at(&f->scratch, "root")), 0);
        assert_int_equal(refusal(scratch_at(&f->scratch, "root")), ERROR_INVALID_DESTINATION);
        assert_int_equal(refusal(scratch_at(&f->scratch, "root/")), ERROR_INVALID_DESTINATION);
}

STORE_TEST(path_that_is_not_absolute_is_refused) {
        assert_int_equal(refusal(""), ERROR_INVALID_DESTINATION);
        assert_int_equal(refusal("relative"), ERROR_INVALID_DESTINATION);
        assert_int_equal(refusal("./x"), ERROR_INVALID_DESTINATION);
}

STORE_TEST(what_is_no_directory_is_refused) {
        StoreFixture *f = *state;

        scratch_write(&f->scratch, "file", "x");
        assert_int_equal(symlink("file", scratch_at(&f->scratch, "link")), 0);
        assert_int_equal(symlink("nowhere", scratch_at(&f->scratch, "dangling")), 0);
        assert_int_equal(symlink("loop", scratch_at(&f->scratch, "loop")), 0);
        assert_int_equal(refusal(scratch_at(&f->scratch, "file")), ERROR_INVALID_DESTINATION);
        assert_int_equal(refusal(scratch_at(&f->scratch, "link")), ERROR_INVALID_DESTINATION);
        assert_int_equal(refusal(scratch_at(&f->scratch, "file/x")), ERROR_INVALID_DESTINATION);
        assert_int_equal(refusal(scratch_at(&f->scratch, "file/x/y")), ERROR_INVALID_DESTINATION);
        assert_int_equal(refusal(scratch_at(&f->scratch, "dangling")), ERROR_INVALID_DESTINATION);
        assert_int_equal(refusal(scratch_at(&f->scratch, "dangling/x")), ERROR_INVALID_DESTINATION);
        assert_int_equal(refusal(scratch_at(&f->scratch, "loop")), ERROR_INVALID_DESTINATION);
}

STORE_TEST(way_up_from_a_missing_directory_is_refused) {
        StoreFixture *f = *state;
        JobDestination *destination;

        assert_int_equal(
                refusal(scratch_at(&f->scratch, "missing/../x")), ERROR_INVALID_DESTINATION);
        assert_int_equal(refusal(scratch_at(&f->scratch, "missing/..")), ERROR_INVALID_DESTINATION);

        scratch_mkdir(&f->scratch, "there");
        destination = must_have(f, "there/../x", false);
        assert_string_equal(job_destination_path(destination), scratch_at(&f->scratch, "x"));
        job_destination_free(destination);
        destination = must_have(f, "..x/x..", false);
        assert_string_equal(job_destination_path(destination), scratch_at(&f->scratch, "..x/x.."));
        job_destination_free(destination);
}

STORE_TEST(nothing_becomes_visible_of_what_was_given_up) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "new", false);
        Error error = ERROR_NULL;

        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "file");
        job_destination_give_up(destination);
        assert_int_equal(job_destination_commit(destination, &error), -ECANCELED);
        assert_int_equal(error.kind, ERROR_CANCELLED);
        error_clear(&error);
        assert_false(scratch_exists(&f->scratch, "new"));
        finish(destination);
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(names_that_are_too_long_are_refused) {
        StoreFixture *f = *state;
        char name[NAME_MAX + 2];
        JobDestination *destination;

        memset(name, 'n', sizeof(name));
        name[NAME_MAX + 1] = '\0';
        assert_int_equal(refusal(scratch_at(&f->scratch, name)), ERROR_INVALID_DESTINATION);

        name[NAME_MAX] = '\0';
        destination = must_have(f, name, false);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, name));
}

STORE_TEST(long_name_is_cut_between_characters) {
        StoreFixture *f = *state;
        char name[NAME_MAX + 1];

        for (size_t shift = 0; shift < 3; shift++) {
                JobDestination *destination;
                const char *cut;

                memset(name, 'n', shift);
                name[shift] = '\0';
                while (strlen(name) + strlen("€") <= NAME_MAX)
                        strcat(name, "€");
                destination = must_have(f, name, false);
                assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
                cut = scratch_find(&f->scratch, ".", ".virt-bootstrap-");
                assert_true(text_is_utf8(cut));
                assert_true(strlen(cut) > NAME_MAX - strlen("€"));
                finish(destination);
        }
}

STORE_TEST(path_is_tidied_and_links_are_resolved) {
        StoreFixture *f = *state;
        JobDestination *destination;

        scratch_mkdir(&f->scratch, "real");
        assert_int_equal(symlink("real", scratch_at(&f->scratch, "link")), 0);
        destination = must_have(f, ".//link/./", false);
        assert_string_equal(job_destination_path(destination), scratch_at(&f->scratch, "real"));
        job_destination_free(destination);
        destination = must_have(f, "link/a//b/.", false);
        assert_string_equal(job_destination_path(destination), scratch_at(&f->scratch, "real/a/b"));
        job_destination_free(destination);
}

STORE_TEST(directory_with_content_is_refused_unless_overwriting) {
        StoreFixture *f = *state;
        JobDestination *destination = NULL;

        scratch_mkdir(&f->scratch, "full");
        scratch_write(&f->scratch, "full/.hidden", "x");
        assert_int_equal(refusal(scratch_at(&f->scratch, "full")), ERROR_DESTINATION_NOT_EMPTY);
        assert_int_equal(destination_at(f, "full", false, &destination), -ENOTEMPTY);
        destination = must_have(f, "full", true);
        job_destination_free(destination);
}

STORE_TEST(lost_and_found_is_content_but_where_something_is_mounted) {
        StoreFixture *f = *state;

        scratch_mkdir(&f->scratch, "fresh");
        scratch_mkdir(&f->scratch, "fresh/lost+found");
        assert_int_equal(refusal(scratch_at(&f->scratch, "fresh")), ERROR_DESTINATION_NOT_EMPTY);
}

STORE_TEST(nothing_is_made_before_it_is_prepared) {
        StoreFixture *f = *state;

        job_destination_free(must_have(f, "a/b/c", false));
        assert_false(scratch_exists(&f->scratch, "a"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(staging_is_private_marked_and_noted) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "new", false);
        StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;
        char *path, *mark;
        struct stat st;

        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        path = staging(f, ".", "new");
        assert_non_null(path);
        assert_int_equal(stat(scratch_at(&f->scratch, path), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(st.st_uid, geteuid());
        assert_int_equal(fstat(job_destination_root_fd(destination), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0755);
        assert_false(scratch_exists(&f->scratch, "new"));

        mark = scratch_find(&f->scratch, path, ".virt-bootstrap-");
        assert_int_equal(stat(scratch_at(&f->scratch, mark), &st), 0);
        assert_true(S_ISREG(st.st_mode));
        assert_int_equal(st.st_mode & 07777, 0600);

        assert_int_equal(count_journal(f), 1);
        assert_int_equal(store_journal_take(f->store, strrchr(mark, '-') + 1, &entry, NULL), 0);
        finish(destination);
        assert_null(staging(f, ".", "new"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(commit_makes_the_tree_visible_and_leaves_nothing_else) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "new", false);
        JobDestinationStep step;

        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "file");
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        assert_true(scratch_exists(&f->scratch, "new/file"));
        assert_false(job_destination_cleanup_step(destination, &step));
        assert_int_equal(job_destination_cleaned(destination, NULL), 0);
        assert_null(staging(f, ".", "new"));
        assert_int_equal(count_journal(f), 0);
        job_destination_free(destination);
        assert_true(scratch_exists(&f->scratch, "new/file"));
}

STORE_TEST(new_tree_looks_like_the_directory_that_it_replaces) {
        StoreFixture *f = *state;
        JobDestination *destination;
        struct stat before, after;

        scratch_mkdir(&f->scratch, "dir");
        assert_int_equal(chmod(scratch_at(&f->scratch, "dir"), 02750), 0);
        if (geteuid() == 0)
                assert_int_equal(chown(scratch_at(&f->scratch, "dir"), 12, 34), 0);
        assert_int_equal(stat(scratch_at(&f->scratch, "dir"), &before), 0);
        destination = must_have(f, "dir", false);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        finish(destination);
        assert_int_equal(stat(scratch_at(&f->scratch, "dir"), &after), 0);
        assert_int_not_equal(before.st_ino, after.st_ino);
        assert_int_equal(before.st_mode, after.st_mode);
        assert_int_equal(before.st_uid, after.st_uid);
        assert_int_equal(before.st_gid, after.st_gid);
}

STORE_TEST(missing_parents_are_made_and_removed_again_after_a_failure) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "a/b/c/d", false);

        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        assert_non_null(staging(f, "a/b/c", "d"));
        put_in(destination, "file");
        finish(destination);
        assert_false(scratch_exists(&f->scratch, "a"));
}

STORE_TEST(parents_with_something_else_in_them_stay) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "a/b/c/d", false);

        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        scratch_write(&f->scratch, "a/mine", "x");
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "a/mine"));
        assert_false(scratch_exists(&f->scratch, "a/b"));
}

STORE_TEST(parents_that_others_made_meanwhile_stay) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "a/b", false);

        scratch_mkdir(&f->scratch, "a");
        finish(destination); /* cancelled in the queue */
        assert_true(scratch_exists(&f->scratch, "a"));
}

STORE_TEST(parents_stay_after_a_commit) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "a/b", false);

        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "a/b"));
}

STORE_TEST(parents_that_existed_stay_after_a_failure) {
        StoreFixture *f = *state;
        JobDestination *destination;

        scratch_mkdir(&f->scratch, "a");
        scratch_mkdir(&f->scratch, "a/b");
        destination = must_have(f, "a/b", false);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "a/b"));
        destination = must_have(f, "a/new", false);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "a"));
}

STORE_TEST(overwritten_tree_is_cloned_first_and_changes_places) {
        StoreFixture *f = *state;
        JobDestination *destination;
        JobDestinationStep step;

        scratch_mkdir(&f->scratch, "full");
        scratch_write(&f->scratch, "full/old", "x");
        destination = must_have(f, "full", true);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        assert_true(job_destination_clone_step(destination, &step));
        assert_string_equal(step.name, "full");
        assert_string_equal(step.target + strlen(step.target) - 5, "/root");
        assert_int_equal(faccessat(step.directory_fd, step.target, F_OK, 0), 0);

        put_in(destination, "new");
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        assert_true(scratch_exists(&f->scratch, "full/new"));
        assert_false(scratch_exists(&f->scratch, "full/old"));
        assert_true(scratch_exists(&f->scratch, strcat(staging(f, ".", "full"), "/root/old")));
        assert_true(clean(destination));
        assert_int_equal(job_destination_cleaned(destination, NULL), 0);
        job_destination_free(destination);
        assert_null(staging(f, ".", "full"));
        assert_true(scratch_exists(&f->scratch, "full/new"));
}

/* A tree "full" with "old" in it has changed places with one with "new". */
static JobDestination *overwrite(StoreFixture *f) {
        JobDestination *destination;
        JobDestinationStep step;

        scratch_mkdir(&f->scratch, "full");
        scratch_write(&f->scratch, "full/old", "x");
        destination = must_have(f, "full", true);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        assert_false(job_destination_check_clone_step(destination, &step));
        put_in(destination, "new");
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        assert_true(job_destination_check_clone_step(destination, &step));
        assert_true(step.is_check && !step.target && step.cloned > step.modified);
        assert_string_equal(step.name, "root");
        return destination;
}

STORE_TEST(commit_is_taken_back) {
        StoreFixture *f = *state;
        JobDestination *destination = overwrite(f);

        assert_int_equal(job_destination_revert(destination, NULL), 0);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "full/old"));
        assert_false(scratch_exists(&f->scratch, "full/new"));
        assert_null(staging(f, ".", "full"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(tree_that_cannot_be_put_back_stays_and_is_named) {
        StoreFixture *f = *state;
        JobDestination *destination = overwrite(f);
        Error error = ERROR_NULL;

        assert_int_equal(
                rename(scratch_at(&f->scratch, "full"), scratch_at(&f->scratch, "away")), 0);
        scratch_mkdir(&f->scratch, "full");
        assert_int_equal(job_destination_revert(destination, &error), -ESTALE);
        assert_non_null(strstr(error.message, "something else is there now"));
        assert_non_null(strstr(error.message, "/root"));
        error_clear(&error);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, strcat(staging(f, ".", "full"), "/root/old")));
        assert_int_equal(count_journal(f), 0);
}

/* A tree "full" with "old" in it is about to change places with one with "new". */
static JobDestination *prepare_overwriting(StoreFixture *f) {
        JobDestination *destination;

        scratch_mkdir(&f->scratch, "full");
        scratch_write(&f->scratch, "full/old", "x");
        destination = must_have(f, "full", true);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "new");
        return destination;
}

STORE_TEST(commit_that_cannot_be_written_is_taken_back) {
        StoreFixture *f = *state;
        JobDestination *destination = prepare_overwriting(f);
        Error error = ERROR_NULL;

        let_sync_fail(f, "full/new", 1);
        assert_int_equal(job_destination_commit(destination, &error), -EIO);
        assert_int_equal(failing.n, 0);
        assert_non_null(strstr(error.message, "Cannot write the name"));
        error_clear(&error);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "full/old"));
        assert_false(scratch_exists(&f->scratch, "full/new"));
        assert_null(staging(f, ".", "full"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(other_tree_at_its_place_is_put_back) {
        StoreFixture *f = *state;
        JobDestination *destination = prepare_overwriting(f);
        Error error = ERROR_NULL;

        assert_int_equal(
                rename(scratch_at(&f->scratch, "full"), scratch_at(&f->scratch, "away")), 0);
        scratch_mkdir(&f->scratch, "full");
        scratch_write(&f->scratch, "full/theirs", "x");
        assert_int_equal(job_destination_commit(destination, &error), -ESTALE);
        assert_int_equal(error.kind, ERROR_INVALID_DESTINATION);
        assert_non_null(strstr(error.message, "put something else in its place"));
        error_clear(&error);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "full/theirs"));
        assert_true(scratch_exists(&f->scratch, "away/old"));
        assert_null(staging(f, ".", "full"));
        assert_int_equal(count_journal(f), 0);
}

/* What a worker has done, the daemon looks at. */
STORE_TEST(commit_of_a_worker_that_cannot_be_written_is_to_be_taken_back) {
        StoreFixture *f = *state;
        JobDestination *destination = prepare_overwriting(f);
        const char *root;

        assert_int_equal(job_destination_end_commit(destination, NULL), 0);
        assert_false(job_destination_has_exchanged(destination));
        root = scratch_at(&f->scratch, strcat(staging(f, ".", "full"), "/root"));
        assert_int_equal(
                renameat2(
                        AT_FDCWD, root, AT_FDCWD, scratch_at(&f->scratch, "full"), RENAME_EXCHANGE),
                0);
        let_sync_fail(f, "full/new", 1);
        assert_int_equal(job_destination_end_commit(destination, NULL), -EIO);
        assert_true(job_destination_has_exchanged(destination));
        assert_int_equal(job_destination_revert(destination, NULL), 0);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "full/old"));
        assert_null(staging(f, ".", "full"));
}

/* Between the two system calls of a revert, somebody exchanges the new tree for another one. */
STORE_TEST(other_tree_that_comes_back_instead_of_the_new_one_is_not_removed) {
        StoreFixture *f = *state;
        JobDestination *destination = overwrite(f);
        Error error = ERROR_NULL;

        scratch_mkdir(&f->scratch, "victim");
        scratch_write(&f->scratch, "victim/theirs", "x");
        before_exchange = f;
        assert_int_equal(job_destination_revert(destination, &error), -ESTALE);
        assert_null(before_exchange);
        assert_non_null(strstr(error.message, "in the meantime is kept; it is at "));
        error_clear(&error);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, strcat(staging(f, ".", "full"), "/root/theirs")));
        assert_true(scratch_exists(&f->scratch, "victim/new"));
        assert_true(scratch_exists(&f->scratch, "full/old"));
}

STORE_TEST(old_tree_stays_if_the_new_one_is_moved_away_after_the_exchange_of_a_worker) {
        StoreFixture *f = *state;
        JobDestination *destination = prepare_overwriting(f);
        Error error = ERROR_NULL;
        const char *root = scratch_at(&f->scratch, strcat(staging(f, ".", "full"), "/root"));

        assert_int_equal(
                renameat2(
                        AT_FDCWD, root, AT_FDCWD, scratch_at(&f->scratch, "full"), RENAME_EXCHANGE),
                0);
        assert_int_equal(
                rename(scratch_at(&f->scratch, "full"), scratch_at(&f->scratch, "away")), 0);
        assert_int_equal(job_destination_end_commit(destination, &error), -ESTALE);
        assert_non_null(strstr(error.message, "which somebody has moved away; it is at "));
        error_clear(&error);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, strcat(staging(f, ".", "full"), "/root/old")));
        assert_true(scratch_exists(&f->scratch, "away/new"));
}

/* As when there is no worker that could put it back. */
STORE_TEST(tree_that_was_not_put_back_stays_and_is_named) {
        StoreFixture *f = *state;
        JobDestination *destination = overwrite(f);
        Error error = ERROR_NULL;

        assert_int_equal(job_destination_end_revert(destination, &error), -ESTALE);
        assert_non_null(strstr(error.message, "could not be put back; it is at "));
        error_clear(&error);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, strcat(staging(f, ".", "full"), "/root/old")));
        assert_true(scratch_exists(&f->scratch, "full/new"));
        assert_int_equal(count_journal(f), 0);
}

/* Either of the two may be what is at the destination after a power failure. */
STORE_TEST(neither_tree_is_removed_when_nothing_can_be_written) {
        StoreFixture *f = *state;
        JobDestination *destination = prepare_overwriting(f);
        Error error = ERROR_NULL;

        let_sync_fail(f, "full", 2);
        assert_int_equal(job_destination_commit(destination, &error), -EIO);
        assert_int_equal(failing.n, 0);
        assert_non_null(strstr(error.message, "is kept, since the old one"));
        assert_non_null(strstr(error.message, "/root"));
        error_clear(&error);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "full/old"));
        assert_true(scratch_exists(&f->scratch, strcat(staging(f, ".", "full"), "/root/new")));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(failed_overwriting_leaves_what_was_there) {
        StoreFixture *f = *state;
        JobDestination *destination;

        scratch_mkdir(&f->scratch, "full");
        scratch_write(&f->scratch, "full/old", "x");
        destination = must_have(f, "full", true);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "new");
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "full/old"));
        assert_false(scratch_exists(&f->scratch, "full/new"));
        assert_null(staging(f, ".", "full"));
}

STORE_TEST(new_destination_needs_no_clone) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "new", true);
        JobDestinationStep step;

        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        assert_false(job_destination_clone_step(destination, &step));
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "new"));
}

STORE_TEST(commit_to_what_was_filled_meanwhile_changes_nothing) {
        StoreFixture *f = *state;

        for (int exists = 0; exists < 2; exists++) {
                JobDestination *destination;
                Error error = ERROR_NULL;

                if (exists)
                        scratch_mkdir(&f->scratch, "dir1");
                destination = must_have(f, exists ? "dir1" : "dir0", false);
                assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
                if (!exists)
                        scratch_mkdir(&f->scratch, "dir0");
                scratch_write(&f->scratch, exists ? "dir1/theirs" : "dir0/theirs", "x");
                assert_int_equal(job_destination_commit(destination, &error), -ENOTEMPTY);
                assert_int_equal(error.kind, ERROR_DESTINATION_NOT_EMPTY);
                error_clear(&error);
                finish(destination);
                assert_true(scratch_exists(&f->scratch, exists ? "dir1/theirs" : "dir0/theirs"));
                assert_null(staging(f, ".", "dir0"));
                assert_null(staging(f, ".", "dir1"));
        }
}

STORE_TEST(file_that_appeared_meanwhile_stays) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "new", false);

        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        scratch_write(&f->scratch, "new", "theirs");
        assert_true(job_destination_commit(destination, NULL) < 0);
        finish(destination);

        char *content = scratch_read(&f->scratch, "new");

        assert_string_equal(content, "theirs");
        free(content);
}

/* Also what the one who came too late does in the end leaves the other's work alone. */
STORE_TEST(second_at_the_same_destination_is_told_that_it_is_busy) {
        StoreFixture *f = *state;
        JobDestination *first = must_have(f, "new", false), *second = must_have(f, "new", false);
        JobDestinationStep step;
        Error error = ERROR_NULL;

        assert_int_equal(job_destination_prepare(first, f->store, NULL), 0);
        put_in(first, "file");
        assert_int_equal(job_destination_prepare(second, f->store, &error), -EBUSY);
        assert_int_equal(error.kind, ERROR_DESTINATION_BUSY);
        error_clear(&error);
        assert_false(job_destination_cleanup_step(second, &step));
        finish(second);

        assert_int_equal(count_journal(f), 1);
        assert_int_equal(job_destination_commit(first, NULL), 0);
        finish(first);
        assert_true(scratch_exists(&f->scratch, "new/file"));
}

/* Nobody can know the name before it is there, and so nobody can be in the way. */
STORE_TEST(name_of_the_staging_is_another_one_each_time) {
        StoreFixture *f = *state;
        char first[SCRATCH_PATH_MAX];

        scratch_mkdir(&f->scratch, ".virt-bootstrap-a");
        scratch_write(&f->scratch, ".virt-bootstrap-a/theirs", "x");
        first[0] = '\0';
        for (unsigned i = 0; i < 2; i++) {
                JobDestination *destination = must_have(f, "a", false);

                assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
                assert_string_not_equal(staging(f, ".", "a"), first);
                strcpy(first, staging(f, ".", "a"));
                assert_int_equal(
                        strlen(first), strlen("./.virt-bootstrap-a-") + STORE_JOURNAL_ID_MAX - 1);
                finish(destination);
                assert_null(staging(f, ".", "a"));
        }
        assert_true(scratch_exists(&f->scratch, ".virt-bootstrap-a/theirs"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(mount_point_is_filled_in_place) {
        StoreFixture *f = *state;
        JobDestination *destination;
        JobDestinationStep step;

        mount_tmpfs(f, "mnt");
        scratch_mkdir(&f->scratch, "mnt/lost+found");
        destination = must_have(f, "mnt", false);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        assert_null(staging(f, ".", "mnt"));
        put_in(destination, "file");
        assert_true(scratch_exists(&f->scratch, "mnt/file"));
        assert_false(job_destination_clone_step(destination, &step));
        assert_non_null(scratch_find(&f->scratch, "mnt", ".virt-bootstrap-"));
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        assert_null(scratch_find(&f->scratch, "mnt", ".virt-bootstrap-"));
        assert_false(job_destination_cleanup_step(destination, &step));
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "mnt/file"));
        unmount(f, "mnt");
}

STORE_TEST(mount_point_is_emptied_after_a_failure) {
        StoreFixture *f = *state;
        JobDestination *destination;
        JobDestinationStep step;

        mount_tmpfs(f, "mnt");
        destination = must_have(f, "mnt", false);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "file");
        assert_true(job_destination_cleanup_step(destination, &step));
        assert_true(scratch_exists(&f->scratch, "mnt/file"));
        finish(destination);
        assert_null(scratch_find(&f->scratch, "mnt", ".virt"));
        assert_false(scratch_exists(&f->scratch, "mnt/file"));
        unmount(f, "mnt");
}

STORE_TEST(mount_point_with_content_is_not_emptied_when_overwriting_fails) {
        StoreFixture *f = *state;
        JobDestination *destination;
        JobDestinationStep step;

        mount_tmpfs(f, "mnt");
        scratch_write(&f->scratch, "mnt/old", "x");
        destination = must_have(f, "mnt", true);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        assert_false(job_destination_cleanup_step(destination, &step));
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "mnt/old"));
        unmount(f, "mnt");
}

STORE_TEST(mount_point_that_was_filled_meanwhile_is_left_alone) {
        StoreFixture *f = *state;
        JobDestination *destination;
        JobDestinationStep step;
        Error error = ERROR_NULL;

        mount_tmpfs(f, "mnt");
        destination = must_have(f, "mnt", false);
        scratch_write(&f->scratch, "mnt/theirs", "x");
        assert_int_equal(job_destination_prepare(destination, f->store, &error), -ENOTEMPTY);
        error_clear(&error);
        assert_false(job_destination_cleanup_step(destination, &step));
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "mnt/theirs"));
        unmount(f, "mnt");
}

STORE_TEST(second_at_the_same_mount_point_is_told_that_it_is_busy) {
        StoreFixture *f = *state;
        JobDestination *first, *second;
        JobDestinationStep step;

        mount_tmpfs(f, "mnt");
        first = must_have(f, "mnt", false);
        second = must_have(f, "mnt", false);
        assert_int_equal(job_destination_prepare(first, f->store, NULL), 0);
        assert_int_equal(job_destination_prepare(second, f->store, NULL), -EBUSY);
        put_in(first, "file");
        assert_false(job_destination_cleanup_step(second, &step));
        finish(second);
        assert_int_equal(job_destination_commit(first, NULL), 0);
        finish(first);
        assert_true(scratch_exists(&f->scratch, "mnt/file"));
        unmount(f, "mnt");
}

static JobDestination *by_descriptor(StoreFixture *f, const char *name) {
        _cleanup_(closep) int fd =
                open(scratch_at(&f->scratch, name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const JobDestinationRequest request = {
                .path = scratch_at(&f->scratch, name),
                .directory_fd = fd,
        };
        JobDestination *destination = NULL;

        assert_int_equal(job_destination_new(&request, &destination, NULL), 0);
        return destination;
}

STORE_TEST(directory_that_is_handed_over_is_filled_in_place) {
        StoreFixture *f = *state;
        JobDestination *destination;

        scratch_mkdir(&f->scratch, "dir");
        destination = by_descriptor(f, "dir");
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "file");
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "dir/file"));
}

STORE_TEST(directory_that_is_handed_over_and_filled_meanwhile_is_left_alone) {
        StoreFixture *f = *state;
        JobDestination *first, *second;
        JobDestinationStep step;

        scratch_mkdir(&f->scratch, "dir");
        first = by_descriptor(f, "dir");
        second = by_descriptor(f, "dir");
        assert_int_equal(job_destination_prepare(first, f->store, NULL), 0);
        put_in(first, "file");
        assert_false(job_destination_cleanup_step(second, &step)); /* cancelled in the queue */
        assert_int_equal(job_destination_commit(first, NULL), 0);
        finish(first);

        assert_int_equal(job_destination_prepare(second, f->store, NULL), -ENOTEMPTY);
        assert_false(job_destination_cleanup_step(second, &step));
        finish(second);
        assert_true(scratch_exists(&f->scratch, "dir/file"));
}
