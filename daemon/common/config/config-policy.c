/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config-policy.h"

#define SYSTEM_POLICY "/etc/containers/policy.json"
#define USER_POLICY   "containers/policy.json"

/* What no file can have as its name in a worker, whatever is the matter with the value. */
#define NO_POLICY "(none)"

bool config_policy_set(ConfigPolicy *policy, const char *value) {
        const size_t length = strlen(value);

        if (length == 0 || (value[0] == '/' && length < sizeof(policy->path))) {
                strcpy(policy->path, value);
                return true;
        }

        strcpy(policy->path, NO_POLICY);
        return false;
}

/* One that is too long is none. */
static void set_user_default(char ret[static CONFIG_POLICY_PATH_MAX]) {
        const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        int length = 0;

        if (xdg && xdg[0] == '/')
                length = snprintf(ret, CONFIG_POLICY_PATH_MAX, "%s/" USER_POLICY, xdg);
        else if (home && home[0] == '/')
                length = snprintf(ret, CONFIG_POLICY_PATH_MAX, "%s/.config/" USER_POLICY, home);
        if (length < 0 || (size_t) length >= CONFIG_POLICY_PATH_MAX)
                ret[0] = '\0';
}

void config_policy_set_defaults(ConfigPolicy *policy) {
        memset(policy->defaults, 0, sizeof(policy->defaults));
        if (geteuid() != 0)
                set_user_default(policy->defaults[0]);
        strcpy(policy->defaults[1], SYSTEM_POLICY);
}

const char *config_policy_path(const ConfigPolicy *policy) {
        struct stat st;

        if (policy->path[0] != '\0')
                return policy->path;

        /* A link that leads nowhere, or a directory that is closed, is not the same as no policy. */
        for (size_t i = 0; i < CONFIG_POLICIES_MAX; i++)
                if (policy->defaults[i][0] != '\0' &&
                    (lstat(policy->defaults[i], &st) >= 0 || (errno != ENOENT && errno != ENOTDIR)))
                        return policy->defaults[i];

        return NULL;
}
