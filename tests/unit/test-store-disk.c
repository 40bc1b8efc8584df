/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include "store-cache.h"
#include "store-disk.h"

#define DISK_BYTES (UINT64_C(1) << 30)

static StoreDiskKey key(const StoreDisk *parent, uint64_t size, const char *layer) {
        StoreDiskKey result = { .size = size, .layer = digest_of(layer) };

        if (parent)
                strcpy(result.parent, parent->id);
        return result;
}

/* A disk image as a job would put it there; its lock is gone. */
static StoreDisk put(StoreFixture *f, const StoreDiskKey *of) {
        char content[8192];
        StoreDisk disk;

        memset(content, 'x', sizeof(content));
        assert_int_equal(store_disk_create(f->store, &disk, NULL), 0);
        assert_int_equal(fd_write_full(disk.fd, content, sizeof(content)), 0);
        assert_int_equal(fsync(disk.fd), 0);
        assert_int_equal(store_disk_publish(f->store, of, &disk, NULL), 0);
        assert_int_equal(close(disk.fd), 0);
        disk.fd = -EBADF;
        return disk;
}

static bool is_found(StoreFixture *f, const StoreDiskKey *of, const char *id) {
        StoreDisk disk = STORE_DISK_NULL;
        int r;

        r = store_disk_find(f->store, of, &disk, NULL);
        assert_true(r >= 0);
        if (r > 0 && id)
                assert_string_equal(disk.id, id);
        closep(&disk.fd);
        return r > 0;
}

static bool exists(StoreFixture *f, const StoreDisk *disk) {
        char name[STORE_DISK_NAME_MAX], path[128];

        (void) snprintf(path, sizeof(path), "store/disks/%s", store_disk_name(disk->id, name));
        return scratch_exists(&f->scratch, path);
}

/* A chain of @n images with its top at @name. */
static void lease(StoreFixture *f, const char *name, const StoreDisk *disks, size_t n) {
        int fd;

        scratch_write(&f->scratch, name, "top");
        fd = open(scratch_at(&f->scratch, name), O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(
                store_disk_lease(f->store, scratch_at(&f->scratch, name), fd, disks, n, NULL), 0);
        assert_int_equal(close(fd), 0);
}

static void prune(StoreFixture *f) {
        uint64_t freed;

        assert_int_equal(store_prune(f->store, 0, &freed, NULL), 0);
}

static void published_image_is_found_by_all_of_its_key(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);
        const StoreDiskKey child = key(&disk, DISK_BYTES, "layer");
        const StoreDiskKey other_size = key(NULL, DISK_BYTES + 4096, "layer");
        const StoreDiskKey other_layer = key(NULL, DISK_BYTES, "other");

        assert_true(is_found(f, &of, disk.id));
        assert_false(is_found(f, &child, NULL));
        assert_false(is_found(f, &other_size, NULL));
        assert_false(is_found(f, &other_layer, NULL));
}

static void image_is_not_found_before_it_is_published(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        StoreDisk disk;

        assert_int_equal(store_disk_create(f->store, &disk, NULL), 0);
        assert_false(is_found(f, &of, NULL));
        store_disk_discard(f->store, &disk);
        assert_false(exists(f, &disk));
        assert_int_equal(close(disk.fd), 0);
}

static void first_of_two_that_are_published_is_found(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk first = put(f, &of), second = put(f, &of);

        assert_true(is_found(f, &of, first.id));
        assert_true(exists(f, &second));
}

static void image_without_a_chain_is_pruned(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);
        uint64_t size;

        assert_int_equal(store_size(f->store, &size, NULL), 0);
        assert_true(size >= 8192);
        prune(f);
        assert_false(exists(f, &disk));
        assert_false(is_found(f, &of, NULL));
        assert_int_equal(store_size(f->store, &size, NULL), 0);
        assert_int_equal(size, 0);
}

static void images_of_a_chain_stay_as_long_as_its_top_does(void **state) {
        StoreFixture *f = *state;

        /* Who may not open a file by its handle cannot tell. */
        if (geteuid() != 0)
                skip();

        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        StoreDisk disks[2] = { put(f, &of) };
        const StoreDiskKey above = key(&disks[0], DISK_BYTES, "above");

        disks[1] = put(f, &above);
        lease(f, "top", disks, 2);
        prune(f);
        assert_true(exists(f, &disks[0]) && exists(f, &disks[1]));

        assert_int_equal(unlink(scratch_at(&f->scratch, "top")), 0);
        prune(f);
        assert_false(exists(f, &disks[0]) || exists(f, &disks[1]));
}

static void other_file_in_the_chains_place_is_not_the_chain(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        lease(f, "top", &disk, 1);
        scratch_write(&f->scratch, "new", "another");
        assert_int_equal(rename(scratch_at(&f->scratch, "new"), scratch_at(&f->scratch, "top")), 0);
        prune(f);
        assert_false(exists(f, &disk));
}

static void path_with_a_newline_in_it_keeps_its_images(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        lease(f, "to\np", &disk, 1);
        prune(f);
        assert_true(exists(f, &disk));
}

static void lease_that_is_damaged_keeps_what_it_names(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);
        char text[128];

        (void) snprintf(text, sizeof(text), "nonsense\n-\n%s\n\n/nonexistent", disk.id);
        scratch_write(
                &f->scratch, "store/virt-bootstrap/leases/22222222222222222222222222222222", text);
        prune(f);
        assert_true(exists(f, &disk));
}

static void chain_that_has_moved_keeps_its_images(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        if (geteuid() != 0)
                skip();

        scratch_mkdir(&f->scratch, "chain");
        lease(f, "chain/top", &disk, 1);
        assert_int_equal(
                rename(scratch_at(&f->scratch, "chain"), scratch_at(&f->scratch, "moved")), 0);
        prune(f);
        assert_true(exists(f, &disk));
        assert_int_equal(unlink(scratch_at(&f->scratch, "moved/top")), 0);
        prune(f);
        assert_false(exists(f, &disk));
}

static void released_leases_keep_nothing(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        lease(f, "top", &disk, 1);
        lease(f, "top-too", &disk, 1);
        assert_int_equal(store_disk_release_all(f->store), 2);
        assert_int_equal(store_disk_release_all(f->store), 0);
        prune(f);
        assert_false(exists(f, &disk));
}

static void image_that_a_job_uses_is_not_pruned(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        StoreDisk disk = put(f, &of);

        assert_int_equal(store_disk_find(f->store, &of, &disk, NULL), 1);
        prune(f);
        assert_true(exists(f, &disk));
        assert_int_equal(close(disk.fd), 0);
        prune(f);
        assert_false(exists(f, &disk));
}

static void image_used_least_recently_goes_first(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "a"), other = key(NULL, DISK_BYTES, "b");
        const StoreDisk old = put(f, &of), recent = put(f, &other);
        const struct timespec past[] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        char name[STORE_DISK_NAME_MAX], path[128];
        uint64_t size, freed;

        (void) snprintf(path, sizeof(path), "store/disks/%s", store_disk_name(old.id, name));
        assert_int_equal(utimensat(AT_FDCWD, scratch_at(&f->scratch, path), past, 0), 0);
        assert_int_equal(store_size(f->store, &size, NULL), 0);
        assert_int_equal(store_prune(f->store, size - 1, &freed, NULL), 0);
        assert_false(exists(f, &old));
        assert_true(exists(f, &recent));
        assert_int_equal(freed, size / 2);
}

static void damaged_records_do_no_harm(void **state) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        lease(f, "top", &disk, 1);
        scratch_write(
                &f->scratch, "store/virt-bootstrap/leases/00000000000000000000000000000000",
                "nonsense");
        scratch_write(
                &f->scratch, "store/virt-bootstrap/leases/11111111111111111111111111111111", "");
        scratch_write(&f->scratch, "store/disks/not-an-image", "x");
        prune(f);
        assert_true(exists(f, &disk));
        assert_true(scratch_exists(&f->scratch, "store/disks/not-an-image"));
        assert_true(is_found(f, &of, disk.id));
}

#define STORE_CASE(fn) CASE_WITH(fn, store_set_up, store_tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                STORE_CASE(published_image_is_found_by_all_of_its_key),
                STORE_CASE(image_is_not_found_before_it_is_published),
                STORE_CASE(first_of_two_that_are_published_is_found),
                STORE_CASE(image_without_a_chain_is_pruned),
                STORE_CASE(images_of_a_chain_stay_as_long_as_its_top_does),
                STORE_CASE(other_file_in_the_chains_place_is_not_the_chain),
                STORE_CASE(path_with_a_newline_in_it_keeps_its_images),
                STORE_CASE(lease_that_is_damaged_keeps_what_it_names),
                STORE_CASE(chain_that_has_moved_keeps_its_images),
                STORE_CASE(released_leases_keep_nothing),
                STORE_CASE(image_that_a_job_uses_is_not_pruned),
                STORE_CASE(image_used_least_recently_goes_first),
                STORE_CASE(damaged_records_do_no_harm),
        };

        return cmocka_run_group_tests_name("store-disk", tests, NULL, NULL);
}
