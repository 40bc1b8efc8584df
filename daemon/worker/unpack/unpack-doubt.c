/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <archive.h>

#include "unpack-doubt.h"

#define HARD_LINK      '1' /* as headers have it */
#define SYMBOLIC_LINK  '2'
#define CONTINUED_FILE 'M' /* GNU tar's */

static bool same_text(const UnpackText *text, const char *other) {
        return other ? unpack_text_is(text, other, strlen(other)) : text->size == 0;
}

static bool same_type(const UnpackHeader *header, struct archive_entry *entry) {
        const char *path = archive_entry_pathname(entry);
        const __LA_MODE_T type = archive_entry_filetype(entry);

        switch (header->type) {
        case HARD_LINK:
                return type == 0 || type == AE_IFREG;
        case SYMBOLIC_LINK:
                return type == AE_IFLNK;
        case '3':
                return type == AE_IFCHR;
        case '4':
                return type == AE_IFBLK;
        case '5':
        case 'D':
                return type == AE_IFDIR;
        case '6':
                return type == AE_IFIFO;
        case CONTINUED_FILE:
                return true;
        default:
                return type == AE_IFREG ||
                       (type == AE_IFDIR && path && *path != '\0' && strchr(path, '\0')[-1] == '/');
        }
}

/* libarchive loses a link from a pax or GNU header when the field for it is empty. */
static bool same_link(const UnpackHeader *header, struct archive_entry *entry) {
        const char *link;

        if (header->type != HARD_LINK && header->type != SYMBOLIC_LINK)
                return true;

        link = header->type == HARD_LINK ? archive_entry_hardlink(entry)
                                         : archive_entry_symlink(entry);
        return !link || same_text(&header->link, link);
}

const char *unpack_doubt_find(
        const UnpackHeader *header, size_t size, struct archive_entry *entry) {
        const bool is_device = header->type == '3' || header->type == '4';

        if (header->doubt)
                return header->doubt;
        if (header->end != size)
                return "its content could begin at another offset";
        if (!same_type(header, entry))
                return "its type could be different";
        if (!same_text(&header->path, archive_entry_pathname(entry)))
                return "its name could be different";
        if (header->size != (uint64_t) archive_entry_size(entry))
                return "its size could be different";
        if (is_device && (header->device_major != (uint64_t) archive_entry_rdevmajor(entry) ||
                          header->device_minor != (uint64_t) archive_entry_rdevminor(entry)))
                return "its device number could be different";
        if (!same_link(header, entry))
                return "its link target could be different";
        return NULL;
}
