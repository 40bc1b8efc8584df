/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What somebody may have meant who wrote an image's name, or a URI of another program, where one of ours is expected. */

/**
 * client_suggest_source() - the URI for what is no URI, or one that is unknown
 * @text:       as the user wrote it, where no file is that it could mean
 *
 * Return: a clause such as "for a registry's image, use docker://docker.io/library/debian:12"; owned by the caller;
 * NULL if there is none.
 */
char *client_suggest_source(const char *text);

/** client_suggest_repository() - likewise where a registry's repository is expected, without a tag */
char *client_suggest_repository(const char *text);
