/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "oci-descriptor.h"
#include "oci-value.h"

void oci_descriptor_done(OciDescriptor *descriptor) {
        free(descriptor->url);
        descriptor->url = NULL;
}

static int get_size(const json_t *value, const char *what, uint64_t *ret, Error *error) {
        const json_t *size = oci_value_get(value, "size");

        if (!json_is_integer(size) || json_integer_value(size) < 0)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "A size in the %s is missing or not a number of bytes", what);
        if ((uint64_t) json_integer_value(size) > DESCRIPTOR_SIZE_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "A size in the %s is %ju bytes, more than %ju", what,
                        (uintmax_t) json_integer_value(size), (uintmax_t) DESCRIPTOR_SIZE_MAX);

        *ret = (uint64_t) json_integer_value(size);
        return 0;
}

static int get_media_type(
        const json_t *value, const char *what, OciDescriptor *descriptor, Error *error) {
        const char *text;
        size_t length;
        int r;

        r = oci_value_get_string(value, "mediaType", what, &text, error);
        if (r < 0)
                return r;
        if (!text)
                return 0;

        descriptor->media_type = oci_media_type_parse(text);
        length = strnlen(text, MEDIA_TYPE_TEXT_MAX);
        for (size_t i = 0; i < length; i++)
                descriptor->media_type_text[i] =
                        (char) (text[i] > ' ' && text[i] <= '~' ? text[i] : '?');
        return 0;
}

static bool is_usable_url(const char *text) {
        if (strncasecmp(text, "https://", strlen("https://")) != 0 &&
            strncasecmp(text, "http://", strlen("http://")) != 0)
                return false;
        if (strlen(text) > DESCRIPTOR_URL_MAX)
                return false;

        for (const char *p = text; *p; p++)
                if (*p <= ' ' || *p > '~')
                        return false;
        return true;
}

static int get_url(const json_t *value, const char *what, char **ret, Error *error) {
        json_t *urls, *url;
        size_t i;
        int r;

        r = oci_value_get_array(value, "urls", what, &urls, error);
        if (r < 0)
                return r;

        json_array_foreach(urls, i, url) {
                const char *text = json_string_value(url);

                if (!text || !is_usable_url(text))
                        continue;

                *ret = strdup(text);
                return *ret ? 0 : error_oom(error);
        }

        return 0;
}

int oci_descriptor_parse(const json_t *value, const char *what, OciDescriptor *ret, Error *error) {
        static const char *const names[] = { "mediaType", "digest", "size", "urls", NULL };
        _cleanup_(oci_descriptor_done) OciDescriptor descriptor = { 0 };
        int r;

        if (!json_is_object(value))
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "A descriptor in the %s is not an object", what);

        r = oci_value_check_keys(value, names, what, error);
        if (r < 0)
                return r;
        r = oci_value_get_digest(value, "digest", what, &descriptor.digest, error);
        if (r < 0)
                return r;
        r = get_size(value, what, &descriptor.size, error);
        if (r < 0)
                return r;
        r = get_media_type(value, what, &descriptor, error);
        if (r < 0)
                return r;

        if (oci_media_type_is_foreign(descriptor.media_type)) {
                r = get_url(value, what, &descriptor.url, error);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_STRUCT(descriptor);
        return 0;
}
