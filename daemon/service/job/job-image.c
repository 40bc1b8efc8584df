/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "job-image.h"

void job_image_done(JobImage *image) {
        free(image->layers);
        job_image_details_done(&image->details);
        free(image->report);
        *image = (JobImage){ 0 };
}

static int out_of_place(Error *error, const char *what) {
        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED,
                "The resolve worker broke the protocol: %s is out of place", what);
}

static int add_image(JobImage *image, const ProtoImage *said, Error *error) {
        if (image->has_head)
                return out_of_place(error, "a second image");

        image->layers = calloc(said->n_layers, sizeof(*image->layers));
        if (!image->layers)
                return error_oom(error);

        image->head = *said;
        image->has_head = true;
        return 0;
}

static int add_layer(JobImage *image, const ProtoLayer *layer, Error *error) {
        if (!image->has_head || layer->index != image->n_layers ||
            image->n_layers == image->head.n_layers)
                return out_of_place(error, "a layer");

        image->layers[image->n_layers++] = *layer;
        image->is_complete = image->n_layers == image->head.n_layers;
        return image->is_complete;
}

static int add_detail(JobImage *image, const ProtoDetail *detail, Error *error) {
        if (image->is_complete || image->details.n == PROTO_DETAILS_MAX)
                return out_of_place(error, "a detail");

        return job_image_details_add(&image->details, detail, error);
}

static int add_report(JobImage *image, const ProtoReport *piece, Error *error) {
        char *bigger;

        if (!image->has_head || image->is_complete || image->n_layers > 0 ||
            piece->size > PROTO_REPORT_MAX - image->report_size)
                return out_of_place(error, "a report");

        bigger = realloc(image->report, image->report_size + piece->size);
        if (!bigger)
                return error_oom(error);

        image->report = bigger;
        memcpy(bigger + image->report_size, piece->data, piece->size);
        image->report_size += piece->size;
        return 0;
}

int job_image_add(JobImage *image, const ProtoMessage *message, Error *error) {
        if (message->type == PROTO_IMAGE)
                return add_image(image, &message->image, error);
        if (message->type == PROTO_LAYER)
                return add_layer(image, &message->layer, error);
        if (message->type == PROTO_REPORT)
                return add_report(image, &message->report, error);
        return add_detail(image, &message->detail, error);
}

bool job_image_is_repeated(const ProtoLayer *layers, uint32_t index) {
        for (uint32_t i = 0; i < index; i++)
                if (digest_equal(&layers[i].digest, &layers[index].digest))
                        return true;

        return false;
}

uint64_t job_image_size(const JobImage *image) {
        uint64_t size = 0;

        for (uint32_t i = 0; i < image->n_layers; i++)
                if (image->layers[i].size != PROTO_SIZE_UNKNOWN)
                        size += image->layers[i].size;
        return size;
}
