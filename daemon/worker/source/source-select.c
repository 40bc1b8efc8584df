/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "reference.h"
#include "source-select.h"

/* "@0 'debian:latest', @1, ..." */
typedef struct List {
        char text[SOURCE_LISTED_MAX * (TEXT_QUOTE_MAX + 16) + 8];
        size_t n;
} List;

static void list_add(List *list, size_t index, const char *name) {
        char *end = list->text + strlen(list->text);
        char quoted[TEXT_QUOTE_MAX];

        if (list->n > SOURCE_LISTED_MAX)
                return;
        if (list->n > 0)
                end = stpcpy(end, ", ");
        if (list->n++ == SOURCE_LISTED_MAX) {
                stpcpy(end, "...");
                return;
        }

        end += sprintf(end, "@%zu", index);
        if (name)
                (void) sprintf(end, " '%s'", text_quote(name, quoted));
}

static int none_found(const ReferenceSelector *selector, const List *list, Error *error) {
        if (list->n == 0)
                return error_set(error, ENOENT, ERROR_INVALID_REFERENCE, "It contains no image");
        if (selector->has_index)
                return error_set(
                        error, ENOENT, ERROR_INVALID_REFERENCE,
                        "It contains no image @%u; it has: %s", selector->index, list->text);
        return error_set(
                error, ENOENT, ERROR_INVALID_REFERENCE, "It contains no image '%s'; it has: %s",
                selector->name, list->text);
}

static int several_found(const ReferenceSelector *selector, const List *list, Error *error) {
        if (selector->name[0] != '\0')
                return error_set(
                        error, EINVAL, ERROR_INVALID_REFERENCE,
                        "It contains several images '%s'; append \":@NUMBER\" to the path to choose one of: %s",
                        selector->name, list->text);
        return error_set(
                error, EINVAL, ERROR_INVALID_REFERENCE,
                "It contains several images; append \":NAME\" or \":@NUMBER\" to the path to choose one of: %s",
                list->text);
}

static const char *entry_name(const OciIndexEntry *entry) {
        return entry->image_name ? entry->image_name : entry->ref_name;
}

static bool is_name(const char *name, const ReferenceSelector *selector) {
        return name && strcmp(name, selector->name) == 0;
}

static bool entry_matches(const OciIndexEntry *entry, const ReferenceSelector *selector) {
        return selector->name[0] == '\0' || is_name(entry->ref_name, selector) ||
               is_name(entry->image_name, selector);
}

void source_choice_done(SourceChoice *choice) {
        free(choice->entries);
        *choice = (SourceChoice){ 0 };
}

static bool has_same_name(const OciIndexEntry *a, const OciIndexEntry *b) {
        const char *left = entry_name(a), *right = entry_name(b);

        return left && right ? strcmp(left, right) == 0 : left == right;
}

/* Whether platforms are all that tells the entries from each other. */
static bool is_one_image(const SourceChoice *choice) {
        for (size_t i = 0; choice->n > 1 && i < choice->n; i++) {
                const OciIndexEntry *entry = choice->entries[i];

                if (!entry->has_platform || !has_same_name(entry, choice->entries[0]))
                        return false;
                for (size_t j = 0; j < i; j++)
                        if (memcmp(&entry->platform, &choice->entries[j]->platform,
                                   sizeof(ReferencePlatform)) == 0)
                                return false;
        }

        return true;
}

static bool is_chosen(const SourceChoice *choice, const OciIndexEntry *entry) {
        for (size_t i = 0; i < choice->n; i++)
                if (digest_equal(&choice->entries[i]->descriptor.digest, &entry->descriptor.digest))
                        return true;
        return false;
}

static void list_entries(const OciIndex *index, List *list) {
        *list = (List){ .n = 0 };
        for (size_t i = 0; i < index->n_entries; i++)
                if (index->entries[i].is_candidate)
                        list_add(list, i, entry_name(&index->entries[i]));
}

/* All entries that are meant, each manifest once. */
static int find_entries(
        const OciIndex *index, const ReferenceSelector *selector, SourceChoice *ret, Error *error) {
        ret->is_all = true;
        ret->entries = calloc(index->n_entries + 1, sizeof(ret->entries[0]));
        if (!ret->entries)
                return error_oom(error);

        for (size_t i = 0; i < index->n_entries; i++) {
                const OciIndexEntry *entry = &index->entries[i];
                bool is_meant =
                        selector->has_index ? i == selector->index : entry_matches(entry, selector);

                if (!entry->is_candidate)
                        continue;
                if (!is_meant)
                        ret->is_all = false;
                else if (!is_chosen(ret, entry))
                        ret->entries[ret->n++] = entry;
        }

        return 0;
}

int source_select_layout(
        const OciIndex *index, const ReferenceSelector *selector, SourceChoice *ret, Error *error) {
        _cleanup_(source_choice_done) SourceChoice choice = { 0 };
        List list;
        int r;

        r = find_entries(index, selector, &choice, error);
        if (r < 0)
                return r;

        if (choice.n == 0 || !is_one_image(&choice)) {
                list_entries(index, &list);
                return choice.n == 0 ? none_found(selector, &list, error)
                                     : several_found(selector, &list, error);
        }

        *ret = TAKE_STRUCT(choice);
        return 0;
}

static bool tag_matches(const char *tag, const ReferenceSelector *selector) {
        char text[REFERENCE_MAX + 1];
        Reference reference;

        return reference_parse(tag, &reference, NULL) >= 0 &&
               strcmp(reference_format(&reference, text), selector->name) == 0;
}

static bool image_matches(const OciDockerArchiveImage *image, const ReferenceSelector *selector) {
        if (selector->name[0] == '\0')
                return true;

        for (size_t i = 0; i < image->n_tags; i++)
                if (tag_matches(image->tags[i], selector))
                        return true;
        return false;
}

static void list_images(const OciDockerArchive *archive, List *list) {
        *list = (List){ .n = 0 };
        for (size_t i = 0; i < archive->n_images; i++)
                list_add(
                        list, i, archive->images[i].n_tags > 0 ? archive->images[i].tags[0] : NULL);
}

int source_select_docker(
        const OciDockerArchive *archive,
        const ReferenceSelector *selector,
        const OciDockerArchiveImage **ret,
        Error *error) {
        const OciDockerArchiveImage *found = NULL;
        size_t n = 0;
        List list;

        for (size_t i = 0; i < archive->n_images; i++) {
                if (selector->has_index ? i != selector->index
                                        : !image_matches(&archive->images[i], selector))
                        continue;

                found = &archive->images[i];
                n++;
        }

        if (n != 1) {
                list_images(archive, &list);
                return n > 1 ? several_found(selector, &list, error)
                             : none_found(selector, &list, error);
        }

        *ret = found;
        return 0;
}
