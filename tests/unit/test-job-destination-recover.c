/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-destination.h"

#include <sys/syscall.h>
#include <sys/wait.h>

/* What happens when a directory is about to be made, and when it has been made. */
static struct {
        void (*happens)(StoreFixture *f);
        StoreFixture *fixture;
        unsigned n;
} meanwhile;

static void let_it_happen(void) {
        void (*happens)(StoreFixture * f) = meanwhile.happens;

        if (!happens)
                return;
        meanwhile.happens = NULL;
        happens(meanwhile.fixture);
        meanwhile.happens = happens;
        meanwhile.n++;
}

/* In place of the C library's. */
int mkdirat(int dir_fd, const char *name, mode_t mode) {
        int r, code;

        let_it_happen();
        r = (int) syscall(SYS_mkdirat, dir_fd, name, mode);
        code = errno;
        let_it_happen();
        errno = code;
        return r;
}

static unsigned n_syncs;

/* In place of the C library's. */
int fsync(int fd) {
        n_syncs++;
        return (int) syscall(SYS_fsync, fd);
}

/* The only id in the journal. */
static const char *only_id(StoreFixture *f) {
        static char id[STORE_JOURNAL_ID_MAX];
        char(*ids)[STORE_JOURNAL_ID_MAX] = NULL;
        size_t n;

        assert_int_equal(store_journal_list(f->store, &ids, &n, NULL), 0);
        assert_int_equal(n, 1);
        strcpy(id, ids[0]);
        free(ids);
        return id;
}

/* What the next daemon does with the only entry: returns what job_destination_recover() does. */
static int recover_with(StoreFixture *f, Store *store, const char *reason) {
        StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;
        JobDestination *destination = NULL;
        Error error = ERROR_NULL;
        int r;

        r = store_journal_take(store, only_id(f), &entry, NULL);
        if (r <= 0)
                return -EAGAIN;

        r = job_destination_recover(store, &entry, &destination, &error);
        assert_int_equal(r < 0 ? -r : 0, error.code);
        if (reason)
                assert_non_null(strstr(error_text(&error), reason));
        error_clear(&error);
        if (r > 0)
                finish(destination);
        store_journal_entry_done(&entry);
        return r;
}

static void recover(StoreFixture *f, int expected, const char *reason) {
        assert_int_equal(recover_with(f, f->store, reason), expected);
        assert_int_equal(count_journal(f), expected == -EXDEV ? 1 : 0);
}

/* A daemon is killed while it works on @name; something is in the tree. */
static void kill_while_filling(StoreFixture *f, const char *name) {
        JobDestination *destination = must_have(f, name, false);

        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "file");
        job_destination_free(destination);
}

STORE_TEST(staging_of_a_killed_daemon_is_recovered) {
        StoreFixture *f = *state;

        kill_while_filling(f, "a/b/new");
        recover(f, 1, NULL);
        assert_false(scratch_exists(&f->scratch, "a"));
}

STORE_TEST(parents_that_were_there_stay_when_it_is_recovered) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "a/b/new", false);

        scratch_mkdir(&f->scratch, "a");
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        job_destination_free(destination);
        recover(f, 1, NULL);
        assert_true(scratch_exists(&f->scratch, "a"));
        assert_false(scratch_exists(&f->scratch, "a/b"));
}

/* A daemon is killed while "full", with "old" in it, is overwritten; the two trees may have changed places. */
static void kill_while_overwriting(StoreFixture *f, bool has_committed) {
        JobDestination *destination;

        scratch_mkdir(&f->scratch, "full");
        scratch_write(&f->scratch, "full/old", "x");
        destination = must_have(f, "full", true);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "new");
        if (has_committed)
                assert_int_equal(job_destination_commit(destination, NULL), 0);
        job_destination_free(destination);
}

/* As the next daemon has it. */
static JobDestination *recovered(StoreFixture *f) {
        StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;
        JobDestination *destination = NULL;

        assert_int_equal(store_journal_take(f->store, only_id(f), &entry, NULL), 1);
        assert_int_equal(job_destination_recover(f->store, &entry, &destination, NULL), 1);
        store_journal_entry_done(&entry);
        return destination;
}

STORE_TEST(old_tree_of_a_killed_daemon_is_looked_at_once_before_it_is_removed) {
        StoreFixture *f = *state;
        JobDestination *destination;
        JobDestinationStep step;

        kill_while_overwriting(f, true);
        destination = recovered(f);
        assert_true(job_destination_check_clone_step(destination, &step));
        assert_true(step.is_check && step.cloned > step.modified && step.modified > 0);
        assert_int_equal(faccessat(step.directory_fd, "root/old", F_OK, 0), 0);
        job_destination_accept(destination);
        job_destination_free(destination);

        /* That one was killed, too, while it was removing. */
        scratch_write(&f->scratch, strcat(staging(f, ".", "full"), "/root/more"), "x");
        destination = recovered(f);
        assert_false(job_destination_check_clone_step(destination, &step));
        finish(destination);
        assert_null(staging(f, ".", "full"));
        assert_true(scratch_exists(&f->scratch, "full/new"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(old_tree_that_was_changed_stays_and_is_named) {
        StoreFixture *f = *state;
        JobDestination *destination;
        Error error = ERROR_NULL;

        kill_while_overwriting(f, true);
        destination = recovered(f);
        assert_int_equal(job_destination_leave(destination, &error), -ESTALE);
        assert_non_null(strstr(error.message, "was changed while being overwritten"));
        assert_non_null(strstr(error.message, "/root"));
        error_clear(&error);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, strcat(staging(f, ".", "full"), "/root/old")));
        assert_true(scratch_exists(&f->scratch, "full/new"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(new_tree_of_a_killed_daemon_is_removed_without_a_look) {
        StoreFixture *f = *state;
        JobDestination *destination;
        JobDestinationStep step;

        kill_while_overwriting(f, false);
        destination = recovered(f);
        assert_false(job_destination_check_clone_step(destination, &step));
        finish(destination);
        assert_null(staging(f, ".", "full"));
        assert_true(scratch_exists(&f->scratch, "full/old"));
}

STORE_TEST(mount_point_of_a_killed_daemon_is_emptied) {
        StoreFixture *f = *state;

        mount_tmpfs(f, "mnt");
        kill_while_filling(f, "mnt");
        recover(f, 1, NULL);
        assert_false(scratch_exists(&f->scratch, "mnt/file"));
        assert_null(scratch_find(&f->scratch, "mnt", ".virt"));
        unmount(f, "mnt");
}

STORE_TEST(mount_point_that_is_complete_is_not_emptied) {
        StoreFixture *f = *state;
        JobDestination *destination;

        mount_tmpfs(f, "mnt");
        destination = must_have(f, "mnt", false);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "file");
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        job_destination_free(destination);
        assert_int_equal(count_journal(f), 0);
        assert_true(scratch_exists(&f->scratch, "mnt/file"));
        unmount(f, "mnt");
}

STORE_TEST(mount_point_in_which_somebody_works_is_left_alone) {
        StoreFixture *f = *state;
        int fd;

        mount_tmpfs(f, "mnt");
        kill_while_filling(f, "mnt");
        fd = open(scratch_at(&f->scratch, "mnt"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(recover_with(f, f->store, "Another job works"), -EBUSY);
        assert_int_equal(count_journal(f), 1);
        assert_true(scratch_exists(&f->scratch, "mnt/file"));

        assert_int_equal(close(fd), 0);
        recover(f, 1, NULL);
        assert_false(scratch_exists(&f->scratch, "mnt/file"));
        unmount(f, "mnt");
}

/* Another volume at the same path: it has no mark, and is another file system. */
STORE_TEST(other_volume_is_left_alone) {
        StoreFixture *f = *state;

        mount_tmpfs(f, "mnt");
        kill_while_filling(f, "mnt");
        assert_int_equal(
                mount("tmpfs", scratch_at(&f->scratch, "mnt"), "tmpfs", 0, "mode=0755"), 0);
        scratch_write(&f->scratch, "mnt/precious", "x");
        recover(f, -EXDEV, "the file system on which the job worked is not there");
        assert_true(scratch_exists(&f->scratch, "mnt/precious"));

        /* Until the volume is there again. */
        unmount(f, "mnt");
        recover(f, 1, NULL);
        assert_false(scratch_exists(&f->scratch, "mnt/file"));
        unmount(f, "mnt");
}

STORE_TEST(volume_that_is_away_is_left_noted) {
        StoreFixture *f = *state;

        mount_tmpfs(f, "mnt");
        kill_while_filling(f, "mnt");
        unmount(f, "mnt");
        recover(f, -EXDEV, "the file system on which the job worked is not there");
        assert_int_equal(rmdir(scratch_at(&f->scratch, "mnt")), 0);
        recover(f, -EXDEV, "it does not exist");
}

static char *mark_in(StoreFixture *f, const char *dir) {
        return scratch_at(&f->scratch, scratch_find(&f->scratch, dir, ".virt-bootstrap-"));
}

/* Somebody has made it their own meanwhile: what is in it is theirs. */
STORE_TEST(mount_point_without_its_mark_is_left_alone) {
        StoreFixture *f = *state;

        mount_tmpfs(f, "mnt");
        for (unsigned i = 0; i < 4; i++) {
                kill_while_filling(f, "mnt");
                char *mark = mark_in(f, "mnt");

                switch (i) {
                case 0: /* gone */
                        assert_int_equal(unlink(mark), 0);
                        break;
                case 1: /* another user's */
                        assert_int_equal(chown(mark, 12345, 12345), 0);
                        break;
                case 2: /* one that others can write */
                        assert_int_equal(chmod(mark, 0666), 0);
                        break;
                case 3: /* a link to one */
                        assert_int_equal(rename(mark, scratch_at(&f->scratch, "mnt/m")), 0);
                        assert_int_equal(symlink("m", mark), 0);
                        break;
                }
                recover(f, -ESTALE, "the job's mark in it is missing");
                assert_true(scratch_exists(&f->scratch, "mnt/file"));
                (void) unlink(mark);
                assert_int_equal(unlink(scratch_at(&f->scratch, "mnt/file")), 0);
        }
        unmount(f, "mnt");
}

/* As a restored backup, or what a local user has put there, with the mark. */
STORE_TEST(other_directory_with_the_mark_is_left_alone) {
        StoreFixture *f = *state;
        char path[SCRATCH_PATH_MAX];
        int from_fd, to_fd;
        const char *mark;

        scratch_mkdir(&f->scratch, "parent");
        kill_while_filling(f, "parent/new");
        strcpy(path, staging(f, "parent", "new"));
        mark = strrchr(mark_in(f, path), '/') + 1;
        assert_int_equal(rename(scratch_at(&f->scratch, path), scratch_at(&f->scratch, "kept")), 0);
        assert_int_equal(mkdir(scratch_at(&f->scratch, path), 0700), 0);
        from_fd = open(scratch_at(&f->scratch, "kept"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        to_fd = open(scratch_at(&f->scratch, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(renameat(from_fd, mark, to_fd, mark), 0);
        close(from_fd);
        close(to_fd);
        recover(f, -ESTALE, "it is not the directory in which");
        assert_non_null(scratch_find(&f->scratch, path, ".virt"));
}

STORE_TEST(staging_without_its_mark_is_left_alone_unless_it_is_empty) {
        StoreFixture *f = *state;

        scratch_mkdir(&f->scratch, "parent");
        kill_while_filling(f, "parent/new");
        assert_int_equal(unlink(mark_in(f, staging(f, "parent", "new"))), 0);
        recover(f, -ESTALE, "the job's mark in it is missing");
        assert_non_null(staging(f, "parent", "new"));
        assert_int_equal(
                rename(scratch_at(&f->scratch, staging(f, "parent", "new")),
                       scratch_at(&f->scratch, "kept")),
                0);

        kill_while_filling(f, "parent/new");
        assert_int_equal(unlink(mark_in(f, staging(f, "parent", "new"))), 0);
        char *root = staging(f, "parent", "new");

        assert_int_equal(unlink(scratch_at(&f->scratch, strcat(root, "/root/file"))), 0);
        assert_int_equal(
                rmdir(scratch_at(&f->scratch, strcat(staging(f, "parent", "new"), "/root"))), 0);
        recover(f, 0, NULL);
        assert_null(staging(f, "parent", "new"));
}

STORE_TEST(staging_that_is_no_longer_there_is_told) {
        StoreFixture *f = *state;

        scratch_mkdir(&f->scratch, "parent");
        kill_while_filling(f, "parent/new");
        assert_int_equal(
                rename(scratch_at(&f->scratch, staging(f, "parent", "new")),
                       scratch_at(&f->scratch, "kept")),
                0);
        recover(f, -ESTALE, "was it moved");

        /* With all that is around it, as when it is not mounted. */
        kill_while_filling(f, "parent/new");
        assert_int_equal(
                rename(scratch_at(&f->scratch, "parent"), scratch_at(&f->scratch, "away")), 0);
        recover(f, -EXDEV, "does not exist");
        assert_int_equal(
                rename(scratch_at(&f->scratch, "away"), scratch_at(&f->scratch, "parent")), 0);
        recover(f, 1, NULL);
        assert_null(staging(f, "parent", "new"));
}

STORE_TEST(link_on_the_way_is_not_followed) {
        StoreFixture *f = *state;

        scratch_mkdir(&f->scratch, "parent");
        kill_while_filling(f, "parent/new");
        assert_int_equal(
                rename(scratch_at(&f->scratch, "parent"), scratch_at(&f->scratch, "other")), 0);
        assert_int_equal(symlink("other", scratch_at(&f->scratch, "parent")), 0);
        recover(f, -ESTALE, "a link");
        assert_non_null(staging(f, "other", "new"));
}

/* Between the exchange of the trees and what follows it: "parent/tree" with "file" replaces one with "old". */
static void kill_after_exchange(StoreFixture *f, const char *keep_old) {
        const JobDestinationRequest request = {
                .path = scratch_at(&f->scratch, "parent/tree"),
                .directory_fd = -EBADF,
                .replaces = true,
                .keep_old = keep_old,
        };
        JobDestination *destination = NULL;
        char root[SCRATCH_PATH_MAX];

        scratch_mkdir(&f->scratch, "parent");
        scratch_mkdir(&f->scratch, "parent/tree");
        scratch_write(&f->scratch, "parent/tree/old", "x");
        assert_int_equal(job_destination_new(&request, &destination, NULL), 0);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "file");
        (void) snprintf(root, sizeof(root), "%s/root", staging(f, "parent", "tree"));
        assert_int_equal(
                renameat2(
                        AT_FDCWD, scratch_at(&f->scratch, root), AT_FDCWD,
                        scratch_at(&f->scratch, "parent/tree"), RENAME_EXCHANGE),
                0);
        job_destination_free(destination);
}

STORE_TEST(replaced_tree_of_a_killed_daemon_is_removed) {
        StoreFixture *f = *state;

        kill_after_exchange(f, NULL);
        recover(f, 1, NULL);
        assert_null(staging(f, "parent", "tree"));
        assert_true(scratch_exists(&f->scratch, "parent/tree/file"));
        assert_false(scratch_exists(&f->scratch, "parent/tree/old"));
}

/* Somebody had put it at the destination before the exchange. */
STORE_TEST(other_tree_that_a_killed_daemon_has_exchanged_is_left_and_told) {
        char root[SCRATCH_PATH_MAX];
        StoreFixture *f = *state;

        kill_after_exchange(f, NULL);
        (void) snprintf(root, sizeof(root), "%s/root", staging(f, "parent", "tree"));
        scratch_mkdir(&f->scratch, "other");
        scratch_write(&f->scratch, "other/theirs", "x");
        assert_int_equal(
                renameat2(
                        AT_FDCWD, scratch_at(&f->scratch, root), AT_FDCWD,
                        scratch_at(&f->scratch, "other"), RENAME_EXCHANGE),
                0);
        recover(f, -ESTALE, "instead of the tree that was to be replaced is kept; it is at ");
        assert_true(scratch_exists(&f->scratch, strcat(root, "/theirs")));
        assert_true(scratch_exists(&f->scratch, "parent/tree/file"));
}

STORE_TEST(replaced_tree_of_a_killed_daemon_gets_the_name_under_which_it_is_to_be_kept) {
        StoreFixture *f = *state;

        kill_after_exchange(f, "previous");
        recover(f, 1, NULL);
        assert_null(staging(f, "parent", "tree"));
        assert_true(scratch_exists(&f->scratch, "parent/tree/file"));
        assert_true(scratch_exists(&f->scratch, "parent/previous/old"));
}

STORE_TEST(replaced_tree_of_a_killed_daemon_is_left_and_told_if_its_new_name_is_taken) {
        char path[SCRATCH_PATH_MAX];
        StoreFixture *f = *state;

        kill_after_exchange(f, "previous");
        scratch_mkdir(&f->scratch, "parent/previous");
        recover(f, -ESTALE, "could not get the name under which it was to be kept; it is at ");
        assert_false(scratch_exists(&f->scratch, "parent/previous/old"));
        (void) snprintf(path, sizeof(path), "%s/root/old", staging(f, "parent", "tree"));
        assert_true(scratch_exists(&f->scratch, path));
}

static void second_daemon_looks(StoreFixture *f) {
        Store *other = NULL;

        if (count_journal(f) == 0)
                return;
        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &other, NULL), 0);
        assert_int_equal(recover_with(f, other, NULL), -EAGAIN);
        store_free(other);
}

/* Between any two of the steps in which a place is noted, made and marked. */
STORE_TEST(recovery_leaves_alone_what_another_daemon_is_about_to_make) {
        StoreFixture *f = *state;
        JobDestination *destination = must_have(f, "a/new", false);

        meanwhile.happens = second_daemon_looks;
        meanwhile.fixture = f;
        meanwhile.n = 0;
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        meanwhile.happens = NULL;
        assert_int_equal(meanwhile.n, 6); /* the parent, the staging directory, the root */
        put_in(destination, "file");
        second_daemon_looks(f);
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        second_daemon_looks(f);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "a/new/file"));
}

static unsigned kill_at;

static void killed(StoreFixture *f) {
        if (meanwhile.n == kill_at)
                _exit(0);
}

/* Killed at each of these steps, it leaves nothing that the next one does not find. */
STORE_TEST(daemon_killed_at_any_step_leaves_nothing) {
        StoreFixture *f = *state;

        for (kill_at = 0; kill_at < 6; kill_at++) {
                pid_t pid = fork();
                int status;

                if (pid == 0) {
                        Store *store = NULL;

                        (void) store_open(scratch_at(&f->scratch, "store"), &store, NULL);
                        meanwhile.happens = killed;
                        meanwhile.fixture = f;
                        meanwhile.n = 0;
                        (void) job_destination_prepare(must_have(f, "a/new", false), store, NULL);
                        _exit(1);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                assert_true(recover_with(f, f->store, NULL) >= 0);
                assert_int_equal(count_journal(f), 0);
                assert_false(scratch_exists(&f->scratch, "a"));
        }
}

static JobDestination *have_unsynced(StoreFixture *f, const char *name, bool overwrite) {
        JobDestination *destination = NULL;

        assert_int_equal(destination_with(f, name, overwrite, true, &destination), 0);
        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        put_in(destination, "new");
        return destination;
}

STORE_TEST(job_without_sync_syncs_nothing) {
        StoreFixture *f = *state;
        JobDestination *destination;

        n_syncs = 0;
        for (unsigned i = 0; i < 3; i++) {
                destination = have_unsynced(f, i == 2 ? "failed" : "a/new", i == 1);
                if (i < 2)
                        assert_int_equal(job_destination_commit(destination, NULL), 0);
                job_destination_accept(destination);
                finish(destination);
        }
        assert_int_equal(count_journal(f), 0);
        assert_true(scratch_exists(&f->scratch, "a/new/new"));
        assert_false(scratch_exists(&f->scratch, "failed"));

        mount_tmpfs(f, "mnt");
        destination = have_unsynced(f, "mnt", false);
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        finish(destination);
        assert_true(scratch_exists(&f->scratch, "mnt/new"));
        unmount(f, "mnt");
        assert_int_equal(count_journal(f), 0);
        assert_int_equal(n_syncs, 0);
}

STORE_TEST(new_tree_that_was_not_synced_is_removed_in_any_boot) {
        static const char *const boots[] = { BOOT_A, BOOT_B, "-" };
        StoreFixture *f = *state;

        scratch_mkdir(&f->scratch, "full");
        scratch_write(&f->scratch, "full/old", "x");
        for (size_t i = 0; i < 6; i++) {
                store_open_again(f, BOOT_A);
                job_destination_free(have_unsynced(f, i < 3 ? "a/new" : "full", i >= 3));
                store_open_again(f, boots[i % 3]);
                recover(f, 1, NULL);
                assert_false(scratch_exists(&f->scratch, "a"));
                assert_null(staging(f, ".", "full"));
                assert_true(scratch_exists(&f->scratch, "full/old"));
        }
}

/* Killed after "full" has been overwritten. @root: what the entry says of the new tree. */
static void kill_after_overwriting_unsynced(StoreFixture *f, bool knows_root) {
        StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;
        JobDestination *destination;

        (void) unlink(scratch_at(&f->scratch, "full/new"));
        scratch_write(&f->scratch, "full/old", "x");
        store_open_again(f, BOOT_A);
        destination = have_unsynced(f, "full", true);
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        job_destination_free(destination);
        if (knows_root)
                return;

        assert_int_equal(store_journal_take(f->store, only_id(f), &entry, NULL), 1);
        assert_true(entry.no_sync && entry.root != 0);
        entry.root = 0;
        assert_int_equal(store_journal_write(f->store, &entry, NULL), 0);
        store_journal_entry_done(&entry);
}

/* The new one may be damaged; and somebody may have gone on with the old one, if it was not told that it was replaced. */
STORE_TEST(tree_that_was_overwritten_without_sync_stays_in_the_next_boot) {
        StoreFixture *f = *state;

        scratch_mkdir(&f->scratch, "full");
        for (unsigned i = 0; i < 4; i++) {
                const char *boot = i < 2 ? BOOT_B : "-";
                char *left;

                kill_after_overwriting_unsynced(f, i % 2 == 0);
                store_open_again(f, boot);
                recover(f, -ESTALE, "the system ended while a job without sync");
                assert_true(scratch_exists(&f->scratch, "full/new"));
                left = staging(f, ".", "full");
                assert_non_null(left);
                assert_true(scratch_exists(&f->scratch, strcat(left, "/root/old")));
                assert_null(scratch_find(&f->scratch, staging(f, ".", "full"), ".virt"));
                assert_int_equal(
                        rename(scratch_at(&f->scratch, staging(f, ".", "full")),
                               scratch_at(&f->scratch, "left")),
                        0);
                assert_int_equal(
                        nftw(scratch_at(&f->scratch, "left"), scratch_remove_one, 64,
                             FTW_DEPTH | FTW_PHYS),
                        0);
        }

        /* Unless no more than the daemon has ended. */
        kill_after_overwriting_unsynced(f, true);
        store_open_again(f, BOOT_A);
        recover(f, 1, NULL);
        assert_null(staging(f, ".", "full"));
}

STORE_TEST(mount_point_that_was_not_synced_is_not_emptied_in_the_next_boot) {
        StoreFixture *f = *state;

        mount_tmpfs(f, "mnt");
        store_open_again(f, BOOT_A);
        job_destination_free(have_unsynced(f, "mnt", false));
        recover(f, 1, NULL);
        assert_false(scratch_exists(&f->scratch, "mnt/new"));

        job_destination_free(have_unsynced(f, "mnt", false));
        store_open_again(f, BOOT_B);
        recover(f, -ESTALE, "the system ended while a job without sync");
        assert_true(scratch_exists(&f->scratch, "mnt/new"));
        unmount(f, "mnt");
}
