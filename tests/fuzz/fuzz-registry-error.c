/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "fuzz.h"
#include "oci-registry-error.h"

/* Whatever a registry says is one line of printable ASCII. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char text[OCI_REGISTRY_ERROR_MAX];
        bool says = oci_registry_error_parse(data, size, text);

        if (says != (text[0] != '\0') || strlen(text) >= sizeof(text))
                __builtin_trap();
        for (const char *p = text; *p != '\0'; p++)
                if (*p < ' ' || *p > '~' || (p[0] == ' ' && (p[1] == ' ' || p[1] == '\0')))
                        __builtin_trap();
        return 0;
}
