/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-oci.h"

#include "trust-policy.h"

static int select_rules(const char *text, const char *name, TrustRules *ret, Error *error) {
        _cleanup_(freep) char *json = json_text(text);
        TrustImage image = { .transport = "docker" };
        Reference reference;

        assert_int_equal(reference_parse(name, &reference, NULL), 0);
        image.reference = &reference;
        return trust_policy_select(json, strlen(json), &image, ret, error);
}

#define ACCEPT "[{'type':'insecureAcceptAnything'}]"
#define REJECT "[{'type':'reject'}]"
#define KEY    "{'type':'sigstoreSigned','keyPath':'/k.pem'}"

/* Each scope of docker has another number of rules, to tell them apart. */
static const char scopes[] = "{'default':" REJECT
                             ",'transports':{'docker':{"
                             "'reg.team.example/a/b:1':[{'type':'reject'},{'type':'reject'}],"
                             "'reg.team.example/a/b':[" KEY
                             "],"
                             "'reg.team.example/a':[" KEY "," KEY
                             "],"
                             "'*.team.example':[" KEY "," KEY "," KEY
                             "],"
                             "'':" ACCEPT
                             "},"
                             "'oci':{'/srv':" ACCEPT "}}}";

TEST(most_specific_scope_decides) {
        static const struct {
                const char *name, *scope;
                size_t n_rules;
        } cases[] = {
                { "reg.team.example/a/b:1", "docker:reg.team.example/a/b:1", 2 },
                { "reg.team.example/a/b:2", "docker:reg.team.example/a/b", 1 },
                { "reg.team.example/a/b@" SHA_A, "docker:reg.team.example/a/b", 1 },
                { "reg.team.example/a/bc", "docker:reg.team.example/a", 2 },
                { "reg.team.example/ab", "docker:*.team.example", 3 },
                { "x.y.team.example:5000/ab", "docker:*.team.example", 3 },
                { "team.example/a", "docker:", 1 },
                { "debian", "docker:", 1 },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(trust_rules_done) TrustRules rules = { 0 };

                assert_int_equal(select_rules(scopes, cases[i].name, &rules, NULL), 0);
                assert_string_equal(rules.scope, cases[i].scope);
                assert_int_equal(rules.n_rules, cases[i].n_rules);
        }
}

TEST(no_spelling_of_a_host_avoids_its_scope) {
        static const struct {
                const char *scope, *name;
                bool applies;
        } cases[] = {
                { "reg.example", "Reg.example/a", true },
                { "reg.example", "reg.example:443/a", true },
                { "reg.example:443", "reg.example/a", true },
                { "Reg.Example/a", "reg.example/a", true },
                { "*.Example", "reg.example/a", true },
                { "docker.io", "registry-1.docker.io/a", true },
                { "docker.io", "INDEX.docker.io/a", true },
                { "index.docker.io", "debian", true },
                { "reg.example", "reg.example:5000/a", false },
                { "reg.example:5000", "reg.example/a", false },
                { "reg.example/A", "reg.example/a", false },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(trust_rules_done) TrustRules rules = { 0 };
                char text[256], expected[128] = "default";

                (void) snprintf(
                        text, sizeof(text),
                        "{'default':" ACCEPT ",'transports':{'docker':{'%s':" REJECT "}}}",
                        cases[i].scope);
                if (cases[i].applies)
                        (void) snprintf(expected, sizeof(expected), "docker:%s", cases[i].scope);
                assert_int_equal(select_rules(text, cases[i].name, &rules, NULL), 0);
                assert_string_equal(rules.scope, expected);
        }
}

TEST(scope_in_its_own_spelling_precedes_others) {
        static const char text[] = "{'default':" ACCEPT
                                   ",'transports':{'docker':{"
                                   "'reg.example:443':" ACCEPT ",'reg.example':" REJECT "}}}";
        static const char *const names[] = { "reg.example/a", "reg.example:443/a" };

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                _cleanup_(trust_rules_done) TrustRules rules = { 0 };

                assert_int_equal(select_rules(text, names[i], &rules, NULL), 0);
                assert_string_equal(rules.scope, "docker:reg.example");
        }
}

TEST(default_decides_where_no_scope_does) {
        static const struct {
                TrustImage image;
                const char *scope;
        } cases[] = {
                { { "oci", NULL, "/srv/image" }, "oci:/srv" },
                { { "oci", NULL, "/srv2" }, "default" },
                { { "oci", NULL, NULL }, "default" },
                { { "dir", NULL, "/srv/image" }, "default" },
        };
        _cleanup_(freep) char *json = json_text(scopes);

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(trust_rules_done) TrustRules rules = { 0 };

                assert_int_equal(
                        trust_policy_select(json, strlen(json), &cases[i].image, &rules, NULL), 0);
                assert_string_equal(rules.scope, cases[i].scope);
        }
}

static void assert_rule(const char *rule, TrustRuleKind kind, const char *name) {
        _cleanup_(freep) char *text = json_repeat("{'default':[", rule, 1, "]}");
        _cleanup_(trust_rules_done) TrustRules rules = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (select_rules(text, "x", &rules, &error) < 0)
                fail_msg("%s: %s", rule, error_text(&error));
        assert_int_equal(rules.rules[0].kind, kind);
        assert_string_equal(rules.rules[0].name, name);
}

TEST(rules_are_read) {
        assert_rule(
                "{'type':'insecureAcceptAnything'}", TRUST_RULE_ACCEPT, "insecureAcceptAnything");
        assert_rule("{'type':'reject'}", TRUST_RULE_REJECT, "reject");
        assert_rule(KEY, TRUST_RULE_SIGNED, "sigstoreSigned");
}

/* An accepting program would have ignored a condition of the administrator's. */
TEST(rule_without_support_is_named) {
        assert_rule(
                "{'type':'signedBy','keyType':'GPGKeys','keyPath':'/k.gpg'}",
                TRUST_RULE_UNSUPPORTED, "signedBy");
        assert_rule("{'type':'signedBaseLayer'}", TRUST_RULE_UNSUPPORTED, "signedBaseLayer");
        assert_rule(
                "{'type':'sigstoreSigned','fulcio':{}}", TRUST_RULE_UNSUPPORTED,
                "sigstoreSigned with 'fulcio'");
        assert_rule(
                "{'type':'sigstoreSigned','keyPath':'/k','rekorPublicKeyPath':'/r'}",
                TRUST_RULE_UNSUPPORTED, "sigstoreSigned with 'rekorPublicKeyPath'");
}

TEST(keys_are_paths_or_data) {
        static const char text[] =
                "{'default':["
                "{'type':'sigstoreSigned','keyPath':'/a'},"
                "{'type':'sigstoreSigned','keyPaths':['/a','/b']},"
                "{'type':'sigstoreSigned','keyData':'Zm9v'},"
                "{'type':'sigstoreSigned','keyDatas':['Zm9v','YmFy'],"
                "'signedIdentity':{'type':'matchRepository'}}]}";
        _cleanup_(trust_rules_done) TrustRules rules = { 0 };

        assert_int_equal(select_rules(text, "x", &rules, NULL), 0);
        assert_int_equal(rules.n_rules, 4);
        assert_string_equal(rules.rules[0].sources[0].path, "/a");
        assert_int_equal(rules.rules[0].identity.kind, TRUST_MATCH_REPO_DIGEST_OR_EXACT);
        assert_int_equal(rules.rules[1].n_sources, 2);
        assert_string_equal(rules.rules[1].sources[1].path, "/b");
        assert_null(rules.rules[2].sources[0].path);
        assert_int_equal(rules.rules[2].sources[0].size, 3);
        assert_string_equal(rules.rules[3].sources[1].data, "bar");
        assert_int_equal(rules.rules[3].identity.kind, TRUST_MATCH_REPOSITORY);
}

static void select_fails(const char *text, const char *part) {
        _cleanup_(trust_rules_done) TrustRules rules = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        int r = select_rules(text, "x", &rules, &error);

        assert_failure(r, &error, ERROR_NOT_TRUSTED, part);
        assert_null(rules.rules);
}

TEST(what_is_not_a_policy_accepts_nothing) {
        static const struct {
                const char *text, *part;
        } cases[] = {
                { "", "The signature policy is not valid JSON" },
                { "[]", "The signature policy is not a JSON object" },
                { "{}", "'default' in the signature policy is not an array of 1 to 64 rules" },
                { "{'default':[]}", "'default' in the signature policy is not an array" },
                { "{'default':{}}", "'default' in the signature policy is not an array" },
                { "{'default':" ACCEPT ",'default':" REJECT "}", "duplicate" },
                { "{'default':" ACCEPT ",'transport':{}}", "unknown key 'transport'" },
                { "{'Default':" ACCEPT "}", "unknown key 'Default'" },
                { "{'default':" ACCEPT ",'transports':[]}", "'transports' in the" },
                { "{'default':" ACCEPT ",'transports':{'docker':[]}}", "'docker' in the" },
                /* Mistakes elsewhere than in the scope of the image count. */
                { "{'default':" ACCEPT ",'transports':{'docker':{'y':[]}}}", "'y' in the" },
                { "{'default':" ACCEPT ",'transports':{'oci':{'/y':[{'type':'x'}]}}}",
                  "unknown type 'x'" },
                { "{'default':[{}]}", "'type' in the signature policy is missing" },
                { "{'default':[[]]}", "'type' in the signature policy is missing" },
                { "{'default':[{'type':'accept'}]}", "a rule of the unknown type 'accept'" },
                { "{'default':[{'type':'reject','x':1}]}", "unknown key 'x'" },
                { "{'default':[{'type':'sigstoreSigned'}]}",
                  "a rule sigstoreSigned without a key" },
                { "{'default':[{'type':'sigstoreSigned','keyPath':'/a','keyData':'Zm9v'}]}",
                  "has both 'keyPath' and 'keyData'" },
                { "{'default':[{'type':'sigstoreSigned','keyPath':'a'}]}", "not an absolute path" },
                { "{'default':[{'type':'sigstoreSigned','keyPath':1}]}", "'keyPath' in the" },
                { "{'default':[{'type':'sigstoreSigned','keyPaths':'/a'}]}", "is not an array" },
                { "{'default':[{'type':'sigstoreSigned','keyPaths':[]}]}", "has 0 keys" },
                { "{'default':[{'type':'sigstoreSigned','keyData':'?'}]}", "is not base64" },
                { "{'default':[{'type':'sigstoreSigned','keyPath':'/a','keypath':'/b'}]}",
                  "unknown key 'keypath'" },
                { "{'default':[{'type':'sigstoreSigned','keyPath':'/a','signedIdentity':'x'}]}",
                  "'type' in the signature policy is missing" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                select_fails(cases[i].text, cases[i].part);
}

TEST(scope_that_no_image_in_files_is_in_accepts_nothing) {
        static const char *const transports[] = { "oci", "oci-archive", "docker-archive", "dir" };
        static const char *const wrong[] = { "/",     "srv/a",     "./a",      "/srv/", "/srv//a",
                                             "//srv", "/srv/../a", "/srv/./a", "/..",   "*.x" };
        static const char *const right[] = { "", "/a", "/srv/a.b", "/srv/..a/...", "/srv/.a" };
        char text[512];

        for (size_t i = 0; i < N_ELEMENTS(transports); i++) {
                for (size_t j = 0; j < N_ELEMENTS(wrong); j++) {
                        char part[128];

                        (void) snprintf(
                                text, sizeof(text),
                                "{'default':" ACCEPT ",'transports':{'%s':{'%s':" REJECT "}}}",
                                transports[i], wrong[j]);
                        (void) snprintf(
                                part, sizeof(part), "No image is in the scope '%s' of %s in the",
                                wrong[j], transports[i]);
                        select_fails(text, part);
                }
                for (size_t j = 0; j < N_ELEMENTS(right); j++) {
                        _cleanup_(trust_rules_done) TrustRules rules = { 0 };

                        (void) snprintf(
                                text, sizeof(text),
                                "{'default':" ACCEPT ",'transports':{'%s':{'%s':" REJECT "}}}",
                                transports[i], right[j]);
                        assert_int_equal(select_rules(text, "x", &rules, NULL), 0);
                }
        }
}

TEST(scope_of_a_layout_has_no_tag) {
        _cleanup_(trust_rules_done) TrustRules rules = { 0 };

        select_fails(
                "{'default':" ACCEPT ",'transports':{'oci':{'/srv/a:1':" REJECT "}}}",
                "'/srv/a:1' of oci in the signature policy; expected \"\", or an absolute path");
        assert_int_equal(
                select_rules(
                        "{'default':" ACCEPT ",'transports':{'dir':{'/srv/a:1':" REJECT "}}}", "x",
                        &rules, NULL),
                0);
}

TEST(rules_and_keys_have_ceilings) {
        _cleanup_(freep) char *rules =
                json_repeat("{'default':[", "{'type':'reject'}", TRUST_RULES_MAX + 1, "]}");
        _cleanup_(freep) char *keys = json_repeat(
                "{'default':[{'type':'sigstoreSigned','keyPaths':[", "'/a'", TRUST_KEYS_MAX + 1,
                "]}]}");

        select_fails(rules, "is not an array of 1 to 64 rules");
        select_fails(keys, "has 65 keys; expected 1 to 64");
}

TEST(deep_policy_is_refused) {
        _cleanup_(freep) char *text = malloc(100001);

        memset(text, '[', 100000);
        text[100000] = '\0';
        select_fails(text, "The signature policy");
}
