/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base-macro.h"
#include "base-number.h"
#include "base-text.h"
#include "reference.h"

#define DIGITS  "0123456789"
#define LOWER   "abcdefghijklmnopqrstuvwxyz"
#define UPPER   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HEX     DIGITS "abcdef"
#define ALNUM   LOWER UPPER DIGITS
#define WORD    ALNUM "_"
#define ID_SIZE ((size_t) 64) /* hex digits of an image id */

#define DOCKER_HUB "docker.io"
#define HTTPS_PORT ":443"

static int invalid(const char *text, Error *error, const char *what) {
        char quoted[TEXT_QUOTE_MAX];

        return error_set(
                error, EINVAL, ERROR_INVALID_REFERENCE, "Invalid image reference '%s': %s",
                text_quote(text, quoted), what);
}

static bool is_label(const char *text, size_t length) {
        return length > 0 && strspn(text, ALNUM "-") >= length && text[0] != '-' &&
               text[length - 1] != '-';
}

static bool is_domain(const char *text) {
        for (;;) {
                size_t length = strcspn(text, ".");

                if (!is_label(text, length))
                        return false;
                if (text[length] == '\0')
                        return true;
                text += length + 1;
        }
}

static bool is_port(const char *text) {
        uint64_t port;

        return strlen(text) <= strlen("65535") && number_parse(text, UINT16_MAX, &port) >= 0 &&
               text[0] != '0';
}

static bool is_ipv6(const char *text) {
        struct in6_addr address;

        return inet_pton(AF_INET6, text, &address) == 1;
}

/* Returns the error in "NAME[:PORT]" or "[ADDRESS][:PORT]", or NULL. */
static const char *check_host(const char *host) {
        char name[REFERENCE_REPOSITORY_MAX + 1];
        bool is_address = host[0] == '[';
        size_t length;

        stpcpy(name, host + is_address);
        length = strcspn(name, is_address ? "]" : ":");
        if (is_address) {
                if (name[length] != ']')
                        return "an IPv6 address must end with ']'";
                name[length++] = '\0';
        }

        if (name[length] != '\0') {
                if (name[length] != ':' || !is_port(name + length + 1))
                        return "a port must be a number from 1 to 65535";
                name[length] = '\0';
        }

        if (is_address)
                return is_ipv6(name) ? NULL : "the brackets do not contain an IPv6 address";
        return is_domain(name)
                       ? NULL
                       : "a host consists of labels of letters, digits and '-', separated by '.'";
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* */
static bool is_component(const char *text, size_t length) {
        const char *end = text + length;

        for (;;) {
                size_t n = strspn(text, LOWER DIGITS), separator;

                if (n == 0)
                        return false;
                text += n;
                if (text >= end)
                        return text == end;

                separator = *text == '.' ? 1 : *text == '-' ? strspn(text, "-") : strspn(text, "_");
                if (separator == 0 || (*text == '_' && separator > 2))
                        return false;
                text += separator;
        }
}

static const char *check_repository(const char *text) {
        if (text[0] == '\0')
                return "it has no image name";
        if (strpbrk(text, UPPER))
                return "an image name must be in lower case";

        for (;;) {
                size_t length = strcspn(text, "/");

                if (length == 0)
                        return "a component of the image name is empty";
                if (!is_component(text, length))
                        return "a component of an image name consists of lower-case letters and digits, "
                               "separated by '.', '_', '__' or '-'";
                if (text[length] == '\0')
                        return NULL;
                text += length + 1;
        }
}

static const char *check_tag(const char *tag) {
        if (tag[0] == '\0')
                return "the tag is empty";
        if (strlen(tag) > REFERENCE_TAG_MAX)
                return "a tag can have at most 128 characters";
        if (strspn(tag, WORD ".-") != strlen(tag) || strspn(tag, WORD) == 0)
                return "a tag consists of letters, digits, '_', '.' and '-', and does not start with "
                       "'.' or '-'";
        return NULL;
}

bool reference_is_tag(const char *text) {
        return !check_tag(text);
}

static bool is_host(const char *component) {
        return strcmp(component, "localhost") == 0 || strpbrk(component, ".:" UPPER);
}

static bool is_hub(const char *host, size_t length) {
        static const char *const names[] = { "index." DOCKER_HUB, "registry-1." DOCKER_HUB };

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (length == strlen(names[i]) && memcmp(host, names[i], length) == 0)
                        return true;
        return false;
}

static size_t lower_host(char *text) {
        const size_t length = strcspn(text, "/");

        for (size_t i = 0; i < length; i++)
                text[i] = (char) tolower((unsigned char) text[i]);
        return length;
}

void reference_fold_host(char *text) {
        const char *rest = text + lower_host(text);
        size_t length = (size_t) (rest - text);

        if (length > strlen(HTTPS_PORT) &&
            memcmp(rest - strlen(HTTPS_PORT), HTTPS_PORT, strlen(HTTPS_PORT)) == 0)
                length -= strlen(HTTPS_PORT);
        /* What is overwritten is longer. */
        if (is_hub(text, length))
                length = (size_t) (stpcpy(text, DOCKER_HUB) - text);
        memmove(text + length, rest, strlen(rest) + 1);
}

/* Hosts have no case; but one that only its case tells from a part of a name keeps it, so that the full form reads as the
 * same again. Another port is kept, also that of HTTPS, since it may have been meant for plain HTTP. */
static void settle_host(Reference *reference) {
        char folded[sizeof(reference->host)];

        strcpy(folded, reference->host);
        lower_host(folded);
        if (is_host(folded))
                strcpy(reference->host, folded);
        reference_fold_host(folded);
        if (strcmp(folded, DOCKER_HUB) == 0)
                strcpy(reference->host, DOCKER_HUB);
}

/* Fills host and repository from "[HOST/]NAME". */
static const char *split_name(const char *name, Reference *reference) {
        const char *repository = name, *library = "";
        size_t length = strcspn(name, "/");
        const char *problem;

        stpcpy(reference->host, DOCKER_HUB);

        if (name[length] == '/') {
                char first[REFERENCE_MAX + 1];

                memcpy(first, name, length);
                first[length] = '\0';

                if (is_host(first)) {
                        if (length > REFERENCE_REPOSITORY_MAX)
                                return "a host can have at most 255 characters";

                        problem = check_host(memcpy(reference->host, first, length + 1));
                        if (problem)
                                return problem;
                        repository = name + length + 1;
                }
        }

        problem = check_repository(repository);
        if (problem)
                return problem;

        settle_host(reference);
        if (strcmp(reference->host, DOCKER_HUB) == 0 && !strchr(repository, '/'))
                library = "library/";
        if (strlen(library) + strlen(repository) > REFERENCE_REPOSITORY_MAX)
                return "an image name can have at most 255 characters";

        stpcpy(stpcpy(reference->repository, library), repository);
        if (repository == name)
                stpcpy(reference->short_name, name);
        return NULL;
}

static const char *split_digest(char *name, Reference *reference) {
        char *at = strchr(name, '@');
        int r;

        if (!at)
                return NULL;

        *at = '\0';
        r = digest_parse(at + 1, &reference->digest);
        if (r == -EPROTONOSUPPORT)
                return "a digest must be sha256 or sha512";
        if (r < 0)
                return "a digest must be 'sha256:' and 64 lower-case hex digits, or 'sha512:' and 128";

        reference->has_digest = true;
        return NULL;
}

static const char *split_tag(char *name, Reference *reference) {
        char *slash = strrchr(name, '/');
        char *colon = strrchr(slash ? slash : name, ':');
        const char *problem;

        if (!colon) {
                if (!reference->has_digest)
                        stpcpy(reference->tag, "latest");
                return NULL;
        }

        problem = check_tag(colon + 1);
        if (problem)
                return problem;

        stpcpy(reference->tag, colon + 1);
        *colon = '\0';
        return NULL;
}

static size_t formatted_length(const Reference *reference) {
        size_t length = strlen(reference->host) + 1 + strlen(reference->repository);

        if (reference->tag[0] != '\0')
                length += 1 + strlen(reference->tag);
        if (reference->has_digest) {
                char digest[DIGEST_STRING_MAX];

                length += 1 + strlen(digest_format(&reference->digest, digest));
        }

        return length;
}

/* Splits @name, modifying it; returns the error in it, or NULL. */
static const char *split(char *name, Reference *reference) {
        const char *problem;

        if (strlen(name) == ID_SIZE && strspn(name, HEX) == ID_SIZE)
                return "this is an image id, which registries do not know; use a name";

        problem = split_digest(name, reference);
        if (!problem)
                problem = split_tag(name, reference);
        if (!problem)
                problem = split_name(name, reference);
        if (!problem && formatted_length(reference) > REFERENCE_MAX)
                problem = "it has more than 511 characters";
        return problem;
}

const char *reference_source_name(const char *source) {
        static const char scheme[] = "docker:";
        size_t n_slashes;

        if (strncasecmp(source, scheme, strlen(scheme)) != 0)
                return NULL;

        source += strlen(scheme);
        n_slashes = strspn(source, "/");
        return source + (n_slashes <= 3 ? n_slashes : 0);
}

int reference_parse(const char *text, Reference *ret, Error *error) {
        static const char scheme[] = "docker://";
        char name[REFERENCE_MAX + 1];
        Reference reference = { 0 };
        const char *start = text, *at, *problem;
        size_t length;

        if (strncasecmp(start, scheme, strlen(scheme)) == 0) {
                start += strlen(scheme);
                start += *start == '/';
        } else if (strstr(start, "://"))
                return invalid(
                        text, error, "expected docker://[HOST/]NAME for an image in a registry");

        length = strlen(start);
        if (length == 0)
                return invalid(
                        text, error, "it has no image name; expected docker://[HOST/]NAME[:TAG]");
        if (start[length - 1] == '/')
                length--;
        if (length > REFERENCE_MAX)
                return invalid(text, error, "it has more than 511 characters");

        memcpy(name, start, length);
        name[length] = '\0';

        /* Not repeated in the message, which is logged, since it may contain a password. */
        at = strchr(name, '@');
        if (at && strchr(at, '/'))
                return error_set(
                        error, EINVAL, ERROR_INVALID_REFERENCE,
                        "Invalid image reference: pass the user name and password as options, "
                        "not in front of the host");

        problem = split(name, &reference);
        if (problem)
                return invalid(text, error, problem);

        *ret = reference;
        return 0;
}

char *reference_format(const Reference *reference, char ret[static REFERENCE_MAX + 1]) {
        char *p = stpcpy(stpcpy(stpcpy(ret, reference->host), "/"), reference->repository);

        if (reference->tag[0] != '\0')
                p = stpcpy(stpcpy(p, ":"), reference->tag);
        if (reference->has_digest) {
                char digest[DIGEST_STRING_MAX];

                stpcpy(stpcpy(p, "@"), digest_format(&reference->digest, digest));
        }

        return ret;
}

const char *reference_api_host(const Reference *reference) {
        return strcmp(reference->host, DOCKER_HUB) == 0 ? "registry-1." DOCKER_HUB
                                                        : reference->host;
}
