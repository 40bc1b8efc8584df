/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <string.h>

#include "base-macro.h"
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

/* What is sent of a configuration. */
typedef struct Details {
        StepChannel *channel; /* borrowed */
        bool is_cut;          /* a text did not fit into its message */
} Details;

static int send_detail(
        Details *details, ProtoDetailKind kind, const char *key, const char *value, Error *error) {
        ProtoMessage message = { .type = PROTO_DETAIL, .detail.kind = kind };
        ProtoDetail *m = &message.detail;

        if (!value)
                return 0;

        details->is_cut |= !proto_text_set(m->key, sizeof(m->key), key);
        details->is_cut |= !proto_text_set(m->value, sizeof(m->value), value);
        return step_send(details->channel->socket_fd, &message, error);
}

static int send_texts(
        Details *details, ProtoDetailKind kind, char *const *texts, size_t n, Error *error) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = send_detail(details, kind, "", texts[i], error);
        return r;
}

/* Only Inspect needs it. */
static int send_origin(Details *details, const OciConfig *config, Error *error) {
        int r;

        r = send_detail(details, PROTO_DETAIL_CREATED, "", config->created, error);
        if (r >= 0)
                r = send_detail(details, PROTO_DETAIL_AUTHOR, "", config->author, error);
        for (size_t i = 0; r >= 0 && i < config->n_labels; i++)
                r = send_detail(
                        details, PROTO_DETAIL_LABEL, config->labels[i].name,
                        config->labels[i].value, error);
        return r;
}

static bool has_text(const char *text) {
        return text && text[0] != '\0';
}

/* What the image would run, for Inspect and for the job's users. */
static int send_execution(Details *details, const OciConfig *config, Error *error) {
        const struct {
                ProtoDetailKind kind;
                const OciConfigTexts *texts;
        } lists[] = {
                { PROTO_DETAIL_ENTRYPOINT, &config->entrypoint },
                { PROTO_DETAIL_CMD, &config->cmd },
                { PROTO_DETAIL_VOLUME, &config->volumes },
                { PROTO_DETAIL_PORT, &config->ports },
        };
        const struct {
                ProtoDetailKind kind;
                const char *text;
        } texts[] = {
                { PROTO_DETAIL_USER, config->user },
                { PROTO_DETAIL_WORKING_DIRECTORY, config->working_directory },
                { PROTO_DETAIL_STOP_SIGNAL, config->stop_signal },
        };
        int r;

        r = send_texts(details, PROTO_DETAIL_ENV, config->env, config->n_env, error);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(lists); i++)
                r = send_texts(
                        details, lists[i].kind, lists[i].texts->texts, lists[i].texts->n, error);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(texts); i++)
                if (has_text(texts[i].text))
                        r = send_detail(details, texts[i].kind, "", texts[i].text, error);
        return r;
}

static_assert(
        CONFIG_LABELS_MAX + CONFIG_ENV_MAX + 4 * CONFIG_TEXTS_MAX + 6 <= PROTO_DETAILS_MAX,
        "all that is read can be sent");

static int send_details(StepChannel *channel, const OciConfig *config, bool inspect, Error *error) {
        Details details = { .channel = channel, .is_cut = config->is_cut };
        int r = 0;

        if (inspect)
                r = send_origin(&details, config, error);
        if (r >= 0)
                r = send_execution(&details, config, error);
        if (r >= 0 && details.is_cut)
                r = send_detail(&details, PROTO_DETAIL_INCOMPLETE, "", "", error);
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
        if (r >= 0)
                r = send_details(channel, &image.config, start->inspect, error);
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
