/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut/suites.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *suite_name(enum suite s)
{
    static const char *const names[SUITE_COUNT] = {
        [SUITE_PLAIN] = "nothing goes wrong",
        [SUITE_EACH_CUT] = "each operation cut, each torn model",
        [SUITE_TWO_CUTS] = "two cuts, the second in the resume",
        [SUITE_CHAINS] = "three boots cut in the journal",
        [SUITE_LISTS] = "1 to 20 cuts anywhere",
        [SUITE_STORMS] = "cuts in the journal, cells that go to and fro",
        [SUITE_LOOPS] = "the same cut at every boot",
        [SUITE_LIES] = "an operation that fails or lies, and a cut",
        [SUITE_READS] = "reads that fail, after a cut or without",
        [SUITE_ROT] = "a bit that rots, and cuts",
        [SUITE_PACKAGE] = "a package erased, forged, exchanged, and cuts"};

    return names[s];
}

bool tally_full(const struct tally *t)
{
    return t->runs >= t->runs_max || t->bricks >= t->bricks_max;
}

void tally_add(struct tally *sum, const struct tally *t)
{
    sum->runs += t->runs;
    sum->bricks += t->bricks;
    sum->held += t->held;
    for (unsigned s = 0; s < SUITE_COUNT; s++)
        sum->count[s] += t->count[s];
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
    t->count[t->suite]++;
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

uint64_t tally_below(struct tally *t, uint64_t n)
{
    return sim_random(&t->seed) % n;
}

struct sim_cut plan_cut(struct tally *t, uint64_t ops)
{
    struct sim_cut c = {.at = 1 + tally_below(t, ops)};

    c.when = tally_below(t, 8)
                 ? SIM_CUT_TORN
                 : (enum sim_when)(tally_below(t, 2) ? SIM_CUT_BEFORE
                                                     : SIM_CUT_AFTER);
    c.torn = (enum sim_torn)tally_below(t, SIM_TORN_COUNT);
    c.decay = (enum sim_decay)tally_below(t, SIM_DECAY_COUNT);
    return c;
}

struct plan plan_new(struct tally *t)
{
    struct plan p;

    memset(&p, 0, sizeof(p));
    p.seed = sim_random(&t->seed) >> 32;
    return p;
}

static void add_cuts(struct tally *t, struct plan *p, unsigned cuts,
                     uint64_t ops)
{
    for (unsigned k = 0; k < cuts; k++)
        p->cut[p->cuts++] = plan_cut(t, ops);
}

static void sweep_loops(struct tally *t, struct world *w, uint64_t ops,
                        uint64_t runs)
{
    uint64_t step = 1 + ops / runs;

    t->suite = SUITE_LOOPS;
    for (uint64_t at = 1 + tally_below(t, step); at <= ops && !tally_full(t);
         at += step) {
        struct plan p = plan_new(t);

        p.loop = true;
        add_cuts(t, &p, 1, 1);
        p.cut[0].at = at;
        tally_run(t, w, &p);
    }
}

static void random_lists(struct tally *t, struct world *w, uint64_t ops,
                         uint64_t runs)
{
    t->suite = SUITE_LISTS;
    for (uint64_t n = 0; n < runs && !tally_full(t); n++) {
        struct plan p = plan_new(t);
        unsigned cuts = 1 + (unsigned)tally_below(t, PLAN_CUTS);

        while (cuts--)
            add_cuts(t, &p, 1, tally_below(t, 3) ? ops + 8 : 24);
        tally_run(t, w, &p);
    }
}

/* A cut anywhere, then boots that get no further than the journal, in the
 * manners that leave records which read right at one boot and wrong at the
 * next. */
static void journal_storms(struct tally *t, struct world *w, uint64_t ops,
                           uint64_t runs)
{
    static const enum sim_torn torn[] = {SIM_TORN_COMPLETE, SIM_TORN_NOTHING,
                                         SIM_TORN_ONE_MISSING,
                                         SIM_TORN_SPOIL_SECTOR};

    t->suite = SUITE_STORMS;
    for (uint64_t n = 0; n < runs && !tally_full(t); n++) {
        struct plan p = plan_new(t);

        p.cuts = 2 + (unsigned)tally_below(t, 6);
        for (unsigned k = 0; k < p.cuts; k++) {
            p.cut[k] = plan_cut(t, k ? 20 : ops);
            p.cut[k].when = SIM_CUT_TORN;
            p.cut[k].torn = torn[tally_below(t, 4)];
            p.cut[k].decay =
                tally_below(t, 2) ? SIM_DECAY_BOOT : SIM_DECAY_READ;
        }
        tally_run(t, w, &p);
    }
}

static void sweep_lies(struct tally *t, struct world *w, uint64_t ops,
                       uint64_t runs)
{
    uint64_t step = 1 + ops / runs;

    t->suite = SUITE_LIES;
    for (uint64_t at = 1 + tally_below(t, step); at <= ops && !tally_full(t);
         at += step) {
        struct plan p = plan_new(t);

        p.fault.at = at;
        p.fault.count = tally_below(t, 4) ? 1 : 12;
        p.fault.lie = (enum sim_lie)(1 + tally_below(t, SIM_LIE_READ - 1));
        add_cuts(t, &p, (unsigned)tally_below(t, 3), ops);
        tally_run(t, w, &p);
    }
}

/* One read, some in a row, or all of a boot, on the way or when a boot that
 * follows a cut looks for its journal. */
static void random_reads(struct tally *t, struct world *w, uint64_t ops,
                         uint64_t runs)
{
    static const uint32_t counts[] = {1, 2, 40, 1000000};

    t->suite = SUITE_READS;
    for (uint64_t n = 0; n < runs && !tally_full(t); n++) {
        struct plan p = plan_new(t);

        p.fault.lie = SIM_LIE_READ;
        p.fault.count = counts[tally_below(t, 4)];
        p.fault_boot = (unsigned)tally_below(t, 2);
        p.fault.at = 1 + tally_below(t, tally_below(t, 2) ? 40 : 4 * ops);
        add_cuts(t, &p, p.fault_boot, ops);
        tally_run(t, w, &p);
    }
}

static void random_harm(struct tally *t, struct world *w, uint64_t ops,
                        uint64_t runs, enum suite suite)
{
    bool rot = suite == SUITE_ROT;

    t->suite = suite;
    for (uint64_t n = 0; n < runs && !tally_full(t); n++) {
        struct plan p = plan_new(t);

        p.harm.at = 1 + tally_below(t, ops);
        p.harm.what =
            (enum plan_what)(rot ? HARM_SLOT + tally_below(t, 3)
                                 : HARM_NO_PACKAGE + tally_below(t, 3));
        p.harm.bit = (uint32_t)sim_random(&t->seed);
        add_cuts(t, &p, (unsigned)tally_below(t, 3), ops);
        tally_run(t, w, &p);
    }
}

uint64_t suites_ops(struct tally *t, struct world *w)
{
    struct plan none = plan_new(t);
    struct trial trial;

    trial_run(&trial, w, &none);
    return trial.first_ops;
}

void suites_sample(struct tally *t, struct world *w, uint64_t some)
{
    uint64_t ops = suites_ops(t, w);
    struct plan none = plan_new(t);

    t->suite = SUITE_PLAIN;
    tally_run(t, w, &none);
    sweep_loops(t, w, ops, some);
    random_lists(t, w, ops, 5 * some);
    journal_storms(t, w, ops, 5 * some);
    sweep_lies(t, w, ops, 2 * some);
    random_reads(t, w, ops, 2 * some);
    random_harm(t, w, ops, 2 * some, SUITE_ROT);
    random_harm(t, w, ops, some, SUITE_PACKAGE);
}
