/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "job-raw.h"

static int wrong(Error *error, const char *what) {
        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED, "A disk image is not as requested: %s", what);
}

int job_raw_check(
        const uint8_t *head, size_t size, uint64_t file_size, uint64_t disk_size, Error *error) {
        if (size < JOB_RAW_HEAD_BYTES)
                return wrong(error, "it ends before its file system");
        if (file_size != disk_size)
                return wrong(error, "its disk has the wrong size");

        for (size_t i = 0; i < JOB_RAW_HEAD_BYTES; i++)
                if (head[i] != 0)
                        return wrong(error, "it starts with something other than zeros");
        return 0;
}
