/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base-text.h"
#include "oci-document.h"
#include "source-files-internal.h"

#define COPY_BYTES ((size_t) 256 << 10)

int source_files_new_directory(int fd, SourceFiles **ret, Error *error) {
        SourceFiles *files;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at the image's directory");
        if (!S_ISDIR(st.st_mode))
                return error_set(
                        error, ENOTDIR, ERROR_UNSUPPORTED_IMAGE, "This is not a directory");

        files = malloc(sizeof(*files));
        if (!files)
                return error_oom(error);

        *files = (SourceFiles){ .fd = fd };
        *ret = files;
        return 0;
}

SourceFiles *source_files_free(SourceFiles *files) {
        if (!files)
                return NULL;

        if (files->archive)
                files->archive_free(files->archive);
        free(files);
        return NULL;
}

/* Links are followed as long as they stay below the directory. What blocks when it is opened does not. */
static int open_below(int dir_fd, const char *name, int flags) {
        struct open_how how = {
                .flags = (uint64_t) flags | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
        };
        int fd;

        /* EAGAIN: somebody renames something at this moment. */
        for (unsigned tries = 0; tries < 16; tries++) {
                fd = (int) syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
                if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
                        break;
        }

        return fd < 0 ? -errno : fd;
}

static int unsafe(const char *name, int code, const char *what, Error *error) {
        char quoted[TEXT_QUOTE_MAX];

        return error_set(
                error, code, ERROR_UNSAFE_ARCHIVE, "\"%s\" in the directory %s",
                text_quote(name, quoted), what);
}

/* Where devices cannot be opened, the reason is the same as for a file that may not be read. */
static bool is_special(int dir_fd, const char *name) {
        _cleanup_(closep) int fd = open_below(dir_fd, name, O_PATH);
        struct stat st;

        return fd >= 0 && fstat(fd, &st) >= 0 && !S_ISREG(st.st_mode);
}

static int open_in_directory(int dir_fd, const char *name, SourceFile *ret, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        char quoted[TEXT_QUOTE_MAX];
        struct stat st;

        fd = open_below(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd == -EACCES && is_special(dir_fd, name))
                fd = -ENODEV;
        switch (fd) {
        case -ENOENT:
        case -ENOTDIR:
                return 0;
        case -EXDEV:
                return unsafe(name, EXDEV, "points outside it", error);
        case -ELOOP:
                return unsafe(name, ELOOP, "is the start of a chain of too many links", error);
        case -ENXIO:
        case -ENODEV:
                return unsafe(name, EBADMSG, "is not a regular file", error);
        default:
                break;
        }
        if (fd < 0)
                return error_set_errno(error, -fd, "Cannot open \"%s\"", text_quote(name, quoted));

        if (fstat(fd, &st) < 0)
                return error_set_errno(
                        error, errno, "Cannot look at \"%s\"", text_quote(name, quoted));
        if (!S_ISREG(st.st_mode))
                return unsafe(name, EBADMSG, "is not a regular file", error);

        *ret = (SourceFile){
                .fd = TAKE_FD(fd),
                .is_owned = true,
                .extent.size = (uint64_t) st.st_size,
        };
        return 1;
}

int source_files_open(const SourceFiles *files, const char *name, SourceFile *ret, Error *error) {
        SourceExtent extent;
        int r;

        if (!files->archive)
                return open_in_directory(files->fd, name, ret, error);

        r = files->archive_find(files->archive, name, &extent, error);
        if (r > 0)
                *ret = (SourceFile){ .fd = files->fd, .extent = extent };
        return r;
}

bool source_files_are_archive(const SourceFiles *files) {
        return files->archive;
}

bool source_files_have(const SourceFiles *files, const char *name) {
        _cleanup_(source_file_done) SourceFile file = SOURCE_FILE_NULL;

        return source_files_open(files, name, &file, NULL) > 0;
}

void source_files_have_read(const SourceFiles *files, size_t size) {
        if (files->on_read)
                files->on_read(files->userdata, size);
}

void source_file_done(SourceFile *file) {
        if (file->is_owned)
                (void) close(file->fd);
        *file = SOURCE_FILE_NULL;
}

int source_file_copy(
        const SourceFile *file,
        uint64_t offset,
        int (*write)(void *userdata, const void *data, size_t size, Error *error),
        void *userdata,
        Error *error) {
        _cleanup_(freep) void *buffer = malloc(COPY_BYTES);
        const SourceExtent *extent = &file->extent;
        int r;

        if (!buffer)
                return error_oom(error);
        if (offset > extent->size)
                return error_set(
                        error, ERANGE, ERROR_DIGEST_MISMATCH,
                        "It has %ju bytes, fewer than the %ju that were already read",
                        (uintmax_t) extent->size, (uintmax_t) offset);

        while (offset < extent->size) {
                size_t want = extent->size - offset < COPY_BYTES ? (size_t) (extent->size - offset)
                                                                 : COPY_BYTES;
                ssize_t n;

                n = pread(file->fd, buffer, want, (off_t) (extent->offset + offset));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_set_errno(error, errno, "Cannot read the image");
                if (n == 0)
                        return error_set(
                                error, EBADMSG, ERROR_DIGEST_MISMATCH,
                                "It was truncated while being read");

                r = write(userdata, buffer, (size_t) n, error);
                if (r < 0)
                        return r;
                offset += (uint64_t) n;
        }

        return 0;
}

int source_file_copy_blob(const SourceFile *file, const SourceBlobRequest *request, Error *error) {
        char digest[DIGEST_STRING_MAX];

        if (request->size != SOURCE_SIZE_UNKNOWN && request->size != file->extent.size)
                return error_set(
                        error, EBADMSG, ERROR_DIGEST_MISMATCH, "%s has %ju bytes instead of %ju",
                        digest_format(request->digest, digest), (uintmax_t) file->extent.size,
                        (uintmax_t) request->size);

        return source_file_copy(file, request->offset, request->write, request->userdata, error);
}

typedef struct ReadBuffer {
        char *data; /* owned; NUL-terminated */
        size_t size;
} ReadBuffer;

static int on_data(void *userdata, const void *data, size_t size, Error *error) {
        ReadBuffer *buffer = userdata;

        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
        return 0;
}

int source_file_read(
        const SourceFile *file, const char *what, char **ret, size_t *ret_size, Error *error) {
        _cleanup_(freep) char *data = NULL;
        char quoted[TEXT_QUOTE_MAX];
        ReadBuffer buffer = { 0 };
        int r;

        if (file->extent.size > OCI_DOCUMENT_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED, "\"%s\" has %ju bytes, more than %zu",
                        text_quote(what, quoted), (uintmax_t) file->extent.size, OCI_DOCUMENT_MAX);

        buffer.data = data = calloc(1, (size_t) file->extent.size + 1);
        if (!data)
                return error_oom(error);
        r = source_file_copy(file, 0, on_data, &buffer, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(data);
        *ret_size = buffer.size;
        return 0;
}

int source_files_read(
        const SourceFiles *files, const char *name, char **ret, size_t *ret_size, Error *error) {
        _cleanup_(source_file_done) SourceFile file = SOURCE_FILE_NULL;
        int r;

        r = source_files_open(files, name, &file, error);
        if (r <= 0)
                return r;
        r = source_file_read(&file, name, ret, ret_size, error);
        return r < 0 ? r : 1;
}
