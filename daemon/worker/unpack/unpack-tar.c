/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "inflate-kind.h"
#include "unpack-doubt.h"
#include "unpack-header.h"
#include "unpack-tar.h"

#define BLOCK ((size_t) 512)

#define HARD_LINK      '1' /* as headers have it */
#define CONTINUED_FILE 'M' /* GNU tar's */

DEFINE_CLEANUP(struct archive, archive_read_free);

static int archive_error(const UnpackTar *tar, struct archive *archive, Error *error) {
        const char *text = archive_error_string(archive);

        switch (archive_errno(archive)) {
        case ECANCELED:
                return -ECANCELED;
        case ENOMEM:
                return error_oom(error);
        default:
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "The tar archive is invalid: %s",
                        text                 ? text
                        : tar->stream->ended ? "it ends in the middle of an entry"
                                             : "unknown error");
        }
}

/* Up to the end of the entry, whose file has @file_size bytes. */
static int copy_content(UnpackTar *tar, struct archive *archive, uint64_t file_size, Error *error) {
        uint64_t end = 0; /* of the last write */

        for (;;) {
                const void *data;
                la_int64_t offset;
                size_t size;
                int r;

                r = archive_read_data_block(archive, &data, &size, &offset);
                tar->is_cut = r != ARCHIVE_OK && r != ARCHIVE_EOF && tar->stream->ended &&
                              end > 0 && end == file_size;
                if (r == ARCHIVE_EOF || tar->is_cut)
                        return unpack_writers_finish(tar->writers, error);
                if (r != ARCHIVE_OK)
                        return archive_error(tar, archive, error);
                if (size == 0)
                        continue;
                if (offset < 0 || (uint64_t) offset > file_size ||
                    size > file_size - (uint64_t) offset)
                        return error_set(
                                error, EBADMSG, ERROR_CORRUPT_ARCHIVE,
                                "It has content beyond its size");
                if ((uint64_t) offset < end)
                        return error_set(
                                error, EBADMSG, ERROR_CORRUPT_ARCHIVE,
                                "The parts of a sparse file are not in order");

                end = (uint64_t) offset + size;
                r = unpack_writers_write(
                        tar->writers, (uint64_t) offset, data, size, tar->stream->chunk, error);
                if (r < 0)
                        return r;
        }
}

static UnpackHeaderLimits header_limits(const UnpackTar *tar) {
        return (UnpackHeaderLimits){ tar->rules->limits->header_bytes,
                                     tar->rules->limits->xattr_bytes };
}

/* Whether an oversized header caused a failure. */
static bool headers_are_large(UnpackTar *tar) {
        const UnpackHeaderLimits limits = header_limits(tar);
        UnpackStream *stream = tar->stream;
        UnpackHeader header;
        const uint8_t *bytes;
        size_t size;

        return stream->over_limit ||
               (unpack_stream_look_back(
                        stream, stream->chunk_start + stream->chunk->size, &bytes, &size) >= 0 &&
                unpack_header_scan(bytes, size, &limits, &header) == -EFBIG);
}

static int headers_too_large(const UnpackTar *tar, Error *error) {
        return error_set(
                error, EFBIG, ERROR_LIMIT_EXCEEDED,
                "An entry has headers of more than %zu bytes" LIMIT_KEY("HeaderSize"),
                tar->rules->limits->header_bytes);
}

static int scan_error(const UnpackTar *tar, int code, Error *error) {
        switch (code) {
        case -ENOMEM:
                return error_oom(error);
        case -EFBIG:
                return headers_too_large(tar, error);
        case -E2BIG:
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "An entry has an extended attribute of more than %" PRIu64
                        " bytes" LIMIT_KEY("XattrSize"),
                        tar->rules->limits->xattr_bytes);
        default:
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE,
                        "The tar archive is invalid: malformed headers");
        }
}

/* Reads the headers that libarchive has read; *@ret_size bytes of them. */
static int scan_headers(
        UnpackTar *tar,
        struct archive *archive,
        UnpackHeader *ret,
        size_t *ret_size,
        Error *error) {
        const UnpackHeaderLimits limits = header_limits(tar);
        const uint8_t *bytes;
        int r;

        r = unpack_stream_look_back(
                tar->stream, (uint64_t) archive_filter_bytes(archive, 0), &bytes, ret_size);
        if (r >= 0)
                r = unpack_header_scan(bytes, *ret_size, &limits, ret);
        return r < 0 ? scan_error(tar, r, error) : 0;
}

/* Gets the entry's headers, on which we and libarchive agree, and its path. */
static int read_header(
        UnpackTar *tar,
        struct archive *archive,
        struct archive_entry *entry,
        UnpackHeader *header,
        UnpackPath *path,
        Error *error) {
        const char *doubt;
        size_t size;
        int r;

        r = scan_headers(tar, archive, header, &size, error);
        if (r < 0)
                return r;
        r = unpack_path_init(path, header->path.text, header->path.size, tar->rules->limits, error);
        if (r < 0)
                return r;

        doubt = unpack_doubt_find(header, size, entry);
        return doubt ? error_set(
                               error, EBADMSG, ERROR_UNSAFE_ARCHIVE,
                               "Cannot unpack \"%s\": It is ambiguous: %s", path->text, doubt)
                     : 0;
}

static int apply_link(
        UnpackTar *tar,
        const UnpackPath *path,
        const UnpackHeader *header,
        const UnpackMeta *meta,
        Error *error) {
        UnpackPath from;
        int r;

        r = unpack_path_init(
                &from, header->link.text, header->link.size, tar->rules->limits, error);
        return r < 0 ? r : unpack_tree_link(tar->tree, path, &from, &meta->mtime, error);
}

static int read_symlink(const UnpackHeader *header, UnpackMeta *meta, Error *error) {
        const UnpackText *link = &header->link;

        if (link->size == 0)
                return error_set(
                        error, EINVAL, ERROR_CORRUPT_ARCHIVE,
                        "It is a symbolic link with an empty target");
        if (link->size > PATH_BYTES_MAX)
                return error_set(
                        error, ENAMETOOLONG, ERROR_LIMIT_EXCEEDED,
                        "It is a symbolic link with a target of more than %zu bytes",
                        PATH_BYTES_MAX);
        if (memchr(link->text, '\0', link->size))
                return error_set(
                        error, EINVAL, ERROR_UNSAFE_ARCHIVE,
                        "It is a symbolic link with a NUL byte in its target");

        meta->link = strndup(link->text, link->size);
        return meta->link ? 0 : error_oom(error);
}

/* Takes over what @meta owns. */
static int apply_other(
        UnpackTar *tar,
        struct archive *archive,
        const UnpackPath *path,
        UnpackMeta *meta,
        Error *error) {
        const uint64_t size = meta->size;
        UnpackFile *file = NULL;
        int r;

        r = unpack_tree_entry(tar->tree, path, meta, &file, error);
        if (r <= 0)
                return r;

        r = unpack_writers_begin(
                tar->writers, &tar->stream->chunk->layer, &tar->target->entry, file, meta, error);
        return r < 0 ? r : copy_content(tar, archive, size, error);
}

static int apply_entry(
        UnpackTar *tar,
        struct archive *archive,
        struct archive_entry *entry,
        const UnpackPath *path,
        const UnpackHeader *header,
        Error *error) {
        _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };
        int r;

        r = unpack_meta_read(&meta, entry, tar->rules, error);
        if (r < 0)
                return r;
        if (r > 0)
                unpack_target_warn(
                        tar->target,
                        "ACLs that name users or groups without their ids are left out");
        if (header->type == HARD_LINK)
                return apply_link(tar, path, header, &meta, error);

        if (header->type == CONTINUED_FILE)
                return error_set(
                        error, EINVAL, ERROR_CORRUPT_ARCHIVE,
                        "It continues a file from another volume of the archive");
        if (meta.type == _UNPACK_TYPE_MAX)
                return error_set(error, EINVAL, ERROR_CORRUPT_ARCHIVE, "Its type is unknown");
        if (meta.type == UNPACK_REGULAR && header->path.size > 0 &&
            header->path.text[header->path.size - 1] == '/')
                meta.type = UNPACK_DIRECTORY;
        if (meta.type == UNPACK_SYMLINK) {
                r = read_symlink(header, &meta, error);
                if (r < 0)
                        return r;
        }

        return apply_other(tar, archive, path, &meta, error);
}

static int read_entry(
        UnpackTar *tar, struct archive *archive, struct archive_entry *entry, Error *error) {
        UnpackPath path;
        UnpackHeader header;
        int r;

        if (tar->entries == tar->rules->limits->entries)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "The layers have more than %" PRIu64 " entries" LIMIT_KEY("Entries"),
                        tar->rules->limits->entries);
        tar->entries++;

        r = read_header(tar, archive, entry, &header, &path, error);
        if (r < 0)
                return r;

        tar->target->entry = (UnpackEntry){ path.text, tar->entries };
        r = apply_entry(tar, archive, entry, &path, &header, error);
        tar->target->entry.path = NULL;
        if (r < 0 && error && error->code > 0)
                return error_prefix(error, "Cannot unpack \"%s\"", path.text);
        return r;
}

static const char *kind_of_stream(const UnpackStream *stream) {
        return stream->chunk_start == 0 ? inflate_kind_of(stream->chunk->data, stream->chunk->size)
                                        : NULL;
}

/* Explains what a layer without entries is instead. */
static int no_archive(const UnpackTar *tar, Error *error) {
        const UnpackRingChunk *chunk = tar->stream->chunk;
        const char *kind = kind_of_stream(tar->stream);

        if (chunk->size == 0 && inflate_layer_is_verified(&chunk->layer))
                return 0;
        if (chunk->size == 0)
                return error_set(error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "It is empty");
        if (kind)
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "It is %s, not a tar archive", kind);
        return error_set(error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "It is not a tar archive");
}

/* Starts the layer: 1; 0 if it is empty. */
static int open_archive(const UnpackTar *tar, struct archive *archive, Error *error) {
        if (archive_read_open(archive, tar->stream, NULL, unpack_stream_read, NULL) == ARCHIVE_OK)
                return 1;

        switch (archive_errno(archive)) {
        case ECANCELED:
        case ENOMEM:
                return archive_error(tar, archive, error);
        default:
                return no_archive(tar, error);
        }
}

/* Reads the next entry's headers: 1; 0 at the end of the archive. */
static int next_header(
        UnpackTar *tar,
        struct archive *archive,
        bool first,
        struct archive_entry **ret,
        Error *error) {
        int r;

        /* Skip the rest of the content first, so that the headers start at a known offset. */
        r = first ? ARCHIVE_OK : archive_read_data_skip(archive);
        if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
                return archive_error(tar, archive, error);

        unpack_stream_mark(tar->stream, (uint64_t) archive_filter_bytes(archive, 0));
        r = archive_read_next_header(archive, ret);
        if (r == ARCHIVE_EOF)
                return 0;
        if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
                return 1;
        return headers_are_large(tar) ? headers_too_large(tar, error)
                                      : archive_error(tar, archive, error);
}

/* Whether it was a block of zeros at which libarchive found the end. */
static bool has_end_marker(const UnpackTar *tar, struct archive *archive) {
        static const uint8_t zeros[BLOCK];
        const uint8_t *bytes;
        size_t size;

        return !tar->is_cut &&
               unpack_stream_look_back(
                       tar->stream, (uint64_t) archive_filter_bytes(archive, 0), &bytes, &size) >=
                       0 &&
               size >= BLOCK && memcmp(bytes + size - BLOCK, zeros, BLOCK) == 0;
}

static int check_end(
        const UnpackTar *tar, struct archive *archive, bool has_entries, Error *error) {
        const bool has_marker = has_end_marker(tar, archive);
        const UnpackRingChunk *chunk = tar->stream->chunk;

        if (inflate_layer_is_verified(&chunk->layer))
                return 0;
        if (!has_entries && kind_of_stream(tar->stream))
                return no_archive(tar, error);
        if (!has_entries)
                return error_set(
                        error, ENODATA, ERROR_NO_LAYERS, "It is a tar archive without entries");
        if (has_marker)
                return 0;
        if (!chunk->has_end || chunk->has_rest)
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE,
                        "It ends without an end-of-archive block and may be truncated");

        unpack_target_warn(
                tar->target,
                "The archive ends without an end-of-archive block; it may be incomplete");
        return 0;
}

int unpack_tar_layer(UnpackTar *tar, Error *error) {
        _cleanup_(archive_read_freep) struct archive *archive = NULL;
        const uint64_t n_before = tar->entries;
        struct archive_entry *entry;
        bool first = true;
        int r;

        tar->is_cut = false;

        archive = archive_read_new();
        if (!archive || archive_read_support_format_tar(archive) != ARCHIVE_OK)
                return error_oom(error);

        r = open_archive(tar, archive, error);
        if (r <= 0)
                return r;

        while (!tar->is_cut && (r = next_header(tar, archive, first, &entry, error)) != 0) {
                if (r > 0)
                        r = read_entry(tar, archive, entry, error);
                if (r < 0)
                        return r;
                first = false;
        }

        return check_end(tar, archive, tar->entries > n_before, error);
}
