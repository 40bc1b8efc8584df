/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ext4.h"
#include "step-measure.h"
#include "unpack-run.h"

#define MEASURED_BYTES (UINT64_C(1) << 40)

/* A device that forgets everything. */
typedef struct Sink {
        Ext4Device device;
        void *buffers[2]; /* owned */
        bool is_lent[2];
} Sink;

static int sink_get_buffer(Ext4Device *device, void **ret, Error *error) {
        Sink *sink = (Sink *) device;

        for (size_t i = 0; i < 2; i++)
                if (!sink->is_lent[i]) {
                        sink->is_lent[i] = true;
                        *ret = sink->buffers[i];
                        return 0;
                }

        return error_set(error, ENOBUFS, ERROR_FAILED, "All buffers are in use");
}

static int sink_write(
        Ext4Device *device, void *buffer, uint64_t offset, size_t size, Error *error) {
        Sink *sink = (Sink *) device;

        sink->is_lent[buffer == sink->buffers[0] ? 0 : 1] = false;
        return 0;
}

static int sink_read(Ext4Device *device, uint64_t offset, void *data, size_t size, Error *error) {
        memset(data, 0, size);
        return 0;
}

static int sink_trim(Ext4Device *device, uint64_t offset, uint64_t size, Error *error) {
        return 0;
}

static int sink_flush(Ext4Device *device, Error *error) {
        return 0;
}

/* It is on its owner's stack. */
static void sink_free(Ext4Device *device) {
        Sink *sink = (Sink *) device;

        for (size_t i = 0; i < 2; i++)
                free(sink->buffers[i]);
}

static const Ext4DeviceOps sink_ops = {
        .get_buffer = sink_get_buffer,
        .write = sink_write,
        .read = sink_read,
        .trim = sink_trim,
        .flush = sink_flush,
        .free = sink_free,
};

static int sink_init(Sink *sink, Error *error) {
        *sink = (Sink){ .device.ops = &sink_ops };

        for (size_t i = 0; i < 2; i++) {
                sink->buffers[i] = malloc(DISK_BUFFER_BYTES);
                if (!sink->buffers[i])
                        return error_oom(error);
        }
        return 0;
}

static void sink_done(Sink *sink) {
        sink_free(&sink->device);
}

typedef struct Measure {
        Sink sink;
        Ext4 *ext4; /* owned */
} Measure;

static void measure_done(Measure *measure) {
        ext4_free(measure->ext4);
        sink_done(&measure->sink);
}

static int next_device(void *userdata, Ext4Device **ret, Error *error) {
        Measure *measure = userdata;

        *ret = &measure->sink.device;
        return 0;
}

int step_measure_rootfs(
        int socket_fd,
        const ProtoDiskStart *start,
        int scratch_fd,
        StepLayers *layers,
        const StepRootfs *settings,
        uint64_t *ret,
        Error *error) {
        _cleanup_(measure_done) Measure measure = { 0 };
        const Ext4Options options = {
                .size = start->size > MEASURED_BYTES / 8 ? DISK_SIZE_MAX : MEASURED_BYTES,
                .label = start->label,
                .scratch_fd = scratch_fd,
                .next_device = next_device,
                .userdata = &measure,
        };
        const UnpackOptions unpack_options = { .limits = settings->limits };
        const UnpackEvents events = { .progress = step_rootfs_on_progress, .userdata = &socket_fd };
        const InflateInput input = step_layers_input(layers);
        int r;

        if (ftruncate(scratch_fd, 0) < 0)
                return error_set_errno(error, errno, "Cannot empty a temporary file");

        r = sink_init(&measure.sink, error);
        if (r >= 0)
                r = ext4_new(&options, &measure.ext4, error);
        if (r >= 0)
                r = unpack_run(&input, ext4_target(measure.ext4), &unpack_options, &events, error);
        if (r < 0)
                return r;

        *ret = ext4_size_for(measure.ext4);
        return 0;
}
