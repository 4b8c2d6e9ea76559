/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/audit.h"

#include <stdlib.h>

#include "base/err.h"
#include "delta/apply.h"

/* Sits on a coder and counts what passes. */
struct meter {
    unsigned (*decode)(struct dfota_coder *c, uint32_t p1, unsigned actual);
    uint64_t cost;
    uint32_t first; /* the cost of the first bit since this was 0 */
};

static unsigned metered_bit(struct dfota_coder *c, uint32_t p1, unsigned actual)
{
    struct meter *m = c->peer;
    unsigned bit = m->decode(c, p1, actual);
    uint32_t cost = encoder_cost(bit ? p1 : 0x10000 - p1);

    m->cost += cost;
    if (m->first == 0)
        m->first = cost;
    return bit;
}

static int audit_window(struct dfota_decoder *d, uint32_t w, uint32_t stream,
                        uint8_t *made, struct body_costs *costs)
{
    struct meter m = {0};
    uint32_t off, len;
    size_t got;
    int more = dfota_decoder_open(d, w, stream);

    if (more)
        return more;
    encoder_prepare();
    dfota_package_window(d->p, w, &off, &len);
    m.decode = d->coder.bit;
    d->coder.bit = metered_bit;
    d->coder.peer = &m;
    for (uint32_t done = 0; more == DFOTA_OK || more == DFOTA_MORE;
         done += (uint32_t)got) {
        uint64_t before = m.cost;

        m.first = 0;
        more = dfota_decoder_poll(d, made + off + done, 1, &got);
        if (m.cost != before)
            body_account(costs, d, m.first, m.cost - before);
    }
    return more < 0 ? more : DFOTA_OK;
}

int audit_package(const struct dfota_package *p, const uint8_t *package,
                  size_t package_len, const uint8_t *old, size_t old_len,
                  struct body_costs *costs)
{
    size_t arena_len = dfota_decoder_arena_len(p);
    void *arena = malloc(arena_len);
    uint8_t *made = malloc(p->m.target_len + 1U);
    struct dfota_decoder_io io = {.package = apply_reader(package, package_len),
                                  .old = apply_reader(old, old_len),
                                  .made = apply_reader(made, p->m.target_len)};
    struct dfota_decoder d;
    uint32_t stream;
    int err = arena && made ? 0 : DFOTA_E_NOMEM;

    *costs = (struct body_costs){0};
    if (!err && old_len < p->m.source_len)
        err = DFOTA_E_SOURCE;
    if (!err)
        err = dfota_decoder_init(&d, p, &io, arena, arena_len);
    stream = err ? 0 : dfota_decoder_first(&d);
    for (uint32_t w = 0; w < p->windows && !err; w++) {
        err = audit_window(&d, w, stream, made, costs);
        stream = dfota_decoder_next(&d);
    }
    free(made);
    free(arena);
    return err;
}
