/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include <sys/syscall.h>

#include "store-journal.h"

#define ID_A    "00112233445566778899aabbccddeeff"
#define ID_B    "ffeeddccbbaa99887766554433221100"
#define JOURNAL "store/virt-bootstrap/journal/"

/* What happens when an entry has been opened, and before it is locked; once. */
static struct {
        void (*happens)(void);
        Store *store;
        StoreJournalEntry *entry;
} meanwhile;

/* In place of the C library's. */
int flock(int fd, int operation) {
        void (*happens)(void) = meanwhile.happens;

        meanwhile.happens = NULL;
        if (happens)
                happens();
        return (int) syscall(SYS_flock, fd, operation);
}

static unsigned n_syncs;

/* In place of the C library's. */
int fsync(int fd) {
        n_syncs++;
        return (int) syscall(SYS_fsync, fd);
}

/* What is at the place of an entry's lock is released by the caller. */
static StoreJournalEntry add_with(
        Store *store, const char *id, const char *path, const char *staging, bool no_sync) {
        StoreJournalEntry entry = {
                .path = strdup(path),
                .staging = strdup(staging),
                .device = 1,
                .file_system = UINT64_MAX,
                .inode = 3,
                .existing = 2,
                .root = 5,
                .cloned = UINT64_MAX,
                .modified = 7,
                .lock_fd = -EBADF,
                .no_sync = no_sync,
        };

        strcpy(entry.id, id);
        assert_int_equal(store_journal_write(store, &entry, NULL), 0);
        assert_true(entry.lock_fd >= 0);
        return entry;
}

static StoreJournalEntry add(Store *store, const char *id, const char *path, const char *staging) {
        return add_with(store, id, path, staging, false);
}

static StoreJournalEntry add_unsynced(
        Store *store, const char *id, const char *path, const char *staging) {
        return add_with(store, id, path, staging, true);
}

/* A daemon that is killed keeps no lock. */
static void leave(Store *store, const char *id, const char *path, const char *staging) {
        StoreJournalEntry entry = add(store, id, path, staging);

        store_journal_entry_done(&entry);
}

static size_t count(StoreFixture *f) {
        char(*ids)[STORE_JOURNAL_ID_MAX] = NULL;
        size_t n = 99;

        assert_int_equal(store_journal_list(f->store, &ids, &n, NULL), 0);
        free(ids);
        return n;
}

static int refusal(StoreFixture *f, const char *id, const char *reason) {
        StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;
        Error error = ERROR_NULL;
        int r = store_journal_take(f->store, id, &entry, &error);

        assert_true(r < 0);
        assert_int_equal(error.code, -r);
        assert_non_null(strstr(error.message, id));
        assert_non_null(strstr(error.message, reason));
        assert_null(entry.path);
        error_clear(&error);
        return r;
}

STORE_TEST(what_is_noted_is_read_until_it_is_removed) {
        StoreFixture *f = *state;
        StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;

        assert_int_equal(count(f), 0);
        leave(f->store, ID_A, "/a/new\nline", ".virt-bootstrap-\x01\nx-" ID_A);
        leave(f->store, ID_B, "/b", "");
        f->store = store_free(f->store);
        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &f->store, NULL), 0);
        assert_int_equal(count(f), 2);

        assert_int_equal(store_journal_take(f->store, ID_A, &entry, NULL), 1);
        assert_string_equal(entry.id, ID_A);
        assert_string_equal(entry.path, "/a/new\nline");
        assert_string_equal(entry.staging, ".virt-bootstrap-\x01\nx-" ID_A);
        assert_int_equal(entry.device, 1);
        assert_true(entry.file_system == UINT64_MAX);
        assert_int_equal(entry.inode, 3);
        assert_int_equal(entry.existing, 2);
        assert_int_equal(entry.root, 5);
        assert_true(entry.cloned == UINT64_MAX);
        assert_int_equal(entry.modified, 7);
        store_journal_remove(f->store, &entry);
        store_journal_entry_done(&entry);

        assert_int_equal(count(f), 1);
        assert_int_equal(store_journal_take(f->store, ID_A, &entry, NULL), 0);
        assert_int_equal(store_journal_take(f->store, ID_B, &entry, NULL), 1);
        assert_string_equal(entry.staging, "");
        store_journal_entry_done(&entry);
}

STORE_TEST(entry_is_taken_by_nobody_else_while_it_is_locked) {
        StoreFixture *f = *state;
        StoreJournalEntry entry, taken = STORE_JOURNAL_ENTRY_NULL;
        Store *other = NULL;

        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &other, NULL), 0);
        entry = add(f->store, ID_A, "/a", "x");
        assert_int_equal(store_journal_take(other, ID_A, &taken, NULL), 0);

        /* Nor when more is known of it. */
        entry.inode = 4;
        assert_int_equal(store_journal_write(f->store, &entry, NULL), 0);
        assert_int_equal(store_journal_take(other, ID_A, &taken, NULL), 0);
        store_journal_entry_done(&entry);

        assert_int_equal(store_journal_take(other, ID_A, &taken, NULL), 1);
        assert_int_equal(taken.inode, 4);
        assert_int_equal(store_journal_take(f->store, ID_A, &entry, NULL), 0);
        store_journal_entry_done(&taken);
        store_free(other);
}

STORE_TEST(place_at_which_a_job_works_is_busy_until_it_ends) {
        static const char *const busy[] = { "/srv/a", "/srv", "/srv/a/b/c" };
        static const char *const free_ones[] = { "/srv/ab", "/srv/b", "/srv/a-" };
        StoreFixture *f = *state;
        StoreJournalEntry entry = add(f->store, ID_A, "/srv/a", "x");
        Store *other = NULL;

        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &other, NULL), 0);
        for (size_t i = 0; i < 3; i++) {
                Error error = ERROR_NULL;

                assert_int_equal(store_journal_check(other, busy[i], &error), -EBUSY);
                assert_int_equal(error.kind, ERROR_DESTINATION_BUSY);
                assert_non_null(strstr(error.message, "/srv/a"));
                error_clear(&error);
                assert_int_equal(store_journal_check(other, free_ones[i], NULL), 0);
        }

        store_journal_entry_done(&entry);
        assert_int_equal(store_journal_check(other, "/srv/a", NULL), 0);
        store_free(other);
}

static void note_more(void) {
        meanwhile.entry->inode++;
        assert_int_equal(store_journal_write(meanwhile.store, meanwhile.entry, NULL), 0);
}

STORE_TEST(entry_that_is_written_anew_while_it_is_looked_at_counts) {
        StoreFixture *f = *state;
        StoreJournalEntry entry = add(f->store, ID_A, "/srv/a", "x");
        Store *other = NULL;

        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &other, NULL), 0);
        meanwhile.store = f->store;
        meanwhile.entry = &entry;
        meanwhile.happens = note_more;
        assert_int_equal(store_journal_check(other, "/srv/a/b", NULL), -EBUSY);
        assert_int_equal(entry.inode, 4);
        assert_null(meanwhile.happens);

        store_journal_entry_done(&entry);
        store_free(other);
}

STORE_TEST(journal_is_one_daemons_at_a_time) {
        StoreFixture *f = *state;
        Store *other = NULL;
        Error error = ERROR_NULL;

        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &other, NULL), 0);
        assert_int_equal(store_journal_begin(f->store, NULL), 0);
        assert_int_equal(store_journal_begin(other, &error), -EBUSY);
        assert_int_equal(error.kind, ERROR_DESTINATION_BUSY);
        error_clear(&error);
        store_journal_end(f->store);
        assert_int_equal(store_journal_begin(other, NULL), 0);
        store_journal_end(other);
        store_free(other);
}

/* Every prefix of it, and every byte of it changed. */
static void check_damaged(StoreFixture *f) {
        const char *path = scratch_at(&f->scratch, JOURNAL ID_A);
        _cleanup_(freep) char *whole = NULL;
        size_t size;
        int fd;

        fd = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(fd_read_all(fd, 4096, &whole, &size), 0);
        for (size_t i = 0; i < size; i++) {
                assert_int_equal(ftruncate(fd, (off_t) i), 0);
                assert_int_equal(refusal(f, ID_A, "damaged"), -EBADMSG);
                assert_int_equal(pwrite(fd, whole, size, 0), size);
                assert_int_equal(pwrite(fd, i == 0 ? "?" : "\xff", 1, (off_t) i), 1);
                assert_int_equal(refusal(f, ID_A, "damaged"), -EBADMSG);
                assert_int_equal(pwrite(fd, whole, size, 0), size);
        }
        close(fd);
}

STORE_TEST(damaged_entry_is_told_and_not_believed) {
        StoreFixture *f = *state;
        StoreJournalEntry entry;

        leave(f->store, ID_A, "/srv/vol", "");
        check_damaged(f);
        entry = add_unsynced(f->store, ID_A, "/srv/vol", "");
        store_journal_entry_done(&entry);
        check_damaged(f);
}

STORE_TEST(entry_of_an_earlier_version_names_the_path) {
        StoreFixture *f = *state;

        scratch_write(&f->scratch, JOURNAL ID_A, "/srv/vol/");
        assert_int_equal(refusal(f, ID_A, "/srv/vol/"), -EBADMSG);
        scratch_write(&f->scratch, JOURNAL ID_A, "/srv/.virt-bootstrap-x");
        assert_int_equal(refusal(f, ID_A, "/srv/.virt-bootstrap-x"), -EBADMSG);
        assert_int_equal(count(f), 1);
        store_journal_forget(f->store, ID_A);
        assert_int_equal(count(f), 0);
}

/* The number of its version is all that is known of it, not even what its checksum is of. */
STORE_TEST(entry_of_a_later_version_is_for_who_can_read_it) {
        StoreFixture *f = *state;

        scratch_write(&f->scratch, JOURNAL ID_A, "virt-bootstrap journal 7\nanything");
        assert_int_equal(refusal(f, ID_A, "version"), -EPROTONOSUPPORT);
        scratch_write(&f->scratch, JOURNAL ID_A, "virt-bootstrap journal 12\n");
        assert_int_equal(refusal(f, ID_A, "version"), -EPROTONOSUPPORT);
        scratch_write(&f->scratch, JOURNAL ID_A, "virt-bootstrap journal x\n");
        assert_int_equal(refusal(f, ID_A, "damaged"), -EBADMSG);
}

STORE_TEST(entry_that_was_not_synced_says_so_and_whether_it_is_from_before) {
        static const char *const boots[] = { BOOT_A, BOOT_B, "-" };
        StoreFixture *f = *state;
        StoreJournalEntry entry;

        store_open_again(f, BOOT_A);
        n_syncs = 0;
        entry = add_unsynced(f->store, ID_A, "/a", "x");
        store_journal_entry_done(&entry);
        assert_int_equal(n_syncs, 0);

        for (size_t i = 0; i < 3; i++) {
                store_open_again(f, boots[i]);
                assert_int_equal(store_journal_take(f->store, ID_A, &entry, NULL), 1);
                assert_string_equal(entry.path, "/a");
                assert_string_equal(entry.staging, "x");
                assert_int_equal(entry.device, 1);
                assert_int_equal(entry.modified, 7);
                assert_true(entry.no_sync);
                assert_int_equal(entry.is_from_before, i > 0);
                store_journal_entry_done(&entry);
        }

        leave(f->store, ID_B, "/b", "");
        assert_int_equal(store_journal_take(f->store, ID_B, &entry, NULL), 1);
        assert_false(entry.no_sync || entry.is_from_before);
        n_syncs = 0;
        store_journal_remove(f->store, &entry);
        assert_int_not_equal(n_syncs, 0);
        store_journal_entry_done(&entry);

        assert_int_equal(store_journal_take(f->store, ID_A, &entry, NULL), 1);
        n_syncs = 0;
        store_journal_remove(f->store, &entry);
        assert_int_equal(n_syncs, 0);
        store_journal_entry_done(&entry);
        assert_int_equal(count(f), 0);
}

STORE_TEST(files_of_others_are_ignored) {
        StoreFixture *f = *state;
        StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;

        scratch_write(&f->scratch, JOURNAL "README", "/etc");
        scratch_write(&f->scratch, JOURNAL ID_A ".123.new", "/etc");
        scratch_write(&f->scratch, JOURNAL "00112233445566778899AABBCCDDEEFF", "/etc");
        assert_int_equal(count(f), 0);

        assert_int_equal(mkdir(scratch_at(&f->scratch, JOURNAL ID_A), 0755), 0);
        assert_int_equal(symlink("/etc/hostname", scratch_at(&f->scratch, JOURNAL ID_B)), 0);
        assert_int_equal(store_journal_take(f->store, ID_A, &entry, NULL), 0);
        assert_int_equal(store_journal_take(f->store, ID_B, &entry, NULL), 0);
        assert_int_equal(store_journal_check(f->store, "/", NULL), 0);
}

STORE_TEST(entry_that_is_too_long_is_not_believed) {
        StoreFixture *f = *state;
        StoreJournalEntry entry = { .staging = strdup(""), .lock_fd = -EBADF };
        char path[10000];

        memset(path, 'x', sizeof(path));
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        scratch_write(&f->scratch, JOURNAL ID_A, path);
        assert_int_equal(refusal(f, ID_A, "too long"), -EBADMSG);

        strcpy(entry.id, ID_B);
        entry.path = strdup(path);
        assert_int_equal(store_journal_write(f->store, &entry, NULL), -ENAMETOOLONG);
        store_journal_entry_done(&entry);
        assert_int_equal(count(f), 1);
}
