/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/encoder.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"

/* -log2(i / 4096) in 1/65536 bit, and interpolation between. */
enum { COST_STEPS = 4096 };
static uint32_t cost_table[COST_STEPS + 1];
static pthread_once_t cost_table_made = PTHREAD_ONCE_INIT;

static void make_cost_table(void)
{
    for (int i = 1; i <= COST_STEPS; i++)
        cost_table[i] = (uint32_t)(-log2(i / (double)COST_STEPS) * 65536.0);
    cost_table[0] = 16 * 65536;
}

uint32_t encoder_cost(uint32_t p)
{
    /* Near 1, where most flags are, the table is too coarse: -ln is 1 - p. */
    if (p > 0xF000)
        return (0x10000 - p) * 94548U >> 16;
    return cost_table[p >> 4];
}

void encoder_prepare(void)
{
    pthread_once(&cost_table_made, make_cost_table);
}

void encoder_init(struct encoder *e)
{
    encoder_prepare();
    *e = (struct encoder){0};
}

void encoder_release(struct encoder *e)
{
    free(e->bytes);
    *e = (struct encoder){0};
}

static void put(struct encoder *e, unsigned byte)
{
    if (e->len == e->room) {
        size_t room = e->room ? 2 * e->room : 4096;
        uint8_t *bytes = realloc(e->bytes, room);

        if (!bytes) {
            e->err = DFOTA_E_NOMEM;
            return;
        }
        e->bytes = bytes;
        e->room = room;
    }
    e->bytes[e->len++] = (uint8_t)byte;
}

/* The top byte is settled, but for a carry that runs back into what is out
 * already. A stream's first byte never gets one past it: the code is < 1. */
static void shift_out(struct encoder *e)
{
    if (e->low >> 32) {
        for (size_t i = e->len; i-- > 0 && ++e->bytes[i] == 0;)
            ;
    }
    put(e, e->low >> 24 & 0xFF);
    e->low = e->low << 8 & 0xFFFFFFFF;
}

static void count(struct encoder *e, uint32_t p)
{
    uint32_t cost = encoder_cost(p);

    e->cost += cost;
    if (e->first == 0)
        e->first = cost;
}

static unsigned encode_bit(struct dfota_coder *c, uint32_t p1, unsigned actual)
{
    struct encoder *e = c->peer;
    uint32_t bound = (e->range >> 16) * (0x10000 - p1);

    count(e, actual ? p1 : 0x10000 - p1);
    if (actual) {
        e->low += bound;
        e->range -= bound;
    } else {
        e->range = bound;
    }
    while (e->range < 1U << 24) {
        e->range <<= 8;
        shift_out(e);
    }
    return actual;
}

static unsigned meter_bit(struct dfota_coder *c, uint32_t p1, unsigned actual)
{
    struct encoder *e = c->peer;

    count(e, actual ? p1 : 0x10000 - p1);
    return actual;
}

static void attach(struct encoder *e, struct dfota_coder *c)
{
    c->peer = e;
    c->in = NULL;
    c->err = 0;
    c->pos = 0;
    c->end = 0xFFFFFFF0;
    e->low = 0;
    e->range = 0xFFFFFFFF;
}

void encoder_attach(struct encoder *e, struct dfota_coder *c)
{
    attach(e, c);
    c->bit = encode_bit;
}

void encoder_attach_meter(struct encoder *e, struct dfota_coder *c)
{
    attach(e, c);
    c->bit = meter_bit;
}

/* Any value in low .. low + range - 1 names what was coded. The decoder has
 * read DFOTA_CODER_TAIL bytes of what follows by now, so two bytes are
 * enough, whatever comes behind them. At the very end the value with the
 * most zeros behind is taken: there the decoder reads zeros. */
void encoder_finish(struct encoder *e, bool last)
{
    uint64_t top = e->low + e->range - 1;
    unsigned zeros = 16;

    if (last) {
        for (zeros = 32; (top >> zeros) << zeros < e->low; zeros -= 8)
            ;
        e->low = (top >> zeros) << zeros;
    } else {
        e->low = (e->low + 0xFFFF) & ~UINT64_C(0xFFFF);
    }
    shift_out(e);
    shift_out(e);
    for (unsigned i = 0; last && i < 2 && e->len > 0; i++) {
        if (e->bytes[e->len - 1] != 0)
            break;
        e->len--;
    }
}
