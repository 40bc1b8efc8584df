/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>

#include "base-macro.h"
#include "unpack-header.h"
#include "unpack-number.h"
#include "unpack-pax.h"
#include "unpack-sparse.h"

#define BLOCK ((size_t) 512)

typedef struct Field {
        size_t at, size; /* bytes of a header block */
} Field;

static const Field NAME = { 0, HEADER_NAME_BYTES };
static const Field MODE = { 100, 8 };
static const Field UID = { 108, 8 };
static const Field GID = { 116, 8 };
static const Field SIZE = { 124, 12 };
static const Field MTIME = { 136, 12 };
static const Field LINK = { 157, 100 };
static const Field MAJOR = { 329, 8 };
static const Field MINOR = { 337, 8 };
static const Field PREFIX = { 345, HEADER_PREFIX_BYTES };
static const Field GNU_ATIME = { 345,
                                 12 }; /* old GNU headers have other fields instead of a prefix */
static const Field GNU_CTIME = { 357, 12 };
static const Field GNU_FIRST_OFFSET = { 386, 12 };
static const Field GNU_REAL_SIZE = { 483, 12 };
#define TYPE_AT          ((size_t) 156)
#define MAGIC_AT         ((size_t) 257)
#define STAR_MAGIC_AT    ((size_t) 508)
#define STAR_PREFIX_SIZE ((size_t) 131)

#define UNEVEN "its sparse map has parts that end within a block"

typedef enum HeaderFormat {
        HEADER_OLD,
        HEADER_USTAR,
        HEADER_GNU,
        _HEADER_FORMAT_MAX,
} HeaderFormat;

typedef struct Scan {
        const uint8_t *bytes; /* borrowed */
        size_t size;
        size_t at; /* offset of the current header block */
        HeaderFormat format;
        const UnpackHeaderLimits *limits; /* borrowed */
        UnpackHeader header;
        UnpackText long_name, long_link; /* of GNU tar's own headers */
        bool has_pax, has_extra;         /* a pax header, or any extra header, came before */
        UnpackPax pax;
        uint64_t stored; /* bytes of content in the archive, including a map */
} Scan;

static void put_doubt(Scan *scan, const char *doubt) {
        if (doubt && !scan->header.doubt)
                scan->header.doubt = doubt;
}

static const uint8_t *field_of(const Scan *scan, Field field) {
        return scan->bytes + scan->at + field.at;
}

static UnpackText text_of(const Scan *scan, Field field) {
        const char *text = (const char *) field_of(scan, field);

        return (UnpackText){ text, strnlen(text, field.size) };
}

static int number_of(const Scan *scan, Field field, uint64_t *ret) {
        return unpack_number_from_field(field_of(scan, field), field.size, ret);
}

static HeaderFormat format_of(const Scan *scan) {
        const uint8_t *magic = scan->bytes + scan->at + MAGIC_AT;

        if (memcmp(magic, "ustar  ", 8) == 0)
                return HEADER_GNU;
        return memcmp(magic, "ustar", 6) == 0 ? HEADER_USTAR : HEADER_OLD;
}

/* The name in the block itself. */
static UnpackText own_name(Scan *scan) {
        const UnpackText name = text_of(scan, NAME), prefix = text_of(scan, PREFIX);
        char *joined = scan->header.joined;
        size_t size = prefix.size;

        if (scan->format != HEADER_USTAR || prefix.size == 0)
                return name;
        if (prefix.size > STAR_PREFIX_SIZE &&
            memcmp(scan->bytes + scan->at + STAR_MAGIC_AT, "tar", 4) == 0)
                put_doubt(scan, "its prefix overlaps the times of a star header");

        memcpy(joined, prefix.text, size);
        if (joined[size - 1] != '/')
                joined[size++] = '/';
        memcpy(joined + size, name.text, name.size);
        return (UnpackText){ joined, size + name.size };
}

static void choose_names(Scan *scan) {
        UnpackHeader *header = &scan->header;
        const UnpackText *path =
                scan->pax.sparse_name.text ? &scan->pax.sparse_name : &scan->pax.path;
        const UnpackText *link = &scan->pax.link;

        if ((path->text && scan->long_name.text &&
             !unpack_text_is(path, scan->long_name.text, scan->long_name.size)) ||
            (link->text && scan->long_link.text &&
             !unpack_text_is(link, scan->long_link.text, scan->long_link.size)))
                put_doubt(scan, "its GNU and pax headers disagree on a name");

        header->path = path->text                 ? *path
                       : scan->long_name.size > 0 ? scan->long_name
                                                  : own_name(scan);
        header->link = link->text                 ? *link
                       : scan->long_link.size > 0 ? scan->long_link
                                                  : text_of(scan, LINK);
}

/* Gets the content of a header that describes the next entry, or none. */
static int read_content(Scan *scan, UnpackText *ret) {
        uint64_t size;

        if (number_of(scan, SIZE, &size) < 0)
                return -EBADMSG;
        if (size > scan->limits->header_bytes)
                return -EFBIG;
        if (size > scan->size - scan->at - BLOCK)
                return -ENODATA;

        *ret = (UnpackText){ (const char *) scan->bytes + scan->at + BLOCK, (size_t) size };
        return 0;
}

static int go_past(Scan *scan, size_t content) {
        const size_t padded = (content + BLOCK - 1) / BLOCK * BLOCK;

        if (padded > scan->size - scan->at - BLOCK)
                return -ENODATA;
        scan->at += BLOCK + padded;
        return 0;
}

/* GNU tar applies these records to all entries, other readers to none: those about owners and times do
 * no harm. */
static int check_global(Scan *scan, const UnpackText *content) {
        UnpackPax pax = { 0 };
        int r;

        r = unpack_pax_scan(content->text, content->size, scan->limits->xattr_bytes, &pax);
        if (pax.path.text || pax.link.text || pax.has_size || pax.is_sparse || pax.doubt)
                put_doubt(scan, "a global header sets names or sizes");
        return r;
}

static int read_extra(Scan *scan, char type) {
        UnpackText content = { 0 };
        int r;

        r = read_content(scan, &content);
        if (r < 0)
                return r;

        switch (type) {
        case 'x':
        case 'X':
                if (scan->has_pax)
                        put_doubt(scan, "it has several pax headers");
                scan->has_pax = true;
                r = unpack_pax_scan(
                        content.text, content.size, scan->limits->xattr_bytes, &scan->pax);
                break;
        case 'L':
                scan->long_name = (UnpackText){ content.text, strnlen(content.text, content.size) };
                break;
        case 'K':
                scan->long_link = (UnpackText){ content.text, strnlen(content.text, content.size) };
                break;
        default: /* 'g', 'V' */
                r = type == 'g' ? check_global(scan, &content) : 0;
                if (scan->has_extra)
                        put_doubt(scan, "an archive-wide header is between its own headers");
                break;
        }

        scan->has_extra = scan->has_extra || strchr("xXLK", type);
        return r < 0 ? r : go_past(scan, content.size);
}

/* Not a header for every reader, or not of the same length: the rest is unknown. */
static const char *no_extra(const Scan *scan, char type) {
        uint64_t size;

        switch (type) {
        case 'A':
                return "it is either a Solaris ACL or a file";
        case 'N':
                return "it is either a list of names or a file";
        case 'V':
                return number_of(scan, SIZE, &size) < 0 || size > 0
                               ? "it is a volume label with content"
                               : NULL;
        default:
                return NULL;
        }
}

static void read_sizes(Scan *scan) {
        const char type = scan->header.type;
        uint64_t own = 0;

        if (number_of(scan, SIZE, &own) < 0)
                put_doubt(scan, "its size is not a number");

        if (type >= '1' && type <= '6') {
                if (scan->pax.has_size && scan->pax.size > 0)
                        put_doubt(
                                scan,
                                "its pax header gives it content, but its type cannot have any");
                scan->stored = 0;
        } else
                scan->stored = scan->pax.has_size ? scan->pax.size : own;

        scan->header.size = scan->stored;
}

/* Fields of old GNU headers. */
static int read_gnu_fields(Scan *scan) {
        UnpackSparseMap map;
        uint64_t ignored;
        int r;

        if ((*field_of(scan, GNU_ATIME) != '\0' && number_of(scan, GNU_ATIME, &ignored) < 0) ||
            (*field_of(scan, GNU_CTIME) != '\0' && number_of(scan, GNU_CTIME, &ignored) < 0))
                put_doubt(scan, "its prefix overlaps the times of a GNU header");

        if (scan->header.type != 'S') {
                if (*field_of(scan, GNU_FIRST_OFFSET) != '\0')
                        put_doubt(scan, "it has a sparse map but is not a sparse file");
                else if (*field_of(scan, GNU_REAL_SIZE) != '\0')
                        put_doubt(
                                scan, "it has the size of a sparse file but is not a sparse file");
                return 0;
        }

        r = unpack_sparse_read_fields(
                scan->bytes + scan->at, scan->size - scan->at, &map, &scan->header.end);
        if (r == -ENODATA)
                return r;
        if (r < 0 || scan->pax.is_sparse || map.content != scan->stored ||
            *field_of(scan, GNU_REAL_SIZE) == '\0' ||
            number_of(scan, GNU_REAL_SIZE, &scan->header.size) < 0)
                put_doubt(scan, "its sparse map does not match its content");
        else if (map.is_uneven)
                put_doubt(scan, UNEVEN);
        scan->header.end += scan->at;
        return 0;
}

/* The map of the format 1.0 is in front of the content. */
static int read_sparse_lines(Scan *scan, UnpackSparseMap *map) {
        const size_t at = scan->header.end;
        size_t end;
        int r;

        r = unpack_sparse_read_lines(scan->bytes + at, scan->size - at, map, &end);
        if (r < 0)
                return r;
        if (end > scan->stored)
                return -EBADMSG;

        scan->stored -= end;
        scan->header.end += end;
        return 0;
}

static int read_pax_sparse(Scan *scan) {
        const UnpackPax *pax = &scan->pax;
        UnpackSparseMap map = pax->parts;
        int r = 0;

        scan->header.size = pax->real_size;
        if (pax->has_major || pax->has_minor) {
                if (pax->major != 1 || pax->minor != 0 || pax->list.text || map.n_parts > 0)
                        put_doubt(scan, "its sparse map has an unknown format");
                else
                        r = read_sparse_lines(scan, &map);
        } else if (pax->list.text)
                r = map.n_parts == 0 ? unpack_sparse_read_list(&pax->list, &map) : -EBADMSG;
        else if (map.n_parts == 0)
                put_doubt(scan, "it has the records of a sparse file but is not a sparse file");

        if (r == -ENODATA)
                return r;
        if (r < 0 || !pax->has_real_size || map.content != scan->stored ||
            (pax->has_blocks ? pax->blocks != map.n_parts : !pax->has_major) ||
            scan->header.type != '0')
                put_doubt(scan, "its sparse map does not match its content");
        if (map.is_uneven)
                put_doubt(scan, UNEVEN);
        return 0;
}

/* Numbers out of range are refused, or kept, depending on the field. */
static void check_numbers(Scan *scan) {
        static const Field *const fields[] = { &MODE, &UID, &GID, &MTIME };
        uint64_t ignored;

        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
                if (number_of(scan, *fields[i], &ignored) == -EINVAL)
                        put_doubt(scan, "its mode, owner, group or time is not a number");
}

static void read_devices(Scan *scan) {
        UnpackHeader *header = &scan->header;

        if (scan->format != HEADER_OLD && (header->type == '3' || header->type == '4') &&
            (number_of(scan, MAJOR, &header->device_major) < 0 ||
             number_of(scan, MINOR, &header->device_minor) < 0))
                put_doubt(scan, "its device number is not a number");
}

/* In old archives this is a directory, without content. */
static bool is_slashed_file(const UnpackHeader *header) {
        const UnpackText *path = &header->path;

        return (header->type < '1' || header->type > '6') && header->type != 'D' &&
               path->size > 0 && path->text[path->size - 1] == '/';
}

static int read_entry(Scan *scan) {
        UnpackHeader *header = &scan->header;
        int r = 0;

        header->end = scan->at + BLOCK;
        put_doubt(scan, scan->pax.doubt);
        choose_names(scan);
        read_sizes(scan);
        check_numbers(scan);
        read_devices(scan);

        if (scan->format == HEADER_GNU)
                r = read_gnu_fields(scan);
        else if (header->type == 'S')
                put_doubt(scan, "it is a sparse file in a format without sparse files");
        if (r >= 0 && scan->pax.is_sparse && header->type != 'S')
                r = read_pax_sparse(scan);

        if (scan->stored > 0 && is_slashed_file(header))
                put_doubt(scan, "it has the name of a directory but also content");
        return r;
}

int unpack_header_scan(
        const uint8_t *bytes, size_t size, const UnpackHeaderLimits *limits, UnpackHeader *ret) {
        Scan scan = { .bytes = bytes, .size = size, .limits = limits };
        int r = 0;

        while (r >= 0 && size - scan.at >= BLOCK) {
                const char type = (char) bytes[scan.at + TYPE_AT];
                const char *doubt = no_extra(&scan, type);

                scan.format = format_of(&scan);
                scan.header.type = type == '\0' ? '0' : type;
                if (!doubt && type != '\0' && strchr("xXgLKV", type)) {
                        r = read_extra(&scan, type);
                        continue;
                }

                put_doubt(&scan, doubt);
                r = read_entry(&scan);
                if (r < 0)
                        break;

                *ret = scan.header;
                if (ret->path.text == scan.header.joined)
                        ret->path.text = ret->joined;
                return 0;
        }

        return r < 0 ? r : -ENODATA;
}
