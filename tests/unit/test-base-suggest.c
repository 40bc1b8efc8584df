/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <string.h>

#include "base-suggest.h"

static const char *const words[] = { "list", "show", "attach", "cancel", "inspect", "monitor" };

TEST(nearest_word_is_found) {
        static const struct {
                const char *word, *nearest;
        } cases[] = {
                { "list", "list" },
                { "liist", "list" },
                { "lst", "list" },
                { "llist", "list" },
                { "lisr", "list" },
                { "shoow", "show" },
                { "attahc", "attach" },
                { "cancxl", "cancel" },
                { "inpsetc", "inspect" },
                { "mointer", "monitor" },
                { "frob", NULL },
                { "lost!", NULL },
                { "x", NULL },
                { "", NULL },
                { "attachment", NULL },
                { "lxxt", NULL },
        };
        char endless[200];

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const char *found = suggest_word(cases[i].word, words, 6);

                if ((found == NULL) != (cases[i].nearest == NULL) ||
                    (found && strcmp(found, cases[i].nearest) != 0))
                        fail_msg("%s: %s", cases[i].word, found ? found : "nothing");
        }
        memset(endless, 'a', sizeof(endless) - 1);
        endless[sizeof(endless) - 1] = '\0';
        assert_null(suggest_word(endless, words, 6));
        assert_null(suggest_word("list", (const char *const[]){ endless }, 1));
}
