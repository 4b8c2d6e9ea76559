/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut/suites.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool tally_full(const struct tally *t)
{
    return t->runs >= t->runs_max || t->bricks >= t->bricks_max;
}

/* Work that one boot can be asked to complete: a window's decode and a
 * group's RESTORE, the journal's recycling beside it. A cut at the same,
 * later operation of every boot must come to an end all the same. */
static uint64_t boot_bound(const struct world *w)
{
    const struct dfota_flash *journal = &w->area[AREA_JOURNAL].flash;
    uint32_t window = w->area[AREA_BACKUP].flash.size;
    uint32_t slot = w->area[AREA_SLOT].flash.erase_size;
    uint64_t stage = window / 128 + (uint64_t)4 * (window / slot) + 8;

    return 2 * stage + (uint64_t)8 * (journal->size / journal->erase_size) +
           w->windows / 2 + 120;
}

void tally_run(struct tally *t, struct world *w, const struct plan *p)
{
    struct trial trial;
    char world[48];
    char plan[1024];

    trial_run(&trial, w, p);
    t->runs++;
    t->held += trial.was_held;
    if (!trial.brick && p->loop && trial.boots > PLAN_LOOP_BOOTS &&
        p->cut[0].at > boot_bound(w))
        trial.brick = "live-lock";
    if (!trial.brick)
        return;
    t->bricks++;
    world_name(&w->id, world);
    plan_name(p, plan, sizeof(plan));
    printf("BRICK %s: --replay %s/%s\n", trial.brick, world, plan);
}

static uint64_t below(struct tally *t, uint64_t n)
{
    return sim_random(&t->seed) % n;
}

static struct sim_cut random_cut(struct tally *t, uint64_t ops)
{
    struct sim_cut c = {.at = 1 + below(t, ops)};

    c.when = below(t, 8) ? SIM_CUT_TORN
                         : (enum sim_when)(below(t, 2) ? SIM_CUT_BEFORE
                                                       : SIM_CUT_AFTER);
    c.torn = (enum sim_torn)below(t, SIM_TORN_COUNT);
    c.decay = (enum sim_decay)below(t, SIM_DECAY_COUNT);
    return c;
}

static struct plan new_plan(struct tally *t)
{
    struct plan p;

    memset(&p, 0, sizeof(p));
    p.seed = sim_random(&t->seed) >> 32;
    return p;
}

/* Before, after, and torn in several ways, at every operation of boot b. */
static void sweep_boot(struct tally *t, struct world *w, unsigned b,
                       uint64_t ops, unsigned variants)
{
    for (uint64_t at = 1; at <= ops && !tally_full(t); at++) {
        for (unsigned v = 0; v < variants + 2; v++) {
            struct plan p = new_plan(t);

            p.cuts = b + 1;
            p.cut[b] = random_cut(t, 1);
            p.cut[b].at = at;
            p.cut[b].when = v == 0   ? SIM_CUT_BEFORE
                            : v == 1 ? SIM_CUT_AFTER
                                     : SIM_CUT_TORN;
            tally_run(t, w, &p);
        }
    }
}

/* A cut inside the resume: every pair on what is small. */
static void sweep_pairs(struct tally *t, struct world *w, uint64_t ops,
                        uint64_t runs)
{
    uint64_t pairs = ops * ops;
    uint64_t step = 1 + pairs / (runs + 1);

    for (uint64_t n = below(t, step); n < pairs && !tally_full(t); n += step) {
        struct plan p = new_plan(t);

        p.cuts = 2;
        p.cut[0] = random_cut(t, 1);
        p.cut[1] = random_cut(t, 1);
        p.cut[0].at = 1 + n / ops;
        p.cut[1].at = 1 + n % ops;
        tally_run(t, w, &p);
    }
}

static void sweep_loops(struct tally *t, struct world *w, uint64_t ops,
                        uint64_t runs)
{
    uint64_t step = 1 + ops / runs;

    for (uint64_t at = 1 + below(t, step); at <= ops && !tally_full(t);
         at += step) {
        struct plan p = new_plan(t);

        p.loop = true;
        p.cuts = 1;
        p.cut[0] = random_cut(t, 1);
        p.cut[0].at = at;
        tally_run(t, w, &p);
    }
}

static void random_lists(struct tally *t, struct world *w, uint64_t ops,
                         uint64_t runs)
{
    for (uint64_t n = 0; n < runs && !tally_full(t); n++) {
        struct plan p = new_plan(t);

        p.cuts = 1 + (unsigned)below(t, PLAN_CUTS);
        for (unsigned k = 0; k < p.cuts; k++)
            p.cut[k] = random_cut(t, below(t, 3) ? ops + 8 : 24);
        tally_run(t, w, &p);
    }
}

/* Cuts of one boot after the other among the journal's first operations,
 * with cells that look well today: how much can both mirrors take? */
static void journal_storms(struct tally *t, struct world *w, uint64_t ops,
                           uint64_t runs)
{
    static const enum sim_torn torn[] = {SIM_TORN_COMPLETE, SIM_TORN_COMPLETE,
                                         SIM_TORN_ONE_MISSING,
                                         SIM_TORN_NOTHING};

    for (uint64_t n = 0; n < runs && !tally_full(t); n++) {
        struct plan p = new_plan(t);

        p.cuts = 2 + (unsigned)below(t, 6);
        for (unsigned k = 0; k < p.cuts; k++) {
            p.cut[k] = random_cut(t, k ? 20 : ops);
            p.cut[k].when = SIM_CUT_TORN;
            p.cut[k].torn = torn[below(t, 4)];
            p.cut[k].decay = below(t, 2) ? SIM_DECAY_BOOT : SIM_DECAY_READ;
        }
        tally_run(t, w, &p);
    }
}

static void sweep_lies(struct tally *t, struct world *w, uint64_t ops,
                       unsigned step)
{
    for (uint64_t at = 1 + below(t, step); at <= ops && !tally_full(t);
         at += step) {
        struct plan p = new_plan(t);

        p.fault.at = at;
        p.fault.count = 1;
        p.fault.lie = (enum sim_lie)(1 + below(t, SIM_LIE_COUNT - 1));
        tally_run(t, w, &p);
    }
}

static void random_rot(struct tally *t, struct world *w, uint64_t ops,
                       uint64_t runs)
{
    for (uint64_t n = 0; n < runs && !tally_full(t); n++) {
        struct plan p = new_plan(t);

        p.rot.at = 1 + below(t, ops);
        p.rot.area = (unsigned)below(t, AREA_JOURNAL);
        p.rot.bit = (uint32_t)sim_random(&t->seed);
        p.cuts = (unsigned)below(t, 3);
        for (unsigned k = 0; k < p.cuts; k++)
            p.cut[k] = random_cut(t, ops);
        tally_run(t, w, &p);
    }
}

/* A run on large sectors takes a hundred times as long. */
#define LARGE 65536
static void sample(struct tally *t, struct world *w, uint64_t ops)
{
    sweep_loops(t, w, ops, 2);
    random_lists(t, w, ops, 10);
    journal_storms(t, w, ops, 5);
    random_rot(t, w, ops, 5);
    sweep_lies(t, w, ops, (unsigned)ops / 4 + 1);
}

/* Every pair of cuts, now and then on the smallest geometry. */
static uint64_t pairs_wanted(const struct tally *t, const struct world *w,
                             uint64_t ops, uint64_t usual)
{
    bool all = w->id.geometry == 0 && t->runs_max >= 300000 &&
               w->id.seed / world_geometries % 16 == 0;

    return all ? ops * ops : usual;
}

void suites_run(struct tally *t, struct world *w, unsigned depth)
{
    struct trial trial;
    struct plan none = new_plan(t);
    uint64_t ops;
    uint64_t more = 1u << depth;

    trial_run(&trial, w, &none);
    ops = trial.first_ops;
    tally_run(t, w, &none);
    if (w->area[AREA_SLOT].flash.size > LARGE) {
        sample(t, w, ops);
        return;
    }
    sweep_boot(t, w, 0, ops, 2 + 4 * depth);
    sweep_boot(t, w, 1, 24, depth);
    sweep_pairs(t, w, ops, pairs_wanted(t, w, ops, 150 * more));
    sweep_loops(t, w, ops, 8 * more);
    random_lists(t, w, ops, 40 * more);
    journal_storms(t, w, ops, 60 * more);
    sweep_lies(t, w, ops, depth ? 1 : 4);
    random_rot(t, w, ops, 10 * more);
}
