/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The journal: which staging directories exist, so that the next daemon removes what a killed one left.
 * An entry is a file whose content is the path. It is written before the directory is made.
 */

#include <stddef.h>

#include "store.h"

#define STORE_JOURNAL_ID_MAX      33 /* 32 hex digits and the NUL */
#define STORE_JOURNAL_ENTRIES_MAX ((size_t) 10000)

typedef struct StoreJournalEntry {
        char id[STORE_JOURNAL_ID_MAX];
        char *path; /* owned */
} StoreJournalEntry;

/** store_journal_add() - note @path, absolute, under @id; returns 0 or a negative errno with @error set */
int store_journal_add(Store *store, const char *id, const char *path, Error *error);

/** store_journal_remove() - forget @id */
void store_journal_remove(Store *store, const char *id);

/**
 * store_journal_read() - all entries
 * @ret:        to be released with store_journal_free()
 *
 * Return: 0, or a negative errno with @error set.
 */
int store_journal_read(Store *store, StoreJournalEntry **ret, size_t *ret_n, Error *error);

/** store_journal_free() - release @n entries */
void store_journal_free(StoreJournalEntry *entries, size_t n);
