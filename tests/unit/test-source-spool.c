/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <archive.h>
#include <archive_entry.h>
#include <pthread.h>
#include <sys/socket.h>

#include "source-spool.h"
#include "test-source.h"

typedef struct Fixture {
        Bytes tar;
        int scratch_fd;
        uint64_t n_read; /* bytes, as it was told */
        Error error;
} Fixture;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        tar_file(&f->tar, "a", "content");
        tar_end(&f->tar);
        f->scratch_fd = memfd_create("scratch", MFD_CLOEXEC);
        assert_true(f->scratch_fd >= 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        bytes_done(&f->tar);
        error_clear(&f->error);
        close(f->scratch_fd);
        free(f);
        return 0;
}

static void compress(Bytes *bytes, int filter) {
        const size_t room = bytes->size + 65536;
        uint8_t *buffer = malloc(room);
        struct archive *archive = archive_write_new();
        struct archive_entry *entry = archive_entry_new();
        size_t used = 0;

        archive_write_add_filter(archive, filter);
        archive_write_set_format_raw(archive);
        archive_write_set_bytes_in_last_block(archive, 1);
        assert_int_equal(archive_write_open_memory(archive, buffer, room, &used), ARCHIVE_OK);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_pathname(entry, "data");
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(archive, bytes->data, bytes->size), bytes->size);
        assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
        archive_write_free(archive);
        archive_entry_free(entry);
        free(bytes->data);
        *bytes = (Bytes){ .data = buffer, .size = used, .room = room };
}

static int spool(int fd, int scratch_fd, uint64_t max, Error *error) {
        const SourceInput input = {
                .fd = fd,
                .scratch_fd = scratch_fd,
                .scratch_bytes_max = max,
                .limits = &LIMITS_DEFAULT,
        };

        return source_spool(&input, error);
}

static void on_read(void *userdata, uint64_t size) {
        Fixture *f = userdata;

        f->n_read += size;
}

static void assert_scratch(const Fixture *f, const Bytes *content) {
        _cleanup_(freep) uint8_t *buffer = malloc(content->size + 1);

        assert_int_equal(pread(f->scratch_fd, buffer, content->size + 1, 0), content->size);
        assert_memory_equal(buffer, content->data, content->size);
}

#define TAR_TEST(name) TEST_WITH(name, setup, teardown)

TAR_TEST(plain_file_is_read_where_it_is) {
        Fixture *f = *state;
        _cleanup_(closep) int fd = file_of(&f->tar);

        assert_int_equal(spool(fd, -EBADF, 0, &f->error), fd);
        assert_int_equal(spool(fd, f->scratch_fd, 1 << 20, &f->error), fd);
        assert_int_equal(lseek(f->scratch_fd, 0, SEEK_END), 0);
}

TAR_TEST(compressed_file_is_uncompressed) {
        static const int filters[] = { ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ,
                                       ARCHIVE_FILTER_ZSTD };
        Fixture *f = *state;

        for (size_t i = 0; i < N_ELEMENTS(filters); i++) {
                _cleanup_(bytes_done) Bytes compressed = { 0 };
                _cleanup_(closep) int fd = -EBADF;

                assert_int_equal(ftruncate(f->scratch_fd, 0), 0);
                assert_int_equal(lseek(f->scratch_fd, 0, SEEK_SET), 0);
                bytes_add(&compressed, f->tar.data, f->tar.size);
                compress(&compressed, filters[i]);
                fd = file_of(&compressed);
                if (spool(fd, f->scratch_fd, f->tar.size, &f->error) != f->scratch_fd)
                        fail_msg("%s", error_text(&f->error));
                assert_scratch(f, &f->tar);
        }
}

typedef struct Feeder {
        const Bytes *bytes;
        int fd;
} Feeder;

static void *feed(void *userdata) {
        const Feeder *feeder = userdata;

        for (size_t i = 0; i < feeder->bytes->size; i += 100) {
                const size_t left = feeder->bytes->size - i;

                if (write(feeder->fd, feeder->bytes->data + i, left < 100 ? left : 100) < 0)
                        break;
        }
        close(feeder->fd);
        return NULL;
}

static void assert_fed(Fixture *f, const Bytes *bytes, int read_fd, int write_fd) {
        Feeder feeder = { .bytes = bytes, .fd = write_fd };
        pthread_t thread;

        assert_int_equal(ftruncate(f->scratch_fd, 0), 0);
        assert_int_equal(lseek(f->scratch_fd, 0, SEEK_SET), 0);
        assert_int_equal(pthread_create(&thread, NULL, feed, &feeder), 0);
        if (spool(read_fd, f->scratch_fd, f->tar.size, &f->error) != f->scratch_fd)
                fail_msg("%s", error_text(&f->error));
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_scratch(f, &f->tar);
        close(read_fd);
}

TAR_TEST(pipe_is_kept_in_the_scratch_file) {
        Fixture *f = *state;
        _cleanup_(bytes_done) Bytes compressed = { 0 };
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_fed(f, &f->tar, fds[0], fds[1]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_fed(f, &f->tar, fds[0], fds[1]);

        bytes_add(&compressed, f->tar.data, f->tar.size);
        compress(&compressed, ARCHIVE_FILTER_GZIP);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_fed(f, &compressed, fds[0], fds[1]);
}

TAR_TEST(what_is_read_is_told) {
        Fixture *f = *state;
        SourceInput input = {
                .scratch_fd = f->scratch_fd,
                .scratch_bytes_max = 1 << 20,
                .limits = &LIMITS_DEFAULT,
                .on_read = on_read,
                .userdata = f,
        };
        _cleanup_(closep) int fd = -EBADF;

        compress(&f->tar, ARCHIVE_FILTER_GZIP);
        input.fd = fd = file_of(&f->tar);
        assert_int_equal(source_spool(&input, &f->error), f->scratch_fd);
        assert_int_equal(f->n_read, f->tar.size);
}

TAR_TEST(file_is_read_from_its_offset_on) {
        Fixture *f = *state;
        _cleanup_(bytes_done) Bytes bytes = { 0 };
        _cleanup_(closep) int fd = -EBADF;
        int r;

        bytes_add(&bytes, "ten bytes.", 10);
        bytes_add(&bytes, f->tar.data, f->tar.size);
        fd = file_of(&bytes);
        r = spool(fd, f->scratch_fd, 1 << 20, &f->error);
        assert_failure(r, &f->error, ERROR_CORRUPT_ARCHIVE, "not a tar archive");

        assert_int_equal(lseek(fd, 10, SEEK_SET), 10);
        assert_int_equal(spool(fd, f->scratch_fd, 1 << 20, NULL), f->scratch_fd);
        assert_scratch(f, &f->tar);
}

static void *feed_without_end(void *userdata) {
        const int *fd = userdata;
        char noise[4096];

        memset(noise, 'y', sizeof(noise));
        while (send(*fd, noise, sizeof(noise), MSG_NOSIGNAL) > 0)
                ;
        return NULL;
}

TAR_TEST(what_is_no_archive_is_refused_before_its_end) {
        Fixture *f = *state;
        pthread_t thread;
        int fds[2], r;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(pthread_create(&thread, NULL, feed_without_end, &fds[1]), 0);
        r = spool(fds[0], f->scratch_fd, UINT64_MAX, &f->error);
        assert_failure(r, &f->error, ERROR_CORRUPT_ARCHIVE, "not a tar archive");
        assert_int_equal(lseek(f->scratch_fd, 0, SEEK_END), 0);
        close(fds[0]);
        assert_int_equal(pthread_join(thread, NULL), 0);
        close(fds[1]);
}

TAR_TEST(nothing_in_a_pipe_is_refused) {
        static const uint8_t end[4096];
        Fixture *f = *state;

        for (size_t size = 0; size <= sizeof(end); size += sizeof(end)) {
                int fds[2], r;

                error_clear(&f->error);
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                assert_int_equal(fd_write_full(fds[1], end, size), 0);
                close(fds[1]);
                r = spool(fds[0], f->scratch_fd, 1 << 20, &f->error);
                assert_failure(r, &f->error, ERROR_CORRUPT_ARCHIVE, "archive is empty");
                close(fds[0]);
        }
}

/* Without a magic word: what it begins with, and the checksum of that, are all that tells. */
TAR_TEST(oldest_form_of_tar_is_read) {
        Fixture *f = *state;
        _cleanup_(closep) int fd = -EBADF;
        unsigned sum = 0;

        memset(f->tar.data + 257, 0, 8);
        memset(f->tar.data + 148, ' ', 8);
        for (size_t i = 0; i < 512; i++)
                sum += f->tar.data[i];
        (void) snprintf((char *) f->tar.data + 148, 8, "%06o", sum);
        fd = file_of(&f->tar);
        assert_int_equal(spool(fd, -EBADF, 0, &f->error), fd);
}

TAR_TEST(scratch_file_has_a_ceiling) {
        Fixture *f = *state;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        compress(&f->tar, ARCHIVE_FILTER_GZIP);
        fd = file_of(&f->tar);
        r = spool(fd, f->scratch_fd, 2047, &f->error);
        assert_failure(r, &f->error, ERROR_LIMIT_EXCEEDED, "2047");
}

TAR_TEST(archive_that_needs_a_scratch_file_is_refused_without) {
        Fixture *f = *state;
        _cleanup_(closep) int fd = -EBADF;
        int fds[2], r;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        r = spool(fds[0], -EBADF, 0, &f->error);
        assert_failure(r, &f->error, ERROR_UNSUPPORTED_IMAGE, "pipe");
        error_clear(&f->error);
        close(fds[0]);
        close(fds[1]);

        compress(&f->tar, ARCHIVE_FILTER_GZIP);
        fd = file_of(&f->tar);
        r = spool(fd, -EBADF, 0, &f->error);
        assert_failure(r, &f->error, ERROR_UNSUPPORTED_IMAGE, "compressed");
}

TAR_TEST(damaged_compression_is_refused) {
        Fixture *f = *state;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        compress(&f->tar, ARCHIVE_FILTER_GZIP);
        f->tar.size -= 6;
        fd = file_of(&f->tar);
        r = spool(fd, f->scratch_fd, 1 << 20, &f->error);
        assert_failure(r, &f->error, ERROR_CORRUPT_ARCHIVE, "gzip");
}

TAR_TEST(devices_and_directories_are_refused) {
        static const char *const paths[] = { "/dev/null", "/dev/zero", "/" };
        Fixture *f = *state;

        for (size_t i = 0; i < N_ELEMENTS(paths); i++) {
                _cleanup_(closep) int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
                int r;

                error_clear(&f->error);
                r = spool(fd, f->scratch_fd, 1 << 20, &f->error);
                assert_failure(r, &f->error, ERROR_UNSUPPORTED_IMAGE, "not a file or a pipe");
        }
}
