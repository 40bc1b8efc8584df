/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>

#include "base-text.h"
#include "client-block.h"
#include "client-intl.h"
#include "client-size.h"

#define COLUMNS_MAX        ((size_t) 200) /* of a line; more would not fit into PROGRESS_LINE_MAX */
#define DIGEST_COLUMNS     12
#define SIZE_COLUMNS       7 /* "1023.9M" */
#define SOURCE_COLUMNS_MIN ((size_t) 12)
#define ROWS_OF_OTHERS     ((size_t) 4) /* the image, the whole, and two of what was there before */
#define FACTS_TEXT_MAX     ((size_t) 256)
#define PLATFORM_TEXT_MAX  ((size_t) 64)
#define ELLIPSIS           "…"

static const char *state_text(ClientLayerState state) {
        switch (state) {
        case LAYER_WAITING:
                return _("waiting");
        case LAYER_DOWNLOADING:
                return _("downloading");
        case LAYER_DOWNLOADED:
                return _("downloaded");
        case LAYER_UNPACKING:
                return _("unpacking");
        case LAYER_UNPACKED:
                return _("unpacked");
        case _LAYER_STATE_MAX:
                break;
        }

        return "";
}

static bool is_in_work(const ClientLayer *layer) {
        return layer->state == LAYER_DOWNLOADING || layer->state == LAYER_UNPACKING;
}

/* "  linux/amd64  8 layers, 294.1M (90.4M cached)" */
static void format_facts(const ClientDetails *details, char ret[static FACTS_TEXT_MAX]) {
        const uint64_t cached_bytes = client_details_cached(details);
        char platform[PLATFORM_TEXT_MAX] = "", cached[PLATFORM_TEXT_MAX] = "";
        char all_text[SIZE_TEXT_MAX], cached_text[SIZE_TEXT_MAX];
        const char *all = client_size_format(client_details_size(details), all_text);

        if (details->platform)
                (void) snprintf(platform, sizeof(platform), "  %s", details->platform);
        if (cached_bytes > 0)
                (void) snprintf(
                        cached, sizeof(cached), _(" (%s cached)"),
                        client_size_format(cached_bytes, cached_text));
        (void) snprintf(
                ret, FACTS_TEXT_MAX,
                ngettext("%s  %zu layer, %s%s", "%s  %zu layers, %s%s", details->n_layers),
                platform, details->n_layers, all, cached);
        text_make_printable(ret);
}

/* The end of a source says most: the name and the tag. */
static void format_image(
        const ClientBlockJob *job, size_t columns, char ret[static PROGRESS_LINE_MAX]) {
        char facts[FACTS_TEXT_MAX];
        size_t room, width;
        bool is_whole;

        format_facts(job->details, facts);
        width = text_columns(facts);
        room = columns > width + SOURCE_COLUMNS_MIN ? columns - width : SOURCE_COLUMNS_MIN;
        is_whole = text_columns(job->source) <= room;
        (void) snprintf(
                ret, PROGRESS_LINE_MAX, "%s%s%s", is_whole ? "" : ELLIPSIS,
                is_whole ? job->source : text_ending(job->source, room - 1), facts);
        ret[text_beginning(ret, columns)] = '\0';
}

static size_t widest_state(void) {
        const size_t a = text_columns(state_text(LAYER_DOWNLOADING));
        const size_t b = text_columns(state_text(LAYER_UNPACKING));

        return a > b ? a : b;
}

static void format_layer(
        const ClientLayer *layer, size_t columns, char ret[static PROGRESS_LINE_MAX]) {
        const char *colon = strchr(layer->digest, ':');
        const char *hex = colon ? colon + 1 : layer->digest;
        const char *state = state_text(layer->state);
        const int padding = (int) (widest_state() - text_columns(state));
        const double share = layer->size > 0 ? (double) layer->done / (double) layer->size : 0;
        char size[SIZE_TEXT_MAX], done[SIZE_TEXT_MAX], bar[PROGRESS_BAR_MAX];
        size_t width, length;

        (void) snprintf(
                ret, PROGRESS_LINE_MAX, "%.*s %*s  %s%*s ", DIGEST_COLUMNS, hex, SIZE_COLUMNS,
                client_size_format(layer->size, size), state, padding, "");
        text_make_printable(ret);
        width = text_columns(ret) + 1 + SIZE_COLUMNS;
        if (columns < width + BAR_COLUMNS_MIN) {
                ret[text_beginning(ret, columns)] = '\0';
                return;
        }

        length = strlen(ret);
        (void) snprintf(
                ret + length, PROGRESS_LINE_MAX - length, "%s %s",
                client_progress_fill_bar(share, columns - width, bar),
                client_size_format(layer->done, done));
}

void client_block_format(const ClientBlockJob *job, size_t columns, size_t rows, ClientBlock *ret) {
        const ClientDetails *details = job->details;
        const uint64_t speed = details->speed;
        size_t last;

        columns = columns < COLUMNS_MAX ? columns : COLUMNS_MAX;
        ret->n_lines = 1;
        if (details->n_layers == 0 || columns < BLOCK_COLUMNS_MIN || rows < BLOCK_ROWS_MIN) {
                client_progress_format_bar(job->progress, speed, columns, ret->lines[0]);
                return;
        }

        last = rows - ROWS_OF_OTHERS;
        last = last < BLOCK_LAYERS_MAX ? last : BLOCK_LAYERS_MAX;
        format_image(job, columns - 1, ret->lines[0]);
        for (size_t i = 0; i < details->n_layers && ret->n_lines <= last; i++)
                if (is_in_work(&details->layers[i]))
                        format_layer(&details->layers[i], columns - 1, ret->lines[ret->n_lines++]);
        client_progress_format_total(job->progress, speed, columns, ret->lines[ret->n_lines++]);
}
