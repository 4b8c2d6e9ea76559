/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/attempts.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/attempts_priv.h"
#include "server/fleet/fleet_fresh.h"

struct found_package {
    int64_t id, size;
    char sha256[SECRETS_HEX_ROOM];
};

/* The delta from its version, else the full image. */
static int find_package(struct sql *sql, const struct choice *choice,
                        const struct module_view *module, const char *version,
                        struct found_package *out)
{
    struct sql_rows rows;
    int err = sql_query(
        sql, &rows,
        "SELECT k.id, k.size, k.sha256 FROM package k LEFT JOIN firmware s "
        "ON s.id = k.source WHERE k.target = $1 AND k.state = 'ready' AND "
        "(k.source = 0 OR (s.version = $2 AND s.tenant = $3)) "
        "ORDER BY k.size, k.id LIMIT 1",
        SQL_ARGS(SQL_INT(choice->firmware), SQL_TEXT(version),
                 SQL_INT(module->tenant)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        out->id = sql_int(&rows, 0);
        out->size = sql_int(&rows, 1);
        snprintf(out->sha256, sizeof out->sha256, "%s", sql_text(&rows, 2));
    }
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err ? err : DFOTA_E_NOTFOUND;
}

/* One statement takes the slot, and only from the plan as it was looked at.
 * Of a period's bytes the first package takes what it needs. errors: E_BUSY
 * it is another plan by now; E_FULL no slot, or not in this period */
static int take_slot(struct sql *sql, const struct choice *choice, bool first,
                     int64_t size, int64_t now)
{
    int64_t changed, same,
        period = choice->pace_s > 0 ? now / choice->pace_s : 0;
    int err = sql_run(
        sql,
        "UPDATE plan SET open = open + 1, taken = taken + $4, "
        "paced = CASE WHEN pace_slot = $6 THEN paced + 1 ELSE 1 END, "
        "paced_bytes = CASE WHEN pace_slot = $6 THEN paced_bytes + $7 ELSE $7 "
        "END, pace_slot = $6 WHERE id = $1 "
        "AND state = 'running' AND generation = $2 AND open < $3 "
        "AND ($5 = 0 OR $4 = 0 OR taken < $5) "
        "AND ($8 = 0 OR pace_slot <> $6 OR paced < $8) "
        "AND ($9 = 0 OR pace_slot <> $6 OR paced_bytes + $7 <= $9)",
        SQL_ARGS(SQL_INT(choice->plan), SQL_INT(choice->generation),
                 SQL_INT(choice->concurrency), SQL_INT(first),
                 SQL_INT(choice->stage_count), SQL_INT(period), SQL_INT(size),
                 SQL_INT(choice->pace_grants), SQL_INT(choice->pace_bytes)),
        &changed);

    if (err || changed > 0)
        return err;
    err = sql_one_int(
        sql, &same,
        "SELECT count(*) FROM plan WHERE id = $1 AND "
        "state = 'running' AND generation = $2",
        SQL_ARGS(SQL_INT(choice->plan), SQL_INT(choice->generation)));
    if (err)
        return err;
    return same ? DFOTA_E_FULL : DFOTA_E_BUSY;
}

struct asking {
    const struct node *node;
    struct sql *sql;
    const struct module_view *module;
    const struct poll *poll;
    const char *attempt;
    int64_t now;
};

/* A unique index decides between two nodes: the second starts again and
 * finds the attempt of the first. */
static int insert(const struct asking *q, const struct choice *choice,
                  const struct found_package *package, int64_t url_until)
{
    int64_t changed;
    char imei[24];
    int err;

    snprintf(imei, sizeof imei, "%015llu", (unsigned long long)q->poll->imei);
    err = sql_run(
        q->sql,
        "INSERT INTO attempt (id, tenant, module, imei, plan, plan_stage, "
        "package, from_version, to_version, state, stage, granted, url_until, "
        "deadline, node) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', "
        "'granted', $10, $11, $11, $12) ON CONFLICT DO NOTHING",
        SQL_ARGS(SQL_TEXT(q->attempt), SQL_INT(q->module->tenant),
                 SQL_INT(q->module->id), SQL_TEXT(imei), SQL_INT(choice->plan),
                 SQL_INT(choice->stage), SQL_INT(package->id),
                 SQL_TEXT(q->poll->version), SQL_TEXT(choice->version),
                 SQL_INT(q->now), SQL_INT(url_until), SQL_TEXT(q->node->name)),
        &changed);
    return err ? err : changed > 0 ? 0 : DFOTA_E_BUSY;
}

/* returns 0 with a code: 0 granted, else this plan refuses */
static int try_choice(const struct asking *q, const struct choice *choice,
                      struct grant *out, int *code)
{
    struct found_package package;
    struct tries tries;
    int64_t url_until = q->now + choice->download_s;
    int err = attempts_tries(q->sql, q->module->id, choice->plan,
                             choice->attempts, &tries);

    *code = S4_NO_PLAN;
    if (err || tries.used >= tries.limit || q->now < tries.again_at)
        return err;
    *code = choice->code;
    if (*code)
        return 0;
    *code = S4_NO_PLAN;
    err = find_package(q->sql, choice, q->module, q->poll->version, &package);
    if (err)
        return err == DFOTA_E_NOTFOUND ? 0 : err;
    err = take_slot(q->sql, choice, tries.all == 0, package.size, q->now);
    if (err == DFOTA_E_FULL) {
        *code = S4_SLOTS;
        fleet_plan_is_full(q->node->fleet, choice->plan, q->now);
        return 0;
    }
    if (!err)
        err = insert(q, choice, &package, url_until);
    if (err)
        return err;
    *out = (struct grant){.plan = choice->plan,
                          .size = package.size,
                          .url_until = url_until,
                          .transport = choice->transport};
    memcpy(out->sha256, package.sha256, sizeof out->sha256);
    snprintf(out->attempt, sizeof out->attempt, "%s", q->attempt);
    snprintf(out->version, sizeof out->version, "%s", choice->version);
    *code = 0;
    return 0;
}

/* Whatever the memory holds against a slot, the plan's row knows better. */
static int try_all(const struct asking *q, struct grant *out, int *code)
{
    struct choice choices[FLEET_CHOICES_MAX];
    struct module_view module = *q->module;
    unsigned n;
    int refusal = S4_NO_PLAN, err;

    module.tried = true;
    fleet_choose(q->node->fleet, &module, q->poll, q->now, choices, &n);
    for (unsigned i = 0; i < n; i++) {
        err = try_choice(q, &choices[i], out, code);
        if (err || *code == 0)
            return err;
        if (refusal == S4_NO_PLAN)
            refusal = *code;
    }
    *code = refusal;
    return 0;
}

static void again(const struct open_attempt *a, struct grant *out)
{
    *out = (struct grant){
        .plan = a->plan, .size = a->size, .url_until = a->url_until};
    memcpy(out->attempt, a->id, sizeof out->attempt);
    memcpy(out->sha256, a->sha256, sizeof out->sha256);
    snprintf(out->version, sizeof out->version, "%s", a->to_version);
}

/* An attempt is open. returns E_NOTFOUND: it was closed here, and the module
 * may have another */
static int go_on(const struct asking *q, const struct open_attempt *a,
                 struct grant *out, int *code)
{
    int err;

    if (strcmp(a->to_version, q->poll->version) == 0) {
        /* the version it reports is the truth, whatever got lost */
        err = attempts_close(q->sql, a, "done", "seen", q->now);
        return err ? err : DFOTA_E_NOTFOUND;
    }
    if (!a->plan_runs) {
        *code = S4_PLAN_ENDED;
        return attempts_close(q->sql, a, "stopped", "plan", q->now);
    }
    if (q->now >= a->deadline) {
        err = attempts_fail(q->sql, a, PLAN_SILENCE,
                            a->is_loaded ? "update" : "download", q->now);
        return err ? err : DFOTA_E_NOTFOUND;
    }
    /* Who leads it alone may go on with it. */
    *code =
        a->is_loaded || (a->via && !(a->via & q->poll->access)) ? S4_STATE : 0;
    if (*code == 0)
        again(a, out);
    return 0;
}

/* The plan says how it may be loaded, today as at the first answer. */
static int add_transport(struct sql *sql, struct grant *out)
{
    struct plan_spec spec;
    int err;

    if (out->transport)
        return 0;
    err = attempts_spec(sql, out->plan, &spec);
    if (err)
        return err;
    out->transport = spec.transport;
    plan_spec_release(&spec);
    return 0;
}

/* Since the poll came in the node may have stood still, and the module been
 * blocked at another. */
static int look_again(const struct node *node, const struct module_view *module,
                      struct module_view *out, int *code)
{
    int err = fleet_renew(node->fleet, FLEET_FRESH_MS);

    if (err)
        return err;
    if (fleet_find(node->fleet, module->imei, out) != 0)
        *code = S4_NO_MODULE;
    else if (out->state == MODULE_BLOCKED)
        *code = S4_TOKEN_SCOPE;
    return 0;
}

int attempts_ask(const struct node *node, struct sql *sql,
                 const struct module_view *module, const struct poll *poll,
                 const char *attempt, struct grant *out, int *code)
{
    struct module_view view;
    const struct asking q = {node, sql,     &view,
                             poll, attempt, clock_wall(node->clock)};
    struct open_attempt a;
    int err;

    *code = 0;
    err = look_again(node, module, &view, code);
    if (err || *code)
        return err;
    err = attempts_find_open(sql, module->id, &a);
    if (!err)
        err = go_on(&q, &a, out, code);
    if (err == DFOTA_E_NOTFOUND)
        err = try_all(&q, out, code);
    return err || *code ? err : add_transport(sql, out);
}
