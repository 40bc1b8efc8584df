/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-text.h"
#include "source-archive.h"
#include "source-path.h"
#include "unpack-doubt.h"
#include "unpack-header.h"

#define READ_BYTES ((size_t) 32 << 10)

typedef enum MemberType {
        MEMBER_FILE,
        MEMBER_SYMLINK,
        MEMBER_HARDLINK,
        MEMBER_SPARSE,
        MEMBER_OTHER, /* a device node, a FIFO, … */
} MemberType;

typedef struct Member {
        char *name; /* owned; clean */
        char *link; /* owned; of links */
        MemberType type;
        SourceExtent extent; /* of MEMBER_FILE */
} Member;

struct SourceArchive {
        Member *members; /* owned; in the order of their names */
        size_t n_members;
        size_t n_room;
};

/* What libarchive reads from. */
typedef struct ArchiveReader {
        int fd;          /* borrowed */
        uint64_t size;   /* of the file, bytes */
        uint64_t offset; /* bytes; where libarchive is */
        uint8_t buffer[READ_BYTES];
} ArchiveReader;

static void member_done(Member *member) {
        free(member->name);
        free(member->link);
}

SourceArchive *source_archive_free(SourceArchive *archive) {
        if (!archive)
                return NULL;

        for (size_t i = 0; i < archive->n_members; i++)
                member_done(&archive->members[i]);
        free(archive->members);
        free(archive);
        return NULL;
}

static la_ssize_t on_read(struct archive *archive, void *userdata, const void **ret) {
        ArchiveReader *reader = userdata;
        ssize_t n;

        do
                n = pread(reader->fd, reader->buffer, READ_BYTES, (off_t) reader->offset);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
                archive_set_error(archive, errno, "%s", strerror(errno));
                return ARCHIVE_FATAL;
        }

        reader->offset += (uint64_t) n;
        *ret = reader->buffer;
        return n;
}

/* Behind the end of the file reading finds that it has ended. */
static la_int64_t on_skip(struct archive *archive, void *userdata, la_int64_t request) {
        ArchiveReader *reader = userdata;
        uint64_t left = reader->size > reader->offset ? reader->size - reader->offset : 0;

        if ((uint64_t) request < left)
                left = (uint64_t) request;
        reader->offset += left;
        return (la_int64_t) left;
}

static int read_error(struct archive *archive, Error *error) {
        const char *text = archive_error_string(archive);
        char quoted[TEXT_QUOTE_MAX];

        if (archive_errno(archive) == ENOMEM)
                return error_oom(error);
        return error_set(
                error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "Not a tar archive, or damaged: %s",
                text_quote(text ? text : "unknown error", quoted));
}

static MemberType entry_type(struct archive_entry *entry) {
        if (archive_entry_hardlink(entry))
                return MEMBER_HARDLINK;

        switch (archive_entry_filetype(entry)) {
        case AE_IFREG:
                return archive_entry_sparse_count(entry) > 0 ? MEMBER_SPARSE : MEMBER_FILE;
        case AE_IFLNK:
                return MEMBER_SYMLINK;
        default:
                return MEMBER_OTHER;
        }
}

static int find_extent(
        struct archive *archive,
        struct archive_entry *entry,
        uint64_t file_size,
        SourceExtent *ret) {
        const SourceExtent extent = {
                .offset = (uint64_t) archive_filter_bytes(archive, 0),
                .size = (uint64_t) archive_entry_size(entry),
        };

        if (archive_entry_size(entry) < 0 || extent.offset > file_size ||
            extent.size > file_size - extent.offset)
                return -ENODATA;

        *ret = extent;
        return 0;
}

static const char *entry_link(struct archive_entry *entry, MemberType type) {
        if (type == MEMBER_HARDLINK)
                return archive_entry_hardlink(entry);
        return type == MEMBER_SYMLINK ? archive_entry_symlink(entry) : NULL;
}

static int member_init(
        Member *member, const char *name, struct archive_entry *entry, Error *error) {
        const MemberType type = entry_type(entry);
        const char *link = entry_link(entry, type);

        /* Where a link leads to that libarchive has no name of, nobody knows. */
        member->type =
                !link && (type == MEMBER_SYMLINK || type == MEMBER_HARDLINK) ? MEMBER_OTHER : type;
        member->name = strdup(name);
        if (!member->name)
                return error_oom(error);
        if (!link)
                return 0;

        member->link = strdup(link);
        return member->link ? 0 : error_oom(error);
}

/* Takes over what @member owns, when it succeeds. */
static int append(SourceArchive *self, Member *member, Error *error) {
        if (self->n_members == self->n_room) {
                const size_t n_room = self->n_room == 0 ? 64 : 2 * self->n_room;
                Member *bigger = reallocarray(self->members, n_room, sizeof(*bigger));

                if (!bigger)
                        return error_oom(error);
                self->members = bigger;
                self->n_room = n_room;
        }

        self->members[self->n_members++] = *member;
        *member = (Member){ 0 };
        return 0;
}

static int add_member(
        SourceArchive *self,
        struct archive *archive,
        struct archive_entry *entry,
        uint64_t file_size,
        Error *error) {
        const char *path = archive_entry_pathname(entry);
        char name[SOURCE_PATH_MAX + 1], quoted[TEXT_QUOTE_MAX];
        _cleanup_(member_done) Member member = { 0 };
        int r;

        if (!path || source_path_clean(path, name) < 0 ||
            (archive_entry_filetype(entry) == AE_IFDIR && !archive_entry_hardlink(entry)))
                return 0;

        r = member_init(&member, name, entry, error);
        if (r < 0)
                return r;
        if (member.type == MEMBER_FILE &&
            find_extent(archive, entry, file_size, &member.extent) < 0)
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE,
                        "The archive ends within the content of \"%s\"", text_quote(name, quoted));

        return append(self, &member, error);
}

static int header_error(int code, Error *error) {
        switch (code) {
        case -ENOMEM:
                return error_oom(error);
        case -EFBIG:
        case -E2BIG:
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "A member of the archive has headers of more than %zu bytes",
                        SOURCE_HEADER_BYTES_MAX);
        default:
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE,
                        "Not a tar archive, or damaged: malformed headers");
        }
}

/* The headers of @entry, which are between two places in the file, are what libarchive says. */
static int check_headers(
        int fd, uint64_t start, uint64_t end, struct archive_entry *entry, Error *error) {
        const UnpackHeaderLimits limits = { SOURCE_HEADER_BYTES_MAX, SOURCE_HEADER_BYTES_MAX };
        const size_t size = (size_t) (end - start);
        _cleanup_(freep) uint8_t *bytes = NULL;
        char quoted[TEXT_QUOTE_MAX], name[SOURCE_PATH_MAX + 1];
        const char *doubt;
        UnpackHeader header;
        ssize_t n;
        int r;

        if (end - start > 4 * SOURCE_HEADER_BYTES_MAX)
                return header_error(-EFBIG, error);
        bytes = malloc(size + 1);
        if (!bytes)
                return error_oom(error);

        n = fd_pread_full(fd, bytes, size, start);
        if (n < 0)
                return error_set_errno(error, (int) -n, "Cannot read the archive");
        r = unpack_header_scan(bytes, (size_t) n, &limits, &header);
        if (r < 0)
                return header_error(r, error);

        doubt = unpack_doubt_find(&header, size, entry);
        if (!doubt)
                return 0;

        (void) snprintf(name, sizeof(name), "%.*s", (int) header.path.size, header.path.text);
        return error_set(
                error, EBADMSG, ERROR_UNSAFE_ARCHIVE,
                "The archive is ambiguous, because of \"%s\": %s", text_quote(name, quoted), doubt);
}

static int compare_members(const void *a, const void *b) {
        const Member *left = a, *right = b;

        return strcmp(left->name, right->name);
}

static int read_members(
        SourceArchive *self, struct archive *archive, int fd, uint64_t file_size, Error *error) {
        struct archive_entry *entry;
        uint64_t start;
        int r;

        for (size_t n = 0;; n++) {
                r = n > 0 ? archive_read_data_skip(archive) : ARCHIVE_OK;
                if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
                        return read_error(archive, error);

                start = (uint64_t) archive_filter_bytes(archive, 0);
                r = archive_read_next_header(archive, &entry);
                if (r == ARCHIVE_EOF)
                        return 0;
                if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                        return read_error(archive, error);
                if (n == SOURCE_MEMBERS_MAX)
                        return error_set(
                                error, E2BIG, ERROR_LIMIT_EXCEEDED,
                                "The archive has more than %zu members", SOURCE_MEMBERS_MAX);

                r = check_headers(
                        fd, start, (uint64_t) archive_filter_bytes(archive, 0), entry, error);
                if (r < 0)
                        return r;
                r = add_member(self, archive, entry, file_size, error);
                if (r < 0)
                        return r;
        }
}

static void archive_read_freep(struct archive **archive) {
        if (*archive)
                (void) archive_read_free(*archive);
}

int source_archive_new(int fd, SourceArchive **ret, Error *error) {
        _cleanup_(source_archive_freep) SourceArchive *self = NULL;
        _cleanup_(archive_read_freep) struct archive *archive = NULL;
        _cleanup_(freep) ArchiveReader *reader = NULL;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at the archive");

        self = calloc(1, sizeof(*self));
        reader = calloc(1, sizeof(*reader));
        archive = archive_read_new();
        if (!self || !reader || !archive || archive_read_support_format_tar(archive) != ARCHIVE_OK)
                return error_oom(error);

        reader->fd = fd;
        reader->size = (uint64_t) st.st_size;
        if (archive_read_open2(archive, reader, NULL, on_read, on_skip, NULL) != ARCHIVE_OK)
                return read_error(archive, error);

        r = read_members(self, archive, fd, reader->size, error);
        if (r < 0)
                return r;

        if (self->n_members > 0)
                qsort(self->members, self->n_members, sizeof(self->members[0]), compare_members);
        *ret = TAKE_PTR(self);
        return 0;
}

/* The one member of the name, or NULL. */
static int find_member(
        const SourceArchive *archive, const char *name, const Member **ret, Error *error) {
        const Member key = { .name = (char *) name }, *found = NULL, *end;
        char quoted[TEXT_QUOTE_MAX];

        if (archive->n_members > 0)
                found = bsearch(
                        &key, archive->members, archive->n_members, sizeof(key), compare_members);
        *ret = found;
        if (!found)
                return 0;

        end = archive->members + archive->n_members;
        if ((found > archive->members && strcmp(found[-1].name, name) == 0) ||
            (found + 1 < end && strcmp(found[1].name, name) == 0))
                return error_set(
                        error, EBADMSG, ERROR_UNSAFE_ARCHIVE,
                        "The archive is ambiguous: it has \"%s\" twice", text_quote(name, quoted));

        return 0;
}

static int leads_out(const char *name, Error *error) {
        char quoted[TEXT_QUOTE_MAX];

        return error_set(
                error, EXDEV, ERROR_UNSAFE_ARCHIVE, "\"%s\" points outside the archive",
                text_quote(name, quoted));
}

static int follow(const Member *member, char name[static SOURCE_PATH_MAX + 1], Error *error) {
        int r;

        r = member->type == MEMBER_SYMLINK ? source_path_follow(member->name, member->link, name)
                                           : source_path_clean(member->link, name);
        if (r == -EXDEV)
                return leads_out(member->name, error);
        return r < 0 ? 0 : 1;
}

int source_archive_find(
        const SourceArchive *archive, const char *name, SourceExtent *ret, Error *error) {
        char clean[SOURCE_PATH_MAX + 1], quoted[TEXT_QUOTE_MAX];
        int r;

        r = source_path_clean(name, clean);
        if (r == -EXDEV)
                return leads_out(name, error);
        if (r < 0)
                return 0;

        for (unsigned hops = 0; hops <= SOURCE_LINK_HOPS_MAX; hops++) {
                const Member *member;

                r = find_member(archive, clean, &member, error);
                if (r < 0)
                        return r;
                if (!member)
                        return 0;

                switch (member->type) {
                case MEMBER_FILE:
                        *ret = member->extent;
                        return 1;
                case MEMBER_SYMLINK:
                case MEMBER_HARDLINK:
                        r = follow(member, clean, error);
                        if (r <= 0)
                                return r;
                        break;
                case MEMBER_SPARSE:
                case MEMBER_OTHER:
                        return error_set(
                                error, EBADMSG, ERROR_UNSAFE_ARCHIVE, "\"%s\" in the archive is %s",
                                text_quote(clean, quoted),
                                member->type == MEMBER_SPARSE ? "a sparse file"
                                                              : "not a regular file");
                }
        }

        return error_set(
                error, ELOOP, ERROR_UNSAFE_ARCHIVE,
                "\"%s\" in the archive is the start of a chain of more than %u links",
                text_quote(name, quoted), SOURCE_LINK_HOPS_MAX);
}
