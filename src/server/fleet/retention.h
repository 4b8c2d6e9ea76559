/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What is kept for so long and no longer, deleted in small pieces: nobody
 * who waits for the writer notices.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_FLEET_RETENTION_H
#define DFOTA_SERVER_FLEET_RETENTION_H

#include "server/store/sql.h"

/* Seconds; 0: for ever. What nobody asks about again has times of its own:
 * refresh tokens and sessions until they expire, answers for repeated requests
 * a day, changes that nodes read a week. */
struct retention {
    int64_t telemetry_s; /* battery, signal, of modules silent since */
    int64_t results_s;   /* attempts of plans that ended, and their notes */
    int64_t audit_s;
};

/* Where a pass over all of it stands. */
struct retention_pass {
    unsigned kind;
    int64_t closed; /* the last attempt that was looked at: when it closed */
    char attempt[40];
    int64_t module; /* the last one looked at */
    char node[64];  /* the last one whose log was looked at */
    int64_t deleted;
};

/** A pass begins zeroed. */
bool retention_is_over(const struct retention_pass *pass);

/** Delete one piece, at most some hundred rows, in a transaction, and go on
 * with the pass. errors: those of sql_run(); the pass stays where it was */
int retention_step(struct sql *sql, const struct retention *keep, int64_t now,
                   struct retention_pass *pass);

#endif
