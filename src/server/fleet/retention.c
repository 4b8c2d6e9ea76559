/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/retention.h"

#include <stdio.h>

#include "base/err.h"
#include "server/fleet/contents.h"
#include "server/fleet/ledger.h"

enum {
    PIECE = 300,          /* rows that are deleted at a time */
    MODULES_PIECE = 2000, /* modules that are looked at */
    DAY_S = 86400,
    ANSWERS_S = DAY_S,    /* for repeated requests */
    CHANGES_S = 7 * DAY_S /* a node that sleeps longer reads all of it */
};

/* One piece of one kind. n: out, what was deleted. *over: nothing is left */
typedef int (*piece)(struct sql *sql, const struct retention *keep, int64_t now,
                     struct retention_pass *pass, int64_t *n, bool *over);

static int refresh_tokens(struct sql *sql, const struct retention *keep,
                          int64_t now, struct retention_pass *pass, int64_t *n,
                          bool *over)
{
    int err = sql_run(sql,
                      "DELETE FROM refresh WHERE hash IN (SELECT hash FROM "
                      "refresh WHERE expires < $1 LIMIT $2)",
                      SQL_ARGS(SQL_INT(now), SQL_INT(PIECE)), n);

    (void)keep;
    (void)pass;
    *over = *n < PIECE;
    return err;
}

static int answers(struct sql *sql, const struct retention *keep, int64_t now,
                   struct retention_pass *pass, int64_t *n, bool *over)
{
    int err = sql_run(sql,
                      "DELETE FROM idempotency WHERE key IN (SELECT key FROM "
                      "idempotency WHERE at < $1 LIMIT $2)",
                      SQL_ARGS(SQL_INT(now - ANSWERS_S), SQL_INT(PIECE)), n);

    (void)keep;
    (void)pass;
    *over = *n < PIECE;
    return err;
}

/* Numbers rise with time, so the old ones are at one end. */
static int changes(struct sql *sql, const struct retention *keep, int64_t now,
                   struct retention_pass *pass, int64_t *n, bool *over)
{
    int err = sql_run(sql,
                      "DELETE FROM change WHERE at < $1 AND number < "
                      "(SELECT min(number) FROM change) + $2",
                      SQL_ARGS(SQL_INT(now - CHANGES_S), SQL_INT(PIECE)), n);

    (void)keep;
    (void)pass;
    *over = *n < PIECE;
    return err;
}

/* Attempts in the order in which they closed. */
struct place {
    int64_t closed;
    char id[40];
};

/* The last of the next PIECE; *n: how many they are */
static int next_attempts(struct sql *sql, const struct retention_pass *pass,
                         int64_t before, struct place *last, int64_t *n)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT closed, id FROM attempt WHERE (closed, id) > "
                        "($1, $2) AND closed < $3 ORDER BY closed, id LIMIT $4",
                        SQL_ARGS(SQL_INT(pass->closed), SQL_TEXT(pass->attempt),
                                 SQL_INT(before), SQL_INT(PIECE)));

    *n = 0;
    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        last->closed = sql_int(&rows, 0);
        snprintf(last->id, sizeof last->id, "%s", sql_text(&rows, 1));
        ++*n;
        err = 0;
    }
    sql_done(&rows);
    return err;
}

#define OLD_ATTEMPTS                                                           \
    "(closed, id) > ($1, $2) AND (closed, id) <= ($3, $4) AND "                \
    "state <> 'open' AND plan IN (SELECT id FROM plan WHERE ended IS NOT "     \
    "NULL)"

/* From the oldest on, and past those of plans that did not end: a pass looks
 * at each row once. */
static int results(struct sql *sql, const struct retention *keep, int64_t now,
                   struct retention_pass *pass, int64_t *n, bool *over)
{
    const struct sql_arg *args;
    struct place last = {0};
    int64_t found = 0;
    int err;

    *over = keep->results_s == 0;
    if (*over)
        return 0;
    err = next_attempts(sql, pass, now - keep->results_s, &last, &found);
    *over = found < PIECE;
    if (err || found == 0)
        return err;
    args =
        (const struct sql_arg[]){SQL_INT(pass->closed), SQL_TEXT(pass->attempt),
                                 SQL_INT(last.closed), SQL_TEXT(last.id)};
    err = sql_run(sql,
                  "DELETE FROM note WHERE attempt IN (SELECT id FROM attempt "
                  "WHERE " OLD_ATTEMPTS ")",
                  args, 4, NULL);
    if (!err)
        err =
            sql_run(sql, "DELETE FROM attempt WHERE " OLD_ATTEMPTS, args, 4, n);
    pass->closed = last.closed;
    snprintf(pass->attempt, sizeof pass->attempt, "%s", last.id);
    return err;
}

static int sessions(struct sql *sql, const struct retention *keep, int64_t now,
                    struct retention_pass *pass, int64_t *n, bool *over)
{
    int err = sql_run(sql,
                      "DELETE FROM session WHERE hash IN (SELECT hash FROM "
                      "session WHERE expires < $1 LIMIT $2)",
                      SQL_ARGS(SQL_INT(now), SQL_INT(PIECE)), n);

    (void)keep;
    (void)pass;
    *over = *n < PIECE;
    return err;
}

/* ---- the audit log: what is cut off leaves its last hash behind ---- */

static int next_node(struct sql *sql, struct retention_pass *pass, bool *over)
{
    int err = ledger_next_node(sql, pass->node);

    *over = err == 0;
    return err < 0 ? err : 0;
}

/* The last entry stays, so that there is always a head. */
static int last_to_go(struct sql *sql, const char *node, int64_t before,
                      int64_t *number)
{
    return sql_one_int(
        sql, number,
        "SELECT coalesce(max(number), 0) FROM audit WHERE "
        "node = $1 AND at < $2 AND number < (SELECT min(number) "
        "FROM audit WHERE node = $1) + $3 AND number < "
        "(SELECT max(number) FROM audit WHERE node = $1)",
        SQL_ARGS(SQL_TEXT(node), SQL_INT(before), SQL_INT(PIECE)));
}

static int cut_log(struct sql *sql, const char *node, int64_t number,
                   int64_t *n)
{
    int err = sql_run(sql,
                      "INSERT INTO audit_anchor (node, number, hash) SELECT "
                      "node, number, hash FROM audit WHERE node = $1 AND "
                      "number = $2 ON CONFLICT (node) DO UPDATE SET "
                      "number = excluded.number, hash = excluded.hash",
                      SQL_ARGS(SQL_TEXT(node), SQL_INT(number)), NULL);

    return err ? err
               : sql_run(sql,
                         "DELETE FROM audit WHERE node = $1 AND number <= $2",
                         SQL_ARGS(SQL_TEXT(node), SQL_INT(number)), n);
}

static int audit(struct sql *sql, const struct retention *keep, int64_t now,
                 struct retention_pass *pass, int64_t *n, bool *over)
{
    int64_t number = 0;
    int err = 0;

    *over = keep->audit_s == 0;
    if (*over)
        return 0;
    if (pass->node[0] == '\0')
        err = next_node(sql, pass, over);
    if (!err && !*over)
        err = last_to_go(sql, pass->node, now - keep->audit_s, &number);
    if (err || *over)
        return err;
    return number > 0 ? cut_log(sql, pass->node, number, n)
                      : next_node(sql, pass, over);
}

/* ---- what modules told long ago ---- */

static int telemetry(struct sql *sql, const struct retention *keep, int64_t now,
                     struct retention_pass *pass, int64_t *n, bool *over)
{
    int64_t last = pass->module + MODULES_PIECE, most = 0;
    int err;

    *over = keep->telemetry_s == 0;
    if (*over)
        return 0;
    err = sql_one_int(sql, &most, "SELECT coalesce(max(id), 0) FROM module",
                      SQL_NONE);
    if (!err)
        err = sql_run(sql,
                      "UPDATE module SET battery = NULL, rssi = NULL WHERE "
                      "id > $1 AND id <= $2 AND last_seen < $3 AND "
                      "(battery IS NOT NULL OR rssi IS NOT NULL)",
                      SQL_ARGS(SQL_INT(pass->module), SQL_INT(last),
                               SQL_INT(now - keep->telemetry_s)),
                      n);
    if (!err)
        pass->module = last;
    *over = !err && last >= most;
    return err;
}

static int contents(struct sql *sql, const struct retention *keep, int64_t now,
                    struct retention_pass *pass, int64_t *n, bool *over)
{
    (void)keep;
    (void)pass;
    return contents_sweep(sql, now, n, over);
}

static const piece pieces[] = {refresh_tokens, answers, sessions,  changes,
                               results,        audit,   telemetry, contents};
enum { KINDS = sizeof pieces / sizeof pieces[0] };

bool retention_is_over(const struct retention_pass *pass)
{
    return pass->kind >= KINDS;
}

int retention_step(struct sql *sql, const struct retention *keep, int64_t now,
                   struct retention_pass *pass)
{
    bool over = false;
    int64_t n = 0;
    int err;

    if (retention_is_over(pass))
        return 0;
    err = pieces[pass->kind](sql, keep, now, pass, &n, &over);
    if (err)
        return err;
    pass->deleted += n;
    if (over)
        pass->kind++;
    return 0;
}
