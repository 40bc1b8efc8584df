/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "base-suggest.h"
#include "client-suggest.h"
#include "reference.h"

/* Sources of other programs, and what to do instead. */
static const struct Foreign {
        const char *prefix, *hint;
} foreign[] = {
        { "http://",
          "download it, and use - for what comes from a pipe: curl URL | virt-bootstrap - DEST" },
        { "https://",
          "download it, and use - for what comes from a pipe: curl URL | virt-bootstrap - DEST" },
        { "containers-storage:", "use podman save IMAGE | virt-bootstrap docker-archive:- DEST" },
        { "docker-daemon:", "use docker save IMAGE | virt-bootstrap docker-archive:- DEST" },
};

static const char *const schemes[] = {
        "docker", "file", "oci", "oci-archive", "docker-archive", "dir", "virt-builder",
};

/* Whether it is the name of a file rather than of an image. */
static bool looks_like_file(const char *text) {
        static const char *const suffixes[] = {
                ".tar", ".gz",  ".tgz", ".xz",    ".txz", ".zst",
                ".bz2", ".img", ".raw", ".qcow2", ".iso", ".lz4",
        };
        const size_t length = strlen(text);

        if (text[0] == '.' || text[0] == '/' || text[0] == '~' || text[0] == '-')
                return true;
        for (size_t i = 0; i < N_ELEMENTS(suffixes); i++)
                if (length > strlen(suffixes[i]) &&
                    strcmp(text + length - strlen(suffixes[i]), suffixes[i]) == 0)
                        return true;

        return false;
}

/* A scheme that is nearly one of ours, before "://" or ":". */
static const char *find_scheme(const char *text, size_t length) {
        char word[SUGGEST_WORD_MAX + 1];

        if (length == 0 || length >= sizeof(word) || text[length] != ':')
                return NULL;
        memcpy(word, text, length);
        word[length] = '\0';
        return suggest_word(word, schemes, N_ELEMENTS(schemes));
}

static bool has_our_scheme(const char *text) {
        const size_t length = strcspn(text, ":/");

        for (size_t i = 0; text[length] == ':' && i < N_ELEMENTS(schemes); i++)
                if (strlen(schemes[i]) == length && strncmp(text, schemes[i], length) == 0)
                        return true;

        return false;
}

/* "dockr://debian" and "docker:debian"; NULL if the scheme is another. */
static char *suggest_scheme(const char *text) {
        const size_t length = strcspn(text, ":/");
        const char *scheme = find_scheme(text, length), *rest = text + length;
        bool needs_slashes;
        char *hint;

        if (!scheme)
                return NULL;

        needs_slashes = strcmp(scheme, "docker") == 0 && strncmp(rest, "://", strlen("://")) != 0;
        if (has_our_scheme(text) && !needs_slashes)
                return NULL;
        return asprintf(
                       &hint, "did you mean %s%s%s?", scheme, needs_slashes ? "://" : "",
                       rest + (needs_slashes ? 1 : 0)) < 0
                       ? NULL
                       : hint;
}

char *client_suggest_source(const char *text) {
        char full[REFERENCE_MAX + 1];
        const char *name = text;
        Reference reference;
        char *hint;

        for (size_t i = 0; i < N_ELEMENTS(foreign); i++)
                if (strncmp(text, foreign[i].prefix, strlen(foreign[i].prefix)) == 0)
                        return strdup(foreign[i].hint);

        hint = suggest_scheme(text);
        if (hint)
                return hint;

        /* A habit from other programs. */
        if (strncmp(text, "oci://", strlen("oci://")) == 0)
                name += strlen("oci://");
        else if (has_our_scheme(text))
                return NULL;
        if (looks_like_file(name) || reference_parse(name, &reference, NULL) < 0)
                return NULL;
        return asprintf(
                       &hint, "for a registry's image, use docker://%s",
                       reference_format(&reference, full)) < 0
                       ? NULL
                       : hint;
}

char *client_suggest_repository(const char *text) {
        const bool is_habit = strncmp(text, "oci://", strlen("oci://")) == 0;
        const char *name = text + (is_habit ? strlen("oci://") : 0);
        char *hint = is_habit ? NULL : suggest_scheme(text);
        Reference reference;

        if (hint || (!is_habit && has_our_scheme(text)))
                return hint;
        if (looks_like_file(name) || reference_parse(name, &reference, NULL) < 0)
                return NULL;
        return asprintf(
                       &hint, "for a registry's repository, use docker://%s/%s", reference.host,
                       reference.repository) < 0
                       ? NULL
                       : hint;
}
