/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-source.h"

int file_of(const Bytes *bytes) {
        int fd = memfd_create("test", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(fd_write_full(fd, bytes->data, bytes->size), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

Digest digest_of_bytes(const void *data, size_t size) {
        Digest digest;

        assert_int_equal(hash_buffer(DIGEST_SHA256, data, size, &digest, NULL), 0);
        return digest;
}

const char *sha_of(const char *text) {
        static char texts[8][DIGEST_STRING_MAX];
        static unsigned next;
        const Digest digest = digest_of_bytes(text, strlen(text));

        return digest_format(&digest, texts[next++ % 8]);
}

const char *hex_name(const char *prefix, const char *text) {
        static char names[8][DIGEST_STRING_MAX + 64];
        static unsigned next;
        char *name = names[next++ % 8];

        (void) snprintf(name, sizeof(names[0]), "%s%s", prefix, strchr(sha_of(text), ':') + 1);
        return name;
}

char *json_format(const char *format, ...) {
        char *text;
        va_list ap;

        va_start(ap, format);
        assert_true(vasprintf(&text, format, ap) >= 0);
        va_end(ap);

        for (char *p = text; (p = strchr(p, '\''));)
                *p = '"';
        return text;
}

char *config_of(const char *layer) {
        return json_format(
                "{'os':'linux','architecture':'amd64','rootfs':{'type':'layers','diff_ids':['%s']}}",
                sha_of(layer));
}

char *manifest_of(const char *config, const char *layer) {
        return json_format(
                "{'schemaVersion':2,'mediaType':'" OCI_MANIFEST
                "','config':{'mediaType':'" OCI_CONFIG
                "','digest':'%s','size':%zu},'layers':[{'mediaType':'" OCI_LAYER
                "','digest':'%s','size':%zu}]}",
                sha_of(config), strlen(config), sha_of(layer), strlen(layer));
}

char *index_of(const char *manifest, const char *more) {
        return json_format(
                "{'schemaVersion':2,'manifests':[{'mediaType':'" OCI_MANIFEST
                "','digest':'%s','size':%zu%s}]}",
                sha_of(manifest), strlen(manifest), more);
}

int open_source(const char *text, int fd, int scratch_fd, Source **ret, Error *error) {
        const SourceInput input = {
                .fd = fd,
                .scratch_fd = scratch_fd,
                .scratch_bytes_max = 1 << 20,
                .limits = &LIMITS_DEFAULT,
        };
        ReferenceSource reference;

        assert_int_equal(reference_source_parse(text, &reference, NULL), 0);
        return reference.kind == SOURCE_OCI || reference.kind == SOURCE_DIR
                       ? source_open_directory(&reference, &input, ret, error)
                       : source_open_archive(&reference, &input, ret, error);
}

int open_archive(const char *text, Bytes *tar, int *ret_fd, Source **ret, Error *error) {
        tar_end(tar);
        *ret_fd = file_of(tar);
        return open_source(text, *ret_fd, -EBADF, ret, error);
}

int on_blob(void *userdata, const void *data, size_t size, Error *error) {
        bytes_add(userdata, data, size);
        return 0;
}

int get_blob(Source *source, const char *digest_text, uint64_t size, Bytes *ret, Error *error) {
        Digest digest;
        const SourceBlobRequest request = {
                .digest = &digest,
                .size = size,
                .write = on_blob,
                .userdata = ret,
        };

        assert_int_equal(digest_parse(digest_text, &digest), 0);
        return source_get_blob(source, &request, error);
}

void assert_blob(Source *source, const char *content) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(bytes_done) Bytes bytes = { 0 };

        if (get_blob(source, sha_of(content), strlen(content), &bytes, &error) < 0)
                fail_msg("%s", error_text(&error));
        assert_int_equal(bytes.size, strlen(content));
        assert_memory_equal(bytes.data, content, bytes.size);
}

void assert_top(Source *source, const char *content, const char *type) {
        _cleanup_(source_document_done) SourceDocument document = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (source_get_top(source, &document, &error) < 0)
                fail_msg("%s", error_text(&error));
        assert_string_equal(document.data, content);
        assert_int_equal(document.size, strlen(content));
        if (type)
                assert_string_equal(document.content_type, type);
        else
                assert_null(document.content_type);
}
