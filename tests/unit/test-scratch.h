/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A directory for one test. At its end the directory is removed, and no descriptor may be left open. */

#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRATCH_PATH_MAX 512

typedef struct Scratch {
        char path[64];
        unsigned n_fds; /* open before the test */
} Scratch;

/* Descriptors that this process has open. */
unsigned scratch_count_fds(void);

void scratch_init(Scratch *scratch);

int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *walk);

void scratch_done(const Scratch *scratch);

/* A path in the directory; good until the next call but seven. */
char *scratch_at(const Scratch *scratch, const char *name);

void scratch_mkdir(const Scratch *scratch, const char *name);

void scratch_write(const Scratch *scratch, const char *name, const char *content);

/* The path of the first entry in @dir whose name begins with @prefix, below the directory; or NULL. Good
 * until the next call but one. */
char *scratch_find(const Scratch *scratch, const char *dir, const char *prefix);

bool scratch_exists(const Scratch *scratch, const char *name);

/* The content of a small file; free()d by the caller. */
char *scratch_read(const Scratch *scratch, const char *name);
