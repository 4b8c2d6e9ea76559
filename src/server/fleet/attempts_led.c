/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/attempts_led.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/attempts_priv.h"

static enum led_step step_of(const struct open_attempt *a)
{
    return a->is_loaded ? LED_LOADED : a->has_begun ? LED_BEGUN : LED_TAKEN;
}

/* The row may be older than the module's. */
static int is_here(const struct node *node, struct sql *sql,
                   const char *endpoint, int64_t module, bool *here)
{
    int64_t changed = 0;
    int err = sql_run(
        sql,
        "UPDATE lwm2m_registration SET module = $3 WHERE "
        "endpoint = $1 AND node = $2",
        SQL_ARGS(SQL_TEXT(endpoint), SQL_TEXT(node->name), SQL_INT(module)),
        &changed);

    *here = changed > 0;
    return err;
}

/* ---- taking -------------------------------------------------------------- */

static int take_over(const struct node *node, struct sql *sql,
                     const struct open_attempt *a, struct led_attempt *out,
                     int *code)
{
    *code = S4_STATE;
    if (!(a->via & (PLAN_PUSH | PLAN_PULL)))
        return 0;
    /* What was loaded is seen to its end: the module updates anyway. */
    if (!a->plan_runs && !a->is_loaded) {
        *code = S4_PLAN_ENDED;
        return attempts_close(sql, a, "stopped", "plan",
                              clock_wall(node->clock));
    }
    *code = 0;
    *out = (struct led_attempt){
        .grant = {.plan = a->plan, .size = a->size, .url_until = a->url_until},
        .step = step_of(a),
        .push = a->via == PLAN_PUSH,
        .deadline = a->deadline};
    memcpy(out->grant.attempt, a->id, sizeof out->grant.attempt);
    memcpy(out->grant.sha256, a->sha256, sizeof out->grant.sha256);
    snprintf(out->grant.version, sizeof out->grant.version, "%s",
             a->to_version);
    return sql_run(sql,
                   "UPDATE attempt SET node = $2 WHERE id = $1 AND "
                   "state = 'open' AND node <> $2",
                   SQL_ARGS(SQL_TEXT(a->id), SQL_TEXT(node->name)), NULL);
}

static int take_new(const struct node *node, struct sql *sql,
                    const struct module_view *module, const struct poll *poll,
                    const char *attempt, struct led_attempt *out, int *code)
{
    int err = attempts_ask(node, sql, module, poll, attempt, &out->grant, code);

    if (err || *code)
        return err;
    out->step = LED_TAKEN;
    out->push = !(out->grant.transport & poll->access & PLAN_PULL);
    out->deadline = out->grant.url_until;
    return sql_run(sql, "UPDATE attempt SET via = $2 WHERE id = $1",
                   SQL_ARGS(SQL_TEXT(out->grant.attempt),
                            SQL_TEXT(out->push ? "push" : "pull")),
                   NULL);
}

int attempts_take(const struct node *node, struct sql *sql,
                  const struct module_view *module, const struct poll *poll,
                  const char *endpoint, const char *attempt,
                  struct led_attempt *out, int *code)
{
    struct open_attempt a;
    bool here;
    int err = is_here(node, sql, endpoint, module->id, &here);

    *out = (struct led_attempt){0};
    *code = S4_NO_PLAN;
    if (err || !here)
        return err;
    err = attempts_find_open(sql, module->id, &a);
    if (!err)
        return take_over(node, sql, &a, out, code);
    return err == DFOTA_E_NOTFOUND
               ? take_new(node, sql, module, poll, attempt, out, code)
               : err;
}

/* ---- on the way ---------------------------------------------------------- */

int attempts_begin(const struct node *node, struct sql *sql, const char *id)
{
    return sql_run(sql,
                   "UPDATE attempt SET begun = $3 WHERE id = $1 AND node = $2 "
                   "AND state = 'open' AND begun IS NULL",
                   SQL_ARGS(SQL_TEXT(id), SQL_TEXT(node->name),
                            SQL_INT(clock_wall(node->clock))),
                   NULL);
}

static int allow(const struct node *node, struct sql *sql,
                 const struct open_attempt *a, enum led_verdict *verdict)
{
    int64_t now = clock_wall(node->clock), changed;
    struct plan_spec spec;
    int err = attempts_spec(sql, a->plan, &spec);

    if (err)
        return err;
    err = sql_run(sql,
                  "UPDATE attempt SET stage = 'loaded', deadline = $3 WHERE "
                  "id = $1 AND node = $2 AND state = 'open'",
                  SQL_ARGS(SQL_TEXT(a->id), SQL_TEXT(node->name),
                           SQL_INT(now + spec.update_s)),
                  &changed);
    plan_spec_release(&spec);
    *verdict = !err && changed > 0 ? LED_MAY : LED_GONE;
    return err;
}

int attempts_allow(const struct node *node, struct sql *sql, const char *id,
                   enum led_verdict *verdict)
{
    struct open_attempt a;
    int err = attempts_find(sql, id, &a);

    *verdict = LED_GONE;
    if (err || !a.is_open)
        return err == DFOTA_E_NOTFOUND ? 0 : err;
    if (a.plan_runs || a.is_loaded)
        return allow(node, sql, &a, verdict);
    *verdict = LED_STOPPED;
    return attempts_close(sql, &a, "stopped", "plan", clock_wall(node->clock));
}

/* ---- the end ------------------------------------------------------------- */

/* The number that the plan's rules of retrying know it by: a polling module
 * says 511 where LwM2M says 6. Whatever has no number is 1, as no Result of a
 * failure is. */
static int number_of(const struct led_end *end)
{
    return end->result == 6 ? 511 : end->result > 1 ? end->result : 1;
}

static int keep(const struct node *node, struct sql *sql,
                const struct open_attempt *a, const struct led_end *end,
                bool *mine)
{
    int64_t changed;
    int err = sql_run(
        sql,
        "UPDATE attempt SET version = coalesce($3, version), update_err = "
        "CASE WHEN $4 < 0 THEN update_err WHEN $4 = 1 THEN 0 ELSE $4 END "
        "WHERE id = $1 AND node = $2 AND state IN ('open', 'lost')",
        SQL_ARGS(SQL_TEXT(a->id), SQL_TEXT(node->name), SQL_TEXT(end->version),
                 SQL_INT(end->result)),
        &changed);

    *mine = !err && changed > 0;
    if (*mine && end->version)
        err =
            sql_run(sql, "UPDATE module SET version = $2 WHERE id = $1",
                    SQL_ARGS(SQL_INT(a->module), SQL_TEXT(end->version)), NULL);
    return err;
}

static int end_open(struct sql *sql, const struct open_attempt *a,
                    const struct led_end *end, int64_t now)
{
    if (strcmp(end->state, "failed") == 0)
        return attempts_fail(sql, a, number_of(end), end->cause, now);
    if (strcmp(end->state, "lost") == 0)
        return attempts_fail(sql, a, PLAN_SILENCE, end->cause, now);
    return attempts_close(sql, a, end->state, end->cause, now);
}

/* As a late report of a polling module: it counts instead of the silence. */
static int end_lost(struct sql *sql, const struct open_attempt *a,
                    const struct led_end *end)
{
    int err;

    if (strcmp(end->state, "done") != 0 && strcmp(end->state, "failed") != 0)
        return 0;
    err = sql_run(
        sql,
        "UPDATE attempt SET state = $2, cause = $3 WHERE id = $1 AND "
        "state = 'lost'",
        SQL_ARGS(SQL_TEXT(a->id), SQL_TEXT(end->state), SQL_TEXT(end->cause)),
        NULL);
    if (!err && strcmp(end->state, "done") == 0)
        err = sql_run(sql,
                      "UPDATE module SET updates = updates + 1 WHERE id = $1",
                      SQL_ARGS(SQL_INT(a->module)), NULL);
    return err;
}

int attempts_end(const struct node *node, struct sql *sql, const char *id,
                 const struct led_end *end)
{
    struct open_attempt a;
    bool mine = false;
    int err = attempts_find(sql, id, &a);

    if (!err)
        err = keep(node, sql, &a, end, &mine);
    if (err || !mine)
        return err == DFOTA_E_NOTFOUND ? 0 : err;
    return a.is_open ? end_open(sql, &a, end, clock_wall(node->clock))
                     : end_lost(sql, &a, end);
}

/* ---- all of them --------------------------------------------------------- */

static void take_row(const struct node *node, const struct sql_rows *rows,
                     struct led_row *row)
{
    const char *endpoint = sql_text(rows, 7);

    *row = (struct led_row){
        .plan = sql_int(rows, 1),
        .here = strcmp(sql_text(rows, 3), node->name) == 0,
        .plan_runs = strcmp(sql_text(rows, 4), "running") == 0,
        .step = strcmp(sql_text(rows, 5), "loaded") == 0 ? LED_LOADED
                : sql_text(rows, 6)                      ? LED_BEGUN
                                                         : LED_TAKEN};
    plan_imei_parse(sql_text(rows, 2), &row->imei);
    snprintf(row->id, sizeof row->id, "%s", sql_text(rows, 0));
    snprintf(row->endpoint, sizeof row->endpoint, "%s",
             endpoint ? endpoint : "");
}

int attempts_list_led(const struct node *node, struct sql *sql,
                      struct led_row *rows, size_t max, size_t *n)
{
    struct sql_rows found;
    int err = sql_query(
        sql, &found,
        "SELECT a.id, a.plan, a.imei, a.node, p.state, a.stage, a.begun, "
        "r.endpoint FROM attempt a JOIN plan p ON p.id = a.plan LEFT JOIN "
        "lwm2m_registration r ON r.module = a.module AND r.node = $1 "
        "WHERE a.state = 'open' AND a.via IN ('push', 'pull') "
        "AND a.via IS NOT NULL ORDER BY a.id LIMIT $2",
        SQL_ARGS(SQL_TEXT(node->name), SQL_INT((int64_t)max)));

    *n = 0;
    while (!err && (err = sql_next(&found)) == DFOTA_MORE && *n < max) {
        take_row(node, &found, &rows[(*n)++]);
        err = 0;
    }
    sql_done(&found);
    return err < 0 ? err : 0;
}
