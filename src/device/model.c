/* SPDX-License-Identifier: Apache-2.0 */
#include "device/model.h"

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
    SQUASH_HALF = 24,          /* the table's entry for 0 */
    PROBABILITY_OF_HIT = 0xF8, /* of 256: a flag counter at the start */
};

/* 65536 / (1 + e^-x) for x = -12 .. 12 in steps of one half. */
static const uint16_t squash_table[2 * SQUASH_HALF + 1] = {
    1,     1,     1,     2,     3,     5,     8,     13,    22,    36,
    60,    98,    162,   267,   439,   720,   1179,  1921,  3108,  4971,
    7812,  11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
    62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500,
    65514, 65523, 65528, 65531, 65533, 65534, 65535, 65535, 65535,
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

/* 65536 / (n + 2): the same for a flag counter. */
static const uint16_t flag_rate[FLAG_LIMIT + 1] = {
    32768, 21845, 16384, 13107, 10923, 9362, 8192, 7282, 6554, 5958, 5461,
    5041,  4681,  4369,  4096,  3855,  3641, 3449, 3277, 3121, 2979, 2849,
    2731,  2621,  2521,  2427,  2341,  2260, 2185, 2114, 2048, 1986, 1928,
    1872,  1820,  1771,  1725,  1680,  1638, 1598, 1560, 1524, 1489, 1456,
    1425,  1394,  1365,  1337,  1311,  1285, 1260, 1237, 1214, 1192, 1170,
    1150,  1130,  1111,  1092,  1074,  1057, 1040, 1024,
};

/* 256 ln v for v = 1 .. 65535, less a constant that stretch cancels. */
static int32_t ln(uint32_t v)
{
    int32_t octaves = __builtin_clz(v) - 16;
    uint32_t i, part;

    v <<= octaves;
    i = v >> 10 & 31;
    part = v & 0x3FF;
    i = ln_table[i] + ((uint32_t)(ln_table[i + 1] - ln_table[i]) * part >> 10);
    return (int32_t)i - octaves * 177;
}

static int32_t stretch(uint32_t p)
{
    return ln(p) - ln(0x10000 - p);
}

int32_t dfota_stretch(uint32_t p)
{
    return stretch(p);
}

uint32_t dfota_squash(int32_t x)
{
    const int32_t top = SQUASH_HALF * SQUASH_STEP - 1;
    uint32_t i, low, part;

    if (x > top)
        x = top;
    if (x < -top)
        x = -top;
    i = (uint32_t)(x + SQUASH_HALF * SQUASH_STEP);
    part = i % SQUASH_STEP;
    i /= SQUASH_STEP;
    low = squash_table[i];
    return low + ((squash_table[i + 1] - low) * part) / SQUASH_STEP;
}

static uint32_t counter_p(dfota_counter t)
{
    /* 12 bits, moved off 0 and 1 by half a step. */
    return (uint32_t)(t & 0xFFF0) | 8;
}

static dfota_counter counter_next(dfota_counter t, unsigned bit)
{
    int32_t p = t >> 4;
    unsigned n = t & 15;
    int32_t goal = bit ? 4095 : 0;

    p += (goal - p) * (int32_t)rate_table[n] / 65536;
    return (dfota_counter)((unsigned)p << 4 | (n < 15 ? n + 1 : n));
}

void dfota_counters_reset(dfota_counter *t, uint32_t n)
{
    while (n--)
        *t++ = COUNTER_NEW;
}

unsigned dfota_counter_bit(dfota_counter *t, struct dfota_coder *c,
                           unsigned actual)
{
    unsigned bit = c->bit(c, counter_p(*t), actual);

    *t = counter_next(*t, bit);
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
            bit = c->bit(c, DFOTA_P_HALF, bit);
        out = out << 1 | bit;
    }
    return out - 1;
}

/* The dot product of a mixer: 16.16 weights, inputs in 1/256. */
static int32_t mix(const int32_t *w, const int16_t *in, unsigned n)
{
    int32_t x = 0;

    for (unsigned i = 0; i < n; i++)
        x += (w[i] >> 2) * in[i] >> 14;
    return x;
}

static void learn(int32_t *w, const int16_t *in, unsigned n, int32_t err)
{
    for (unsigned i = 0; i < n; i++) {
        int32_t v = w[i];

        v += (in[i] * err + (1 << (LEARN_SHIFT - 1))) >> LEARN_SHIFT;
        /* Far beyond what real data teaches: the sum in mix() must fit. */
        if (v > WEIGHT_MAX)
            v = WEIGHT_MAX;
        if (v < -WEIGHT_MAX)
            v = -WEIGHT_MAX;
        w[i] = v;
    }
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

uint32_t dfota_model_len(const struct dfota_model_size *size)
{
    return (WEIGHTS + FLAG_WEIGHTS) * 4U +
           (DFOTA_FLAG_INPUTS * 4U << size->flag_log2) +
           (DFOTA_BYTE_CONTEXTS * 2U << size->slot_log2) +
           (DFOTA_BYTE_EXPECTS * 2U << size->expect_log2);
}

void dfota_model_init(struct dfota_model *m, void *mem,
                      const struct dfota_model_size *size)
{
    m->size = *size;
    m->weights = mem;
    m->fweights = m->weights + WEIGHTS;
    m->flags = (uint32_t *)(void *)(m->fweights + FLAG_WEIGHTS);
    m->slots =
        (uint16_t *)(void *)(m->flags + (DFOTA_FLAG_INPUTS << size->flag_log2));
    m->expects = m->slots + (DFOTA_BYTE_CONTEXTS << size->slot_log2);
    dfota_model_reset(m);
}

void dfota_model_reset(struct dfota_model *m)
{
    uint32_t i;

    for (i = 0; i < DFOTA_BYTE_SETS * DFOTA_BYTE_INPUTS; i++)
        m->weights[i] = BYTE_WEIGHT;
    for (i = 0; i < DFOTA_FLAG_SETS * DFOTA_FLAG_INPUTS; i++)
        m->fweights[i] = FLAG_WEIGHT;
    for (i = 0; i < (uint32_t)DFOTA_FLAG_INPUTS << m->size.flag_log2; i++)
        m->flags[i] = (uint32_t)PROBABILITY_OF_HIT << 24 | 2;
    dfota_counters_reset(m->slots, DFOTA_BYTE_CONTEXTS << m->size.slot_log2);
    for (i = 0; i < (uint32_t)DFOTA_BYTE_EXPECTS << m->size.expect_log2; i++)
        m->expects[i] = EXPECT_NEW;
    m->history = 0;
}

/* v of 22 bits times rate / 65536, in 32-bit steps */
static uint32_t times(uint32_t v, uint32_t rate)
{
    return (v >> 8) * rate / 256 + ((v & 255) * rate >> 16);
}

/* A flag counter: 22 bits of probability, 10 of count. */
static void flag_update(uint32_t *t, unsigned bit)
{
    uint32_t n = *t & 0x3FF;
    uint32_t p = *t >> 10;
    uint32_t rate = flag_rate[n];

    if (bit)
        p += times(0x3FFFFF - p, rate);
    else
        p -= times(p, rate);
    *t = p << 10 | (n < FLAG_LIMIT ? n + 1 : n);
}

static uint32_t flag_p(uint32_t t)
{
    uint32_t p = t >> 16;

    return p ? p : 1;
}

bool dfota_model_flag(struct dfota_model *m, struct dfota_coder *c,
                      unsigned kind, unsigned key, bool actual)
{
    const uint32_t mask = (1U << m->size.flag_log2) - 1;
    uint32_t h = m->history;
    uint32_t *t[DFOTA_FLAG_INPUTS];
    int16_t in[DFOTA_FLAG_INPUTS];
    int32_t *w = m->fweights + (kind & 15) * DFOTA_FLAG_INPUTS;
    uint32_t p;
    bool hit;

    t[0] = m->flags + ((kind | (h & 15) << 4) & mask);
    t[1] = m->flags + (1U << m->size.flag_log2) +
           (hash(key | (h & 3) << 16, kind) & mask);
    t[2] = m->flags + (2U << m->size.flag_log2) +
           (hash(h & 0xFFF, kind >> 1) & mask);
    for (unsigned i = 0; i < DFOTA_FLAG_INPUTS; i++)
        in[i] = (int16_t)stretch(flag_p(*t[i]));
    p = dfota_squash(mix(w, in, DFOTA_FLAG_INPUTS));
    hit = c->bit(c, p, actual);
    learn(w, in, DFOTA_FLAG_INPUTS, (int32_t)(hit ? 0xFFFF : 0) - (int32_t)p);
    for (unsigned i = 0; i < DFOTA_FLAG_INPUTS; i++)
        flag_update(t[i], hit);
    m->history = h << 1 | !hit;
    return hit;
}

/* The hashed contexts of a byte that nothing stands against. */
static void literal_contexts(uint32_t *h, const struct dfota_byte_ctx *x)
{
    const uint8_t *m = x->made;
    uint32_t al = x->align & 1;

    h[0] = hash(11, al);
    h[1] = hash(12, m[0] | al << 8);
    h[2] = hash(13, m[0] | (uint32_t)m[1] << 8);
    h[3] = hash(14, m[0] | (uint32_t)m[1] << 8 | (uint32_t)m[2] << 16);
    h[4] = hash(15, m[1] | (uint32_t)m[3] << 8 | al << 16);
    h[5] = hash(16, m[1] | al << 8);
}

/* The hashed contexts of a byte of a unit that is not as predicted. */
static void copied_contexts(uint32_t *h, const struct dfota_byte_ctx *x)
{
    uint32_t a = x->old[0];
    uint32_t al = x->align;

    h[0] = hash(1, a | (uint32_t)x->old[2] << 9 | al << 17);
    h[1] = hash(2, a | (uint32_t)x->made[0] << 9 | al << 17);
    h[2] = hash(3, x->made[0] | (uint32_t)x->made[1] << 8 | al << 16);
    h[3] = hash(4, x->predicted | (uint32_t)x->difference << 8 |
                       (uint32_t)x->agreed << 16 | (uint32_t)x->kind << 18);
    h[4] = hash(5, x->predicted | (uint32_t)x->agreed << 9 |
                       (uint32_t)x->kind << 11 | al << 15 |
                       (uint32_t)x->index << 17);
    h[5] = hash(6, x->made[1] | (uint32_t)x->made[3] << 8 | al << 16);
}

static void byte_contexts(uint32_t *h, const struct dfota_byte_ctx *x)
{
    if (x->copied)
        copied_contexts(h, x);
    else
        literal_contexts(h, x);
}

/* Does the byte guess still fit what is known of the new one, and which bit
 * does it say? known: a 1 and the bits so far, `at` the bit to come. */
static bool fits(unsigned guess, unsigned known, unsigned at)
{
    return (guess | 256) >> (at + 1) == known;
}

struct byte_state {
    uint32_t h[DFOTA_BYTE_CONTEXTS];
    uint16_t *slot[DFOTA_BYTE_CONTEXTS];
    uint16_t *expect[DFOTA_BYTE_EXPECTS]; /* NULL: nothing expected */
    uint8_t guess[DFOTA_BYTE_EXPECTS];
    int16_t in[DFOTA_BYTE_INPUTS];
};

static void expect(struct dfota_model *m, struct byte_state *s, unsigned i,
                   uint32_t index, const struct dfota_byte_ctx *x,
                   unsigned known, unsigned at)
{
    uint16_t *t = m->expects + (i << m->size.expect_log2) +
                  (index & ((1U << m->size.expect_log2) - 1));
    int32_t st;

    s->expect[i] = NULL;
    s->in[DFOTA_BYTE_CONTEXTS + i] = 0;
    if (!x->expected || !fits(s->guess[i], known, at))
        return;
    s->expect[i] = t;
    st = stretch(counter_p(*t));
    s->in[DFOTA_BYTE_CONTEXTS + i] =
        (int16_t)(s->guess[i] >> at & 1 ? st : -st);
}

static unsigned byte_bit(struct dfota_model *m, struct byte_state *s,
                         struct dfota_coder *c, const struct dfota_byte_ctx *x,
                         unsigned known, unsigned at, unsigned actual)
{
    unsigned set = x->copied ? 1U : 0U, bit;
    int32_t *w;
    uint32_t p;

    for (unsigned i = 0; i < DFOTA_BYTE_CONTEXTS; i++) {
        uint32_t index = (s->h[i] + known) * 0x9E3779B1;

        s->slot[i] = m->slots + (i << m->size.slot_log2) +
                     (index >> (32 - m->size.slot_log2));
        s->in[i] =
            (int16_t)(*s->slot[i] & 15 ? stretch(counter_p(*s->slot[i])) : 0);
    }
    expect(m, s, 0,
           x->agreed | at << 2 | (uint32_t)x->index << 5 |
               (uint32_t)x->kind << 7,
           x, known, at);
    expect(m, s, 1, at | (uint32_t)x->align << 3 | (uint32_t)x->kind << 5, x,
           known, at);
    expect(m, s, 2, at | (uint32_t)x->align << 3 | (uint32_t)x->kind << 5, x,
           known, at);
    if (s->expect[0])
        set |= 2;
    if (s->expect[1])
        set |= 4;
    if (at == 7)
        set |= 8;
    s->in[DFOTA_BYTE_INPUTS - 1] = 77;
    w = m->weights + set * DFOTA_BYTE_INPUTS;
    p = dfota_squash(mix(w, s->in, DFOTA_BYTE_INPUTS));
    bit = c->bit(c, p, actual);
    learn(w, s->in, DFOTA_BYTE_INPUTS,
          (int32_t)(bit ? 0xFFFF : 0) - (int32_t)p);
    return bit;
}

static void byte_learn(struct byte_state *s, unsigned at, unsigned bit)
{
    for (unsigned i = 0; i < DFOTA_BYTE_CONTEXTS; i++)
        *s->slot[i] = counter_next(*s->slot[i], bit);
    for (unsigned i = 0; i < DFOTA_BYTE_EXPECTS; i++) {
        if (s->expect[i])
            *s->expect[i] = counter_next(
                *s->expect[i], ((unsigned)s->guess[i] >> at & 1U) == bit);
    }
}

uint8_t dfota_model_byte(struct dfota_model *m, struct dfota_coder *c,
                         const struct dfota_byte_ctx *x, uint8_t actual)
{
    struct byte_state s;
    unsigned known = 1;

    byte_contexts(s.h, x);
    s.guess[0] = x->predicted;
    s.guess[1] = x->old[0];
    s.guess[2] = (uint8_t)(x->old[0] + x->last);
    for (unsigned at = 8; at-- > 0;) {
        unsigned bit =
            byte_bit(m, &s, c, x, known, at, (unsigned)actual >> at & 1U);

        byte_learn(&s, at, bit);
        known = known << 1 | bit;
    }
    return (uint8_t)known;
}
