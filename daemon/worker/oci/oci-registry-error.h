/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a registry says about a failure (distribution-spec, "Error Codes"). */

#include <stdbool.h>
#include <stddef.h>

#define OCI_REGISTRY_ERROR_DOCUMENT_MAX ((size_t) 1 << 20) /* bytes; not looked at above */
#define OCI_REGISTRY_ERROR_MAX          ((size_t) 512)     /* bytes of the text, with the NUL */

/**
 * oci_registry_error_parse() - make one line of text of a body
 *
 * The first error's code and message, as "CODE: message"; for token servers that know no such list,
 * the string "details", "message" or "error". Only printable ASCII: everything else becomes '?',
 * runs of blanks and control characters a single space. What is too long ends in "...".
 *
 * Return: whether there was anything to say; @ret is empty when not.
 */
bool oci_registry_error_parse(
        const void *data, size_t size, char ret[static OCI_REGISTRY_ERROR_MAX]);
