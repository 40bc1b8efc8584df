/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base-number.h"
#include "base-text.h"
#include "reference-source.h"
#include "reference.h"

static const char *const kinds[_SOURCE_KIND_MAX] = {
        [SOURCE_OCI] = "oci",
        [SOURCE_OCI_ARCHIVE] = "oci-archive",
        [SOURCE_DOCKER_ARCHIVE] = "docker-archive",
        [SOURCE_DIR] = "dir",
};

static const char *const hints[_SOURCE_KIND_MAX] = {
        [SOURCE_OCI] =
                "it has no path; expected oci:PATH[:REF] with the directory of an OCI layout",
        [SOURCE_OCI_ARCHIVE] = "it has no path; expected oci-archive:PATH[:REF]",
        [SOURCE_DOCKER_ARCHIVE] = "it has no path; expected docker-archive:PATH[:REF]",
        [SOURCE_DIR] = "it has no path; expected dir:PATH",
};

/* The text after the scheme's ':'; NULL for other schemes. */
static const char *skip_kind(const char *text, ReferenceSourceKind *ret) {
        for (ReferenceSourceKind i = 0; i < _SOURCE_KIND_MAX; i++) {
                size_t length = strlen(kinds[i]);

                if (strncasecmp(text, kinds[i], length) != 0 || text[length] != ':')
                        continue;

                *ret = i;
                return text + length + 1;
        }

        return NULL;
}

bool reference_source_is_one(const char *text) {
        ReferenceSourceKind kind;

        return skip_kind(text, &kind);
}

static int invalid(const char *text, const char *why, Error *error) {
        char quoted[TEXT_QUOTE_MAX];

        return error_set(
                error, EINVAL, ERROR_INVALID_REFERENCE, "The source '%s' is invalid: %s",
                text_quote(text, quoted), why);
}

static int parse_index(const char *text, const char *digits, unsigned *ret, Error *error) {
        uint64_t index;
        int r;

        if (*digits == '\0')
                return invalid(text, "expected a number after the '@'", error);

        r = number_parse(digits, SOURCE_INDEX_MAX, &index);
        if (r == -ERANGE)
                return invalid(text, "the number after the '@' is too large", error);
        if (r < 0)
                return invalid(text, "the text after the '@' is not the number of an image", error);

        *ret = (unsigned) index;
        return 0;
}

/* The names in a layout are arbitrary: they are compared, and shown in messages. */
static int parse_layout_name(
        const char *text, const char *name, ReferenceSelector *selector, Error *error) {
        if (strlen(name) > SOURCE_SELECTOR_NAME_MAX)
                return invalid(text, "the image's name is too long", error);
        for (const char *p = name; *p != '\0'; p++)
                if (*p <= ' ' || *p > '~')
                        return invalid(text, "the image's name contains invalid characters", error);

        stpcpy(selector->name, name);
        return 0;
}

static int parse_docker_name(
        const char *text, const char *name, ReferenceSelector *selector, Error *error) {
        char formatted[REFERENCE_MAX + 1];
        Reference reference;
        int r;

        static_assert(sizeof(formatted) <= sizeof(selector->name), "a reference is a name");

        if (*name == '\0')
                return invalid(
                        text,
                        "expected a name after the path's ':', which must be left out if there is only "
                        "one image",
                        error);

        r = reference_parse(name, &reference, error);
        if (r < 0)
                return r;
        if (reference.has_digest)
                return invalid(text, "images in an archive have tags, not digests", error);

        stpcpy(selector->name, reference_format(&reference, formatted));
        return 0;
}

static int parse_selector(const char *text, const char *rest, ReferenceSource *ref, Error *error) {
        if (*rest == '@') {
                ref->selector.has_index = true;
                return parse_index(text, rest + 1, &ref->selector.index, error);
        }

        return ref->kind == SOURCE_DOCKER_ARCHIVE
                       ? parse_docker_name(text, rest, &ref->selector, error)
                       : parse_layout_name(text, rest, &ref->selector, error);
}

int reference_source_parse(const char *text, ReferenceSource *ret, Error *error) {
        ReferenceSource reference = { 0 };
        const char *path;
        size_t length;
        int r;

        path = skip_kind(text, &reference.kind);
        if (!path)
                return invalid(
                        text,
                        "it does not begin with 'oci:', 'oci-archive:', 'docker-archive:' or 'dir:'",
                        error);

        length = reference.kind == SOURCE_DIR ? strlen(path) : strcspn(path, ":");
        if (length == 0)
                return invalid(text, hints[reference.kind], error);
        if (length > SOURCE_REFERENCE_PATH_MAX)
                return invalid(text, "its path is too long", error);

        memcpy(reference.path, path, length);
        if (path[length] == ':') {
                r = parse_selector(text, path + length + 1, &reference, error);
                if (r < 0)
                        return r;
        }

        *ret = reference;
        return 0;
}

char *reference_source_format(
        const ReferenceSource *reference, char ret[static SOURCE_REFERENCE_MAX + 1]) {
        const ReferenceSelector *selector = &reference->selector;
        char *p = ret;

        p = stpcpy(stpcpy(stpcpy(p, kinds[reference->kind]), ":"), reference->path);
        if (selector->has_index)
                (void) sprintf(p, ":@%u", selector->index);
        else if (selector->name[0] != '\0')
                stpcpy(stpcpy(p, ":"), selector->name);

        return ret;
}

const char *reference_source_kind_to_string(ReferenceSourceKind kind) {
        assert(kind < _SOURCE_KIND_MAX);
        return kinds[kind];
}
