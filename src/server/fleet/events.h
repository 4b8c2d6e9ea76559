/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What happened, for who listens: streams of the page and web hooks. An event
 * is written in the transaction of the fact it tells, and so are its
 * deliveries to the tenant's web hooks.
 *
 * Layer: server. errors: those of sql_run()
 */
#ifndef DFOTA_SERVER_FLEET_EVENTS_H
#define DFOTA_SERVER_FLEET_EVENTS_H

#include <jansson.h>

#include "server/store/sql.h"

enum {
    EVENTS_KEPT_S = 86400,
    EVENTS_TRIED_S = 86400, /* so long a delivery is tried */
    DELIVERIES_KEPT_S = 7 * 86400
};

/* The kinds, ended by NULL: plan, attempt, package, module, lwm2m, audit. */
extern const char *const events_kinds[];

/**
 * Any event.
 *
 * plan     whose it is; 0: no plan's
 * data     an object, taken over; event, at and tenant are added
 */
int events_add(struct sql *sql, int64_t tenant, const char *kind, int64_t plan,
               json_t *data, int64_t now);

/** A plan has another state, stage or edition. */
int events_plan(struct sql *sql, int64_t plan, int64_t now);

/** An attempt ended, or ended otherwise. Called for every result, so it is
 * two statements and no JSON library. */
int events_attempt(struct sql *sql, const char *attempt, int64_t now);

/** A package is ready, or failed, or waits for its signature. */
int events_package(struct sql *sql, int64_t package, int64_t now);

/** Somebody may no longer do what they did: a token, session or person is
 * gone. For streams alone, which then look at who listens. */
int events_access(struct sql *sql, int64_t tenant, int64_t now);

/** Forget what is old. */
int events_upkeep(struct sql *sql, int64_t now);

#endif
