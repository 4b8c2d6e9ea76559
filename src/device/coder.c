/* SPDX-License-Identifier: Apache-2.0 */
#include "device/coder.h"

#include "base/bytes.h"
#include "base/err.h"

/* Shift the next byte in. After a read error the stream is at its end. */
static void shift_in(struct dfota_coder *c)
{
    uint32_t pos = c->pos++;

    c->code <<= 8;
    if (pos >= c->end)
        return;
    if (pos - c->buf_off >= c->buf_len) {
        c->buf_off = pos;
        c->buf_len = dfota_min_u32(c->end - pos, DFOTA_CODER_BUF);
        c->err = c->in->read(c->in->ctx, pos, c->buf, c->buf_len);
        if (c->err) {
            c->end = 0;
            return;
        }
    }
    c->code |= c->buf[pos - c->buf_off];
}

unsigned dfota_coder_decode(struct dfota_coder *c, uint32_t p1)
{
    /* The share of a 0; what the division by 65536 loses goes to the 1,
     * which is the likelier answer of the flags. */
    uint32_t bound = (c->range >> 16) * (0x10000 - p1);
    unsigned bit = c->code >= bound;

    if (bit) {
        c->code -= bound;
        c->range -= bound;
    } else {
        c->range = bound;
    }
    while (c->range < 1U << 24) {
        c->range <<= 8;
        shift_in(c);
    }
    return bit;
}

static unsigned decode_bit(struct dfota_coder *c, uint32_t p1, unsigned actual)
{
    (void)actual;
    return dfota_coder_decode(c, p1);
}

int dfota_coder_open(struct dfota_coder *c, const struct dfota_reader *in,
                     uint32_t off, uint32_t end)
{
    if (DFOTA_GENERATES)
        c->bit = decode_bit;
    c->in = in;
    c->pos = off;
    c->end = end;
    c->buf_len = 0;
    c->buf_off = off;
    c->err = 0;
    c->range = 0xFFFFFFFF;
    c->code = 0;
    for (int i = 0; i < 4; i++)
        shift_in(c);
    return c->err;
}

uint32_t dfota_coder_next(const struct dfota_coder *c)
{
    return c->pos - DFOTA_CODER_TAIL;
}

int dfota_coder_check(const struct dfota_coder *c)
{
    if (c->err)
        return c->err;
    return c->pos > c->end + 4 ? DFOTA_E_TRUNCATED : DFOTA_OK;
}
