/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-fd.h"
#include "store-internal.h"
#include "store-journal.h"

#define JOURNAL_PATH_MAX ((size_t) 8192) /* bytes */

int store_journal_add(Store *store, const char *id, const char *path, Error *error) {
        int r;

        r = file_write_atomic(store->journal_fd, id, path, strlen(path), 0600);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot note the staging directory %s", path);
        return 0;
}

void store_journal_remove(Store *store, const char *id) {
        (void) unlinkat(store->journal_fd, id, 0);
}

static bool is_id(const char *name) {
        return strlen(name) == STORE_JOURNAL_ID_MAX - 1 &&
               strspn(name, "0123456789abcdef") == STORE_JOURNAL_ID_MAX - 1;
}

static int read_entries(Store *store, DIR *dir, StoreJournalEntry **entries, size_t *n) {
        struct dirent *entry;

        while ((entry = readdir(dir)) && *n < STORE_JOURNAL_ENTRIES_MAX) {
                StoreJournalEntry *bigger;
                char *path;

                if (!is_id(entry->d_name) ||
                    file_read(store->journal_fd, entry->d_name, JOURNAL_PATH_MAX, &path, NULL) < 0)
                        continue;

                bigger = reallocarray(*entries, *n + 1, sizeof(*bigger));
                if (!bigger) {
                        free(path);
                        return -ENOMEM;
                }

                *entries = bigger;
                strcpy(bigger[*n].id, entry->d_name);
                bigger[(*n)++].path = path;
        }

        return 0;
}

int store_journal_read(Store *store, StoreJournalEntry **ret, size_t *ret_n, Error *error) {
        StoreJournalEntry *entries = NULL;
        size_t n = 0;
        _cleanup_(closedirp) DIR *dir = NULL;
        int r;

        r = dir_open(store->journal_fd, &dir);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the journal of the cache");

        r = read_entries(store, dir, &entries, &n);
        if (r < 0) {
                store_journal_free(entries, n);
                return error_oom(error);
        }

        *ret = entries;
        *ret_n = n;
        return 0;
}

void store_journal_free(StoreJournalEntry *entries, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(entries[i].path);
        free(entries);
}
