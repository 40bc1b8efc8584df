/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An image as the resolve worker reports it: its layers, its details, and a text about it.
 *
 *     job_image_add(IMAGE) ─▶ job_image_add(DETAIL)* ─▶ job_image_add(REPORT)*
 *                          ─▶ job_image_add(LAYER)+, in order ─▶ is_complete
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "job-image-details.h"
#include "proto-message.h"

typedef struct JobImage {
        ProtoImage head; /* when @has_head */
        bool has_head;
        bool is_complete;
        ProtoLayer *layers; /* owned; head.n_layers of them */
        uint32_t n_layers;  /* number of known ones */
        JobImageDetails details;
        char *report; /* owned; any bytes, for the caller */
        size_t report_size;
} JobImage;

/** job_image_done() - release what @image owns; usable with _cleanup_() */
void job_image_done(JobImage *image);

/**
 * job_image_add() - add a worker's message
 * @message:    PROTO_IMAGE, PROTO_LAYER, PROTO_DETAIL or PROTO_REPORT
 *
 * Return: 1 if @image is now complete, 0 if more is expected. A message out of order is an error, too.
 */
int job_image_add(JobImage *image, const ProtoMessage *message, Error *error);

/** job_image_is_repeated() - whether the layer @index is also one of those below it */
bool job_image_is_repeated(const ProtoLayer *layers, uint32_t index);

/** job_image_size() - bytes of all layers whose size is known */
uint64_t job_image_size(const JobImage *image);
