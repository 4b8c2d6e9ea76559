/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/words.h"

/* ---- windows ------------------------------------------------------------- */

/* The part of s inside [off, off + len). */
static bool clip(const struct dfota_segment *s, uint32_t off, uint32_t len,
                 struct dfota_segment *out)
{
    uint32_t from = dfota_max_u32(s->pos, off);
    uint32_t to = dfota_min_u32(s->pos + s->len, off + len);

    if (from >= to)
        return false;
    *out = (struct dfota_segment){from, to - from, s->src + (from - s->pos), 0};
    return true;
}

int plan_windows(const struct plan_input *in, const struct segments *map,
                 struct segments *out)
{
    int err = 0;

    for (uint32_t w = 0; w < in->p->windows && !err; w++) {
        uint32_t off, len;
        struct dfota_segment s;

        dfota_package_window(in->p, w, &off, &len);
        for (size_t i = 0; i < map->len && !err; i++) {
            if (clip(&map->list[i], off, len, &s))
                err = segments_add(out, s.pos, s.len, s.src);
        }
    }
    return err;
}

/* ---- T ------------------------------------------------------------------- */

static int longest_first(const void *a, const void *b)
{
    const struct dfota_segment *x = *(const struct dfota_segment *const *)a;
    const struct dfota_segment *y = *(const struct dfota_segment *const *)b;

    if (x->len != y->len)
        return x->len > y->len ? -1 : 1;
    return x->pos < y->pos ? -1 : x->pos > y->pos;
}

/* T knows where an entry starts, not where it ends: a short segment from the
 * middle of a longer one would rule the rest of it. One that begins with
 * bytes of another costs no more than these. */
static bool rules_others(const struct dfota_segment *s, const uint8_t *covered)
{
    uint32_t others = 0;

    if (!covered[s->src])
        return false;
    for (uint32_t i = 0; i < s->len; i++)
        others += covered[s->src + i];
    return others > s->len / 4;
}

int plan_t(const struct plan_input *in, struct segments *map,
           struct dfota_project *project)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    struct dfota_segment **order = malloc((map->len + 1) * sizeof *order);
    uint8_t *covered = calloc(1, in->p->m.source_len + 1U);
    int err = order && covered ? 0 : DFOTA_E_NOMEM;

    project->t_len = 0;
    for (size_t i = 0; i < map->len && !err; i++) {
        order[i] = &map->list[i];
        map->list[i].anchor = 0;
    }
    if (!err)
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): the same list */
        qsort(order, map->len, sizeof *order, longest_first);
    for (size_t i = 0; i < map->len && !err; i++) {
        struct dfota_segment *s = order[i];

        if (rules_others(s, covered) ||
            !dfota_project_enter(project, s->src, s->pos - s->src))
            continue;
        s->anchor = 1;
        memset(covered + s->src, 1, s->len);
    }
    free(order);
    free(covered);
    return err;
}

uint8_t plan_data_top(const struct plan_input *in, const struct segments *map,
                      const struct dfota_project *project)
{
    struct words words = {0};
    unsigned count[256] = {0}, best = 0;

    if (words_aligned(in, map, &words) != 0)
        return 0;
    for (size_t i = 0; i < words.len; i++) {
        const struct word *w = &words.list[i];
        uint32_t d = w->is - w->was;

        /* Data moves by whole words, and not far; code that changed looks
         * otherwise. */
        if (d != 0 && w->was >> 24 == w->is >> 24 && (d & 3) == 0 &&
            d + 0x10000 < 0x20000 && !dfota_project_covers(project, w->was))
            count[w->was >> 24]++;
    }
    free(words.list);
    for (unsigned i = 1; i < 255; i++) {
        if (count[i] > count[best])
            best = i;
    }
    return count[best] >= 4 ? (uint8_t)best : 0;
}
