/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/self_price.h"

#include "delta/encoder.h"

enum { RAW_BIT = 1 << SELF_PRICE_BITS };

static uint32_t bit(dfota_counter t, unsigned value)
{
    uint32_t p1 = (t & 0xFFF0U) | 8;

    return encoder_cost(value ? p1 : 0x10000 - p1) >> (16 - SELF_PRICE_BITS);
}

static uint32_t tree(const dfota_counter *t, unsigned bits, unsigned value)
{
    unsigned node = 1;
    uint32_t price = 0;

    while (bits-- > 0) {
        unsigned b = value >> bits & 1;

        price += bit(t[node], b);
        node = node << 1 | b;
    }
    return price;
}

static uint32_t reverse_tree(const dfota_counter *t, unsigned bits,
                             uint32_t value)
{
    unsigned node = 1;
    uint32_t price = 0;

    for (unsigned i = 0; i < bits; i++) {
        unsigned b = value >> i & 1;

        price += bit(t[node], b);
        node = node << 1 | b;
    }
    return price;
}

/* As dfota_value() codes it. */
static uint32_t value_price(const dfota_counter *t, uint32_t value)
{
    uint32_t v = value + 1, bits = 0, price, out;

    while (v >> bits > 1)
        bits++;
    price = tree(t, 5, bits);
    out = 1;
    for (uint32_t i = bits; i-- > 0;) {
        unsigned b = v >> i & 1;

        if (i + 1 == bits)
            price += bit(t[32 + bits], b);
        else if (i < 2)
            price += bit(t[64 + (out & i) + i], b);
        else
            price += RAW_BIT;
        out = out << 1 | b;
    }
    return price;
}

static uint32_t len_price(const dfota_counter *t, unsigned align, uint32_t len)
{
    uint32_t l = len - DFOTA_SELF_LEN_MIN;

    if (l < DFOTA_SELF_LEN_SHORT)
        return bit(t[0], 0) + tree(t + DFOTA_SELF_LEN_LOW +
                                       (size_t)align * DFOTA_SELF_LEN_SHORT,
                                   3, l);
    if (l < 2 * DFOTA_SELF_LEN_SHORT)
        return bit(t[0], 1) + bit(t[1], 0) +
               tree(t + DFOTA_SELF_LEN_MID, 3, l - DFOTA_SELF_LEN_SHORT);
    return bit(t[0], 1) + bit(t[1], 1) +
           value_price(t + DFOTA_SELF_LEN_HIGH, l - 2 * DFOTA_SELF_LEN_SHORT);
}

static void make_flags(struct self_prices *p, const dfota_counter *t,
                       unsigned state, unsigned align)
{
    unsigned at = state * DFOTA_SELF_ALIGNS + align;
    dfota_counter match = t[DFOTA_SELF_MATCH + at];
    dfota_counter again = t[DFOTA_SELF_REP + state];
    const dfota_counter *later = t + DFOTA_SELF_REP_LATER + state;
    uint32_t rep = bit(match, 1) + bit(again, 1), more = 0;

    p->literal[state][align] = bit(match, 0);
    p->match[state][align] = bit(match, 1) + bit(again, 0);
    for (unsigned i = 0; i < DFOTA_SELF_REPS; i++) {
        p->rep[i][state][align] = rep + more;
        if (i == DFOTA_SELF_REPS - 1)
            break;
        p->rep[i][state][align] += bit(later[(size_t)i * DFOTA_SELF_STATES], 0);
        more += bit(later[(size_t)i * DFOTA_SELF_STATES], 1);
    }
    p->single[state][align] =
        p->rep[0][state][align] + bit(t[DFOTA_SELF_REP_LONG + at], 0);
    p->rep[0][state][align] += bit(t[DFOTA_SELF_REP_LONG + at], 1);
}

static uint32_t near_price(const struct self_prices *p, const dfota_counter *t,
                           unsigned set, uint32_t back)
{
    unsigned slot = dfota_self_slot(back), bits;
    uint32_t base;

    if (slot < DFOTA_SELF_FIRST_SPLIT)
        return p->slot[set][slot];
    bits = (slot >> 1) - 1;
    base = (2U | (slot & 1)) << bits;
    return p->slot[set][slot] +
           reverse_tree(t + DFOTA_SELF_SPLIT + base - slot - 1, bits,
                        back - base);
}

void self_prices_make(struct self_prices *p, const dfota_counter *t)
{
    const unsigned slots = 1U << DFOTA_SELF_SLOT_BITS;

    for (unsigned i = 0; i < DFOTA_SELF_STATES * DFOTA_SELF_ALIGNS; i++)
        make_flags(p, t, i / DFOTA_SELF_ALIGNS, i % DFOTA_SELF_ALIGNS);
    for (unsigned a = 0; a < DFOTA_SELF_ALIGNS; a++) {
        for (uint32_t n = DFOTA_SELF_LEN_MIN; n <= SELF_NICE; n++) {
            p->len[0][a][n] = len_price(t + DFOTA_SELF_LEN, a, n);
            p->len[1][a][n] = len_price(t + DFOTA_SELF_REP_LEN, a, n);
        }
    }
    for (unsigned set = 0; set < DFOTA_SELF_SLOT_SETS; set++) {
        for (unsigned s = 0; s < slots; s++) {
            p->slot[set][s] = tree(t + DFOTA_SELF_SLOT + (size_t)set * slots,
                                   DFOTA_SELF_SLOT_BITS, s);
            if (s >= DFOTA_SELF_FIRST_RAW)
                p->slot[set][s] +=
                    ((s >> 1) - 1 - DFOTA_SELF_ALIGN_BITS) * RAW_BIT;
        }
        for (uint32_t back = 0; back < SELF_NEAR; back++)
            p->near[set][back] = near_price(p, t, set, back);
    }
    for (unsigned i = 0; i < 1U << DFOTA_SELF_ALIGN_BITS; i++)
        p->align[i] =
            reverse_tree(t + DFOTA_SELF_ALIGN, DFOTA_SELF_ALIGN_BITS, i);
}

uint32_t self_price_dist(const struct self_prices *p, uint32_t len,
                         uint32_t dist)
{
    uint32_t set = len - DFOTA_SELF_LEN_MIN, back = dist - 1;

    if (set >= DFOTA_SELF_SLOT_SETS)
        set = DFOTA_SELF_SLOT_SETS - 1;
    if (back < SELF_NEAR)
        return p->near[set][back];
    return p->slot[set][dfota_self_slot(back)] +
           p->align[back & ((1U << DFOTA_SELF_ALIGN_BITS) - 1)];
}
