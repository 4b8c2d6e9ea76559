/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A trial: one whole update with one plan, and the oracle that judges it.
 */
#ifndef DFOTA_POWERCUT_TRIAL_H
#define DFOTA_POWERCUT_TRIAL_H

#include "powercut/plan.h"
#include "powercut/world.h"

struct trial {
    /* How it went. */
    const char *brick; /* NULL: well; else what is wrong, static */
    bool ended_new;    /* else: the old image runs */
    bool was_held;
    unsigned boots;
    uint64_t first_ops; /* operations of the first boot */
    uint64_t erases;    /* of slot and backup */
    uint32_t worst;     /* of their sectors */
    /* What has been seen on the way. */
    bool asked;   /* start() said that the update is to be made */
    bool copying; /* a COPY has begun, so the new image must come */
    bool undisturbed, lied, lied_once;
    bool harmed_early;     /* while the slot was not being written */
    bool starting, harmed; /* the package has been looked at; harm is done */
    bool rotten; /* harm or a fault was planned that may end in HELD */
    enum plan_what harm;
};

/** Run one. The world is reset first and may be looked at afterwards. */
void trial_run(struct trial *t, struct world *w, const struct plan *p);

#endif
