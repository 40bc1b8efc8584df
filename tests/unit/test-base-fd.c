/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-secret.h"
#include "test-freed.h"

typedef struct Fixture {
        char path[32];
        int fd;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        strcpy(f->path, "/tmp/test-base-fd-XXXXXX");
        assert_non_null(mkdtemp(f->path));
        f->fd = open(f->path, O_DIRECTORY | O_CLOEXEC);
        *state = f;
        return f->fd < 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;
        int r;

        (void) unlinkat(f->fd, "file", 0);
        (void) unlinkat(f->fd, "link", 0);
        close(f->fd);
        r = rmdir(f->path); /* fails when something was left behind */
        free(f);
        return r;
}

#define FD_TEST(name) TEST_WITH(name, set_up, tear_down)

FD_TEST(what_is_written_is_read_back) {
        Fixture *f = *state;
        _cleanup_(freep) char *content = NULL;
        size_t size;

        assert_int_equal(file_write_atomic(f->fd, "file", "old", 3, 0644), 0);
        assert_int_equal(file_write_atomic(f->fd, "file", "new!", 4, 0644), 0);
        assert_int_equal(file_read(f->fd, "file", 4, &content, &size), 0);
        assert_int_equal(size, 4);
        assert_string_equal(content, "new!");
}

FD_TEST(part_of_a_file_is_written_and_read_at_its_offset) {
        const Fixture *f = *state;
        char buffer[16] = "";
        int fd;

        fd = openat(f->fd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(fd_pwrite_full(fd, "cdef", 4, 2), 0);
        assert_int_equal(fd_pwrite_full(fd, "ab", 2, 0), 0);
        assert_int_equal(fd_pread_full(fd, buffer, 3, 1), 3);
        assert_memory_equal(buffer, "bcd", 3);
        assert_int_equal(fd_pread_full(fd, buffer, sizeof(buffer), 4), 2);
        assert_int_equal(fd_pread_full(fd, buffer, sizeof(buffer), 6), 0);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
        close(fd);
        assert_int_equal(fd_pread_full(-EBADF, buffer, 1, 0), -EBADF);
        assert_int_equal(fd_pwrite_full(-EBADF, "x", 1, 0), -EBADF);
}

FD_TEST(directory_is_listed_from_its_start_each_time) {
        const Fixture *f = *state;

        assert_int_equal(file_write_atomic(f->fd, "file", "x", 1, 0600), 0);
        for (int i = 0; i < 2; i++) {
                _cleanup_(closedirp) DIR *dir = NULL;
                const struct dirent *entry;
                unsigned n = 0;

                assert_int_equal(dir_open(f->fd, &dir), 0);
                while ((entry = readdir(dir)))
                        n += entry->d_name[0] != '.';
                assert_int_equal(n, 1);
        }
}

FD_TEST(file_over_the_limit_is_refused) {
        Fixture *f = *state;
        char *content = NULL, big[10000];

        memset(big, 'x', sizeof(big));
        assert_int_equal(file_write_atomic(f->fd, "file", big, sizeof(big), 0644), 0);
        assert_int_equal(file_read(f->fd, "file", sizeof(big) - 1, &content, NULL), -EFBIG);
        assert_null(content);
        assert_int_equal(file_read(f->fd, "file", sizeof(big), &content, NULL), 0);
        free(content);
}

/* Also of what was read before more room was needed, or before it was too much. */
FD_TEST(what_was_read_stays_nowhere_else) {
        Fixture *f = *state;
        char *content = NULL, big[10000];

        memset(big, 'x', sizeof(big));
        memcpy(big, "drowssap", strlen("drowssap"));
        assert_int_equal(file_write_atomic(f->fd, "file", big, sizeof(big), 0600), 0);
        freed_text = "drowssap";
        assert_int_equal(file_read(f->fd, "file", sizeof(big) - 1, &content, NULL), -EFBIG);
        assert_int_equal(file_read(f->fd, "file", sizeof(big), &content, NULL), 0);
        assert_memory_equal(content, big, sizeof(big));
        content[0] = '\0'; /* as who wants the first line does */
        secret_free(content);
        secret_free(NULL);
        freed_text = NULL;
        assert_int_equal(n_freed_with_text, 0);
}

FD_TEST(links_and_fifos_are_not_read) {
        Fixture *f = *state;
        char *content = NULL;

        assert_int_equal(symlinkat("/etc/passwd", f->fd, "link"), 0);
        assert_int_equal(mkfifoat(f->fd, "file", 0600), 0);
        assert_int_equal(file_read(f->fd, "link", 1 << 20, &content, NULL), -ELOOP);
        assert_int_equal(file_read(f->fd, "file", 1 << 20, &content, NULL), -EINVAL);
}

FD_TEST(failed_write_leaves_the_old_file) {
        Fixture *f = *state;
        _cleanup_(closep) int elsewhere = open("/proc/self", O_DIRECTORY | O_CLOEXEC);

        assert_true(file_write_atomic(elsewhere, "file", "x", 1, 0644) < 0);
        assert_int_equal(mkdirat(f->fd, "link", 0755), 0);
        assert_int_equal(file_write_atomic(f->fd, "link", "x", 1, 0644), -EISDIR);
        assert_int_equal(unlinkat(f->fd, "link", AT_REMOVEDIR), 0);
}

/* By a process that was killed, whose number another one has now. */
FD_TEST(what_a_killed_writer_left_is_no_hindrance) {
        Fixture *f = *state;
        _cleanup_(freep) char *content = NULL;
        char name[64];

        (void) snprintf(name, sizeof(name), "file.%ld.new", (long) gettid());
        close(openat(f->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        assert_int_equal(file_write_atomic(f->fd, "file", "x", 1, 0644), 0);
        assert_int_equal(file_read(f->fd, "file", 1 << 20, &content, NULL), 0);
        assert_string_equal(content, "x");
        assert_int_equal(faccessat(f->fd, name, F_OK, 0), -1);
        assert_int_equal(errno, ENOENT);
}
