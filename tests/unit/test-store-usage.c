/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include <stdio.h>

#include "store-usage.h"

static StoreUsage usage_of(StoreFixture *f) {
        StoreUsage usage;

        assert_int_equal(store_usage_read(f->store, &usage, NULL), 0);
        return usage;
}

/* What du(1) says of the cache. */
static uint64_t du(StoreFixture *f) {
        char command[SCRATCH_PATH_MAX + 64];
        unsigned long long bytes = 0;
        FILE *pipe;

        (void) snprintf(
                command, sizeof(command), "du -s --block-size=1 %s",
                scratch_at(&f->scratch, "store"));
        pipe = popen(command, "re");
        assert_non_null(pipe);
        assert_int_equal(fscanf(pipe, "%llu", &bytes), 1);
        assert_int_equal(pclose(pipe), 0);
        return bytes;
}

static void check_total(StoreFixture *f) {
        const StoreUsage usage = usage_of(f);

        assert_int_equal(store_usage_total(&usage), du(f));
}

STORE_TEST(total_is_what_du_says) {
        StoreFixture *f = *state;

        check_total(f);
        (void) store_put(f->store, "a blob");
        scratch_write(&f->scratch, "store/disks/an-image", "xxxx");
        scratch_write(&f->scratch, "store/of-somebody-else", "xxxx");
        assert_int_equal(mkdir(scratch_at(&f->scratch, "store/docker_images"), 0755), 0);
        scratch_write(&f->scratch, "store/docker_images/layer.tar", "xxxx");
        check_total(f);
}

STORE_TEST(holes_take_nothing) {
        StoreFixture *f = *state;

        scratch_write(&f->scratch, "store/disks/an-image", "xxxx");
        assert_int_equal(truncate(scratch_at(&f->scratch, "store/disks/an-image"), 1 << 30), 0);
        check_total(f);
        assert_true(usage_of(f).bytes[STORE_USAGE_DISKS] < 1 << 20);
}

STORE_TEST(file_with_two_names_counts_once) {
        StoreFixture *f = *state;
        char from[SCRATCH_PATH_MAX];

        scratch_write(&f->scratch, "store/disks/an-image", "xxxx");
        (void) snprintf(from, sizeof(from), "%s", scratch_at(&f->scratch, "store/disks/an-image"));
        check_total(f);
        assert_int_equal(link(from, scratch_at(&f->scratch, "store/disks/another")), 0);
        check_total(f);
}

STORE_TEST(usage_is_told_by_kind) {
        StoreFixture *f = *state;
        Digest partial = digest_of("to come");
        const StoreUsage before = usage_of(f);
        StoreUsage after;

        (void) store_put(f->store, "a blob");
        store_put_partial(f->store, &partial, "to");
        scratch_write(&f->scratch, "store/disks/an-image", "xxxx");
        assert_int_equal(mkdir(scratch_at(&f->scratch, "store/docker_images"), 0755), 0);
        scratch_write(&f->scratch, "store/docker_images/blobs", "xxxx");
        assert_int_equal(mkdir(scratch_at(&f->scratch, "store/builder"), 0755), 0);
        scratch_write(&f->scratch, "store/builder/template", "xxxx");
        after = usage_of(f);

        for (StoreUsageKind kind = 0; kind < STORE_USAGE_OTHER; kind++)
                assert_true(after.bytes[kind] > before.bytes[kind]);
        assert_int_equal(before.bytes[STORE_USAGE_VERSION_1], 0);
        assert_int_equal(before.bytes[STORE_USAGE_TEMPLATES], 0);
}

STORE_TEST(directory_of_a_running_builder_does_not_count) {
        StoreFixture *f = *state;
        uint64_t before;

        assert_int_equal(mkdir(scratch_at(&f->scratch, "store/builder"), 0755), 0);
        before = usage_of(f).bytes[STORE_USAGE_TEMPLATES];
        assert_int_equal(mkdir(scratch_at(&f->scratch, "store/builder/place-1"), 0755), 0);
        scratch_write(&f->scratch, "store/builder/place-1/disk.img", "xxxx");
        assert_int_equal(usage_of(f).bytes[STORE_USAGE_TEMPLATES], before);
}

STORE_TEST(links_are_not_followed) {
        StoreFixture *f = *state;

        assert_int_equal(symlink("/usr", scratch_at(&f->scratch, "store/disks/usr")), 0);
        check_total(f);
        assert_true(usage_of(f).bytes[STORE_USAGE_DISKS] < 1 << 20);
}
