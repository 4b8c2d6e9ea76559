/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/attempts.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/attempts_priv.h"
#include "server/fleet/events.h"

#define ATTEMPT_COLUMNS                                                        \
    "SELECT a.id, a.plan, a.module, a.state, a.stage, a.url_until,"            \
    " a.deadline, a.to_version, p.state, k.size, k.sha256, a.http_err,"        \
    " a.update_err, a.version, a.via, a.begun FROM attempt a"                  \
    " JOIN plan p ON p.id = a.plan JOIN package k ON k.id = a.package "

/* Later than any clock says. */
static const int64_t NEVER_AT = 4102444800000;

static int said(const struct sql_rows *rows, int column)
{
    return sql_text(rows, column) ? (int)sql_int(rows, column) : -1;
}

static unsigned via_of(const char *word)
{
    return !word                       ? 0
           : strcmp(word, "push") == 0 ? PLAN_PUSH
           : strcmp(word, "pull") == 0 ? PLAN_PULL
                                       : PLAN_HOST;
}

static void take(struct open_attempt *a, const struct sql_rows *rows)
{
    const char *version = sql_text(rows, 13);

    *a = (struct open_attempt){
        .plan = sql_int(rows, 1),
        .module = sql_int(rows, 2),
        .is_open = strcmp(sql_text(rows, 3), "open") == 0,
        .is_lost = strcmp(sql_text(rows, 3), "lost") == 0,
        .is_loaded = strcmp(sql_text(rows, 4), "loaded") == 0,
        .url_until = sql_int(rows, 5),
        .deadline = sql_int(rows, 6),
        .plan_runs = strcmp(sql_text(rows, 8), "running") == 0,
        .size = sql_int(rows, 9),
        .http_err = said(rows, 11),
        .update_err = said(rows, 12),
        .via = via_of(sql_text(rows, 14)),
        .has_begun = sql_text(rows, 15) != NULL};
    snprintf(a->id, sizeof a->id, "%s", sql_text(rows, 0));
    snprintf(a->to_version, sizeof a->to_version, "%s", sql_text(rows, 7));
    snprintf(a->sha256, sizeof a->sha256, "%s", sql_text(rows, 10));
    snprintf(a->version, sizeof a->version, "%s", version ? version : "");
}

int attempts_find_open(struct sql *sql, int64_t module, struct open_attempt *a)
{
    struct sql_rows rows;
    int err = sql_query(
        sql, &rows, ATTEMPT_COLUMNS "WHERE a.module = $1 AND a.state = 'open'",
        SQL_ARGS(SQL_INT(module)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE)
        take(a, &rows);
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err ? err : DFOTA_E_NOTFOUND;
}

int attempts_find(struct sql *sql, const char *id, struct open_attempt *a)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows, ATTEMPT_COLUMNS "WHERE a.id = $1",
                        SQL_ARGS(SQL_TEXT(id)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE)
        take(a, &rows);
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err ? err : DFOTA_E_NOTFOUND;
}

int attempts_close(struct sql *sql, const struct open_attempt *a,
                   const char *state, const char *cause, int64_t now)
{
    int64_t changed;
    int err = sql_run(sql,
                      "UPDATE attempt SET state = $2, cause = $3, closed = $4 "
                      "WHERE id = $1 AND state = 'open'",
                      SQL_ARGS(SQL_TEXT(a->id), SQL_TEXT(state),
                               SQL_TEXT(cause), SQL_INT(now)),
                      &changed);

    if (err || changed == 0)
        return err;
    err = sql_run(sql, "UPDATE plan SET open = open - 1 WHERE id = $1",
                  SQL_ARGS(SQL_INT(a->plan)), NULL);
    if (!err && strcmp(state, "done") == 0)
        err = sql_run(sql,
                      "UPDATE module SET updates = updates + 1 WHERE id = $1",
                      SQL_ARGS(SQL_INT(a->module)), NULL);
    return err ? err : events_attempt(sql, a->id, now);
}

int attempts_withdraw(struct sql *sql, int64_t module, const char *cause,
                      int64_t now)
{
    struct open_attempt a;
    int err = attempts_find_open(sql, module, &a);

    if (err)
        return err == DFOTA_E_NOTFOUND ? 0 : err;
    return attempts_close(sql, &a, "stopped", cause, now);
}

int attempts_spec(struct sql *sql, int64_t plan, struct plan_spec *spec)
{
    struct sql_rows rows;
    char why[PLAN_WHY_ROOM];
    json_t *json;
    int err = sql_query(sql, &rows, "SELECT spec FROM plan WHERE id = $1",
                        SQL_ARGS(SQL_INT(plan)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        json = json_loads(sql_text(&rows, 0), 0, NULL);
        err = plan_spec_parse(json, spec, why);
        json_decref(json);
    } else if (!err) {
        err = DFOTA_E_NOTFOUND;
    }
    sql_done(&rows);
    return err;
}

int attempts_fail(struct sql *sql, const struct open_attempt *a, int number,
                  const char *cause, int64_t now)
{
    struct plan_spec spec;
    int64_t after;
    int err = attempts_spec(sql, a->plan, &spec);

    if (err)
        return err;
    after = plan_spec_again(&spec, number);
    plan_spec_release(&spec);
    if (after != 0)
        err = sql_run(
            sql,
            "UPDATE attempt SET again_at = $2 WHERE id = $1 AND "
            "state = 'open'",
            SQL_ARGS(SQL_TEXT(a->id),
                     SQL_INT(after == PLAN_NEVER ? NEVER_AT : now + after)),
            NULL);
    return err ? err
               : attempts_close(sql, a,
                                number == PLAN_SILENCE ? "lost" : "failed",
                                cause, now);
}

/* ---- ends without a report ---- */

int attempts_expire(struct sql *sql, int64_t now, int64_t *closed)
{
    struct open_attempt over[ATTEMPTS_EXPIRED];
    struct sql_rows rows;
    size_t n = 0;
    int err =
        sql_query(sql, &rows,
                  ATTEMPT_COLUMNS "WHERE a.state = 'open' AND a.deadline <= $1 "
                                  "ORDER BY a.id LIMIT $2",
                  SQL_ARGS(SQL_INT(now), SQL_INT(ATTEMPTS_EXPIRED)));

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE &&
           n < ATTEMPTS_EXPIRED) {
        take(&over[n++], &rows);
        err = 0;
    }
    sql_done(&rows);
    for (size_t i = 0; err >= 0 && i < n; i++)
        err = attempts_fail(sql, &over[i], PLAN_SILENCE,
                            over[i].is_loaded ? "update" : "download", now);
    *closed = (int64_t)n;
    return err < 0 ? err : 0;
}

/* ---- tries ---- */

int attempts_tries(struct sql *sql, int64_t module, int64_t plan,
                   int64_t plan_attempts, struct tries *out)
{
    struct sql_rows rows;
    int64_t own, allowed;
    int err = sql_query(
        sql, &rows,
        "SELECT count(a.id), coalesce(sum(CASE WHEN a.state <> 'stopped' THEN "
        "1 ELSE 0 END), 0), coalesce(max(CASE WHEN coalesce(a.closed, 0) > "
        "coalesce(k.forgiven, -1) THEN a.again_at ELSE 0 END), 0), "
        "coalesce(max(k.allowed), 0), max(m.attempts) FROM module m LEFT JOIN "
        "attempt a ON a.module = m.id AND a.plan = $2 LEFT JOIN plan_module k "
        "ON k.module = m.id AND k.plan = $2 WHERE m.id = $1",
        SQL_ARGS(SQL_INT(module), SQL_INT(plan)));

    *out = (struct tries){0};
    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        *out = (struct tries){sql_int(&rows, 0), sql_int(&rows, 1),
                              plan_attempts, sql_int(&rows, 2)};
        allowed = sql_int(&rows, 3);
        own = sql_int(&rows, 4);
        if (own > 0)
            out->limit = own;
        if (allowed > out->limit)
            out->limit = allowed;
        err = 0;
    }
    sql_done(&rows);
    return err;
}

int attempts_retry(struct sql *sql, int64_t plan, int number, bool lost,
                   int64_t now, int64_t *modules)
{
    return sql_run(
        sql,
        "INSERT INTO plan_module (plan, module, kept_out, allowed, forgiven) "
        "SELECT $1, a.module, 0, sum(CASE WHEN a.state <> 'stopped' THEN 1 "
        "ELSE 0 END) + 1, $4 FROM attempt a WHERE a.plan = $1 GROUP BY "
        "a.module HAVING sum(CASE WHEN a.state IN ('open', 'done') THEN 1 ELSE "
        "0 END) = 0 AND EXISTS (SELECT 1 FROM attempt b WHERE b.plan = $1 AND "
        "b.module = a.module AND b.granted = (SELECT max(c.granted) FROM "
        "attempt c WHERE c.plan = $1 AND c.module = a.module) AND "
        "b.state IN ('failed', 'lost') AND ($3 = 0 OR b.state = 'lost') AND "
        "($2 = 0 OR b.http_err = $2 OR b.update_err = $2)) "
        "ON CONFLICT (plan, module) DO UPDATE SET allowed = excluded.allowed, "
        "forgiven = excluded.forgiven",
        SQL_ARGS(SQL_INT(plan), SQL_INT(number), SQL_INT(lost), SQL_INT(now)),
        modules);
}
