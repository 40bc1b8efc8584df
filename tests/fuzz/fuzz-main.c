/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Replays the corpus directories that it is given through a fuzz target: corpora are regression
 * tests where there is no libFuzzer. */

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "fuzz.h"

#define CORPUS_FILE_MAX ((size_t) 16 << 20) /* bytes */

static int replay_directory(const char *path, unsigned *count) {
        DIR *dir = opendir(path);
        struct dirent *entry;

        if (!dir) {
                perror(path);
                return -1;
        }

        while ((entry = readdir(dir))) {
                _cleanup_(freep) char *content = NULL;
                size_t size;

                if (entry->d_name[0] == '.')
                        continue;
                if (file_read(dirfd(dir), entry->d_name, CORPUS_FILE_MAX, &content, &size) < 0) {
                        (void) fprintf(stderr, "Cannot read %s/%s\n", path, entry->d_name);
                        (void) closedir(dir);
                        return -1;
                }

                (void) fprintf(stderr, "%s\n", entry->d_name);
                (void) LLVMFuzzerTestOneInput((const uint8_t *) content, size);
                (*count)++;
        }

        return closedir(dir);
}

int main(int argc, char **argv) {
        unsigned count = 0;

        for (int i = 1; i < argc; i++)
                if (replay_directory(argv[i], &count) < 0)
                        return EXIT_FAILURE;

        if (count == 0) {
                (void) fprintf(stderr, "The corpus is empty\n");
                return EXIT_FAILURE;
        }

        return EXIT_SUCCESS;
}
