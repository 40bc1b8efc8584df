/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci-document.h"
#include "oci-layout.h"
#include "step-document.h"
#include "step-image.h"

void step_gathered_image_done(StepGatheredImage *image) {
        oci_manifest_done(&image->manifest);
}

void step_resolved_image_done(StepImage *image) {
        oci_manifest_done(&image->manifest);
        oci_config_done(&image->config);
        free(image->manifest_text);
        free(image->config_text);
}

/* Gets the document that the name refers to. */
static int get_top(
        StepChannel *channel, const StepWantedImage *wanted, StepDocument *ret, Error *error) {
        if (wanted->has_digest)
                return step_document_get_manifest(channel, &wanted->digest, ret, error);
        return step_document_get_top(channel, wanted->algorithm, ret, error);
}

/* Follows indexes to a manifest, which replaces @document. @hint gets the platform of its entry. */
static int descend(
        StepChannel *channel,
        const ReferencePlatform *wanted,
        StepDocument *document,
        OciMediaType *type,
        ReferencePlatform *hint,
        Error *error) {
        int r;

        for (unsigned depth = 0;; depth++) {
                _cleanup_(step_document_done) StepDocument child = { 0 };
                _cleanup_(oci_index_done) OciIndex index = { 0 };
                const OciIndexEntry *entry;

                r = oci_document_classify(
                        document->data, document->size, document->content_type, type, error);
                if (r < 0 || oci_media_type_class(*type) != MEDIA_CLASS_INDEX)
                        return r;
                if (depth == INDEX_DEPTH_MAX)
                        return error_set(
                                error, ELOOP, ERROR_LIMIT_EXCEEDED,
                                "The image has more than %u nested indexes", INDEX_DEPTH_MAX);

                r = oci_index_parse(document->data, document->size, &index, error);
                if (r >= 0)
                        r = oci_index_select(&index, wanted, &entry, error);
                if (r >= 0)
                        r = step_document_get_manifest(
                                channel, &entry->descriptor.digest, &child, error);
                if (r < 0)
                        return r;

                if (entry->has_platform)
                        *hint = entry->platform;
                if (!child.content_type && entry->descriptor.media_type != MEDIA_TYPE_UNKNOWN) {
                        child.content_type =
                                strdup(oci_media_type_to_string(entry->descriptor.media_type));
                        if (!child.content_type)
                                return error_oom(error);
                }
                step_document_done(document);
                *document = child;
                child = (StepDocument){ 0 };
        }
}

/* An image without an index is for one platform, and is used unless the user named another. */
static int check_platform(
        StepChannel *channel,
        const StepImage *image,
        const StepWantedPlatform *wanted,
        Error *error) {
        char have[PLATFORM_STRING_MAX], want[PLATFORM_STRING_MAX], text[256];

        if (image->platform.os[0] == '\0' || image->platform.architecture[0] == '\0' ||
            reference_platform_rank(&wanted->platform, &image->platform) >= 0)
                return 0;

        reference_platform_format(&image->platform, have);
        reference_platform_format(&wanted->platform, want);
        if (wanted->is_explicit)
                return error_set(
                        error, ENOENT, ERROR_NO_MATCHING_PLATFORM,
                        "The image is for %s, not for %s", have, want);

        (void) snprintf(
                text, sizeof(text), "The image is for %s, but this machine is %s", have, want);
        return step_warn(channel->socket_fd, text, error);
}

static int read_config(StepChannel *channel, StepImage *image, Error *error) {
        _cleanup_(step_document_done) StepDocument document = { 0 };
        int r;

        if (image->manifest.has_platform)
                image->platform = image->manifest.platform;
        if (!image->manifest.has_config)
                return 0;

        r = step_document_get_config(channel, &image->manifest.config, &document, error);
        if (r >= 0)
                r = oci_config_parse(document.data, document.size, &image->config, error);
        if (r >= 0)
                r = oci_config_match_layers(&image->config, &image->manifest, error);
        if (r >= 0 && image->config.platform.os[0] != '\0' &&
            image->config.platform.architecture[0] != '\0')
                image->platform = image->config.platform;
        image->config_text = TAKE_PTR(document.data);
        image->config_size = document.size;
        return r;
}

/* The store is an OCI layout: an image with a Docker manifest also gets an OCI manifest there. */
static int make_layout(StepChannel *channel, StepImage *image, Error *error) {
        _cleanup_(step_document_done) StepDocument document = { 0 };
        int r;

        image->layout_digest = image->manifest_digest;
        image->layout_media_type = image->manifest_media_type;
        if (image->manifest_media_type != MEDIA_TYPE_DOCKER_MANIFEST)
                return 0;

        r = oci_layout_manifest(&image->manifest, &document.data, &document.size, error);
        if (r >= 0)
                r = step_document_keep(channel, DIGEST_SHA256, &document, error);
        if (r < 0)
                return r;

        image->layout_digest = document.digest;
        image->layout_media_type = MEDIA_TYPE_OCI_MANIFEST;
        return 0;
}

/* The daemon checks it as well, but only after more of a wrong image was fetched. */
static int check_pin(
        const StepWantedImage *wanted, const Digest *top, const Digest *manifest, Error *error) {
        char have[DIGEST_STRING_MAX], want[DIGEST_STRING_MAX];

        if (!wanted->pin || digest_equal(wanted->pin, top) || digest_equal(wanted->pin, manifest))
                return 0;

        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH, "The image has the digest %s, not %s",
                digest_format(top, have), digest_format(wanted->pin, want));
}

static int gather_documents(
        StepChannel *channel,
        const ReferencePlatform *platform,
        const StepWantedImage *wanted,
        StepDocument *document,
        StepGatheredImage *image,
        Error *error) {
        OciMediaType type;
        ReferencePlatform hint;
        int r;

        image->digest = document->digest;
        r = oci_document_classify(
                document->data, document->size, document->content_type, &image->media_type, error);
        if (r >= 0)
                r = descend(channel, platform, document, &type, &hint, error);
        if (r >= 0)
                r = check_pin(wanted, &image->digest, &document->digest, error);
        if (r >= 0)
                r = oci_manifest_parse(
                        document->data, document->size, type, &image->manifest, error);
        if (r >= 0 && image->manifest.has_config)
                r = step_document_bring_config(channel, &image->manifest.config, error);
        return r;
}

int step_gather_image(
        StepChannel *channel,
        const ReferencePlatform *platform,
        const StepWantedImage *wanted,
        StepGatheredImage *ret,
        Error *error) {
        _cleanup_(step_gathered_image_done) StepGatheredImage image = { 0 };
        _cleanup_(step_document_done) StepDocument document = { 0 };
        int r;

        r = get_top(channel, wanted, &document, error);
        if (r < 0)
                return r;

        r = gather_documents(channel, platform, wanted, &document, &image, error);
        if (r < 0) {
                if (wanted->prefix_errors)
                        (void) error_prefix(error, "%s", wanted->name);
                return r;
        }

        *ret = image;
        image = (StepGatheredImage){ 0 };
        return 0;
}

/* From the document that the name refers to, to the layers. */
static int read_image(
        StepChannel *channel,
        const StepWantedPlatform *wanted,
        StepDocument *document,
        StepImage *image,
        Error *error) {
        int r;

        image->digest = document->digest;
        r = oci_document_classify(
                document->data, document->size, document->content_type, &image->media_type, error);
        if (r >= 0)
                r =
                        descend(channel, &wanted->platform, document, &image->manifest_media_type,
                                &image->platform, error);
        if (r < 0)
                return r;

        image->manifest_digest = document->digest;
        r = oci_manifest_parse(
                document->data, document->size, image->manifest_media_type, &image->manifest,
                error);
        if (r >= 0)
                r = read_config(channel, image, error);
        if (r >= 0)
                r = check_platform(channel, image, wanted, error);
        if (r >= 0)
                r = make_layout(channel, image, error);
        image->manifest_text = TAKE_PTR(document->data);
        image->manifest_size = document->size;
        return r;
}

int step_resolve_image(
        StepChannel *channel,
        const StepWantedPlatform *platform,
        const ProtoTop *top,
        StepImage *ret,
        Error *error) {
        _cleanup_(step_resolved_image_done) StepImage image = { 0 };
        _cleanup_(step_document_done) StepDocument document = { 0 };
        int r;

        r = step_document_get_manifest(channel, &top->digest, &document, error);
        if (r < 0)
                return r;
        if (top->media_type[0] != '\0') {
                document.content_type = strdup(top->media_type);
                if (!document.content_type)
                        return error_oom(error);
        }

        if (top->has_signed)
                r = step_document_check_signed(channel, &top->signed_digest, &top->digest, error);
        if (r >= 0)
                r = read_image(channel, platform, &document, &image, error);
        if (r < 0)
                return r;

        *ret = image;
        image = (StepImage){ 0 };
        return 0;
}

int step_resolve_platform(const char *platform, StepWantedPlatform *ret, Error *error) {
        ret->is_explicit = platform[0] != '\0';
        return ret->is_explicit ? reference_platform_parse(platform, &ret->platform, error)
                                : reference_platform_host(&ret->platform, error);
}
