/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base-home.h"

int home_find_config(char **ret) {
        const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        int r = 0;

        *ret = NULL;
        if (geteuid() == 0)
                return 0;

        if (xdg && xdg[0] == '/')
                r = asprintf(ret, "%s", xdg);
        else if (home && home[0] == '/')
                r = asprintf(ret, "%s/.config", home);
        if (r >= 0)
                return 0;

        *ret = NULL;
        return -ENOMEM;
}
