/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/self_parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    WAYS = 6,    /* kept for each place */
    AHEAD = 384, /* places looked at beyond those that are settled */
    PLACES = SELF_BLOCK + AHEAD + 1,
};

/* One way to get to a place: the last token, and what it leaves behind. */
struct way {
    uint32_t price;
    uint32_t rep[DFOTA_SELF_REPS];
    struct dfota_token token;
    uint8_t state;
    uint8_t before; /* which way of the place it comes from */
};

struct place {
    struct way way[WAYS]; /* the cheapest first */
    unsigned ways;
};

struct self_parser {
    struct self_parse_input in;
    const struct self_prices *prices;
    uint32_t rep[DFOTA_SELF_REPS]; /* before the next block */
    uint8_t state;
    uint32_t pos;   /* of place[0] */
    uint32_t count; /* places in use, less one */
    struct place place[PLACES];
};

struct self_parser *self_parser_create(const struct self_parse_input *in)
{
    struct self_parser *p = malloc(sizeof *p);

    if (p) {
        p->in = *in;
        self_parser_reset(p);
    }
    return p;
}

void self_parser_destroy(struct self_parser *p)
{
    free(p);
}

void self_parser_reset(struct self_parser *p)
{
    for (unsigned i = 0; i < DFOTA_SELF_REPS; i++)
        p->rep[i] = 1;
    p->state = 0;
}

/* Distances after a match at rep[used], DFOTA_SELF_REPS: a new one. */
static void move_reps(uint32_t *to, const uint32_t *from, unsigned used,
                      uint32_t dist)
{
    unsigned i = used < DFOTA_SELF_REPS ? used : DFOTA_SELF_REPS - 1;

    memcpy(to, from, DFOTA_SELF_REPS * sizeof *to);
    for (; i > 0; i--)
        to[i] = from[i - 1];
    to[0] = dist;
}

/* Offer a way to place `to`, from way `before` of `from`. */
static void offer(struct self_parser *p, uint32_t from, unsigned before,
                  struct dfota_token token, unsigned used, uint32_t price)
{
    const struct way *old = &p->place[from].way[before];
    struct place *to = &p->place[from + (token.len ? token.len : 1)];
    uint32_t last = token.len ? token.dist : old->rep[0];
    unsigned at = to->ways, i;

    if (at == WAYS && price >= to->way[WAYS - 1].price)
        return;
    for (i = 0; i < to->ways; i++) {
        if (to->way[i].rep[0] == last) {
            if (to->way[i].price <= price)
                return;
            at = i;
            break;
        }
    }
    if (at == WAYS)
        at = WAYS - 1;
    else if (at == to->ways)
        to->ways++;
    for (; at > 0 && to->way[at - 1].price > price; at--)
        to->way[at] = to->way[at - 1];
    to->way[at].price = price;
    to->way[at].token = token;
    to->way[at].before = (uint8_t)before;
    to->way[at].state = dfota_self_state(old->state, token.len, used);
    if (token.len)
        move_reps(to->way[at].rep, old->rep, used, token.dist);
    else
        memcpy(to->way[at].rep, old->rep, sizeof old->rep);
}

static void try_literal(struct self_parser *p, uint32_t i, unsigned way)
{
    const struct way *w = &p->place[i].way[way];
    uint32_t pos = p->pos + i, align = pos % DFOTA_SELF_ALIGNS;
    const struct dfota_token none = {0}, one = {1, w->rep[0]};
    const uint8_t *at = p->in.image + pos;

    offer(p, i, way, none, 0,
          w->price + p->prices->literal[w->state][align] + p->in.literals[pos]);
    if (w->rep[0] <= pos && at[0] == *(at - w->rep[0]))
        offer(p, i, way, one, 0, w->price + p->prices->single[w->state][align]);
}

/* Returns the longest match at one of the last distances. */
static uint32_t try_reps(struct self_parser *p, uint32_t i, unsigned way,
                         uint32_t limit, uint32_t *dist)
{
    const struct way w = p->place[i].way[way];
    uint32_t pos = p->pos + i, align = pos % DFOTA_SELF_ALIGNS, longest = 0;
    const uint8_t *at = p->in.image + pos;

    for (unsigned r = 0; r < DFOTA_SELF_REPS; r++) {
        uint32_t n, base = w.price + p->prices->rep[r][w.state][align];

        if (w.rep[r] > pos)
            continue;
        n = self_common(at - w.rep[r], at, limit);
        if (n > longest) {
            longest = n;
            *dist = w.rep[r];
        }
        for (; n >= DFOTA_SELF_LEN_MIN; n--)
            offer(p, i, way, (struct dfota_token){n, w.rep[r]}, r,
                  base + p->prices->len[1][align][n]);
    }
    return longest;
}

static uint32_t try_matches(struct self_parser *p, uint32_t i, uint32_t limit,
                            uint32_t *dist)
{
    const struct way *w = p->place[i].way;
    uint32_t pos = p->pos + i, align = pos % DFOTA_SELF_ALIGNS;
    uint32_t base = w->price + p->prices->match[w->state][align];
    const struct self_matches *m = p->in.matches;
    uint32_t n = DFOTA_SELF_LEN_MIN;

    for (uint32_t k = m->first[pos]; k < m->first[pos + 1]; k++) {
        struct dfota_token t = m->list[k];
        uint32_t top = dfota_min_u32(t.len, limit);

        for (; n <= top; n++)
            offer(p, i, 0, (struct dfota_token){n, t.dist}, DFOTA_SELF_REPS,
                  base + p->prices->len[0][align][n] +
                      self_price_dist(p->prices, n, t.dist));
        *dist = t.dist;
    }
    return n - 1;
}

static int put(struct self_tokens *out, struct dfota_token t)
{
    if (out->len == out->room) {
        size_t room = out->room ? 2 * out->room : 4096;
        struct dfota_token *list = realloc(out->list, room * sizeof *list);

        if (!list)
            return DFOTA_E_NOMEM;
        out->list = list;
        out->room = room;
    }
    out->list[out->len++] = t;
    return 0;
}

/* The tokens of the way to place `to` that begin before place `stop`; the
 * parser goes on behind them. Returns where they end. */
static int settle(struct self_parser *p, uint32_t to, uint32_t stop,
                  struct self_tokens *out, uint32_t *next)
{
    size_t first = out->len;
    uint32_t i = to;
    unsigned way = 0;
    int err = 0;

    *next = 0;
    while (i > 0 && !err) {
        const struct way *w = &p->place[i].way[way];
        uint32_t from = i - (w->token.len ? w->token.len : 1);

        if (from < stop) {
            if (*next == 0) {
                *next = i;
                memcpy(p->rep, w->rep, sizeof p->rep);
                p->state = w->state;
            }
            err = put(out, w->token);
        }
        way = w->before;
        i = from;
    }
    for (size_t a = first, b = out->len; a + 1 < b; a++) {
        struct dfota_token t = out->list[a];

        out->list[a] = out->list[--b];
        out->list[b] = t;
    }
    return err;
}

/* A match so long that nothing is gained by cutting it. */
static int put_long(struct self_parser *p, uint32_t pos, uint32_t end,
                    uint32_t dist, struct self_tokens *out, uint32_t *next)
{
    const uint8_t *at = p->in.image + pos;
    uint32_t len = self_common(at - dist, at, end - pos);
    unsigned rep = 0;

    while (rep < DFOTA_SELF_REPS && p->rep[rep] != dist)
        rep++;
    p->state = dfota_self_state(p->state, len, rep);
    move_reps(p->rep, (uint32_t[]){p->rep[0], p->rep[1], p->rep[2], p->rep[3]},
              rep, dist);
    *next = pos + len;
    return put(out, (struct dfota_token){len, dist});
}

static void begin(struct self_parser *p, uint32_t pos, uint32_t end)
{
    struct way *w = p->place[0].way;

    p->pos = pos;
    p->count = dfota_min_u32(end - pos, PLACES - 1);
    for (uint32_t i = 1; i <= p->count; i++)
        p->place[i].ways = 0;
    p->place[0].ways = 1;
    w->price = 0;
    w->state = p->state;
    memcpy(w->rep, p->rep, sizeof p->rep);
}

int self_parser_block(struct self_parser *p, const struct self_prices *prices,
                      uint32_t pos, uint32_t end, struct self_tokens *out,
                      uint32_t *next)
{
    uint32_t i, dist = 0, settled = 0;
    int err = 0;

    p->prices = prices;
    begin(p, pos, end);
    for (i = 0; i < p->count; i++) {
        uint32_t limit = dfota_min_u32(p->count - i, SELF_NICE), longest = 0;

        for (unsigned way = 0; way < p->place[i].ways; way++) {
            try_literal(p, i, way);
            longest = dfota_max_u32(longest, try_reps(p, i, way, limit, &dist));
            if (longest == SELF_NICE)
                break;
        }
        if (longest < SELF_NICE)
            longest = try_matches(p, i, limit, &dist);
        if (longest == SELF_NICE)
            break;
    }
    err = settle(p, i, i < p->count ? i : SELF_BLOCK, out, &settled);
    *next = pos + settled;
    if (!err && i < p->count)
        err = put_long(p, pos + i, end, dist, out, next);
    return err;
}
