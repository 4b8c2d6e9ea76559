/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Running plans: attempts that are over their time end, abort rules trip,
 * stages follow each other, ends come.
 *
 * Layer: server. A reader judges, a transaction judges again and writes; so
 * counting a large plan keeps no module waiting, and of several nodes one does
 * it.
 */
#ifndef DFOTA_SERVER_FLEET_PLAN_WATCH_H
#define DFOTA_SERVER_FLEET_PLAN_WATCH_H

#include "server/fleet/node.h"

/**
 * Look once, about once a second.
 *
 * after    plans up to that one have had their turn; 0 at first
 * errors   those of the store; the next round goes on
 */
int plan_watch_round(struct node *node, int64_t *after);

/** How the attempts of a plan ended so far; stage -1: of all stages. cost:
 * O(attempts of the plan), off an index */
struct plan_counts {
    int64_t open, done, failed, lost, stopped;
};
int plan_count(struct sql *sql, int64_t plan, int64_t stage,
               struct plan_counts *out);

/**
 * Move a plan from one state to another, in a transaction: its generation
 * goes on, modules with an open attempt hear of it at their next call, the
 * audit log tells.
 *
 * errors   E_BUSY it is in another state by now, at another node; those of
 *          sql_run()
 */
int plan_move(const struct node *node, struct sql *sql, int64_t tenant,
              int64_t plan, const char *from, const char *to, const char *actor,
              const char *why);

#endif
