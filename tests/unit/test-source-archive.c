/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source-archive.h"
#include "source-path.h"
#include "test-source.h"

typedef struct Opened {
        int fd;
        SourceArchive *archive;
} Opened;

static void opened_done(Opened *opened) {
        source_archive_free(opened->archive);
        closep(&opened->fd);
}

static int open_bytes(const Bytes *tar, Opened *opened, Error *error) {
        opened->fd = file_of(tar);
        return source_archive_new(opened->fd, &opened->archive, error);
}

static void open_tar(Bytes *tar, Opened *opened) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        tar_end(tar);
        if (open_bytes(tar, opened, &error) < 0)
                fail_msg("%s", error_text(&error));
}

static void assert_content(const Opened *opened, const char *name, const char *content) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        SourceExtent extent;
        char buffer[64];

        if (source_archive_find(opened->archive, name, &extent, &error) != 1)
                fail_msg("%s: %s", name, error_text(&error));
        assert_int_equal(extent.size, strlen(content));
        assert_int_equal(
                pread(opened->fd, buffer, extent.size, (off_t) extent.offset), extent.size);
        assert_memory_equal(buffer, content, extent.size);
}

static void assert_refused(const Opened *opened, const char *name, const char *part) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        SourceExtent extent;
        int r;

        r = source_archive_find(opened->archive, name, &extent, &error);
        assert_failure(r, &error, ERROR_UNSAFE_ARCHIVE, part);
}

static void assert_missing(const Opened *opened, const char *name) {
        SourceExtent extent;

        assert_int_equal(source_archive_find(opened->archive, name, &extent, NULL), 0);
}

TEST(members_are_found_under_any_spelling) {
        _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
        _cleanup_(bytes_done) Bytes tar = { 0 };

        tar_dir(&tar, "./");
        tar_file(&tar, "./b/long", "content of b");
        tar_dir(&tar, "b");
        tar_file(&tar, "a", "");
        tar_pax(&tar, "path", "c/by-pax");
        tar_file(&tar, "other", "content of c");
        tar_extra(&tar, 'L', "d/by-gnu", sizeof("d/by-gnu"));
        tar_file(&tar, "other", "content of d");
        open_tar(&tar, &opened);

        assert_content(&opened, "a", "");
        assert_content(&opened, "b/long", "content of b");
        assert_content(&opened, "x/../b//./long", "content of b");
        assert_content(&opened, "c/by-pax", "content of c");
        assert_content(&opened, "d/by-gnu", "content of d");
        assert_missing(&opened, "other");
        assert_missing(&opened, "b");
        assert_missing(&opened, "b/longer");
        assert_missing(&opened, "");
        assert_missing(&opened, ".");
}

TEST(links_are_followed) {
        _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
        _cleanup_(bytes_done) Bytes tar = { 0 };

        tar_symlink(&tar, "early/layer.tar", "../real/layer.tar");
        tar_file(&tar, "real/layer.tar", "content");
        tar_symlink(&tar, "twice", "early/layer.tar");
        tar_hardlink(&tar, "hard/link", "./real/layer.tar");
        tar_symlink(&tar, "dangling", "nothing");
        tar_symlink(&tar, "to-root", "a/..");
        open_tar(&tar, &opened);

        assert_content(&opened, "early/layer.tar", "content");
        assert_content(&opened, "twice", "content");
        assert_content(&opened, "hard/link", "content");
        assert_missing(&opened, "dangling");
        assert_missing(&opened, "to-root");
}

TEST(links_out_of_the_archive_are_refused) {
        _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
        _cleanup_(bytes_done) Bytes tar = { 0 };

        tar_symlink(&tar, "a", "../etc/shadow");
        tar_symlink(&tar, "b", "/etc/shadow");
        tar_symlink(&tar, "c/d", "../../etc/shadow");
        tar_hardlink(&tar, "e", "/etc/shadow");
        tar_hardlink(&tar, "f/g", "../etc/shadow");
        tar_symlink(&tar, "h", "c/d");
        tar_file(&tar, "etc/shadow", "in the archive");
        open_tar(&tar, &opened);

        for (const char *const *name =
                     (const char *const[]){ "a", "b", "c/d", "e", "f/g", "h", "../x", "/x", NULL };
             *name; name++)
                assert_refused(&opened, *name, "points outside the archive");
}

TEST(links_to_each_other_are_refused) {
        _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
        _cleanup_(bytes_done) Bytes tar = { 0 };
        char name[16], link[16];

        tar_symlink(&tar, "self", "self");
        tar_symlink(&tar, "a", "b");
        tar_hardlink(&tar, "b", "a");
        tar_file(&tar, "hop0", "content");
        for (unsigned i = 1; i <= SOURCE_LINK_HOPS_MAX + 1; i++) {
                (void) snprintf(name, sizeof(name), "hop%u", i);
                (void) snprintf(link, sizeof(link), "hop%u", i - 1);
                tar_symlink(&tar, name, link);
        }
        open_tar(&tar, &opened);

        assert_refused(&opened, "self", "chain of more than 8 links");
        assert_refused(&opened, "a", "chain of more than 8 links");
        assert_refused(&opened, "b", "chain of more than 8 links");
        assert_content(&opened, "hop8", "content");
        assert_refused(&opened, "hop9", "chain of more than 8 links");
}

TEST(what_is_no_regular_file_is_refused) {
        _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
        _cleanup_(bytes_done) Bytes tar = { 0 };

        tar_add(&tar, &(TarEntry){ .type = '3', .name = "character", .major = 1, .minor = 5 });
        tar_add(&tar, &(TarEntry){ .type = '4', .name = "block", .major = 8 });
        tar_add(&tar, &(TarEntry){ .type = '6', .name = "fifo" });
        tar_symlink(&tar, "link", "block");
        open_tar(&tar, &opened);

        for (const char *const *name =
                     (const char *const[]){ "character", "block", "fifo", "link", NULL };
             *name; name++)
                assert_refused(&opened, *name, "not a regular file");
}

TEST(sparse_members_are_refused) {
        _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
        _cleanup_(bytes_done) Bytes tar = { 0 }, records = { 0 };
        char content[TAR_BLOCK + 4 + 1] = { 0 };

        memset(content, 'x', sizeof(content) - 1);
        pax_add(&records, "GNU.sparse.size", "4096", 4);
        pax_add(&records, "GNU.sparse.numblocks", "2", 1);
        pax_add(&records, "GNU.sparse.map", "0,512,2048,4", 12);
        tar_extra(&tar, 'x', records.data, records.size);
        tar_file(&tar, "sparse", content);
        tar_file(&tar, "next", "content");
        open_tar(&tar, &opened);

        assert_refused(&opened, "sparse", "a sparse file");
        assert_content(&opened, "next", "content");
}

/* The header of a member is the content of something that has none for other programs. */
TEST(archive_that_could_be_read_two_ways_is_refused) {
        static const char *const texts[] = { "\"label\": it is a volume label with content",
                                             "\"dir/\": its pax header gives it content",
                                             "\"member\": it has several pax headers" };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(bytes_done) Bytes tar = { 0 };
                int r;

                tar_file(&tar, "first", "content");
                if (i == 0)
                        tar_add(&tar,
                                &(TarEntry){ .type = 'V', .name = "label", .size = TAR_BLOCK });
                else if (i == 1) {
                        tar_pax(&tar, "size", "512");
                        tar_dir(&tar, "dir/");
                } else {
                        tar_pax(&tar, "path", "member");
                        tar_pax(&tar, "comment", "x");
                }
                tar_file(&tar, "member", "");
                tar_end(&tar);
                r = open_bytes(&tar, &opened, &error);
                assert_failure(r, &error, ERROR_UNSAFE_ARCHIVE, texts[i]);
        }
}

TEST(name_that_is_there_twice_is_refused) {
        _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
        _cleanup_(bytes_done) Bytes tar = { 0 };

        tar_file(&tar, "a", "1");
        tar_file(&tar, "twice", "first");
        tar_file(&tar, "b", "2");
        tar_file(&tar, "./twice", "second");
        tar_dir(&tar, "dir");
        tar_dir(&tar, "dir");
        tar_symlink(&tar, "link", "twice");
        tar_file(&tar, "z", "3");
        open_tar(&tar, &opened);

        assert_content(&opened, "a", "1");
        assert_content(&opened, "b", "2");
        assert_content(&opened, "z", "3");
        assert_refused(&opened, "twice", "\"twice\" twice");
        assert_refused(&opened, "link", "\"twice\" twice");
}

TEST(names_that_lead_out_are_not_in_the_archive) {
        _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
        _cleanup_(bytes_done) Bytes tar = { 0 };
        char name[SOURCE_PATH_MAX + 2] = "";

        memset(name, 'n', SOURCE_PATH_MAX + 1);
        tar_file(&tar, "/a", "1");
        tar_file(&tar, "../a", "2");
        tar_file(&tar, "x/../../a", "3");
        tar_pax(&tar, "path", name);
        tar_file(&tar, "a", "4");
        open_tar(&tar, &opened);

        assert_missing(&opened, "a");
        assert_missing(&opened, name);
}

TEST(sizes_that_lie_are_found) {
        static const struct {
                const char *pax;
                uint64_t size;
                const char *part;
        } cases[] = {
                { NULL, 100000, "within the content of \"liar\"" },
                { NULL, UINT64_C(1) << 40, "within the content of \"liar\"" },
                { NULL, INT64_MAX, "" },
                { "1099511627776", 0, "within the content of \"liar\"" },
                { "9223372036854775807", 0, "" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(bytes_done) Bytes tar = { 0 };
                int r;

                tar_file(&tar, "before", "content");
                if (cases[i].pax)
                        tar_pax(&tar, "size", cases[i].pax);
                tar_add(&tar, &(TarEntry){
                                      .name = "liar",
                                      .content = "short",
                                      .size = cases[i].size,
                              });
                tar_file(&tar, "behind", "content");
                tar_end(&tar);

                r = open_bytes(&tar, &opened, &error);
                assert_failure(r, &error, ERROR_CORRUPT_ARCHIVE, cases[i].part);
        }
}

TEST(what_is_no_archive_is_refused) {
        static const char *const cases[] = { "", "x", "text", NULL };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(bytes_done) Bytes bytes = { 0 };
                int r;

                if (cases[i])
                        bytes_add(&bytes, cases[i], strlen(cases[i]));
                else
                        for (int n = 0; n < 4096; n++)
                                bytes_add(&bytes, "0123456789abcdef", 16);
                r = open_bytes(&bytes, &opened, &error);
                assert_failure(r, &error, ERROR_CORRUPT_ARCHIVE, "Not a tar archive");
        }
}

TEST(archive_that_ends_too_early_is_refused) {
        _cleanup_(bytes_done) Bytes tar = { 0 };

        tar_file(&tar, "first", "content");
        tar_file(&tar, "second", "content");
        for (size_t size = 513; size < 2 * TAR_BLOCK + 400; size += 100) {
                _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
                _cleanup_(error_clear) Error error = ERROR_NULL;
                int r;

                r = open_bytes(&(Bytes){ .data = tar.data, .size = size }, &opened, &error);
                assert_failure(r, &error, ERROR_CORRUPT_ARCHIVE, "");
        }
}

TEST(members_have_a_ceiling) {
        _cleanup_(opened_done) Opened opened = { .fd = -EBADF };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(bytes_done) Bytes tar = { 0 };
        char name[16];
        int r;

        for (size_t i = 0; i < SOURCE_MEMBERS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "n%zu", i);
                tar_file(&tar, name, "");
        }
        r = open_bytes(&tar, &opened, &error);
        if (r < 0)
                fail_msg("%s", error_text(&error));
        assert_content(&opened, "n99999", "");
        opened_done(&opened);
        opened = (Opened){ .fd = -EBADF };

        tar_file(&tar, "one-more", "");
        r = open_bytes(&tar, &opened, &error);
        assert_failure(r, &error, ERROR_LIMIT_EXCEEDED, "100000");
}
