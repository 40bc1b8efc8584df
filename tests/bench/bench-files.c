/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* usage: bench-files LIST DIRECTORY
 *
 * What a tree's files cost at least: makes each with openat(), write() and close(), one after the other. LIST has a line
 * for each, in order: "d 0 PATH" for a directory, "f SIZE PATH" for a file of SIZE bytes. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1024 * 1024)

static char chunk[CHUNK];

static int write_file(int directory, const char *path, uint64_t size) {
        int fd = openat(directory, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        if (fd < 0)
                return -errno;
        while (size > 0) {
                ssize_t n = write(fd, chunk, size < CHUNK ? size : CHUNK);

                if (n < 0) {
                        int r = -errno;

                        (void) close(fd);
                        return r;
                }
                size -= (uint64_t) n;
        }
        return close(fd) < 0 ? -errno : 0;
}

static int make(int directory, char *line) {
        char *path;
        uint64_t size;

        line[strcspn(line, "\n")] = '\0';
        if (strlen(line) < 4)
                return -EINVAL;
        size = strtoull(line + 2, &path, 10);
        if (*path != ' ')
                return -EINVAL;
        path++;
        if (line[0] == 'f')
                return write_file(directory, path, size);
        return mkdirat(directory, path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_all(FILE *list, int directory) {
        char line[8192];

        while (fgets(line, sizeof(line), list)) {
                int r = make(directory, line);

                if (r < 0) {
                        fprintf(stderr, "bench-files: %s: %s\n", line, strerror(-r));
                        return r;
                }
        }
        return 0;
}

int main(int argc, char *argv[]) {
        FILE *list;
        int directory, r;

        if (argc != 3) {
                fprintf(stderr, "usage: bench-files LIST DIRECTORY\n");
                return 2;
        }
        directory = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0) {
                perror(argv[2]);
                return 1;
        }
        list = fopen(argv[1], "re");
        if (!list) {
                perror(argv[1]);
                (void) close(directory);
                return 1;
        }

        memset(chunk, 'x', sizeof(chunk));
        r = make_all(list, directory);
        (void) fclose(list);
        (void) close(directory);
        return r < 0 ? 1 : 0;
}
