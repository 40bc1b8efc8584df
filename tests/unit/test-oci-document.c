/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include "oci-document.h"

#define OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX       "application/vnd.oci.image.index.v1+json"
#define OCI_CONFIG      "application/vnd.oci.image.config.v1+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"
#define SCHEMA1         "application/vnd.docker.distribution.manifest.v1+json"
#define SCHEMA1_SIGNED  "application/vnd.docker.distribution.manifest.v1+prettyjws"

static int classify(const char *text, const char *content_type, OciMediaType *ret, Error *error) {
        _cleanup_(freep) char *json = json_text(text);

        return oci_document_classify(json, strlen(json), content_type, ret, error);
}

TEST(type_comes_from_header_then_document_then_content) {
        static const struct {
                const char *content_type;
                const char *text;
                OciMediaType type;
        } cases[] = {
                { OCI_MANIFEST, "{}", MEDIA_TYPE_OCI_MANIFEST },
                { DOCKER_MANIFEST "; charset=utf-8", "{'layers':[]}", MEDIA_TYPE_DOCKER_MANIFEST },
                { OCI_INDEX, "{'manifests':[]}", MEDIA_TYPE_OCI_INDEX },
                { DOCKER_LIST, "{'schemaVersion':2}", MEDIA_TYPE_DOCKER_MANIFEST_LIST },
                { SCHEMA1, "{'schemaVersion':1}", MEDIA_TYPE_DOCKER_SCHEMA1 },
                { SCHEMA1_SIGNED, "{'schemaVersion':1}", MEDIA_TYPE_DOCKER_SCHEMA1_SIGNED },
                { OCI_MANIFEST, "{'mediaType':'" DOCKER_MANIFEST "'}", MEDIA_TYPE_OCI_MANIFEST },
                { NULL, "{'mediaType':'" DOCKER_LIST "'}", MEDIA_TYPE_DOCKER_MANIFEST_LIST },
                { "application/json", "{'mediaType':'" OCI_INDEX "'}", MEDIA_TYPE_OCI_INDEX },
                { "text/plain", "{'schemaVersion':1}", MEDIA_TYPE_DOCKER_SCHEMA1 },
                { "", "{'schemaVersion':1,'signatures':[{}]}", MEDIA_TYPE_DOCKER_SCHEMA1_SIGNED },
                { NULL, "{'config':{'mediaType':'" DOCKER_CONFIG "'}}",
                  MEDIA_TYPE_DOCKER_MANIFEST },
                { NULL, "{'config':{'mediaType':'" OCI_CONFIG "'}}", MEDIA_TYPE_OCI_MANIFEST },
                { NULL, "{'manifests':[{}]}", MEDIA_TYPE_OCI_INDEX },
                { NULL, "{'schemaVersion':2,'layers':[]}", MEDIA_TYPE_OCI_MANIFEST },
                { NULL, "{'layers':[],'manifests':null}", MEDIA_TYPE_OCI_MANIFEST },
                { NULL, "{}", MEDIA_TYPE_OCI_MANIFEST },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciMediaType type;

                if (classify(cases[i].text, cases[i].content_type, &type, &error) < 0)
                        fail_msg("%s: %s", cases[i].text, error_text(&error));
                if (type != cases[i].type)
                        fail_msg("%s is %s", cases[i].text, oci_media_type_to_string(type));
        }
}

TEST(document_that_could_be_read_two_ways_is_refused) {
        static const struct {
                const char *content_type;
                const char *text;
        } cases[] = {
                { OCI_MANIFEST, "{'layers':[],'manifests':[]}" },
                { OCI_INDEX, "{'layers':[],'manifests':[]}" },
                { NULL, "{'config':{},'manifests':[{}]}" },
                { NULL, "{'layers':[],'fsLayers':[]}" },
                { NULL, "{'config':{},'fsLayers':[]}" },
                { NULL, "{'manifests':[{}],'fsLayers':[]}" },
                { NULL, "{'layers':[],'Manifests':[]}" },
                { NULL, "{'manifests':[{}],'LAYERS':[]}" },
                { NULL, "{'layers':[],'fslayers':[]}" },
                { NULL, "{'Layers':[]}" },
                { NULL, "{'layer\xc5\xbf':[]}" },
                { NULL, "{'layers':[],'mediatype':'" OCI_INDEX "'}" },
                { OCI_MANIFEST, "{'mediaType':'" OCI_INDEX "'}" },
                { OCI_INDEX, "{'mediaType':'" DOCKER_MANIFEST "'}" },
                { OCI_INDEX, "{'layers':[]}" },
                { OCI_MANIFEST, "{'manifests':[{}]}" },
                { SCHEMA1, "{'schemaVersion':1,'layers':[]}" },
                { NULL, "{'mediaType':'" OCI_INDEX "','layers':[]}" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciMediaType type = MEDIA_TYPE_UNKNOWN;
                int r;

                r = classify(cases[i].text, cases[i].content_type, &type, &error);
                if (r >= 0)
                        fail_msg("%s was accepted", cases[i].text);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, "is ambiguous");
                assert_int_equal(type, MEDIA_TYPE_UNKNOWN);
        }
}

TEST(key_twice_is_refused) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        OciMediaType type;
        int r;

        r = classify("{'layers':[],'layers':[]}", NULL, &type, &error);
        assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, "duplicate");
}

TEST(type_that_is_not_of_a_manifest_is_named) {
        static const struct {
                const char *content_type;
                const char *text;
                const char *part;
        } cases[] = {
                { "text/html", "{}", "'text/html'" },
                { OCI_CONFIG, "{}", OCI_CONFIG },
                { NULL, "{'mediaType':'application/vnd.oci.artifact.manifest.v1+json'}",
                  "artifact" },
                { NULL, "{'mediaType':2}", "'mediaType'" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciMediaType type;
                int r;

                r = classify(cases[i].text, cases[i].content_type, &type, &error);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, cases[i].part);
        }
}

TEST(schema_version_has_to_fit_the_type) {
        static const struct {
                const char *content_type;
                const char *text;
        } cases[] = {
                { OCI_MANIFEST, "{'schemaVersion':1}" },
                { OCI_INDEX, "{'schemaVersion':3}" },
                { OCI_INDEX, "{'schemaVersion':'2'}" },
                { SCHEMA1, "{'schemaVersion':2}" },
                { SCHEMA1_SIGNED, "{}" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciMediaType type;
                int r;

                r = classify(cases[i].text, cases[i].content_type, &type, &error);
                assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, "schemaVersion");
        }
}

TEST(document_over_the_ceiling_is_refused) {
        _cleanup_(freep) char *text = calloc(1, OCI_DOCUMENT_MAX + 1);
        _cleanup_(error_clear) Error error = ERROR_NULL;
        OciMediaType type;
        int r;

        assert_non_null(text);
        r = oci_document_classify(text, OCI_DOCUMENT_MAX + 1, NULL, &type, &error);
        assert_failure(r, &error, ERROR_LIMIT_EXCEEDED, "4194304");
}
