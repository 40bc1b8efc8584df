/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oci-document.h"
#include "oci-layout.h"
#include "step-document.h"
#include "step-resolve.h"

void gathered_image_done(GatheredImage *image) {
        manifest_done(&image->manifest);
}

void resolved_image_done(ResolvedImage *image) {
        manifest_done(&image->manifest);
        config_done(&image->config);
}

/* The document that the name stands for. */
static int get_top(FetchChannel *channel, const WantedImage *wanted, Document *ret, Error *error) {
        if (wanted->has_digest)
                return document_get_manifest(channel, &wanted->digest, ret, error);
        return document_get_top(channel, wanted->algorithm, ret, error);
}

/* Follows indexes down to a manifest: @document is replaced. @hint has the platform of its entry. */
static int descend(
        FetchChannel *channel,
        const Platform *wanted,
        Document *document,
        MediaType *type,
        Platform *hint,
        Error *error) {
        int r;

        for (unsigned depth = 0;; depth++) {
                _cleanup_(document_done) Document child = { 0 };
                _cleanup_(index_done) Index index = { 0 };
                const IndexEntry *entry;

                r = document_classify(
                        document->data, document->size, document->content_type, type, error);
                if (r < 0 || media_type_class(*type) != MEDIA_CLASS_INDEX)
                        return r;
                if (depth == INDEX_DEPTH_MAX)
                        return error_set(
                                error, ELOOP, ERROR_LIMIT_EXCEEDED,
                                "The image has more than %u indexes inside each other",
                                INDEX_DEPTH_MAX);

                r = index_parse(document->data, document->size, &index, error);
                if (r >= 0)
                        r = index_select(&index, wanted, &entry, error);
                if (r >= 0)
                        r = document_get_manifest(
                                channel, &entry->descriptor.digest, &child, error);
                if (r < 0)
                        return r;

                if (entry->has_platform)
                        *hint = entry->platform;
                if (!child.content_type && entry->descriptor.media_type != MEDIA_TYPE_UNKNOWN) {
                        child.content_type =
                                strdup(media_type_to_string(entry->descriptor.media_type));
                        if (!child.content_type)
                                return error_oom(error);
                }
                document_done(document);
                *document = child;
                child = (Document){ 0 };
        }
}

static int warn(FetchChannel *channel, const char *text, Error *error) {
        ProtoMessage message = { .type = PROTO_WARNING };

        (void) proto_text_set(message.warning.text, sizeof(message.warning.text), text);
        return worker_send(channel->socket_fd, &message, error);
}

/* An image without an index is for one platform only. Who did not say which gets it all the same. */
static int check_platform(
        FetchChannel *channel,
        const ResolvedImage *image,
        const WantedPlatform *wanted,
        Error *error) {
        char have[PLATFORM_STRING_MAX], want[PLATFORM_STRING_MAX], text[256];

        if (image->platform.os[0] == '\0' || image->platform.architecture[0] == '\0' ||
            platform_rank(&wanted->platform, &image->platform) >= 0)
                return 0;

        platform_format(&image->platform, have);
        platform_format(&wanted->platform, want);
        if (wanted->is_explicit)
                return error_set(
                        error, ENOENT, ERROR_NO_MATCHING_PLATFORM,
                        "The image is for %s, not for %s", have, want);

        (void) snprintf(
                text, sizeof(text), "The image is for %s, and this machine is %s", have, want);
        return warn(channel, text, error);
}

static int read_config(FetchChannel *channel, ResolvedImage *image, Error *error) {
        _cleanup_(document_done) Document document = { 0 };
        int r;

        if (image->manifest.has_platform)
                image->platform = image->manifest.platform;
        if (!image->manifest.has_config)
                return 0;

        r = document_get_config(channel, &image->manifest.config, &document, error);
        if (r >= 0)
                r = config_parse(document.data, document.size, &image->config, error);
        if (r >= 0)
                r = config_match_layers(&image->config, &image->manifest, error);
        if (r >= 0 && image->config.platform.os[0] != '\0' &&
            image->config.platform.architecture[0] != '\0')
                image->platform = image->config.platform;
        return r;
}

/* The store is an OCI layout: what has a Docker manifest gets an OCI one there, too. */
static int make_layout(FetchChannel *channel, ResolvedImage *image, Error *error) {
        _cleanup_(document_done) Document document = { 0 };
        int r;

        image->layout_digest = image->manifest_digest;
        image->layout_media_type = image->manifest_media_type;
        if (image->manifest_media_type != MEDIA_TYPE_DOCKER_MANIFEST)
                return 0;

        r = layout_manifest(&image->manifest, &document.data, &document.size, error);
        if (r >= 0)
                r = document_keep(channel, DIGEST_SHA256, &document, error);
        if (r < 0)
                return r;

        image->layout_digest = document.digest;
        image->layout_media_type = MEDIA_TYPE_OCI_MANIFEST;
        return 0;
}

static int gather_documents(
        FetchChannel *channel,
        const Platform *platform,
        Document *document,
        GatheredImage *image,
        Error *error) {
        MediaType type;
        Platform hint;
        int r;

        image->digest = document->digest;
        r = document_classify(
                document->data, document->size, document->content_type, &image->media_type, error);
        if (r >= 0)
                r = descend(channel, platform, document, &type, &hint, error);
        if (r >= 0)
                r = manifest_parse(document->data, document->size, type, &image->manifest, error);
        if (r >= 0 && image->manifest.has_config)
                r = document_bring_config(channel, &image->manifest.config, error);
        return r;
}

int gather_image(
        FetchChannel *channel,
        const Platform *platform,
        const WantedImage *wanted,
        GatheredImage *ret,
        Error *error) {
        _cleanup_(gathered_image_done) GatheredImage image = { 0 };
        _cleanup_(document_done) Document document = { 0 };
        int r;

        r = get_top(channel, wanted, &document, error);
        if (r < 0)
                return r;

        r = gather_documents(channel, platform, &document, &image, error);
        if (r < 0) {
                if (wanted->prefix_errors)
                        (void) error_prefix(error, "%s", wanted->name);
                return r;
        }

        *ret = image;
        image = (GatheredImage){ 0 };
        return 0;
}

/* From the document that the name stands for to the layers. */
static int read_image(
        FetchChannel *channel,
        const WantedPlatform *wanted,
        Document *document,
        ResolvedImage *image,
        Error *error) {
        int r;

        image->digest = document->digest;
        r = document_classify(
                document->data, document->size, document->content_type, &image->media_type, error);
        if (r >= 0)
                r =
                        descend(channel, &wanted->platform, document, &image->manifest_media_type,
                                &image->platform, error);
        if (r < 0)
                return r;

        image->manifest_digest = document->digest;
        r = manifest_parse(
                document->data, document->size, image->manifest_media_type, &image->manifest,
                error);
        if (r >= 0)
                r = read_config(channel, image, error);
        if (r >= 0)
                r = check_platform(channel, image, wanted, error);
        if (r >= 0)
                r = make_layout(channel, image, error);
        return r;
}

int resolve_image(
        FetchChannel *channel,
        const WantedPlatform *platform,
        const ProtoTop *top,
        ResolvedImage *ret,
        Error *error) {
        _cleanup_(resolved_image_done) ResolvedImage image = { 0 };
        _cleanup_(document_done) Document document = { 0 };
        int r;

        r = document_get_manifest(channel, &top->digest, &document, error);
        if (r < 0)
                return r;
        if (top->media_type[0] != '\0') {
                document.content_type = strdup(top->media_type);
                if (!document.content_type)
                        return error_oom(error);
        }

        r = read_image(channel, platform, &document, &image, error);
        if (r < 0)
                return r;

        *ret = image;
        image = (ResolvedImage){ 0 };
        return 0;
}

int resolve_platform(const char *platform, WantedPlatform *ret, Error *error) {
        ret->is_explicit = platform[0] != '\0';
        return ret->is_explicit ? platform_parse(platform, &ret->platform, error)
                                : platform_host(&ret->platform, error);
}
