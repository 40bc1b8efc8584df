/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-clock.h"
#include "base-fd.h"
#include "base-macro.h"
#include "job-user.h"

#define STATUS_BYTES      ((size_t) 2048) /* of /proc/PID/status: the ids are at its beginning */
#define LOCK_ATTEMPTS_MAX 16              /* attempts while others repeatedly remove the file */
#define LOOKUP_BYTES      ((size_t) 16 << 10) /* of a user's entry */
#define ID_TEXT_MAX       sizeof("4294967295")
#define RESERVED_MAX      ((size_t) 4)      /* ids locked at a time: as many as a small job needs */
#define RESERVED_USEC     UINT64_C(1000000) /* processes are looked at again after that */
#define RANGE_PER_ID      256U              /* a smaller range has none to spare */

struct JobUser {
        unsigned n_refs;
        JobUserTable *table; /* borrowed */
        ProtoUser id;
        int lock_fd; /* owned; -EBADF if shared by all */
};

/* One that sysusers.d(5) may have created. */
typedef struct SystemUser {
        bool is_known; /* whether there is one */
        ProtoUser id;  /* zeros: none */
} SystemUser;

/* An id that is locked, but nobody's yet. */
typedef struct Reserved {
        uint32_t id;
        int lock_fd; /* owned */
} Reserved;

struct JobUserTable {
        unsigned n_refs; /* its owner, and each user */
        JobUserSettings settings;
        SystemUser worker, builder;
        int lock_dir_fd;                 /* owned; -EBADF until it is needed */
        uint32_t first, n;               /* the range */
        uint32_t next;                   /* where to search next, relative to @first */
        bool *is_used;                   /* owned; one per id of the range, from the last search */
        Reserved reserved[RESERVED_MAX]; /* none of which a process had when they were locked, … */
        size_t n_reserved;
        uint64_t reserved_usec; /* … which was then */
};

/* Not by a name that somebody has given to one of the ids that are not ours. */
static int find_system_user(const char *name, SystemUser *user, Error *error) {
        _cleanup_(freep) char *buffer = NULL;
        struct passwd entry, *found = NULL;
        int r;

        if (user->is_known)
                return 0;
        buffer = malloc(LOOKUP_BYTES);
        if (!buffer)
                return error_oom(error);

        r = getpwnam_r(name, &entry, buffer, LOOKUP_BYTES, &found);
        /* Without a user database, the user does not exist. */
        if (r != 0 && r != ENOENT && r != ESRCH)
                return error_set_errno(
                        error, r, "Cannot determine whether the user %s exists", name);

        user->is_known = true;
        if (found && proto_id_is_valid(found->pw_uid) && proto_id_is_valid(found->pw_gid))
                user->id = (ProtoUser){ .uid = found->pw_uid, .gid = found->pw_gid };
        return 0;
}

int job_user_table_new(const JobUserSettings *settings, JobUserTable **ret, Error *error) {
        _cleanup_(job_user_table_freep) JobUserTable *table = malloc(sizeof(*table));
        const Config *config = settings->config;

        if (!table)
                return error_oom(error);

        *table = (JobUserTable){
                .n_refs = 1,
                .settings = *settings,
                .lock_dir_fd = -EBADF,
                .first = (uint32_t) config->users.first,
                .n = (uint32_t) (config->users.last - config->users.first + 1),
        };
        table->is_used = calloc(table->n, sizeof(*table->is_used));
        if (!table->is_used)
                return error_oom(error);

        /* Daemons that cannot see each other's locks should not begin with the same id. */
        if (getrandom(&table->next, sizeof(table->next), GRND_NONBLOCK) < 0)
                table->next = 0;
        table->next %= table->n;

        (void) find_system_user(settings->worker, &table->worker, NULL);
        *ret = TAKE_PTR(table);
        return 0;
}

static void unlock(const JobUserTable *table, uint32_t id, int fd) {
        char name[ID_TEXT_MAX];

        (void) snprintf(name, sizeof(name), "%" PRIu32, id);
        (void) unlinkat(table->lock_dir_fd, name, 0);
        (void) close(fd);
}

static void release_reserved(JobUserTable *table) {
        while (table->n_reserved > 0) {
                const Reserved *last = &table->reserved[--table->n_reserved];

                unlock(table, last->id, last->lock_fd);
        }
}

JobUserTable *job_user_table_free(JobUserTable *table) {
        if (!table || --table->n_refs > 0)
                return NULL;

        release_reserved(table);
        closep(&table->lock_dir_fd);
        free(table->is_used);
        free(table);
        return NULL;
}

/* Opens the directory for locks. Returns a descriptor or a negative errno. */
static int make_directory(const char *path) {
        _cleanup_(freep) char *parent = strdup(path);
        _cleanup_(closep) int fd = -EBADF;
        char *slash;

        if (!parent)
                return -ENOMEM;

        slash = strrchr(parent, '/');
        assert(slash);
        *slash = '\0';
        if ((mkdir(parent, 0755) < 0 && errno != EEXIST) ||
            (mkdir(path, 0755) < 0 && errno != EEXIST))
                return -errno;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 || faccessat(fd, ".", W_OK, AT_EACCESS) < 0 ? -errno : TAKE_FD(fd);
}

/* For example in a container whose /run is read-only, or missing. */
static bool is_not_to_be_had(int r) {
        return r == -EROFS || r == -EACCES || r == -EPERM || r == -ENOENT;
}

static int open_lock_directory(JobUserTable *table, Error *error) {
        const char *path = table->settings.lock_directory;
        int fd;

        if (table->lock_dir_fd >= 0)
                return 0;

        fd = make_directory(path);
        if (is_not_to_be_had(fd)) {
                fd = store_open_users(table->settings.store, error);
                if (fd < 0)
                        return fd;
        }
        if (fd < 0)
                return error_set_errno(
                        error, -fd, "Cannot open %s, where users are reserved for workers", path);

        table->lock_dir_fd = fd;
        return 0;
}

/* As systemd does it: the lock counts while the file exists. Returns 1; 0 if somebody else has the id; or a negative
 * errno. */
static int lock(const JobUserTable *table, uint32_t id, int *ret_fd) {
        char name[ID_TEXT_MAX];

        (void) snprintf(name, sizeof(name), "%" PRIu32, id);
        for (unsigned i = 0; i < LOCK_ATTEMPTS_MAX; i++) {
                _cleanup_(closep) int fd =
                        openat(table->lock_dir_fd, name,
                               O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
                struct stat st;

                if (fd < 0)
                        return -errno;
                if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                        return errno == EWOULDBLOCK ? 0 : -errno;
                if (fstat(fd, &st) < 0)
                        return -errno;
                if (st.st_nlink > 0) {
                        *ret_fd = TAKE_FD(fd);
                        return 1;
                }
        }

        return 0;
}

/* The users that the kernel knows. */
typedef struct Look {
        uint32_t first, n;
        bool *is_used; /* borrowed; one per id */
} Look;

static void note(const Look *look, uint32_t id) {
        if (id >= look->first && id - look->first < look->n)
                look->is_used[id - look->first] = true;
}

/* "Uid:" or "Gid:" with its four numbers: real, effective, saved, and that of the file system. */
static void note_line(const Look *look, const char *status, const char *key) {
        char *p = strstr(status, key);

        if (!p)
                return;
        p += strlen(key);
        for (size_t i = 0; i < 4; i++)
                note(look, (uint32_t) strtoul(p, &p, 10));
}

static void note_process(const Look *look, int proc_fd, const char *pid) {
        _cleanup_(closep) int fd = -EBADF;
        char path[NAME_MAX + sizeof("/status")], status[STATUS_BYTES];
        ssize_t n;

        (void) snprintf(path, sizeof(path), "%s/status", pid);
        fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);
        if (n < 0)
                return; /* it has ended */

        status[n] = '\0';
        note_line(look, status, "\nUid:");
        note_line(look, status, "\nGid:");
}

static int note_processes(const Look *look) {
        _cleanup_(closedirp) DIR *dir = opendir("/proc");
        const struct dirent *entry;

        if (!dir)
                return -errno;

        while ((entry = readdir(dir)))
                if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
                        note_process(look, dirfd(dir), entry->d_name);
        return 0;
}

static void note_entries(const Look *look) {
        FILE *users = fopen("/etc/passwd", "re"), *groups = fopen("/etc/group", "re");
        const struct passwd *user;
        const struct group *group;

        while (users && (user = fgetpwent(users))) {
                note(look, user->pw_uid);
                note(look, user->pw_gid);
        }
        while (groups && (group = fgetgrent(groups)))
                note(look, group->gr_gid);
        if (users)
                (void) fclose(users);
        if (groups)
                (void) fclose(groups);
}

/* Locks the builder's id, and then checks the ids of processes: anybody who takes it in the meantime needs the same
 * lock. Returns as lock(). */
static int lock_unused(const JobUserTable *table, const Look *look, uint32_t id, int *ret_fd) {
        int r;

        r = lock(table, id, ret_fd);
        if (r <= 0)
                return r;

        r = note_processes(look);
        if (r >= 0 && !look->is_used[id - look->first])
                return 1;
        unlock(table, id, *ret_fd);
        return r < 0 ? r : 0;
}

/* Locks the next ids that nobody is known to have, from @table->next + *@i on. Returns 0 or a negative errno. */
static int lock_some(JobUserTable *table, uint32_t *i, size_t n) {
        for (; table->n_reserved < n && *i < table->n; ++*i) {
                const uint32_t at = (uint32_t) (((uint64_t) table->next + *i) % table->n);
                Reserved *reserved = &table->reserved[table->n_reserved];
                int r;

                if (table->is_used[at] || !proto_id_is_valid(table->first + at))
                        continue;
                reserved->id = table->first + at;
                r = lock(table, reserved->id, &reserved->lock_fd);
                if (r < 0)
                        return r;
                table->n_reserved += r > 0;
        }

        return 0;
}

/* Leaves those that a process has to it. */
static void release_used(JobUserTable *table) {
        size_t n = 0;

        for (size_t i = 0; i < table->n_reserved; i++) {
                const Reserved reserved = table->reserved[i];

                if (table->is_used[reserved.id - table->first])
                        unlock(table, reserved.id, reserved.lock_fd);
                else
                        table->reserved[n++] = reserved;
        }
        table->n_reserved = n;
}

/* Locks ids, and then looks at the processes, once for all of them: that takes longer than anything else here. Returns 0,
 * also if none is free, or a negative errno. */
static int reserve(JobUserTable *table) {
        const Look look = { .first = table->first, .n = table->n, .is_used = table->is_used };
        const size_t n = table->n < RANGE_PER_ID * RESERVED_MAX ? 1 : RESERVED_MAX;
        uint32_t i = 0;
        int r = 0;

        memset(table->is_used, 0, table->n * sizeof(*table->is_used));
        note_entries(&look);
        while (r >= 0 && table->n_reserved == 0 && i < table->n) {
                r = lock_some(table, &i, n);
                if (r >= 0 && table->n_reserved > 0)
                        r = note_processes(&look);
                release_used(table);
        }
        if (r < 0)
                release_reserved(table);

        table->next = (uint32_t) (((uint64_t) table->next + i) % table->n);
        table->reserved_usec = clock_usec(CLOCK_MONOTONIC);
        return r;
}

/* Returns 1 with a free id; 0 if none is free; or a negative errno. */
static int lock_any(JobUserTable *table, uint32_t *ret_id, int *ret_fd) {
        Reserved first;
        int r = 0;

        if (clock_usec(CLOCK_MONOTONIC) - table->reserved_usec > RESERVED_USEC)
                release_reserved(table);
        if (table->n_reserved == 0)
                r = reserve(table);
        if (r < 0 || table->n_reserved == 0)
                return r;

        first = table->reserved[0];
        table->n_reserved--;
        memmove(&table->reserved[0], &table->reserved[1], table->n_reserved * sizeof(first));
        *ret_id = first.id;
        *ret_fd = first.lock_fd;
        return 1;
}

static int take_any(JobUserTable *table, JobUser *user, Error *error) {
        uint32_t id = 0;
        int r;

        r = open_lock_directory(table, error);
        if (r < 0)
                return r;

        r = lock_any(table, &id, &user->lock_fd);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot reserve a user for a worker");
        if (r == 0)
                return error_set(
                        error, EUSERS, ERROR_FAILED,
                        "No user is free for a worker: all of %" PRIu32 "-%" PRIu32
                        " are taken (WorkerUsers=)",
                        table->first, table->first + table->n - 1);

        user->id = (ProtoUser){ .uid = id, .gid = id };
        return 0;
}

/* Sealed workers share one user. Returns 1; 0 if the user does not exist. */
static int take_worker(JobUserTable *table, JobUser *user, Error *error) {
        int r = find_system_user(table->settings.worker, &table->worker, error);

        user->id = table->worker.id;
        return r < 0 ? r : user->id.uid != 0;
}

/* One builder at a time has the system user. Returns as lock(), with @error set on failure. */
static int take_builder(JobUserTable *table, JobUser *user, Error *error) {
        bool is_used = false;
        Look look = { .n = 1, .is_used = &is_used };
        int r;

        r = find_system_user(table->settings.builder, &table->builder, error);
        if (r < 0 || table->builder.id.uid == 0)
                return r;
        r = open_lock_directory(table, error);
        if (r < 0)
                return r;

        look.first = table->builder.id.uid;
        r = lock_unused(table, &look, table->builder.id.uid, &user->lock_fd);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot reserve the user %s", USER_BUILDER);
        user->id = table->builder.id;
        return r;
}

int job_user_take(JobUserTable *table, JobUserPurpose purpose, JobUser **ret, Error *error) {
        _cleanup_(job_user_unrefp) JobUser *user = NULL;
        int r = 0;

        if (geteuid() != 0 || table->settings.config->sandbox == SANDBOX_NO) {
                *ret = NULL;
                return 0;
        }

        user = malloc(sizeof(*user));
        if (!user)
                return error_oom(error);
        *user = (JobUser){ .n_refs = 1, .table = table, .lock_fd = -EBADF };
        table->n_refs++;

        if (purpose == USER_SEALED)
                r = take_worker(table, user, error);
        else if (purpose == USER_PROGRAMS)
                r = take_builder(table, user, error);
        if (r == 0)
                r = take_any(table, user, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(user);
        return 0;
}

JobUser *job_user_ref(JobUser *user) {
        if (user)
                user->n_refs++;
        return user;
}

JobUser *job_user_unref(JobUser *user) {
        if (!user || --user->n_refs > 0)
                return NULL;

        if (user->lock_fd >= 0)
                unlock(user->table, user->id.uid, user->lock_fd);
        job_user_table_free(user->table);
        free(user);
        return NULL;
}

ProtoUser job_user_id(const JobUser *user) {
        return user ? user->id : (ProtoUser){ 0 };
}
