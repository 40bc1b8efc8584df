/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-macro.h"
#include "base-text.h"
#include "client-intl.h"
#include "client-secret.h"

#define FILE_SELECTOR "file:"

static bool is_file(const char *selector) {
        return strncmp(selector, FILE_SELECTOR, strlen(FILE_SELECTOR)) == 0;
}

static void erase(char **selector) {
        if (*selector && !is_file(*selector)) {
                explicit_bzero(*selector, strlen(*selector));
                *selector = NULL;
        }
}

void client_secret_erase(ClientOptions *options) {
        erase(&options->password);
        erase(&options->root_password);
}

static void erase_buffer(char (*buffer)[SECRET_BYTES_MAX + 1]) {
        explicit_bzero(*buffer, sizeof(*buffer));
}

int client_secret_seal(const char *secret, size_t size, int *ret_fd, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        int r;

        fd = memfd_create("secret", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot create a memory file for a secret");

        r = fd_write_full(fd, secret, size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot store a secret");
        if (lseek(fd, 0, SEEK_SET) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return error_set_errno(error, errno, "Cannot seal a secret");

        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int read_file(const char *path, int *ret_fd, Error *error) {
        _cleanup_(erase_buffer) char buffer[SECRET_BYTES_MAX + 1];
        _cleanup_(closep) int fd = -EBADF;
        ssize_t size;
        size_t length;

        /* A pipe is fine: <(pass show registry). */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return error_set(
                        error, errno, ERROR_INVALID_OPTION, "Cannot open the password file %s: %s",
                        path, error_errno_text(errno));

        size = fd_read_full(fd, buffer, SECRET_BYTES_MAX);
        if (size < 0)
                return error_set_errno(
                        error, (int) -size, "Cannot read the password file %s", path);

        buffer[size] = '\0';
        length = strcspn(buffer, "\r\n");
        if (length == SECRET_BYTES_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The first line of the password file %s is longer than %zu bytes", path,
                        SECRET_BYTES_MAX - 1);
        if (length == 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "The first line of the password file %s is empty", path);

        return client_secret_seal(buffer, length, ret_fd, error);
}

static int take(char **selector, int *ret_fd, Error *error) {
        int r;

        if (is_file(*selector))
                return read_file(*selector + strlen(FILE_SELECTOR), ret_fd, error);

        if (strlen(*selector) >= SECRET_BYTES_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED, "A password is longer than %zu bytes",
                        SECRET_BYTES_MAX - 1);

        r = client_secret_seal(*selector, strlen(*selector), ret_fd, error);
        erase(selector);
        return r;
}

static void on_interrupt(int signal_number) {
        /* Its only purpose is to interrupt read(). */
        (void) signal_number;
}

/* Returns the number of bytes without the end of the line; -EINTR for Ctrl-C. */
static ssize_t read_line(int fd, char buffer[static SECRET_BYTES_MAX]) {
        ssize_t n = read(fd, buffer, SECRET_BYTES_MAX);

        if (n < 0)
                return -errno;
        if (n > 0 && buffer[n - 1] == '\n')
                n--;
        return n;
}

static ssize_t read_without_echo(int fd, char buffer[static SECRET_BYTES_MAX]) {
        const struct sigaction interrupt = { .sa_handler = on_interrupt };
        struct sigaction old_int, old_term;
        struct termios old, quiet;
        ssize_t n;

        if (tcgetattr(fd, &old) < 0)
                return -errno;

        quiet = old;
        quiet.c_lflag &= ~(tcflag_t) ECHO;
        quiet.c_lflag |= ICANON | ECHONL;

        (void) sigaction(SIGINT, &interrupt, &old_int);
        (void) sigaction(SIGTERM, &interrupt, &old_term);
        n = tcsetattr(fd, TCSAFLUSH, &quiet) < 0 ? -errno : read_line(fd, buffer);
        (void) tcsetattr(fd, TCSAFLUSH, &old);
        (void) sigaction(SIGINT, &old_int, NULL);
        (void) sigaction(SIGTERM, &old_term, NULL);
        return n;
}

static int ask(const char *username, int *ret_fd, Error *error) {
        _cleanup_(erase_buffer) char buffer[SECRET_BYTES_MAX + 1];
        _cleanup_(closep) int fd = -EBADF;
        _cleanup_(freep) char *printable = NULL;
        ssize_t n;

        fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return error_set(
                        error, ENOTTY, ERROR_AUTHENTICATION_REQUIRED,
                        "No terminal is available to ask for the password; use --password file:PATH");

        printable = text_printable(username);
        if (!printable)
                return error_oom(error);

        (void) dprintf(fd, _("Password for %s: "), printable);
        n = read_without_echo(fd, buffer);
        if (n == -EINTR) {
                (void) dprintf(fd, "\n");
                return error_set(error, ECANCELED, ERROR_CANCELLED, "No password was given");
        }
        if (n < 0)
                return error_set_errno(error, (int) -n, "Cannot read the password");

        return client_secret_seal(buffer, (size_t) n, ret_fd, error);
}

static int take_password(ClientOptions *options, int *ret_fd, Error *error) {
        if (!options->username)
                return 0;
        if (options->password)
                return take(&options->password, ret_fd, error);
        if (options->no_ask_password)
                return error_set(
                        error, EINVAL, ERROR_AUTHENTICATION_REQUIRED,
                        "A user name is given without a password; use --password file:PATH");

        return ask(options->username, ret_fd, error);
}

int client_secrets_take(
        ClientOptions *options, ClientSecrets *ret, bool *ret_is_exposed, Error *error) {
        _cleanup_(client_secrets_done) ClientSecrets secrets = SECRETS_NULL;
        int r = 0;

        *ret_is_exposed = options->root_password && !is_file(options->root_password);
        if (options->root_password)
                r = take(&options->root_password, &secrets.root_password_fd, error);
        if (r >= 0)
                r = take_password(options, &secrets.password_fd, error);
        client_secret_erase(options);
        if (r < 0)
                return r;

        *ret = (ClientSecrets){
                .password_fd = TAKE_FD(secrets.password_fd),
                .root_password_fd = TAKE_FD(secrets.root_password_fd),
                .auth_fd = TAKE_FD(secrets.auth_fd),
        };
        return 0;
}

int client_secrets_rewind(const ClientSecrets *secrets, Error *error) {
        const int fds[] = { secrets->password_fd, secrets->root_password_fd, secrets->auth_fd };

        for (size_t i = 0; i < N_ELEMENTS(fds); i++)
                if (fds[i] >= 0 && lseek(fds[i], 0, SEEK_SET) < 0)
                        return error_set_errno(error, errno, "Cannot rewind a secret");

        return 0;
}

void client_secrets_done(ClientSecrets *secrets) {
        closep(&secrets->password_fd);
        closep(&secrets->root_password_fd);
        closep(&secrets->auth_fd);
        *secrets = SECRETS_NULL;
}
