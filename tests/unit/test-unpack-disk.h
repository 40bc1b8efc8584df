/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What test-unpack.h's run() is when a test is built for disks: the layers go into a directory, as
 * always, and into a file system in an image, where they have to make the same. */

#include "test-disk.h"

#define UNPACK_DISK_BYTES (UINT64_C(256) << 20)

static inline void run_on_disk(Fixture *f, int expected) {
        Fixture before = *f;
        char where[128];
        Disk disk;
        int r, fd;

        f->error = ERROR_NULL;
        f->n_warnings = f->n_progress = 0;
        disk_init(&disk, UNPACK_DISK_BYTES);
        disk_new(&disk);
        r = run_into(f, ext4_target(disk.ext4));
        if (r != expected || (r < 0 && f->error.kind != before.error.kind))
                fail_msg(
                        "%d, not %d: %s; %s", r, expected, error_text(&f->error),
                        error_text(&before.error));
        /* Of ids outside of a map only a directory warns: there they are users of this host. */
        if (!f->options.uids)
                assert_int_equal(f->n_warnings, before.n_warnings);

        disk_check_all(&disk);
        if (r >= 0) {
                assert_int_equal(disk.n_done, f->n_layers);
                fd = disk_mount(&disk, disk.n_done - 1);
                if (fd >= 0)
                        same_tree(f->path, disk_at(&disk, "mount", where));
                closep(&fd);
        }

        disk_done(&disk);
        error_clear(&f->error);
        *f = before;
}

static inline int run(Fixture *f) {
        _cleanup_(unpack_target_freep) UnpackTarget *target = open_target(f);
        const bool is_new = count_names(f->path) == 2;
        const unsigned n_warnings = f->n_warnings;
        int r;

        r = run_into(f, target);
        if (is_new && n_warnings == 0 && geteuid() == 0 && !f->unprivileged)
                run_on_disk(f, r);
        return r;
}
