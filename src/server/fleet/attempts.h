/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Attempts: one module's try at one plan, from the grant to its end.
 *
 *            grant             loaded             done
 *   (none) --------> open/granted ----> open/loaded ----> done | failed
 *                       |                   |
 *                       +-- deadline -------+----> lost     (plan ended:
 *                       +-- plan paused, ended ---> stopped  808, stopped)
 *
 * Layer: server. Everything here runs in a transaction and may run again.
 *
 * Invariants:
 *  - A module has at most one open attempt (a unique index).
 *  - plan.open is the number of its open attempts: both change in one
 *    transaction.
 *  - A grant happens only in the generation of the plan that was looked at.
 */
#ifndef DFOTA_SERVER_FLEET_ATTEMPTS_H
#define DFOTA_SERVER_FLEET_ATTEMPTS_H

#include "server/fleet/fleet.h"
#include "server/fleet/node.h"

enum { ATTEMPT_TEXT_ROOM = 72 };

/* What a module is told to load. */
struct grant {
    char attempt[SECRETS_ID_ROOM];
    int64_t plan;
    int64_t size;
    int64_t url_until; /* seconds since 1970 */
    unsigned transport;
    char sha256[SECRETS_HEX_ROOM];
    char version[FLEET_VERSION_MAX + 1];
};

/**
 * A module asks for its plan.
 *
 * attempt  the id a new attempt will have
 * code     out: 0, out is the answer; else the number to refuse with
 * errors   E_BUSY the memory was too old or another node was faster: refresh
 *          and run again; those of sql_run()
 */
int attempts_ask(const struct node *node, struct sql *sql,
                 const struct module_view *module, const struct poll *poll,
                 const char *attempt, struct grant *out, int *code);

/* What a module says of an attempt; -1: not said. */
struct report {
    uint64_t imei;
    int64_t plan; /* 0: not said */
    const char *attempt, *version;
    int http_err, update_err;
};

/** code: out, 0 or the number to refuse with. errors: those of sql_run() */
int attempts_report(const struct node *node, struct sql *sql,
                    const struct module_view *module,
                    const struct report *report, int *code);

/* What a module has tried of a plan. What a paused or ended plan stopped was
 * no try of the module. */
struct tries {
    int64_t all, used;
    int64_t limit;    /* so many it may have used */
    int64_t again_at; /* not before that moment */
};

/** plan_attempts: what the plan allows. errors: those of sql_query() */
int attempts_tries(struct sql *sql, int64_t module, int64_t plan,
                   int64_t plan_attempts, struct tries *out);

/**
 * Give modules of a plan another attempt: those with none open or done whose
 * last one failed or was lost.
 *
 * number   only those that failed with it; 0: with any
 * lost     only those that were lost
 * modules  out: how many
 * errors   those of sql_run()
 */
int attempts_retry(struct sql *sql, int64_t plan, int number, bool lost,
                   int64_t now, int64_t *modules);

/** A module's open attempt, if it has one, ends as stopped and counts for
 * nothing. */
int attempts_withdraw(struct sql *sql, int64_t module, const char *cause,
                      int64_t now);

enum { ATTEMPTS_EXPIRED = 64 };

/** Close what is over its deadline, so many at a time. closed: out.
 * errors: those of sql_run() */
int attempts_expire(struct sql *sql, int64_t now, int64_t *closed);

#endif
