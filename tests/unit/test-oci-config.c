/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include "oci-config.h"

#define ROOTFS "'rootfs':{'type':'layers','diff_ids':['" SHA_A "','" SHA_B "']}"

static int parse(const char *text, OciConfig *ret, Error *error) {
        _cleanup_(freep) char *json = json_text(text);

        return oci_config_parse(json, strlen(json), ret, error);
}

TEST(everything_that_is_used_is_read) {
        static const char text[] =
                "{" ROOTFS
                ",'os':'linux','architecture':'arm','variant':'7','created':'2024-01-02',"
                "'author':'A','docker_version':'20','history':[{}],"
                "'config':{'Labels':{'b':'1','a':'2','n':null},'Env':['PATH=/bin','X=']}}";
        _cleanup_(oci_config_done) OciConfig config = { 0 };
        char digest[DIGEST_STRING_MAX], platform[PLATFORM_STRING_MAX];

        assert_int_equal(parse(text, &config, NULL), 0);
        assert_int_equal(config.n_diff_ids, 2);
        assert_string_equal(digest_format(&config.diff_ids[0], digest), SHA_A);
        assert_string_equal(digest_format(&config.diff_ids[1], digest), SHA_B);
        assert_string_equal(reference_platform_format(&config.platform, platform), "linux/arm/v7");
        assert_string_equal(config.created, "2024-01-02");
        assert_string_equal(config.author, "A");
        assert_string_equal(config.docker_version, "20");
        assert_int_equal(config.n_labels, 3);
        assert_string_equal(config.labels[0].name, "b");
        assert_string_equal(config.labels[0].value, "1");
        assert_string_equal(config.labels[1].name, "a");
        assert_string_equal(config.labels[2].value, "");
        assert_int_equal(config.n_env, 2);
        assert_string_equal(config.env[1], "X=");
}

TEST(what_the_image_would_run_is_read) {
        static const char text[] =
                "{" ROOTFS
                ",'config':{'Entrypoint':['/e',null],'Cmd':['a b'],'User':'u:g','WorkingDir':'/w',"
                "'Volumes':{'/v':{},'/a':null},'ExposedPorts':{'80/tcp':{}},'StopSignal':'TERM'}}";
        _cleanup_(oci_config_done) OciConfig config = { 0 };

        assert_int_equal(parse(text, &config, NULL), 0);
        assert_int_equal(config.entrypoint.n, 2);
        assert_string_equal(config.entrypoint.texts[0], "/e");
        assert_string_equal(config.entrypoint.texts[1], "");
        assert_int_equal(config.cmd.n, 1);
        assert_string_equal(config.cmd.texts[0], "a b");
        assert_string_equal(config.user, "u:g");
        assert_string_equal(config.working_directory, "/w");
        assert_int_equal(config.volumes.n, 2);
        assert_string_equal(config.volumes.texts[1], "/a");
        assert_int_equal(config.ports.n, 1);
        assert_string_equal(config.ports.texts[0], "80/tcp");
        assert_string_equal(config.stop_signal, "TERM");
        assert_false(config.is_cut);
}

TEST(long_lists_of_what_would_run_are_cut_and_not_refused) {
        _cleanup_(freep) char *most =
                json_repeat("{" ROOTFS ",'config':{'Cmd':[", "'x'", CONFIG_TEXTS_MAX, "]}}");
        _cleanup_(freep) char *more =
                json_repeat("{" ROOTFS ",'config':{'Cmd':[", "'x'", CONFIG_TEXTS_MAX + 1, "]}}");
        _cleanup_(oci_config_done) OciConfig whole = { 0 }, cut = { 0 };

        assert_int_equal(oci_config_parse(most, strlen(most), &whole, NULL), 0);
        assert_int_equal(whole.cmd.n, CONFIG_TEXTS_MAX);
        assert_false(whole.is_cut);
        assert_int_equal(oci_config_parse(more, strlen(more), &cut, NULL), 0);
        assert_int_equal(cut.cmd.n, CONFIG_TEXTS_MAX);
        assert_true(cut.is_cut);
}

TEST(what_is_optional_may_be_missing) {
        static const char *const texts[] = {
                "{" ROOTFS "}",
                "{" ROOTFS ",'config':null,'created':null}",
                "{" ROOTFS ",'config':{'Labels':null,'Env':null}}",
                "{" ROOTFS ",'config':{'Labels':{},'Env':[]}}",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(oci_config_done) OciConfig config = { 0 };

                assert_int_equal(parse(texts[i], &config, NULL), 0);
                assert_null(config.created);
                assert_int_equal(config.n_labels, 0);
                assert_int_equal(config.n_env, 0);
                assert_string_equal(config.platform.os, "");
        }
}

TEST(malformed_configuration_is_refused) {
        static const struct {
                const char *text;
                ErrorKind kind;
                const char *part;
        } cases[] = {
                { "{}", ERROR_UNSUPPORTED_IMAGE, "'rootfs'" },
                { "{'rootfs':[]}", ERROR_UNSUPPORTED_IMAGE, "'rootfs'" },
                { "{'rootfs':{}}", ERROR_UNSUPPORTED_IMAGE, "not 'layers'" },
                { "{'rootfs':{'type':'Layers','diff_ids':['" SHA_A "']}}", ERROR_UNSUPPORTED_IMAGE,
                  "'Layers'" },
                { "{'rootfs':{'type':'layers'}}", ERROR_NO_LAYERS, "no layers" },
                { "{'rootfs':{'type':'layers','diff_ids':[]}}", ERROR_NO_LAYERS, "no layers" },
                { "{'rootfs':{'type':'layers','diff_ids':null}}", ERROR_NO_LAYERS, "no layers" },
                { "{'rootfs':{'type':'layers','diff_ids':['x']}}", ERROR_UNSUPPORTED_IMAGE, "'x'" },
                { "{'rootfs':{'type':'layers','diff_ids':[1]}}", ERROR_UNSUPPORTED_IMAGE,
                  "digest" },
                { "{" ROOTFS ",'RootFS':{}}", ERROR_UNSUPPORTED_IMAGE, "is ambiguous" },
                { "{'rootfs':{'type':'layers','diff_ids':['" SHA_A "'],'Diff_IDs':[]}}",
                  ERROR_UNSUPPORTED_IMAGE, "is ambiguous" },
                { "{" ROOTFS ",'os':[]}", ERROR_UNSUPPORTED_IMAGE, "'os'" },
                { "{" ROOTFS ",'OS':'x'}", ERROR_UNSUPPORTED_IMAGE, "is ambiguous" },
                { "{" ROOTFS ",'os':'a b'}", ERROR_UNSUPPORTED_IMAGE, "characters" },
                { "{" ROOTFS ",'os':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}", ERROR_UNSUPPORTED_IMAGE,
                  "31 characters" },
                { "{" ROOTFS ",'created':1}", ERROR_UNSUPPORTED_IMAGE, "'created'" },
                { "{" ROOTFS ",'config':[]}", ERROR_UNSUPPORTED_IMAGE, "'config'" },
                { "{" ROOTFS ",'config':{'Labels':{'a':1}}}", ERROR_UNSUPPORTED_IMAGE, "label" },
                { "{" ROOTFS ",'config':{'labels':{}}}", ERROR_UNSUPPORTED_IMAGE, "is ambiguous" },
                { "{" ROOTFS ",'config':{'Env':['a',null]}}", ERROR_UNSUPPORTED_IMAGE,
                  "environment" },
                { "{" ROOTFS ",'config':{'Cmd':'sh'}}", ERROR_UNSUPPORTED_IMAGE, "'Cmd'" },
                { "{" ROOTFS ",'config':{'Entrypoint':[1]}}", ERROR_UNSUPPORTED_IMAGE,
                  "'Entrypoint' in the image configuration is not an array of strings" },
                { "{" ROOTFS ",'config':{'Volumes':[]}}", ERROR_UNSUPPORTED_IMAGE, "'Volumes'" },
                { "{" ROOTFS ",'config':{'User':0}}", ERROR_UNSUPPORTED_IMAGE, "'User'" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                OciConfig config = { 0 };
                int r;

                r = parse(cases[i].text, &config, &error);
                if (r >= 0)
                        fail_msg("%s was accepted", cases[i].text);
                assert_failure(r, &error, cases[i].kind, cases[i].part);
                assert_null(config.diff_ids);
        }
}

TEST(lists_have_ceilings) {
        static const struct {
                const char *before;
                const char *element;
                size_t max;
                const char *after;
                const char *part;
        } cases[] = {
                { "{'rootfs':{'type':'layers','diff_ids':[", "'" SHA_A "'", LAYERS_MAX, "]}}",
                  "1001 layers" },
                { "{" ROOTFS ",'config':{'Env':[", "'A=1'", CONFIG_ENV_MAX, "]}}",
                  "1001 environment variables" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(freep) char *most = json_repeat(
                        cases[i].before, cases[i].element, cases[i].max, cases[i].after);
                _cleanup_(freep) char *more = json_repeat(
                        cases[i].before, cases[i].element, cases[i].max + 1, cases[i].after);
                _cleanup_(error_clear) Error error = ERROR_NULL;
                _cleanup_(oci_config_done) OciConfig config = { 0 };
                OciConfig other;
                int r;

                assert_int_equal(oci_config_parse(most, strlen(most), &config, NULL), 0);
                r = oci_config_parse(more, strlen(more), &other, &error);
                assert_failure(r, &error, ERROR_LIMIT_EXCEEDED, cases[i].part);
        }
}

TEST(labels_have_a_ceiling) {
        static const char before[] = "{" ROOTFS ",'config':{'Labels':{", after[] = "}}}";
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char text[32 * (CONFIG_LABELS_MAX + 1)];
        char *p = stpcpy(text, before);
        OciConfig config;
        int r;

        for (size_t i = 0; i <= CONFIG_LABELS_MAX; i++)
                p += sprintf(p, "%s'%zu':''", i > 0 ? "," : "", i);
        strcpy(p, after);

        r = parse(text, &config, &error);
        assert_failure(r, &error, ERROR_LIMIT_EXCEEDED, "1001 labels");
}

TEST(layers_have_to_be_as_many_as_diff_ids) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        const OciManifest two = { .n_layers = 2 }, three = { .n_layers = 3 };
        const OciConfig config = { .n_diff_ids = 2 };
        int r;

        assert_int_equal(oci_config_match_layers(&config, &two, NULL), 0);
        r = oci_config_match_layers(&config, &three, &error);
        assert_failure(r, &error, ERROR_UNSUPPORTED_IMAGE, "3 layers");
}
