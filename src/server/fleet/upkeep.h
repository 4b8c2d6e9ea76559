/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a node does about once a second: write behind what modules told, end
 * attempts that are over their time, look at abort rules and stages, watch
 * the clock.
 *
 * Layer: server. Called by one thread. All of it is idempotent, so several
 * nodes may do it.
 */
#ifndef DFOTA_SERVER_FLEET_UPKEEP_H
#define DFOTA_SERVER_FLEET_UPKEEP_H

#include "server/fleet/node.h"

struct upkeep {
    struct node *node;
    int64_t after;      /* plans up to that one have had their turn */
    int64_t not_before; /* of the clock at the start: the database's newest */
    bool has_begun;
    atomic_bool accepted; /* somebody said that the clock is right */
};

/* A clock may differ so much from that of a database that nodes share. */
enum { UPKEEP_APART_S = 5 };

/** One round. errors: those of the store; the next round goes on */
int upkeep_round(struct upkeep *upkeep);

/** Somebody looked at the clock and says it is right now. */
void upkeep_accept_clock(struct upkeep *upkeep);

#endif
