/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shared disk images, from the job that makes them to the store: with no fetch worker, no disk worker, and
 * a system call that can be made to fail. */

#include "test-store.h"

#include <stdarg.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "job-disk.h"
#include "store-disk.h"
#include "test-job-qcow2.h"

#define LAYERS 3u

static ProtoLayer fake_layers[LAYERS];
static JobImage fake_image = { .n_layers = LAYERS, .layers = fake_layers };
static unsigned links_left; /* that can be made */

/* Instead of the one of the C library. */
int symlinkat(const char *target, int dir_fd, const char *name) {
        if (links_left == 0) {
                errno = ENOSPC;
                return -1;
        }
        links_left--;
        return (int) syscall(SYS_symlinkat, target, dir_fd, name);
}

static const char *own_backing; /* of a worker that has taken to lying; else NULL */
static const char *raw_head;    /* what a raw image starts with; NULL: it is qcow2 */
static uint64_t disk_size;
static int stolen_fd;          /* of the image that it was given last */
static int lease_errno;        /* of a file system that gives no leases; else 0 */
static unsigned leases_wanted; /* so many times */
static unsigned held_until;    /* as often the stolen descriptor stays open; 0: for ever */

/* Instead of the one of the C library. */
int fcntl(int fd, int command, ...) {
        va_list arguments;
        long argument;

        va_start(arguments, command);
        argument = va_arg(arguments, long);
        va_end(arguments);
        if (command != F_SETLEASE || argument == F_UNLCK)
                return (int) syscall(SYS_fcntl, fd, command, argument);

        if (++leases_wanted == held_until)
                assert_int_equal(close(stolen_fd), 0);
        if (lease_errno == 0)
                return (int) syscall(SYS_fcntl, fd, command, argument);
        errno = lease_errno;
        return -1;
}

/* Instead of the one of job-process.c: a worker that fills each image at once. */
void job_process_send(
        JobProcess *process, const ProtoMessage *message, const int *fds, size_t n_fds) {
        uint8_t head[QCOW2_SIZE];

        assert_int_equal(message->type, PROTO_DISK_IMAGE);
        assert_int_equal(n_fds, 1);
        if (message->disk_image.is_complete)
                return;
        if (stolen_fd == -1)
                stolen_fd = dup(fds[0]);
        if (raw_head) {
                assert_int_equal(pwrite(fds[0], raw_head, strlen(raw_head), 0), strlen(raw_head));
                return;
        }

        put_qcow2(head, disk_size, own_backing ? own_backing : message->disk_image.backing);
        assert_int_equal(pwrite(fds[0], head, sizeof(head), 0), sizeof(head));
}

typedef struct Fixture {
        StoreFixture *store;
        JobSpec *spec;
        JobDiskRequest request;
        int other_fd; /* another directory for a chain */
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
        f->request = (JobDiskRequest){
                .spec = f->spec,
                .root_fd = open(
                        scratch_at(&f->store->scratch, "root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                .path = "/nowhere/root",
                .image = &fake_image,
                .store = f->store->store,
        };
        assert_true(f->request.root_fd >= 0);
        scratch_mkdir(&f->store->scratch, "other");
        f->other_fd =
                open(scratch_at(&f->store->scratch, "other"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->other_fd >= 0);
        for (size_t i = 0; i < LAYERS; i++)
                fake_layers[i].digest = digest_of(contents[i]);
        links_left = 100;
        own_backing = raw_head = NULL;
        disk_size = DISK_SIZE_DEFAULT;
        stolen_fd = -EBADF;
        lease_errno = 0;
        leases_wanted = held_until = 0;
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;
        void *store = f->store;

        job_spec_free(f->spec);
        close(f->request.root_fd);
        close(f->other_fd);
        error_clear(&f->error);
        assert_int_equal(store_tear_down(&store), 0);
        free(f);
        return 0;
}

static JobDisk *new_disk(Fixture *f) {
        JobDisk *disk = NULL;

        (void) unlinkat(f->request.root_fd, "layer-3.qcow2", 0);
        if (job_disk_new(&f->request, &disk, &f->error) < 0 || job_disk_make(disk, &f->error) < 0 ||
            job_disk_send(disk, NULL, &f->error) < 0)
                fail_msg("%s", error_text(&f->error));
        return disk;
}

/* What the disk worker reports, and its end. */
static int finish(JobDisk *disk, Error *error) {
        int r = 0;

        for (uint32_t i = job_disk_n_complete(disk); r >= 0 && i < LAYERS; i++)
                r = job_disk_close_layer(disk, error);
        return r < 0 ? r : job_disk_finish(disk, error);
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
        _cleanup_(job_disk_freep) JobDisk *disk = new_disk(f);

        return job_disk_n_complete(disk);
}

static void make_chain(Fixture *f) {
        _cleanup_(job_disk_freep) JobDisk *disk = new_disk(f);

        assert_int_equal(finish(disk, NULL), 0);
        job_disk_keep(disk);
}

#define DISK_TEST(name) TEST_WITH(name, set_up, tear_down)

DISK_TEST(chain_that_is_kept_leaves_its_images_and_a_lease) {
        Fixture *f = *state;

        make_chain(f);
        assert_int_equal(count_images(f), LAYERS);
        assert_int_equal(count_keys(f), LAYERS);
        assert_int_equal(count_leases(f), 1);
        assert_int_equal(count_found(f), LAYERS);
        assert_int_equal(count_images(f), LAYERS);
}

DISK_TEST(chain_that_is_not_finished_leaves_nothing) {
        Fixture *f = *state;

        job_disk_free(new_disk(f));
        assert_int_equal(count_images(f), 0);
        assert_int_equal(count_leases(f), 0);
}

DISK_TEST(chain_that_fails_half_way_leaves_what_others_may_use) {
        Fixture *f = *state;
        JobDisk *disk = new_disk(f);

        links_left = 2;
        assert_int_equal(finish(disk, &f->error), -ENOSPC);
        job_disk_free(disk);
        assert_int_equal(count_images(f), 2);
        assert_int_equal(count_keys(f), 2);
        assert_int_equal(count_leases(f), 0);
        links_left = 100;
        assert_int_equal(count_found(f), 2);
}

DISK_TEST(chain_whose_top_was_replaced_fails_and_has_no_lease) {
        Fixture *f = *state;
        JobDisk *disk = new_disk(f);

        assert_int_equal(unlinkat(f->request.root_fd, "layer-3.qcow2", 0), 0);
        scratch_write(&f->store->scratch, "root/layer-3.qcow2", "another");
        assert_int_equal(finish(disk, &f->error), -ESTALE);
        assert_non_null(strstr(error_text(&f->error), "replaced layer-3.qcow2"));
        job_disk_free(disk);
        assert_int_equal(count_leases(f), 0);
}

DISK_TEST(layer_is_given_once_the_image_below_is_published) {
        Fixture *f = *state;
        _cleanup_(job_disk_freep) JobDisk *disk = new_disk(f);
        JobDiskTurn turn = job_disk_turn(disk);

        for (uint32_t i = 0; i < LAYERS; i++) {
                assert_true(job_disk_turn_has(&turn, i));
                assert_int_equal(job_disk_turn_end(&turn, i, NULL), 0);
                assert_int_equal(count_keys(f), i);
                assert_int_equal(job_disk_close_layer(disk, NULL), 0);
                assert_int_equal(count_keys(f), i + 1);
                assert_false(job_disk_turn_has(&turn, i + 1));
                job_disk_turn_next(&turn);
        }

        assert_int_equal(job_disk_finish(disk, NULL), 0);
}

DISK_TEST(image_that_can_still_be_written_to_is_not_published) {
        Fixture *f = *state;
        JobDisk *disk;

        stolen_fd = -1;
        disk = new_disk(f);
        assert_true(stolen_fd >= 0);
        assert_int_equal(job_disk_close_layer(disk, &f->error), -EBUSY);
        assert_non_null(strstr(error_text(&f->error), "can still write"));
        assert_int_equal(count_keys(f), 0);
        job_disk_free(disk);
        assert_int_equal(count_images(f), 0);
        assert_int_equal(close(stolen_fd), 0);
}

/* As a worker's process does, of whichever job, before it closes what is not its. */
DISK_TEST(image_that_is_held_for_a_moment_is_published) {
        _cleanup_(job_disk_freep) JobDisk *disk = NULL;
        Fixture *f = *state;

        stolen_fd = -1;
        disk = new_disk(f);
        assert_true(stolen_fd >= 0);
        leases_wanted = 0;
        held_until = 3;
        assert_int_equal(job_disk_close_layer(disk, &f->error), 0);
        assert_int_equal(leases_wanted, 3);
        assert_int_equal(count_keys(f), 1);
}

static void check_not_shared(Fixture *f, int code) {
        JobDisk *disk = NULL;

        lease_errno = code;
        assert_int_equal(job_disk_new(&f->request, &disk, NULL), 0);
        assert_int_equal(job_disk_make(disk, &f->error), -EOPNOTSUPP);
        assert_non_null(strstr(error_text(&f->error), "Layers cannot be shared"));
        error_clear(&f->error);
        job_disk_free(disk);
        assert_int_equal(count_images(f), 0);
}

DISK_TEST(layers_are_not_shared_where_nobody_can_tell_who_writes) {
        Fixture *f = *state;

        check_not_shared(f, EINVAL);
        /* As network file systems say when the server does not promise anything. */
        check_not_shared(f, EAGAIN);
}

DISK_TEST(image_of_which_nobody_can_tell_who_writes_is_not_published) {
        Fixture *f = *state;
        _cleanup_(job_disk_freep) JobDisk *disk = new_disk(f);

        lease_errno = EIO;
        assert_int_equal(job_disk_close_layer(disk, &f->error), -EIO);
        assert_non_null(
                strstr(error_text(&f->error), "Cannot determine whether anybody can still write"));
        assert_int_equal(count_keys(f), 0);
}

DISK_TEST(images_of_one_chain_need_no_leases) {
        static const int codes[] = { EINVAL, EAGAIN };
        Fixture *f = *state;

        f->spec->share_layers = false;
        f->spec->overwrite = true;
        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
                _cleanup_(job_disk_freep) JobDisk *disk = NULL;

                lease_errno = codes[i];
                disk = new_disk(f);
                assert_int_equal(job_disk_finish(disk, &f->error), 0);
                assert_int_equal(count(f, "root"), LAYERS);
        }
}

DISK_TEST(image_without_sharing_that_can_still_be_written_to_is_refused) {
        _cleanup_(job_disk_freep) JobDisk *disk = NULL;
        Fixture *f = *state;

        f->spec->share_layers = false;
        stolen_fd = -1;
        disk = new_disk(f);
        assert_int_equal(job_disk_finish(disk, &f->error), -EBUSY);
        assert_non_null(strstr(error_text(&f->error), "can still write to layer-0.qcow2"));
        assert_int_equal(close(stolen_fd), 0);
}

DISK_TEST(image_with_a_backing_file_of_its_own_is_not_published) {
        Fixture *f = *state;
        JobDisk *disk;

        own_backing = "/etc/shadow";
        disk = new_disk(f);
        assert_int_equal(job_disk_close_layer(disk, &f->error), -EBADMSG);
        assert_non_null(strstr(error_text(&f->error), "has a backing file"));
        job_disk_free(disk);
        assert_int_equal(count_images(f), 0);
        assert_int_equal(count_leases(f), 0);
}

DISK_TEST(image_without_sharing_is_looked_at_as_well) {
        Fixture *f = *state;
        _cleanup_(job_disk_freep) JobDisk *disk = NULL;
        JobDiskTurn turn;
        struct stat st;

        f->spec->share_layers = false;
        disk = new_disk(f);
        turn = job_disk_turn(disk);
        assert_true(job_disk_turn_has(&turn, LAYERS - 1));
        assert_int_equal(job_disk_turn_end(&turn, 0, NULL), -EBADMSG);
        assert_int_equal(job_disk_finish(disk, NULL), 0);
        assert_int_equal(fstatat(f->request.root_fd, "layer-0.qcow2", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);

        own_backing = "/etc/shadow";
        f->spec->overwrite = true;
        disk = job_disk_free(disk);
        disk = new_disk(f);
        assert_int_equal(job_disk_finish(disk, &f->error), -EBADMSG);
        assert_non_null(strstr(error_text(&f->error), "layer-0.qcow2: "));
}

DISK_TEST(worker_has_to_report_each_image_in_turn) {
        Fixture *f = *state;
        _cleanup_(job_disk_freep) JobDisk *disk = new_disk(f);
        JobDiskTurn turn = job_disk_turn(disk);

        assert_int_equal(job_disk_turn_end(&turn, 1, NULL), -EBADMSG);
        assert_int_equal(job_disk_finish(disk, NULL), -EBADMSG);
        assert_int_equal(job_disk_turn_end(&turn, 0, NULL), 0);
        assert_int_equal(job_disk_turn_end(&turn, 0, NULL), -EBADMSG);
        assert_int_equal(job_disk_turn_end(&turn, 1, NULL), -EBADMSG);
        job_disk_turn_next(&turn);
        assert_int_equal(job_disk_turn_end(&turn, 0, NULL), -EBADMSG);
        assert_int_equal(job_disk_turn_end(&turn, LAYERS, NULL), -EBADMSG);
}

DISK_TEST(images_need_nothing_of_the_job_but_where_they_are) {
        Fixture *f = *state;
        _cleanup_(job_disk_freep) JobDisk *disk = new_disk(f);

        /* As when the job ends, and the thread hangs. */
        f->spec = job_spec_free(f->spec);
        f->request.image = NULL;
        for (size_t i = 0; i < LAYERS; i++)
                fake_layers[i].digest = digest_of("gone");
        assert_int_equal(finish(disk, NULL), 0);
        job_disk_keep(disk);
        assert_int_equal(count_keys(f), LAYERS);
        f->request.spec = f->spec = job_spec_new();
        assert_non_null(f->spec);
        f->spec->share_layers = true;
        f->request.image = &fake_image;
        assert_int_equal(count_found(f), 0);
}

DISK_TEST(chain_that_does_not_get_to_its_place_has_no_lease) {
        Fixture *f = *state;
        JobDisk *disk = new_disk(f);

        assert_int_equal(finish(disk, NULL), 0);
        job_disk_free(disk);
        assert_int_equal(count_leases(f), 0);
        assert_int_equal(count_found(f), LAYERS);
}

static void go_elsewhere(Fixture *f) {
        const int fd = f->other_fd;

        f->other_fd = f->request.root_fd;
        f->request.root_fd = fd;
}

DISK_TEST(slower_one_of_two_keeps_its_images_to_itself) {
        Fixture *f = *state;
        JobDisk *slow = new_disk(f);

        go_elsewhere(f);
        make_chain(f);
        assert_int_equal(finish(slow, NULL), 0);
        job_disk_keep(slow);
        job_disk_free(slow);
        assert_int_equal(count_images(f), 2 * LAYERS);
        assert_int_equal(count_keys(f), LAYERS);
        assert_int_equal(count_leases(f), 2);

        /* And not even that when it fails. */
        f->spec->size = disk_size = UINT64_C(1) << 30;
        slow = new_disk(f);
        go_elsewhere(f);
        make_chain(f);
        assert_int_equal(finish(slow, NULL), 0);
        job_disk_free(slow);
        assert_int_equal(count_images(f), 3 * LAYERS);
        assert_int_equal(count_found(f), LAYERS);
}

DISK_TEST(failure_to_begin_leaves_what_was_there) {
        Fixture *f = *state;
        struct rlimit before, low;
        JobDisk *disk = NULL;
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
        assert_int_equal(job_disk_new(&f->request, &disk, NULL), 0);
        assert_int_equal(job_disk_make(disk, &f->error), -EMFILE);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        job_disk_free(disk);
        assert_int_equal(count_images(f), LAYERS);
        assert_int_equal(count_found(f), 1);
}

/* The one image, as the destination has made it. */
static JobDisk *new_flat(Fixture *f, JobFormat format) {
        JobDisk *disk = NULL;

        f->spec->share_layers = false;
        f->spec->format = format;
        f->spec->flatten = true;
        close(f->request.root_fd);
        f->request.root_fd =
                open(scratch_at(&f->store->scratch, "disk"),
                     O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(f->request.root_fd >= 0);
        f->request.path = "/nowhere/disk";
        if (job_disk_new(&f->request, &disk, &f->error) < 0 || job_disk_make(disk, &f->error) < 0 ||
            job_disk_send(disk, NULL, &f->error) < 0)
                fail_msg("%s", error_text(&f->error));
        assert_int_equal(job_disk_n_images(disk), 1);
        assert_int_equal(job_disk_n_complete(disk), 0);
        return disk;
}

static void assert_flat_refused(Fixture *f, JobFormat format, const char *why) {
        _cleanup_(job_disk_freep) JobDisk *disk = new_flat(f, format);

        assert_true(job_disk_finish(disk, &f->error) < 0);
        if (!strstr(error_text(&f->error), why))
                fail_msg("%s, not: %s", error_text(&f->error), why);
}

DISK_TEST(single_image_of_each_format_is_accepted) {
        static const JobFormat formats[] = { JOB_FORMAT_QCOW2, JOB_FORMAT_RAW };
        Fixture *f = *state;

        for (size_t i = 0; i < 2; i++) {
                _cleanup_(job_disk_freep) JobDisk *disk = NULL;
                struct stat st;

                raw_head = formats[i] == JOB_FORMAT_RAW ? "" : NULL;
                disk = new_flat(f, formats[i]);
                assert_int_equal(job_disk_finish(disk, &f->error), 0);
                assert_int_equal(fstat(f->request.root_fd, &st), 0);
                assert_int_equal(st.st_mode, S_IFREG | 0600);
                if (raw_head)
                        assert_true(st.st_size == (off_t) DISK_SIZE_DEFAULT && st.st_blocks == 0);
                assert_int_equal(unlink(scratch_at(&f->store->scratch, "disk")), 0);
        }
        assert_int_equal(count_images(f), 0);
        assert_int_equal(count_leases(f), 0);
}

DISK_TEST(single_image_with_a_backing_file_is_refused) {
        own_backing = "/etc/shadow";
        assert_flat_refused(*state, JOB_FORMAT_QCOW2, "it has a backing file");
}

DISK_TEST(raw_image_that_looks_like_another_format_is_refused) {
        raw_head = "QFI\xfb";
        assert_flat_refused(*state, JOB_FORMAT_RAW, "starts with something other than zeros");
}

DISK_TEST(raw_image_of_another_size_is_refused) {
        Fixture *f = *state;
        _cleanup_(job_disk_freep) JobDisk *disk = NULL;

        raw_head = "";
        stolen_fd = -1;
        disk = new_flat(f, JOB_FORMAT_RAW);
        assert_int_equal(ftruncate(stolen_fd, (off_t) DISK_SIZE_DEFAULT + 512), 0);
        close(stolen_fd);
        assert_int_equal(job_disk_finish(disk, &f->error), -EBADMSG);
        assert_non_null(strstr(error_text(&f->error), "its disk has the wrong size"));
}

DISK_TEST(single_image_that_somebody_can_still_write_is_refused) {
        Fixture *f = *state;
        _cleanup_(job_disk_freep) JobDisk *disk = NULL;

        raw_head = "";
        stolen_fd = -1;
        disk = new_flat(f, JOB_FORMAT_RAW);
        assert_int_equal(job_disk_finish(disk, &f->error), -EBUSY);
        assert_non_null(strstr(error_text(&f->error), "can still write to the disk image"));
        close(stolen_fd);
}

DISK_TEST(single_image_may_have_more_layers_than_a_chain) {
        static ProtoLayer layers[DISK_IMAGES_MAX + 1];
        Fixture *f = *state;
        JobImage image = { .n_layers = DISK_IMAGES_MAX + 1, .layers = layers };
        JobDisk *disk = NULL;

        f->request.image = &image;
        f->spec->share_layers = false;
        assert_int_equal(job_disk_new(&f->request, &disk, NULL), -E2BIG);
        f->spec->flatten = true;
        assert_int_equal(job_disk_new(&f->request, &disk, NULL), 0);
        job_disk_free(disk);
}
