/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "store-cache.h"
#include "store-disk.h"
#include "store-lease.h"
#include "test-flock.h"

#define DISK_BYTES (UINT64_C(1) << 30)

static StoreDiskKey key(const StoreDisk *parent, uint64_t size, const char *layer) {
        StoreDiskKey result = { .size = size, .layer = digest_of(layer) };

        if (parent)
                strcpy(result.parent, parent->id);
        return result;
}

/* An image that a job has filled, and still has. */
static StoreDisk fill(StoreFixture *f) {
        char content[8192];
        StoreDisk disk;

        memset(content, 'x', sizeof(content));
        assert_int_equal(store_disk_create(f->store, &disk, NULL), 0);
        assert_int_equal(fd_write_full(disk.fd, content, sizeof(content)), 0);
        assert_int_equal(fsync(disk.fd), 0);
        return disk;
}

/* Its lock goes with the descriptor. */
static void let_go(StoreDisk *disk) {
        assert_int_equal(close(disk->fd), 0);
        disk->fd = -EBADF;
}

/* A disk image as a job would put it there; its lock is gone. */
static StoreDisk put(StoreFixture *f, const StoreDiskKey *of) {
        StoreDisk disk = fill(f);

        assert_true(store_disk_publish(f->store, of, &disk, NULL) >= 0);
        let_go(&disk);
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

static char *path_of(const StoreDisk *disk) {
        static char path[128];
        char name[STORE_DISK_NAME_MAX];

        (void) snprintf(path, sizeof(path), "store/disks/%s", store_disk_name(disk->id, name));
        return path;
}

static bool exists(StoreFixture *f, const StoreDisk *disk) {
        return scratch_exists(&f->scratch, path_of(disk));
}

/* An image that a job began and did not complete; its lock is gone. */
static StoreDisk put_unfinished(StoreFixture *f) {
        StoreDisk disk = fill(f);

        let_go(&disk);
        return disk;
}

static unsigned recover(StoreFixture *f) {
        unsigned n = 0;

        assert_int_equal(store_disk_recover(f->store, &n, NULL), 0);
        return n;
}

/* A chain of @n images with its top at @name; the images' locks are gone. */
static void lease(StoreFixture *f, const char *name, const StoreDisk *disks, size_t n) {
        StoreDiskChain chain = { .disks = disks, .n_disks = n };
        char id[STORE_DISK_ID_MAX];
        int fd;

        scratch_write(&f->scratch, name, "top");
        fd = open(scratch_at(&f->scratch, name), O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        chain.path = scratch_at(&f->scratch, name);
        chain.top_fd = fd;
        assert_int_equal(store_disk_lease(f->store, &chain, id, NULL), 0);
        assert_int_equal(close(fd), 0);
}

static void prune(StoreFixture *f) {
        (void) store_prune_to(f->store, 0);
}

STORE_TEST(published_image_is_found_by_all_of_its_key) {
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

STORE_TEST(image_is_not_found_before_it_is_published) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        StoreDisk disk;

        assert_int_equal(store_disk_create(f->store, &disk, NULL), 0);
        assert_false(is_found(f, &of, NULL));
        store_disk_discard(f->store, &disk);
        assert_false(exists(f, &disk));
        assert_int_equal(close(disk.fd), 0);
}

STORE_TEST(first_of_two_that_are_published_is_found) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk first = put(f, &of), second = put(f, &of);

        assert_int_equal(store_disk_publish(f->store, &of, &second, NULL), 0);
        assert_true(is_found(f, &of, first.id));
        assert_true(exists(f, &second));
}

STORE_TEST(image_without_a_chain_is_pruned) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        assert_true(store_disk_bytes(f->store) >= 8192);
        prune(f);
        assert_false(exists(f, &disk));
        assert_false(is_found(f, &of, NULL));
        assert_int_equal(store_disk_bytes(f->store), 0);
}

STORE_TEST(images_of_a_chain_stay_as_long_as_its_top_does) {
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

STORE_TEST(other_file_in_the_chains_place_is_not_the_chain) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        lease(f, "top", &disk, 1);
        scratch_write(&f->scratch, "new", "another");
        assert_int_equal(rename(scratch_at(&f->scratch, "new"), scratch_at(&f->scratch, "top")), 0);
        prune(f);
        assert_false(exists(f, &disk));
}

STORE_TEST(path_with_a_newline_in_it_keeps_its_images) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        lease(f, "to\np", &disk, 1);
        prune(f);
        assert_true(exists(f, &disk));
}

STORE_TEST(lease_that_is_damaged_keeps_what_it_names) {
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

STORE_TEST(chain_that_has_moved_keeps_its_images) {
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

STORE_TEST(image_that_a_job_uses_is_not_pruned) {
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

static void set_time(StoreFixture *f, const StoreDisk *disk, time_t when) {
        const struct timespec times[] = { { .tv_sec = when }, { .tv_sec = when } };

        assert_int_equal(utimensat(AT_FDCWD, scratch_at(&f->scratch, path_of(disk)), times, 0), 0);
}

STORE_TEST(image_used_least_recently_goes_first) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "a"), other = key(NULL, DISK_BYTES, "b");
        const StoreDisk old = put(f, &of), recent = put(f, &other);
        uint64_t size, freed;

        set_time(f, &old, 1000);
        size = store_disk_bytes(f->store);
        freed = store_prune_to(f->store, size - 1);
        assert_false(exists(f, &old));
        assert_true(exists(f, &recent));
        assert_int_equal(freed, size / 2);
}

STORE_TEST(image_that_nobody_can_find_goes_first) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "a");
        const StoreDisk old = put(f, &of), unfinished = put_unfinished(f);

        set_time(f, &old, 1000);
        (void) store_prune_to(f->store, store_disk_bytes(f->store) - 1);
        assert_false(exists(f, &unfinished));
        assert_true(exists(f, &old));
}

static void prune_by_force(StoreFixture *f, uint64_t before_usec) {
        const StoreDiskPruning pruning = { .before_usec = before_usec, .is_forced = true };
        StoreRemovals removals = { 0 };
        uint64_t left;

        assert_int_equal(store_disk_prune(f->store, &pruning, &removals, &left, NULL), 0);
        store_removals_done(&removals);
}

static size_t n_leases(StoreFixture *f) {
        StoreLeases leases = { 0 };
        size_t n;

        assert_int_equal(store_lease_list(f->store, &leases), 0);
        n = leases.n;
        store_leases_done(&leases);
        return n;
}

STORE_TEST(force_removes_what_chains_need_and_their_leases) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        lease(f, "top", &disk, 1);
        lease(f, "top-too", &disk, 1);
        prune_by_force(f, UINT64_MAX);
        assert_false(exists(f, &disk));
        assert_int_equal(n_leases(f), 0);
}

STORE_TEST(images_that_a_forced_prune_keeps_stay_needed) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "a"), other = key(NULL, DISK_BYTES, "b");
        const StoreDisk old = put(f, &of), recent = put(f, &other);

        lease(f, "top-old", &old, 1);
        lease(f, "top-recent", &recent, 1);
        set_time(f, &old, 1000);
        prune_by_force(f, UINT64_C(2000000000));
        assert_false(exists(f, &old));
        assert_true(exists(f, &recent));
        assert_int_equal(n_leases(f), 1);
        prune(f);
        assert_true(exists(f, &recent));
}

STORE_TEST(chain_of_a_running_job_keeps_its_lease_in_a_forced_prune) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        StoreDisk disk = put(f, &of);

        assert_int_equal(store_disk_find(f->store, &of, &disk, NULL), 1);
        lease(f, "top", &disk, 1);
        prune_by_force(f, UINT64_MAX);
        let_go(&disk);
        prune(f);
        assert_true(exists(f, &disk));
}

/* What is above an image that is gone cannot be found any more. */
STORE_TEST(chain_is_pruned_from_its_top) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "base");
        StoreDisk disks[] = { put(f, &of), STORE_DISK_NULL, STORE_DISK_NULL };
        StoreDiskKey above[2];

        for (size_t i = 1; i < 3; i++) {
                above[i - 1] = key(&disks[i - 1], DISK_BYTES, "above");
                disks[i] = put(f, &above[i - 1]);
        }
        assert_int_equal(store_disk_find(f->store, &of, &disks[0], NULL), 1);
        for (size_t i = 1; i < 3; i++)
                assert_int_equal(store_disk_find(f->store, &above[i - 1], &disks[i], NULL), 1);
        for (size_t i = 0; i < 3; i++)
                set_time(f, &disks[i], 1000);
        lease(f, "top", disks, 3);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(close(disks[i].fd), 0);
        assert_int_equal(unlink(scratch_at(&f->scratch, "top")), 0);

        for (size_t i = 3; i > 0; i--) {
                assert_true(exists(f, &disks[i - 1]));
                (void) store_prune_to(f->store, store_disk_bytes(f->store) - 1);
                assert_false(exists(f, &disks[i - 1]));
        }
}

STORE_TEST(images_that_are_needed_do_not_count) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "a"), other = key(NULL, DISK_BYTES, "b");
        const StoreDiskKey third = key(NULL, DISK_BYTES, "c");
        const StoreDisk leased = put(f, &of), unused = put(f, &third);
        const Digest blob = store_put(f->store, "a blob");
        StoreDisk used = put(f, &other);
        const uint64_t of_one = store_disk_bytes(f->store) / 3,
                       of_blob = store_blob_bytes(f->store);

        lease(f, "top", &leased, 1);
        assert_int_equal(store_disk_find(f->store, &other, &used, NULL), 1);

        assert_int_equal(store_prune_to(f->store, of_one + of_blob), 0);
        assert_int_equal(store_prune_to(f->store, of_blob), of_one);
        assert_false(exists(f, &unused));
        assert_true(scratch_exists(&f->scratch, blob_path(&blob)));
        prune(f);
        assert_true(exists(f, &leased) && exists(f, &used));
        assert_false(scratch_exists(&f->scratch, blob_path(&blob)));
        assert_int_equal(close(used.fd), 0);
}

STORE_TEST(recovery_removes_what_a_killed_daemon_left) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "a");
        const StoreDisk found = put(f, &of), leased = put_unfinished(f), left = put_unfinished(f);
        StoreDisk begun;

        lease(f, "top", &leased, 1);
        assert_int_equal(store_disk_create(f->store, &begun, NULL), 0);
        scratch_write(&f->scratch, "store/disks/not-an-image", "x");
        assert_int_equal(recover(f), 1);
        assert_false(exists(f, &left));
        assert_true(exists(f, &found) && exists(f, &leased) && exists(f, &begun));
        assert_true(scratch_exists(&f->scratch, "store/disks/not-an-image"));

        assert_int_equal(close(begun.fd), 0);
        assert_int_equal(recover(f), 1);
        assert_false(exists(f, &begun));
        assert_int_equal(recover(f), 0);
}

/* Where the chain is may be on a server that does not answer: a daemon that starts does not ask. */
STORE_TEST(recovery_does_not_look_for_chains) {
        StoreFixture *f = *state;
        const StoreDisk leased = put_unfinished(f);

        lease(f, "top", &leased, 1);
        assert_int_equal(unlink(scratch_at(&f->scratch, "top")), 0);
        assert_int_equal(recover(f), 0);
        assert_true(exists(f, &leased));
}

static void remove_before_it_is_locked(void *userdata, int fd, int operation) {
        on_flock = NULL;
        assert_int_equal(unlink(userdata), 0);
}

STORE_TEST(image_that_is_removed_before_it_is_locked_is_not_found) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        on_flock_userdata = scratch_at(&f->scratch, path_of(&disk));
        on_flock = remove_before_it_is_locked;
        assert_false(is_found(f, &of, NULL));
        assert_null(on_flock);
}

/* A job that has an image, and ends while others prune. */
typedef struct EndingJob {
        StoreFixture *f;
        StoreDisk disk;
        unsigned n_refused; /* that could not have the image, before it ends */
} EndingJob;

static void end_job(void *userdata, int fd, int operation) {
        EndingJob *job = userdata;
        struct stat mine, theirs;

        if (operation != (LOCK_EX | LOCK_NB) || fstat(fd, &theirs) < 0 ||
            fstat(job->disk.fd, &mine) < 0 || mine.st_ino != theirs.st_ino || job->n_refused-- > 0)
                return;

        on_flock = NULL;
        lease(job->f, "top", &job->disk, 1);
        let_go(&job->disk);
}

/* Pruning looks for what is free twice: the job has the image at first, and a chain of it then. */
STORE_TEST(image_whose_job_ends_while_others_prune_stays) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk other = put(f, &of);
        EndingJob job = { .f = f, .disk = fill(f), .n_refused = 1 };

        on_flock_userdata = &job;
        on_flock = end_job;
        prune(f);
        assert_null(on_flock);
        assert_true(exists(f, &job.disk));
        assert_false(exists(f, &other));
}

/* Nothing tells whether it is there when its file system is back. */
STORE_TEST(chain_on_a_file_system_that_is_away_keeps_its_images) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);

        scratch_mkdir(&f->scratch, "mnt");
        if (geteuid() != 0 ||
            mount("tmpfs", scratch_at(&f->scratch, "mnt"), "tmpfs", 0, "mode=0755") < 0) {
                print_message("Cannot mount a file system here\n");
                skip();
        }

        lease(f, "mnt/top", &disk, 1);
        assert_int_equal(umount2(scratch_at(&f->scratch, "mnt"), MNT_DETACH), 0);
        prune(f);
        assert_true(exists(f, &disk));
}

STORE_TEST(lease_of_a_chain_that_comes_to_nothing_can_be_released) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "a");
        const StoreDisk disk = put(f, &of);
        StoreDiskChain chain = { .disks = &disk, .n_disks = 1 };
        char id[STORE_DISK_ID_MAX];
        int fd;

        scratch_write(&f->scratch, "top", "top");
        fd = open(scratch_at(&f->scratch, "top"), O_RDONLY | O_CLOEXEC);
        chain.path = scratch_at(&f->scratch, "top");
        chain.top_fd = fd;
        assert_int_equal(store_disk_lease(f->store, &chain, id, NULL), 0);
        assert_int_equal(close(fd), 0);
        prune(f);
        assert_true(exists(f, &disk));
        store_disk_release(f->store, id);
        prune(f);
        assert_false(exists(f, &disk));
}

STORE_TEST(damaged_records_do_no_harm) {
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

STORE_TEST(more_images_than_descriptors_are_pruned) {
        enum { N_IMAGES = 200, N_DESCRIPTORS = 128 };
        StoreFixture *f = *state;
        StoreDisk disks[N_IMAGES];
        struct rlimit limit, lower;

        for (size_t i = 0; i < N_IMAGES; i++)
                disks[i] = put_unfinished(f);

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        lower = limit;
        lower.rlim_cur = N_DESCRIPTORS;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
        prune(f);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);

        for (size_t i = 0; i < N_IMAGES; i++)
                assert_false(exists(f, &disks[i]));
}

/* The key of a job that syncs nothing. */
static StoreDiskKey unsynced(StoreDiskKey of) {
        of.no_sync = true;
        return of;
}

STORE_TEST(image_that_was_not_synced_is_for_those_who_need_no_more_in_the_same_boot) {
        StoreFixture *f = *state;
        const StoreDiskKey synced = key(NULL, DISK_BYTES, "a"), quick = unsynced(synced);
        StoreDisk disk, other;

        store_open_again(f, BOOT_A);
        disk = put(f, &quick);
        assert_true(is_found(f, &quick, disk.id));
        assert_false(is_found(f, &synced, NULL));
        store_open_again(f, BOOT_B);
        assert_false(is_found(f, &quick, NULL));
        store_open_again(f, BOOT_A);
        assert_true(is_found(f, &quick, disk.id));

        /* What was synced is as good for both. */
        other = put(f, &synced);
        assert_true(is_found(f, &synced, other.id));
        assert_true(is_found(f, &quick, other.id));
        disk = fill(f);
        assert_int_equal(store_disk_publish(f->store, &quick, &disk, NULL), 0);
        let_go(&disk);
}

STORE_TEST(image_that_was_not_synced_goes_in_the_next_boot_unless_a_chain_needs_it) {
        StoreFixture *f = *state;
        StoreDisk disks[3];
        unsigned n;

        store_open_again(f, BOOT_A);
        for (int i = 0; i < 3; i++) {
                const char layer[] = { (char) ('a' + i), '\0' };
                const StoreDiskKey of = key(NULL, DISK_BYTES, layer);
                const StoreDiskKey quick = unsynced(of);

                disks[i] = put(f, i == 0 ? &of : &quick);
        }
        lease(f, "top", &disks[1], 1);
        assert_int_equal(store_disk_recover(f->store, &n, NULL), 0);
        assert_int_equal(n, 0);
        store_open_again(f, BOOT_B);
        assert_int_equal(store_disk_recover(f->store, &n, NULL), 0);
        assert_int_equal(n, 1);
        assert_true(exists(f, &disks[0]) && exists(f, &disks[1]));
        assert_false(exists(f, &disks[2]));
}

STORE_TEST(image_that_was_not_synced_is_shared_with_nobody_where_the_boot_is_not_known) {
        StoreFixture *f = *state;
        const StoreDiskKey quick = unsynced(key(NULL, DISK_BYTES, "a"));
        StoreDisk disk;

        store_open_again(f, "-");
        disk = fill(f);
        assert_int_equal(store_disk_publish(f->store, &quick, &disk, NULL), 0);
        assert_false(is_found(f, &quick, NULL));
        let_go(&disk);
}

/* Of a power failure. */
STORE_TEST(lease_that_was_emptied_is_removed) {
        static const char path[] = "store/virt-bootstrap/leases/00112233445566778899aabbccddeeff";
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "a");

        (void) put(f, &of);
        scratch_write(&f->scratch, path, "");
        prune(f);
        assert_false(scratch_exists(&f->scratch, path));
}

/* Who looks at the image is done after the first try to lock it. */
static void release_at_second(void *userdata, int fd, int operation) {
        static unsigned n_tries;
        int *other = userdata;

        if (++n_tries == 2)
                closep(other);
}

STORE_TEST(image_that_others_look_at_is_found) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "layer");
        const StoreDisk disk = put(f, &of);
        int other = open(scratch_at(&f->scratch, path_of(&disk)), O_RDONLY | O_CLOEXEC);
        bool found;

        assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
        on_flock_userdata = &other;
        on_flock = release_at_second;
        found = is_found(f, &of, disk.id);
        on_flock = NULL;
        assert_true(found);
}

/* At most the image that is locked next is: what was looked at before is free again. */
static void expect_unlocked(void *userdata, int fd, int operation) {
        const Scratch *scratch = userdata;
        DIR *dir = opendir(scratch_at(scratch, "store/disks"));
        struct dirent *entry;

        assert_non_null(dir);
        while ((entry = readdir(dir))) {
                const int image = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);

                if (entry->d_name[0] != '.')
                        assert_int_equal(syscall(SYS_flock, image, LOCK_SH | LOCK_NB), 0);
                assert_int_equal(close(image), 0);
        }
        assert_int_equal(closedir(dir), 0);
}

STORE_TEST(looking_at_images_holds_one_at_a_time) {
        StoreFixture *f = *state;
        const StoreDiskKey of = key(NULL, DISK_BYTES, "a"), other = key(NULL, DISK_BYTES, "b");
        const StoreDisk disks[] = { put(f, &of), put(f, &other) };
        const StoreDiskPruning pruning = { .before_usec = UINT64_MAX, .is_dry = true };
        StoreRemovals removals = { 0 };
        StoreDiskEntry *entries;
        uint64_t bytes;
        size_t n;

        on_flock_userdata = &f->scratch;
        on_flock = expect_unlocked;
        assert_int_equal(store_disk_prunable(f->store, &bytes, NULL), 0);
        assert_int_equal(store_disk_prune(f->store, &pruning, &removals, &bytes, NULL), 0);
        assert_int_equal(store_disk_list(f->store, &entries, &n, NULL), 0);
        on_flock = NULL;
        assert_int_equal(n, 2);
        assert_int_equal(removals.n, 2);
        assert_true(exists(f, &disks[0]) && exists(f, &disks[1]));
        store_removals_done(&removals);
        store_disk_entries_free(entries, n);
}
