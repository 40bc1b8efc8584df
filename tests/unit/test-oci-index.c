/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include "oci-index.h"

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX    "application/vnd.oci.image.index.v1+json"

/* Entries for the tests, told apart by their sizes. */
#define ENTRY(size, more)                                                                          \
        "{'mediaType':'" OCI_MANIFEST "','digest':'" SHA_A "','size':" #size more "}"
#define PLATFORM(os, architecture) ",'platform':{'os':'" os "','architecture':'" architecture "'}"
#define VARIANT(architecture, variant)                                                             \
        ",'platform':{'os':'linux','architecture':'" architecture "','variant':'" variant "'}"

static int parse(const char *entries, OciIndex *ret, Error *error) {
        _cleanup_(freep) char *json = json_repeat("{'manifests':[", entries, 1, "]}");

        return oci_index_parse(json, strlen(json), ret, error);
}

/* The size of the entry that is selected, or 0. */
static uint64_t selected(const char *entries, const char *platform_text) {
        _cleanup_(oci_index_done) OciIndex index = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        const OciIndexEntry *entry;
        ReferencePlatform platform;

        assert_int_equal(reference_platform_parse(platform_text, &platform, NULL), 0);
        if (parse(entries, &index, &error) < 0)
                fail_msg("%s", error_text(&error));
        if (oci_index_select(&index, &platform, &entry, &error) < 0) {
                assert_int_equal(error.kind, ERROR_NO_MATCHING_PLATFORM);
                return 0;
        }

        return entry->descriptor.size;
}

TEST(entry_of_the_platform_is_selected) {
        static const char entries[] = ENTRY(1, PLATFORM("windows", "amd64")) "," ENTRY(
                2, PLATFORM("linux", "arm64")) "," ENTRY(3, PLATFORM("linux", "x86_64"));

        assert_int_equal(selected(entries, "linux/amd64"), 3);
        assert_int_equal(selected(entries, "linux/arm64/v8"), 2);
        assert_int_equal(selected(entries, "windows/amd64"), 1);
        assert_int_equal(selected(entries, "linux/riscv64"), 0);
}

TEST(best_variant_is_selected_wherever_it_stands) {
        static const char entries[] = ENTRY(5, VARIANT("arm", "v5")) "," ENTRY(
                7, VARIANT("arm", "v7")) "," ENTRY(6, VARIANT("arm", "v6"));

        assert_int_equal(selected(entries, "linux/arm"), 7);
        assert_int_equal(selected(entries, "linux/arm/v8"), 7);
        assert_int_equal(selected(entries, "linux/arm/v7"), 7);
        assert_int_equal(selected(entries, "linux/arm/v6"), 6);
        assert_int_equal(selected(entries, "linux/arm/v5"), 5);
        assert_int_equal(selected(entries, "linux/arm64"), 0);
}

TEST(first_of_equals_is_selected) {
        static const char entries[] =
                ENTRY(1, PLATFORM("linux", "amd64")) "," ENTRY(2, PLATFORM("linux", "amd64"));

        assert_int_equal(selected(entries, "linux/amd64"), 1);
}

TEST(entry_without_a_platform_ranks_last) {
        static const char entries[] = ENTRY(1, "") "," ENTRY(2, PLATFORM("linux", "arm"));

        assert_int_equal(selected(entries, "linux/arm/v8"), 2);
        assert_int_equal(selected(entries, "linux/amd64"), 1);
        assert_int_equal(selected(ENTRY(4, ",'platform':{}"), "linux/amd64"), 4);
        assert_int_equal(selected(ENTRY(5, ",'platform':null"), "linux/amd64"), 5);
}

TEST(what_is_no_image_is_never_selected) {
        static const char *const entries[] = {
                ENTRY(1, PLATFORM("unknown", "unknown")),
                ENTRY(1, ",'artifactType':'application/vnd.example+json'"),
                ENTRY(1, ",'platform':{'os':'li\\u00e9nux','architecture':'amd64'}"),
                ENTRY(1, ",'platform':{'os':1}"),
                "{'mediaType':'application/vnd.example+json','digest':'" SHA_A "','size':1}",
                "{'mediaType':'application/vnd.oci.image.layer.v1.tar','digest':'" SHA_A
                "','size':1}",
                ENTRY(1, ",'annotations':{'vnd.docker.reference.type':'attestation-manifest'}"),
                ENTRY(1, PLATFORM("linux", "amd64") ",'annotations':{'vnd.docker.reference.type':"
                                                    "'attestation-manifest'}"),
        };

        for (size_t i = 0; i < N_ELEMENTS(entries); i++) {
                assert_int_equal(selected(entries[i], "linux/amd64"), 0);
                assert_int_equal(selected(entries[i], "unknown/unknown"), 0);
        }

        assert_int_equal(
                selected(
                        ENTRY(1, ",'artifactType':'application/vnd.oci.image.config.v1+json'"),
                        "linux/amd64"),
                1);
}

TEST(entry_without_a_type_is_left_to_its_content) {
        static const char entry[] = "{'digest':'" SHA_A "','size':1" PLATFORM("linux", "amd64") "}";

        assert_int_equal(selected(entry, "linux/amd64"), 1);
        assert_int_equal(selected(entry, "linux/arm64"), 0);
}

TEST(nested_index_is_selected_as_an_index) {
        _cleanup_(oci_index_done) OciIndex index = { 0 };
        const ReferencePlatform platform = { "linux", "amd64", "" };
        const OciIndexEntry *entry;

        assert_int_equal(
                parse("{'mediaType':'" OCI_INDEX "','digest':'" SHA_B "','size':9}", &index, NULL),
                0);
        assert_int_equal(oci_index_select(&index, &platform, &entry, NULL), 0);
        assert_int_equal(entry->descriptor.media_type, MEDIA_TYPE_OCI_INDEX);
}

TEST(message_lists_each_platform_once) {
        static const char entries[] = ENTRY(1, PLATFORM("linux", "arm64")) "," ENTRY(
                2, VARIANT("arm", "v7")) "," ENTRY(3, PLATFORM("linux", "arm64")) "," //
                ENTRY(4, PLATFORM("unknown", "unknown"));
        _cleanup_(oci_index_done) OciIndex index = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL, empty_error = ERROR_NULL;
        const ReferencePlatform platform = { "linux", "amd64", "" };
        const OciIndex empty = { 0 };
        const OciIndexEntry *entry = NULL;
        int r;

        assert_int_equal(parse(entries, &index, NULL), 0);
        r = oci_index_select(&index, &platform, &entry, &error);
        assert_failure(
                r, &error, ERROR_NO_MATCHING_PLATFORM,
                "not available for linux/amd64, only for linux/arm64, linux/arm/v7");
        assert_null(strstr(error_text(&error), "v7,"));
        assert_null(entry);

        r = oci_index_select(&empty, &platform, &entry, &empty_error);
        assert_failure(r, &empty_error, ERROR_NO_MATCHING_PLATFORM, "lists no images");
}

TEST(long_list_of_platforms_is_cut) {
        _cleanup_(oci_index_done) OciIndex index = { .n_entries = 100 };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        const ReferencePlatform platform = { "linux", "amd64", "" };
        const OciIndexEntry *entry;
        int r;

        index.entries = calloc(index.n_entries, sizeof(index.entries[0]));
        assert_non_null(index.entries);
        for (size_t i = 0; i < index.n_entries; i++) {
                ReferencePlatform *offered = &index.entries[i].platform;

                index.entries[i].is_candidate = index.entries[i].has_platform = true;
                memset(offered->os, 'o', PLATFORM_PART_MAX);
                memset(offered->architecture, 'a', PLATFORM_PART_MAX);
                memset(offered->variant, 'v', PLATFORM_PART_MAX);
                offered->variant[0] = (char) ('0' + i);
        }

        r = oci_index_select(&index, &platform, &entry, &error);
        assert_failure(r, &error, ERROR_NO_MATCHING_PLATFORM, ", ...");
}

TEST(ref_name_is_kept) {
        _cleanup_(oci_index_done) OciIndex index = { 0 };

        assert_int_equal(
                parse(ENTRY(1, ",'annotations':{'org.opencontainers.image.ref.name':'a:b'}") "," //
                      ENTRY(2, ",'annotations':{}") "," ENTRY(3, ",'annotations':null"),
                      &index, NULL),
                0);
        assert_int_equal(index.n_entries, 3);
        assert_string_equal(index.entries[0].ref_name, "a:b");
        assert_null(index.entries[1].ref_name);
        assert_null(index.entries[2].ref_name);
}

TEST(longest_ref_name_is_kept_and_a_longer_one_is_none) {
        for (size_t extra = 0; extra < 2; extra++) {
                _cleanup_(oci_index_done) OciIndex index = { 0 };
                _cleanup_(freep) char *entry = NULL;
                char name[INDEX_REF_NAME_MAX + 2] = { 0 };

                memset(name, 'a', INDEX_REF_NAME_MAX + extra);
                assert_true(
                        asprintf(
                                &entry,
                                ENTRY(1,
                                      ",'annotations':{'org.opencontainers.image.ref.name':'%s'}"),
                                name) > 0);
                assert_int_equal(parse(entry, &index, NULL), 0);
                assert_int_equal(index.entries[0].ref_name != NULL, extra == 0);
        }
}

TEST(malformed_index_is_refused) {
        static const struct {
                const char *entries;
                const char *part;
        } cases[] = {
                { "1", "not an object" },
                { "{}", "digest" },
                { "{'digest':'" SHA_A "'}", "size" },
                { "{'digest':'" SHA_A "','size':-1}", "size" },
                { "{'digest':'" SHA_A "','size':1.0}", "size" },
                { "{'digest':'" SHA_A "','size':'1'}", "size" },
                { "{'digest':'sha256:AA','size':1}", "malformed" },
                { "{'digest':'md5:aa','size':1}", "neither sha256" },
                { ENTRY(1, ",'Platform':{}"), "is ambiguous" },
                { ENTRY(1, ",'Digest':'" SHA_B "'"), "is ambiguous" },
                { ENTRY(1, ",'platform':[]"), "'platform'" },
                { ENTRY(1, ",'annotations':[]"), "'annotations'" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciIndex index = { 0 };
                int r;

                r = parse(cases[i].entries, &index, &error);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, cases[i].part);
                assert_null(index.entries);
        }
}

TEST(most_entries_are_read_and_one_more_is_too_many) {
        _cleanup_(freep) char *most =
                json_repeat("{'manifests':[", ENTRY(1, ""), INDEX_ENTRIES_MAX, "]}");
        _cleanup_(freep) char *more =
                json_repeat("{'manifests':[", ENTRY(1, ""), INDEX_ENTRIES_MAX + 1, "]}");
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(oci_index_done) OciIndex index = { 0 };
        int r;

        assert_int_equal(oci_index_parse(most, strlen(most), &index, NULL), 0);
        assert_int_equal(index.n_entries, INDEX_ENTRIES_MAX);
        r = oci_index_parse(more, strlen(more), &index, &error);
        assert_failure(r, &error, ERROR_LIMIT_EXCEEDED, "1001 entries");
}
