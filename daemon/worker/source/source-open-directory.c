/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>

#include "source-files.h"
#include "source-kinds.h"

int source_open_directory(
        const ReferenceSource *reference, const SourceInput *input, Source **ret, Error *error) {
        const bool is_layout = reference->kind == SOURCE_OCI;
        _cleanup_(source_files_freep) SourceFiles *files = NULL;
        int r;

        assert(is_layout || reference->kind == SOURCE_DIR);

        r = source_files_new_directory(input->fd, &files, error);
        if (r >= 0)
                r = is_layout ? source_layout_open(files, &reference->selector, ret, error)
                              : source_dir_open(files, &reference->selector, ret, error);
        if (r >= 0)
                files = NULL; /* the source's now */
        return r;
}
