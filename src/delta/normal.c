/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/normal.h"

#include <string.h>

#include "base/bytes.h"

struct walk {
    const struct dfota_project *p;
    const uint8_t *in;
    uint8_t *out;
    uint32_t len;
    bool old;
};

static uint32_t bias_at(const struct walk *w, uint32_t off)
{
    for (unsigned i = 0; i < w->p->regions; i++) {
        const struct dfota_region *r = &w->p->region[i];

        if (off - r->off < r->len)
            return w->old ? r->old_bias : r->new_bias;
    }
    return 0;
}

/* The address as the new image has it. false: it is not in the image. */
static bool new_address(const struct walk *w, uint32_t address, uint32_t *out)
{
    for (unsigned i = 0; i < w->p->regions; i++) {
        const struct dfota_region *r = &w->p->region[i];
        uint32_t off = address - (w->old ? r->old_bias : r->new_bias);

        if (off - r->off >= r->len)
            continue;
        *out = w->old ? dfota_project_offset(w->p, off) + r->new_bias : address;
        return true;
    }
    return false;
}

static bool pointer(const struct walk *w, uint32_t i)
{
    uint32_t v = dfota_get_le32(w->in + i), moved;
    uint32_t thumb = w->p->isa == &dfota_isa_thumb2 ? v & 1 : 0;

    if (!new_address(w, v - thumb, &moved))
        return false;
    dfota_put_le32(w->out + i, moved + thumb);
    return true;
}

/* A call as if it stood at address 0: what is written is its target. */
static uint32_t call(const struct walk *w, uint32_t i)
{
    struct dfota_operand op = {0};
    uint32_t moved;

    w->p->isa->parse(w->in + i, dfota_min_u32(w->len - i, DFOTA_UNIT_MAX),
                     i + bias_at(w, i), &op);
    if (op.kind != DFOTA_KIND_CALL)
        return w->p->isa->align;
    if (!new_address(w, op.target, &moved))
        moved = op.target;
    w->p->isa->write(w->out + i, bias_at(w, 0), moved);
    return op.len;
}

void normal_image(const struct dfota_project *project, const uint8_t *in,
                  uint32_t len, bool old, uint8_t *out)
{
    struct walk w = {project, in, out, len, old};
    uint32_t i = 0;

    memcpy(out, in, len);
    while (i < len) {
        if ((i & 3) == 0 && len - i >= 4 && pointer(&w, i))
            i += 4;
        else
            i += project->isa ? call(&w, i) : 1;
    }
}
