/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "oci-report.h"
#include "sandbox.h"
#include "step-image.h"
#include "step-transfer.h"

static int send_image(StepChannel *channel, const StepImage *image, Error *error) {
        ProtoMessage message = {
                .type = PROTO_IMAGE,
                .image = {
                        .digest = image->digest,
                        .manifest = image->manifest_digest,
                        .layout = image->layout_digest,
                        .n_layers = (uint32_t) image->manifest.n_layers,
                },
        };
        char platform[PLATFORM_STRING_MAX];
        ProtoImage *m = &message.image;

        if (image->manifest.has_config) {
                m->has_config = 1;
                m->config = image->manifest.config.digest;
        }

        (void) proto_text_set(
                m->media_type, sizeof(m->media_type), oci_media_type_to_string(image->media_type));
        (void) proto_text_set(
                m->layout_media_type, sizeof(m->layout_media_type),
                oci_media_type_to_string(image->layout_media_type));
        (void) proto_text_set(
                m->platform, sizeof(m->platform),
                image->platform.os[0] != '\0'
                        ? reference_platform_format(&image->platform, platform)
                        : "unknown/unknown");
        return step_send(channel->socket_fd, &message, error);
}

static int send_detail(
        StepChannel *channel,
        ProtoDetailKind kind,
        const char *key,
        const char *value,
        Error *error) {
        ProtoMessage message = { .type = PROTO_DETAIL, .detail.kind = kind };

        if (!value)
                return 0;

        (void) proto_text_set(message.detail.key, sizeof(message.detail.key), key);
        (void) proto_text_set(message.detail.value, sizeof(message.detail.value), value);
        return step_send(channel->socket_fd, &message, error);
}

/* Only Inspect needs them. */
static int send_details(StepChannel *channel, const OciConfig *config, Error *error) {
        int r;

        r = send_detail(channel, PROTO_DETAIL_CREATED, "", config->created, error);
        if (r >= 0)
                r = send_detail(channel, PROTO_DETAIL_AUTHOR, "", config->author, error);
        for (size_t i = 0; r >= 0 && i < config->n_labels; i++)
                r = send_detail(
                        channel, PROTO_DETAIL_LABEL, config->labels[i].name,
                        config->labels[i].value, error);
        for (size_t i = 0; r >= 0 && i < config->n_env; i++)
                r = send_detail(channel, PROTO_DETAIL_ENV, "", config->env[i], error);
        return r;
}

static int make_report(const StepImage *image, ProtoReportKind kind, char **ret, Error *error) {
        const OciReportInput input = {
                .digest = &image->digest,
                .manifest_type = image->manifest_media_type,
                .manifest = image->manifest_text,
                .manifest_size = image->manifest_size,
                .config = image->config_text,
                .config_size = image->config_size,
        };

        return kind == PROTO_REPORT_IMAGE ? oci_report_image(&input, ret, error)
                                          : oci_report_config(&input, ret, error);
}

/* For the caller, in pieces. */
static int send_report(
        StepChannel *channel, const StepImage *image, ProtoReportKind kind, Error *error) {
        _cleanup_(freep) char *report = NULL;
        int r;

        if (kind == PROTO_REPORT_NONE)
                return 0;

        r = make_report(image, kind, &report, error);
        for (size_t size = report ? strlen(report) : 0, sent = 0; r >= 0 && sent < size;) {
                ProtoMessage message = { .type = PROTO_REPORT };
                ProtoReport *m = &message.report;

                m->size =
                        (uint32_t) (size - sent < sizeof(m->data) ? size - sent : sizeof(m->data));
                memcpy(m->data, report + sent, m->size);
                sent += m->size;
                r = step_send(channel->socket_fd, &message, error);
        }
        return r;
}

static int send_layers(StepChannel *channel, const StepImage *image, Error *error) {
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < image->manifest.n_layers; i++) {
                const OciDescriptor *descriptor = &image->manifest.layers[i];
                ProtoMessage message = {
                        .type = PROTO_LAYER,
                        .layer = {
                                .index = i,
                                .digest = descriptor->digest,
                                .size = descriptor->size,
                        },
                };

                if (image->manifest.has_config) {
                        message.layer.has_diff_id = 1;
                        message.layer.diff_id = image->config.diff_ids[i];
                }
                (void) proto_text_set(
                        message.layer.media_type, sizeof(message.layer.media_type),
                        descriptor->media_type_text);
                r = step_send(channel->socket_fd, &message, error);
        }

        return r;
}

static int resolve(
        StepChannel *channel,
        const ProtoResolveStart *start,
        const StepWantedPlatform *platform,
        const ProtoTop *top,
        Error *error) {
        _cleanup_(step_resolved_image_done) StepImage image = { 0 };
        int r;

        r = step_resolve_image(channel, platform, top, &image, error);
        if (r >= 0)
                r = send_image(channel, &image, error);
        if (r >= 0 && start->inspect)
                r = send_details(channel, &image.config, error);
        if (r >= 0)
                r = send_report(channel, &image, (ProtoReportKind) start->report, error);
        if (r >= 0)
                r = send_layers(channel, &image, error);
        if (r < 0 || start->inspect || !start->offline)
                return r;

        return step_transfer_layers(channel, &image.manifest, TRANSFERS_OF_STORE, error);
}

static int run(int socket_fd, ProtoOutcome *failure, Error *error) {
        StepChannel channel = { .socket_fd = socket_fd };
        ProtoResolveStart start;
        StepWantedPlatform platform;
        ProtoMessage message;
        int r;

        r = step_receive(socket_fd, PROTO_RESOLVE_START, &message, NULL, error);
        if (r < 0)
                return r;

        start = message.resolve_start;
        r = step_resolve_platform(start.platform, &platform, error);
        if (r >= 0 && start.sandbox != SANDBOX_NO)
                r = step_tell_open(
                        socket_fd,
                        sandbox_enter_blob((SandboxMode) start.sandbox, start.user, error), error);
        if (r >= 0)
                r = step_receive(socket_fd, PROTO_TOP, &message, NULL, error);
        return r < 0 ? r : resolve(&channel, &start, &platform, &message.top, error);
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
