/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include "oci-document.h"
#include "oci-manifest.h"

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

#define BLOB(type, sha, more) "{'mediaType':'" type "','digest':'" sha "','size':7" more "}"
#define CONFIG                BLOB(OCI "config.v1+json", SHA_C, "")
#define LAYER(type, more)     BLOB(type, SHA_A, more)
#define GZIP                  LAYER(OCI "layer.v1.tar+gzip", "")

static int parse_with(const char *config, const char *layers, OciManifest *ret, Error *error) {
        _cleanup_(freep) char *start = NULL, *json = NULL;

        assert_true(asprintf(&start, "{'config':%s,'layers':[", config) > 0);
        json = json_repeat(start, layers, 1, "]}");
        return oci_manifest_parse(json, strlen(json), MEDIA_TYPE_OCI_MANIFEST, ret, error);
}

static int parse(const char *layers, OciManifest *ret, Error *error) {
        return parse_with(CONFIG, layers, ret, error);
}

TEST(config_and_layers_are_read_in_order) {
        static const char layers[] = BLOB(OCI "layer.v1.tar", SHA_A, "") "," //
                BLOB(DOCKER "image.rootfs.diff.tar.gzip", SHA_B, ",'annotations':{'x':'y'}");
        _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
        Digest a, b, c;

        assert_int_equal(digest_parse(SHA_A, &a), 0);
        assert_int_equal(digest_parse(SHA_B, &b), 0);
        assert_int_equal(digest_parse(SHA_C, &c), 0);

        assert_int_equal(parse(layers, &manifest, NULL), 0);
        assert_int_equal(manifest.media_type, MEDIA_TYPE_OCI_MANIFEST);
        assert_true(manifest.has_config);
        assert_false(manifest.has_platform);
        assert_true(digest_equal(&manifest.config.digest, &c));
        assert_int_equal(manifest.config.media_type, MEDIA_TYPE_OCI_CONFIG);
        assert_int_equal(manifest.n_layers, 2);
        assert_true(digest_equal(&manifest.layers[0].digest, &a));
        assert_int_equal(manifest.layers[0].media_type, MEDIA_TYPE_OCI_LAYER_TAR);
        assert_int_equal(manifest.layers[0].size, 7);
        assert_true(digest_equal(&manifest.layers[1].digest, &b));
        assert_int_equal(manifest.layers[1].media_type, MEDIA_TYPE_DOCKER_LAYER_TAR_GZIP);
        assert_string_equal(
                manifest.layers[1].media_type_text, DOCKER "image.rootfs.diff.tar.gzip");
}

TEST(every_layer_type_is_accepted) {
        for (OciMediaType type = 0; type < _MEDIA_TYPE_MAX; type++) {
                _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
                _cleanup_(freep) char *layer = NULL;

                if (oci_media_type_class(type) != MEDIA_CLASS_LAYER)
                        continue;

                assert_true(
                        asprintf(
                                &layer, "{'mediaType':'%s','digest':'" SHA_A "','size':0}",
                                oci_media_type_to_string(type)) > 0);
                assert_int_equal(parse(layer, &manifest, NULL), 0);
                assert_int_equal(manifest.layers[0].media_type, type);
        }
}

TEST(layer_that_is_none_is_named_and_never_skipped) {
        static const struct {
                const char *layers;
                const char *part;
        } cases[] = {
                { GZIP "," LAYER("application/vnd.example", ""), "Layer 2 (" SHA_A ")" },
                { LAYER("application/vnd.example", ""), "'application/vnd.example'" },
                { LAYER("a\\nb", ""), "'a?b'" },
                { LAYER(OCI "config.v1+json", ""), "config.v1+json" },
                { LAYER(OCI "layer.v1.tar+gzip+encrypted", ""), "is encrypted" },
                { LAYER(OCI "layer.nondistributable.v1.tar+encrypted", ""), "is encrypted" },
                { "{'digest':'" SHA_A "','size':1}", "''" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciManifest manifest = { 0 };
                int r;

                r = parse(cases[i].layers, &manifest, &error);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, cases[i].part);
                assert_null(manifest.layers);
        }
}

TEST(image_without_layers_is_refused) {
        static const char *const texts[] = {
                "{}",
                "{'config':" CONFIG "}",
                "{'config':" CONFIG ",'layers':null}",
                "{'config':" CONFIG ",'layers':[]}",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(freep) char *json = json_text(texts[i]);
                OciManifest manifest;
                int r;

                r = oci_manifest_parse(
                        json, strlen(json), MEDIA_TYPE_DOCKER_MANIFEST, &manifest, &error);
                assert_failure(r, &error, ERROR_NO_LAYERS, "no layers");
        }
}

TEST(most_layers_are_read_and_one_more_is_too_many) {
        _cleanup_(freep) char *most = json_repeat("", GZIP, LAYERS_MAX, "");
        _cleanup_(freep) char *more = json_repeat("", GZIP, LAYERS_MAX + 1, "");
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
        OciManifest other;
        int r;

        assert_int_equal(parse(most, &manifest, NULL), 0);
        assert_int_equal(manifest.n_layers, LAYERS_MAX);
        r = parse(more, &other, &error);
        assert_failure(r, &error, ERROR_LIMIT_EXCEEDED, "1001 layers");
}

TEST(sizes_have_a_ceiling_that_sums_do_not_overflow) {
        static const char largest[] =
                "{'mediaType':'" OCI "layer.v1.tar','digest':'" SHA_A "','size':1125899906842624}",
                          larger[] = "{'mediaType':'" OCI "layer.v1.tar','digest':'" SHA_A
                                     "','size':1125899906842625}";
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
        OciManifest other;
        int r;

        assert_true(DESCRIPTOR_SIZE_MAX <= UINT64_MAX / (LAYERS_MAX + 1));
        assert_int_equal(parse(largest, &manifest, NULL), 0);
        assert_int_equal(manifest.layers[0].size, DESCRIPTOR_SIZE_MAX);
        r = parse(larger, &other, &error);
        assert_failure(r, &error, ERROR_LIMIT_EXCEEDED, "1125899906842625 bytes");
}

TEST(configuration_has_to_be_there_and_small) {
        static const struct {
                const char *config;
                ErrorKind kind;
                const char *part;
        } cases[] = {
                { "null", ERROR_UNSUPPORTED_IMAGE, "descriptor" },
                { "[]", ERROR_UNSUPPORTED_IMAGE, "descriptor" },
                { "{'digest':'" SHA_A "'}", ERROR_UNSUPPORTED_IMAGE, "size" },
                { "{'digest':'" SHA_A "','size':4194305}", ERROR_LIMIT_EXCEEDED, "4194305 bytes" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciManifest manifest;
                int r;

                r = parse_with(cases[i].config, GZIP, &manifest, &error);
                assert_failure(r, &error, cases[i].kind, cases[i].part);
        }
}

TEST(manifest_that_could_be_read_two_ways_is_refused) {
        static const char *const texts[] = {
                "{'config':" CONFIG ",'layers':[" GZIP "],'Layers':[]}",
                "{'config':" CONFIG ",'layers':[" GZIP "],'CONFIG':{}}",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(freep) char *json = json_text(texts[i]);
                OciManifest manifest;
                int r;

                r = oci_manifest_parse(
                        json, strlen(json), MEDIA_TYPE_OCI_MANIFEST, &manifest, &error);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, "is ambiguous");
        }
}

TEST(malformed_descriptor_is_refused) {
        static const char *const layers[] = {
                "1",
                "{'mediaType':'" OCI "layer.v1.tar','size':1}",
                "{'mediaType':'" OCI "layer.v1.tar','digest':'" SHA_A "'}",
                "{'mediaType':'" OCI "layer.v1.tar','digest':'" SHA_A "','size':-1}",
                "{'mediaType':'" OCI "layer.v1.tar','digest':'" SHA_A "','size':1e2}",
                "{'mediaType':'" OCI "layer.v1.tar','digest':'" SHA_A
                "','size':99999999999999999999}",
                "{'mediaType':'" OCI "layer.v1.tar','digest':'../../etc','size':1}",
                "{'mediaType':1,'digest':'" SHA_A "','size':1}",
                LAYER(OCI "layer.v1.tar", ",'Size':1"),
                LAYER(OCI "layer.v1.tar", ",'digest':'" SHA_B "'"),
                LAYER(OCI "layer.v1.tar", ",'dige\xc5\xbft':'" SHA_B "'"),
        };

        for (size_t i = 0; i < N_ELEMENTS(layers); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciManifest manifest;
                int r;

                r = parse(layers[i], &manifest, &error);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, "image manifest");
        }
}

TEST(only_a_foreign_layer_has_an_url_and_only_a_usable_one) {
        static const struct {
                const char *layer;
                const char *url;
        } cases[] = {
                { LAYER(DOCKER "image.rootfs.foreign.diff.tar.gzip",
                        ",'urls':['file:///etc/passwd',1,'https://h.x/a b','https://h.x/a']"),
                  "https://h.x/a" },
                { LAYER(OCI "layer.nondistributable.v1.tar", ",'urls':['HTTP://h.x/']"),
                  "HTTP://h.x/" },
                { LAYER(OCI "layer.nondistributable.v1.tar", ",'urls':[]"), NULL },
                { LAYER(OCI "layer.nondistributable.v1.tar", ",'urls':null"), NULL },
                { LAYER(OCI "layer.nondistributable.v1.tar", ""), NULL },
                { LAYER(OCI "layer.v1.tar", ",'urls':['https://h.x/a']"), NULL },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };

                assert_int_equal(parse(cases[i].layer, &manifest, NULL), 0);
                if (cases[i].url)
                        assert_string_equal(manifest.layers[0].url, cases[i].url);
                else
                        assert_null(manifest.layers[0].url);
        }
}

TEST(longest_url_is_taken_and_a_longer_one_is_not) {
        static const char scheme[] = "https://";

        for (size_t extra = 0; extra < 2; extra++) {
                _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
                _cleanup_(freep) char *layer = NULL;
                char url[DESCRIPTOR_URL_MAX + 2] = { 0 };

                memset(url, 'a', DESCRIPTOR_URL_MAX + extra);
                memcpy(url, scheme, strlen(scheme));
                assert_true(
                        asprintf(
                                &layer,
                                LAYER(OCI "layer.nondistributable.v1.tar", ",'urls':['%s']"),
                                url) > 0);
                assert_int_equal(parse(layer, &manifest, NULL), 0);
                assert_int_equal(manifest.layers[0].url != NULL, extra == 0);
        }
}

TEST(long_media_type_is_cut_in_the_message) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(freep) char *layer = NULL;
        char type[4 * MEDIA_TYPE_TEXT_MAX] = { 0 };
        OciManifest manifest;
        int r;

        memset(type, 'a', sizeof(type) - 1);
        assert_true(asprintf(&layer, LAYER("%s", ""), type) > 0);
        r = parse(layer, &manifest, &error);
        type[MEDIA_TYPE_TEXT_MAX] = '\0';
        assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, type);
        assert_true(strlen(error_text(&error)) < 2 * MEDIA_TYPE_TEXT_MAX);
}
