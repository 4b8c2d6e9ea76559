/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/plan_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/attempts.h"

enum {
    PLANS_MAX = 64,
    EXPIRE_MAX = 64, /* batches of attempts that end in one round */
};

/* Fields of a plan that make no sense on the way back. */
static const char *const not_back[] = {"stages", "abort", "rollback", "start",
                                       "end"};

struct running {
    int64_t id, tenant, stage, since;
    struct plan_spec spec;
};

/* What has to be done about one. */
enum measure { LET_RUN, FINISH, ABORT, NEXT_STAGE };

static void put(struct plan_counts *out, const char *state, int64_t n)
{
    *(strcmp(state, "open") == 0     ? &out->open
      : strcmp(state, "done") == 0   ? &out->done
      : strcmp(state, "failed") == 0 ? &out->failed
      : strcmp(state, "lost") == 0   ? &out->lost
                                     : &out->stopped) = n;
}

/* Two texts, so that each is read off its index. */
int plan_count(struct sql *sql, int64_t plan, int64_t stage,
               struct plan_counts *out)
{
    struct sql_rows rows;
    int err =
        stage < 0
            ? sql_query(sql, &rows,
                        "SELECT state, count(*) FROM attempt WHERE plan = $1 "
                        "GROUP BY state",
                        SQL_ARGS(SQL_INT(plan)))
            : sql_query(sql, &rows,
                        "SELECT state, count(*) FROM attempt WHERE plan = $1 "
                        "AND plan_stage = $2 GROUP BY state",
                        SQL_ARGS(SQL_INT(plan), SQL_INT(stage)));

    *out = (struct plan_counts){0};
    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        put(out, sql_text(&rows, 0), sql_int(&rows, 1));
        err = 0;
    }
    sql_done(&rows);
    return err;
}

int plan_move(const struct node *node, struct sql *sql, int64_t tenant,
              int64_t plan, const char *from, const char *to, const char *actor,
              const char *why)
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

static int64_t closed_of(const struct plan_counts *c)
{
    return c->done + c->failed + c->lost;
}

static int64_t bad_of(const struct plan_counts *c, enum plan_kind kind)
{
    return kind == PLAN_FAILED ? c->failed
           : kind == PLAN_LOST ? c->lost
                               : c->failed + c->lost;
}

static bool trips(const struct plan_rule *rule, const struct plan_counts *c)
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

/* ---- what the numbers ask for ---- */

static int judge_rules(struct sql *sql, const struct running *plan,
                       enum measure *measure, char why[120])
{
    struct plan_counts all, stage;
    int err;

    if (plan->spec.n_rules == 0)
        return 0;
    err = plan_count(sql, plan->id, -1, &all);
    if (!err)
        err = plan_count(sql, plan->id, plan->stage, &stage);
    for (size_t i = 0; !err && i < plan->spec.n_rules; i++) {
        const struct plan_rule *rule = &plan->spec.rules[i];
        const struct plan_counts *c = rule->of_stage ? &stage : &all;

        if (!trips(rule, c))
            continue;
        *measure = ABORT;
        snprintf(why, 120,
                 "abort rule %zu: %" PRId64 " of %" PRId64
                 " closed attempts, limit %d %%",
                 i + 1, bad_of(c, rule->kind), closed_of(c), rule->percent);
        break;
    }
    return err;
}

/* The last stage goes on until the plan ends; a plan whose stages do not
 * reach everybody stays at them. */
static int judge_stage(struct sql *sql, const struct running *plan, int64_t now,
                       enum measure *measure)
{
    const struct plan_stage *stage;
    struct plan_counts c;
    int err;

    if (plan->stage < 0 || (size_t)plan->stage + 1 >= plan->spec.n_stages)
        return 0;
    stage = &plan->spec.stages[plan->stage];
    if (now < plan->since + stage->soak_s)
        return 0;
    err = plan_count(sql, plan->id, plan->stage, &c);
    if (!err && closed_of(&c) >= stage->minimum &&
        c.done * 100 >= closed_of(&c) * stage->success)
        *measure = NEXT_STAGE;
    return err;
}

static int judge(struct sql *sql, const struct running *plan, int64_t now,
                 enum measure *measure, char why[120])
{
    int err;

    *measure = LET_RUN;
    if (plan->spec.end && now >= plan->spec.end) {
        *measure = FINISH;
        snprintf(why, 120, "its end has come");
        return 0;
    }
    err = judge_rules(sql, plan, measure, why);
    return err || *measure != LET_RUN ? err
                                      : judge_stage(sql, plan, now, measure);
}

/* ---- what is done about it ---- */

static int carry_out(const struct node *node, struct sql *sql,
                     const struct running *plan, enum measure measure,
                     const char *why)
{
    int err;

    switch (measure) {
    case FINISH:
        return plan_move(node, sql, plan->tenant, plan->id, "running",
                         "finished", "server", why);
    case ABORT:
        err = plan_move(node, sql, plan->tenant, plan->id, "running", "aborted",
                        "server", why);
        return !err && plan->spec.rollback ? draft_way_back(node, sql, plan)
                                           : err;
    case NEXT_STAGE:
        return next_stage(node, sql, plan, clock_wall(node->clock));
    case LET_RUN:
        break;
    }
    return 0;
}

/* ---- a round ---- */

/* The running ones behind an id, PLANS_MAX at most; the next round goes on
 * behind them. */
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

/* Something has to be done about the plan behind `after`. */
struct due {
    struct job job;
    const struct node *node;
    int64_t plan;
};

static int64_t last_change(struct sql *sql)
{
    int64_t value = 0;

    sql_one_int(sql, &value, "SELECT value FROM counter WHERE name = 'change'",
                SQL_NONE);
    return value;
}

/* Judged once more: another node may have been here. */
static int run_due(struct sql *sql, struct job *job)
{
    struct due *due = (struct due *)job;
    struct running *plans = calloc(PLANS_MAX, sizeof *plans);
    int64_t now = clock_wall(due->node->clock), before = last_change(sql);
    enum measure measure;
    char why[120] = "";
    size_t n = 0;
    int err =
        plans ? read_running(sql, due->plan - 1, plans, &n) : DFOTA_E_NOMEM;

    if (!err && n > 0 && plans[0].id == due->plan) {
        err = judge(sql, &plans[0], now, &measure, why);
        if (!err)
            err = carry_out(due->node, sql, &plans[0], measure, why);
    }
    for (size_t i = 0; i < n; i++)
        plan_spec_release(&plans[i].spec);
    free(plans);
    job->changed = !err && last_change(sql) != before;
    return err == DFOTA_E_BUSY ? 0 : err;
}

/* By a reader: counting a plan of a million attempts is no reason for modules
 * to wait. Only what has to be written takes the writer's time. */
static int find_due(const struct node *node, struct sql *sql, int64_t *after,
                    int64_t due[PLANS_MAX], size_t *n_due)
{
    struct running *plans = calloc(PLANS_MAX, sizeof *plans);
    int64_t now = clock_wall(node->clock);
    enum measure measure;
    char why[120];
    size_t n = 0;
    int err = plans ? read_running(sql, *after, plans, &n) : DFOTA_E_NOMEM;

    *after = n == PLANS_MAX ? plans[n - 1].id : 0;
    for (size_t i = 0; i < n; i++) {
        if (!err)
            err = judge(sql, &plans[i], now, &measure, why);
        if (!err && measure != LET_RUN)
            due[(*n_due)++] = plans[i].id;
        plan_spec_release(&plans[i].spec);
    }
    free(plans);
    return err;
}

static int look_at_plans(struct node *node, int64_t *after)
{
    struct due due = {.job = {.run = run_due}, .node = node};
    int64_t ids[PLANS_MAX];
    size_t n = 0;
    struct sql *sql;
    int err = store_read_begin(node->store, &sql);

    if (err)
        return err;
    err = find_due(node, sql, after, ids, &n);
    store_read_end(node->store, sql);
    for (size_t i = 0; !err && i < n; i++) {
        due.plan = ids[i];
        due.job.changed = false;
        err = store_do(node->store, &due.job);
    }
    return err;
}

struct silence {
    struct job job;
    int64_t now, closed;
};

static int end_silent(struct sql *sql, struct job *job)
{
    struct silence *silence = (struct silence *)job;
    int64_t before = last_change(sql);
    int err = attempts_expire(sql, silence->now, &silence->closed);

    job->changed = !err && last_change(sql) != before;
    return err;
}

/* In batches, so that other facts come in between: a whole fleet may be over
 * its time at the same second. */
static int end_attempts(struct node *node)
{
    struct silence silence = {.job = {.run = end_silent},
                              .now = clock_wall(node->clock)};
    int64_t all = 0;
    int err = 0;

    for (int i = 0; !err && i < EXPIRE_MAX; i++) {
        err = store_do(node->store, &silence.job);
        if (err || silence.closed == 0)
            break;
        all += silence.closed;
        if (silence.closed < ATTEMPTS_EXPIRED)
            break;
    }
    if (all > 0)
        fleet_slot_is_free(node->fleet);
    return err;
}

int plan_watch_round(struct node *node, int64_t *after)
{
    int err = end_attempts(node);

    return err ? err : look_at_plans(node, after);
}
