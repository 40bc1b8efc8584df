/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A verify worker that was taken over. It keeps each file that it fills, and when it brings the next one to the disk it
 * writes into those that it has kept. HOSTILE says how it keeps them:
 *
 *     descriptor  it has another descriptor
 *     mapping     it has the file in its memory
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEPT_MAX 64

static int descriptors[KEPT_MAX];
static char *mappings[KEPT_MAX];
static unsigned n_descriptors, n_mappings;

static void do_harm(void) {
        for (unsigned i = 0; i < n_descriptors; i++)
                if (pwrite(descriptors[i], "!", 1, 0) != 1)
                        abort();
        for (unsigned i = 0; i < n_mappings; i++)
                mappings[i][0] = '!';
}

static void keep(int fd) {
        if (strcmp(getenv("HOSTILE"), "descriptor") == 0 && n_descriptors < KEPT_MAX)
                descriptors[n_descriptors++] = dup(fd);
        else if (strcmp(getenv("HOSTILE"), "mapping") == 0 && n_mappings < KEPT_MAX)
                mappings[n_mappings++] = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

__attribute__((__visibility__("default"))) int fdatasync(int fd) {
        do_harm();
        keep(fd);
        return (int) syscall(SYS_fdatasync, fd);
}
