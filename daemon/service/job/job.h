/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A job as its users see it: its request, progress and result. job-run.h has what it does, job-queue.h the list
 * of jobs.
 *
 *     queued ─▶ running ─▶ finished | failed | cancelled
 *        └───────────────────────────────────▲
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base-log.h"
#include "job-image.h"
#include "job-spec.h"

#define JOB_ID_MAX              13               /* 12 characters and the NUL */
#define JOB_PROGRESS_USEC       UINT64_C(100000) /* minimum between two progress signals */
#define JOB_DETAILS_USEC        UINT64_C(250000) /* minimum between two signals about details */
#define JOB_FRACTION_UNFINISHED 0.999            /* the maximum before everything is done */

typedef enum JobState {
        JOB_QUEUED,
        JOB_RUNNING,
        JOB_FINISHED,
        JOB_FAILED,
        JOB_CANCELLED,
        _JOB_STATE_MAX,
} JobState;

typedef enum JobPhase {
        JOB_PHASE_QUEUED,
        JOB_PHASE_RESOLVE,
        JOB_PHASE_DOWNLOAD,
        JOB_PHASE_BUILD,
        JOB_PHASE_UNPACK,
        JOB_PHASE_FINISH,
        JOB_PHASE_CLEAN,
        JOB_PHASE_DONE,
        _JOB_PHASE_MAX,
} JobPhase;

typedef struct JobProgress {
        JobPhase phase;
        uint64_t done, total; /* bytes of the phase */
        double fraction;      /* 0 to 1 of the whole job; never falls, 1 only when done */
        uint64_t downloaded;  /* bytes received over the network */
        uint64_t unpacked;    /* uncompressed bytes */
        uint64_t files;       /* names created in the tree */
} JobProgress;

/* In this order, of which some may be left out. */
typedef enum JobLayerState {
        JOB_LAYER_WAITING,
        JOB_LAYER_DOWNLOADING, /* and maybe being unpacked as far as it has arrived */
        JOB_LAYER_DOWNLOADED,  /* and verified */
        JOB_LAYER_UNPACKING,
        JOB_LAYER_UNPACKED,
        _JOB_LAYER_STATE_MAX,
} JobLayerState;

typedef struct JobLayer {
        Digest digest; /* of the blob */
        JobLayerState state;
        bool is_cached; /* it need not be downloaded */
        uint64_t done;  /* bytes of the blob, as its state says; at most @size */
        uint64_t size;  /* bytes of the blob; what has arrived if the image does not declare it */
} JobLayer;

/* What changes so often that not each change is told. */
typedef enum JobDetail {
        JOB_DETAIL_LAYERS = 1 << 0,
        JOB_DETAIL_SPEED = 1 << 1,
        JOB_DETAIL_FILES = 1 << 2,
} JobDetail;

/* CLOCK_REALTIME; 0: not yet. None is before the previous one, even if the clock is set back. */
typedef struct JobTimes {
        uint64_t queued_usec, started_usec, ended_usec;
} JobTimes;

typedef struct Job Job;

/* Informed of every change; called from the event loop. */
typedef struct JobListener {
        void (*added)(void *userdata, Job *job);
        void (*state_changed)(void *userdata, Job *job);
        void (*progress_changed)(void *userdata, Job *job);
        void (*details_changed)(void *userdata, Job *job, unsigned which); /* JobDetail */
        void (*image_known)(void *userdata, Job *job); /* digest, platform, layers and config */
        void (*message)(void *userdata, Job *job, int priority, const char *text);
        void (*removed)(void *userdata, Job *job); /* it is freed afterwards */
        void *userdata;                            /* borrowed */
} JobListener;

/**
 * job_new() - a queued job
 * @spec:       taken over on success
 * @listener:   borrowed, as are @event and @log, as long as the job
 */
int job_new(
        sd_event *event,
        const JobListener *listener,
        const Log *log,
        JobSpec *spec,
        Job **ret,
        Error *error);

/** job_free() - release @job */
Job *job_free(Job *job);

const char *job_id(const Job *job);      /* lower-case letters and digits */
const JobSpec *job_spec(const Job *job); /* valid as long as the job */
JobState job_state(const Job *job);
bool job_has_ended(const Job *job);
const JobProgress *job_progress(const Job *job);
const Digest *job_digest(const Job *job); /* NULL if not known yet */
const char *job_platform(const Job *job); /* of the image; "" if not known */
const JobImageDetails *job_config(
        const Job *job);                /* what the image would run; empty if not known */
const Error *job_error(const Job *job); /* empty unless it failed or was cancelled */
const char *job_disk(const Job *job);   /* path of the disk image to use; "" if none */
JobTimes job_times(const Job *job);
uint64_t job_speed(const Job *job); /* bytes per second that arrive, see job-rate.h; else 0 */

/** job_layers() - the layers of the image; *@ret_n is 0 if they are not known, or if it has none */
const JobLayer *job_layers(const Job *job, uint32_t *ret_n);

/**
 * job_set_state() - the one function that changes the state
 * @error:      why, for JOB_FAILED and JOB_CANCELLED; otherwise NULL
 *
 * The transition must be one in the diagram above. Logs it and informs the listener.
 */
void job_set_state(Job *job, JobState state, const Error *error);

/**
 * job_set_progress() - record the progress
 * @progress:   its fraction is 0 to 1; a decrease is ignored
 *
 * The listener is informed at most every JOB_PROGRESS_USEC, and at the end of the last value.
 */
void job_set_progress(Job *job, const JobProgress *progress);

/** job_set_image() - record the image: its digest, its platform, its layers and what it would run; only once */
int job_set_image(Job *job, const JobImage *image, Error *error);

/**
 * job_set_layer() - record the progress of a layer
 * @layer:      its digest is ignored, since it does not change
 *
 * The listener is informed of changes of layers, speed and files at most every JOB_DETAILS_USEC, and at the end of the
 * last ones.
 */
void job_set_layer(Job *job, uint32_t index, const JobLayer *layer);

/** job_set_disk() - record the path of the disk image to use; taken over, or NULL; before the end */
void job_set_disk(Job *job, char *path);

/** job_message() - send a message to users; @priority is one of syslog(3) */
void job_message(Job *job, int priority, const char *text);

const char *job_state_to_string(JobState state);
const char *job_phase_to_string(JobPhase phase);
const char *job_layer_state_to_string(JobLayerState state);

/** job_result() - "done", "failed" or "cancelled"; only for an ended job */
const char *job_result(const Job *job);

DEFINE_CLEANUP(Job, job_free);
