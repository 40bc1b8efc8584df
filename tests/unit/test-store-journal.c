/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include "store-journal.h"

#define ID_A "00112233445566778899aabbccddeeff"
#define ID_B "ffeeddccbbaa99887766554433221100"

static const char *find(const StoreJournalEntry *entries, size_t n, const char *id) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(entries[i].id, id) == 0)
                        return entries[i].path;

        return NULL;
}

static void what_is_noted_is_read_until_it_is_removed(void **state) {
        StoreFixture *f = *state;
        StoreJournalEntry *entries = NULL;
        size_t n = 99;

        assert_int_equal(store_journal_read(f->store, &entries, &n, NULL), 0);
        assert_int_equal(n, 0);
        store_journal_free(entries, n);

        assert_int_equal(store_journal_add(f->store, ID_A, "/a/.virt-bootstrap-x", NULL), 0);
        assert_int_equal(store_journal_add(f->store, ID_B, "/b", NULL), 0);
        f->store = store_free(f->store);
        assert_int_equal(store_open(scratch_at(&f->scratch, "store"), &f->store, NULL), 0);
        assert_int_equal(store_journal_read(f->store, &entries, &n, NULL), 0);
        assert_int_equal(n, 2);
        assert_string_equal(find(entries, n, ID_A), "/a/.virt-bootstrap-x");
        assert_string_equal(find(entries, n, ID_B), "/b");
        store_journal_free(entries, n);

        store_journal_remove(f->store, ID_A);
        store_journal_remove(f->store, ID_A);
        assert_int_equal(store_journal_read(f->store, &entries, &n, NULL), 0);
        assert_int_equal(n, 1);
        assert_string_equal(entries[0].id, ID_B);
        store_journal_free(entries, n);
}

static void files_of_others_are_ignored(void **state) {
        StoreFixture *f = *state;
        StoreJournalEntry *entries = NULL;
        size_t n;

        scratch_write(&f->scratch, "store/virt-bootstrap/journal/README", "/etc");
        scratch_write(&f->scratch, "store/virt-bootstrap/journal/" ID_A ".123.new", "/etc");
        scratch_write(
                &f->scratch, "store/virt-bootstrap/journal/00112233445566778899AABBCCDDEEFF",
                "/etc");
        assert_int_equal(
                mkdir(scratch_at(&f->scratch, "store/virt-bootstrap/journal/" ID_A), 0755), 0);
        assert_int_equal(
                symlink("/etc/hostname",
                        scratch_at(&f->scratch, "store/virt-bootstrap/journal/" ID_B)),
                0);
        assert_int_equal(store_journal_read(f->store, &entries, &n, NULL), 0);
        assert_int_equal(n, 0);
        store_journal_free(entries, n);
}

static void entry_that_is_too_long_is_ignored(void **state) {
        StoreFixture *f = *state;
        StoreJournalEntry *entries = NULL;
        char path[10000];
        size_t n;

        memset(path, 'x', sizeof(path));
        path[sizeof(path) - 1] = '\0';
        scratch_write(&f->scratch, "store/virt-bootstrap/journal/" ID_A, path);
        assert_int_equal(store_journal_read(f->store, &entries, &n, NULL), 0);
        assert_int_equal(n, 0);
        store_journal_free(entries, n);
}

#define STORE_CASE(fn) CASE_WITH(fn, store_set_up, store_tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                STORE_CASE(what_is_noted_is_read_until_it_is_removed),
                STORE_CASE(files_of_others_are_ignored),
                STORE_CASE(entry_that_is_too_long_is_ignored),
        };

        return cmocka_run_group_tests_name("store-journal", tests, NULL, NULL);
}
