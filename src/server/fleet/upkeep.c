/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/upkeep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"
#include "server/fleet/attempts.h"

enum { PLANS_MAX = 64, KEYS_KEPT_S = 86400 };

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
                     int64_t plan, const char *state, const char *actor,
                     const char *why)
{
    bool ends = strcmp(state, "finished") == 0 || strcmp(state, "aborted") == 0;
    int64_t now = clock_wall(node->clock);
    char object[32], action[32];
    int err = sql_run(
        sql,
        "UPDATE plan SET state = $2, why = $3, generation = generation + 1, "
        "edition = edition + 1, ended = CASE WHEN $4 = 1 THEN $5 ELSE ended "
        "END, started = CASE WHEN $2 = 'running' AND started IS NULL THEN $5 "
        "ELSE started END, stage_since = CASE WHEN $2 = 'running' AND started "
        "IS NULL THEN $5 ELSE stage_since END WHERE id = $1",
        SQL_ARGS(SQL_INT(plan), SQL_TEXT(state), SQL_TEXT(why), SQL_INT(ends),
                 SQL_INT(now)),
        NULL);

    snprintf(object, sizeof object, "plan:%" PRId64, plan);
    snprintf(action, sizeof action, "plan.%s", state);
    if (!err)
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

static int look_at_rules(const struct node *node, struct sql *sql,
                         const struct running *plan, bool *aborted)
{
    struct upkeep_counts all, stage;
    char why[120];
    int err = upkeep_count(sql, plan->id, -1, &all);

    *aborted = false;
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
        err = upkeep_move_plan(node, sql, plan->tenant, plan->id, "aborted",
                               "server", why);
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
        return upkeep_move_plan(node, sql, plan->tenant, plan->id, "finished",
                                "server", "its end has come");
    err = look_at_rules(node, sql, plan, &aborted);
    return err || aborted ? err : look_at_stage(node, sql, plan, now);
}

static int read_running(struct sql *sql, struct running *plans, size_t *n)
{
    char why[PLAN_WHY_ROOM];
    struct sql_rows rows;
    json_t *json;
    int err = sql_query(sql, &rows,
                        "SELECT id, tenant, stage, stage_since, spec FROM plan "
                        "WHERE state = 'running' ORDER BY id LIMIT 64",
                        SQL_NONE);

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
    int64_t now = clock_wall(round->node->clock), closed;
    int64_t before = last_change(sql);
    size_t n = 0;
    int err = attempts_expire(sql, now, &closed);

    if (!err)
        err = read_running(sql, round->plans, &n);
    for (size_t i = 0; i < n; i++) {
        if (!err)
            err = look_at_plan(round->node, sql, &round->plans[i], now);
        plan_spec_release(&round->plans[i].spec);
    }
    if (!err)
        err = sql_run(sql, "DELETE FROM refresh WHERE expires < $1",
                      SQL_ARGS(SQL_INT(now)), NULL);
    if (!err)
        err = sql_run(sql, "DELETE FROM idempotency WHERE at < $1",
                      SQL_ARGS(SQL_INT(now - KEYS_KEPT_S)), NULL);
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

static bool watch_clock(struct upkeep *upkeep)
{
    const struct server_clock *clock = upkeep->node->clock;
    int64_t offset = clock_wall(clock) - clock_steady(clock), by_s;
    bool off, was_off = atomic_load(&upkeep->node->clock_is_off);

    if (!upkeep->has_offset) {
        upkeep->has_offset = true;
        upkeep->offset_s = offset;
    }
    by_s = offset - upkeep->offset_s;
    off = by_s > UPKEEP_JUMP_S || by_s < -UPKEEP_JUMP_S;
    if (!off) /* a clock that is set right in small steps is right */
        upkeep->offset_s = offset;
    atomic_store(&upkeep->node->clock_is_off, off);
    if (off != was_off)
        tell(upkeep, off, by_s);
    return !off;
}

void upkeep_accept_clock(struct upkeep *upkeep)
{
    upkeep->has_offset = false;
}

int upkeep_round(struct upkeep *upkeep)
{
    static struct round round; /* one thread */
    int err = 0, seen;

    fleet_refresh(upkeep->node->fleet);
    seen = fleet_write_seen(upkeep->node->fleet);
    if (watch_clock(upkeep)) {
        round.job = (struct job){.run = run_round};
        round.node = upkeep->node;
        err = store_do(upkeep->node->store, &round.job);
    }
    return err ? err : seen;
}
