/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "trust-base64.h"

TEST(texts_of_the_rfc_are_decoded) {
        static const struct {
                const char *text, *data;
        } cases[] = {
                { "", "" },
                { "Zg==", "f" },
                { "Zm8=", "f\x6f" },
                { "Zm9v", "foo" },
                { "Zm9vYg==", "foob" },
                { "Zm9vYmE=", "fooba" },
                { "Zm9vYmFy", "foobar" },
                { "+/+/", "\xfb\xff\xbf" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_(freep) uint8_t *data = NULL;
                size_t size;

                assert_int_equal(trust_base64_decode(cases[i].text, &data, &size), 0);
                assert_int_equal(size, strlen(cases[i].data));
                assert_memory_equal(data, cases[i].data, size + 1);
        }
}

/* Two texts for one signature would be two signatures. */
TEST(what_is_not_canonical_is_refused) {
        static const char *const texts[] = {
                "Z",    "Zg",   "Zg=",    "Zg===", "Zh==", "Zm9=",     "Zm8=Zm8=", "Z===",
                "====", "=Zg=", "Zm9v\n", " Zm9v", "Zm-v", "Zm9v====", "Zm\x80v",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                uint8_t *data = NULL;
                size_t size;

                if (trust_base64_decode(texts[i], &data, &size) != -EINVAL)
                        fail_msg("\"%s\" is accepted", texts[i]);
                assert_null(data);
        }
}
