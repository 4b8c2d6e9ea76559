/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What asking, reporting and expiring share.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_FLEET_ATTEMPTS_PRIV_H
#define DFOTA_SERVER_FLEET_ATTEMPTS_PRIV_H

#include "server/fleet/attempts.h"

/* An attempt as it lies in the database. */
struct open_attempt {
    int64_t plan, module, size, url_until, deadline;
    int http_err, update_err;
    unsigned via; /* PLAN_PUSH, PLAN_PULL, PLAN_HOST; 0: the module asked */
    bool is_open, is_loaded, is_lost, plan_runs;
    bool has_begun; /* over LwM2M: the module took something of it */
    char id[SECRETS_ID_ROOM], sha256[SECRETS_HEX_ROOM],
        to_version[FLEET_VERSION_MAX + 1];
    char version[FLEET_VERSION_MAX + 1];
};

/** errors: E_NOTFOUND there is none; those of sql_query() */
int attempts_find_open(struct sql *sql, int64_t module, struct open_attempt *a);
int attempts_find(struct sql *sql, const char *id, struct open_attempt *a);

/** End an open attempt; its slot goes with it. Harmless on a closed one. */
int attempts_close(struct sql *sql, const struct open_attempt *a,
                   const char *state, const char *cause, int64_t now);

/** End it as failed or lost with that number (PLAN_SILENCE), after which the
 * plan says when the module may try again. */
int attempts_fail(struct sql *sql, const struct open_attempt *a, int number,
                  const char *cause, int64_t now);

/** What the plan says; plan_spec_release() after success. */
int attempts_spec(struct sql *sql, int64_t plan, struct plan_spec *spec);

#endif
