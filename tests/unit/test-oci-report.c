/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include "oci-report.h"
#include "oci-time.h"

#define ROOTFS "'rootfs':{'type':'layers','diff_ids':['" SHA_A "']}"
#define MANIFEST                                                                                   \
        "{'schemaVersion':2,'config':{'mediaType':'application/vnd.oci.image.config.v1+json',"     \
        "'size':2,'digest':'" SHA_B                                                                \
        "'},'layers':[{'mediaType':"                                                               \
        "'application/vnd.oci.image.layer.v1.tar','size':1,'digest':'" SHA_C "'}]}"
#define SCHEMA1                                                                                    \
        "{'schemaVersion':1,'name':'x','tag':'old','architecture':'amd64','fsLayers':["            \
        "{'blobSum':'" SHA_C "'},{'blobSum':'" SHA_B "'},{'blobSum':'" SHA_A                       \
        "'}],'history':["                                                                          \
        "{'v1Compatibility':'{\\'os\\':\\'linux\\',\\'config\\':{\\'Env\\':[\\'A=1\\']},"          \
        "\\'container_config\\':{\\'Cmd\\':[\\'run\\',\\'it\\']}}'},"                              \
        "{'v1Compatibility':'{\\'throwaway\\':true,\\'author\\':\\'me\\'}'},"                      \
        "{'v1Compatibility':'{\\'created\\':\\'2020-01-01T00:00:00Z\\'}'}]}"

typedef int (*Report)(const OciReportInput *input, char **ret, Error *error);

static int report(
        Report make,
        OciMediaType type,
        const char *manifest,
        const char *config,
        char **ret,
        Error *error) {
        _cleanup_(freep) char *manifest_json = json_text(manifest);
        _cleanup_(freep) char *config_json = config ? json_text(config) : NULL;
        Digest digest;
        const OciReportInput input = {
                .digest = &digest,
                .manifest_type = type,
                .manifest = manifest_json,
                .manifest_size = strlen(manifest_json),
                .config = config_json,
                .config_size = config_json ? strlen(config_json) : 0,
        };

        assert_int_equal(digest_parse(SHA_A, &digest), 0);
        return make(&input, ret, error);
}

static void assert_report(
        Report make,
        OciMediaType type,
        const char *manifest,
        const char *config,
        const char *expected) {
        _cleanup_(freep) char *text = NULL, *want = json_text(expected);

        assert_int_equal(report(make, type, manifest, config, &text, NULL), 0);
        assert_string_equal(text, want);
}

static void assert_refused(Report make, const char *config, const char *part) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char *text = NULL;
        int r;

        r = report(make, MEDIA_TYPE_OCI_MANIFEST, MANIFEST, config, &text, &error);
        assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, part);
        assert_null(text);
}

TEST(image_has_the_keys_of_skopeo_in_their_order) {
        assert_report(
                oci_report_image, MEDIA_TYPE_OCI_MANIFEST, MANIFEST,
                "{'os':'linux','config':{'Env':['B','A'],'Labels':{'z':'1','a':null}},"
                "'docker_version':'20','architecture':'arm','created':'2024-01-02T03:04:05Z'," ROOTFS
                "}",
                "{'Digest':'" SHA_A
                "','RepoTags':[],'Created':'2024-01-02T03:04:05Z',"
                "'DockerVersion':'20','Labels':{'a':'','z':'1'},'Architecture':'arm','Os':'linux',"
                "'Layers':['" SHA_C "'],'Env':['B','A']}");
}

TEST(what_an_image_does_not_say_is_null_or_empty) {
        assert_report(
                oci_report_image, MEDIA_TYPE_OCI_MANIFEST, MANIFEST, "{" ROOTFS "}",
                "{'Digest':'" SHA_A
                "','RepoTags':[],'Created':null,'DockerVersion':'',"
                "'Labels':null,'Architecture':'','Os':'','Layers':['" SHA_C "'],'Env':null}");
}

TEST(docker_image_without_a_time_was_created_in_the_year_one) {
        assert_report(
                oci_report_image, MEDIA_TYPE_DOCKER_MANIFEST, MANIFEST,
                "{'config':{'Env':[],'Labels':{}}," ROOTFS "}",
                "{'Digest':'" SHA_A
                "','RepoTags':[],'Created':'0001-01-01T00:00:00Z',"
                "'DockerVersion':'','Labels':{},'Architecture':'','Os':'','Layers':['" SHA_C
                "'],'Env':[]}");
}

TEST(config_has_known_members_only) {
        assert_report(
                oci_report_config, MEDIA_TYPE_OCI_MANIFEST, MANIFEST,
                "{'history':[{'empty_layer':true,'x':1},null],'x':{},'os.version':'10',"
                "'config':{'Volumes':{'/b':{},'/a':null},'Cmd':[],'User':'','ArgsEscaped':true}," ROOTFS
                "}",
                "{'architecture':'','os':'','os.version':'10','config':{'Volumes':{'/a':{},'/b':{}},"
                "'ArgsEscaped':true}," ROOTFS ",'history':[{'empty_layer':true},{}]}");
}

TEST(schema1_is_described_by_its_history) {
        assert_report(
                oci_report_image, MEDIA_TYPE_DOCKER_SCHEMA1, SCHEMA1, NULL,
                "{'Tag':'old','Digest':'" SHA_A
                "','RepoTags':[],'Created':'0001-01-01T00:00:00Z',"
                "'DockerVersion':'','Labels':null,'Architecture':'','Os':'linux','Layers':['" SHA_A
                "','" SHA_B "','" SHA_C "'],'Env':['A=1']}");
        assert_report(
                oci_report_config, MEDIA_TYPE_DOCKER_SCHEMA1, SCHEMA1, NULL,
                "{'architecture':'','os':'linux','config':{'Env':['A=1']},"
                "'rootfs':{'type':'layers','diff_ids':['','']},'history':["
                "{'created':'2020-01-01T00:00:00Z'},"
                "{'created':'0001-01-01T00:00:00Z','author':'me','empty_layer':true},"
                "{'created':'0001-01-01T00:00:00Z','created_by':'run it'}]}");
}

TEST(member_of_another_type_is_named) {
        assert_refused(oci_report_image, "{'created':'now'," ROOTFS "}", "'created' in the image");
        assert_refused(oci_report_image, "{'config':{'Labels':{'a':1}}," ROOTFS "}", "'Labels'");
        assert_refused(oci_report_image, "{'config':{'Env':{}}," ROOTFS "}", "'Env'");
        assert_refused(oci_report_image, "{'config':[]," ROOTFS "}", "'config'");
        assert_refused(oci_report_config, "{'config':{'Volumes':{'a':1}}," ROOTFS "}", "'Volumes'");
        assert_refused(
                oci_report_config, "{'config':{'ArgsEscaped':1}," ROOTFS "}", "true or false");
        assert_refused(oci_report_config, "{'history':[1]," ROOTFS "}", "'history'");
        assert_refused(oci_report_config, "{'author':1," ROOTFS "}", "'author'");
        assert_refused(oci_report_config, "{'Author':'a'," ROOTFS "}", "is ambiguous");
}

TEST(times_are_written_as_go_writes_them) {
        static const struct {
                const char *text, *normalized;
        } cases[] = {
                { "2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z" },
                { "2024-02-29T23:59:59.120Z", "2024-02-29T23:59:59.12Z" },
                { "2024-01-02T03:04:05.000Z", "2024-01-02T03:04:05Z" },
                { "2024-01-02T03:04:05,5+02:00", "2024-01-02T03:04:05.5+02:00" },
                { "2024-01-02T03:04:05.1234567899-11:30", "2024-01-02T03:04:05.123456789-11:30" },
                { "2024-01-02T03:04:05+00:00", "2024-01-02T03:04:05Z" },
                { "2024-01-02T03:04:05-00:00", "2024-01-02T03:04:05Z" },
        };
        static const char *const refused[] = {
                "",
                "yesterday",
                "2023-02-29T00:00:00Z",
                "1900-02-29T00:00:00Z",
                "2024-13-01T00:00:00Z",
                "2024-00-01T00:00:00Z",
                "2024-01-00T00:00:00Z",
                "2024-01-01T24:00:00Z",
                "2024-01-01T23:60:00Z",
                "2024-01-01T23:59:60Z",
                "2024-01-01T23:59:59",
                "2024-01-01T23:59:59.Z",
                "2024-01-01t23:59:59Z",
                "2024-01-01T23:59:59z",
                "2024-01-01T23:59:59+0200",
                "2024-01-01T23:59:59+25:00",
                "2024-01-01T23:59:59+02:60",
                "2024-01-01T23:59:59Z ",
        };
        char text[OCI_TIME_MAX];

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                assert_true(oci_time_normalize(cases[i].text, text));
                assert_string_equal(text, cases[i].normalized);
        }
        for (size_t i = 0; i < N_ELEMENTS(refused); i++) {
                assert_false(oci_time_normalize(refused[i], text));
                assert_string_equal(text, "");
        }
}
