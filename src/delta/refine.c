/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Costs are in sixteenths of a bit, estimates of what the coder will take:
 * they need to be right to a bit or two, as the coder itself has the last
 * word on which of two maps is kept.
 */
#include "delta/refine.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    SLOTS = 16,          /* shifts in play at a time */
    NEIGHBOURHOOD = 256, /* how far around its segment a shift is tried */
    MATCH_MIN = 6,       /* shorter matches are no candidates */
    MATCH_AROUND = 32,   /* and how far around them their shift is tried */
    BIT = 16,
    COST_EQUAL = 1,          /* a step as predicted */
    COST_MISS = 5 * BIT,     /* of one that is not, beside its bytes */
    COST_BYTE = 7 * BIT,     /* a byte sent anew, or corrected */
    COST_LITERAL = 4 * BIT,  /* to stop copying */
    COST_SEGMENT = 12 * BIT, /* a new segment, beside its source */
    COST_NEAR = 4 * BIT,     /* of a source that is named at once */
};

#define COST_MAX (UINT64_MAX / 2)

/* A shift that may be worth trying in from .. to of the new image. */
struct candidate {
    uint32_t from, to;
    int64_t shift; /* old offset less new offset */
};

struct candidates {
    struct candidate *list;
    size_t len, room;
    int err;
};

static void propose(struct candidates *c, int64_t from, int64_t to,
                    int64_t shift)
{
    if (c->len == c->room) {
        size_t room = c->room ? 2 * c->room : 1024;
        struct candidate *list = realloc(c->list, room * sizeof *list);

        if (!list) {
            c->err = DFOTA_E_NOMEM;
            return;
        }
        c->list = list;
        c->room = room;
    }
    c->list[c->len++] =
        (struct candidate){from > 0 ? (uint32_t)from : 0, (uint32_t)to, shift};
}

static int by_start(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->shift < y->shift ? -1 : x->shift > y->shift;
}

/* ---- candidates ---------------------------------------------------------- */

/* Matches at every step of from .. to, where the map does badly. */
static void propose_matches(struct candidates *c, const struct match_index *x,
                            const uint8_t *image, uint32_t len, uint32_t from,
                            uint32_t to, uint32_t step)
{
    for (uint32_t i = from; i < to && i < len; i += step) {
        uint32_t at = 0;
        uint32_t n = match_longest(x, image + i, len - i, &at);

        if (n >= MATCH_MIN)
            propose(c, (int64_t)i - MATCH_AROUND, (int64_t)i + n + MATCH_AROUND,
                    (int64_t)at - i);
    }
}

/* Stretches of a segment in which a lot is wrong get matches of their own. */
static void propose_inside(struct candidates *c, const struct match_index *x,
                           const uint8_t *image, uint32_t len,
                           const struct dfota_segment *s, uint32_t step)
{
    enum { CHUNK = 32, BAD = 5 };

    for (uint32_t i = 0; i < s->len; i += CHUNK) {
        uint32_t n = dfota_min_u32(CHUNK, s->len - i), bad = 0;

        for (uint32_t k = i; k < i + n; k++)
            bad += x->old[s->src + k] != image[s->pos + k];
        if (bad >= BAD)
            propose_matches(c, x, image, len, (s->pos + i) / step * step,
                            s->pos + i + n, step);
    }
}

static void propose_all(struct candidates *c, const struct match_index *x,
                        const uint8_t *image, uint32_t len, uint32_t step,
                        const struct segments *map)
{
    uint32_t end = 0;

    for (size_t i = 0; i <= map->len; i++) {
        const struct dfota_segment *s = &map->list[i];
        uint32_t pos = i < map->len ? s->pos : len;

        propose_matches(c, x, image, len, end / step * step, pos, step);
        if (i == map->len)
            break;
        propose(c, (int64_t)s->pos - NEIGHBOURHOOD,
                (int64_t)s->pos + s->len + NEIGHBOURHOOD,
                (int64_t)s->src - s->pos);
        propose_inside(c, x, image, len, s, step);
        end = s->pos + s->len;
    }
    if (c->len > 0)
        qsort(c->list, c->len, sizeof *c->list, by_start);
}

/* ---- the path ------------------------------------------------------------ */

/* A stretch that a path may end with: where it began, and what came before. */
struct node {
    uint32_t start;
    int32_t parent;
    int64_t shift;
    bool literal;
};

/* One way to go on. Its node is made when another way first grows from it. */
struct way {
    uint64_t cost;
    int64_t shift;
    uint32_t start, until;
    int32_t parent, node; /* -1: none yet */
    bool used, literal;
};

struct path {
    struct way way[SLOTS + 1]; /* the last sends bytes */
    struct node *nodes;
    size_t len, room;
    int err;
};

static int32_t node_of(struct path *p, struct way *w)
{
    if (w->node >= 0)
        return w->node;
    if (p->len == p->room) {
        size_t room = p->room ? 2 * p->room : 1024;
        struct node *nodes = realloc(p->nodes, room * sizeof *nodes);

        if (!nodes) {
            p->err = DFOTA_E_NOMEM;
            return -1;
        }
        p->nodes = nodes;
        p->room = room;
    }
    p->nodes[p->len] = (struct node){w->start, w->parent, w->shift, w->literal};
    return w->node = (int32_t)p->len++;
}

static struct way *best_way(struct path *p)
{
    struct way *best = &p->way[SLOTS];

    for (int i = 0; i < SLOTS; i++) {
        if (p->way[i].used && p->way[i].cost < best->cost)
            best = &p->way[i];
    }
    return best;
}

/* What it costs to begin w behind from. */
static uint64_t entry_cost(const struct way *from, const struct way *w)
{
    uint64_t distance;
    uint64_t cost = COST_SEGMENT;

    if (w->literal)
        return COST_LITERAL;
    distance = (uint64_t)llabs(w->shift - from->shift);
    if (distance == 0)
        return cost + COST_NEAR;
    for (; distance > 0; distance >>= 1)
        cost += BIT;
    return cost + COST_NEAR;
}

static void enter(struct path *p, uint32_t at)
{
    struct way *from = best_way(p);
    struct way parent = *from;
    int32_t node = -2;

    for (int i = 0; i <= SLOTS; i++) {
        struct way *w = &p->way[i];
        uint64_t cost = parent.cost + entry_cost(&parent, w);

        if (!w->used || w == from || cost >= w->cost)
            continue;
        if (node == -2)
            node = node_of(p, from);
        w->cost = cost;
        w->start = at;
        w->parent = node;
        w->node = -1;
        /* Bytes sent have no shift: what they came from is remembered. */
        if (w->literal)
            w->shift = parent.shift;
    }
}

/* Put a candidate into play; a full table gives up its worst way. */
static void play(struct path *p, const struct candidate *c)
{
    struct way *worst = &p->way[0];

    for (int i = 0; i < SLOTS; i++) {
        struct way *w = &p->way[i];

        if (w->used && w->shift == c->shift) {
            w->until = dfota_max_u32(w->until, c->to);
            return;
        }
        if (!w->used || (worst->used && w->cost > worst->cost))
            worst = w;
    }
    *worst = (struct way){.cost = COST_MAX,
                          .shift = c->shift,
                          .until = c->to,
                          .node = -1,
                          .parent = -1,
                          .used = true};
}

static uint64_t step_cost(const struct match_index *x, const uint8_t *image,
                          uint32_t at, uint32_t n, const struct way *w)
{
    int64_t o = (int64_t)at + w->shift;
    uint64_t wrong = 0;

    if (w->literal)
        return (uint64_t)n * COST_BYTE;
    if (o < 0 || o + n > x->len)
        return COST_MAX / 4;
    for (uint32_t i = 0; i < n; i++)
        wrong += x->old[o + i] != image[at + i];
    return wrong ? COST_MISS + wrong * COST_BYTE : COST_EQUAL;
}

/* The only copy in play, NULL when there are none or several. */
static struct way *only_copy(struct path *p)
{
    struct way *only = NULL;

    for (int i = 0; i < SLOTS; i++) {
        if (p->way[i].used && only)
            return NULL;
        if (p->way[i].used)
            only = &p->way[i];
    }
    return only;
}

/* With one copy in play, nothing to decide, and equal bytes ahead: how many
 * steps up to `end` can be taken at once. */
static uint32_t equal_steps(const struct match_index *x, const uint8_t *image,
                            uint32_t at, uint32_t end, uint32_t step,
                            const struct way *w)
{
    int64_t o = (int64_t)at + w->shift;
    uint32_t n = 0;

    if (o < 0)
        return 0;
    while (at + n < end && o + n < x->len && x->old[o + n] == image[at + n])
        n++;
    return n / step;
}

/* Take many steps at once; returns how many bytes. */
static uint32_t stride(struct path *p, const struct match_index *x,
                       const uint8_t *image, uint32_t at, uint32_t end,
                       uint32_t step)
{
    struct way *w = only_copy(p), *bytes = &p->way[SLOTS];
    uint32_t n;

    if (!w || w->cost > bytes->cost)
        return 0;
    n = equal_steps(x, image, at, dfota_min_u32(end, w->until), step, w);
    if (n < 4)
        return 0;
    w->cost += (uint64_t)n * COST_EQUAL;
    /* Far above: it begins again where it is wanted. */
    bytes->cost += (uint64_t)n * step * COST_BYTE;
    return n * step;
}

static void walk(struct path *p, const struct match_index *x,
                 const uint8_t *image, uint32_t len, uint32_t step,
                 const struct candidates *c)
{
    size_t next = 0;

    p->way[SLOTS] =
        (struct way){.used = true, .literal = true, .node = -1, .parent = -1};
    for (uint32_t at = 0; at < len && !p->err; at += step) {
        uint32_t n;
        uint32_t quiet = next < c->len ? c->list[next].from : len;

        if (quiet > at)
            at += stride(p, x, image, at, quiet, step);
        if (at >= len)
            break;
        n = dfota_min_u32(step, len - at);
        for (; next < c->len && c->list[next].from <= at; next++) {
            if (c->list[next].to > at)
                play(p, &c->list[next]);
        }
        enter(p, at);
        for (int i = 0; i <= SLOTS; i++) {
            struct way *w = &p->way[i];

            if (!w->used || w->cost >= COST_MAX / 4)
                continue;
            w->cost += step_cost(x, image, at, n, w);
            /* The best way is not dropped: it may be all there is. */
            if (!w->literal && w->until <= at && w != best_way(p))
                w->used = false;
        }
    }
}

static int read_path(struct path *p, uint32_t len, struct segments *map)
{
    int32_t i = node_of(p, best_way(p));
    uint32_t end = len;
    int err = p->err;

    map->len = 0;
    for (; i >= 0 && !err; i = p->nodes[i].parent) {
        const struct node *n = &p->nodes[i];

        if (!n->literal && end > n->start)
            err = segments_add(map, n->start, end - n->start,
                               (uint32_t)(n->start + n->shift));
        end = n->start;
    }
    for (size_t a = 0, b = map->len; a + 1 < b; a++) {
        struct dfota_segment kept = map->list[a];

        map->list[a] = map->list[--b];
        map->list[b] = kept;
    }
    return err;
}

int refine_map(const struct match_index *x, const uint8_t *image, uint32_t len,
               uint32_t step, struct segments *map)
{
    struct candidates c = {0};
    struct path p = {0};
    int err;

    propose_all(&c, x, image, len, step, map);
    if (!c.err)
        walk(&p, x, image, len, step, &c);
    err = c.err ? c.err : p.err;
    if (!err)
        err = read_path(&p, len, map);
    free(c.list);
    free(p.nodes);
    return err;
}
