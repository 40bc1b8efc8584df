/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source-select.h"
#include "test-source.h"

#define ENTRY(sha, more) "{'mediaType':'" OCI_MANIFEST "','digest':'" sha "','size':1" more "}"
#define NAMED(name)      ",'annotations':{'org.opencontainers.image.ref.name':'" name "'}"
#define DOCKER(name, full)                                                                         \
        ",'annotations':{'org.opencontainers.image.ref.name':'" name                               \
        "','io.containerd.image.name':'" full "'}"
#define FOR(architecture) ",'platform':{'os':'linux','architecture':'" architecture "'}"
#define NO_IMAGE                                                                                   \
        "{'mediaType':'application/vnd.example+json','digest':'" SHA_C "','size':1" NAMED("x") "}"
#define ATTESTATION ENTRY(SHA_C, ",'platform':{'os':'unknown','architecture':'unknown'}")

#define BUILDX_ATTESTATION                                                                         \
        ENTRY(SHA_C,                                                                               \
              ",'annotations':{'vnd.docker.reference.type':'attestation-manifest',"                \
              "'org.opencontainers.image.ref.name':'x'}")

typedef struct Chosen {
        OciIndex index;
        SourceChoice choice;
        int r;
        Error error;
} Chosen;

static void chosen_done(Chosen *chosen) {
        source_choice_done(&chosen->choice);
        oci_index_done(&chosen->index);
        error_clear(&chosen->error);
}

/* What "oci:x@SELECTOR" means in an index with these entries. */
static Chosen choose(const char *entries, const char *selector) {
        _cleanup_(freep) char *json = json_repeat("{'manifests':[", entries, 1, "]}");
        _cleanup_(freep) char *text = json_format("oci:x%s", selector);
        Chosen chosen = { .error = ERROR_NULL };
        ReferenceSource reference;

        assert_int_equal(oci_index_parse(json, strlen(json), &chosen.index, NULL), 0);
        assert_int_equal(reference_source_parse(text, &reference, NULL), 0);
        chosen.r = source_select_layout(
                &chosen.index, &reference.selector, &chosen.choice, &chosen.error);
        return chosen;
}

/* The digests that are chosen, in the order of the index, up to a NULL. */
static void assert_all_chosen(
        const char *entries, const char *selector, const char *const *shas, bool is_all) {
        _cleanup_(chosen_done) Chosen chosen = choose(entries, selector);
        char text[DIGEST_STRING_MAX];
        size_t n = 0;

        if (chosen.r < 0)
                fail_msg("%s", error_text(&chosen.error));
        for (; shas[n]; n++) {
                assert_true(n < chosen.choice.n);
                assert_string_equal(
                        digest_format(&chosen.choice.entries[n]->descriptor.digest, text), shas[n]);
        }
        assert_int_equal(chosen.choice.n, n);
        assert_int_equal(chosen.choice.is_all, is_all);
}

static void assert_chosen(const char *entries, const char *selector, const char *sha) {
        _cleanup_(chosen_done) Chosen chosen = choose(entries, selector);
        char text[DIGEST_STRING_MAX];

        if (chosen.r < 0)
                fail_msg("%s", error_text(&chosen.error));
        assert_int_equal(chosen.choice.n, 1);
        assert_string_equal(digest_format(&chosen.choice.entries[0]->descriptor.digest, text), sha);
}

static void assert_not_chosen(const char *entries, const char *selector, const char *message) {
        _cleanup_(chosen_done) Chosen chosen = choose(entries, selector);

        assert_failure(chosen.r, &chosen.error, ERROR_INVALID_REFERENCE, "");
        assert_string_equal(error_text(&chosen.error), message);
}

TEST(only_image_of_a_layout_needs_no_selector) {
        assert_chosen(ENTRY(SHA_A, ""), "", SHA_A);
        assert_chosen(ENTRY(SHA_A, NAMED("x")), "", SHA_A);
        assert_chosen(NO_IMAGE "," ENTRY(SHA_B, NAMED("x")) "," ATTESTATION, "", SHA_B);
        assert_chosen(ENTRY(SHA_A, NAMED("x")) "," ENTRY(SHA_A, NAMED("y")), "", SHA_A);
}

TEST(image_of_a_layout_is_selected_by_name_or_number) {
        static const char entries[] = ENTRY(SHA_A, NAMED("latest")) "," ENTRY(
                SHA_B, DOCKER("1.2", "docker.io/library/x:1.2"));

        assert_chosen(entries, ":latest", SHA_A);
        assert_chosen(entries, ":1.2", SHA_B);
        assert_chosen(entries, ":docker.io/library/x:1.2", SHA_B);
        assert_chosen(entries, ":@0", SHA_A);
        assert_chosen(entries, ":@1", SHA_B);
}

TEST(image_that_a_layout_has_not_is_refused) {
        static const char entries[] =
                ENTRY(SHA_A, NAMED("one")) "," NO_IMAGE "," ENTRY(SHA_B, DOCKER("two", "x/two"));

        assert_not_chosen(entries, ":x", "It contains no image 'x'; it has: @0 'one', @2 'x/two'");
        assert_not_chosen(entries, ":@1", "It contains no image @1; it has: @0 'one', @2 'x/two'");
        assert_not_chosen(entries, ":@3", "It contains no image @3; it has: @0 'one', @2 'x/two'");
        assert_not_chosen("", "", "It contains no image");
        assert_not_chosen(NO_IMAGE, ":x", "It contains no image");
}

TEST(several_images_of_a_layout_need_a_selector) {
        assert_not_chosen(
                ENTRY(SHA_A, NAMED("one")) "," ENTRY(SHA_B, ""), "",
                "It contains several images; append \":NAME\" or \":@NUMBER\" to the path to "
                "choose one of: @0 'one', @1");
        assert_not_chosen(
                ENTRY(SHA_A, DOCKER("1", "a:1")) "," ENTRY(SHA_B, DOCKER("1", "b:1")), ":1",
                "It contains several images '1'; append \":@NUMBER\" to the path to choose one of: "
                "@0 'a:1', @1 'b:1'");
}

TEST(nameless_images_for_several_platforms_are_one_image) {
        static const char entries[] = ENTRY(SHA_A, FOR("amd64")) "," ENTRY(SHA_B, FOR("arm64"));

        static const char *const both[] = { SHA_A, SHA_B, NULL };

        assert_all_chosen(entries, "", both, true);
        assert_all_chosen(
                ENTRY(SHA_A, FOR("amd64")) "," ATTESTATION "," ENTRY(SHA_B, FOR("arm64")), "", both,
                true);
        assert_chosen(entries, ":@1", SHA_B);
        assert_not_chosen(
                ENTRY(SHA_A, FOR("amd64")) "," ENTRY(SHA_B, NAMED("x") FOR("arm64")), "",
                "It contains several images; append \":NAME\" or \":@NUMBER\" to the path to "
                "choose one of: @0, @1 'x'");
}

TEST(images_of_one_name_for_several_platforms_are_one_image) {
        static const char *const both[] = { SHA_A, SHA_B, NULL };
        static const char same[] =
                ENTRY(SHA_A, NAMED("x") FOR("amd64")) "," ENTRY(SHA_B, NAMED("x") FOR("arm64"));
        static const char full[] = ENTRY(SHA_A, DOCKER("1", "a:1") FOR("amd64")) "," ENTRY(
                SHA_B, DOCKER("1", "b:1") FOR("arm64"));
        _cleanup_(freep) char *more = json_repeat(same, "," ENTRY(SHA_C, NAMED("y")), 1, "");
        _cleanup_(freep) char *twice =
                json_repeat(same, "," ENTRY(SHA_C, NAMED("x") FOR("aarch64")), 1, "");
        _cleanup_(freep) char *again =
                json_repeat(same, "," ENTRY(SHA_B, NAMED("x") FOR("arm64")), 1, "");

        assert_all_chosen(same, "", both, true);
        assert_all_chosen(same, ":x", both, true);
        assert_all_chosen(more, ":x", both, false);
        assert_all_chosen(again, ":x", both, true);
        assert_chosen(same, ":@1", SHA_B);
        assert_chosen(more, ":y", SHA_C);
        assert_not_chosen(
                more, "",
                "It contains several images; append \":NAME\" or \":@NUMBER\" to the path to "
                "choose one of: @0 'x', @1 'x', @2 'y'");
        assert_not_chosen(
                twice, ":x",
                "It contains several images 'x'; append \":@NUMBER\" to the path to choose one of: "
                "@0 'x', @1 'x', @2 'x'");
        assert_not_chosen(
                full, ":1",
                "It contains several images '1'; append \":@NUMBER\" to the path to choose one of: "
                "@0 'a:1', @1 'b:1'");
}

TEST(attestations_of_builds_are_no_images) {
        assert_chosen(ENTRY(SHA_A, NAMED("x")) "," BUILDX_ATTESTATION, "", SHA_A);
        assert_chosen(BUILDX_ATTESTATION "," ENTRY(SHA_A, NAMED("x")), ":x", SHA_A);
        assert_not_chosen(
                ENTRY(SHA_A, NAMED("x")) "," BUILDX_ATTESTATION, ":@1",
                "It contains no image @1; it has: @0 'x'");
}

TEST(list_of_images_is_bounded_and_printable) {
        _cleanup_(freep) char *many = json_repeat(
                ENTRY(SHA_A, NAMED("\\u001b[2Jn\xc3\xa4me")) ",", ENTRY(SHA_B, NAMED("x")), 30, "");
        _cleanup_(chosen_done) Chosen chosen = choose(many, "");

        assert_failure(
                chosen.r, &chosen.error, ERROR_INVALID_REFERENCE, "@0 '?[2Jn??me', @1 'x', ");
        assert_non_null(strstr(error_text(&chosen.error), "@19 'x', ..."));
        assert_string_equal(strstr(error_text(&chosen.error), "..."), "...");
}

/* The config of the image that "docker-archive:xSELECTOR" means; NULL when it means none. */
static void assert_docker(
        const char *images, const char *selector, const char *config, const char *message) {
        _cleanup_(freep) char *json = json_format("[%s]", images);
        _cleanup_(freep) char *text = json_format("docker-archive:x%s", selector);
        _cleanup_(oci_docker_archive_done) OciDockerArchive archive = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        const OciDockerArchiveImage *image;
        ReferenceSource reference;
        int r;

        assert_int_equal(oci_docker_archive_parse(json, strlen(json), &archive, NULL), 0);
        assert_int_equal(reference_source_parse(text, &reference, NULL), 0);
        r = source_select_docker(&archive, &reference.selector, &image, &error);
        if (!config) {
                assert_failure(r, &error, ERROR_INVALID_REFERENCE, message);
                return;
        }

        if (r < 0)
                fail_msg("%s", error_text(&error));
        assert_string_equal(image->config, config);
}

TEST(image_of_a_docker_archive_is_selected) {
        static const char images[] =
                "{'Config':'a','RepoTags':['x:1','docker.io/library/x:2']},"
                "{'Config':'b','RepoTags':['UPPER','x.org/y:latest']},"
                "{'Config':'c','RepoTags':null}";

        assert_docker("{'Config':'a'}", "", "a", NULL);
        assert_docker(images, ":x:1", "a", NULL);
        assert_docker(images, ":x:2", "a", NULL);
        assert_docker(images, ":docker.io/x:2", "a", NULL);
        assert_docker(images, ":x.org/y", "b", NULL);
        assert_docker(images, ":@2", "c", NULL);
        assert_docker(images, "", NULL, "contains several images");
        assert_docker(images, "", NULL, "one of: @0 'x:1', @1 'UPPER', @2");
        assert_docker(images, ":x", NULL, "no image 'docker.io/library/x:latest'; it has: @0");
        assert_docker(images, ":@3", NULL, "no image @3");
        assert_docker("", "", NULL, "It contains no image");
        assert_docker(
                "{'Config':'a','RepoTags':['x']},{'Config':'b','RepoTags':['x:latest']}", ":x",
                NULL, "contains several images 'docker.io/library/x:latest'");
}
