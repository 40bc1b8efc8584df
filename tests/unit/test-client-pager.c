/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdlib.h>

#include "base-cleanup.h"
#include "client-pager.h"

/* NULL unsets a variable. */
static ClientPagerPlan plan(
        bool is_own_session, const char *systemd_pager, const char *pager, const char *secure) {
        const struct {
                const char *name, *value;
        } variables[] = {
                { "SYSTEMD_PAGER", systemd_pager },
                { "PAGER", pager },
                { "SYSTEMD_PAGERSECURE", secure },
        };
        ClientPagerPlan made;

        for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
                assert_int_equal(
                        variables[i].value ? setenv(variables[i].name, variables[i].value, true)
                                           : unsetenv(variables[i].name),
                        0);
        assert_int_equal(client_pager_plan(is_own_session, &made), 0);
        return made;
}

static void expect(ClientPagerPlan made, const char *program, bool is_secure) {
        assert_true(made.is_wanted);
        assert_int_equal(made.is_secure, is_secure);
        if (program)
                assert_string_equal(made.arguments[0], program);
        else
                assert_null(made.arguments[0]);
        client_pager_plan_done(&made);
}

TEST(pager_of_the_session_s_own_user_is_used) {
        expect(plan(true, NULL, NULL, NULL), NULL, false);
        expect(plan(true, NULL, "most", NULL), "most", false);
        expect(plan(true, "moar", "most", NULL), "moar", false);
}

TEST(pager_of_somebody_else_s_session_is_secure_and_not_the_one_in_the_environment) {
        expect(plan(false, NULL, NULL, NULL), NULL, true);
        expect(plan(false, NULL, "most", NULL), NULL, true);
        expect(plan(false, "moar", NULL, NULL), NULL, true);
}

TEST(whoever_says_whether_it_is_to_be_secure_chooses_the_pager) {
        expect(plan(false, "moar", NULL, "1"), "moar", true);
        expect(plan(false, "moar", NULL, "no"), "moar", false);
        expect(plan(true, "moar", NULL, "yes"), "moar", true);
        expect(plan(true, "moar", NULL, "nonsense"), "moar", true);
        expect(plan(true, "moar", NULL, ""), "moar", true);
        expect(plan(false, NULL, NULL, "false"), NULL, false);
}

TEST(empty_pager_and_cat_mean_none) {
        static const char *const none[] = { "", " \t", "cat" };

        for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
                for (int is_own = 0; is_own <= 1; is_own++) {
                        ClientPagerPlan made = plan(is_own, none[i], "most", NULL);

                        assert_false(made.is_wanted);
                        client_pager_plan_done(&made);
                        made = plan(is_own, NULL, none[i], NULL);
                        assert_false(made.is_wanted);
                        client_pager_plan_done(&made);
                }
}

TEST(arguments_are_split_at_blanks_and_no_shell_sees_them) {
        ClientPagerPlan made = plan(true, " less  -R\t$(x) ", NULL, NULL);

        assert_string_equal(made.arguments[0], "less");
        assert_string_equal(made.arguments[1], "-R");
        assert_string_equal(made.arguments[2], "$(x)");
        assert_null(made.arguments[3]);
        client_pager_plan_done(&made);
}

TEST(more_arguments_than_there_is_room_for_are_left_out) {
        ClientPagerPlan made =
                plan(true, "p 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18", NULL, NULL);

        assert_string_equal(made.arguments[PAGER_ARGUMENTS_MAX - 1], "15");
        assert_null(made.arguments[PAGER_ARGUMENTS_MAX]);
        client_pager_plan_done(&made);
}
