/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base-macro.h"
#include "oci-media-type.h"

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

/* clang-format off */
#define MANIFEST(text) { text, MEDIA_CLASS_MANIFEST }
#define SCHEMA1(text)  { text, MEDIA_CLASS_SCHEMA1 }
#define INDEX(text)    { text, MEDIA_CLASS_INDEX }
#define CONFIG(text)   { text, MEDIA_CLASS_CONFIG }
#define LAYER(text)    { text, MEDIA_CLASS_LAYER }
#define OTHER(text)    { text, MEDIA_CLASS_OTHER }
/* clang-format on */

static const struct {
        const char *text;
        OciMediaClass class;
} types[_MEDIA_TYPE_MAX] = {
        [MEDIA_TYPE_UNKNOWN] = OTHER("unknown"),
        [MEDIA_TYPE_OCI_MANIFEST] = MANIFEST(OCI "manifest.v1+json"),
        [MEDIA_TYPE_OCI_INDEX] = INDEX(OCI "index.v1+json"),
        [MEDIA_TYPE_DOCKER_MANIFEST] = MANIFEST(DOCKER "distribution.manifest.v2+json"),
        [MEDIA_TYPE_DOCKER_MANIFEST_LIST] = INDEX(DOCKER "distribution.manifest.list.v2+json"),
        [MEDIA_TYPE_DOCKER_SCHEMA1] = SCHEMA1(DOCKER "distribution.manifest.v1+json"),
        [MEDIA_TYPE_DOCKER_SCHEMA1_SIGNED] = SCHEMA1(DOCKER "distribution.manifest.v1+prettyjws"),
        [MEDIA_TYPE_OCI_CONFIG] = CONFIG(OCI "config.v1+json"),
        [MEDIA_TYPE_DOCKER_CONFIG] = CONFIG(DOCKER "container.image.v1+json"),
        [MEDIA_TYPE_OCI_LAYER_TAR] = LAYER(OCI "layer.v1.tar"),
        [MEDIA_TYPE_OCI_LAYER_TAR_GZIP] = LAYER(OCI "layer.v1.tar+gzip"),
        [MEDIA_TYPE_OCI_LAYER_TAR_ZSTD] = LAYER(OCI "layer.v1.tar+zstd"),
        [MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR] = LAYER(OCI "layer.nondistributable.v1.tar"),
        [MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR_GZIP] =
                LAYER(OCI "layer.nondistributable.v1.tar+gzip"),
        [MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR_ZSTD] =
                LAYER(OCI "layer.nondistributable.v1.tar+zstd"),
        [MEDIA_TYPE_DOCKER_LAYER_TAR] = LAYER(DOCKER "image.rootfs.diff.tar"),
        [MEDIA_TYPE_DOCKER_LAYER_TAR_GZIP] = LAYER(DOCKER "image.rootfs.diff.tar.gzip"),
        [MEDIA_TYPE_DOCKER_LAYER_TAR_ZSTD] = LAYER(DOCKER "image.rootfs.diff.tar.zstd"),
        [MEDIA_TYPE_DOCKER_FOREIGN_TAR] = LAYER(DOCKER "image.rootfs.foreign.diff.tar"),
        [MEDIA_TYPE_DOCKER_FOREIGN_TAR_GZIP] = LAYER(DOCKER "image.rootfs.foreign.diff.tar.gzip"),
};

static const char *const generic_types[] = {
        "",          "application/json", "application/octet-stream", "binary/octet-stream",
        "text/json", "text/plain",
};

/* The type in @text without blanks around it and parameters behind it; returns its length. */
static size_t trim(const char **text) {
        size_t length;

        *text += strspn(*text, " \t");
        length = strcspn(*text, ";");
        while (length > 0 && strchr(" \t\r\n", (*text)[length - 1]))
                length--;

        return length;
}

static bool is_text(const char *text, size_t length, const char *expected) {
        return strlen(expected) == length && strncasecmp(text, expected, length) == 0;
}

OciMediaType oci_media_type_parse(const char *text) {
        size_t length = trim(&text);

        for (OciMediaType i = MEDIA_TYPE_UNKNOWN + 1; i < _MEDIA_TYPE_MAX; i++)
                if (is_text(text, length, types[i].text))
                        return i;

        return MEDIA_TYPE_UNKNOWN;
}

const char *oci_media_type_to_string(OciMediaType type) {
        assert(type < _MEDIA_TYPE_MAX);
        return types[type].text;
}

OciMediaClass oci_media_type_class(OciMediaType type) {
        assert(type < _MEDIA_TYPE_MAX);
        return types[type].class;
}

bool oci_media_type_is_foreign(OciMediaType type) {
        static const OciMediaType foreign[] = {
                MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR,      MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR_GZIP,
                MEDIA_TYPE_OCI_NONDISTRIBUTABLE_TAR_ZSTD, MEDIA_TYPE_DOCKER_FOREIGN_TAR,
                MEDIA_TYPE_DOCKER_FOREIGN_TAR_GZIP,
        };

        for (size_t i = 0; i < N_ELEMENTS(foreign); i++)
                if (foreign[i] == type)
                        return true;
        return false;
}

bool oci_media_type_is_generic(const char *content_type) {
        size_t length;

        if (!content_type)
                return true;

        length = trim(&content_type);
        for (size_t i = 0; i < N_ELEMENTS(generic_types); i++)
                if (is_text(content_type, length, generic_types[i]))
                        return true;

        return false;
}

const char *oci_media_type_accept(void) {
        /* clang-format off */
        return OCI "index.v1+json, "
               OCI "manifest.v1+json, "
               DOCKER "distribution.manifest.list.v2+json, "
               DOCKER "distribution.manifest.v2+json, "
               DOCKER "distribution.manifest.v1+prettyjws, "
               DOCKER "distribution.manifest.v1+json";
        /* clang-format on */
}
