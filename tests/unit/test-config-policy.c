/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include "config-policy.h"

TEST(policy_of_the_configuration_counts_even_if_it_does_not_exist) {
        ConfigPolicy policy = { .defaults = { "/", "/" } };

        assert_true(config_policy_set(&policy, "/no/such/file"));
        assert_string_equal(config_policy_path(&policy), "/no/such/file");
        assert_true(config_policy_set(&policy, ""));
        assert_string_equal(config_policy_path(&policy), "/");
}

/* Which default would accept more than what was meant? */
TEST(policy_with_a_wrong_name_is_not_the_default) {
        char text[CONFIG_POLICY_PATH_MAX + 1];
        ConfigPolicy policy = { .defaults = { "/", "/" } };

        memset(text, 'x', sizeof(text));
        text[0] = '/';
        text[CONFIG_POLICY_PATH_MAX] = '\0';
        assert_false(config_policy_set(&policy, text));
        assert_int_not_equal(config_policy_path(&policy)[0], '/');
        assert_false(config_policy_set(&policy, "policy.json"));
        assert_int_not_equal(config_policy_path(&policy)[0], '/');
}

TEST(first_default_that_exists_counts) {
        ConfigPolicy policy = { .defaults = { "/no/such/file", "/" } };

        assert_string_equal(config_policy_path(&policy), "/");
        policy.defaults[1][0] = '\0';
        assert_null(config_policy_path(&policy));
}

/* It would accept everything, while the administrator believes to have a policy. */
TEST(link_that_leads_nowhere_is_not_the_same_as_no_policy) {
        ConfigPolicy policy = { 0 };
        Scratch scratch;

        scratch_init(&scratch);
        (void) snprintf(
                policy.defaults[0], sizeof(policy.defaults[0]), "%s",
                scratch_at(&scratch, "policy.json"));
        assert_null(config_policy_path(&policy));
        assert_int_equal(symlink("/no/such/file", policy.defaults[0]), 0);
        assert_string_equal(config_policy_path(&policy), policy.defaults[0]);
        scratch_done(&scratch);
}
