/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "client-suggest.h"
#include "reference.h"

#define WORD_MAX 64u /* bytes; nothing is like a longer word */

static unsigned least(unsigned a, unsigned b) {
        return a < b ? a : b;
}

/* The distance of Damerau and Levenshtein, without changes to what was swapped; both have at most WORD_MAX bytes. */
static unsigned distance(const char *a, const char *b) {
        const size_t n = strlen(a), m = strlen(b);
        unsigned rows[3]
                     [WORD_MAX + 1]; /* of @a's characters: the last but one, the last, this one */
        unsigned *before = rows[0], *last = rows[1], *row = rows[2];

        for (size_t j = 0; j <= m; j++)
                last[j] = (unsigned) j;
        for (size_t i = 1; i <= n; i++) {
                unsigned *const next = before;

                row[0] = (unsigned) i;
                for (size_t j = 1; j <= m; j++) {
                        const unsigned differs = a[i - 1] != b[j - 1];

                        row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + differs);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                row[j] = least(row[j], before[j - 2] + 1);
                }
                before = last;
                last = row;
                row = next;
        }

        return last[m];
}

const char *client_suggest_word(
        const char *word, const char *const *candidates, size_t n_candidates) {
        const size_t length = strlen(word);
        const char *nearest = NULL;
        unsigned best = length < 6 ? 2 : (unsigned) length / 3 + 1; /* too far */

        if (length < 2 || length > WORD_MAX)
                return NULL;
        for (size_t i = 0; i < n_candidates; i++) {
                const unsigned far =
                        strlen(candidates[i]) <= WORD_MAX ? distance(word, candidates[i]) : best;

                if (far < best) {
                        best = far;
                        nearest = candidates[i];
                }
        }

        return nearest;
}

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
        char word[WORD_MAX + 1];

        if (length == 0 || length >= sizeof(word) || text[length] != ':')
                return NULL;
        memcpy(word, text, length);
        word[length] = '\0';
        return client_suggest_word(word, schemes, N_ELEMENTS(schemes));
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
