/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The journal: which directories are being filled, so that the next daemon removes what a killed one left.
 *
 * An entry is a file of this name and content, written before anything is made at the destination:
 *
 *     virt-bootstrap/journal/ID    virt-bootstrap journal 3
 *                                  DEVICE FILE-SYSTEM INODE EXISTING ROOT CLONED MODIFIED
 *                                  PATH NUL STAGING NUL CHECKSUM
 *
 * It is locked with flock(2) from before it has its name until the job has ended: one without a lock is
 * what a killed daemon left. The ID is also the name of the mark, a file in the directory, without which
 * nobody may empty it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

#define STORE_JOURNAL_ID_MAX      33 /* 32 hex digits and the NUL */
#define STORE_JOURNAL_ENTRIES_MAX ((size_t) 10000)

typedef struct StoreJournalEntry {
        char id[STORE_JOURNAL_ID_MAX];
        char *path;      /* owned; the destination, absolute, without links in it */
        char *staging;   /* owned; name of the directory beside it; empty: filled in place */
        uint64_t device; /* as stat(2) has it; of the directory with the mark, as the next two */
        uint64_t file_system; /* as statvfs(3) has it */
        uint64_t inode;       /* 0: not made yet, or not to be emptied */
        uint64_t existing;    /* bytes of @path: the directories that were there before */
        uint64_t
                root; /* inode of the new tree that is to change places with @path, or 0: when another one is in
                        * @staging, they have, and that has to be looked at before it is removed */
        uint64_t cloned,
                modified; /* what it takes: the clock and the tree's time before it was cloned, in ns */
        int lock_fd;      /* owned */
} StoreJournalEntry;

#define STORE_JOURNAL_ENTRY_NULL ((StoreJournalEntry){ .lock_fd = -EBADF })

/** store_journal_new_id() - 32 random hex digits; returns 0 or a negative errno with @error set */
int store_journal_new_id(char ret[static STORE_JOURNAL_ID_MAX], Error *error);

/**
 * store_journal_write() - note @entry under its id, or what is now known of it
 * @entry:      gets the lock
 *
 * Return: 0, the entry is on the disk; or a negative errno with @error set, and what was noted before stays.
 */
int store_journal_write(Store *store, StoreJournalEntry *entry, Error *error);

/** store_journal_remove() - forget @entry, for good, and let its lock go */
void store_journal_remove(Store *store, StoreJournalEntry *entry);

/** store_journal_forget() - remove what cannot be read as an entry */
void store_journal_forget(Store *store, const char *id);

/**
 * store_journal_list() - the ids of all entries
 * @ret:        owned by the caller, to be released with free()
 *
 * Return: 0, or a negative errno with @error set.
 */
int store_journal_list(
        Store *store, char (**ret)[STORE_JOURNAL_ID_MAX], size_t *ret_n, Error *error);

/**
 * store_journal_take() - read an entry that nobody works on, and lock it
 *
 * Return: 1; 0 when somebody works on it, or it is gone; -EBADMSG when it is damaged or has no version,
 * -EPROTONOSUPPORT when it is of another one, or another negative errno, with @error set.
 */
int store_journal_take(Store *store, const char *id, StoreJournalEntry *ret, Error *error);

/** store_journal_overlaps() - whether one of the two paths is the other one, or above it */
bool store_journal_overlaps(const char *a, const char *b);

/**
 * store_journal_begin() - keep other daemons, and other threads, from looking into the journal and writing to it
 *
 * For the time between looking whether somebody works at a place and noting that somebody does. Others wait
 * STORE_JOURNAL_WAIT_USEC at most: -EBUSY (ERROR_DESTINATION_BUSY), with @error set.
 */
#define STORE_JOURNAL_WAIT_USEC UINT64_C(3000000)
int store_journal_begin(Store *store, Error *error);

/** store_journal_end() - let them; in the same thread */
void store_journal_end(Store *store);

/**
 * store_journal_check() - whether a job of any daemon works at @path, above or below it
 *
 * Return: 0; -EBUSY (ERROR_DESTINATION_BUSY) or another negative errno, with @error set.
 */
int store_journal_check(Store *store, const char *path, Error *error);

/** store_journal_entry_done() - release what @entry owns, its lock too; the entry stays noted */
void store_journal_entry_done(StoreJournalEntry *entry);
