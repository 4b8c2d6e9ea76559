/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/self_body.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/self_parse.h"

/* How often tokens are chosen: the first time by prices that know nothing.
 * In deltas the gaps are small and each round decodes all of the image. */
enum { ROUNDS = 5, ROUNDS_LARGE = 3, ROUNDS_DELTA = 1, LARGE = 3 << 20 };

struct job {
    const struct plan_input *in;
    uint32_t len; /* of the image */
    struct body_seat seat;
    struct encoder meter;
    struct self_matches matches;
    struct self_parser *parser;
    struct self_tokens tokens;
    uint16_t *alone;       /* each byte as a literal, if all were literals */
    uint16_t *seen;        /* when it was one last; 0: never */
    uint16_t *literals;    /* what it is taken to cost */
    dfota_counter *learnt; /* counters at the end of each block */
    uint64_t cost_alone, cost_coded; /* of the same literals */
};

static int start(struct job *j, const struct plan_input *in,
                 const struct segments *map,
                 const struct dfota_project *project)
{
    size_t blocks;

    *j = (struct job){.in = in, .len = in->p->m.target_len};
    blocks = (size_t)in->p->windows * (in->p->window_len / SELF_BLOCK + 1);
    encoder_init(&j->meter);
    j->alone = calloc(j->len, sizeof *j->alone);
    j->seen = calloc(j->len, sizeof *j->seen);
    j->literals = calloc(j->len, sizeof *j->literals);
    j->learnt = calloc(blocks * DFOTA_SELF_COUNTERS, sizeof *j->learnt);
    if (!j->alone || !j->seen || !j->literals || !j->learnt)
        return DFOTA_E_NOMEM;
    j->parser = self_parser_create(
        &(struct self_parse_input){in->image, &j->matches, j->literals});
    if (!j->parser)
        return DFOTA_E_NOMEM;
    return body_seat_open(&j->seat, in, map, project);
}

static void finish(struct job *j)
{
    body_seat_close(&j->seat);
    self_parser_destroy(j->parser);
    self_matches_release(&j->matches);
    free(j->tokens.list);
    free(j->learnt);
    free(j->literals);
    free(j->seen);
    free(j->alone);
}

/* Block of a place; every window begins a new one. */
static size_t block_of(const struct job *j, uint32_t w, uint32_t pos)
{
    uint32_t off, len;

    dfota_package_window(j->in->p, w, &off, &len);
    return w * (j->in->p->window_len / SELF_BLOCK + 1) +
           (pos - off) / SELF_BLOCK;
}

/* What was a literal cost; the flag before it apart. */
static void note_literal(struct job *j, uint32_t pos, uint64_t cost)
{
    uint64_t price = (cost >> (16 - SELF_PRICE_BITS)) + 1;
    uint16_t *to = j->tokens.len ? j->seen : j->alone;

    to[pos] = (uint16_t)(price < UINT16_MAX ? price : UINT16_MAX);
    j->cost_alone += j->alone[pos];
    j->cost_coded += to[pos];
}

/* Code all windows by a meter, to learn prices. Without tokens everything
 * is a literal. */
static int learn(struct job *j)
{
    struct dfota_decoder *d = &j->seat.d;
    const struct dfota_token literal = {0};
    uint8_t byte;
    size_t len;
    int got = DFOTA_OK;

    j->cost_alone = j->cost_coded = 0;
    j->seat.next = 0;
    d->tokens = j->tokens.list;
    for (uint32_t w = 0; w < j->in->p->windows && got >= 0; w++) {
        encoder_attach_meter(&j->meter, &d->coder);
        dfota_decoder_begin_window(d, w);
        do {
            uint64_t before = j->meter.cost;
            uint32_t pos = d->pos;

            if (!j->tokens.len)
                d->tokens = &literal;
            j->meter.first = 0;
            got = dfota_decoder_poll(d, &byte, 1, &len);
            if (d->unit.kind == DFOTA_KIND_LITERAL_BYTE)
                note_literal(j, pos, j->meter.cost - before - j->meter.first);
            if (got == DFOTA_DONE ||
                block_of(j, w, pos) != block_of(j, w, d->pos))
                memcpy(
                    j->learnt + block_of(j, w, dfota_min_u32(pos, d->end - 1)) *
                                    DFOTA_SELF_COUNTERS,
                    d->self.counters, DFOTA_SELF_COUNTERS * sizeof *j->learnt);
        } while (got == DFOTA_MORE);
    }
    return got < 0 ? got : DFOTA_OK;
}

/* What was never a literal among tokens costs more than among literals only:
 * what is easy to foresee is in matches now. */
static void price_literals(struct job *j)
{
    for (uint32_t i = 0; i < j->len; i++) {
        uint64_t price = j->alone[i];

        if (j->cost_alone)
            price = price * j->cost_coded / j->cost_alone;
        if (j->seen[i])
            price = j->seen[i];
        j->literals[i] = (uint16_t)(price < UINT16_MAX ? price : UINT16_MAX);
    }
}

/* Tokens for the gap from pos to end in window w. */
static int parse_gap(struct job *j, struct self_prices *prices, uint32_t w,
                     uint32_t pos, uint32_t end)
{
    int err = 0;

    while (pos < end && !err) {
        self_prices_make(prices,
                         j->learnt + block_of(j, w, pos) * DFOTA_SELF_COUNTERS);
        err = self_parser_block(j->parser, prices, pos, end, &j->tokens, &pos);
    }
    return err;
}

static int parse(struct job *j)
{
    const struct segments *map = j->seat.map;
    struct self_prices *prices = malloc(sizeof *prices);
    size_t next = 0;
    int err = prices ? 0 : DFOTA_E_NOMEM;

    j->tokens.len = 0;
    for (uint32_t w = 0; w < j->in->p->windows && !err; w++) {
        uint32_t off, pos, end, len;

        dfota_package_window(j->in->p, w, &off, &len);
        pos = off;
        end = off + len;
        self_parser_reset(j->parser);
        for (; next < map->len && map->list[next].pos - off < len && !err;
             next++) {
            err = parse_gap(j, prices, w, pos, map->list[next].pos);
            pos = map->list[next].pos + map->list[next].len;
        }
        if (!err)
            err = parse_gap(j, prices, w, pos, end);
    }
    free(prices);
    return err;
}

int self_body_encode(struct body *b, const struct plan_input *in,
                     const struct segments *map,
                     const struct dfota_project *project)
{
    struct segments with = *map;
    struct job j;
    int rounds = map->len > 0                  ? ROUNDS_DELTA
                 : in->p->m.target_len > LARGE ? ROUNDS_LARGE
                                               : ROUNDS;
    int err;

    *b = (struct body){0};
    err = start(&j, in, map, project);
    if (!err)
        err = self_find(&j.matches, in->image, j.len);
    if (!err)
        err = learn(&j);
    for (int round = 0; round < rounds && !err; round++) {
        if (round > 0)
            err = learn(&j);
        price_literals(&j);
        if (!err)
            err = parse(&j);
    }
    with.tokens = j.tokens.list;
    if (!err)
        err = body_encode(b, in, &with, project, NULL, false);
    finish(&j);
    return err;
}
