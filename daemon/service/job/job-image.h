/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An image as the resolve worker tells it: what it consists of, and what it says of itself.
 *
 *     job_image_add(IMAGE) ─▶ job_image_add(DETAIL)* ─▶ job_image_add(LAYER)+, in order ─▶ is_complete
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "proto-message.h"

typedef struct JobImage {
        ProtoImage head; /* when @has_head */
        bool has_head;
        bool is_complete;
        ProtoLayer *layers;   /* owned; head.n_layers of them */
        uint32_t n_layers;    /* so many are known */
        ProtoDetail *details; /* owned */
        size_t n_details;
} JobImage;

/** job_image_done() - release what @image owns; usable with _cleanup_() */
void job_image_done(JobImage *image);

/**
 * job_image_add() - take in what the worker says
 * @message:    PROTO_IMAGE, PROTO_LAYER or PROTO_DETAIL
 *
 * Return: 1 when @image is complete with it, 0 when there is more to come; or a negative errno with
 * @error set, also for what is out of place.
 */
int job_image_add(JobImage *image, const ProtoMessage *message, Error *error);

/** job_image_size() - bytes of all layers whose size is known */
uint64_t job_image_size(const JobImage *image);
