/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The layers that the daemon hands to a worker while they grow, as the unpacker's input: blobs, or a
 * tarball, which may come out of a pipe.
 */

#include "base-cleanup.h"
#include "inflate-input.h"

typedef struct Layers Layers;

/**
 * layers_new() - @n_layers that will come by the daemon's socket
 * @socket_fd:  borrowed; nobody else may receive from it as long as there may be more to come
 * @ret:        owned by the caller
 */
int layers_new(int socket_fd, uint32_t n_layers, Layers **ret, Error *error);

/** layers_free() - release @layers (may be NULL) */
Layers *layers_free(Layers *layers);

/** layers_input() - what to give to unpack_run(); valid as long as @layers */
UnpackInput layers_input(Layers *layers);

/** layers_are_tarball() - whether what was read is one tarball, not the layers of an image */
bool layers_are_tarball(const Layers *layers);

/** layers_skip() - begin with layer @n: those below it are only for who rewinds */
void layers_skip(Layers *layers, uint32_t n);

/** layers_rewind() - start again with the first one, also of those skipped; whether that is possible */
bool layers_rewind(Layers *layers);

DEFINE_CLEANUP(Layers, layers_free);
