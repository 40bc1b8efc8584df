/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-destination.h"

int destination_with(
        StoreFixture *f, const char *name, bool overwrite, bool no_sync, JobDestination **ret) {
        const JobDestinationRequest request = {
                .path = name[0] == '/' ? name : scratch_at(&f->scratch, name),
                .directory_fd = -EBADF,
                .overwrite = overwrite,
                .no_sync = no_sync,
        };
        Error error = ERROR_NULL;
        int r = job_destination_new(&request, ret, &error);

        assert_true((r < 0) == (error.code != 0));
        error_clear(&error);
        return r;
}

int destination_at(StoreFixture *f, const char *name, bool overwrite, JobDestination **ret) {
        return destination_with(f, name, overwrite, false, ret);
}

JobDestination *must_have(StoreFixture *f, const char *name, bool overwrite) {
        JobDestination *destination = NULL;

        assert_int_equal(destination_at(f, name, overwrite, &destination), 0);
        return destination;
}

bool clean(JobDestination *destination) {
        JobDestinationStep step;
        struct dirent *entry;
        DIR *dir;

        if (!job_destination_cleanup_step(destination, &step))
                return false;
        assert_null(step.target);

        assert_int_equal(dir_open(step.directory_fd, &dir), 0);
        while ((entry = readdir(dir))) {
                char path[PATH_MAX];

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                    strcmp(entry->d_name, step.name) == 0)
                        continue;
                (void) snprintf(
                        path, sizeof(path), "/proc/self/fd/%d/%s", step.directory_fd,
                        entry->d_name);
                assert_int_equal(nftw(path, scratch_remove_one, 64, FTW_DEPTH | FTW_PHYS), 0);
        }
        closedir(dir);
        return true;
}

void finish(JobDestination *destination) {
        (void) clean(destination);
        assert_int_equal(job_destination_cleaned(destination, NULL), 0);
        job_destination_free(destination);
}

void put_in(const JobDestination *destination, const char *name) {
        int fd = openat(
                job_destination_root_fd(destination), name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        close(fd);
}

size_t count_journal(StoreFixture *f) {
        char(*ids)[STORE_JOURNAL_ID_MAX] = NULL;
        size_t n;

        assert_int_equal(store_journal_list(f->store, &ids, &n, NULL), 0);
        free(ids);
        return n;
}

char *staging(StoreFixture *f, const char *dir, const char *name) {
        char prefix[NAME_MAX + 1];

        (void) snprintf(prefix, sizeof(prefix), ".virt-bootstrap-%s-", name);
        return scratch_find(&f->scratch, dir, prefix);
}

void mount_tmpfs(StoreFixture *f, const char *name) {
        scratch_mkdir(&f->scratch, name);
        if (geteuid() != 0 ||
            mount("tmpfs", scratch_at(&f->scratch, name), "tmpfs", 0, "mode=0755") < 0) {
                print_message("Cannot mount a file system here\n");
                skip();
        }
}

void unmount(StoreFixture *f, const char *name) {
        assert_int_equal(umount2(scratch_at(&f->scratch, name), MNT_DETACH), 0);
}
