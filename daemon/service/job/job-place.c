/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job-place.h"

#define LEVELS_MAX ((size_t) PATH_MAX / 2)

typedef struct PlaceLevel {
        dev_t device;
        ino_t inode;
        size_t length; /* bytes of the path that name it */
} PlaceLevel;

struct JobPlace {
        char *path;         /* owned */
        PlaceLevel *levels; /* owned; the deepest first */
        size_t n_levels;
};

static bool is_same(const PlaceLevel *a, const PlaceLevel *b) {
        return a->device == b->device && a->inode == b->inode;
}

static int add_level(JobPlace *place, const PlaceLevel *level) {
        PlaceLevel *bigger = reallocarray(place->levels, place->n_levels + 1, sizeof(*bigger));

        if (!bigger)
                return -ENOMEM;

        place->levels = bigger;
        bigger[place->n_levels++] = *level;
        return 0;
}

int job_place_new(int fd, const char *path, size_t existing, JobPlace **ret, Error *error) {
        _cleanup_(job_place_freep) JobPlace *place = NULL;
        _cleanup_(closep) int current = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

        place = malloc(sizeof(*place));
        if (!place)
                return error_oom(error);
        *place = (JobPlace){ .path = strdup(path) };
        if (!place->path)
                return error_oom(error);

        while (current >= 0 && place->n_levels < LEVELS_MAX) {
                PlaceLevel level = { .length = existing };
                struct stat st;
                int above;

                if (fstat(current, &st) < 0)
                        return error_set_errno(error, errno, "Cannot look at %s", path);
                level.device = st.st_dev;
                level.inode = st.st_ino;
                /* The root is above itself. */
                if (place->n_levels > 0 && is_same(&level, &place->levels[place->n_levels - 1]))
                        break;
                if (add_level(place, &level) < 0)
                        return error_oom(error);

                while (existing > 0 && path[--existing] != '/')
                        ;
                above = openat(current, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
                (void) close(current);
                current = above;
        }

        *ret = TAKE_PTR(place);
        return 0;
}

JobPlace *job_place_free(JobPlace *place) {
        if (!place)
                return NULL;

        free(place->levels);
        free(place->path);
        free(place);
        return NULL;
}

/* Whether one of two relative paths, each empty or with a slash in front, is the other or above it. */
static bool names_overlap(const char *a, const char *b) {
        size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

        return strncmp(a, b, n) == 0 && (a[n] == '\0' || a[n] == '/') &&
               (b[n] == '\0' || b[n] == '/');
}

bool job_place_overlaps(const JobPlace *a, const JobPlace *b) {
        for (size_t i = 0; i < a->n_levels; i++)
                for (size_t k = 0; k < b->n_levels; k++)
                        if (is_same(&a->levels[i], &b->levels[k]) &&
                            names_overlap(
                                    a->path + a->levels[i].length, b->path + b->levels[k].length))
                                return true;

        return false;
}
