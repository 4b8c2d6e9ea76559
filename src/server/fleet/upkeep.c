/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/upkeep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"
#include "server/fleet/attempts.h"
#include "server/fleet/fleet_fresh.h"

enum { PLANS_MAX = 64 };

/* Fields of a plan that make no sense on the way back. */
static const char *const not_back[] = {"stages", "abort", "rollback", "start",
                                       "end"};

struct running {
    int64_t id, tenant, stage, since;
    struct plan_spec spec;
};

int upkeep_count(struct sql *sql, int64_t plan, int64_t stage,
                 struct upkeep_counts *out)
{
    struct sql_rows rows;
    const char *state;
    int err = sql_query(sql, &rows,
                        "SELECT state, count(*) FROM attempt WHERE plan = $1 "
                        "AND ($2 < 0 OR plan_stage = $2) GROUP BY state",
                        SQL_ARGS(SQL_INT(plan), SQL_INT(stage)));

    *out = (struct upkeep_counts){0};
    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        state = sql_text(&rows, 0);
        *(strcmp(state, "open") == 0     ? &out->open
          : strcmp(state, "done") == 0   ? &out->done
          : strcmp(state, "failed") == 0 ? &out->failed
          : strcmp(state, "lost") == 0   ? &out->lost
                                         : &out->stopped) = sql_int(&rows, 1);
        err = 0;
    }
    sql_done(&rows);
    return err;
}

int upkeep_move_plan(const struct node *node, struct sql *sql, int64_t tenant,
                     int64_t plan, const char *from, const char *to,
                     const char *actor, const char *why)
{
    bool ends = strcmp(to, "finished") == 0 || strcmp(to, "aborted") == 0;
    int64_t now = clock_wall(node->clock), changed;
    char object[32], action[32];
    int err = sql_run(
        sql,
        "UPDATE plan SET state = $2, why = $3, generation = generation + 1, "
        "edition = edition + 1, ended = CASE WHEN $4 = 1 THEN $5 ELSE ended "
        "END, started = CASE WHEN $2 = 'running' AND started IS NULL THEN $5 "
        "ELSE started END, stage_since = CASE WHEN $2 = 'running' AND started "
        "IS NULL THEN $5 ELSE stage_since END WHERE id = $1 AND state = $6",
        SQL_ARGS(SQL_INT(plan), SQL_TEXT(to), SQL_TEXT(why), SQL_INT(ends),
                 SQL_INT(now), SQL_TEXT(from)),
        &changed);

    if (err || changed == 0)
        return err ? err : DFOTA_E_BUSY;
    snprintf(object, sizeof object, "plan:%" PRId64, plan);
    snprintf(action, sizeof action, "plan.%s", to);
    err = fleet_note_change(sql, "plan", plan, now);
    if (!err)
        err = node_audit(node, sql, tenant, actor, action, object, why);
    return err;
}

static int64_t closed_of(const struct upkeep_counts *c)
{
    return c->done + c->failed + c->lost;
}

static int64_t bad_of(const struct upkeep_counts *c, enum plan_kind kind)
{
    return kind == PLAN_FAILED ? c->failed
           : kind == PLAN_LOST ? c->lost
                               : c->failed + c->lost;
}

static bool trips(const struct plan_rule *rule, const struct upkeep_counts *c)
{
    int64_t closed = closed_of(c);

    return closed >= rule->minimum &&
           bad_of(c, rule->kind) * 100 >= closed * rule->percent;
}

/* ---- the way back ---- */

/* As the plan, but for those that have what it brought them. NULL: no memory,
 * or no such plan; freed by the caller */
static char *spec_back(const char *spec, const char *version)
{
    json_t *json = json_loads(spec, 0, NULL), *select;
    char *text;

    for (size_t i = 0; i < sizeof not_back / sizeof not_back[0]; i++)
        json_object_del(json, not_back[i]);
    select = json_object_get(json, "select");
    if (select)
        json_object_set_new(select, "versions", json_pack("[s]", version));
    else
        json_object_set_new(json, "select",
                            json_pack("{s:[s]}", "versions", version));
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

static int read_way_back(struct sql *sql, int64_t plan, char **spec)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT p.spec, f.version FROM plan p JOIN firmware f "
                        "ON f.id = p.firmware WHERE p.id = $1",
                        SQL_ARGS(SQL_INT(plan)));

    *spec = NULL;
    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        *spec = spec_back(sql_text(&rows, 0), sql_text(&rows, 1));
        err = *spec ? 0 : DFOTA_E_NOMEM;
    }
    sql_done(&rows);
    return err;
}

/* A draft, which people look at, approve and start, or throw away. Without
 * the firmware there is none. */
static int draft_way_back(const struct node *node, struct sql *sql,
                          const struct running *plan)
{
    char object[32], text[48], *spec;
    int64_t id = 0;
    int err = read_way_back(sql, plan->id, &spec);

    snprintf(text, sizeof text, "the way back from plan %" PRId64, plan->id);
    if (!err)
        err = sql_one_int(
            sql, &id,
            "INSERT INTO plan (tenant, name, state, edition, generation, "
            "firmware, spec, stage, stage_since, open, taken, made_by, "
            "edited_by, why, created) SELECT $1, $2, 'draft', 1, 1, id, $4, 0, "
            "0, 0, 0, 'server', 'server', $2, $5 FROM firmware WHERE id = $3 "
            "AND tenant = $1 RETURNING id",
            SQL_ARGS(SQL_INT(plan->tenant), SQL_TEXT(text),
                     SQL_INT(plan->spec.rollback), SQL_TEXT(spec),
                     SQL_INT(clock_wall(node->clock))));
    free(spec);
    if (err)
        return err == DFOTA_E_NOTFOUND ? 0 : err;
    snprintf(object, sizeof object, "plan:%" PRId64, id);
    return node_audit(node, sql, plan->tenant, "server", "plan.create", object,
                      text);
}

static int look_at_rules(const struct node *node, struct sql *sql,
                         const struct running *plan, bool *aborted)
{
    struct upkeep_counts all, stage;
    char why[120];
    int err;

    *aborted = false;
    if (plan->spec.n_rules == 0)
        return 0;
    err = upkeep_count(sql, plan->id, -1, &all);
    if (!err)
        err = upkeep_count(sql, plan->id, plan->stage, &stage);
    for (size_t i = 0; !err && !*aborted && i < plan->spec.n_rules; i++) {
        const struct plan_rule *rule = &plan->spec.rules[i];
        const struct upkeep_counts *c = rule->of_stage ? &stage : &all;

        if (!trips(rule, c))
            continue;
        *aborted = true;
        snprintf(why, sizeof why,
                 "abort rule %zu: %" PRId64 " of %" PRId64
                 " closed attempts, limit %d %%",
                 i + 1, bad_of(c, rule->kind), closed_of(c), rule->percent);
        err = upkeep_move_plan(node, sql, plan->tenant, plan->id, "running",
                               "aborted", "server", why);
        if (!err && plan->spec.rollback)
            err = draft_way_back(node, sql, plan);
    }
    return err;
}

static int next_stage(const struct node *node, struct sql *sql,
                      const struct running *plan, int64_t now)
{
    char object[32], text[48];
    int64_t changed;
    int err =
        sql_run(sql,
                "UPDATE plan SET stage = stage + 1, stage_since = $3, "
                "taken = 0, generation = generation + 1, "
                "edition = edition + 1 WHERE id = $1 AND stage = $2",
                SQL_ARGS(SQL_INT(plan->id), SQL_INT(plan->stage), SQL_INT(now)),
                &changed);

    if (err || changed == 0)
        return err;
    snprintf(object, sizeof object, "plan:%" PRId64, plan->id);
    snprintf(text, sizeof text, "from stage %" PRId64, plan->stage + 1);
    err = fleet_note_change(sql, "plan", plan->id, now);
    return err ? err
               : node_audit(node, sql, plan->tenant, "server", "plan.stage",
                            object, text);
}

/* The last stage goes on until the plan ends; a plan whose stages do not
 * reach everybody stays at them. */
static int look_at_stage(const struct node *node, struct sql *sql,
                         const struct running *plan, int64_t now)
{
    const struct plan_stage *stage;
    struct upkeep_counts c;
    int err;

    if (plan->stage < 0 || (size_t)plan->stage + 1 >= plan->spec.n_stages)
        return 0;
    stage = &plan->spec.stages[plan->stage];
    err = upkeep_count(sql, plan->id, plan->stage, &c);
    if (err || closed_of(&c) < stage->minimum ||
        now < plan->since + stage->soak_s ||
        c.done * 100 < closed_of(&c) * stage->success)
        return err;
    return next_stage(node, sql, plan, now);
}

static int look_at_plan(const struct node *node, struct sql *sql,
                        const struct running *plan, int64_t now)
{
    bool over = plan->spec.end && now >= plan->spec.end, aborted;
    int err;

    if (over)
        return upkeep_move_plan(node, sql, plan->tenant, plan->id, "running",
                                "finished", "server", "its end has come");
    err = look_at_rules(node, sql, plan, &aborted);
    return err || aborted ? err : look_at_stage(node, sql, plan, now);
}

/* At most PLANS_MAX at a time; the next round goes on behind them. */
static int read_running(struct sql *sql, int64_t after, struct running *plans,
                        size_t *n)
{
    char why[PLAN_WHY_ROOM];
    struct sql_rows rows;
    json_t *json;
    int err = sql_query(sql, &rows,
                        "SELECT id, tenant, stage, stage_since, spec FROM plan "
                        "WHERE state = 'running' AND id > $1 ORDER BY id "
                        "LIMIT 64",
                        SQL_ARGS(SQL_INT(after)));

    *n = 0;
    while (!err && (err = sql_next(&rows)) == DFOTA_MORE && *n < PLANS_MAX) {
        plans[*n] = (struct running){.id = sql_int(&rows, 0),
                                     .tenant = sql_int(&rows, 1),
                                     .stage = sql_int(&rows, 2),
                                     .since = sql_int(&rows, 3)};
        json = json_loads(sql_text(&rows, 4), 0, NULL);
        if (plan_spec_parse(json, &plans[*n].spec, why) == 0)
            ++*n;
        json_decref(json);
        err = 0;
    }
    sql_done(&rows);
    return err < 0 ? err : 0;
}

struct round {
    struct job job;
    const struct node *node;
    int64_t after, last; /* plans up to that one were looked at */
    int64_t closed;      /* attempts, whose slots are free now */
    struct running plans[PLANS_MAX];
};

static int64_t last_change(struct sql *sql)
{
    int64_t value = 0;

    sql_one_int(sql, &value, "SELECT value FROM counter WHERE name = 'change'",
                SQL_NONE);
    return value;
}

static int run_round(struct sql *sql, struct job *job)
{
    struct round *round = (struct round *)job;
    int64_t now = clock_wall(round->node->clock);
    int64_t before = last_change(sql);
    size_t n = 0;
    int err = attempts_expire(sql, now, &round->closed);

    if (!err)
        err = read_running(sql, round->after, round->plans, &n);
    round->last = n == PLANS_MAX ? round->plans[n - 1].id : 0;
    for (size_t i = 0; i < n; i++) {
        if (!err)
            err = look_at_plan(round->node, sql, &round->plans[i], now);
        plan_spec_release(&round->plans[i].spec);
    }
    job->changed = !err && last_change(sql) != before;
    return err;
}

/* ---- the clock ---- */

struct clock_note {
    struct job job;
    const struct node *node;
    const char *action;
    char text[64];
};

static int write_note(struct sql *sql, struct job *job)
{
    const struct clock_note *note = (struct clock_note *)job;

    return node_audit(note->node, sql, 0, "server", note->action, "clock",
                      note->text);
}

static void tell(struct upkeep *upkeep, bool off, int64_t by_s)
{
    struct clock_note note = {.job = {.run = write_note},
                              .node = upkeep->node,
                              .action = off ? "clock.off" : "clock.on"};

    snprintf(note.text, sizeof note.text, "%" PRId64 " s", by_s);
    if (off)
        log_error("the clock jumped by %" PRId64 " s: no module gets an update "
                  "and no deadline counts until it is back or "
                  "`dfotactl clock accept`",
                  by_s);
    else
        log_info("the clock is right again");
    store_do(upkeep->node->store, &note.job);
}

/* How far the clock is from that of the database which nodes share; 0: near
 * enough, or the database does not answer. A rehearsal's time is its own. */
static int64_t apart(const struct node *node)
{
    struct sql *sql;
    int64_t before = clock_wall(node->clock), there = before;
    int err;

    if (node->clock != &server_clock_real)
        return 0;
    err = store_read_begin(node->store, &sql);
    if (!err && sql_is_shared(sql))
        err = sql_one_int(
            sql, &there,
            "SELECT CAST(extract(epoch FROM clock_timestamp()) AS bigint)",
            SQL_NONE);
    store_read_end(node->store, sql);
    if (err || (there >= before - UPKEEP_APART_S &&
                there <= clock_wall(node->clock) + UPKEEP_APART_S))
        return 0;
    return before - there;
}

/* A clock that is behind what this node wrote last: it was set back, or lost
 * its time, while nothing ran. What was written when a clock went wrong has
 * its wrong time. */
static void begin_clock(struct upkeep *upkeep)
{
    struct sql *sql;
    int64_t last;

    upkeep->has_begun = true;
    upkeep->not_before = 0;
    if (store_read_begin(upkeep->node->store, &sql) != 0)
        return;
    if (sql_one_int(sql, &last,
                    "SELECT at FROM audit WHERE node = $1 AND "
                    "action <> 'clock.off' ORDER BY number DESC LIMIT 1",
                    SQL_ARGS(SQL_TEXT(upkeep->node->name))) == 0)
        upkeep->not_before = last - NODE_CLOCK_JUMP_S;
    store_read_end(upkeep->node->store, sql);
}

/* returns by how much it is off; 0: not */
static int64_t look_at_clock(struct upkeep *upkeep)
{
    struct node *node = upkeep->node;
    int64_t wall = clock_wall(node->clock), by_s;
    int64_t offset = wall - clock_steady(node->clock);

    if (!upkeep->has_begun)
        begin_clock(upkeep);
    if (atomic_exchange(&upkeep->accepted, false))
        upkeep->not_before = 0;
    if (wall < upkeep->not_before)
        return wall - upkeep->not_before;
    upkeep->not_before = 0;
    if (!atomic_load(&node->has_clock_offset)) {
        atomic_store(&node->clock_offset_s, offset);
        atomic_store(&node->has_clock_offset, true);
    }
    by_s = offset - atomic_load(&node->clock_offset_s);
    if (by_s > NODE_CLOCK_JUMP_S || by_s < -NODE_CLOCK_JUMP_S)
        return by_s;
    /* a clock that is set right in small steps is right */
    atomic_store(&node->clock_offset_s, offset);
    return apart(node);
}

static bool watch_clock(struct upkeep *upkeep)
{
    int64_t by_s = look_at_clock(upkeep);
    bool was_off = atomic_exchange(&upkeep->node->clock_is_off, by_s != 0);

    if ((by_s != 0) != was_off)
        tell(upkeep, by_s != 0, by_s);
    return by_s == 0;
}

void upkeep_accept_clock(struct upkeep *upkeep)
{
    struct node *node = upkeep->node;

    atomic_store(&upkeep->accepted, true);
    atomic_store(&node->clock_offset_s,
                 clock_wall(node->clock) - clock_steady(node->clock));
}

static int look_at_plans(struct upkeep *upkeep)
{
    struct round *round = calloc(1, sizeof *round);
    int err = DFOTA_E_NOMEM;

    if (round) {
        round->job.run = run_round;
        round->node = upkeep->node;
        round->after = upkeep->after;
        err = store_do(upkeep->node->store, &round->job);
        if (!err)
            upkeep->after = round->last;
        if (!err && round->closed > 0)
            fleet_slot_is_free(upkeep->node->fleet);
    }
    free(round);
    return err;
}

int upkeep_round(struct upkeep *upkeep)
{
    int err = fleet_renew(upkeep->node->fleet, 0), seen;

    if (err == DFOTA_E_VERSION)
        return err;
    seen = fleet_write_seen(upkeep->node->fleet);
    if (watch_clock(upkeep))
        err = look_at_plans(upkeep);
    return err ? err : seen;
}
