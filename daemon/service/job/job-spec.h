/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A caller's request. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base-cleanup.h"
#include "base-closer.h"
#include "base-digest.h"
#include "base-idmap.h"
#include "registries-route.h"

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
        JOB_FORMAT_RAW,
        _JOB_FORMAT_MAX,
} JobFormat;

/* Which document to answer with when an image is inspected. */
typedef enum JobDocument {
        JOB_DOCUMENT_NONE,
        JOB_DOCUMENT_MANIFEST,    /* the bytes that the image's name stands for */
        JOB_DOCUMENT_CONFIG,      /* the bytes of its configuration */
        JOB_DOCUMENT_IMAGE_JSON,  /* as skopeo-inspect(1) describes it */
        JOB_DOCUMENT_CONFIG_JSON, /* as skopeo-inspect(1) does with --config */
        _JOB_DOCUMENT_MAX,
} JobDocument;

typedef struct JobSpec {
        char *source;      /* owned, as all that follow; as the caller wrote it */
        char *fetch;       /* the form for the worker: without a path; the template's name */
        char *reference;   /* of a registry's image, full form: its key in the store */
        char *repository;  /* HOST/NAME of an image that the caller named so; NULL if none */
        char *name;        /* of the image, short: for the file system in a disk image */
        char *source_path; /* of the file or directory that contains it; NULL if none */
        char *destination; /* absolute path; NULL to inspect only */
        char *platform;    /* OS/ARCH[/VARIANT], or NULL */
        char *username;    /* or NULL */
        /* Where to ask for a registry's image, owned; or NULL. */
        RegistriesRoute *route;
        JobSource source_kind;
        JobFormat format;
        uint64_t size;     /* of disk images: bytes, or 0 for the default */
        bool share_layers; /* the images of layers stay in the store, for other jobs */
        bool flatten;      /* one disk image for all layers; JOB_FORMAT_RAW is always one */
        bool has_pin;
        Digest pin; /* of the document that @reference names, as part of that, if @has_pin */
        bool has_digest;
        Digest digest;   /* the image must have this one, if @has_digest */
        bool not_secure; /* as the caller or the configuration of registries allows */
        bool no_cache;
        bool no_sync; /* nothing needs to survive a power failure */
        bool offline;
        bool overwrite; /* merge the image into what the destination contains … */
        bool replace;   /* … or exchange it for the new tree */
        char *keep_old; /* owned; with @replace: the old tree stays, under this name; or NULL */
        bool in_place;  /* an existing destination stays the same directory */
        bool require_signed;  /* fail unless a rule of the signature policy demands a signature */
        bool explain_trust;   /* to inspect only: the decision of the signature policy */
        bool keep_devices;    /* for JOB_FORMAT_DIR; disk images always keep them */
        JobDocument document; /* without a destination */
        IdMap uids;
        IdMap gids;
        Closer *closer;  /* borrowed; closes the descriptors; if NULL, they are closed at once */
        int password_fd; /* owned, as all that follow; or -EBADF */
        int auth_fd;     /* a file with credentials for registries */
        int root_password_fd; /* its first line is root's new password */
        int key_fd; /* a public key, which decides instead of the signature policy; with @explain_trust */
        int destination_fd;
        int source_fd;         /* of JOB_SOURCE_FILES and JOB_SOURCE_TARBALL */
        bool is_directory;     /* what @source_fd must be */
        uint64_t source_bytes; /* to read from it; 0 if unknown */
        uid_t owner;           /* the caller */
} JobSpec;

/** job_spec_new() - an empty one without a closer; NULL when out of memory */
JobSpec *job_spec_new(void);

/** job_spec_free() - release @spec */
JobSpec *job_spec_free(JobSpec *spec);

/** job_spec_release() - close its descriptors once they are no longer needed, since others may wait for that */
void job_spec_release(JobSpec *spec);

/** job_format_to_string() - "dir", "qcow2" or "raw" */
const char *job_format_to_string(JobFormat format);

/** job_format_from_string() - the reverse; returns -EINVAL for other words */
int job_format_from_string(const char *text, JobFormat *ret);

/** job_document_from_string() - read "manifest", "config", "image-json" or "config-json"; returns -EINVAL for other words */
int job_document_from_string(const char *text, JobDocument *ret);

/**
 * job_spec_password_of_tree() - root's password, for the unpacking worker; -EBADF if it sets none
 *
 * For a template, virt-builder sets it, since it can be read only once. Borrowed.
 */
int job_spec_password_of_tree(const JobSpec *spec);

/** job_spec_disk_size() - the virtual size of disk images, bytes */
uint64_t job_spec_disk_size(const JobSpec *spec);

/** job_spec_has_disk() - whether the result is one or more disk images */
bool job_spec_has_disk(const JobSpec *spec);

/** job_spec_is_file() - whether the result is a file: one disk image; otherwise, it is a directory */
bool job_spec_is_file(const JobSpec *spec);

/** job_spec_changes_tree() - whether something must be changed after all layers are unpacked */
bool job_spec_changes_tree(const JobSpec *spec);

DEFINE_CLEANUP(JobSpec, job_spec_free);
