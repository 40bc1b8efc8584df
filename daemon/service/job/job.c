/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>

#include "base-clock.h"
#include "job-log.h"
#include "job-rate.h"
#include "job.h"

struct Job {
        sd_event *event;             /* borrowed */
        const JobListener *listener; /* borrowed */
        const Log *log;              /* borrowed */
        JobSpec *spec;               /* owned */
        char id[JOB_ID_MAX];
        JobState state;
        JobProgress progress;
        uint64_t accepted_usec;          /* CLOCK_MONOTONIC */
        uint64_t started_usec;           /* the same; 0 if it has not been */
        uint64_t told_usec;              /* when the listener was last informed of progress */
        sd_event_source *tell_source;    /* owned; armed if there is something to report */
        sd_event_source *details_source; /* owned; armed if details may have changed */
        uint64_t details_usec;           /* when they were last looked at */
        unsigned changed;                /* JobDetail: not told yet */
        uint64_t told_files;
        uint64_t speed; /* told */
        JobRate rate;
        JobTimes times;
        bool has_digest;
        Digest digest;
        char *platform;   /* owned; NULL if not known */
        JobLayer *layers; /* owned; NULL if not known */
        uint32_t n_layers;
        char *disk; /* owned; or NULL */
        JobImageDetails config;
        Error error;
};

static const char *const state_names[_JOB_STATE_MAX] = {
        [JOB_QUEUED] = "queued", [JOB_RUNNING] = "running",     [JOB_FINISHED] = "finished",
        [JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled",
};

static const char *const phase_names[_JOB_PHASE_MAX] = {
        [JOB_PHASE_QUEUED] = "queued",     [JOB_PHASE_RESOLVE] = "resolve",
        [JOB_PHASE_DOWNLOAD] = "download", [JOB_PHASE_BUILD] = "build",
        [JOB_PHASE_UNPACK] = "unpack",     [JOB_PHASE_FINISH] = "finish",
        [JOB_PHASE_CLEAN] = "clean",       [JOB_PHASE_DONE] = "done",
};

static const char *const layer_state_names[_JOB_LAYER_STATE_MAX] = {
        [JOB_LAYER_WAITING] = "waiting",       [JOB_LAYER_DOWNLOADING] = "downloading",
        [JOB_LAYER_DOWNLOADED] = "downloaded", [JOB_LAYER_UNPACKING] = "unpacking",
        [JOB_LAYER_UNPACKED] = "unpacked",
};

static const bool may_follow[_JOB_STATE_MAX][_JOB_STATE_MAX] = {
        [JOB_QUEUED] = {
                [JOB_RUNNING] = true,
                [JOB_FAILED] = true,
                [JOB_CANCELLED] = true,
        },
        [JOB_RUNNING] = {
                [JOB_FINISHED] = true,
                [JOB_FAILED] = true,
                [JOB_CANCELLED] = true,
        },
};

/* Random, so that a suspended client does not mistake another's job for its own; the first character is a letter, and
 * no character looks like another. */
static int make_id(char ret[static JOB_ID_MAX], Error *error) {
        static const char alphabet[32] __attribute__((__nonstring__)) =
                "abcdefghijkmnpqrstuvwxyz23456789";
        uint8_t random[JOB_ID_MAX - 1];

        if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random))
                return error_set_errno(error, errno, "Cannot create a job id");

        for (size_t i = 0; i < sizeof(random); i++)
                ret[i] = alphabet[random[i] % (i == 0 ? 24 : sizeof(alphabet))];
        ret[JOB_ID_MAX - 1] = '\0';
        return 0;
}

static uint64_t now_usec(const Job *job) {
        uint64_t usec = 0;

        (void) sd_event_now(job->event, CLOCK_MONOTONIC, &usec);
        return usec;
}

/* The wall clock, unless it has been set back since @before. */
static uint64_t real_usec(uint64_t before) {
        const uint64_t usec = clock_usec(CLOCK_REALTIME);

        return usec > before ? usec : before;
}

static void tell_progress(Job *job) {
        (void) sd_event_source_set_enabled(job->tell_source, SD_EVENT_OFF);
        job->told_usec = now_usec(job);
        job->listener->progress_changed(job->listener->userdata, job);
}

static int on_tell(sd_event_source *source, uint64_t usec, void *userdata) {
        tell_progress(userdata);
        return 0;
}

/* A speed changes also when nothing arrives: it is measured regularly. */
static bool is_downloading(const Job *job) {
        return !job_has_ended(job) && job->progress.phase == JOB_PHASE_DOWNLOAD;
}

static void schedule_details(Job *job) {
        if (sd_event_source_get_enabled(job->details_source, NULL) > 0)
                return;

        (void) sd_event_source_set_time(job->details_source, job->details_usec + JOB_DETAILS_USEC);
        (void) sd_event_source_set_enabled(job->details_source, SD_EVENT_ONESHOT);
}

static uint64_t measure_speed(Job *job) {
        if (is_downloading(job))
                return job_rate_update(&job->rate, job->details_usec, job->progress.downloaded);

        job->rate = (JobRate){ 0 };
        return 0;
}

static void tell_details(Job *job) {
        uint64_t speed;
        unsigned which;

        (void) sd_event_source_set_enabled(job->details_source, SD_EVENT_OFF);
        job->details_usec = now_usec(job);
        speed = measure_speed(job);
        if (speed != job->speed)
                job->changed |= JOB_DETAIL_SPEED;
        if (job->progress.files != job->told_files)
                job->changed |= JOB_DETAIL_FILES;

        which = job->changed;
        job->changed = 0;
        job->speed = speed;
        job->told_files = job->progress.files;
        if (is_downloading(job))
                schedule_details(job);
        if (which != 0)
                job->listener->details_changed(job->listener->userdata, job, which);
}

static int on_details(sd_event_source *source, uint64_t usec, void *userdata) {
        tell_details(userdata);
        return 0;
}

int job_new(
        sd_event *event,
        const JobListener *listener,
        const Log *log,
        JobSpec *spec,
        Job **ret,
        Error *error) {
        _cleanup_(job_freep) Job *job = NULL;
        int r;

        job = malloc(sizeof(*job));
        if (!job)
                return error_oom(error);

        *job = (Job){ .event = event, .listener = listener, .log = log };
        r = make_id(job->id, error);
        if (r < 0)
                return r;

        r = sd_event_add_time(
                event, &job->tell_source, CLOCK_MONOTONIC, 0, JOB_PROGRESS_USEC / 10, on_tell, job);
        if (r >= 0)
                r = sd_event_source_set_enabled(job->tell_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(
                        event, &job->details_source, CLOCK_MONOTONIC, 0, JOB_DETAILS_USEC / 10,
                        on_details, job);
        if (r >= 0)
                r = sd_event_source_set_enabled(job->details_source, SD_EVENT_OFF);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot set up a timer");

        job->accepted_usec = now_usec(job);
        job->times.queued_usec = real_usec(0);
        job->spec = spec;
        *ret = TAKE_PTR(job);
        return 0;
}

Job *job_free(Job *job) {
        if (!job)
                return NULL;

        sd_event_source_disable_unref(job->tell_source);
        sd_event_source_disable_unref(job->details_source);
        job_spec_free(job->spec);
        free(job->platform);
        free(job->layers);
        free(job->disk);
        job_image_details_done(&job->config);
        error_clear(&job->error);
        free(job);
        return NULL;
}

const char *job_id(const Job *job) {
        return job->id;
}

const JobSpec *job_spec(const Job *job) {
        return job->spec;
}

JobState job_state(const Job *job) {
        return job->state;
}

bool job_has_ended(const Job *job) {
        switch (job->state) {
        case JOB_FINISHED:
        case JOB_FAILED:
        case JOB_CANCELLED:
                return true;
        case JOB_QUEUED:
        case JOB_RUNNING:
        case _JOB_STATE_MAX:
                break;
        }

        return false;
}

const JobProgress *job_progress(const Job *job) {
        return &job->progress;
}

const Digest *job_digest(const Job *job) {
        return job->has_digest ? &job->digest : NULL;
}

const char *job_platform(const Job *job) {
        return job->platform ? job->platform : "";
}

const JobImageDetails *job_config(const Job *job) {
        return &job->config;
}

const Error *job_error(const Job *job) {
        return &job->error;
}

const char *job_disk(const Job *job) {
        return job->disk ? job->disk : "";
}

JobTimes job_times(const Job *job) {
        return job->times;
}

uint64_t job_speed(const Job *job) {
        return job->speed;
}

const JobLayer *job_layers(const Job *job, uint32_t *ret_n) {
        *ret_n = job->n_layers;
        return job->layers;
}

static void log_state(Job *job) {
        const JobLogEntry entry = {
                .id = job->id,
                .spec = job->spec,
                .state = job_has_ended(job) ? state_names[job->state] : NULL,
                .result = job_has_ended(job) ? job_result(job) : NULL,
                .error = &job->error,
                .digest = job_digest(job),
                .downloaded = job->progress.downloaded,
                .unpacked = job->progress.unpacked,
                .usec = now_usec(job) -
                        (job->started_usec > 0 ? job->started_usec : job->accepted_usec),
        };

        job_log(job->log, &entry);
}

void job_set_state(Job *job, JobState state, const Error *error) {
        assert(may_follow[job->state][state]);
        assert((error != NULL) == (state == JOB_FAILED || state == JOB_CANCELLED));

        job->state = state;
        if (state == JOB_RUNNING) {
                job->started_usec = now_usec(job);
                job->times.started_usec = real_usec(job->times.queued_usec);
        }
        if (error)
                (void) error_copy(&job->error, error);
        log_state(job);
        if (state == JOB_FINISHED) {
                job->progress.phase = JOB_PHASE_DONE;
                job->progress.done = job->progress.total;
                job->progress.fraction = 1.0;
        }
        /* The last values, before the end. */
        if (job_has_ended(job)) {
                const JobTimes *times = &job->times;

                job->times.ended_usec = real_usec(
                        times->started_usec > 0 ? times->started_usec : times->queued_usec);
                job_spec_release(job->spec);
                tell_progress(job);
                tell_details(job);
        }

        job->listener->state_changed(job->listener->userdata, job);
}

void job_set_progress(Job *job, const JobProgress *progress) {
        double before = job->progress.fraction;
        uint64_t next;

        if (progress->phase != job->progress.phase)
                job_log_debug(
                        job->log, job->id, "%s, %" PRIu64 " ms after it was accepted",
                        phase_names[progress->phase], (now_usec(job) - job->accepted_usec) / 1000);
        job->progress = *progress;
        if (job->progress.fraction > JOB_FRACTION_UNFINISHED)
                job->progress.fraction = JOB_FRACTION_UNFINISHED;
        if (job->progress.fraction < before)
                job->progress.fraction = before;

        schedule_details(job);
        next = job->told_usec + JOB_PROGRESS_USEC;
        if (now_usec(job) >= next) {
                tell_progress(job);
                return;
        }

        (void) sd_event_source_set_time(job->tell_source, next);
        (void) sd_event_source_set_enabled(job->tell_source, SD_EVENT_ONESHOT);
}

int job_set_image(Job *job, const JobImage *image, Error *error) {
        int r;

        assert(!job->layers);
        r = job_image_details_copy_config(&image->details, &job->config, error);
        if (r < 0)
                return r;

        job->layers = calloc(image->n_layers, sizeof(*job->layers));
        job->platform = strdup(image->head.platform);
        if (!job->layers || !job->platform)
                return error_oom(error);

        job->n_layers = image->n_layers;
        for (uint32_t i = 0; i < image->n_layers; i++) {
                const ProtoLayer *layer = &image->layers[i];

                job->layers[i].digest = layer->digest;
                job->layers[i].size = layer->size == PROTO_SIZE_UNKNOWN ? 0 : layer->size;
        }
        job->digest = image->head.digest;
        job->has_digest = true;
        job->changed |= JOB_DETAIL_LAYERS;
        schedule_details(job);
        job->listener->image_known(job->listener->userdata, job);
        return 0;
}

void job_set_layer(Job *job, uint32_t index, const JobLayer *layer) {
        JobLayer *known = &job->layers[index];

        if (known->state == layer->state && known->is_cached == layer->is_cached &&
            known->done == layer->done && known->size == layer->size)
                return;

        known->state = layer->state;
        known->is_cached = layer->is_cached;
        known->done = layer->done;
        known->size = layer->size;
        job->changed |= JOB_DETAIL_LAYERS;
        schedule_details(job);
}

void job_set_disk(Job *job, char *path) {
        free(job->disk);
        job->disk = path;
}

void job_message(Job *job, int priority, const char *text) {
        log_print(job->log, priority, "Job %s: %s", job->id, text);
        job->listener->message(job->listener->userdata, job, priority, text);
}

const char *job_state_to_string(JobState state) {
        assert(state < _JOB_STATE_MAX);
        return state_names[state];
}

const char *job_phase_to_string(JobPhase phase) {
        assert(phase < _JOB_PHASE_MAX);
        return phase_names[phase];
}

const char *job_layer_state_to_string(JobLayerState state) {
        assert(state < _JOB_LAYER_STATE_MAX);
        return layer_state_names[state];
}

const char *job_result(const Job *job) {
        assert(job_has_ended(job));
        return job->state == JOB_FINISHED ? "done" : state_names[job->state];
}
