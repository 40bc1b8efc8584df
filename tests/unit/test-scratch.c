/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

unsigned scratch_count_fds(void) {
        DIR *dir = opendir("/proc/self/fd");
        unsigned n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

void scratch_init(Scratch *scratch) {
        scratch->n_fds = scratch_count_fds();
        strcpy(scratch->path, "/tmp/test-XXXXXX");
        assert_non_null(mkdtemp(scratch->path));
        assert_int_equal(chmod(scratch->path, 0755), 0);
}

int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *walk) {
        return remove(path);
}

void scratch_done(const Scratch *scratch) {
        assert_int_equal(nftw(scratch->path, scratch_remove_one, 64, FTW_DEPTH | FTW_PHYS), 0);
        assert_int_equal(scratch_count_fds(), scratch->n_fds);
}

char *scratch_at(const Scratch *scratch, const char *name) {
        static char paths[8][SCRATCH_PATH_MAX];
        static unsigned next;
        char *path = paths[next++ % 8];

        assert_true(
                snprintf(path, SCRATCH_PATH_MAX, "%s/%s", scratch->path, name) < SCRATCH_PATH_MAX);
        return path;
}

void scratch_mkdir(const Scratch *scratch, const char *name) {
        assert_int_equal(mkdir(scratch_at(scratch, name), 0755), 0);
}

void scratch_write(const Scratch *scratch, const char *name, const char *content) {
        FILE *f = fopen(scratch_at(scratch, name), "we");

        assert_non_null(f);
        assert_true(fputs(content, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

char *scratch_find(const Scratch *scratch, const char *dir, const char *prefix) {
        static char paths[2][SCRATCH_PATH_MAX];
        static unsigned next;
        DIR *stream = opendir(scratch_at(scratch, dir));
        struct dirent *entry;
        char *path = NULL;

        assert_non_null(stream);
        while (!path && (entry = readdir(stream)))
                if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
                        path = paths[next++ % 2];
                        assert_true(
                                snprintf(path, SCRATCH_PATH_MAX, "%s/%s", dir, entry->d_name) <
                                SCRATCH_PATH_MAX);
                }
        closedir(stream);
        return path;
}

bool scratch_exists(const Scratch *scratch, const char *name) {
        struct stat st;

        return lstat(scratch_at(scratch, name), &st) == 0;
}

char *scratch_read(const Scratch *scratch, const char *name) {
        FILE *f = fopen(scratch_at(scratch, name), "re");
        char *content = NULL;
        size_t size = 0;

        assert_non_null(f);
        if (getdelim(&content, &size, '\0', f) < 0) {
                free(content);
                content = strdup("");
        }
        fclose(f);
        return content;
}
