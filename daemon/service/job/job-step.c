/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "job-step.h"

JobStepData *job_step_data_new(Store *store, JobDestination *destination) {
        JobStepData *data = malloc(sizeof(*data));

        if (data)
                *data = (JobStepData){ .store = store, .destination = destination };
        return data;
}

JobStepData *job_step_data_free(JobStepData *data) {
        if (!data)
                return NULL;

        job_disk_free(data->disk);
        job_destination_free(data->destination);
        free(data);
        return NULL;
}

JobTask *job_step_give_up(JobTask *task, JobStepData *data) {
        if (data->destination)
                job_destination_give_up(data->destination);
        return job_task_free(task);
}

void job_step_release(void *data) {
        job_step_data_free(data);
}

/* Checks that nothing is mounted where the next step removes something. */
static int check_next(const JobStepData *data, Error *error) {
        return data->has_next ? job_destination_check_step(&data->next, error) : 0;
}

int job_step_prepare(JobTask *task, void *userdata, Error *error) {
        JobStepData *data = userdata;
        int r;

        r = job_destination_prepare(data->destination, data->store, error);
        data->has_next = r >= 0 && job_destination_clone_step(data->destination, &data->next);
        if (r >= 0)
                data->place = job_room_look(job_destination_root_fd(data->destination));
        return r < 0 ? r : check_next(data, error);
}

int job_step_make_disk(JobTask *task, void *userdata, Error *error) {
        JobStepData *data = userdata;

        return job_disk_make(data->disk, error);
}

int job_step_close_disk_layer(JobTask *task, void *userdata, Error *error) {
        JobStepData *data = userdata;

        return job_disk_close_layer(data->disk, error);
}

int job_step_commit(JobTask *task, void *userdata, Error *error) {
        JobStepData *data = userdata;
        int r;

        r = data->disk ? job_disk_finish(data->disk, error) : 0;
        if (r >= 0)
                r = job_destination_commit_step(data->destination, &data->next, error);
        data->has_next = r > 0;
        if (r != 0)
                return r;

        r = job_destination_commit(data->destination, error);
        data->is_exchanged = job_destination_has_exchanged(data->destination);
        data->has_next = r >= 0 && job_destination_check_clone_step(data->destination, &data->next);
        return r < 0 ? r : check_next(data, error);
}

int job_step_see_commit(JobTask *task, void *userdata, Error *error) {
        JobStepData *data = userdata;
        int r;

        r = job_destination_end_commit(data->destination, error);
        data->is_exchanged = job_destination_has_exchanged(data->destination);
        data->has_next = r > 0 && job_destination_check_clone_step(data->destination, &data->next);
        return r > 0 && check_next(data, error) < 0 ? -EBUSY : r;
}

int job_step_revert(JobTask *task, void *userdata, Error *error) {
        JobStepData *data = userdata;

        data->has_next = job_destination_revert_step(data->destination, &data->next);
        return data->has_next ? 0 : job_destination_revert(data->destination, error);
}

int job_step_see_revert(JobTask *task, void *userdata, Error *error) {
        JobStepData *data = userdata;

        data->has_next = false;
        return job_destination_end_revert(data->destination, error);
}

int job_step_clean(JobTask *task, void *userdata, Error *error) {
        JobStepData *data = userdata;

        data->disk = job_disk_free(data->disk);
        data->lends_rights = job_destination_lends_rights(data->destination);
        job_destination_accept(data->destination);
        data->has_next = job_destination_cleanup_step(data->destination, &data->next);
        return check_next(data, error);
}

int job_step_cleaned(JobTask *task, void *userdata, Error *error) {
        JobStepData *data = userdata;

        data->has_next = false;
        return job_destination_cleaned(data->destination, error);
}

/* Returns 1 with the entry of this id, if no daemon works on it; otherwise 0. */
static int take_entry(const JobStepData *data, StoreJournalEntry *ret, Error *error) {
        int r;

        r = store_journal_begin(data->store, error);
        if (r < 0)
                return r;

        r = store_journal_take(data->store, data->id, ret, error);
        if (r == -EBADMSG)
                store_journal_forget(data->store, data->id);
        store_journal_end(data->store);
        return r;
}

int job_step_recover(JobTask *task, void *userdata, Error *error) {
        _cleanup_(store_journal_entry_done) StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;
        JobStepData *data = userdata;
        int r;

        r = take_entry(data, &entry, error);
        if (r > 0)
                r = job_destination_recover(data->store, &entry, &data->destination, error);
        if (r <= 0)
                return r;

        data->has_next = job_destination_check_clone_step(data->destination, &data->next);
        r = data->has_next ? check_next(data, error) : job_step_clean(task, data, error);
        return r < 0 ? r : 1;
}

int job_step_leave(JobTask *task, void *userdata, Error *error) {
        JobStepData *data = userdata;

        data->has_next = false;
        return job_destination_leave(data->destination, error);
}
