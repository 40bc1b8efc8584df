/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Destinations that become files. */

#include "test-destination.h"

#include <sys/syscall.h>

static int noreplace_errno; /* of a file system that cannot rename so; else 0 */

/* In place of the C library's. */
int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
        if (flags == RENAME_NOREPLACE && noreplace_errno != 0) {
                errno = noreplace_errno;
                return -1;
        }
        return (int) syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

static bool lose_answers; /* of a file system over a network, to calls that it has carried out */
static int unlink_errno;  /* of one that does not remove names for now; else 0 */

/* In place of the C library's, as the next one. */
int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
        const int r = (int) syscall(SYS_linkat, from_fd, from, to_fd, to, flags);

        return r >= 0 && lose_answers ? (int) syscall(SYS_linkat, from_fd, from, to_fd, to, flags)
                                      : r;
}

int unlinkat(int fd, const char *name, int flags) {
        if (unlink_errno != 0) {
                errno = unlink_errno;
                return -1;
        }
        return (int) syscall(SYS_unlinkat, fd, name, flags);
}

static JobDestinationRequest request_of(StoreFixture *f, const char *name) {
        noreplace_errno = unlink_errno = 0;
        lose_answers = false;
        return (JobDestinationRequest){
                .path = scratch_at(&f->scratch, name),
                .directory_fd = -EBADF,
                .is_file = true,
        };
}

static JobDestination *accept(const JobDestinationRequest *request) {
        JobDestination *destination = NULL;
        Error error = ERROR_NULL;

        if (job_destination_new(request, &destination, &error) < 0)
                fail_msg("%s", error_text(&error));
        return destination;
}

static void fill(const JobDestination *destination, const char *content) {
        char path[FD_PATH_MAX];
        const int fd =
                open(fd_path(job_destination_root_fd(destination), path), O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(fd_write_full(fd, content, strlen(content)), 0);
        close(fd);
}

/* Up to where the file is complete. */
static JobDestination *filled(StoreFixture *f, const JobDestinationRequest *request) {
        JobDestination *destination = accept(request);

        assert_int_equal(job_destination_prepare(destination, f->store, NULL), 0);
        fill(destination, "new");
        return destination;
}

static void assert_content(StoreFixture *f, const char *name, const char *content) {
        _cleanup_(freep) char *found = NULL;

        assert_int_equal(file_read(AT_FDCWD, scratch_at(&f->scratch, name), 100, &found, NULL), 0);
        assert_string_equal(found, content);
}

static bool is_missing(StoreFixture *f, const char *name) {
        return access(scratch_at(&f->scratch, name), F_OK) < 0 && errno == ENOENT;
}

static void assert_refused(
        const JobDestinationRequest *request, ErrorKind kind, const char *reason) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobDestination *destination = NULL;

        assert_true(job_destination_new(request, &destination, &error) < 0);
        assert_int_equal(error.kind, kind);
        if (!strstr(error_text(&error), reason))
                fail_msg("%s, not: %s", error_text(&error), reason);
}

STORE_TEST(file_has_its_name_once_it_is_committed) {
        StoreFixture *f = *state;
        const JobDestinationRequest request = request_of(f, "disk");
        JobDestination *destination = filled(f, &request);
        struct stat st;

        assert_true(is_missing(f, "disk"));
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        assert_content(f, "disk", "new");
        assert_int_equal(stat(scratch_at(&f->scratch, "disk"), &st), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0600);
        assert_int_equal(st.st_nlink, 1);
        assert_false(job_destination_lends_rights(destination));
        finish(destination);
        assert_null(staging(f, ".", "disk"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(file_that_fails_leaves_neither_itself_nor_directories) {
        StoreFixture *f = *state;
        const JobDestinationRequest request = request_of(f, "a/b/disk");

        finish(filled(f, &request));
        assert_true(is_missing(f, "a"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(file_that_exists_is_refused) {
        StoreFixture *f = *state;
        const JobDestinationRequest request = request_of(f, "disk");

        scratch_write(&f->scratch, "disk", "old");
        assert_refused(
                &request, ERROR_DESTINATION_NOT_EMPTY, "exists; use another name, or --replace");
        assert_content(f, "disk", "old");
}

STORE_TEST(what_is_no_regular_file_is_refused_even_to_replace) {
        static const struct {
                const char *name, *reason;
        } cases[] = {
                { "directory", "directory/\" or use another format" },
                { "link", "is a link; use the path of the file" },
                { "dangling", "is a link; use the path of the file" },
                { "fifo", "is not a regular file" },
                { "file/disk", "cannot be created: file is not a directory" },
                { "dangling/disk", "the link dangling does not lead to a directory" },
        };
        StoreFixture *f = *state;
        JobDestinationRequest request;

        scratch_mkdir(&f->scratch, "directory");
        scratch_write(&f->scratch, "file", "precious");
        assert_int_equal(symlink("file", scratch_at(&f->scratch, "link")), 0);
        assert_int_equal(symlink("nowhere", scratch_at(&f->scratch, "dangling")), 0);
        assert_int_equal(mkfifo(scratch_at(&f->scratch, "fifo"), 0600), 0);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                request = request_of(f, cases[i].name);
                request.replaces = true;
                assert_refused(&request, ERROR_INVALID_DESTINATION, cases[i].reason);
        }
        request.path = "/";
        assert_refused(&request, ERROR_INVALID_DESTINATION, "is the root of this system");
        assert_content(f, "file", "precious");
}

STORE_TEST(path_through_a_linked_directory_is_resolved) {
        StoreFixture *f = *state;
        const JobDestinationRequest request = request_of(f, "link/disk");
        JobDestination *destination;

        scratch_mkdir(&f->scratch, "directory");
        assert_int_equal(symlink("directory", scratch_at(&f->scratch, "link")), 0);
        destination = filled(f, &request);
        assert_string_equal(
                job_destination_path(destination), scratch_at(&f->scratch, "directory/disk"));
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        finish(destination);
        assert_content(f, "directory/disk", "new");
}

STORE_TEST(replaced_file_is_gone_once_the_new_one_has_its_name) {
        StoreFixture *f = *state;
        JobDestinationRequest request = request_of(f, "disk");
        JobDestination *destination;

        scratch_write(&f->scratch, "disk", "old");
        request.replaces = true;
        destination = filled(f, &request);
        assert_content(f, "disk", "old");
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        assert_content(f, "disk", "new");
        finish(destination);
        assert_null(staging(f, ".", "disk"));
        assert_content(f, "disk", "new");
}

STORE_TEST(replaced_file_can_be_kept) {
        StoreFixture *f = *state;
        JobDestinationRequest request = request_of(f, "disk");
        JobDestination *destination;

        scratch_write(&f->scratch, "disk", "old");
        request.replaces = true;
        request.keep_old = "previous";
        destination = filled(f, &request);
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        finish(destination);
        assert_content(f, "disk", "new");
        assert_content(f, "previous", "old");
        assert_refused(&request, ERROR_INVALID_DESTINATION, "that name exists beside it");
}

STORE_TEST(failure_leaves_the_file_that_was_to_be_replaced) {
        StoreFixture *f = *state;
        JobDestinationRequest request = request_of(f, "disk");

        scratch_write(&f->scratch, "disk", "old");
        request.replaces = true;
        finish(filled(f, &request));
        assert_content(f, "disk", "old");
        assert_null(staging(f, ".", "disk"));
}

static void commit_must_fail(
        StoreFixture *f, JobDestination *destination, ErrorKind kind, const char *reason) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_true(job_destination_commit(destination, &error) < 0);
        assert_int_equal(error.kind, kind);
        if (!strstr(error_text(&error), reason))
                fail_msg("%s, not: %s", error_text(&error), reason);
        finish(destination);
        assert_null(staging(f, ".", "disk"));
}

STORE_TEST(file_that_somebody_creates_meanwhile_is_kept) {
        static const int codes[] = { 0, EINVAL };
        StoreFixture *f = *state;

        for (size_t i = 0; i < 2; i++) {
                const JobDestinationRequest request = request_of(f, "disk");
                JobDestination *destination = filled(f, &request);

                scratch_write(&f->scratch, "disk", "theirs");
                noreplace_errno = codes[i];
                commit_must_fail(
                        f, destination, ERROR_DESTINATION_NOT_EMPTY,
                        "Somebody has created the destination");
                assert_content(f, "disk", "theirs");
                assert_int_equal(unlink(scratch_at(&f->scratch, "disk")), 0);
        }
}

STORE_TEST(file_gets_its_name_where_only_links_replace_nothing) {
        StoreFixture *f = *state;
        const JobDestinationRequest request = request_of(f, "disk");
        JobDestination *destination = filled(f, &request);
        struct stat st;

        noreplace_errno = EINVAL;
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        finish(destination);
        assert_content(f, "disk", "new");
        assert_int_equal(stat(scratch_at(&f->scratch, "disk"), &st), 0);
        assert_int_equal(st.st_nlink, 1);
        assert_null(staging(f, ".", "disk"));
}

static void assert_linked(StoreFixture *f, JobDestination *destination) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        struct stat st;
        int r;

        noreplace_errno = EINVAL;
        r = job_destination_commit(destination, &error);
        unlink_errno = 0;
        if (r < 0)
                fail_msg("%s", error_text(&error));
        finish(destination);
        assert_content(f, "disk", "new");
        assert_int_equal(stat(scratch_at(&f->scratch, "disk"), &st), 0);
        assert_int_equal(st.st_nlink, 1);
        assert_null(staging(f, ".", "disk"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(file_that_has_its_name_is_complete_though_the_other_name_stays_for_now) {
        StoreFixture *f = *state;
        const JobDestinationRequest request = request_of(f, "disk");
        JobDestination *destination = filled(f, &request);

        unlink_errno = EIO;
        assert_linked(f, destination);
}

STORE_TEST(file_that_was_linked_already_is_not_one_of_somebody_else) {
        StoreFixture *f = *state;
        const JobDestinationRequest request = request_of(f, "disk");
        JobDestination *destination = filled(f, &request);

        lose_answers = true;
        assert_linked(f, destination);
}

STORE_TEST(another_file_in_the_place_of_the_one_to_replace_is_put_back) {
        StoreFixture *f = *state;
        JobDestinationRequest request = request_of(f, "disk");
        JobDestination *destination;

        scratch_write(&f->scratch, "disk", "old");
        request.replaces = true;
        destination = filled(f, &request);
        scratch_write(&f->scratch, "other", "theirs");
        assert_int_equal(
                rename(scratch_at(&f->scratch, "other"), scratch_at(&f->scratch, "disk")), 0);
        commit_must_fail(
                f, destination, ERROR_INVALID_DESTINATION,
                "somebody has put something else in its place");
        assert_content(f, "disk", "theirs");
}

STORE_TEST(file_to_replace_that_is_another_one_by_now_ends_the_job_early) {
        StoreFixture *f = *state;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobDestinationRequest request = request_of(f, "disk");
        JobDestination *destination;

        scratch_write(&f->scratch, "disk", "old");
        request.replaces = true;
        destination = accept(&request);
        assert_int_equal(unlink(scratch_at(&f->scratch, "disk")), 0);
        assert_int_equal(symlink("/etc/passwd", scratch_at(&f->scratch, "disk")), 0);
        assert_int_equal(job_destination_prepare(destination, f->store, &error), -ESTALE);
        assert_non_null(strstr(error_text(&error), "has changed since the job was accepted"));
        finish(destination);
}

STORE_TEST(directory_that_somebody_has_renamed_gets_no_file) {
        StoreFixture *f = *state;
        const JobDestinationRequest request = request_of(f, "home/disk");
        JobDestination *destination;

        scratch_mkdir(&f->scratch, "home");
        scratch_mkdir(&f->scratch, "outside");
        destination = filled(f, &request);
        assert_int_equal(
                rename(scratch_at(&f->scratch, "home"), scratch_at(&f->scratch, "away")), 0);
        assert_int_equal(symlink("outside", scratch_at(&f->scratch, "home")), 0);
        commit_must_fail(
                f, destination, ERROR_INVALID_DESTINATION,
                "has changed since the job was accepted");
        assert_true(is_missing(f, "outside/disk"));
        assert_true(is_missing(f, "away/disk"));
        assert_null(staging(f, "away", "disk"));
}

/* The next daemon, after one was killed. */
static void recover(StoreFixture *f, JobDestination *destination) {
        char(*ids)[STORE_JOURNAL_ID_MAX] = NULL;
        StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;
        JobDestination *found = NULL;
        size_t n;

        job_destination_free(destination);
        assert_int_equal(store_journal_list(f->store, &ids, &n, NULL), 0);
        assert_int_equal(n, 1);
        assert_int_equal(store_journal_take(f->store, ids[0], &entry, NULL), 1);
        free(ids);
        assert_int_equal(job_destination_recover(f->store, &entry, &found, NULL), 1);
        job_destination_accept(found);
        finish(found);
        assert_null(staging(f, ".", "disk"));
        assert_int_equal(count_journal(f), 0);
}

STORE_TEST(unfinished_file_of_a_killed_daemon_is_removed) {
        StoreFixture *f = *state;
        const JobDestinationRequest request = request_of(f, "disk");

        recover(f, filled(f, &request));
        assert_true(is_missing(f, "disk"));
}

STORE_TEST(old_file_of_a_daemon_that_was_killed_after_the_exchange_is_removed) {
        StoreFixture *f = *state;
        JobDestinationRequest request = request_of(f, "disk");
        JobDestination *destination;

        scratch_write(&f->scratch, "disk", "old");
        request.replaces = true;
        destination = filled(f, &request);
        assert_int_equal(job_destination_commit(destination, NULL), 0);
        recover(f, destination);
        assert_content(f, "disk", "new");
}
