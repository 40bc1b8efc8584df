/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include "test-flock.h"

static unsigned n_syncs;

/* In place of the C library's. */
int fsync(int fd) {
        n_syncs++;
        return (int) syscall(SYS_fsync, fd);
}

static bool is_in_store(StoreFixture *f, const Digest *digest, bool *ret_is_verified) {
        StoreBlob blob = STORE_BLOB_NULL;
        int r = store_blob_open(f->store, digest, &blob, NULL);

        assert_true(r >= 0);
        if (ret_is_verified)
                *ret_is_verified = blob.is_verified;
        closep(&blob.fd);
        return r == 1;
}

STORE_TEST(blob_is_absent_until_it_is_published) {
        StoreFixture *f = *state;
        Digest digest = digest_of("content");
        bool is_verified;
        int fd;

        assert_false(is_in_store(f, &digest, NULL));
        assert_int_equal(store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &fd, NULL), 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(fd_write_full(fd, "content", 7), 0);
        assert_false(is_in_store(f, &digest, NULL));
        assert_false(scratch_exists(&f->scratch, blob_path(&digest)));

        assert_int_equal(
                store_blob_publish(f->store, &digest, STORE_SIZE_UNKNOWN, fd, false, NULL), 0);
        assert_true(is_in_store(f, &digest, &is_verified));
        assert_true(is_verified);
        assert_true(scratch_exists(&f->scratch, blob_path(&digest)));
        assert_true(scratch_exists(&f->scratch, private_path("verified", &digest)));
        assert_false(scratch_exists(&f->scratch, private_path("partial", &digest)));
        close(fd);
}

STORE_TEST(published_blob_is_read_only_and_leased) {
        StoreFixture *f = *state;
        Digest digest = digest_of("content");
        struct stat st;
        int fd, other;

        assert_int_equal(store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &fd, NULL), 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(
                store_blob_publish(f->store, &digest, STORE_SIZE_UNKNOWN, fd, false, NULL), 0);
        assert_int_equal(stat(scratch_at(&f->scratch, blob_path(&digest)), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0444);

        other = open(scratch_at(&f->scratch, blob_path(&digest)), O_RDONLY | O_CLOEXEC);
        assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
        assert_int_equal(flock(other, LOCK_SH | LOCK_NB), 0);
        assert_int_equal(flock(other, LOCK_UN), 0);
        close(fd);
        assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
        close(other);
}

/* Gives up a lease once somebody waits for that. */
static void *end_lease(void *userdata) {
        const int *fd = userdata;

        while (fcntl(*fd, F_GETLEASE) == F_RDLCK)
                (void) usleep(100);
        assert_int_equal(fcntl(*fd, F_SETLEASE, F_UNLCK), 0);
        return NULL;
}

STORE_TEST(file_that_its_filler_looks_at_is_opened_a_moment_later) {
        StoreFixture *f = *state;
        Digest digest = digest_of("content");
        pthread_t thread;
        int fd, lease_fd;

        assert_int_equal(store_partial_open(f->store, &digest, 7, &fd, NULL), 0);
        close(fd);
        lease_fd = open(scratch_at(&f->scratch, partial_path(&digest, 7)), O_RDONLY | O_CLOEXEC);
        assert_int_equal(fcntl(lease_fd, F_SETSIG, SIGURG), 0);
        assert_int_equal(fcntl(lease_fd, F_SETLEASE, F_RDLCK), 0);
        assert_int_equal(pthread_create(&thread, NULL, end_lease, &lease_fd), 0);
        assert_int_equal(store_partial_open(f->store, &digest, 7, &fd, NULL), 0);
        pthread_join(thread, NULL);
        close(fd);
        close(lease_fd);
}

STORE_TEST(opened_blob_has_its_content_and_a_lease) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "content");
        StoreBlob blob = STORE_BLOB_NULL;
        char content[16];
        int other;

        assert_int_equal(store_blob_open(f->store, &digest, &blob, NULL), 1);
        assert_int_equal(blob.size, 7);
        assert_int_equal(fcntl(blob.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(fd_read_full(blob.fd, content, sizeof(content)), 7);
        assert_memory_equal(content, "content", 7);

        other = open(scratch_at(&f->scratch, blob_path(&digest)), O_RDONLY | O_CLOEXEC);
        assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
        close(other);
        close(blob.fd);
}

STORE_TEST(sha512_has_a_folder_of_its_own) {
        StoreFixture *f = *state;
        Digest digest;
        int fd;

        assert_int_equal(hash_buffer(DIGEST_SHA512, "x", 1, &digest, NULL), 0);
        assert_int_equal(store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &fd, NULL), 0);
        assert_int_equal(
                store_blob_publish(f->store, &digest, STORE_SIZE_UNKNOWN, fd, false, NULL), 0);
        close(fd);
        assert_non_null(strstr(blob_path(&digest), "/sha512/"));
        assert_true(scratch_exists(&f->scratch, blob_path(&digest)));
        assert_true(is_in_store(f, &digest, NULL));
}

STORE_TEST(blob_that_somebody_touched_is_not_verified) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "content");
        bool is_verified = false;

        assert_int_equal(
                utimensat(AT_FDCWD, scratch_at(&f->scratch, blob_path(&digest)), NULL, 0), 0);
        assert_true(is_in_store(f, &digest, &is_verified));
        assert_false(is_verified);
}

STORE_TEST(blob_that_was_replaced_is_not_verified) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "content");
        bool is_verified = true;

        scratch_write(&f->scratch, "store/new", "CONTENT");
        assert_int_equal(
                rename(scratch_at(&f->scratch, "store/new"),
                       scratch_at(&f->scratch, blob_path(&digest))),
                0);
        assert_true(is_in_store(f, &digest, &is_verified));
        assert_false(is_verified);
}

STORE_TEST(blob_that_is_verified_again_is_believed) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "content");
        StoreBlob blob = STORE_BLOB_NULL;
        bool is_verified = false;

        assert_int_equal(chmod(scratch_at(&f->scratch, blob_path(&digest)), 0400), 0);
        assert_int_equal(store_blob_open(f->store, &digest, &blob, NULL), 1);
        assert_false(blob.is_verified);
        assert_int_equal(store_blob_set_verified(f->store, &digest, &blob, false, NULL), 0);
        close(blob.fd);
        assert_true(is_in_store(f, &digest, &is_verified));
        assert_true(is_verified);
}

STORE_TEST(blob_without_or_with_a_damaged_record_is_not_verified) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "content");
        bool is_verified = true;

        scratch_write(&f->scratch, private_path("verified", &digest), "7 1 2.3\n");
        assert_true(is_in_store(f, &digest, &is_verified));
        assert_false(is_verified);
        assert_int_equal(unlink(scratch_at(&f->scratch, private_path("verified", &digest))), 0);
        assert_true(is_in_store(f, &digest, &is_verified));
        assert_false(is_verified);
}

/* Neither may it hang, nor be followed or believed. */
STORE_TEST(what_is_no_file_in_a_blobs_place_is_refused) {
        StoreFixture *f = *state;
        Digest digest = digest_of("content");
        char *path = scratch_at(&f->scratch, blob_path(&digest));
        StoreBlob blob = STORE_BLOB_NULL;
        Error error = ERROR_NULL;

        assert_int_equal(mkfifo(path, 0644), 0);
        assert_true(store_blob_open(f->store, &digest, &blob, &error) < 0);
        assert_int_not_equal(error.code, 0);
        error_clear(&error);
        assert_int_equal(unlink(path), 0);

        assert_int_equal(mkdir(path, 0755), 0);
        assert_true(store_blob_open(f->store, &digest, &blob, NULL) < 0);
        assert_int_equal(rmdir(path), 0);

        assert_int_equal(symlink("/etc/passwd", path), 0);
        assert_int_equal(store_blob_open(f->store, &digest, &blob, NULL), -ELOOP);
        assert_int_equal(blob.fd, -EBADF);
}

STORE_TEST(blob_that_is_being_removed_is_absent) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "content");
        int other = open(scratch_at(&f->scratch, blob_path(&digest)), O_RDONLY | O_CLOEXEC);

        assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
        assert_false(is_in_store(f, &digest, NULL));
        close(other);
        assert_true(is_in_store(f, &digest, NULL));
}

STORE_TEST(partial_blob_is_kept_for_resuming) {
        StoreFixture *f = *state;
        Digest digest = digest_of("content");
        char content[16];
        int fd;

        store_put_partial(f->store, &digest, "cont");
        f->store = store_free(f->store);
        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &f->store, NULL), 0);

        assert_int_equal(store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &fd, NULL), 0);
        assert_int_equal(fd_read_full(fd, content, sizeof(content)), 4);
        assert_memory_equal(content, "cont", 4);
        assert_true(store_partial_is_current(f->store, &digest, STORE_SIZE_UNKNOWN, fd));
        store_partial_remove(f->store, &digest, STORE_SIZE_UNKNOWN, fd);
        close(fd);
        assert_int_equal(store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &fd, NULL), 0);
        assert_int_equal(fd_read_full(fd, content, sizeof(content)), 0);
        close(fd);
}

STORE_TEST(partial_blob_is_not_current_once_published_or_removed) {
        StoreFixture *f = *state;
        Digest digest = digest_of("content");
        Error error = ERROR_NULL;
        int mine, other;

        assert_int_equal(
                store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &other, NULL), 0);
        assert_int_equal(store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &mine, NULL), 0);
        assert_true(store_partial_is_current(f->store, &digest, STORE_SIZE_UNKNOWN, mine));
        assert_int_equal(
                store_blob_publish(f->store, &digest, STORE_SIZE_UNKNOWN, other, false, NULL), 0);
        assert_false(store_partial_is_current(f->store, &digest, STORE_SIZE_UNKNOWN, mine));
        assert_int_equal(
                store_blob_publish(f->store, &digest, STORE_SIZE_UNKNOWN, mine, false, &error),
                -ESTALE);
        error_clear(&error);
        close(other);
        close(mine);

        assert_int_equal(store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &mine, NULL), 0);
        store_partial_remove(f->store, &digest, STORE_SIZE_UNKNOWN, mine);
        assert_false(store_partial_is_current(f->store, &digest, STORE_SIZE_UNKNOWN, mine));
        assert_int_equal(
                store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &other, NULL), 0);
        assert_false(store_partial_is_current(f->store, &digest, STORE_SIZE_UNKNOWN, mine));
        assert_true(store_partial_is_current(f->store, &digest, STORE_SIZE_UNKNOWN, other));
        close(other);
        close(mine);
}

STORE_TEST(partial_blob_is_not_written_through_a_link) {
        StoreFixture *f = *state;
        Digest digest = digest_of("content");
        int fd;

        scratch_write(&f->scratch, "victim", "x");
        assert_int_equal(
                symlink(scratch_at(&f->scratch, "victim"),
                        scratch_at(&f->scratch, private_path("partial", &digest))),
                0);
        assert_int_equal(
                store_partial_open(f->store, &digest, STORE_SIZE_UNKNOWN, &fd, NULL), -ELOOP);
}

STORE_TEST(anonymous_file_has_no_name) {
        StoreFixture *f = *state;
        Error error = ERROR_NULL;
        struct stat st;
        int fd;

        scratch_mkdir(&f->scratch, "temporary");
        assert_int_equal(store_anonymous_open(scratch_at(&f->scratch, "temporary"), &fd, NULL), 0);
        assert_int_equal(fd_write_full(fd, "x", 1), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_nlink, 0);
        assert_int_equal(rmdir(scratch_at(&f->scratch, "temporary")), 0);
        close(fd);

        assert_int_equal(
                store_anonymous_open(scratch_at(&f->scratch, "missing"), &fd, &error), -ENOENT);
        assert_non_null(strstr(error.message, "missing"));
        error_clear(&error);
}

STORE_TEST(quarantined_blob_is_gone) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "content");

        store_blob_quarantine(f->store, &digest);
        assert_false(is_in_store(f, &digest, NULL));
        assert_false(scratch_exists(&f->scratch, blob_path(&digest)));
        assert_false(scratch_exists(&f->scratch, private_path("verified", &digest)));
}

static void remove_before_it_is_locked(void *userdata, int fd, int operation) {
        on_flock = NULL;
        assert_int_equal(unlink(userdata), 0);
}

STORE_TEST(blob_that_is_removed_before_it_is_locked_is_not_there) {
        StoreFixture *f = *state;
        Digest digest = store_put(f->store, "content");

        on_flock_userdata = scratch_at(&f->scratch, blob_path(&digest));
        on_flock = remove_before_it_is_locked;
        assert_false(is_in_store(f, &digest, NULL));
        assert_null(on_flock);
}

static StoreBlob look_at(StoreFixture *f, const Digest *digest) {
        StoreBlob blob = STORE_BLOB_NULL;

        assert_int_equal(store_blob_open(f->store, digest, &blob, NULL), 1);
        closep(&blob.fd);
        return blob;
}

static void check_blob(StoreFixture *f, const Digest *digest, bool is_verified, bool is_synced) {
        const StoreBlob blob = look_at(f, digest);

        assert_int_equal(blob.is_verified, is_verified);
        assert_int_equal(blob.is_synced, is_synced);
}

STORE_TEST(blob_that_was_not_synced_is_believed_in_the_same_boot_only) {
        StoreFixture *f = *state;
        Digest digest, synced;

        store_open_again(f, BOOT_A);
        n_syncs = 0;
        digest = store_put_with(f->store, "content", true);
        assert_int_equal(n_syncs, 0);
        synced = store_put(f->store, "synced");
        assert_int_not_equal(n_syncs, 0);
        check_blob(f, &digest, true, false);
        check_blob(f, &synced, true, true);

        store_open_again(f, BOOT_A);
        check_blob(f, &digest, true, false);
        /* Now it is read from the disk, whatever that has of it. */
        store_open_again(f, BOOT_B);
        check_blob(f, &digest, false, true);
        check_blob(f, &synced, true, true);
}

static void set_verified(StoreFixture *f, const Digest *digest, bool is_synced, bool no_sync) {
        StoreBlob blob = STORE_BLOB_NULL;

        assert_int_equal(store_blob_open(f->store, digest, &blob, NULL), 1);
        blob.is_synced = is_synced;
        n_syncs = 0;
        assert_int_equal(store_blob_set_verified(f->store, digest, &blob, no_sync, NULL), 0);
        assert_true((n_syncs == 0) == no_sync);
        closep(&blob.fd);
}

STORE_TEST(blob_that_is_synced_later_is_believed_in_all_boots) {
        StoreFixture *f = *state;
        Digest digest;

        store_open_again(f, BOOT_A);
        digest = store_put_with(f->store, "content", true);
        set_verified(f, &digest, false, true);
        check_blob(f, &digest, true, false);
        set_verified(f, &digest, true, false);
        check_blob(f, &digest, true, true);
        store_open_again(f, BOOT_B);
        check_blob(f, &digest, true, true);

        /* Nor does a note that is not synced itself need that. */
        set_verified(f, &digest, true, true);
        check_blob(f, &digest, true, true);
}

STORE_TEST(blob_is_not_believed_where_nobody_knows_the_boot) {
        StoreFixture *f = *state;
        Digest digest;

        store_open_again(f, "-");
        digest = store_put_with(f->store, "content", true);
        check_blob(f, &digest, false, false);
        store_open_again(f, BOOT_A);
        check_blob(f, &digest, false, false);
        digest = store_put_with(f->store, "more content", true);
        check_blob(f, &digest, true, false);
        store_open_again(f, "-");
        check_blob(f, &digest, false, false);
}

/* As a power failure leaves it: no part of the record of a blob that was not synced passes for one of a blob that was. */
STORE_TEST(record_that_was_cut_off_is_not_believed) {
        StoreFixture *f = *state;
        _cleanup_(freep) char *record = NULL;
        Digest digest;
        size_t length;

        store_open_again(f, BOOT_A);
        digest = store_put_with(f->store, "content", true);
        record = scratch_read(&f->scratch, private_path("verified", &digest));
        length = strlen(record);
        for (size_t i = length; i-- > 0;) {
                record[i] = '\0';
                scratch_write(&f->scratch, private_path("verified", &digest), record);
                check_blob(f, &digest, false, false);
        }
}
