/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci-docker-archive.h"
#include "oci-manifest.h"
#include "test-oci.h"

static int parse(const char *text, OciDockerArchive *ret, Error *error) {
        _cleanup_(freep) char *json = json_text(text);

        return oci_docker_archive_parse(json, strlen(json), ret, error);
}

TEST(images_are_read_in_order) {
        _cleanup_(oci_docker_archive_done) OciDockerArchive archive = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (parse("[{'Config':'a.json','RepoTags':['x:1','x:2'],'Layers':['1/layer.tar','2.tar']},"
                  "{'Config':'b.json','RepoTags':null,'Layers':['3.tar'],'Parent':'','LayerSources':{}}]",
                  &archive, &error) < 0)
                fail_msg("%s", error_text(&error));

        assert_int_equal(archive.n_images, 2);
        assert_string_equal(archive.images[0].config, "a.json");
        assert_int_equal(archive.images[0].n_tags, 2);
        assert_string_equal(archive.images[0].tags[1], "x:2");
        assert_int_equal(archive.images[0].n_layers, 2);
        assert_string_equal(archive.images[0].layers[0], "1/layer.tar");
        assert_string_equal(archive.images[0].layers[1], "2.tar");
        assert_string_equal(archive.images[1].config, "b.json");
        assert_int_equal(archive.images[1].n_tags, 0);
        assert_int_equal(archive.images[1].n_layers, 1);
}

TEST(archive_may_have_no_images) {
        _cleanup_(oci_docker_archive_done) OciDockerArchive archive = { 0 };

        assert_int_equal(parse("[]", &archive, NULL), 0);
        assert_int_equal(archive.n_images, 0);
}

TEST(what_is_no_list_of_images_is_refused) {
        static const char *const cases[] = {
                "",
                "{}",
                "'x'",
                "[",
                "[1]",
                "[[]]",
                "[{}]",
                "[{'Config':null}]",
                "[{'Config':1}]",
                "[{'Config':'a','Layers':'b'}]",
                "[{'Config':'a','Layers':[1]}]",
                "[{'Config':'a','Layers':[null]}]",
                "[{'Config':'a','RepoTags':{}}]",
                "[{'Config':'a','config':'b'}]",
                "[{'Config':'a','LAYERS':[]}]",
                "[{'Config':'a','repotags':[]}]",
                "[{'Config':'a','Config':'b'}]",
                "[{'Config':'a\\u0000b'}]",
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciDockerArchive archive = { .n_images = 7 };
                int r;

                r = parse(cases[i], &archive, &error);
                if (r >= 0)
                        fail_msg("%s was accepted", cases[i]);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, "manifest.json");
                assert_int_equal(archive.n_images, 7);
        }
}

TEST(lists_have_ceilings) {
        static const struct {
                const char *before, *element, *after;
                size_t max;
        } cases[] = {
                { "[", "{'Config':'a'}", "]", DOCKER_ARCHIVE_IMAGES_MAX },
                { "[{'Config':'a','RepoTags':[", "'x'", "]}]", DOCKER_ARCHIVE_TAGS_MAX },
                { "[{'Config':'a','Layers':[", "'x'", "]}]", LAYERS_MAX },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(freep) char *most = json_repeat(
                        cases[i].before, cases[i].element, cases[i].max, cases[i].after);
                _cleanup_(freep) char *more = json_repeat(
                        cases[i].before, cases[i].element, cases[i].max + 1, cases[i].after);
                _cleanup_(oci_docker_archive_done) OciDockerArchive archive = { 0 };
                _cleanup_(error_clear) Error error = ERROR_NULL;
                int r;

                assert_int_equal(oci_docker_archive_parse(most, strlen(most), &archive, NULL), 0);
                oci_docker_archive_done(&archive);
                r = oci_docker_archive_parse(more, strlen(more), &archive, &error);
                assert_failure(r, &error, ERROR_LIMIT_EXCEEDED, "1001");
        }
}
