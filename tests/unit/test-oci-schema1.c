/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include "hash.h"
#include "oci-document.h"
#include "oci-manifest.h"
#include "oci-schema1.h"

/* What "skopeo copy -f v2s1" made, and what "skopeo manifest-digest" says of it. */
static const char signed_by_skopeo[] =
        "{\"name\":\"\",\"tag\":\"\",\"architecture\":\"amd64\",\"fsLayers\":[{\"blobSum\":\"sha"
        "256:ef83290e67976cca93b611d96dada0eb1f03f63518e495057d863b3ec55ca097\"}"
        ",{\"blobSum\":\"sha256:ef83290e67976cca93b611d96dada0eb1f03f63518e495057d"
        "863b3ec55ca097\"}],\"history\":[{\"v1Compatibility\":\"{\\\"architecture\\\":\\\"a"
        "md64\\\",\\\"config\\\":{},\\\"created\\\":\\\"2026-11-24T04:55:12.78114403Z\\\",\\\"i"
        "d\\\":\\\"768910759d74ae77e3cda7cc3f9c25119e746c065ba8b134e16244c37e569c40"
        "\\\",\\\"os\\\":\\\"linux\\\",\\\"parent\\\":\\\"175ffb1d628cffcd8ef77bc44d7323f0dcf03"
        "670ee069459187e9a4a26bd75b9\\\"}\"},{\"v1Compatibility\":\"{\\\"id\\\":\\\"175ffb1"
        "d628cffcd8ef77bc44d7323f0dcf03670ee069459187e9a4a26bd75b9\\\",\\\"created\\"
        "\":\\\"2026-11-24T04:55:12.786811758Z\\\",\\\"container_config\\\":{\\\"Cmd\\\":[\\\""
        "umoci raw add-layer\\\"]}}\"}],\"schemaVersion\":1,\"signatures\":[{\"header\":"
        "{\"jwk\":{\"crv\":\"P-256\",\"kid\":\"7WR7:6KUH:2GWJ:CKYV:XXHP:A2QB:5G34:QU36:N"
        "CF4:BM2S:ATYL:4QVW\",\"kty\":\"EC\",\"x\":\"iphdrO25EEWRtxCt7RLEzYWo8RMXxyC4AS"
        "eJTEKy1EI\",\"y\":\"YaZmH-Z58QKLBH3W6DdYZrOG3Lsfg3tw4xmFoRAlses\"},\"alg\":\"E"
        "S256\"},\"signature\":\"UL1yjhvjwp-E-QB6f8UKZnvCC2yD6BLepBMJX4S9N0BijikLtJ"
        "WmgDwMN-4grlonISV43puNoU87Oy5VsWW6qQ\",\"protected\":\"eyJmb3JtYXRMZW5ndGg"
        "iOjc0NSwiZm9ybWF0VGFpbCI6ImZRIiwidGltZSI6IjIwMjYtMTEtMjRUMDQ6NTU6MTJaI"
        "n0\"}]}";
static const char digest_by_skopeo[] =
        "sha256:606fdb6156e3d4d9e62a076ae0257ca7419533925f18714cbcc5104204f73214";

#define FS(sha)     "{'blobSum':'" sha "'}"
#define V1(members) "{'v1Compatibility':'{" members "}'}"

/* As json_text(), and '"' inside the text of "v1Compatibility" is written '^'. */
static int parse(const char *text, OciManifest *ret, Error *error) {
        char json[8192], *p = json;

        assert_true(2 * strlen(text) < sizeof(json));
        for (; *text; text++)
                p = *text == '^'    ? stpcpy(p, "\\\"")
                    : *text == '\'' ? stpcpy(p, "\"")
                                    : stpncpy(p, text, 1);
        *p = '\0';

        return oci_manifest_parse(json, strlen(json), MEDIA_TYPE_DOCKER_SCHEMA1, ret, error);
}

TEST(payload_of_a_signed_manifest_has_the_digest_that_skopeo_computes) {
        _cleanup_(freep) char *payload = NULL;
        char text[DIGEST_STRING_MAX];
        Digest digest;
        size_t size;

        assert_int_equal(
                oci_schema1_payload(
                        signed_by_skopeo, strlen(signed_by_skopeo), &payload, &size, NULL),
                0);
        assert_int_equal(hash_buffer(DIGEST_SHA256, payload, size, &digest, NULL), 0);
        assert_string_equal(digest_format(&digest, text), digest_by_skopeo);
}

TEST(signed_manifest_is_read) {
        _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
        char text[PLATFORM_STRING_MAX];
        OciMediaType type;

        assert_int_equal(
                oci_document_classify(
                        signed_by_skopeo, strlen(signed_by_skopeo), NULL, &type, NULL),
                0);
        assert_int_equal(type, MEDIA_TYPE_DOCKER_SCHEMA1_SIGNED);
        assert_int_equal(
                oci_manifest_parse(
                        signed_by_skopeo, strlen(signed_by_skopeo), type, &manifest, NULL),
                0);
        assert_int_equal(manifest.n_layers, 2);
        assert_false(manifest.has_config);
        assert_true(manifest.has_platform);
        assert_string_equal(reference_platform_format(&manifest.platform, text), "linux/amd64");
}

TEST(payload_without_signatures_is_the_document) {
        static const char *const texts[] = { "{\"a\" : 1 }\n", "{\"signatures\":[]}" };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(freep) char *payload = NULL;
                size_t size;

                assert_int_equal(
                        oci_schema1_payload(texts[i], strlen(texts[i]), &payload, &size, NULL), 0);
                assert_int_equal(size, strlen(texts[i]));
                assert_memory_equal(payload, texts[i], size);
        }
}

TEST(layers_are_reversed_and_throwaway_ones_left_out) {
        static const char text[] =
                "{'schemaVersion':1,'architecture':'arm64',"
                "'fsLayers':[" FS(SHA_C) "," FS(SHA_B) "," FS(SHA_A) "],"
                "'history':[" V1("^os^:^freebsd^,^architecture^:^amd64^") ","
                V1("^throwaway^:true") "," V1("^throwaway^:false") "]}";
        _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
        char digest[DIGEST_STRING_MAX], platform[PLATFORM_STRING_MAX];

        assert_int_equal(parse(text, &manifest, NULL), 0);
        assert_int_equal(manifest.n_layers, 2);
        assert_string_equal(digest_format(&manifest.layers[0].digest, digest), SHA_A);
        assert_string_equal(digest_format(&manifest.layers[1].digest, digest), SHA_C);
        assert_true(manifest.layers[0].size == DESCRIPTOR_SIZE_UNKNOWN);
        assert_int_equal(oci_media_type_class(manifest.layers[0].media_type), MEDIA_CLASS_LAYER);
        assert_string_equal(
                reference_platform_format(&manifest.platform, platform), "freebsd/arm64");
}

TEST(platform_is_absent_when_nothing_says_it) {
        _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };

        assert_int_equal(
                parse("{'fsLayers':[" FS(SHA_A) "],'history':[" V1("") "]}", &manifest, NULL), 0);
        assert_false(manifest.has_platform);
}

TEST(image_without_layers_is_refused) {
        static const char *const texts[] = {
                "{}",
                "{'fsLayers':[],'history':[]}",
                "{'fsLayers':null,'history':null}",
                "{'fsLayers':[" FS(SHA_A) "],'history':[" V1("^throwaway^:true") "]}",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciManifest manifest;
                int r;

                r = parse(texts[i], &manifest, &error);
                assert_failure(r, &error, ERROR_NO_LAYERS, "no layers");
        }
}

TEST(malformed_manifest_is_refused) {
        static const struct {
                const char *text;
                const char *part;
        } cases[] = {
                { "{'fsLayers':[" FS(SHA_A) "],'history':[]}", "but 0 history entries" },
                { "{'fsLayers':[{}],'history':[" V1("") "]}", "digest" },
                { "{'fsLayers':[" FS("sha256:0") "],'history':[" V1("") "]}", "malformed" },
                { "{'fsLayers':[" FS(SHA_A) "],'history':[{}]}", "has no entry for a layer" },
                { "{'fsLayers':[" FS(SHA_A) "],'history':[1]}", "has no entry for a layer" },
                { "{'fsLayers':[" FS(SHA_A) "],'history':[{'v1Compatibility':'x'}]}", "JSON" },
                { "{'fsLayers':[" FS(SHA_A) "],'history':[{'v1Compatibility':{}}]}", "string" },
                { "{'fsLayers':[" FS(SHA_A) "],'history':[" V1("^Throwaway^:true") "]}",
                  "is ambiguous" },
                { "{'fsLayers':[" FS(SHA_A) "],'history':[" V1("^os^:1") "]}", "'os'" },
                { "{'fslayers':[" FS(SHA_A) "],'history':[" V1("") "]}", "is ambiguous" },
                { "{'fsLayers':[{'blobSum':'" SHA_A "','blobsum':''}],'history':[" V1("") "]}",
                  "is ambiguous" },
                { "{'fsLayers':[" FS(
                          SHA_A) "],'history':[{'v1compatibility':'{}','v1Compatibility':'{}'}]}",
                  "is ambiguous" },
                { "{'fsLayers':{},'history':[" V1("") "]}", "'fsLayers'" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciManifest manifest = { 0 };
                int r;

                r = parse(cases[i].text, &manifest, &error);
                if (r >= 0)
                        fail_msg("%s was accepted", cases[i].text);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, cases[i].part);
                assert_null(manifest.layers);
        }
}

/* Throwaway entries do not count. */
TEST(most_layers_are_read_and_one_more_is_too_many) {
        for (size_t extra = 0; extra < 2; extra++) {
                _cleanup_(freep) char *layers = json_repeat(
                        "{'fsLayers':[", FS(SHA_A), LAYERS_MAX + extra + 1, "],'history':");
                _cleanup_(freep) char *history = json_repeat(
                        "[{'v1Compatibility':'{\\'throwaway\\':true}'},", V1(""),
                        LAYERS_MAX + extra, "]}");
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
                _cleanup_(freep) char *json = NULL;
                int r;

                assert_true(asprintf(&json, "%s%s", layers, history) > 0);
                r = oci_manifest_parse(
                        json, strlen(json), MEDIA_TYPE_DOCKER_SCHEMA1, &manifest, &error);
                if (extra > 0) {
                        assert_failure(r, &error, ERROR_LIMIT_EXCEEDED, "1000 layers");
                        continue;
                }
                assert_int_equal(r, 0);
                assert_int_equal(manifest.n_layers, LAYERS_MAX);
        }
}

/* The header of a signature is base64url: {"formatLength":N,"formatTail":"fQ"}, "fQ" being "}". */
TEST(what_lies_outside_the_payload_is_not_read) {
        static const char text[] =
                "{\"a\":1,\"fsLayers\":[{\"blobSum\":\"" SHA_A
                "\"}],\"history\":[{\"v1Compatibility\":\"{}\"}],\"signatures\":[{\"protected\":"
                "\"eyJmb3JtYXRMZW5ndGgiOjYsImZvcm1hdFRhaWwiOiJmUSJ9\"}]}";
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(freep) char *payload = NULL;
        OciManifest manifest;
        size_t size;
        int r;

        assert_int_equal(oci_schema1_payload(text, strlen(text), &payload, &size, NULL), 0);
        assert_int_equal(size, strlen("{\"a\":1}"));
        assert_memory_equal(payload, "{\"a\":1}", size);

        r = oci_manifest_parse(
                text, strlen(text), MEDIA_TYPE_DOCKER_SCHEMA1_SIGNED, &manifest, &error);
        assert_failure(r, &error, ERROR_NO_LAYERS, "no layers");
}

TEST(malformed_signature_is_refused) {
        static const struct {
                const char *text;
                const char *part;
        } cases[] = {
                { "{'signatures':{}}", "'signatures'" },
                { "{'Signatures':[]}", "is ambiguous" },
                { "{'signatures':[1]}", "JSON" },
                { "{'signatures':[{}]}", "JSON" },
                { "{'signatures':[{'protected':1}]}", "'protected'" },
                { "{'signatures':[{'protected':'+/=='}]}", "base64url" },
                { "{'signatures':[{'protected':'e'}]}", "base64url" },
                /* {} */
                { "{'signatures':[{'protected':'e30'}]}", "'formatLength'" },
                /* {"formatLength":-1} */
                { "{'signatures':[{'protected':'eyJmb3JtYXRMZW5ndGgiOi0xfQ'}]}", "'formatLength'" },
                /* {"formatLength":999} */
                { "{'signatures':[{'protected':'eyJmb3JtYXRMZW5ndGgiOjk5OX0'}]}",
                  "'formatLength'" },
                /* {"formatLength":6,"formatTail":"="} */
                { "{'signatures':[{'protected':"
                  "'eyJmb3JtYXRMZW5ndGgiOjYsImZvcm1hdFRhaWwiOiI9In0'}]}",
                  "'formatTail'" },
                /* {"formatLength":6,"FormatLength":7} */
                { "{'signatures':[{'protected':"
                  "'eyJmb3JtYXRMZW5ndGgiOjYsIkZvcm1hdExlbmd0aCI6N30'}]}",
                  "is ambiguous" },
                /* {"formatLength":6,"formatTail":"fX0"} and {"formatLength":6,"formatTail":"fQ"} */
                { "{'signatures':[{'protected':"
                  "'eyJmb3JtYXRMZW5ndGgiOjYsImZvcm1hdFRhaWwiOiJmWDAifQ'},"
                  "{'protected':'eyJmb3JtYXRMZW5ndGgiOjYsImZvcm1hdFRhaWwiOiJmUSJ9'}]}",
                  "different contents" },
                /* {"formatLength":6} and {"formatLength":7} */
                { "{'signatures':[{'protected':'eyJmb3JtYXRMZW5ndGgiOjZ9'},"
                  "{'protected':'eyJmb3JtYXRMZW5ndGgiOjd9'}]}",
                  "different contents" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(freep) char *json = json_text(cases[i].text);
                char *payload = NULL;
                size_t size;
                int r;

                r = oci_schema1_payload(json, strlen(json), &payload, &size, &error);
                if (r >= 0)
                        fail_msg("%s was accepted", cases[i].text);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, cases[i].part);
                assert_null(payload);
        }
}
