/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private to source-files*.c. Whoever only reads directories calls nothing of source-archive.h, and so does not link
 * libarchive. */

#include "source-files.h"

struct SourceFiles {
        int fd;                 /* borrowed; the directory or the archive */
        SourceArchive *archive; /* owned; NULL of a directory, as the next two */
        int (*archive_find)(
                const SourceArchive *archive, const char *name, SourceExtent *ret, Error *error);
        SourceArchive *(*archive_free)(SourceArchive *archive);
        void (*on_read)(void *userdata, uint64_t size); /* as SourceInput has it */
        void *userdata;
};
