/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <stdlib.h>

#include "source-files.h"
#include "source-kinds.h"
#include "source.h"

/* What makes a source of files; takes over @files only when it succeeds. */
typedef int (*SourceOpen)(
        SourceFiles *files, const ReferenceSelector *selector, Source **ret, Error *error);

static const struct {
        bool is_archive;
        SourceOpen open;
} kinds[_SOURCE_KIND_MAX] = {
        [SOURCE_OCI] = { false, source_layout_open },
        [SOURCE_OCI_ARCHIVE] = { true, source_layout_open },
        [SOURCE_DOCKER_ARCHIVE] = { true, source_docker_open },
        [SOURCE_DIR] = { false, source_dir_open },
};

int source_open(
        const ReferenceSource *reference, const SourceInput *input, Source **ret, Error *error) {
        _cleanup_(source_files_freep) SourceFiles *files = NULL;
        int r;

        assert(reference->kind < _SOURCE_KIND_MAX);

        r = kinds[reference->kind].is_archive
                    ? source_files_new_archive(input, &files, error)
                    : source_files_new_directory(input->fd, &files, error);
        if (r < 0)
                return r;

        r = kinds[reference->kind].open(files, &reference->selector, ret, error);
        if (r >= 0)
                files = NULL;
        return r;
}
