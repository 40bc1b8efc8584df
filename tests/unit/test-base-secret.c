/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base-secret.h"
#include "test-freed.h"

#define SECRET "drowssap"

static char *make_secret(size_t size) {
        char *secret = calloc(1, size);

        assert_non_null(secret);
        strcpy(secret + size - sizeof(SECRET), SECRET);
        return secret;
}

static int look_for_secret(void **state) {
        freed_text = SECRET;
        n_freed_with_text = 0;
        return 0;
}

static int stop_looking(void **state) {
        freed_text = NULL;
        return 0;
}

#define SECRET_TEST(name) TEST_WITH(name, look_for_secret, stop_looking)

SECRET_TEST(secret_is_cleared_to_its_last_byte) {
        char *secret = make_secret(100);

        secret_free(make_secret(100));
        secret_freep(&secret);
        secret_free(NULL);
        assert_int_equal(n_freed_with_text, 0);
}

SECRET_TEST(secret_that_moves_stays_nowhere) {
        static const size_t sizes[] = { 100, 101, 5000, 1 << 20 };
        char *secret = make_secret(100);

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                secret = secret_realloc(secret, sizes[i]);
                assert_non_null(secret);
                assert_string_equal(secret + 100 - sizeof(SECRET), SECRET);
        }
        secret = secret_realloc(secret, 10);
        assert_non_null(secret);
        secret_free(secret);
        assert_int_equal(n_freed_with_text, 0);

        secret = secret_realloc(NULL, 10);
        assert_non_null(secret);
        secret_free(secret);
}
