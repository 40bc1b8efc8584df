/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The journal: the directories that are being filled, so that the next daemon removes what a killed one left.
 *
 * An entry is a file with this name and content, written before anything is created at the destination:
 *
 *     virt-bootstrap/journal/ID    virt-bootstrap journal 5
 *                                  DEVICE FILE-SYSTEM INODE EXISTING ROOT CLONED MODIFIED
 *                                  PATH NUL STAGING NUL KEEP NUL CHECKSUM
 *
 * The entry of a job without sync has version 6, followed by a line with the boot of the system. After a power failure
 * it may be an older one than the state of the directory.
 *
 * It is locked with flock(2) before it gets its name and until the job has ended: an entry without a lock was
 * left by a killed daemon. The ID is also part of the name of the mark, a file in the directory, without which
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
        char *staging;   /* owned; name of the directory beside it; empty if filled in place */
        char *keep;      /* owned; name that the old tree gets beside @path; NULL: it is removed */
        uint64_t device; /* from stat(2); of the directory with the mark, as the next two */
        uint64_t file_system; /* from statvfs(3) */
        uint64_t inode;       /* 0: not created yet, or must not be emptied */
        uint64_t existing;    /* bytes of @path: the directories that existed before */
        uint64_t
                root; /* inode of the new tree that will be exchanged with @path, or 0. If @staging has a different
                        * inode, they have been exchanged, and it must be checked before it is removed */
        uint64_t cloned,
                modified; /* for that check: the clock and the tree's time before it was cloned, in ns. If
                           * it is not cloned, but replaced whatever happens to it: 0, and its inode */
        int lock_fd;         /* owned */
        bool no_sync;        /* neither the entry nor the directory is synced */
        bool is_from_before; /* set when it is read: not synced, and in an earlier or unknown boot */
} StoreJournalEntry;

#define STORE_JOURNAL_ENTRY_NULL ((StoreJournalEntry){ .lock_fd = -EBADF })

/** store_journal_new_id() - 32 random hex digits */
int store_journal_new_id(char ret[static STORE_JOURNAL_ID_MAX], Error *error);

/**
 * store_journal_write() - record @entry under its id, or update it
 * @entry:      receives the lock
 *
 * On success the entry is on the disk, unless it has @no_sync; on failure the earlier record stays.
 */
int store_journal_write(Store *store, StoreJournalEntry *entry, Error *error);

/** store_journal_remove() - remove @entry from the disk, and release its lock */
void store_journal_remove(Store *store, StoreJournalEntry *entry);

/** store_journal_forget() - remove an unreadable entry */
void store_journal_forget(Store *store, const char *id);

/**
 * store_journal_list() - the ids of all entries
 * @ret:        owned by the caller; release it with free()
 */
int store_journal_list(
        Store *store, char (**ret)[STORE_JOURNAL_ID_MAX], size_t *ret_n, Error *error);

/**
 * store_journal_take() - read an entry that is not in use, and lock it
 *
 * Return: 1; 0 if it is in use, or no longer exists; -EBADMSG if it is damaged or has no version;
 * -EPROTONOSUPPORT if it has a different version.
 */
int store_journal_take(Store *store, const char *id, StoreJournalEntry *ret, Error *error);

/** store_journal_overlaps() - whether one of the two paths is the other, or above it */
bool store_journal_overlaps(const char *a, const char *b);

/**
 * store_journal_begin() - lock the journal against other daemons and threads
 *
 * To check whether a place is in use and record that it is, in one step. Waits at most STORE_JOURNAL_WAIT_USEC,
 * then fails with -EBUSY (ERROR_DESTINATION_BUSY).
 */
#define STORE_JOURNAL_WAIT_USEC UINT64_C(3000000)
int store_journal_begin(Store *store, Error *error);

/** store_journal_end() - unlock it; in the same thread */
void store_journal_end(Store *store);

/**
 * store_journal_check() - whether a job of any daemon works at @path, above or below it
 *
 * Return: 0; -EBUSY (ERROR_DESTINATION_BUSY).
 */
int store_journal_check(Store *store, const char *path, Error *error);

/** store_journal_entry_done() - release what @entry owns, including its lock; the entry stays in the journal */
void store_journal_entry_done(StoreJournalEntry *entry);
