/* SPDX-License-Identifier: Apache-2.0 */
/* The suites that leave nothing out. */
#include "powercut/suites.h"

/* Before, after, each torn model with each of these. Cells that change at
 * every read are left to chance: what they do in a boot is a mixture of the
 * others. */
static const enum sim_decay decays[] = {SIM_DECAY_NONE, SIM_DECAY_BOOT,
                                        SIM_DECAY_READ_ERROR};
#define DECAYS (sizeof(decays) / sizeof(decays[0]))
#define VARIANTS (2 + SIM_TORN_COUNT * DECAYS)
#define RESUME_OPS 24 /* a boot that only writes its journal has fewer */
#define CHAIN_OPS 11  /* both mirrors of a small journal, begun anew */
#define PHASES 8      /* each of the three reads right first, or wrong */

static struct sim_cut variant(uint64_t at, uint64_t v)
{
    struct sim_cut c = {.at = at};

    if (v < 2) {
        c.when = v ? SIM_CUT_AFTER : SIM_CUT_BEFORE;
        return c;
    }
    c.when = SIM_CUT_TORN;
    c.torn = (enum sim_torn)((v - 2) % SIM_TORN_COUNT);
    c.decay = decays[(v - 2) / SIM_TORN_COUNT];
    return c;
}

void suites_each_cut(struct tally *t, struct world *w, unsigned step)
{
    uint64_t first = suites_ops(t, w);
    uint64_t all = (first + RESUME_OPS) * VARIANTS;

    t->suite = SUITE_EACH_CUT;
    for (uint64_t n = tally_below(t, step); n < all && !tally_full(t);
         n += step) {
        uint64_t op = n / VARIANTS;
        unsigned boot = op >= first;
        struct plan p = plan_new(t);

        p.cuts = boot + 1;
        p.cut[boot] = variant(1 + op - (boot ? first : 0), n % VARIANTS);
        tally_run(t, w, &p);
    }
}

void suites_two_cuts(struct tally *t, struct world *w, unsigned step)
{
    uint64_t ops = suites_ops(t, w) + RESUME_OPS;
    uint64_t all = ops * ops;

    t->suite = SUITE_TWO_CUTS;
    for (uint64_t n = tally_below(t, step); n < all && !tally_full(t);
         n += step) {
        struct plan p = plan_new(t);

        p.cuts = 2;
        for (unsigned k = 0; k < 2; k++) {
            p.cut[k] = plan_cut(t, 1);
            p.cut[k].at = 1 + (k ? n % ops : n / ops);
        }
        tally_run(t, w, &p);
    }
}

void suites_chains(struct tally *t, struct world *w, unsigned step)
{
    uint64_t middle = suites_ops(t, w) / 2;
    uint64_t all = (uint64_t)PHASES * CHAIN_OPS * CHAIN_OPS * CHAIN_OPS;

    t->suite = SUITE_CHAINS;
    for (uint64_t n = tally_below(t, step); n < all && !tally_full(t);
         n += step) {
        struct plan p = plan_new(t);
        uint64_t at = n / PHASES;

        p.cuts = 4;
        p.cut[0] = variant(middle, 0);
        for (unsigned k = 1; k < 4; k++, at /= CHAIN_OPS) {
            p.cut[k].at = 1 + at % CHAIN_OPS;
            p.cut[k].when = SIM_CUT_TORN;
            p.cut[k].torn =
                n >> (k - 1) & 1 ? SIM_TORN_COMPLETE : SIM_TORN_NOTHING;
            p.cut[k].decay = SIM_DECAY_SWING;
        }
        tally_run(t, w, &p);
    }
}
