/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base-idmap.h"
#include "base-number.h"

/* chown(2) and user_namespaces(7) reserve the last id: it means "none". */
#define ID_LIMIT UINT64_C(0xffffffff)

static int parse_number(const char **text, char end, uint64_t max, uint32_t *ret) {
        uint64_t value;

        if (number_take(text, max, &value) < 0 || **text != end)
                return -EINVAL;

        if (end != '\0')
                (*text)++;
        *ret = (uint32_t) value;
        return 0;
}

int idmap_parse_range(const char *text, IdRange *ret, Error *error) {
        const char *p = text;
        IdRange range;

        /* The number of all ids is one more than the largest. */
        if (parse_number(&p, ':', ID_LIMIT - 1, &range.start) < 0 ||
            parse_number(&p, ':', ID_LIMIT - 1, &range.target) < 0 ||
            parse_number(&p, '\0', ID_LIMIT, &range.count) < 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "\"%s\" is not an id range; expected START:TARGET:COUNT, such as 0:100000:65536",
                        text);

        *ret = range;
        return 0;
}

static bool ranges_overlap(const IdRange *a, const IdRange *b) {
        return (uint64_t) a->start < (uint64_t) b->start + b->count &&
               (uint64_t) b->start < (uint64_t) a->start + a->count;
}

int idmap_add(IdMap *map, const IdRange *range, Error *error) {
        if (range->count == 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION, "Id range %u:%u:%u is empty",
                        range->start, range->target, range->count);
        if (range->start + (uint64_t) range->count > ID_LIMIT ||
            range->target + (uint64_t) range->count > ID_LIMIT)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Id range %u:%u:%u extends past the last id, 4294967294", range->start,
                        range->target, range->count);

        for (size_t i = 0; i < map->n_ranges; i++)
                if (ranges_overlap(&map->ranges[i], range))
                        return error_set(
                                error, EINVAL, ERROR_INVALID_OPTION,
                                "Id ranges %u:%u:%u and %u:%u:%u overlap", map->ranges[i].start,
                                map->ranges[i].target, map->ranges[i].count, range->start,
                                range->target, range->count);

        if (map->n_ranges == ID_RANGES_MAX)
                return error_set(
                        error, E2BIG, ERROR_INVALID_OPTION, "More than %zu id ranges",
                        ID_RANGES_MAX);

        map->ranges[map->n_ranges++] = *range;
        return 0;
}

bool idmap_covers(const IdMap *map, uint32_t id) {
        for (size_t i = 0; i < map->n_ranges; i++)
                if (id >= map->ranges[i].start && id - map->ranges[i].start < map->ranges[i].count)
                        return true;

        return map->n_ranges == 0;
}

uint32_t idmap_apply(const IdMap *map, uint32_t id) {
        for (size_t i = 0; i < map->n_ranges; i++)
                if (id >= map->ranges[i].start && id - map->ranges[i].start < map->ranges[i].count)
                        return map->ranges[i].target + (id - map->ranges[i].start);

        return id;
}
