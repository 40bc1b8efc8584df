/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <string.h>

#include "builder-output.h"

/* The lines that virt-builder prints when a phase begins: "[   0.8] Opening the new disk". */
static const struct {
        const char *text;
        uint32_t permille;
} phases[] = {
        { "Downloading", 10 },
        { "Planning", 350 },
        { "Uncompressing", 360 },
        { "Converting", 560 },
        { "Resizing", 600 },
        { "Opening the new disk", 750 },
        { "Setting a random seed", 900 },
        { "Deleting", 920 },
        { "Editing", 940 },
        { "Setting passwords", 960 },
        { "Finishing off", 980 },
        { NULL, 1000 },
};

/* How likely a line is the reason of a failure: a higher rank replaces a lower one. Of equal rank the first
 * line stays, but of unmarked lines the last one. */
enum {
        RANK_NONE,
        RANK_LINE,
        RANK_ERROR,    /* virt-builder's, guestfish's or libguestfs' own error line */
        RANK_TRANSFER, /* curl's; virt-builder's line only adds the command line */
};

static bool has_prefix(const char *text, const char *prefix) {
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The text after "[  12.3] "; NULL if it is not such a line. */
static const char *message_of(const char *line) {
        if (*line++ != '[')
                return NULL;

        while (*line == ' ' || *line == '.' || isdigit((unsigned char) *line))
                line++;
        return has_prefix(line, "] ") ? line + 2 : NULL;
}

static void enter_phase(BuilderOutput *output, const char *message) {
        for (size_t i = 0; phases[i].text; i++)
                if (has_prefix(message, phases[i].text) && phases[i].permille >= output->permille) {
                        output->permille = phases[i].permille;
                        output->permille_max = phases[i + 1].permille;
                        return;
                }
}

static void set_reason(BuilderOutput *output, unsigned rank, const char *text) {
        if (rank < output->rank || (rank == output->rank && rank > RANK_LINE))
                return;

        output->rank = rank;
        strncpy(output->reason, text, sizeof(output->reason) - 1);
        output->reason[sizeof(output->reason) - 1] = '\0';
}

static const char *behind(const char *line, const char *mark) {
        const char *found = strstr(line, mark);

        return found ? found + strlen(mark) : NULL;
}

/* Not a reason, but advice on reporting it; or a secret, which must not get into a log. */
static bool is_no_reason(const char *line) {
        return line[0] == ' ' || has_prefix(line, "If ") || has_prefix(line, "Use ") ||
               has_prefix(line, "and ") || strstr(line, "random password");
}

static void find_reason(BuilderOutput *output, const char *line) {
        const char *text;

        if (strstr(line, "cannot find os-version"))
                output->is_unknown_template = true;
        if (strstr(line, "No space left on device"))
                output->is_no_space = true;

        if (has_prefix(line, "curl: ("))
                set_reason(output, RANK_TRANSFER, line);
        else if ((text = behind(line, ": error: ")) || (text = behind(line, "guestfish: ")))
                set_reason(output, RANK_ERROR, text);
        else if (!is_no_reason(line))
                set_reason(output, RANK_LINE, line);
}

const char *builder_output_read(BuilderOutput *output, const char *line) {
        const char *text = message_of(line);

        if (text) {
                enter_phase(output, text);
                return NULL;
        }

        text = behind(line, ": warning: ");
        if (!text)
                find_reason(output, line);
        return text;
}
