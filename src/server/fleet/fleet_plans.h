/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The running plans in memory, those to be asked first in front.
 *
 * Layer: server. Not safe by itself: the fleet holds its lock.
 */
#ifndef DFOTA_SERVER_FLEET_FLEET_PLANS_H
#define DFOTA_SERVER_FLEET_FLEET_PLANS_H

#include "server/fleet/fleet.h"

struct fleet_plans {
    struct plan *all;
    size_t n;
};

/** Read the running plans of all tenants. errors: those of the store */
int fleet_plans_read(struct sql *sql, struct fleet_plans *out);

/** One plan, in whatever state. fleet_plan_release() after success. errors:
 * E_NOTFOUND; those of the store */
int fleet_plan_read(struct sql *sql, int64_t id, struct plan *out);
void fleet_plan_release(struct plan *plan);

/** Harmless on a zeroed struct. */
void fleet_plans_release(struct fleet_plans *plans);

/** See fleet_choose(). */
int fleet_plans_choose(const struct fleet_plans *plans,
                       const struct module_view *module,
                       const struct poll *poll, int64_t now,
                       struct choice *choices, unsigned *n_choices);

#endif
