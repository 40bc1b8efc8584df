/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-macro.h"
#include "base-secret.h"
#include "registry-tls.h"

static const char *const default_dirs[] = {
        "/etc/containers/certs.d",
        "/etc/docker/certs.d",
};

void registry_tls_done(RegistryTls *tls) {
        free(tls->authorities);
        free(tls->certificate);
        secret_free(tls->key);
        *tls = (RegistryTls){ 0 };
}

/* Symbolic links are followed: /etc is the administrator's, and full of them. */
static int read_pem(int dir_fd, const char *name, char **ret, Error *error) {
        _cleanup_(closep) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat st;
        int r;

        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the certificate %s", name);
        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot read the certificate %s", name);
        if (!S_ISREG(st.st_mode))
                return error_set(
                        error, EINVAL, ERROR_TLS_ERROR, "The certificate %s is not a regular file",
                        name);

        r = fd_read_all(fd, REGISTRY_TLS_FILE_MAX, ret, NULL);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the certificate %s", name);

        return 0;
}

static int append(char **text, const char *more, Error *error) {
        size_t size = *text ? strlen(*text) : 0, n = strlen(more);
        char *joined;

        if (n > REGISTRY_TLS_AUTHORITIES_MAX - size)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED, "More than %zu bytes of certificates",
                        REGISTRY_TLS_AUTHORITIES_MAX);

        joined = realloc(*text, size + n + sizeof("\n"));
        if (!joined)
                return error_oom(error);

        (void) stpcpy(stpcpy(joined + size, more), "\n");
        *text = joined;
        return 0;
}

static int add_authority(RegistryTls *tls, int dir_fd, const char *name, Error *error) {
        _cleanup_(freep) char *pem = NULL;
        int r = read_pem(dir_fd, name, &pem, error);

        if (r < 0)
                return r;

        assert(pem);
        return append(&tls->authorities, pem, error);
}

/* The system's bundle may be missing where certificates come from elsewhere. */
static int add_system(RegistryTls *tls, const char *path, Error *error) {
        if (tls->authorities || !path || access(path, R_OK) < 0)
                return 0;

        return add_authority(tls, AT_FDCWD, path, error);
}

/* "name.cert" and "name.key" in either order of discovery: looks at the pair when it sees ".cert",
 * and only that there is one when it sees ".key". */
static int add_pair(
        RegistryTls *tls, int dir_fd, const char *name, const char *suffix, Error *error) {
        bool is_key = strcmp(suffix, ".key") == 0;
        char other[NAME_MAX + 1];
        int r;

        if (snprintf(
                    other, sizeof(other), "%.*s%s", (int) (suffix - name), name,
                    is_key ? ".cert" : ".key") >= (int) sizeof(other))
                return error_set(
                        error, ENAMETOOLONG, ERROR_TLS_ERROR, "The name %s is too long", name);
        if (faccessat(dir_fd, other, F_OK, 0) < 0)
                return error_set(
                        error, ENOENT, ERROR_TLS_ERROR, "%s exists, but %s does not", name, other);
        if (is_key)
                return 0;
        if (tls->certificate)
                return error_set(
                        error, EINVAL, ERROR_TLS_ERROR,
                        "%s is a second client certificate, but only one can be used", name);

        r = read_pem(dir_fd, name, &tls->certificate, error);
        return r < 0 ? r : read_pem(dir_fd, other, &tls->key, error);
}

static int add_file(
        RegistryTls *tls, int dir_fd, const char *name, const char *system_bundle, Error *error) {
        const char *suffix = strrchr(name, '.');
        int r;

        if (!suffix || name[0] == '.')
                return 0;

        if (strcmp(suffix, ".crt") == 0) {
                r = add_system(tls, system_bundle, error);
                return r < 0 ? r : add_authority(tls, dir_fd, name, error);
        }
        if (strcmp(suffix, ".cert") == 0 || strcmp(suffix, ".key") == 0)
                return add_pair(tls, dir_fd, name, suffix, error);

        return 0;
}

static int load_dir(RegistryTls *tls, DIR *dir, const char *system_bundle, Error *error) {
        const struct dirent *entry;
        size_t n = 0;

        while ((errno = 0, entry = readdir(dir))) {
                int r;

                if (++n > REGISTRY_TLS_FILES_MAX)
                        return error_set(
                                error, E2BIG, ERROR_LIMIT_EXCEEDED, "There are more than %zu files",
                                REGISTRY_TLS_FILES_MAX);

                r = add_file(tls, dirfd(dir), entry->d_name, system_bundle, error);
                if (r < 0)
                        return r;
        }

        return errno > 0 ? error_set_errno(error, errno, "Cannot list the directory") : 0;
}

/* Returns 1, or 0 when there is no such directory. */
static int open_host_dir(
        const char *certs_dir, const char *host, char **ret_path, DIR **ret, Error *error) {
        _cleanup_(freep) char *path = NULL;
        DIR *dir;

        if (asprintf(&path, "%s/%s", certs_dir, host) < 0) {
                path = NULL;
                return error_oom(error);
        }

        dir = opendir(path);
        if (!dir && errno == ENOENT)
                return 0;
        if (!dir)
                return error_set_errno(error, errno, "Cannot open %s", path);

        *ret_path = TAKE_PTR(path);
        *ret = dir;
        return 1;
}

int registry_tls_load(
        const char *certs_dir,
        const char *host,
        const char *system_authorities,
        RegistryTls *ret,
        Error *error) {
        _cleanup_(registry_tls_done) RegistryTls tls = { 0 };
        _cleanup_(closedirp) DIR *dir = NULL;
        _cleanup_(freep) char *path = NULL;
        int r = 0;

        /* A host is one component of a path. */
        if (host[0] == '\0' || host[0] == '.' || strchr(host, '/'))
                return error_set(
                        error, EINVAL, ERROR_INVALID_REFERENCE, "%s is not a registry host", host);

        if (certs_dir)
                r = open_host_dir(certs_dir, host, &path, &dir, error);
        else
                for (size_t i = 0; i < N_ELEMENTS(default_dirs) && r == 0; i++)
                        r = open_host_dir(default_dirs[i], host, &path, &dir, error);
        if (r < 0)
                return r;

        if (dir) {
                r = load_dir(&tls, dir, system_authorities, error);
                if (r < 0)
                        return error_prefix(error, "%s", path);
        }

        *ret = (RegistryTls){
                .authorities = TAKE_PTR(tls.authorities),
                .certificate = TAKE_PTR(tls.certificate),
                .key = TAKE_PTR(tls.key),
        };
        return 0;
}
