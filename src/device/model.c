/* SPDX-License-Identifier: Apache-2.0 */
#include "device/model.h"

#include <stddef.h>

#include "base/bytes.h"
#include "base/mem.h"

/* The mixers' sums are rounded down, on every machine. */
_Static_assert(-1 >> 1 == -1, ">> of negative numbers must keep the sign");

enum {
    COUNTER_NEW = 0x8000, /* one half, never updated */
    EXPECT_NEW = 0xF000,  /* 15/16: most bits are as predicted */
    BYTE_WEIGHT = 14418,  /* 0.22 */
    FLAG_WEIGHT = 26214,  /* 0.4 */
    LEARN_SHIFT = 14,     /* weights: 1/64 of error x input */
    FLAG_LIMIT = 62,      /* slowest rate of a flag counter */
    WEIGHT_MAX = 1 << 20, /* 16 */
    SQUASH_STEP = 128,
    SQUASH_STEPS = 24,
    BIAS_INPUT = 77, /* 0.3 */
};

#define FLAG_NEW (0xF8U << 24 | 2) /* a hit by 0.97, as if seen twice */

/* 65536 / (1 + e^x) for x = 0 .. 12 in steps of one half. */
static const uint16_t squash_table[SQUASH_STEPS + 1] = {
    32768, 24743, 17625, 11955, 7812, 4971, 3108, 1921, 1179,
    720,   439,   267,   162,   98,   60,   36,   22,   13,
    8,     5,     3,     2,     1,    1,    1,
};

/* 256 ln(1 + i/32) */
static const uint8_t ln_table[33] = {
    0,   8,   16,  23,  30,  37,  44,  51,  57,  63,  70,
    76,  82,  87,  93,  98,  104, 109, 114, 119, 124, 129,
    134, 139, 143, 148, 152, 157, 161, 165, 169, 173, 177,
};

/* 65536 / (n + 1.5): the rate of a counter after n updates. */
static const uint16_t rate_table[16] = {
    43691, 26214, 18725, 14564, 11916, 10082, 8738, 7710,
    6899,  6242,  5699,  5243,  4855,  4520,  4228, 3972,
};

/* 256 ln v for v = 1 .. 65535, less a constant that stretch cancels. */
static int32_t ln(uint32_t v)
{
    int32_t octaves = 0;
    const uint8_t *t;

    /* A small core has no instruction for it, and libgcc's is larger. */
    if (DFOTA_GENERATES) {
        int zeros = __builtin_clz(v) - 16;

        v <<= zeros;
        octaves = -177 * zeros;
    }
    for (; v < 0x8000; v <<= 1)
        octaves -= 177;
    t = ln_table + (v >> 10 & 31);
    return octaves + t[0] +
           (int32_t)((uint32_t)(t[1] - t[0]) * (v & 0x3FF) >> 10);
}

int32_t dfota_stretch(uint32_t p)
{
    return ln(p) - ln(0x10000 - p);
}

uint32_t dfota_squash(int32_t x)
{
    uint32_t a = (uint32_t)(x < 0 ? -x : x), p;
    const uint16_t *t;

    a = dfota_min_u32(a, SQUASH_STEPS * SQUASH_STEP - 1);
    t = squash_table + a / SQUASH_STEP;
    p = t[0] * (uint32_t)SQUASH_STEP -
        (uint32_t)(t[0] - t[1]) * (a % SQUASH_STEP);
    if (x >= 0)
        p = 0x10000 * SQUASH_STEP - p;
    return p / SQUASH_STEP; /* rounded down, whatever the sign */
}

static uint32_t counter_p(dfota_counter t)
{
    /* 12 bits, moved off 0 and 1 by half a step. */
    return (uint32_t)(t & 0xFFF0) | 8;
}

/* Both kinds learn alike: what is far from the bit comes nearer by the rate;
 * complements count towards a 1. */
static void counter_learn(dfota_counter *t, unsigned bit)
{
    uint32_t flip = 0 - bit, n = *t & 15;
    uint32_t p = ((*t ^ flip) & 0xFFFF) >> 4;

    p -= p * rate_table[n] >> 16;
    *t = (dfota_counter)((p ^ flip) << 4 | (n < 15 ? n + 1 : n));
}

/* A flag counter: 22 bits of probability, 10 of count. */
static void flag_learn(uint32_t *t, unsigned bit)
{
    uint32_t flip = 0 - bit, n = *t & 0x3FF;
    uint32_t p = (*t ^ flip) >> 10, rate;

    rate = n < 16 ? rate_table[n] : (uint32_t)rate_table[n >> 2] >> 2;
    p -= (p >> 6) * rate >> 10;
    *t = (p ^ flip) << 10 | (n < FLAG_LIMIT ? n + 1 : n);
}

static void set_counters(dfota_counter *t, uint32_t n, unsigned v)
{
    while (n--)
        *t++ = (dfota_counter)v;
}

void dfota_counters_reset(dfota_counter *t, uint32_t n)
{
    set_counters(t, n, COUNTER_NEW);
}

unsigned dfota_counter_bit(dfota_counter *t, struct dfota_coder *c,
                           unsigned actual)
{
    unsigned bit = dfota_coder_bit(c, counter_p(*t), actual);

    counter_learn(t, bit);
    return bit;
}

/*
 * A number: v + 1 = 1xxxx in binary. The count of x by a tree of five
 * decisions; the first x and the last two, which say how numbers are
 * aligned, by counters; the others as they are.
 */
uint32_t dfota_value(dfota_counter *t, struct dfota_coder *c, uint32_t actual)
{
    uint32_t v = actual + 1, out = 1, node = 1, bits = 0;

    while (bits < 31 && v >> bits > 1)
        bits++;
    for (int i = 4; i >= 0; i--)
        node = node << 1 | dfota_counter_bit(t + node, c, bits >> i & 1);
    bits = node & 31;
    for (uint32_t i = bits; i-- > 0;) {
        unsigned bit = v >> i & 1;

        if (i + 1 == bits)
            bit = dfota_counter_bit(t + 32 + bits, c, bit);
        else if (i < 2)
            bit = dfota_counter_bit(t + 64 + (out & i) + i, c, bit);
        else
            bit = dfota_coder_bit(c, DFOTA_P_HALF, bit);
        out = out << 1 | bit;
    }
    return out - 1;
}

/* A bit by several opinions: in[] says in 1/256 how likely each takes a 1,
 * the weights, 16.16, how far each is to be believed. */
static unsigned mixed_bit(struct dfota_coder *c, int32_t *w, const int32_t *in,
                          unsigned n, unsigned actual)
{
    int32_t x = 0, err;
    uint32_t p;
    unsigned bit;

    for (unsigned i = 0; i < n; i++)
        x += (w[i] >> 2) * in[i] >> 14;
    p = dfota_squash(x);
    bit = dfota_coder_bit(c, p, actual);
    err = (int32_t)(((0 - bit) & 0xFFFF) - p);
    for (unsigned i = 0; i < n; i++) {
        int32_t v =
            w[i] + ((in[i] * err + (1 << (LEARN_SHIFT - 1))) >> LEARN_SHIFT);

        /* Far beyond what real data teaches: the sum above must fit. */
        if (v > WEIGHT_MAX)
            v = WEIGHT_MAX;
        if (v < -WEIGHT_MAX)
            v = -WEIGHT_MAX;
        w[i] = v;
    }
    return bit;
}

static uint32_t hash(uint32_t a, uint32_t b)
{
    a = a * 0x9E3779B1 + b * 0x85EBCA77;
    return a ^ a >> 15;
}

enum {
    WEIGHTS = DFOTA_BYTE_SETS * DFOTA_BYTE_INPUTS,
    FLAG_WEIGHTS = DFOTA_FLAG_SETS * DFOTA_FLAG_INPUTS,
};

void *dfota_model_init(struct dfota_model *m, void *mem,
                       const struct dfota_model_size *size)
{
    m->size = size;
    m->weights = mem;
    m->fweights = m->weights + WEIGHTS;
    m->flags = (uint32_t *)(void *)(m->fweights + FLAG_WEIGHTS);
    m->slots =
        (uint16_t *)(void *)(m->flags + (DFOTA_FLAG_INPUTS << size->flag_log2));
    m->expects = m->slots + (DFOTA_BYTE_CONTEXTS << size->slot_log2);
    return m->expects + (DFOTA_BYTE_EXPECTS << size->expect_log2);
}

static void set_words(void *mem, uint32_t n, uint32_t v)
{
    for (uint32_t *p = mem; n--;)
        *p++ = v;
}

void dfota_model_reset(struct dfota_model *m)
{
    set_words(m->weights, WEIGHTS, BYTE_WEIGHT);
    set_words(m->fweights, FLAG_WEIGHTS, FLAG_WEIGHT);
    set_words(m->flags, (uint32_t)DFOTA_FLAG_INPUTS << m->size->flag_log2,
              FLAG_NEW);
    set_counters(m->slots, DFOTA_BYTE_CONTEXTS << m->size->slot_log2,
                 COUNTER_NEW);
    set_counters(m->expects, DFOTA_BYTE_EXPECTS << m->size->expect_log2,
                 EXPECT_NEW);
    m->history = 0;
}

unsigned dfota_model_flag(struct dfota_model *m, struct dfota_coder *c,
                          unsigned kind, unsigned key, unsigned actual)
{
    const uint32_t len = 1U << m->size->flag_log2;
    uint32_t h = m->history;
    uint32_t index[DFOTA_FLAG_INPUTS] = {
        kind | (h & 15) << 4,
        hash(key | (h & 3) << 16, kind),
        hash(h & 0xFFF, kind >> 1),
    };
    int32_t in[DFOTA_FLAG_INPUTS];
    uint32_t *t[DFOTA_FLAG_INPUTS], *flags = m->flags;
    unsigned hit;

    for (unsigned i = 0; i < DFOTA_FLAG_INPUTS; i++, flags += len) {
        t[i] = flags + (index[i] & (len - 1));
        in[i] = dfota_stretch(dfota_max_u32(*t[i] >> 16, 1));
    }
    hit = mixed_bit(c, m->fweights + (size_t)(kind & 15) * DFOTA_FLAG_INPUTS,
                    in, DFOTA_FLAG_INPUTS, actual);
    for (unsigned i = 0; i < DFOTA_FLAG_INPUTS; i++)
        flag_learn(t[i], hit);
    m->history = h << 1 | (hit ^ 1);
    return hit;
}

/*
 * What makes each context: fields of struct dfota_byte_ctx, each shifted by
 * one of these; LAST ends a list. docs/format.md 4.3
 */
static const uint8_t shifts[] = {0, 8, 9, 11, 15, 16, 17, 18};
enum { BY_0, BY_8, BY_9, BY_11, BY_15, BY_16, BY_17, BY_18, LAST = 128 };

#define PICK(field, by) (offsetof(struct dfota_byte_ctx, field) | (by) << 4)

static const uint8_t picks[] = {
    /* a byte that nothing stands against */
    PICK(odd, BY_0) | LAST,
    PICK(made[0], BY_0),
    PICK(odd, BY_8) | LAST,
    PICK(made[0], BY_0),
    PICK(made[1], BY_8) | LAST,
    PICK(made[0], BY_0),
    PICK(made[1], BY_8),
    PICK(made[2], BY_16) | LAST,
    PICK(made[1], BY_0),
    PICK(made[3], BY_8),
    PICK(odd, BY_16) | LAST,
    PICK(made[1], BY_0),
    PICK(odd, BY_8) | LAST,
    /* a byte of a unit that is not as predicted */
    PICK(old[0], BY_0),
    PICK(old[1], BY_9),
    PICK(align, BY_17) | LAST,
    PICK(old[0], BY_0),
    PICK(made[0], BY_9),
    PICK(align, BY_17) | LAST,
    PICK(made[0], BY_0),
    PICK(made[1], BY_8),
    PICK(align, BY_16) | LAST,
    PICK(predicted, BY_0),
    PICK(difference, BY_8),
    PICK(agreed, BY_16),
    PICK(kind, BY_18) | LAST,
    PICK(predicted, BY_0),
    PICK(agreed, BY_9),
    PICK(kind, BY_11),
    PICK(align, BY_15),
    PICK(index, BY_17) | LAST,
    PICK(made[1], BY_0),
    PICK(made[3], BY_8),
    PICK(align, BY_16) | LAST,
};
enum { PICKS_COPIED = 13, SEED_LITERAL = 11, SEED_COPIED = 1 };

/* What is said about a byte: by counters of contexts, and by bytes that are
 * likely, with a counter of how much each is worth. */
enum { OPINIONS = DFOTA_BYTE_CONTEXTS + DFOTA_BYTE_EXPECTS };

struct opinion {
    uint32_t h;     /* the context's hash */
    uint16_t *t;    /* its counter; NULL: nothing is expected any more */
    uint32_t guess; /* 0xFF: a context's counter is of a 1 */
};

struct byte_state {
    const struct dfota_model *m;
    const struct dfota_byte_ctx *x;
    uint32_t known, at; /* a 1 and the bits so far; the bit to come */
    struct opinion o[OPINIONS];
    int32_t in[OPINIONS + 1];
};

static void byte_begin(struct byte_state *s, const struct dfota_byte_ctx *x)
{
    const uint8_t *byte = &x->copied, *pick = picks;
    uint32_t seed = SEED_LITERAL;
    struct opinion *o = s->o;

    if (x->copied) {
        pick += PICKS_COPIED;
        seed = SEED_COPIED;
    }
    for (; o < s->o + DFOTA_BYTE_CONTEXTS; o++) {
        uint32_t v = 0;

        do {
            v |= (uint32_t)byte[*pick & 15] << shifts[*pick >> 4 & 7];
        } while (!(*pick++ & LAST));
        o->h = hash(seed++, v);
        o->guess = 0xFF;
    }
    o[0].guess = x->predicted;
    o[1].guess = x->old[0];
    o[2].guess = (x->old[0] + x->last) & 0xFFU;
    s->in[OPINIONS] = BIAS_INPUT;
}

/* The counter of context i for the next bit. */
static uint16_t *context(const struct byte_state *s, unsigned i)
{
    unsigned log2 = s->m->size->slot_log2;

    return s->m->slots + (i << log2) +
           ((s->o[i].h + s->known) * 0x9E3779B1 >> (32 - log2));
}

/* The counter of expectation i; NULL if it does not fit what is known. */
static uint16_t *expectation(const struct byte_state *s, unsigned i)
{
    const struct dfota_byte_ctx *x = s->x;
    unsigned log2 = s->m->size->expect_log2;
    uint32_t index = s->at | (uint32_t)x->align << 3 | (uint32_t)x->kind << 5;

    if (!x->expected ||
        (s->o[DFOTA_BYTE_CONTEXTS + i].guess | 256) >> (s->at + 1) != s->known)
        return NULL;
    if (i == 0)
        index = x->agreed | s->at << 2 | (uint32_t)x->index << 5 |
                (uint32_t)x->kind << 7;
    return s->m->expects + (i << log2) + (index & ((1U << log2) - 1));
}

/* What opinion i says of the next bit. */
static int32_t say(struct byte_state *s, unsigned i)
{
    struct opinion *o = &s->o[i];
    int32_t in;

    o->t = i < DFOTA_BYTE_CONTEXTS ? context(s, i)
                                   : expectation(s, i - DFOTA_BYTE_CONTEXTS);
    if (!o->t)
        return 0;
    in = dfota_stretch(counter_p(*o->t));
    return o->guess >> s->at & 1 ? in : -in;
}

static unsigned byte_bit(struct byte_state *s, struct dfota_coder *c,
                         unsigned actual)
{
    unsigned set = s->x->copied, bit;

    for (unsigned i = 0; i < OPINIONS; i++)
        s->in[i] = say(s, i);
    if (s->o[DFOTA_BYTE_CONTEXTS].t)
        set |= 2;
    if (s->o[DFOTA_BYTE_CONTEXTS + 1].t)
        set |= 4;
    if (s->at == 7)
        set |= 8;
    bit = mixed_bit(c, s->m->weights + (size_t)set * DFOTA_BYTE_INPUTS, s->in,
                    DFOTA_BYTE_INPUTS, actual);
    for (struct opinion *o = s->o; o < s->o + OPINIONS; o++) {
        if (o->t)
            counter_learn(o->t, (o->guess >> s->at & 1) == bit);
    }
    return bit;
}

uint8_t dfota_model_byte(struct dfota_model *m, struct dfota_coder *c,
                         const struct dfota_byte_ctx *x, uint8_t actual)
{
    struct byte_state s;

    s.m = m;
    s.x = x;
    s.known = 1;
    byte_begin(&s, x);
    for (s.at = 8; s.at-- > 0;)
        s.known = s.known << 1 | byte_bit(&s, c, (uint32_t)actual >> s.at & 1);
    return (uint8_t)s.known;
}
