/* SPDX-License-Identifier: Apache-2.0 */
/** The suites: which plans are tried on a world. */
#ifndef DFOTA_POWERCUT_SUITES_H
#define DFOTA_POWERCUT_SUITES_H

#include "powercut/trial.h"

struct tally {
    uint64_t runs;
    uint64_t bricks;
    uint64_t runs_max;   /* stop there */
    uint64_t bricks_max; /* or there */
    uint64_t seed;
    uint64_t held; /* runs that needed help (rot) */
    uint64_t over_budget;
};

/** Enough runs, or enough bricks? */
bool tally_full(const struct tally *t);

/** Run one plan, count it, print the line of a brick. */
void tally_run(struct tally *t, struct world *w, const struct plan *p);

/** Every suite on one world. depth 0 is a sample, more is more. */
void suites_run(struct tally *t, struct world *w, unsigned depth);

#endif
