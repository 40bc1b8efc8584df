/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base-fd.h"
#include "store-internal.h"
#include "store-journal.h"

#define JOURNAL_ENTRY_MAX ((size_t) 8192) /* bytes */
#define JOURNAL_MAGIC     "virt-bootstrap journal "
#define JOURNAL_VERSION   "5\n"
#define UNSYNCED_VERSION  "6\n"         /* a line with the boot follows */
#define CHECKSUM_LENGTH   ((size_t) 16) /* hex digits */
#define OPEN_TRIES        16            /* of an entry that is being rewritten */
#define POLL_USEC         UINT64_C(5000)

_Static_assert(
        STORE_JOURNAL_ID_MAX == STORE_RANDOM_ID_MAX, "the ids of the journal are random ids");

int store_journal_new_id(char ret[static STORE_JOURNAL_ID_MAX], Error *error) {
        int r = store_disk_new_id(ret);

        return r < 0 ? error_set_errno(error, -r, "Cannot create an id") : 0;
}

int store_journal_write(Store *store, StoreJournalEntry *entry, Error *error) {
        _cleanup_(freep) char *text = NULL;
        int size, r, fd;

        size = asprintf(
                &text,
                JOURNAL_MAGIC "%s%s%s%" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64
                              " %" PRIx64 " %" PRIx64 "\n%s%c%s%c%s%c%*s",
                entry->no_sync ? UNSYNCED_VERSION : JOURNAL_VERSION,
                entry->no_sync ? store->boot : "", entry->no_sync ? "\n" : "", entry->device,
                entry->file_system, entry->inode, entry->existing, entry->root, entry->cloned,
                entry->modified, entry->path, '\0', entry->staging, '\0',
                entry->keep ? entry->keep : "", '\0', (int) CHECKSUM_LENGTH, "");
        if (size < 0) {
                text = NULL;
                return error_oom(error);
        }

        if ((size_t) size > JOURNAL_ENTRY_MAX)
                return error_set(
                        error, ENAMETOOLONG, ERROR_INVALID_DESTINATION,
                        "The path of the destination %s is too long", entry->path);
        (void) snprintf(
                text + size - CHECKSUM_LENGTH, CHECKSUM_LENGTH + 1, "%016" PRIx64,
                store_checksum(text, (size_t) size - CHECKSUM_LENGTH));

        r = (entry->no_sync ? file_write_unsynced : file_write_locked)(
                store->journal_fd, entry->id, text, (size_t) size, 0600, &fd);
        if (r < 0)
                return error_set_errno(
                        error, -r, "Cannot record the destination %s in the journal", entry->path);

        closep(&entry->lock_fd);
        entry->lock_fd = fd;
        return 0;
}

void store_journal_forget(Store *store, const char *id) {
        (void) unlinkat(store->journal_fd, id, 0);
        (void) fd_sync(store->journal_fd);
}

void store_journal_remove(Store *store, StoreJournalEntry *entry) {
        if (entry->no_sync)
                (void) unlinkat(store->journal_fd, entry->id, 0);
        else
                store_journal_forget(store, entry->id);
        closep(&entry->lock_fd);
        entry->lock_fd = -EBADF;
}

static bool is_id(const char *name) {
        return strlen(name) == STORE_JOURNAL_ID_MAX - 1 &&
               strspn(name, "0123456789abcdef") == STORE_JOURNAL_ID_MAX - 1;
}

int store_journal_list(
        Store *store, char (**ret)[STORE_JOURNAL_ID_MAX], size_t *ret_n, Error *error) {
        _cleanup_(freep) char(*ids)[STORE_JOURNAL_ID_MAX] = NULL;
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        size_t n = 0;
        int r;

        r = dir_open(store->journal_fd, &dir);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the journal of the cache");

        while ((entry = readdir(dir)) && n < STORE_JOURNAL_ENTRIES_MAX) {
                void *bigger;

                if (!is_id(entry->d_name))
                        continue;
                bigger = reallocarray(ids, n + 1, sizeof(*ids));
                if (!bigger)
                        return error_oom(error);
                ids = bigger;
                strcpy(ids[n++], entry->d_name);
        }

        *ret = TAKE_PTR(ids);
        *ret_n = n;
        return 0;
}

/* Reads a number from the front of *@text, and skips the character after it. */
static bool take_number(const char **text, char behind, uint64_t *ret) {
        char *end;

        if (!strchr("0123456789abcdef", **text) || **text == '\0')
                return false;
        errno = 0;
        *ret = strtoull(*text, &end, 16);
        if (errno != 0 || *end != behind)
                return false;

        *text = end + 1;
        return true;
}

/* Reads the version at the start of *@text, and the boot of an entry that was not synced. */
static bool take_version(const Store *store, const char **text, StoreJournalEntry *ret) {
        char boot[STORE_BOOT_MAX];
        size_t length;

        if (strncmp(*text, JOURNAL_VERSION, strlen(JOURNAL_VERSION)) == 0) {
                *text += strlen(JOURNAL_VERSION);
                return true;
        }

        if (strncmp(*text, UNSYNCED_VERSION, strlen(UNSYNCED_VERSION)) != 0)
                return false;

        *text += strlen(UNSYNCED_VERSION);
        length = strcspn(*text, "\n");
        if (length >= sizeof(boot) || (*text)[length] != '\n')
                return false;
        memcpy(boot, *text, length);
        boot[length] = '\0';
        *text += length + 1;
        ret->no_sync = true;
        ret->is_from_before = !store_is_this_boot(store, boot);
        return true;
}

/* Reads the three texts, up to @end. */
static bool take_texts(const char *text, const char *end, StoreJournalEntry *ret) {
        const char *staging = memchr(text, '\0', (size_t) (end - text));
        const char *keep = staging ? memchr(staging + 1, '\0', (size_t) (end - staging - 1)) : NULL;

        if (!keep || text[0] != '/' || ret->existing > strlen(text))
                return false;
        staging++;
        keep++;
        if (memchr(keep, '\0', (size_t) (end - keep)) != end - 1 || strchr(staging, '/') ||
            strchr(keep, '/'))
                return false;

        ret->path = strdup(text);
        ret->staging = strdup(staging);
        ret->keep = keep[0] != '\0' ? strdup(keep) : NULL;
        if (keep[0] != '\0' && !ret->keep) {
                free(ret->path);
                ret->path = NULL;
        }
        return true;
}

/* Reads the version, the numbers and the texts, up to the checksum at @end. */
static bool parse_fields(
        const Store *store, const char *text, const char *end, StoreJournalEntry *ret) {
        if (!take_version(store, &text, ret) || !take_number(&text, ' ', &ret->device) ||
            !take_number(&text, ' ', &ret->file_system) || !take_number(&text, ' ', &ret->inode) ||
            !take_number(&text, ' ', &ret->existing) || !take_number(&text, ' ', &ret->root) ||
            !take_number(&text, ' ', &ret->cloned) || !take_number(&text, '\n', &ret->modified))
                return false;

        return take_texts(text, end, ret);
}

/* Whether the entry has a different version, so nothing else about it is known, not even its checksum. */
static bool is_of_other_version(const char *text) {
        const size_t length = strlen(JOURNAL_MAGIC);
        size_t n;

        if (strncmp(text, JOURNAL_MAGIC, length) != 0)
                return false;
        text += length;
        n = strspn(text, "0123456789");
        return n > 0 && text[n] == '\n' &&
               strncmp(text, JOURNAL_VERSION, strlen(JOURNAL_VERSION)) != 0 &&
               strncmp(text, UNSYNCED_VERSION, strlen(UNSYNCED_VERSION)) != 0;
}

static int parse(
        const Store *store,
        const char *id,
        const char *text,
        size_t size,
        StoreJournalEntry *ret,
        Error *error) {
        const char *end = text + size - CHECKSUM_LENGTH;
        char sum[CHECKSUM_LENGTH + 1];

        if (text[0] == '/')
                return error_set(
                        error, EBADMSG, ERROR_FAILED,
                        "The entry %s of the journal is from an earlier version, without a mark in what it "
                        "refers to; check whether %s should be removed",
                        id, text);
        if (is_of_other_version(text))
                return error_set(
                        error, EPROTONOSUPPORT, ERROR_FAILED,
                        "The entry %s of the journal is from a different version, and stays", id);
        if (size >= CHECKSUM_LENGTH)
                (void) snprintf(
                        sum, sizeof(sum), "%016" PRIx64,
                        store_checksum(text, size - CHECKSUM_LENGTH));
        if (size < CHECKSUM_LENGTH || memcmp(end, sum, CHECKSUM_LENGTH) != 0)
                return error_set(
                        error, EBADMSG, ERROR_FAILED,
                        "The entry %s of the journal is damaged: its checksum does not match", id);

        *ret = STORE_JOURNAL_ENTRY_NULL;
        strcpy(ret->id, id);
        if (strncmp(text, JOURNAL_MAGIC, strlen(JOURNAL_MAGIC)) != 0 ||
            !parse_fields(store, text + strlen(JOURNAL_MAGIC), end, ret))
                return error_set(
                        error, EBADMSG, ERROR_FAILED, "The entry %s of the journal is damaged", id);
        if (!ret->path || !ret->staging) {
                store_journal_entry_done(ret);
                return error_oom(error);
        }
        return 0;
}

static int read_entry(
        const Store *store, int fd, const char *id, StoreJournalEntry *ret, Error *error) {
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        r = fd_read_all(fd, JOURNAL_ENTRY_MAX, &text, &size);
        if (r == -EFBIG)
                return error_set(
                        error, EBADMSG, ERROR_FAILED,
                        "The entry %s of the journal is damaged: it is too long", id);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the entry %s of the journal", id);
        return parse(store, id, text, size, ret, error);
}

/* Opens a file of the journal, and locks it unless it is locked: *@ret_is_locked. Returns -ESTALE if the job that uses
 * it has just replaced it. */
static int open_entry(Store *store, const char *id, bool *ret_is_locked) {
        _cleanup_(closep) int fd = -EBADF;
        struct stat named, opened;

        fd = openat(store->journal_fd, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        *ret_is_locked = flock(fd, LOCK_EX | LOCK_NB) >= 0;
        if (fstatat(store->journal_fd, id, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
            fstat(fd, &opened) < 0)
                return -errno;
        if (!S_ISREG(opened.st_mode))
                return -ENOENT;
        return named.st_ino != opened.st_ino ? -ESTALE : TAKE_FD(fd);
}

static int open_replaced(Store *store, const char *id, bool *ret_is_locked) {
        int fd = -ESTALE;

        for (unsigned i = 0; fd == -ESTALE && i < OPEN_TRIES; i++)
                fd = open_entry(store, id, ret_is_locked);
        return fd;
}

int store_journal_take(Store *store, const char *id, StoreJournalEntry *ret, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        bool is_locked;
        int r;

        fd = open_entry(store, id, &is_locked);
        if (fd < 0 || !is_locked)
                return 0;

        r = read_entry(store, fd, id, ret, error);
        if (r < 0)
                return r;

        ret->lock_fd = TAKE_FD(fd);
        return 1;
}

static int lock_against_daemons(Store *store, Error *error) {
        const struct timespec pause = { .tv_nsec = (long) (POLL_USEC * 1000) };

        /* Others hold it while they write an entry. Do not wait for a daemon that was stopped
         * meanwhile. */
        for (uint64_t usec = 0; flock(store->journal_fd, LOCK_EX | LOCK_NB) < 0;
             usec += POLL_USEC) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return error_set_errno(error, errno, "Cannot lock the journal");
                if (usec >= STORE_JOURNAL_WAIT_USEC)
                        return error_set(
                                error, EBUSY, ERROR_DESTINATION_BUSY,
                                "Another daemon does not unlock the cache's journal");
                (void) nanosleep(&pause, NULL);
        }

        return 0;
}

int store_journal_begin(Store *store, Error *error) {
        int r;

        (void) pthread_mutex_lock(&store->journal_lock);
        r = lock_against_daemons(store, error);
        if (r < 0)
                (void) pthread_mutex_unlock(&store->journal_lock);
        return r;
}

void store_journal_end(Store *store) {
        (void) flock(store->journal_fd, LOCK_UN);
        (void) pthread_mutex_unlock(&store->journal_lock);
}

bool store_journal_overlaps(const char *a, const char *b) {
        size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

        return strncmp(a, b, n) == 0 && (a[n] == '\0' || a[n] == '/') &&
               (b[n] == '\0' || b[n] == '/');
}

int store_journal_check(Store *store, const char *path, Error *error) {
        _cleanup_(freep) char(*ids)[STORE_JOURNAL_ID_MAX] = NULL;
        size_t n;
        int r;

        r = store_journal_list(store, &ids, &n, error);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;
                _cleanup_(closep) int fd = -EBADF;
                bool is_locked;

                fd = open_replaced(store, ids[i], &is_locked);
                if (fd < 0 || is_locked || read_entry(store, fd, ids[i], &entry, NULL) < 0)
                        continue;
                if (store_journal_overlaps(entry.path, path))
                        r = error_set(
                                error, EBUSY, ERROR_DESTINATION_BUSY,
                                "Another job works on the destination %s", entry.path);
                store_journal_entry_done(&entry);
        }

        return r;
}

void store_journal_entry_done(StoreJournalEntry *entry) {
        free(entry->path);
        free(entry->staging);
        free(entry->keep);
        closep(&entry->lock_fd);
        *entry = STORE_JOURNAL_ENTRY_NULL;
}
