/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "source-files-internal.h"
#include "source-spool.h"

int source_files_new_archive(const SourceInput *input, SourceFiles **ret, Error *error) {
        _cleanup_(source_files_freep) SourceFiles *files = NULL;
        int r;

        files = calloc(1, sizeof(*files));
        if (!files)
                return error_oom(error);

        files->archive_find = source_archive_find;
        files->archive_free = source_archive_free;
        files->on_read = input->on_read;
        files->userdata = input->userdata;
        files->fd = source_spool(input, error);
        if (files->fd < 0)
                return files->fd;
        r = source_archive_new(files->fd, &files->archive, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(files);
        return 0;
}
