/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "step-document.h"
#include "step-fetch-image.h"
#include "step-signatures.h"
#include "step-transfer.h"

/* A caller with a digest from elsewhere cannot know which one is right. */
static int check_made_digest(const Digest *wanted, const Digest *made, Error *error) {
        char want[DIGEST_STRING_MAX], have[DIGEST_STRING_MAX];

        if (digest_equal(wanted, made))
                return 0;
        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH,
                "A docker archive does not state its image's digest; the manifest made of its config "
                "and layers has the digest %s, not %s",
                digest_format(made, have), digest_format(wanted, want));
}

static int send_top(
        StepChannel *channel,
        const ProtoFetchStart *start,
        const StepGatheredImage *image,
        Error *error) {
        ProtoMessage message = { .type = PROTO_TOP, .top.digest = image->digest };
        ProtoTop *top = &message.top;
        int r;

        if (start->keep_signed && oci_media_type_class(image->media_type) == MEDIA_CLASS_SCHEMA1) {
                r = step_document_bring_signed(channel, &image->digest, &top->signed_digest, error);
                if (r < 0)
                        return r;
                top->has_signed = 1;
        }

        (void) proto_text_set(
                top->media_type, sizeof(top->media_type),
                oci_media_type_to_string(image->media_type));
        if (channel->source->name)
                (void) proto_text_set(top->name, sizeof(top->name), channel->source->name);
        return step_send(channel->socket_fd, &message, error);
}

int step_fetch_image(
        StepChannel *channel,
        const ProtoFetchStart *start,
        const StepWantedImage *wanted,
        Error *error) {
        _cleanup_(step_gathered_image_done) StepGatheredImage image = { 0 };
        StepWantedPlatform platform;
        int r;

        r = step_resolve_platform(start->platform, &platform, error);
        if (r >= 0)
                r = step_gather_image(channel, &platform.platform, wanted, &image, error);
        if (r >= 0 && start->has_digest && wanted->is_made)
                r = check_made_digest(&start->digest, &image.digest, error);
        if (r >= 0)
                r = send_top(channel, start, &image, error);
        if (r >= 0 && start->signatures)
                r = step_signatures_send(channel, &image.digest, error);
        if (r < 0 || start->inspect)
                return r;

        return step_transfer_layers(channel, &image.manifest, start->parallel_blobs, error);
}
