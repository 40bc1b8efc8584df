/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The messages between the daemon and its workers: fixed size, over a SOCK_SEQPACKET pair, with at most
 * PROTO_FDS_MAX descriptors each.
 *
 *     daemon                       fetch worker
 *       ── FETCH_START [password, credentials, or image and scratch file],
 *          FETCH_ENDPOINT × n ────────▶
 *       ◀── FETCH_READ × n ────────     reading an archive, which may take long
 *       ◀── FETCH_WAIT × n ────────     before another try, at any time
 *       ◀── TRACE × n ─────────────     after a request to a registry, if they are wanted
 *       ◀── BLOB_WANTED ───────────     manifests and the config, by digest
 *       ── BLOB_ANSWER [fd] ────────▶   FILL, any number of times: write it into the pipe; finally
 *                                        HAVE: it is in the store, with a descriptor to read if it is
 *                                        a manifest that this reference also had last time
 *       ◀── TOP ───────────────────     which of them the reference names; all are in the store
 *       ◀── SIGNATURE, SIGNATURE_DATA × n, × n, SIGNATURES_END     if the trust worker needs them
 *       ◀── BLOB_WANTED ───────────     each layer, a few at a time: answered when the resolve
 *       ── BLOB_ANSWER [fd] ────────▶   worker has named it, too
 *       ◀── TAG × n ───────────────     instead of all this, to list tags
 *       ◀── RESULT ────────────────
 *
 *     daemon                       resolve worker
 *       ── RESOLVE_START ──────────▶   enters its sandbox while the fetch worker is busy
 *       ── TOP ────────────────────▶   as of the fetch worker, or of the store's list when offline
 *       ◀── BLOB_WANTED ───────────     the same documents, and an OCI form of the manifest
 *       ── BLOB_ANSWER [fd] ────────▶
 *       ◀── IMAGE, DETAIL × n, REPORT × n, LAYER × n, WARNING × n
 *       ◀── BLOB_WANTED ───────────     when offline: each layer
 *       ── BLOB_ANSWER ────────────▶
 *       ◀── RESULT ────────────────
 *
 *     daemon                       trust worker
 *       ── TRUST_START [key] ──────▶   reads the policy and its keys, then enters its sandbox
 *       ◀── TRUST_DECISION, TRUST_KEY × n
 *       ── TOP ────────────────────▶   only if it needs signatures; these go on as the fetch worker
 *       ── SIGNATURE, … ───────────▶   sent them
 *       ◀── TRUST_ACCEPTED × n ────     which of them satisfied the rules
 *       ◀── RESULT ────────────────     done only if the image may be used
 *
 *     daemon                       verify worker
 *       ── VERIFY_START ───────────▶    enters its sandbox
 *       ── VERIFY_BLOB [file, pipe] ──▶   waits for the file's lock, hashes what is there
 *       ◀── VERIFY_READY ──────────     continue from this offset
 *       ◀── VERIFY_GROWN × n ──────     bytes from the pipe are hashed and in the file
 *       ◀── VERIFY_FULL ───────────     no space for more of them; any number of times
 *       ── VERIFY_ROOM ────────────▶    some was freed, or none can be
 *       ◀── VERIFY_DONE ───────────     digest and size are right; ready for the next VERIFY_BLOB
 *       ◀── RESULT ────────────────     done only if digest and size are right; the end of the last blob, or of a
 *                                        wrong one
 *
 *     daemon                       unpack worker
 *       ── UNPACK_START [root, password], ID_RANGE × n ──▶
 *       ── UNPACK_LAYER [blob] × n, UNPACK_GROWN × n ────▶
 *       ◀── UNPACK_PROGRESS × n, WARNING × n, UNPACK_RIGHTS, RESULT
 *
 *     daemon                       disk worker
 *       ── DISK_START [scratch file, password], ID_RANGE × n, DISK_IMAGE [image] × n ──▶
 *       ── UNPACK_LAYER [blob] × n, UNPACK_GROWN × n ────▶
 *       ◀── UNPACK_PROGRESS × n, WARNING × n, RESULT
 *       ◀── DISK_LAYER × n ────────     for shared layers: the image is closed, and the next layer
 *                                        follows once others may use it
 *
 *     daemon                       builder worker
 *       ── BUILDER_START [pipe, password], BUILDER_ARGUMENT × n ──▶
 *       ◀── BUILDER_PROGRESS × n, WARNING × n, RESULT
 *
 *     daemon                       tree worker
 *       ── TREE_START [directory] ──▶
 *       ◀── RESULT ────────────────
 *
 * proto_receive() checks everything from a worker before any other code sees it: size, enums, digests, and that
 * texts are terminated, zero-padded printable UTF-8. Sizes are bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-digest.h"
#include "base-error.h"
#include "base-idmap.h"
#include "base-limits.h"
#include "base-sandbox.h"

#define PROTO_FDS_MAX       ((size_t) 2)
#define PROTO_LAYERS_MAX    ((uint32_t) 1000)
#define PROTO_IMAGES_MAX    (PROTO_LAYERS_MAX + 1) /* of a chain of disk images */
#define PROTO_SIZE_UNKNOWN  UINT64_MAX          /* schema1 does not declare the size of a layer */
#define PROTO_DOCUMENT_MAX  (UINT64_C(4) << 20) /* bytes of a manifest, index or config */
#define PROTO_ARGUMENTS_MAX ((uint32_t) 64)
#define PROTO_ENDPOINTS_MAX ((uint32_t) 32)   /* of a registry's image: mirrors, and the registry */
#define PROTO_USER_MIN      100               /* lower ids belong to the distribution's own users */
#define PROTO_WORKER_FD     3                 /* the worker's socket */
#define PROTO_WAIT_MAX      ((uint32_t) 601)  /* seconds of a wait */
#define PROTO_PARALLEL_MAX  ((uint32_t) 16)   /* blobs at a time */
#define PROTO_TAGS_MAX      ((size_t) 100000) /* of a repository */
#define PROTO_DETAILS_MAX   ((size_t) 4096)   /* of an image */
#define PROTO_REPORT_MAX    (UINT64_C(5) << 20) /* bytes: little more than the config it is made of */

/* Signatures of one image: their number, bytes of one and of all, and keys that a policy names for it. */
#define PROTO_SIGNATURES_MAX       ((uint32_t) 130)
#define PROTO_SIGNATURE_BYTES_MAX  ((uint32_t) 128 << 10)
#define PROTO_SIGNATURES_BYTES_MAX ((uint32_t) 2 << 20)
#define PROTO_TRUST_KEYS_MAX       ((uint32_t) 4096)

typedef enum ProtoType {
        PROTO_FETCH_START,
        PROTO_RESOLVE_START,
        PROTO_VERIFY_START,
        PROTO_UNPACK_START,
        PROTO_DISK_START,
        PROTO_BUILDER_START,
        PROTO_TREE_START,
        PROTO_TRUST_START,
        PROTO_ID_RANGE,
        PROTO_DISK_IMAGE,
        PROTO_BUILDER_ARGUMENT,
        PROTO_BLOB_ANSWER,
        PROTO_UNPACK_LAYER,
        PROTO_UNPACK_GROWN,

        PROTO_TOP, /* goes both ways */
        PROTO_BLOB_WANTED,
        PROTO_IMAGE,
        PROTO_LAYER,
        PROTO_DETAIL,
        PROTO_VERIFY_READY,
        PROTO_VERIFY_GROWN,
        PROTO_UNPACK_PROGRESS,
        PROTO_DISK_LAYER,
        PROTO_BUILDER_PROGRESS,
        PROTO_WARNING,
        PROTO_RESULT,
        PROTO_FETCH_READ,
        PROTO_UNPACK_RIGHTS,
        PROTO_VERIFY_FULL,
        PROTO_VERIFY_ROOM,
        PROTO_VERIFY_BLOB,
        PROTO_VERIFY_DONE,
        PROTO_FETCH_WAIT,
        PROTO_FETCH_ENDPOINT,
        PROTO_REPORT,
        PROTO_TAG,
        PROTO_TRUST_DECISION,
        PROTO_TRUST_KEY,
        PROTO_TRUST_ACCEPTED,
        PROTO_SIGNATURE, /* goes both ways, as the next ones */
        PROTO_SIGNATURE_DATA,
        PROTO_SIGNATURES_END,
        PROTO_TRACE,
        _PROTO_TYPE_MAX,
} ProtoType;

/* The user that a worker of root becomes in its sandbox, never "nobody". Zeros: it keeps its user. */
typedef struct ProtoUser {
        uint32_t uid;
        uint32_t gid;
} ProtoUser;

typedef struct ProtoFetchStart {
        char source[1024];        /* of an image in files: without its path, "oci-archive:.:NAME" */
        char platform[64];        /* empty: this machine's */
        char username[256];       /* empty: anonymous */
        char private_hosts[1024]; /* hosts in private networks to which a registry may redirect */
        char token_servers[1024]; /* "REGISTRY=HOST": which of these get credentials */
        char auth_file[512];      /* the name of the file with credentials; empty: the caller's */
        Digest digest;            /* the image must have this digest, when @has_digest */
        uint32_t
                n_endpoints; /* number of PROTO_FETCH_ENDPOINT that follow: none for an image in files */
        uint8_t has_digest;
        uint8_t has_password;
        uint8_t has_auth;
        uint8_t inspect;         /* stop after the layers are known */
        uint8_t list_tags;       /* of the registry's repository, instead of fetching */
        uint8_t signatures;      /* send those of the image, before its layers */
        uint8_t keep_signed;     /* bring a signed manifest as a whole as well */
        uint8_t trace;           /* report each request in PROTO_TRACE */
        uint8_t sandbox;         /* SandboxMode, as in all start messages */
        uint32_t parallel_blobs; /* layers to request at a time; 1 to PROTO_PARALLEL_MAX */
        ProtoUser user;
        Limits limits;
} ProtoFetchStart; /* descriptors: for a registry its password, when @has_password, and a file with
                          * credentials, when @has_auth; for an image in files its archive or directory, and
                          * an empty file for the parts to keep */

/* Where to ask for a registry's image: the mirrors in their order, and the registry as the last one. */
typedef struct ProtoFetchEndpoint {
        char reference[512]; /* of the image there */
        uint8_t not_secure;
        uint8_t is_own; /* the host is the one that the caller named: user name and password are for it */
} ProtoFetchEndpoint;

typedef enum ProtoReportKind {
        PROTO_REPORT_NONE,
        PROTO_REPORT_IMAGE,  /* as oci_report_image() */
        PROTO_REPORT_CONFIG, /* as oci_report_config() */
        _PROTO_REPORT_KIND_MAX,
} ProtoReportKind;

typedef struct ProtoResolveStart {
        char platform[64]; /* empty: this machine's */
        uint8_t offline;   /* request the layers: nobody else does */
        uint8_t inspect;   /* report all details, not only what it runs, and request no layers */
        uint8_t report;    /* ProtoReportKind: which text to send as well */
        uint8_t sandbox;
        ProtoUser user;
} ProtoResolveStart;

typedef struct ProtoVerifyStart {
        uint8_t sandbox;
        ProtoUser user;
} ProtoVerifyStart;

typedef struct ProtoVerifyBlob {
        Digest digest;
        uint64_t size;      /* the blob's, or PROTO_SIZE_UNKNOWN */
        uint64_t size_max;  /* its maximum, bytes */
        uint64_t keep_free; /* bytes of the file system to keep free, or SPACE_KEEP_AUTOMATIC */
        uint8_t is_last;    /* no other blob follows */
        uint8_t no_sync;    /* it need not be on the disk; also in start messages */
} ProtoVerifyBlob;          /* descriptors: the file, read-write; the pipe, unless it is complete */

/* Files in the root directory with this prefix are the daemon's: a tree that is filled in place has a mark. */
#define PROTO_MARK_PREFIX ".virt-bootstrap-"

typedef struct ProtoUnpackStart {
        uint32_t n_layers;
        uint32_t n_id_ranges; /* number of PROTO_ID_RANGE that follow */
        uint8_t sandbox;
        uint8_t keeps_devices; /* also their modes and owners */
        uint8_t no_sync;
        Limits limits;
} ProtoUnpackStart; /* descriptors: the root directory; optionally root's new password */

typedef struct ProtoDiskStart {
        uint32_t n_layers;
        uint32_t n_images;    /* number of PROTO_DISK_IMAGE that follow: one per layer, and one for
                               * changes afterwards, if any; or one for everything, if @is_flat */
        uint32_t n_id_ranges; /* number of PROTO_ID_RANGE that follow */
        uint8_t sandbox;
        uint8_t shares_layers; /* other chains use the images below the last one, too */
        uint8_t is_flat;       /* one image for all layers and changes; without shared layers */
        uint8_t is_raw;        /* it has no format: a file of the disk's size; only if @is_flat */
        uint8_t no_sync;
        uint64_t size;         /* of the disk: DISK_SIZE_MIN to DISK_SIZE_MAX, whole blocks */
        uint64_t layers_bytes; /* compressed, of those without an image; or PROTO_SIZE_UNKNOWN */
        char label[64];        /* of the chain */
        ProtoUser user;
        Limits limits;
} ProtoDiskStart; /* descriptors: an empty file; optionally root's new password */

typedef struct ProtoDiskImage {
        uint32_t index;
        uint8_t is_complete; /* it already has its layer's content, and so have all before it */
        /* Where the image locates the one before it; empty for the first. */
        char backing[1024];
} ProtoDiskImage; /* descriptors: the image, a file without content unless @is_complete */

typedef struct ProtoBuilderStart {
        char template[256];
        uint32_t n_arguments; /* number of PROTO_BUILDER_ARGUMENT that follow */
        uint8_t sandbox;
        ProtoUser user;
} ProtoBuilderStart; /* descriptors: for the tar stream; optionally root's new password */

typedef struct ProtoBuilderArgument {
        char text[1024]; /* of virt-builder's command line */
} ProtoBuilderArgument;

typedef enum ProtoTreeOperation {
        PROTO_TREE_EMPTY, /* remove everything in the directory, except @name */
        PROTO_TREE_CLONE, /* fill @target with hard links to the files of @name, directories copied */
        PROTO_TREE_CHECK, /* check that nothing in @name was added or removed since it was cloned */
        PROTO_TREE_MOVE,  /* rename @target to @name, which is absent or an empty directory */
        PROTO_TREE_EXCHANGE, /* exchange the two */
        _PROTO_TREE_OPERATION_MAX,
} ProtoTreeOperation;

typedef struct ProtoTreeStart {
        uint64_t cloned_nsec;   /* the clock before @name was cloned; for PROTO_TREE_CHECK */
        uint64_t modified_nsec; /* @name's own time when it was cloned; the same */
        uint32_t operation;     /* ProtoTreeOperation */
        char name[256];         /* relative to the directory */
        char target[512];       /* the same; except for PROTO_TREE_EMPTY and PROTO_TREE_CHECK */
        uint8_t sandbox;
} ProtoTreeStart; /* descriptors: the directory */

typedef struct ProtoTrustStart {
        char policy[1024]; /* the file's path; empty if there is none, and everything is accepted */
        char transport[32];     /* "docker", "oci", …, as in a policy */
        char reference[1024];   /* of "docker": the full form */
        char path[1024];        /* of files: absolute, without links; empty if unknown */
        uint8_t require_signed; /* reject what no rule demands a signature of */
        uint8_t sandbox;
        ProtoUser user;
} ProtoTrustStart; /* descriptors: optionally a public key, which decides instead of the policy */

typedef struct ProtoTrustDecision {
        uint8_t needs_signatures; /* else the result follows */
        char rule[64];            /* the first of the rules that decide; empty if none does */
        char scope[1100];         /* where they are in the policy */
} ProtoTrustDecision;

typedef struct ProtoTrustKey {
        Digest fingerprint;
        char origin[1024]; /* its file */
} ProtoTrustKey;

typedef enum ProtoSignatureForm {
        PROTO_SIGNATURE_ATTACHED,
        PROTO_SIGNATURE_BUNDLE,
        _PROTO_SIGNATURE_FORM_MAX,
} ProtoSignatureForm;

typedef struct ProtoSignature {
        uint32_t form; /* ProtoSignatureForm */
        uint32_t
                size; /* bytes that follow in PROTO_SIGNATURE_DATA; 0 to PROTO_SIGNATURE_BYTES_MAX */
        char signature[2816]; /* base64, of PROTO_SIGNATURE_ATTACHED */
        char problem[512];    /* why it, or all of the form, could not be fetched; else empty */
} ProtoSignature;

typedef struct ProtoSignatureData {
        uint32_t size; /* sizeof(data), or what is left of the signature if that is less; never 0 */
        uint8_t data[4096];
} ProtoSignatureData;

typedef struct ProtoTrustAccepted {
        uint32_t form;       /* ProtoSignatureForm */
        Digest fingerprint;  /* of the key */
        char identity[1024]; /* that it states; empty if none */
} ProtoTrustAccepted;

typedef struct ProtoIdRange {
        uint8_t is_group;
        IdRange range;
} ProtoIdRange;

typedef enum ProtoBlobState {
        PROTO_BLOB_HAVE, /* it is in the store; comes with a descriptor to read if @want_content was set */
        PROTO_BLOB_FILL,   /* write it, from @offset, into the attached descriptor */
        PROTO_BLOB_ABSENT, /* answer to @lookup_only */
        _PROTO_BLOB_STATE_MAX,
} ProtoBlobState;

typedef struct ProtoBlobAnswer {
        uint32_t token; /* of the request */
        uint32_t state; /* ProtoBlobState */
        uint64_t offset;
} ProtoBlobAnswer;

typedef struct ProtoUnpackLayer {
        uint32_t index;     /* 0 is the root layer */
        uint8_t has_digest; /* a tarball has none */
        uint8_t has_diff_id;
        Digest digest;
        Digest diff_id;
} ProtoUnpackLayer; /* descriptors: the blob, read-only */

typedef struct ProtoUnpackGrown {
        uint32_t index;
        uint8_t is_complete; /* @size is final */
        uint64_t size; /* bytes of the blob that may be read; PROTO_SIZE_UNKNOWN: to its end */
} ProtoUnpackGrown;

typedef struct ProtoTop {
        Digest digest; /* of the document that the image's name stands for */
        char media_type[128];
        char name[512]; /* the image's name in its files; empty if none, or from a registry */
        uint8_t has_signed;
        Digest signed_digest; /* of the same document with its signatures, if @has_signed */
} ProtoTop;

typedef struct ProtoFetchRead {
        uint64_t size; /* bytes of an archive read so far, to find its image */
} ProtoFetchRead;

typedef struct ProtoFetchWait {
        uint32_t seconds; /* from now on, until the next try; 1 to PROTO_WAIT_MAX */
        uint8_t is_asked; /* by the registry; else it is a backoff of the worker's own */
} ProtoFetchWait;

typedef struct ProtoBlobWanted {
        uint32_t token; /* chosen by the worker: the index of a layer, or a higher number */
        uint8_t want_content;
        uint8_t lookup_only; /* do not prepare to fill it */
        Digest digest;
        uint64_t size; /* or PROTO_SIZE_UNKNOWN */
} ProtoBlobWanted;

typedef struct ProtoImage {
        char media_type[128]; /* of the document that the reference names */
        char layout_media_type[128];
        char platform[64];
        Digest digest;   /* of the document that the reference names */
        Digest manifest; /* of the platform's manifest: the same, or one that an index names */
        Digest layout;   /* of the manifest for the store's index: the same, or an OCI form of it */
        Digest config;   /* when @has_config */
        uint8_t has_config;
        uint32_t n_layers;
} ProtoImage;

typedef struct ProtoLayer {
        uint32_t index;
        uint8_t has_diff_id;
        Digest digest;
        Digest diff_id;
        uint64_t size; /* compressed, or PROTO_SIZE_UNKNOWN */
        char media_type[128];
} ProtoLayer;

typedef enum ProtoDetailKind {
        PROTO_DETAIL_CREATED,
        PROTO_DETAIL_AUTHOR,
        PROTO_DETAIL_LABEL, /* with a key */
        PROTO_DETAIL_ENV,
        PROTO_DETAIL_ENTRYPOINT, /* one word; the same for all lists */
        PROTO_DETAIL_CMD,
        PROTO_DETAIL_USER,
        PROTO_DETAIL_WORKING_DIRECTORY,
        PROTO_DETAIL_VOLUME,
        PROTO_DETAIL_PORT,
        PROTO_DETAIL_STOP_SIGNAL,
        PROTO_DETAIL_INCOMPLETE, /* without a value: others were cut, or left out */
        _PROTO_DETAIL_KIND_MAX,
} ProtoDetailKind;

typedef struct ProtoDetail {
        uint32_t kind; /* ProtoDetailKind */
        char key[256];
        char value[4096];
} ProtoDetail;

/* A piece of a text, which nobody but the caller reads: any bytes. */
typedef struct ProtoReport {
        uint32_t size; /* 1 to sizeof(data); what follows is zero */
        char data[4096];
} ProtoReport;

typedef struct ProtoTag {
        char name[132];
} ProtoTag;

typedef struct ProtoVerifyReady {
        uint64_t offset; /* bytes that are in the file and hashed */
} ProtoVerifyReady;

typedef struct ProtoVerifyGrown {
        uint64_t size;
} ProtoVerifyGrown;

typedef struct ProtoVerifyFull {
        uint64_t size; /* bytes that would have to be freed */
} ProtoVerifyFull;

typedef struct ProtoVerifyRoom {
        uint8_t is_made; /* there is more space now: try again */
} ProtoVerifyRoom;

typedef struct ProtoUnpackProgress {
        uint64_t consumed; /* compressed bytes, of all layers so far */
        uint64_t unpacked; /* uncompressed bytes, of all layers so far */
        uint64_t files;    /* names created below the root directory, of all layers so far */
} ProtoUnpackProgress;

typedef struct ProtoUnpackRights {
        uint64_t n;        /* files created with setuid, setgid or capabilities: at least one */
        char example[256]; /* the first one's name, possibly cut */
} ProtoUnpackRights;

typedef struct ProtoDiskLayer {
        uint32_t index; /* of the layer */
} ProtoDiskLayer;

typedef struct ProtoBuilderProgress {
        uint32_t permille; /* completed; 0 to 1000 */
} ProtoBuilderProgress;

typedef struct ProtoWarning {
        char text[1024];
} ProtoWarning;

typedef struct ProtoTrace {
        char text[1024]; /* for the log, if its level is debug */
} ProtoTrace;

typedef enum ProtoOutcome {
        PROTO_OUTCOME_DONE,
        PROTO_OUTCOME_FAILED,
        PROTO_OUTCOME_INPUT_SHORT,   /* the input ended prematurely */
        PROTO_OUTCOME_OUTPUT_CLOSED, /* nobody reads the output */
        _PROTO_OUTCOME_MAX,
} ProtoOutcome;

typedef struct ProtoResult {
        uint32_t outcome; /* ProtoOutcome; PROTO_OUTCOME_DONE exactly when @code is 0 */
        uint32_t code;    /* errno value, 0 for success; for people, never for decisions */
        uint32_t kind;    /* ErrorKind, if @code is not 0 */
        char text[2048];
} ProtoResult;

typedef struct ProtoMessage {
        uint32_t type; /* ProtoType */
        union {
                ProtoFetchStart fetch_start;
                ProtoFetchEndpoint fetch_endpoint;
                ProtoResolveStart resolve_start;
                ProtoVerifyStart verify_start;
                ProtoVerifyBlob verify_blob;
                ProtoUnpackStart unpack_start;
                ProtoDiskStart disk_start;
                ProtoBuilderStart builder_start;
                ProtoTreeStart tree_start;
                ProtoTrustStart trust_start;
                ProtoIdRange id_range;
                ProtoDiskImage disk_image;
                ProtoBuilderArgument builder_argument;
                ProtoBlobAnswer blob_answer;
                ProtoUnpackLayer unpack_layer;
                ProtoUnpackGrown unpack_grown;
                ProtoTop top;
                ProtoFetchRead fetch_read;
                ProtoFetchWait fetch_wait;
                ProtoBlobWanted blob_wanted;
                ProtoImage image;
                ProtoLayer layer;
                ProtoDetail detail;
                ProtoReport report;
                ProtoTag tag;
                ProtoVerifyReady verify_ready;
                ProtoVerifyGrown verify_grown;
                ProtoVerifyFull verify_full;
                ProtoVerifyRoom verify_room;
                ProtoUnpackProgress unpack_progress;
                ProtoUnpackRights unpack_rights;
                ProtoDiskLayer disk_layer;
                ProtoBuilderProgress builder_progress;
                ProtoTrustDecision trust_decision;
                ProtoTrustKey trust_key;
                ProtoTrustAccepted trust_accepted;
                ProtoSignature signature;
                ProtoSignatureData signature_data;
                ProtoWarning warning;
                ProtoTrace trace;
                ProtoResult result;
        };
} ProtoMessage;

/** proto_id_is_valid() - whether a worker may have @id, as a user or as a group; 0 is not one */
bool proto_id_is_valid(uint32_t id);

/** proto_message_size() - bytes of a message of @type on the wire */
size_t proto_message_size(ProtoType type);

/**
 * proto_message_check() - whether bytes from the other side are a valid message
 * @message:    of which the first @size bytes were received
 * @n_fds:      descriptors that arrived with it
 *
 * A pure function. Return: 0, or -EBADMSG.
 */
int proto_message_check(const ProtoMessage *message, size_t size, size_t n_fds, Error *error);

/**
 * proto_text_set() - copy @text into a field of a message, cut at a character when it is too long
 *
 * Anything but printable UTF-8 becomes '?'. Return: whether all of @text fitted.
 */
bool proto_text_set(char *field, size_t field_size, const char *text);

/**
 * proto_result_set() - make @message the result that @error (NULL: success) describes
 * @failure:    the outcome if @error is set; not PROTO_OUTCOME_DONE
 */
void proto_result_set(ProtoMessage *message, ProtoOutcome failure, const Error *error);
