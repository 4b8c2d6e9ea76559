/* SPDX-License-Identifier: Apache-2.0 */
/** The suites: which plans are tried on a world. */
#ifndef DFOTA_POWERCUT_SUITES_H
#define DFOTA_POWERCUT_SUITES_H

#include "powercut/trial.h"

enum suite {
    SUITE_PLAIN,
    SUITE_EACH_CUT,
    SUITE_TWO_CUTS,
    SUITE_CHAINS,
    SUITE_LISTS,
    SUITE_STORMS,
    SUITE_LOOPS,
    SUITE_LIES,
    SUITE_READS,
    SUITE_ROT,
    SUITE_PACKAGE,
    SUITE_COUNT
};

struct tally {
    uint64_t runs;
    uint64_t bricks;
    uint64_t runs_max;   /* stop there */
    uint64_t bricks_max; /* or there */
    uint64_t seed;
    enum suite suite; /* running now */
    uint64_t count[SUITE_COUNT];
    uint64_t held; /* runs that needed help: something had rotted */
};

/** What a suite does, in a few words. */
const char *suite_name(enum suite s);

/** Enough runs, or enough bricks? */
bool tally_full(const struct tally *t);

/** Add what another process has counted. */
void tally_add(struct tally *sum, const struct tally *t);

/** Run one plan, count it, print the line of a brick. */
void tally_run(struct tally *t, struct world *w, const struct plan *p);

/** A number below n, from the tally's sequence. */
uint64_t tally_below(struct tally *t, uint64_t n);

/** A plan without anything in it, and a cut of any kind at one of the first
 * ops operations. */
struct plan plan_new(struct tally *t);
struct sim_cut plan_cut(struct tally *t, uint64_t ops);

/** Operations of an update that nothing disturbs. */
uint64_t suites_ops(struct tally *t, struct world *w);

/** Some of everything that is left to chance, about 18 x some runs. */
void suites_sample(struct tally *t, struct world *w, uint64_t some);

/**
 * Before, after and torn in every model with every decay, at every
 * operation of the update and of the boot that confirms it: exhaustive.c.
 *
 * step     every step-th of these runs, 1: all
 */
void suites_each_cut(struct tally *t, struct world *w, unsigned step);

/** A cut at every operation, and a second one at every operation of the boot
 * after it; models by lot. */
void suites_two_cuts(struct tally *t, struct world *w, unsigned step);

/** In the middle of an update three boots in a row lose their power while
 * they write the journal, at every three operations; what each leaves reads
 * right and wrong in turn. */
void suites_chains(struct tally *t, struct world *w, unsigned step);

#endif
