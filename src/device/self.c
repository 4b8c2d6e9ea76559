/* SPDX-License-Identifier: Apache-2.0 */
#include "device/self.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/decoder.h"

static unsigned code_tree(dfota_counter *t, struct dfota_coder *c,
                          unsigned bits, unsigned actual)
{
    unsigned node = 1;

    while (bits-- > 0)
        node = node << 1 | dfota_counter_bit(t + node, c, actual >> bits & 1);
    return node;
}

/* Lowest bit first: what is alike in distances is their alignment. */
static uint32_t code_reverse(dfota_counter *t, struct dfota_coder *c,
                             unsigned bits, uint32_t actual)
{
    unsigned node = 1;
    uint32_t v = 0;

    for (unsigned i = 0; i < bits; i++) {
        unsigned bit = dfota_counter_bit(t + node, c, actual >> i & 1);

        node = node << 1 | bit;
        v |= (uint32_t)bit << i;
    }
    return v;
}

/* A length, less DFOTA_SELF_LEN_MIN. */
static uint32_t code_len(dfota_counter *t, struct dfota_coder *c,
                         unsigned align, uint32_t actual)
{
    dfota_counter *low =
        t + DFOTA_SELF_LEN_LOW + (size_t)align * DFOTA_SELF_LEN_SHORT;

    if (!dfota_counter_bit(t, c, actual >= DFOTA_SELF_LEN_SHORT))
        return code_tree(low, c, 3, actual) - DFOTA_SELF_LEN_SHORT;
    if (!dfota_counter_bit(t + 1, c, actual >= 2 * DFOTA_SELF_LEN_SHORT))
        return code_tree(t + DFOTA_SELF_LEN_MID, c, 3, actual);
    return dfota_value(t + DFOTA_SELF_LEN_HIGH, c,
                       actual - 2 * DFOTA_SELF_LEN_SHORT) +
           2 * DFOTA_SELF_LEN_SHORT;
}

unsigned dfota_self_slot(uint32_t back)
{
    unsigned top;

    if (back < DFOTA_SELF_FIRST_SPLIT)
        return back;
    top = 31U - (unsigned)__builtin_clz(back);
    return 2 * top + (back >> (top - 1) & 1);
}

/* A distance, less 1. len: of the match, less DFOTA_SELF_LEN_MIN */
static uint32_t code_dist(dfota_counter *t, struct dfota_coder *c, uint32_t len,
                          uint32_t actual)
{
    unsigned set = len < DFOTA_SELF_SLOT_SETS ? len : DFOTA_SELF_SLOT_SETS - 1;
    unsigned slot, bits;
    uint32_t base, v = 0;

    slot = code_tree(t + DFOTA_SELF_SLOT + (set << DFOTA_SELF_SLOT_BITS), c,
                     DFOTA_SELF_SLOT_BITS, dfota_self_slot(actual)) -
           (1U << DFOTA_SELF_SLOT_BITS);
    if (slot < DFOTA_SELF_FIRST_SPLIT)
        return slot;
    bits = (slot >> 1) - 1;
    base = (2 | (slot & 1)) << bits;
    actual -= base;
    if (slot < DFOTA_SELF_FIRST_RAW)
        return base + code_reverse(t + DFOTA_SELF_SPLIT + base - slot - 1, c,
                                   bits, actual);
    while (bits-- > DFOTA_SELF_ALIGN_BITS)
        v = v << 1 | dfota_coder_bit(c, DFOTA_P_HALF, actual >> bits & 1);
    v <<= DFOTA_SELF_ALIGN_BITS;
    return base + v +
           code_reverse(t + DFOTA_SELF_ALIGN, c, DFOTA_SELF_ALIGN_BITS, actual);
}

uint8_t dfota_self_state(uint8_t state, uint32_t len, unsigned rep)
{
    if (len == 0)
        return (uint8_t)(state < 4 ? 0 : state < 10 ? state - 3 : state - 6);
    if (rep == DFOTA_SELF_REPS)
        return state < 7 ? 7 : 10;
    if (state >= 7)
        return 11;
    return len == 1 ? 9 : 8;
}

void dfota_self_reset(struct dfota_self *s)
{
    dfota_counters_reset(s->counters, DFOTA_SELF_COUNTERS);
    for (unsigned i = 0; i < DFOTA_SELF_REPS; i++)
        s->rep[i] = 1;
    s->left = 0;
    s->state = 0;
}

/* Which of the last distances: asked one after the other. */
static unsigned code_rep(struct dfota_self *s, struct dfota_coder *c,
                         unsigned actual)
{
    dfota_counter *t = s->counters + DFOTA_SELF_REP_LATER + s->state;
    unsigned rep = 0;

    while (rep < DFOTA_SELF_REPS - 1 && dfota_counter_bit(t, c, actual > rep)) {
        t += DFOTA_SELF_STATES;
        rep++;
    }
    return rep;
}

int dfota_self_token(struct dfota_self *s, struct dfota_coder *c, uint32_t pos,
                     uint32_t room, const struct dfota_token *actual)
{
    static const struct dfota_token none = {0};
    dfota_counter *t = s->counters;
    unsigned at =
        s->state * (unsigned)DFOTA_SELF_ALIGNS + pos % DFOTA_SELF_ALIGNS;
    unsigned rep = 0;
    uint32_t len = 0, dist;

    if (!actual)
        actual = &none;
    if (!dfota_counter_bit(t + DFOTA_SELF_MATCH + at, c, actual->len > 0)) {
        s->state = dfota_self_state(s->state, 0, 0);
        return DFOTA_OK;
    }
    while (rep < DFOTA_SELF_REPS && s->rep[rep] != actual->dist)
        rep++;
    if (!dfota_counter_bit(t + DFOTA_SELF_REP + s->state, c,
                           rep < DFOTA_SELF_REPS)) {
        rep = DFOTA_SELF_REPS;
        len = code_len(t + DFOTA_SELF_LEN, c, pos % DFOTA_SELF_ALIGNS,
                       actual->len - DFOTA_SELF_LEN_MIN);
        dist = code_dist(t, c, len, actual->dist - 1) + 1;
        len += DFOTA_SELF_LEN_MIN;
    } else {
        rep = code_rep(s, c, rep);
        dist = s->rep[rep];
        len = 1;
        if (rep ||
            dfota_counter_bit(t + DFOTA_SELF_REP_LONG + at, c, actual->len > 1))
            len = code_len(t + DFOTA_SELF_REP_LEN, c, pos % DFOTA_SELF_ALIGNS,
                           actual->len - DFOTA_SELF_LEN_MIN) +
                  DFOTA_SELF_LEN_MIN;
    }
    /* Either may have wrapped to 0. */
    if (len - 1 >= room || dist - 1 >= pos)
        return DFOTA_E_CORRUPT;
    s->state = dfota_self_state(s->state, len, rep);
    for (unsigned i = rep < DFOTA_SELF_REPS ? rep : DFOTA_SELF_REPS - 1; i > 0;
         i--)
        s->rep[i] = s->rep[i - 1];
    s->rep[0] = dist;
    s->left = len;
    return DFOTA_OK;
}

/* ---- units of the decoder ------------------------------------------------ */

/* New bytes from so far back; at most up to the last one produced. Those of
 * this poll are in its buffer only. */
static void read_made(struct dfota_decoder *d, uint32_t back)
{
    uint32_t from = d->pos - back;
    struct dfota_unit *u = &d->unit;

    if (from >= d->out_pos) {
        memcpy(u->made, d->out + (from - d->out_pos), u->len);
        return;
    }
    if (u->len > d->out_pos - from)
        u->len = (uint8_t)(d->out_pos - from);
    if (!d->err)
        d->err = d->io->made.read(d->io->made.ctx, from, u->made, u->len);
}

/* How long ago the last match was: 0 just before .. 3. */
static uint8_t recent(uint8_t state)
{
    return state >= 7 ? 0 : state >= 4 ? 1 : state ? 2 : 3;
}

/* What went on behind the last match says what may come here. */
static void literal(struct dfota_decoder *d)
{
    bool expected = d->self.rep[0] <= d->pos;

    if (expected) {
        d->unit.len = 1;
        read_made(d, d->self.rep[0]);
        d->x.predicted = d->x.old[0] = d->unit.made[0];
    }
    d->x.index = recent(d->self.state);
    dfota_decoder_literal(d, expected);
}

/* The next bytes of the match. */
static void copy(struct dfota_decoder *d)
{
    struct dfota_self *s = &d->self;

    d->unit.kind = DFOTA_KIND_PLAIN;
    d->unit.len = (uint8_t)dfota_min_u32(dfota_min_u32(s->left, s->rep[0]),
                                         DFOTA_UNIT_MAX);
    read_made(d, s->rep[0]);
    s->left -= d->unit.len;
    for (unsigned i = 0; i < d->unit.len; i++)
        dfota_decoder_push(d, d->unit.made[i]);
}

static int unit(struct dfota_decoder *d, uint32_t room)
{
    int err = DFOTA_OK;

    if (d->self.left == 0) {
        err = dfota_self_token(&d->self, &d->coder, d->pos, room,
                               DFOTA_GENERATES ? d->tokens : NULL);
        if (DFOTA_GENERATES && d->tokens)
            d->tokens++;
    }
    if (err)
        return err;
    if (d->self.left)
        copy(d);
    else
        literal(d);
    return DFOTA_OK;
}

static const struct dfota_arena_class delta[DFOTA_ARENA_CLASSES] = {
    {8, {7, 6, 6}, 128, 32, 16},
    {16, {9, 8, 7}, 256, 64, 32},
    {32, {10, 9, 8}, 1024, 64, 32},
    {64, {12, 8, 7}, 1024, 64, 32},
};

static const struct dfota_arena_class full[DFOTA_ARENA_CLASSES] = {
    {8, {8, 7, 0}, 0, 0, 0},
    {16, {10, 7, 0}, 0, 0, 0},
    {32, {11, 9, 0}, 0, 0, 0},
    {64, {12, 9, 0}, 0, 0, 0},
};

const struct dfota_self_code *dfota_self_find(void)
{
    static const struct dfota_self_code code = {dfota_self_reset, unit, delta,
                                                full};

    return &code;
}
