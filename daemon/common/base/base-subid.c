/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-number.h"
#include "base-subid.h"

#define FILE_BYTES_MAX   ((size_t) 4 << 20)
#define PASSWD_BYTES_MAX ((size_t) 64 << 10)

static bool is_user(const char *line, size_t length, const char *name, uint32_t uid) {
        char number[16];

        (void) snprintf(number, sizeof(number), "%" PRIu32, uid);
        return (name && strlen(name) == length && strncmp(line, name, length) == 0) ||
               (strlen(number) == length && strncmp(line, number, length) == 0);
}

static const char *next_line(const char *line) {
        line += strcspn(line, "\n");
        return *line ? line + 1 : line;
}

static void add(IdMap *ranges, uint32_t start, uint32_t count) {
        (void) idmap_add(ranges, &(IdRange){ start, start, count }, NULL);
}

void subid_parse(const char *text, const char *name, uint32_t uid, IdMap *ranges) {
        for (const char *line = text; *line; line = next_line(line)) {
                const size_t length = strcspn(line, ":\n");
                const char *p = line + length;
                uint64_t start, count;

                if (*p++ != ':' || !is_user(line, length, name, uid))
                        continue;
                if (number_take(&p, UINT32_MAX, &start) >= 0 && *p++ == ':' &&
                    number_take(&p, UINT32_MAX, &count) >= 0 && (*p == '\n' || *p == '\0'))
                        add(ranges, (uint32_t) start, (uint32_t) count);
        }
}

void subid_parse_namespace(const char *text, IdMap *ranges) {
        for (const char *line = text; *line; line = next_line(line)) {
                uint32_t inside, outside, count;

                if (sscanf(line, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inside, &outside, &count) ==
                    3)
                        add(ranges, inside, count);
        }
}

/* Returns 1; 0 if the file does not exist. */
static int read_text(const char *path, char **ret, Error *error) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        int r;

        if (fd < 0 && errno == ENOENT)
                return 0;
        r = fd < 0 ? -errno : fd_read_all(fd, FILE_BYTES_MAX, ret, NULL);
        return r < 0 ? error_set_errno(error, -r, "Cannot read %s", path) : 1;
}

static int read_namespace(const char *path, IdMap *ranges, Error *error) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = read_text(path, &text, error);
        if (r > 0)
                subid_parse_namespace(text, ranges);
        return r;
}

static int read_file(const char *path, const char *name, IdMap *ranges, Error *error) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = read_text(path, &text, error);
        if (r > 0)
                subid_parse(text, name, geteuid(), ranges);
        return r;
}

int subid_read(SubIds *ret, Error *error) {
        _cleanup_(freep) char *buffer = NULL;
        struct passwd passwd, *found = NULL;
        const char *name;
        int r;

        *ret = (SubIds){ 0 };
        if (geteuid() == 0) {
                r = read_namespace("/proc/self/uid_map", &ret->uids, error);
                if (r >= 0)
                        r = read_namespace("/proc/self/gid_map", &ret->gids, error);
                return r < 0 ? r : 0;
        }

        buffer = malloc(PASSWD_BYTES_MAX);
        if (!buffer)
                return error_oom(error);
        /* A user without a name has the ids listed for its number. */
        (void) getpwuid_r(geteuid(), &passwd, buffer, PASSWD_BYTES_MAX, &found);
        name = found ? found->pw_name : NULL;

        add(&ret->uids, geteuid(), 1);
        add(&ret->gids, getegid(), 1);
        r = read_file("/etc/subuid", name, &ret->uids, error);
        if (r >= 0)
                r = read_file("/etc/subgid", name, &ret->gids, error);
        return r < 0 ? r : 0;
}

bool subid_has_others(const SubIds *ids) {
        return ids->uids.n_ranges > 1 || ids->gids.n_ranges > 1;
}

/* How many ids, from @id on, are in its range of @own. */
static uint32_t count_from(const IdMap *own, uint32_t id) {
        for (size_t i = 0; i < own->n_ranges; i++) {
                const IdRange *range = &own->ranges[i];

                if (id >= range->start && id - range->start < range->count)
                        return range->count - (id - range->start);
        }

        return 0;
}

bool subid_find_missing(const IdMap *own, const IdMap *map, IdRange *ret) {
        for (size_t i = 0; i < map->n_ranges; i++) {
                uint32_t id = map->ranges[i].target, left = map->ranges[i].count;

                while (left > 0) {
                        const uint32_t n = count_from(own, id);

                        if (n == 0) {
                                *ret = map->ranges[i];
                                return true;
                        }
                        id += n < left ? n : left;
                        left -= n < left ? n : left;
                }
        }

        return false;
}
