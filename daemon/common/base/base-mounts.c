/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-macro.h"
#include "base-mounts.h"

#define MOUNTS_STEP ((size_t) 64) /* mounts with space at first, doubled as needed */

typedef struct Mount {
        uint64_t id, parent;
        unsigned major, minor;    /* of the file system */
        const char *root, *point; /* borrowed: in the file system, and in the process's tree */
        size_t index;             /* later ones are on top of earlier ones */
} Mount;

typedef struct Table {
        Mount *mounts; /* owned; finally sorted by id */
        size_t n, n_allocated;
} Table;

static void table_done(Table *table) {
        free(table->mounts);
}

static bool is_octal(char c) {
        return c >= '0' && c <= '7';
}

/* In place: the kernel writes blanks, line ends and backslashes as "\ooo". */
static void unescape(char *text) {
        char *to = text;

        for (const char *from = text; *from != '\0';)
                if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
                    is_octal(from[3])) {
                        *to++ =
                                (char) ((from[1] - '0') << 6 | (from[2] - '0') << 3 |
                                        (from[3] - '0'));
                        from += 4;
                } else {
                        *to++ = *from++;
                }
        *to = '\0';
}

/* The part of @path after the directory @above: "" for that itself, otherwise with a leading slash; NULL if it is
 * not below. */
static const char *rest_below(const char *path, const char *above) {
        size_t n = strcmp(above, "/") == 0 ? 0 : strlen(above);

        if (strncmp(path, above, n) != 0 || (path[n] != '/' && path[n] != '\0'))
                return NULL;
        return path[n] == '/' && path[n + 1] == '\0' ? path + n + 1 : path + n;
}

static int parse_line(char *line, Mount *ret) {
        char *fields[5], *save = NULL, end;

        for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
                fields[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
                if (!fields[i])
                        return -EBADMSG;
        }

        if (sscanf(fields[0], "%" SCNu64 "%c", &ret->id, &end) != 1 ||
            sscanf(fields[1], "%" SCNu64 "%c", &ret->parent, &end) != 1 ||
            sscanf(fields[2], "%u:%u%c", &ret->major, &ret->minor, &end) != 2)
                return -EBADMSG;

        unescape(fields[3]);
        unescape(fields[4]);
        ret->root = fields[3];
        ret->point = fields[4];
        return 0;
}

static int add(Table *table, char *line) {
        int r;

        if (table->n == table->n_allocated) {
                size_t n = table->n > 0 ? 2 * table->n : MOUNTS_STEP;
                Mount *mounts = reallocarray(table->mounts, n, sizeof(mounts[0]));

                if (!mounts)
                        return -ENOMEM;
                table->mounts = mounts;
                table->n_allocated = n;
        }

        r = parse_line(line, &table->mounts[table->n]);
        if (r < 0)
                return r;

        table->mounts[table->n].index = table->n;
        table->n++;
        return 0;
}

static int compare(const void *a, const void *b) {
        const Mount *one = a, *other = b;

        return one->id < other->id ? -1 : one->id > other->id;
}

static int parse(Table *table, char *text) {
        char *save = NULL;
        int r = 0;

        for (char *line = strtok_r(text, "\n", &save); r >= 0 && line;
             line = strtok_r(NULL, "\n", &save))
                r = add(table, line);
        if (r >= 0 && table->n > 0)
                qsort(table->mounts, table->n, sizeof(table->mounts[0]), compare);
        return r;
}

/* The visible mount at @path. */
static const Mount *find_mount_of(const Table *table, const char *path) {
        const Mount *best = NULL;

        for (size_t i = 0; i < table->n; i++) {
                const Mount *mount = &table->mounts[i];
                size_t n = strlen(mount->point);

                if (rest_below(path, mount->point) &&
                    (!best || n > strlen(best->point) ||
                     (n == strlen(best->point) && mount->index > best->index)))
                        best = mount;
        }

        return best;
}

/* The location of @path, which is below @mount, in its file system; owned by the caller; or NULL. */
static char *locate(const Mount *mount, const char *path) {
        const char *rest = rest_below(path, mount->point);
        char *location;

        if (!rest ||
            asprintf(&location, "%s%s", strcmp(mount->root, "/") == 0 ? "" : mount->root, rest) < 0)
                return NULL;
        return location;
}

/* Whether @mount is on @location in the file system of @home, or below it. */
static bool is_at(const Table *table, const Mount *mount, const Mount *home, const char *location) {
        const Mount *parent, key = { .id = mount->parent };
        _cleanup_(freep) char *point = NULL;

        parent = bsearch(&key, table->mounts, table->n, sizeof(key), compare);
        if (!parent || mount == home || parent->major != home->major ||
            parent->minor != home->minor)
                return false;

        point = locate(parent, mount->point);
        return point && rest_below(point, location);
}

static int add_name(char **names, const char *name) {
        char *longer;

        if (asprintf(&longer, "%s%s%s", *names ? *names : "", *names ? ", " : "", name) < 0)
                return -ENOMEM;
        free(*names);
        *names = longer;
        return 0;
}

static int compare_points(const void *a, const void *b) {
        const Mount *one = a, *other = b;

        return strverscmp(one->point, other->point);
}

/* In the order of their paths: ids are used again, so their order says nothing. Sorts @found. */
static int add_names(char **names, Mount *found, size_t n) {
        char more[32];
        int r = 0;

        if (n > 0)
                qsort(found, n, sizeof(found[0]), compare_points);
        for (size_t i = 0; r >= 0 && i < n && i < MOUNTS_NAMED_MAX; i++)
                r = add_name(names, found[i].point);
        if (r < 0 || n <= MOUNTS_NAMED_MAX)
                return r;

        (void) snprintf(more, sizeof(more), "and %zu more", n - MOUNTS_NAMED_MAX);
        return add_name(names, more);
}

int mounts_below(char *mountinfo, const char *path, char **ret_names) {
        _cleanup_(freep) char *location = NULL, *names = NULL;
        _cleanup_(table_done) Table table = { 0 };
        _cleanup_(freep) Mount *found = NULL;
        const Mount *home;
        size_t n = 0;
        int r;

        assert(path[0] == '/');

        r = parse(&table, mountinfo);
        if (r < 0)
                return r;

        home = find_mount_of(&table, path);
        location = home ? locate(home, path) : NULL;
        if (home && !location)
                return -ENOMEM;

        found = calloc(table.n + 1, sizeof(found[0]));
        if (!found)
                return -ENOMEM;

        for (size_t i = 0; i < table.n; i++) {
                const Mount *mount = &table.mounts[i];
                const char *rest = rest_below(mount->point, path);

                if ((rest && rest[0] != '\0') || (home && is_at(&table, mount, home, location)))
                        found[n++] = *mount;
        }
        r = add_names(&names, found, n);
        if (r < 0)
                return r;

        *ret_names = TAKE_PTR(names);
        return (int) n;
}

int mounts_find(const char *path, char **ret_names, Error *error) {
        _cleanup_(closep) int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        _cleanup_(freep) char *text = NULL;
        int r = fd < 0 ? -errno : fd_read_all(fd, MOUNTINFO_MAX, &text, NULL);

        if (r >= 0)
                r = mounts_below(text, path, ret_names);
        return r < 0 ? error_set_errno(error, -r, "Cannot determine what is mounted in %s", path)
                     : r;
}
