/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shared disk images, from the job that makes them to the store: with no fetch worker, no disk worker, and
 * a system call that can be made to fail. */

#include "test-store.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#include "job-disk.h"
#include "store-disk.h"

#define LAYERS 3u

static ProtoImage fake_image = { .n_layers = LAYERS };
static ProtoLayer fake_layers[LAYERS];
static unsigned links_left; /* that can be made */

const ProtoImage *fetch_image(const Fetch *fetch) {
        return &fake_image;
}

const ProtoLayer *fetch_layer(const Fetch *fetch, uint32_t index) {
        return &fake_layers[index];
}

/* Instead of the one of the C library. */
int symlinkat(const char *target, int dir_fd, const char *name) {
        if (links_left == 0) {
                errno = ENOSPC;
                return -1;
        }
        links_left--;
        return (int) syscall(SYS_symlinkat, target, dir_fd, name);
}

typedef struct Fixture {
        StoreFixture *store;
        JobSpec *spec;
        DiskRequest request;
        Error error;
} Fixture;

static int set_up(void **state) {
        static const char *const contents[LAYERS] = { "base", "middle", "last" };
        Fixture *f = calloc(1, sizeof(*f));
        void *store;

        assert_int_equal(store_set_up(&store), 0);
        f->store = store;
        f->spec = job_spec_new();
        assert_non_null(f->spec);
        f->spec->format = JOB_FORMAT_QCOW2;
        f->spec->share_layers = true;
        scratch_mkdir(&f->store->scratch, "root");
        f->request = (DiskRequest){
                .spec = f->spec,
                .root_fd = open(
                        scratch_at(&f->store->scratch, "root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                .path = "/nowhere/root",
                .fetch = (const Fetch *) f, /* nobody looks at it */
                .store = f->store->store,
        };
        assert_true(f->request.root_fd >= 0);
        scratch_write(&f->store->scratch, "root/layer-3.qcow2", "top");
        for (size_t i = 0; i < LAYERS; i++)
                fake_layers[i].digest = digest_of(contents[i]);
        links_left = 100;
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;
        void *store = f->store;

        job_spec_free(f->spec);
        close(f->request.root_fd);
        error_clear(&f->error);
        assert_int_equal(store_tear_down(&store), 0);
        free(f);
        return 0;
}

static Disk *new_disk(Fixture *f) {
        Disk *disk = NULL;

        if (disk_new(&f->request, &disk, &f->error) < 0)
                fail_msg("%s", error_text(&f->error));
        return disk;
}

static size_t count(Fixture *f, const char *name) {
        DIR *dir = opendir(scratch_at(&f->store->scratch, name));
        const struct dirent *entry;
        size_t n = 0;

        assert_non_null(dir);
        while ((entry = readdir(dir)))
                n += entry->d_name[0] != '.';
        closedir(dir);
        return n;
}

static size_t count_images(Fixture *f) {
        return count(f, "store/disks");
}

static size_t count_keys(Fixture *f) {
        return count(f, "store/virt-bootstrap/disks");
}

static size_t count_leases(Fixture *f) {
        return count(f, "store/virt-bootstrap/leases");
}

/* So many layers has the next chain of the image. */
static uint32_t count_found(Fixture *f) {
        _cleanup_(disk_freep) Disk *disk = new_disk(f);

        return disk_n_complete(disk);
}

static void make_chain(Fixture *f) {
        _cleanup_(disk_freep) Disk *disk = new_disk(f);

        assert_int_equal(disk_finish(disk, NULL), 0);
        disk_keep(disk);
}

static void chain_that_is_kept_leaves_its_images_and_a_lease(void **state) {
        Fixture *f = *state;

        make_chain(f);
        assert_int_equal(count_images(f), LAYERS);
        assert_int_equal(count_keys(f), LAYERS);
        assert_int_equal(count_leases(f), 1);
        assert_int_equal(count_found(f), LAYERS);
        assert_int_equal(count_images(f), LAYERS);
}

static void chain_that_is_not_finished_leaves_nothing(void **state) {
        Fixture *f = *state;

        disk_free(new_disk(f));
        assert_int_equal(count_images(f), 0);
        assert_int_equal(count_leases(f), 0);
}

static void chain_that_fails_half_way_leaves_what_others_may_use(void **state) {
        Fixture *f = *state;
        Disk *disk = new_disk(f);

        links_left = 2;
        assert_int_equal(disk_finish(disk, &f->error), -ENOSPC);
        disk_free(disk);
        assert_int_equal(count_images(f), 2);
        assert_int_equal(count_keys(f), 2);
        assert_int_equal(count_leases(f), 0);
        links_left = 100;
        assert_int_equal(count_found(f), 2);
}

static void chain_without_its_top_leaves_nothing(void **state) {
        Fixture *f = *state;
        Disk *disk = new_disk(f);

        assert_int_equal(unlinkat(f->request.root_fd, "layer-3.qcow2", 0), 0);
        assert_int_equal(disk_finish(disk, &f->error), -ENOENT);
        disk_free(disk);
        assert_int_equal(count_images(f), 0);
        assert_int_equal(count_keys(f), 0);
}

static void chain_that_does_not_get_to_its_place_has_no_lease(void **state) {
        Fixture *f = *state;
        Disk *disk = new_disk(f);

        assert_int_equal(disk_finish(disk, NULL), 0);
        disk_free(disk);
        assert_int_equal(count_leases(f), 0);
        assert_int_equal(count_found(f), LAYERS);
}

static void slower_one_of_two_keeps_its_images_to_itself(void **state) {
        Fixture *f = *state;
        Disk *slow = new_disk(f);

        make_chain(f);
        assert_int_equal(disk_finish(slow, NULL), 0);
        disk_keep(slow);
        disk_free(slow);
        assert_int_equal(count_images(f), 2 * LAYERS);
        assert_int_equal(count_keys(f), LAYERS);
        assert_int_equal(count_leases(f), 2);

        /* And not even that when it fails. */
        f->spec->size = UINT64_C(1) << 30;
        slow = new_disk(f);
        make_chain(f);
        assert_int_equal(disk_finish(slow, NULL), 0);
        disk_free(slow);
        assert_int_equal(count_images(f), 3 * LAYERS);
        assert_int_equal(count_found(f), LAYERS);
}

static void failure_to_begin_leaves_what_was_there(void **state) {
        Fixture *f = *state;
        struct rlimit before, low;
        Disk *disk = NULL;
        int next;

        make_chain(f);
        fake_layers[1].digest = digest_of("another");

        /* One more descriptor, for the image that is there, and none for the one above. */
        next = dup(f->request.root_fd);
        assert_true(next >= 0);
        assert_int_equal(close(next), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        low = (struct rlimit){ .rlim_cur = (rlim_t) next + 1, .rlim_max = before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        assert_int_equal(disk_new(&f->request, &disk, &f->error), -EMFILE);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(count_images(f), LAYERS);
        assert_int_equal(count_found(f), 1);
}

#define DISK_CASE(fn) CASE_WITH(fn, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                DISK_CASE(chain_that_is_kept_leaves_its_images_and_a_lease),
                DISK_CASE(chain_that_is_not_finished_leaves_nothing),
                DISK_CASE(chain_that_fails_half_way_leaves_what_others_may_use),
                DISK_CASE(chain_without_its_top_leaves_nothing),
                DISK_CASE(chain_that_does_not_get_to_its_place_has_no_lease),
                DISK_CASE(slower_one_of_two_keeps_its_images_to_itself),
                DISK_CASE(failure_to_begin_leaves_what_was_there),
        };

        return cmocka_run_group_tests_name("job-disk", tests, NULL, NULL);
}
