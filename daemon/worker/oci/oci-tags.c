/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "oci-tags.h"
#include "oci-value.h"
#include "reference.h"

#define WHAT "list of tags"

struct OciTags {
        json_t *seen; /* owned; an object, which keeps the order of its keys: the tags */
};

OciTags *oci_tags_new(void) {
        OciTags *tags = calloc(1, sizeof(*tags));

        if (!tags)
                return NULL;

        tags->seen = json_object();
        return tags->seen ? tags : oci_tags_free(tags);
}

OciTags *oci_tags_free(OciTags *tags) {
        if (!tags)
                return NULL;

        json_decref(tags->seen);
        free(tags);
        return NULL;
}

static int add_tag(OciTags *tags, const json_t *value, Error *error) {
        const char *tag = json_string_value(value);
        char quoted[TEXT_QUOTE_MAX];

        if (!tag || !reference_is_tag(tag))
                return error_set(
                        error, EBADMSG, ERROR_REGISTRY_ERROR,
                        "The registry's " WHAT " contains '%s', which is not a tag",
                        text_quote(tag ? tag : "", quoted));
        if (json_object_get(tags->seen, tag))
                return 0;
        if (json_object_size(tags->seen) == OCI_TAGS_MAX)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "The registry's " WHAT " has more than %zu tags", OCI_TAGS_MAX);

        return json_object_set_new(tags->seen, tag, json_true()) < 0 ? error_oom(error) : 0;
}

int oci_tags_add_page(OciTags *tags, const void *data, size_t size, Error *error) {
        _cleanup_(error_clear) Error problem = ERROR_NULL;
        json_auto_t *page = NULL;
        json_t *list = NULL, *value;
        size_t i;
        int r;

        r = oci_value_load(data, size, WHAT, &page, &problem);
        if (r >= 0)
                r = oci_value_get_array(page, "tags", WHAT, &list, &problem);
        /* There is no image: the registry is what is wrong. */
        if (r < 0 && problem.kind == ERROR_UNSUPPORTED_IMAGE)
                return error_set(error, EBADMSG, ERROR_REGISTRY_ERROR, "%s", error_text(&problem));
        if (r < 0)
                return error_copy(error, &problem);

        json_array_foreach(list, i, value) {
                r = add_tag(tags, value, error);
                if (r < 0)
                        return r;
        }

        return 0;
}

size_t oci_tags_count(const OciTags *tags) {
        return json_object_size(tags->seen);
}

const char *oci_tags_next(OciTags *tags, const char *tag) {
        void *iterator = tag ? json_object_iter_next(tags->seen, json_object_key_to_iter(tag))
                             : json_object_iter(tags->seen);

        return iterator ? json_object_iter_key(iterator) : NULL;
}
