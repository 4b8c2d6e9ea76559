/* SPDX-License-Identifier: Apache-2.0 */
#include "device/copymap.h"

#include "base/err.h"

/* Where each model lies in the counters. */
enum {
    GAP = 0,
    LEN = DFOTA_VALUE_COUNTERS,
    JUMP = 2 * DFOTA_VALUE_COUNTERS,
    FLAGS = 3 * DFOTA_VALUE_COUNTERS,
    FLAG_LAST = FLAGS,
    FLAG_TO_END = FLAGS + 1,
    FLAG_SAME = FLAGS + 2,   /* the shift of the segment before */
    FLAG_ON = FLAGS + 3,     /* the source goes on behind the one before */
    FLAG_BACK = FLAGS + 4,   /* the source lies before that */
    FLAG_PLAIN = FLAGS + 5,  /* one region, one bias */
    FLAG_ANCHOR = FLAGS + 6, /* and + 7: by the length */
};

static unsigned flag(struct dfota_copymap *m, unsigned which, unsigned actual)
{
    return dfota_counter_bit(m->counters + which, m->coder, actual);
}

static uint32_t value(struct dfota_copymap *m, unsigned which, uint32_t actual)
{
    return dfota_value(m->counters + which, m->coder, actual);
}

static uint32_t code_bits(struct dfota_coder *c, unsigned n, uint32_t actual)
{
    uint32_t v = 0;

    while (n-- > 0)
        v = v << 1 | dfota_coder_bit(c, DFOTA_P_HALF, actual >> n & 1);
    return v;
}

/* An address: how many zero bits it ends with, then the rest. */
static uint32_t code_address(struct dfota_copymap *m, uint32_t actual)
{
    unsigned zeros = 0;

    while (zeros < 31 && !(actual >> zeros & 1))
        zeros++;
    zeros = code_bits(m->coder, 5, zeros);
    return value(m, GAP, actual >> zeros) << zeros;
}

/* A difference of addresses: most are small, either way. */
static uint32_t code_difference(struct dfota_copymap *m, uint32_t actual)
{
    uint32_t back = code_bits(m->coder, 1, actual >> 31);
    uint32_t size = code_address(m, back ? 0 - actual : actual);

    return back ? 0 - size : size;
}

/* One region, the whole image, whose bias stays. */
static bool plain(const struct dfota_copymap *m, const struct dfota_project *p)
{
    const struct dfota_region *r = p->region;

    return p->regions == 1 && r->off == 0 && r->len == m->source_len &&
           r->old_bias == r->new_bias;
}

/* Regions mostly follow each other. */
static int code_region(struct dfota_copymap *m, struct dfota_region *r,
                       uint32_t end)
{
    r->off = end + value(m, JUMP, r->off - end);
    r->len = value(m, LEN, r->len);
    if (r->off > m->source_len || r->len > m->source_len - r->off)
        return DFOTA_E_CORRUPT;
    return DFOTA_OK;
}

int dfota_copymap_head(struct dfota_copymap *m, struct dfota_project *p)
{
    uint32_t end = 0, n = 1;
    bool is_plain;
    int err = DFOTA_OK;

    dfota_counters_reset(m->counters, DFOTA_COPYMAP_COUNTERS);
    p->data_top = (uint8_t)code_bits(m->coder, 8, p->data_top);
    is_plain = flag(m, FLAG_PLAIN, plain(m, p));
    if (!is_plain)
        n = code_bits(m->coder, 3, p->regions - 1U) + 1;
    p->regions = (uint8_t)n;
    for (struct dfota_region *r = p->region; r < p->region + n && !err; r++) {
        uint32_t change = r->new_bias - r->old_bias;

        if (is_plain) {
            r->off = 0;
            r->len = m->source_len;
            change = 0;
        } else {
            err = code_region(m, r, end);
            end = r->off + r->len;
        }
        r->old_bias = code_address(m, r->old_bias);
        if (!is_plain)
            change = code_difference(m, change);
        r->new_bias = r->old_bias + change;
    }
    dfota_counters_reset(m->counters, DFOTA_COPYMAP_COUNTERS);
    m->src = 0;
    m->shift = 0;
    return err;
}

void dfota_copymap_window(struct dfota_copymap *m, uint32_t off, uint32_t len)
{
    m->pos = off;
    m->end = off + len;
}

/* The source: most often the shift stays, or reading goes on. */
static uint32_t code_source(struct dfota_copymap *m, uint32_t pos,
                            uint32_t actual)
{
    uint32_t same = pos + m->shift, jump;
    unsigned back;

    if (flag(m, FLAG_ON, actual == m->src))
        return m->src;
    if (same != m->src && flag(m, FLAG_SAME, actual == same))
        return same;
    back = flag(m, FLAG_BACK, actual < m->src);
    jump = back ? m->src - actual : actual - m->src;
    jump = value(m, JUMP, jump - 1) + 1;
    return back ? m->src - jump : m->src + jump;
}

int dfota_copymap_next(struct dfota_copymap *m, const struct dfota_segment *s,
                       struct dfota_segment *out)
{
    const struct dfota_segment none = {0};
    uint32_t left = m->end - m->pos, gap;

    if (left == 0 || flag(m, FLAG_LAST, !s))
        return DFOTA_DONE;
    if (!s)
        s = &none;
    gap = value(m, GAP, s->pos - m->pos);
    if (gap >= left)
        return DFOTA_E_CORRUPT;
    left -= gap;
    out->pos = m->pos + gap;
    out->len = left;
    if (!flag(m, FLAG_TO_END, s->len == left))
        out->len = value(m, LEN, s->len - 1) + 1;
    if (out->len == 0 || out->len > left)
        return DFOTA_E_CORRUPT;
    out->src = code_source(m, out->pos, s->src);
    if (out->src > m->source_len || out->len > m->source_len - out->src)
        return DFOTA_E_CORRUPT;
    out->anchor = flag(m, FLAG_ANCHOR + (out->len >= 32), s->anchor);
    m->pos = out->pos + out->len;
    m->src = out->src + out->len;
    m->shift = out->src - out->pos;
    return DFOTA_MORE;
}
