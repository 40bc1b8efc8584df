/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a caller wants done. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base-cleanup.h"
#include "base-closer.h"
#include "base-digest.h"
#include "base-idmap.h"

typedef enum JobSource {
        JOB_SOURCE_REGISTRY,
        JOB_SOURCE_FILES,    /* an image in files: a layout, an archive */
        JOB_SOURCE_TARBALL,  /* of a root file system */
        JOB_SOURCE_TEMPLATE, /* of virt-builder's */
        _JOB_SOURCE_MAX,
} JobSource;

typedef enum JobFormat {
        JOB_FORMAT_DIR,
        JOB_FORMAT_QCOW2,
        _JOB_FORMAT_MAX,
} JobFormat;

typedef struct JobSpec {
        char *source;      /* owned, as all that follow; as the caller wrote it */
        char *fetch;       /* what the worker is told of it: without a path; the template's name */
        char *reference;   /* of a registry's image, full form: what the store knows it by */
        char *name;        /* the image's, short: of the file system in a disk image */
        char *source_path; /* of the file or directory that it is in; NULL when it is in none */
        char *destination; /* absolute path; NULL to inspect only */
        char *platform;    /* OS/ARCH[/VARIANT], or NULL */
        char *username;    /* or NULL */
        JobSource source_kind;
        JobFormat format;
        uint64_t size;     /* of disk images: bytes, or 0 for the default */
        bool share_layers; /* the images of layers stay in the store, for other jobs */
        bool has_pin;
        Digest pin; /* of the document that @reference names: a part of it, when @has_pin */
        bool has_digest;
        Digest digest; /* the image must have this one, when @has_digest */
        bool not_secure;
        bool no_cache;
        bool offline;
        bool overwrite;
        bool keep_devices; /* of JOB_FORMAT_DIR; images of disks have them in any case */
        IdMap uids;
        IdMap gids;
        Closer *closer;       /* borrowed; has the descriptors closed; NULL: at once */
        int password_fd;      /* owned, as all that follow; or -EBADF */
        int root_password_fd; /* its first line is root's new password */
        int destination_fd;
        int source_fd;         /* of JOB_SOURCE_FILES and JOB_SOURCE_TARBALL */
        bool is_directory;     /* what that is to be */
        uint64_t source_bytes; /* that are to be read of it; 0 when that cannot be told */
        uid_t owner;           /* the caller */
} JobSpec;

/** job_spec_new() - one that wants nothing yet, and no closer; NULL when out of memory */
JobSpec *job_spec_new(void);

/** job_spec_free() - release @spec (may be NULL) */
JobSpec *job_spec_free(JobSpec *spec);

/** job_spec_release() - close its descriptors: nobody needs them any more, and others may wait for that */
void job_spec_release(JobSpec *spec);

/** job_format_to_string() - "dir" or "qcow2" */
const char *job_format_to_string(JobFormat format);

/** job_format_from_string() - the reverse; returns -EINVAL when it is none of them */
int job_format_from_string(const char *text, JobFormat *ret);

/**
 * job_spec_password_of_tree() - root's password, for who unpacks; -EBADF when there is none to be set
 *
 * That of a template is set by virt-builder: it is read once. Borrowed.
 */
int job_spec_password_of_tree(const JobSpec *spec);

/** job_spec_disk_size() - the virtual size of disk images, bytes */
uint64_t job_spec_disk_size(const JobSpec *spec);

/** job_spec_changes_tree() - whether something is to be changed when all layers are unpacked */
bool job_spec_changes_tree(const JobSpec *spec);

DEFINE_CLEANUP(JobSpec, job_spec_free);
