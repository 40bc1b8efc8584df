/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base-fd.h"
#include "fuzz.h"
#include "hash.h"
#include "oci-config.h"
#include "oci-document.h"
#include "oci-index.h"
#include "source.h"

#define SCRATCH_BYTES_MAX (UINT64_C(1) << 20)

static void check_failure(int r, const Error *error) {
        if (r >= 0 || error->code != -r || !error->message)
                __builtin_trap();
        for (const char *p = error->message; *p; p++)
                if (*p < ' ' || *p > '~')
                        __builtin_trap();
}

static int count(void *userdata, const void *data, size_t size, Error *error) {
        *(uint64_t *) userdata += size;
        return 0;
}

/* A blob has the size that was asked for, or none of it is given. */
static void try_blob(Source *source, const OciDescriptor *descriptor) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        uint64_t given = 0;
        const SourceBlobRequest request = {
                .digest = &descriptor->digest,
                .size = descriptor->size,
                .write = count,
                .userdata = &given,
        };
        int r;

        r = source_get_blob(source, &request, &error);
        if (r < 0)
                check_failure(r, &error);
        if (r >= 0 ? given != descriptor->size : given != 0)
                __builtin_trap();
}

static void try_manifest(Source *source, const SourceDocument *document, bool is_ours) {
        _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
        OciMediaType type;

        if (oci_document_classify(
                    document->data, document->size, document->content_type, &type, NULL) < 0 ||
            oci_media_type_class(type) == MEDIA_CLASS_INDEX ||
            oci_manifest_parse(document->data, document->size, type, &manifest, NULL) < 0) {
                if (is_ours)
                        __builtin_trap(); /* what was made here is always good */
                return;
        }

        if (manifest.has_config)
                try_blob(source, &manifest.config);
        for (size_t i = 0; i < manifest.n_layers; i++)
                if (manifest.layers[i].size != DESCRIPTOR_SIZE_UNKNOWN)
                        try_blob(source, &manifest.layers[i]);
}

static void try_archive(const char *text, const uint8_t *data, size_t size) {
        _cleanup_(closep) int fd = memfd_create("archive", MFD_CLOEXEC);
        _cleanup_(closep) int scratch_fd = memfd_create("scratch", MFD_CLOEXEC);
        const SourceInput input = {
                .fd = fd,
                .scratch_fd = scratch_fd,
                .scratch_bytes_max = SCRATCH_BYTES_MAX,
                .limits = &LIMITS_DEFAULT,
        };
        _cleanup_(source_document_done) SourceDocument document = { 0 };
        _cleanup_(source_freep) Source *source = NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        ReferenceSource reference;
        int r;

        if (fd < 0 || scratch_fd < 0 || fd_write_full(fd, data, size) < 0 ||
            reference_source_parse(text, &reference, NULL) < 0)
                abort();

        r = source_open_archive(&reference, &input, &source, &error);
        if (r >= 0)
                r = source_get_top(source, &document, &error);
        if (lseek(scratch_fd, 0, SEEK_END) > (off_t) SCRATCH_BYTES_MAX)
                __builtin_trap();
        if (r < 0) {
                check_failure(r, &error);
                return;
        }

        try_manifest(source, &document, reference.kind == SOURCE_DOCKER_ARCHIVE);
}

/* A whole archive, as either kind. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        try_archive("docker-archive:x", data, size);
        try_archive("docker-archive:x:debian", data, size);
        try_archive("oci-archive:x", data, size);
        try_archive("oci-archive:x:@0", data, size);
        return 0;
}
