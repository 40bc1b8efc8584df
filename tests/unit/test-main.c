/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

int main(void) {
        return test_run();
}
