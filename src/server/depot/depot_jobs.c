/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of packages, as workers see them: each function is a job of the
 * writer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/depot/depot_jobs.h"
#include "server/fleet/events.h"

enum { CLAIM_S = 90, TRIES_MAX = 5 };

/* One that a dead worker left behind waits again. */
int depot_run_claim(struct sql *sql, struct job *job)
{
    struct claim *claim = (struct claim *)job;
    const struct node *node = claim->depot->config.node;
    int64_t now = clock_wall(node->clock), changed = 0;
    int err = sql_one_int(sql, &claim->id,
                          "SELECT id FROM package WHERE (state = 'waiting' AND "
                          "not_before <= $1) OR (state = 'building' AND "
                          "claimed_until < $1) ORDER BY id LIMIT 1",
                          SQL_ARGS(SQL_INT(now)));

    if (!err)
        err = sql_run(sql,
                      "UPDATE package SET claimed_by = $3, claimed_until = $4, "
                      "tries = tries + 1, state = CASE WHEN tries >= $5 THEN "
                      "'failed' ELSE 'building' END, why = CASE WHEN "
                      "tries >= $5 AND state = 'building' THEN "
                      "'every worker that built it died' ELSE why END "
                      "WHERE id = $1 AND ((state = 'waiting' AND not_before <= "
                      "$2) OR (state = 'building' AND claimed_until < $2))",
                      SQL_ARGS(SQL_INT(claim->id), SQL_INT(now),
                               SQL_TEXT(node->name), SQL_INT(now + CLAIM_S),
                               SQL_INT(TRIES_MAX)),
                      &changed);
    if (!err)
        err = sql_one_int(sql, &claim->tries,
                          "SELECT tries FROM package WHERE id = $1 AND state = "
                          "'building' AND claimed_by = $2",
                          SQL_ARGS(SQL_INT(claim->id), SQL_TEXT(node->name)));
    claim->again = changed > 0;
    if (err == DFOTA_E_NOTFOUND) { /* it failed for good, or nothing waits */
        claim->id = 0;
        err = 0;
    }
    return err;
}

/* What this node had under way when it ended: nobody else works on it, as one
 * process has the data folder, and names of nodes differ. */
int depot_run_take_up(struct sql *sql, struct job *job)
{
    const struct claim *claim = (const struct claim *)job;

    return sql_run(sql,
                   "UPDATE package SET state = 'waiting', claimed_until = 0 "
                   "WHERE state = 'building' AND claimed_by = $1",
                   SQL_ARGS(SQL_TEXT(claim->depot->config.node->name)), NULL);
}

int depot_run_renewal(struct sql *sql, struct job *job)
{
    const struct claim *renewal = (const struct claim *)job;
    const struct node *node = renewal->depot->config.node;

    return sql_run(sql,
                   "UPDATE package SET claimed_until = $2 WHERE id = $1 AND "
                   "state = 'building' AND claimed_by = $3",
                   SQL_ARGS(SQL_INT(renewal->id),
                            SQL_INT(clock_wall(node->clock) + CLAIM_S),
                            SQL_TEXT(node->name)),
                   NULL);
}

int depot_run_outcome(struct sql *sql, struct job *job)
{
    const struct outcome *o = (struct outcome *)job;
    char object[32], name[SIGNER_WHY_ROOM], how[SIGNER_WHY_ROOM + 32];
    int64_t changed = 0;
    int err = sql_run(
        sql,
        "UPDATE package SET state = $2, sha256 = $3, digest = $4, size = $5, "
        "why = $6, full_image = CASE WHEN $7 = 1 THEN 1 ELSE full_image END, "
        "not_before = $8, claimed_until = 0 WHERE id = $1 AND "
        "state = 'building' AND tries = $9",
        SQL_ARGS(SQL_INT(o->id), SQL_TEXT(o->state),
                 SQL_TEXT(o->size ? o->sha256 : NULL),
                 SQL_TEXT(o->size ? o->digest : NULL), SQL_INT(o->size),
                 SQL_TEXT(o->why[0] ? o->why : NULL), SQL_INT(o->full),
                 SQL_INT(o->not_before), SQL_INT(o->tries)),
        &changed);

    if (!err)
        err = events_package(sql, o->id,
                             clock_wall(o->depot->config.node->clock));
    if (err || changed == 0 || !o->depot->signer ||
        strcmp(o->state, "ready") != 0)
        return err;
    signer_name(o->depot->signer, name);
    snprintf(object, sizeof object, "package:%" PRId64, o->id);
    snprintf(how, sizeof how, "with the server's key %.200s", name);
    return node_audit(o->depot->config.node, sql, o->tenant, "server",
                      "package.sign", object, how);
}
