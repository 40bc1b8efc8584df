/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owners of entries, the rights that follow, and the warnings about these at the end. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-macro.h"
#include "unpack-directory-internal.h"

#define RIGHTS      ((uint32_t) (S_ISUID | S_ISGID))
#define CLOSED_MODE 0600u

/* Bytes of a name in a warning, which must leave room for the sentence. */
#define EXAMPLE_MAX 200
#define WARNING_MAX 1024

#define LOSSES_BEGIN "Not kept in the directory: "

/* Entries may come in any order. */
static void count(
        UnpackDirectory *directory, UnpackDirectoryCount *count, const UnpackEntry *entry) {
        (void) pthread_mutex_lock(&directory->count_lock);
        if (entry->path && (count->n == 0 || entry->number < count->example_number)) {
                free(count->example);
                count->example = strndup(entry->path, EXAMPLE_MAX);
                count->example_number = entry->number;
        }
        count->n++;
        (void) pthread_mutex_unlock(&directory->count_lock);
}

void unpack_directory_lose(
        UnpackDirectory *directory, const UnpackEntry *entry, UnpackDirectoryLoss loss) {
        count(directory, &directory->losses[loss], entry);
}

static int change_owner(int fd, const char *name, uid_t uid, gid_t gid) {
        if (fchownat(fd, name, uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

/* EINVAL: the user namespace has no such id. EPERM: we, or the file system, may not set it. */
static bool is_refused(int r) {
        return r == -EINVAL || r == -EPERM;
}

int unpack_directory_set_owner(int fd, const char *name, const UnpackMeta *meta, Error *error) {
        int r;

        r = change_owner(fd, name, meta->uid, meta->gid);
        if (r < 0 && !is_refused(r))
                return error_set_errno(
                        error, -r, "Cannot change the owner to %u:%u", meta->uid, meta->gid);
        if (r >= 0)
                return 1;

        /* One of the two may be possible. */
        if (is_refused(change_owner(fd, name, meta->uid, (gid_t) -1)))
                (void) change_owner(fd, name, (uid_t) -1, meta->gid);
        return 0;
}

bool unpack_directory_is_owned(const UnpackDirectory *directory, const UnpackMeta *meta) {
        return directory->privileged || (meta->uid == geteuid() && meta->gid == getegid());
}

static bool has_capabilities(const UnpackMeta *meta) {
        for (size_t i = 0; i < meta->n_xattrs; i++)
                if (strcmp(meta->xattrs[i].name, XATTR_CAPABILITY) == 0)
                        return true;

        return false;
}

static bool has_rights(const UnpackMeta *meta) {
        return (meta->type == UNPACK_REGULAR || meta->type == UNPACK_DIRECTORY) &&
               ((meta->mode & RIGHTS) || has_capabilities(meta));
}

UnpackMeta unpack_directory_keep(
        UnpackDirectory *directory,
        const UnpackEntry *entry,
        const UnpackMeta *meta,
        bool is_owned) {
        UnpackMeta kept = *meta;

        if (!is_owned)
                unpack_directory_lose(directory, entry, DIRECTORY_LOSS_OWNER);
        else if (meta->is_unmapped)
                unpack_directory_lose(directory, entry, DIRECTORY_LOSS_UNMAPPED);

        if (directory->privileged && is_owned && !meta->is_unmapped) {
                if (has_rights(meta) && meta->type == UNPACK_REGULAR)
                        count(directory, &directory->rights, entry);
                return kept;
        }

        if (has_rights(meta) && !(is_owned && meta->is_unmapped))
                unpack_directory_lose(directory, entry, DIRECTORY_LOSS_RIGHTS);
        kept.mode &= ~RIGHTS;
        kept.loses_rights = true;
        return kept;
}

/* Names prove nothing: a disk can be called dev/null. */
static bool is_harmless(const UnpackMeta *meta) {
        static const struct {
                uint32_t major, minor;
        } harmless[] = {
                { 1, 3 }, /* null */
                { 1, 5 }, /* zero */
                { 1, 7 }, /* full */
                { 1, 8 }, /* random */
                { 1, 9 }, /* urandom */
                { 5, 0 }, /* tty */
                { 5, 1 }, /* console */
                { 5, 2 }, /* ptmx */
        };

        for (size_t i = 0; i < N_ELEMENTS(harmless); i++)
                if (meta->type == UNPACK_CHARACTER_DEVICE &&
                    meta->device_major == harmless[i].major &&
                    meta->device_minor == harmless[i].minor)
                        return true;

        return false;
}

static bool is_device(const UnpackMeta *meta) {
        return meta->type == UNPACK_CHARACTER_DEVICE || meta->type == UNPACK_BLOCK_DEVICE;
}

bool unpack_directory_closes(const UnpackDirectory *directory, const UnpackMeta *meta) {
        return directory->privileged && directory->closes_devices && is_device(meta) &&
               !is_harmless(meta) &&
               (meta->mode != CLOSED_MODE || meta->uid != directory->device_uid ||
                meta->gid != directory->device_gid || meta->n_xattrs > 0);
}

UnpackMeta unpack_directory_close(const UnpackDirectory *directory, const UnpackMeta *meta) {
        UnpackMeta kept = *meta;

        kept.mode = CLOSED_MODE;
        kept.uid = directory->device_uid;
        kept.gid = directory->device_gid;
        kept.is_unmapped = false;
        /* An ACL would open it again. */
        kept.n_xattrs = 0;
        return kept;
}

/* Writes "2 entries, such as "NAME"", between two texts, into @file. */
static void print_loss(
        const UnpackDirectoryCount *loss, const char *before, const char *after, FILE *file) {
        const char *example = loss->example && loss->example[0] ? loss->example : ".";

        (void) fprintf(
                file, "%s%" PRIu64 " %s\"%s\"%s", before, loss->n,
                loss->n == 1 ? "entry, " : "entries, such as ", example, after);
}

/* What only another user, or another place, could keep: one warning for all of it, since the cure is the same. */
static void sum_up_losses(const UnpackDirectory *directory, FILE *file) {
        static const struct {
                UnpackDirectoryLoss loss;
                const char *before;
        } parts[] = {
                { DIRECTORY_LOSS_OWNER, "owners (" },
                { DIRECTORY_LOSS_RIGHTS, "setuid, setgid and file capabilities (" },
                { DIRECTORY_LOSS_NODE, "device nodes (" },
        };
        size_t n = 0;

        for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
                const UnpackDirectoryCount *loss = &directory->losses[parts[i].loss];

                if (loss->n == 0)
                        continue;
                (void) fputs(n++ > 0 ? ", " : LOSSES_BEGIN, file);
                print_loss(loss, parts[i].before, ")", file);
        }
        if (atomic_load(&directory->xattr_warnings.unprivileged))
                (void) fprintf(
                        file, "%sextended attributes that only root can write",
                        n++ > 0 ? ", " : LOSSES_BEGIN);
        if (n > 0)
                (void) fputs("; the format qcow2 keeps everything", file);
}

static void sum_up_unmapped(const UnpackDirectory *directory, FILE *file) {
        const UnpackDirectoryCount *loss = &directory->losses[DIRECTORY_LOSS_UNMAPPED];

        if (loss->n > 0)
                print_loss(
                        loss,
                        "Owners outside all id ranges are unchanged; setuid, setgid and file capabilities "
                        "are left out: ",
                        "", file);
}

static void sum_up_openness(const UnpackDirectory *directory, FILE *file) {
        const UnpackDirectoryCount *loss = &directory->losses[DIRECTORY_LOSS_OPENNESS];

        if (loss->n > 0)
                print_loss(
                        loss, "Device nodes are owned by root and have the mode 0600: ",
                        " (--keep-devices keeps the image's owners and modes)", file);
}

void unpack_directory_sum_up(UnpackTarget *target) {
        static void (*const sentences[])(const UnpackDirectory *directory, FILE *file) = {
                sum_up_losses, sum_up_unmapped, sum_up_openness
        };
        const UnpackDirectory *directory = unpack_directory(target);

        for (size_t i = 0; i < N_ELEMENTS(sentences); i++) {
                char text[WARNING_MAX] = "";
                FILE *file = fmemopen(text, sizeof(text), "w");

                if (!file)
                        continue;
                sentences[i](directory, file);
                (void) fclose(file);
                if (text[0] != '\0')
                        unpack_target_warn(&directory->target, text);
        }
}

void unpack_directory_rights_done(UnpackDirectory *directory) {
        for (size_t i = 0; i < _DIRECTORY_LOSS_MAX; i++)
                free(directory->losses[i].example);
        free(directory->rights.example);
        (void) pthread_mutex_destroy(&directory->count_lock);
}

void unpack_directory_close_devices(UnpackTarget *target, uint32_t uid, uint32_t gid) {
        UnpackDirectory *directory = unpack_directory(target);

        directory->closes_devices = true;
        directory->device_uid = uid;
        directory->device_gid = gid;
}

uint64_t unpack_directory_rights(const UnpackTarget *target, const char **ret_example) {
        const UnpackDirectory *directory = (const UnpackDirectory *) target;

        *ret_example = directory->rights.example;
        return directory->rights.n;
}
