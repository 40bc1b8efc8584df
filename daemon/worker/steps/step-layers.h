/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The unpacker's input: layers that the daemon passes to a worker while they grow, which are blobs, or a
 * tarball, possibly a pipe.
 */

#include "base-cleanup.h"
#include "inflate-input.h"

typedef struct StepLayers StepLayers;

/**
 * step_layers_new() - expect @n_layers from the daemon's socket
 * @socket_fd:  borrowed; nobody else may receive from it until the last layer is complete
 * @ret:        owned by the caller
 */
int step_layers_new(int socket_fd, uint32_t n_layers, StepLayers **ret, Error *error);

/** step_layers_free() - release @layers */
StepLayers *step_layers_free(StepLayers *layers);

/** step_layers_input() - the input for unpack_run(); valid as long as @layers */
InflateInput step_layers_input(StepLayers *layers);

/** step_layers_are_tarball() - whether the input is one tarball, not the layers of an image */
bool step_layers_are_tarball(const StepLayers *layers);

/** step_layers_skip() - begin with layer @n */
void step_layers_skip(StepLayers *layers, uint32_t n);

/** step_layers_file_bytes() - size of a tarball that is a file, else PROTO_SIZE_UNKNOWN */
uint64_t step_layers_file_bytes(const StepLayers *layers);

DEFINE_CLEANUP(StepLayers, step_layers_free);
