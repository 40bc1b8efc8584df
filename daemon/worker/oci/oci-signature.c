/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "oci-descriptor.h"
#include "oci-signature.h"
#include "oci-value.h"

#define ATTACHED  "manifest of signatures"
#define REFERRERS "list of referrers"
#define BUNDLE    "manifest of a Sigstore bundle"

#define PAYLOAD_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define BUNDLE_TYPE  "application/vnd.dev.sigstore.bundle.v0.3+json"
#define SIGN_TYPE    "https://sigstore.dev/cosign/sign/v1"

#define SIGNATURE_KEY "dev.cosignproject.cosign/signature"
#define PREDICATE_KEY "dev.sigstore.bundle.predicateType"

void oci_signatures_done(OciSignatures *signatures) {
        for (size_t i = 0; i < signatures->n; i++)
                free(signatures->all[i].text);
        free(signatures->all);
        *signatures = (OciSignatures){ 0 };
}

/* The annotation @key of a descriptor; NULL if it has none. */
static int get_annotation(
        const json_t *value, const char *key, const char *what, const char **ret, Error *error) {
        json_t *annotations = NULL;
        int r;

        *ret = NULL;
        r = oci_value_get_object(value, "annotations", what, &annotations, error);
        return r < 0 || !annotations ? r : oci_value_get_string(annotations, key, what, ret, error);
}

static int add(
        OciSignatures *signatures,
        const OciDescriptor *descriptor,
        const char *text,
        Error *error) {
        OciSignature *signature = &signatures->all[signatures->n];

        *signature = (OciSignature){ .digest = descriptor->digest, .size = descriptor->size };
        if (text) {
                signature->text = strdup(text);
                if (!signature->text)
                        return error_oom(error);
        }

        signatures->n++;
        return 0;
}

static int add_attached(const json_t *value, OciSignatures *signatures, Error *error) {
        _cleanup_(oci_descriptor_done) OciDescriptor descriptor = { 0 };
        const char *text;
        int r;

        r = oci_descriptor_parse(value, ATTACHED, &descriptor, error);
        if (r < 0 || strcmp(descriptor.media_type_text, PAYLOAD_TYPE) != 0)
                return r;

        r = get_annotation(value, SIGNATURE_KEY, ATTACHED, &text, error);
        return r < 0 ? r : add(signatures, &descriptor, text, error);
}

/* The annotation is only a hint, which saves fetching what cannot be a signature. */
static int add_referrer(const json_t *value, OciSignatures *signatures, Error *error) {
        _cleanup_(oci_descriptor_done) OciDescriptor descriptor = { 0 };
        const char *type, *predicate;
        int r;

        r = oci_descriptor_parse(value, REFERRERS, &descriptor, error);
        if (r >= 0)
                r = oci_value_get_string(value, "artifactType", REFERRERS, &type, error);
        if (r < 0 || !type || strcmp(type, BUNDLE_TYPE) != 0)
                return r;

        r = get_annotation(value, PREDICATE_KEY, REFERRERS, &predicate, error);
        if (r < 0 || (predicate && strcmp(predicate, SIGN_TYPE) != 0))
                return r;
        return add(signatures, &descriptor, NULL, error);
}

typedef int (*Add)(const json_t *value, OciSignatures *signatures, Error *error);

static int add_all(const json_t *list, Add add_one, OciSignatures *ret, Error *error) {
        _cleanup_(oci_signatures_done) OciSignatures signatures = { 0 };
        json_t *value;
        size_t i;
        int r;

        /* One more, to notice that there are too many. */
        signatures.all = calloc(OCI_SIGNATURES_MAX + 1, sizeof(signatures.all[0]));
        if (!signatures.all)
                return error_oom(error);

        json_array_foreach(list, i, value) {
                r = add_one(value, &signatures, error);
                if (r < 0)
                        return r;
                if (signatures.n > OCI_SIGNATURES_MAX)
                        return error_set(
                                error, EFBIG, ERROR_LIMIT_EXCEEDED,
                                "The image has more than %zu signatures", OCI_SIGNATURES_MAX);
        }

        *ret = TAKE_STRUCT(signatures);
        return 0;
}

static int parse_list(
        const void *data,
        size_t size,
        const char *key,
        const char *what,
        Add add_one,
        OciSignatures *ret,
        Error *error) {
        json_auto_t *document = NULL;
        json_t *list;
        int r;

        r = oci_value_load(data, size, what, &document, error);
        if (r >= 0)
                r = oci_value_get_array(document, key, what, &list, error);
        if (r < 0)
                return r;
        if (!list)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE, "The %s has no '%s'", what, key);
        return add_all(list, add_one, ret, error);
}

int oci_signatures_parse_attached(const void *data, size_t size, OciSignatures *ret, Error *error) {
        return parse_list(data, size, "layers", ATTACHED, add_attached, ret, error);
}

int oci_signatures_parse_referrers(
        const void *data, size_t size, OciSignatures *ret, Error *error) {
        return parse_list(data, size, "manifests", REFERRERS, add_referrer, ret, error);
}

int oci_signatures_parse_bundle(const void *data, size_t size, OciSignature *ret, Error *error) {
        _cleanup_(oci_descriptor_done) OciDescriptor descriptor = { 0 };
        json_auto_t *document = NULL;
        json_t *layers;
        int r;

        r = oci_value_load(data, size, BUNDLE, &document, error);
        if (r >= 0)
                r = oci_value_get_array(document, "layers", BUNDLE, &layers, error);
        if (r < 0)
                return r;
        if (json_array_size(layers) != 1)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "The " BUNDLE " has %zu layers, not 1", json_array_size(layers));

        r = oci_descriptor_parse(json_array_get(layers, 0), BUNDLE, &descriptor, error);
        if (r < 0)
                return r;
        if (strcmp(descriptor.media_type_text, BUNDLE_TYPE) != 0)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "The layer of the " BUNDLE " has the type '%s', not '" BUNDLE_TYPE "'",
                        descriptor.media_type_text);

        *ret = (OciSignature){ .digest = descriptor.digest, .size = descriptor.size };
        return 0;
}
