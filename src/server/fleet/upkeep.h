/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a node does about once a second: write behind what modules told, end
 * attempts that are over their time, look at abort rules and stages, watch
 * the clock.
 *
 * Layer: server. Called by one thread. Each round is one job of the writer;
 * all of it is idempotent, so several nodes may do it.
 */
#ifndef DFOTA_SERVER_FLEET_UPKEEP_H
#define DFOTA_SERVER_FLEET_UPKEEP_H

#include "server/fleet/node.h"

struct upkeep {
    struct node *node;
    int64_t offset_s; /* wall less steady clock, as it was accepted */
    bool has_offset;
};

enum { UPKEEP_JUMP_S = 300 };

/** One round. errors: those of the store; the next round goes on */
int upkeep_round(struct upkeep *upkeep);

/** Somebody looked at the clock and says it is right now. */
void upkeep_accept_clock(struct upkeep *upkeep);

/** How the attempts of a plan ended so far; stage -1: of all stages. */
struct upkeep_counts {
    int64_t open, done, failed, lost, stopped;
};
int upkeep_count(struct sql *sql, int64_t plan, int64_t stage,
                 struct upkeep_counts *out);

/** Move a plan to another state, in a transaction: its generation goes on,
 * open attempts stop when it ends, the audit log tells. */
int upkeep_move_plan(const struct node *node, struct sql *sql, int64_t tenant,
                     int64_t plan, const char *state, const char *actor,
                     const char *why);

#endif
