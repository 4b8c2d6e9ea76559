/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "at/family.h"
#include "at/phrases.h"
#include "base/err.h"
#include "server/fleet/attempts.h"
#include "server/fleet/units.h"
#include "server/lwm2m/lwm2m_plans.h"

enum { PLANS_MAX = 32, CHECKS_MAX = DECIDE_CHECKS_MAX + 3, DAY_S = 86400 };

/* What the memory says of a plan; the database adds to it. */
struct verdict {
    int64_t plan, attempts, concurrency, stage_count;
    int64_t pace_grants, pace_bytes, pace_s;
    char name[101], target[FLEET_VERSION_MAX + 1];
    struct finding findings[CHECKS_MAX];
    unsigned n;
    int code;
};

struct explaining {
    const struct module_view *module;
    struct poll poll;
    int64_t now;
    struct verdict plans[PLANS_MAX];
    unsigned n_plans;
};

static int64_t count_of_stage(const struct plan *plan)
{
    return plan->stage < 0 || (size_t)plan->stage >= plan->spec.n_stages
               ? 0
               : plan->spec.stages[plan->stage].count;
}

static void look_at_plan(void *ctx, const struct plan *plan)
{
    struct explaining *e = ctx;
    struct verdict *v = &e->plans[e->n_plans];

    if (e->n_plans == PLANS_MAX)
        return;
    e->n_plans++;
    *v = (struct verdict){.plan = plan->id,
                          .attempts = plan->spec.attempts,
                          .concurrency = plan->spec.concurrency,
                          .stage_count = count_of_stage(plan),
                          .pace_grants = plan->spec.pace_grants,
                          .pace_bytes = plan->spec.pace_bytes,
                          .pace_s = plan->spec.pace_s};
    snprintf(v->name, sizeof v->name, "%s", plan->name);
    snprintf(v->target, sizeof v->target, "%s", plan->version);
    decide(plan, e->module, &e->poll, e->now, v->findings, &v->n);
}

/* ---- what only the database knows ---- */

static struct finding *put_before(struct verdict *v, const char *check)
{
    unsigned at = 0;

    while (at < v->n && strcmp(v->findings[at].check, check) != 0)
        at++;
    memmove(&v->findings[at + 1], &v->findings[at],
            (v->n - at) * sizeof v->findings[0]);
    v->n++;
    v->findings[at] = (struct finding){0};
    return &v->findings[at];
}

static int add_tries(struct sql *sql, const struct explaining *e,
                     struct verdict *v)
{
    struct finding *f;
    struct tries tries;
    char moment[32];
    int err = attempts_tries(sql, e->module->id, v->plan, v->attempts, &tries);

    if (err)
        return err;
    f = put_before(v, "access");
    f->check = "attempts";
    f->code = S4_NO_PLAN;
    f->passed = tries.used < tries.limit;
    snprintf(f->value, sizeof f->value, "%" PRId64 " used", tries.used);
    snprintf(f->limit, sizeof f->limit, "%" PRId64 " at most", tries.limit);
    f = put_before(v, "access");
    f->check = "retry";
    f->code = S4_NO_PLAN;
    f->passed = e->now >= tries.again_at;
    units_moment_text(tries.again_at, moment);
    snprintf(f->value, sizeof f->value, "%s",
             tries.again_at ? "the last one failed" : "nothing against it");
    if (!f->passed)
        snprintf(f->limit, sizeof f->limit, "not again before %.32s", moment);
    return 0;
}

/* The slots and the pace as they are at this moment. */
static void tell_slots(const struct sql_rows *rows, const struct explaining *e,
                       struct verdict *v, bool is_new)
{
    int64_t open = sql_int(rows, 0), taken = sql_int(rows, 1);
    bool same = v->pace_s > 0 && sql_int(rows, 2) == e->now / v->pace_s;
    int64_t paced = same ? sql_int(rows, 3) : 0,
            bytes = same ? sql_int(rows, 4) : 0;
    struct finding *f = &v->findings[v->n - 1];

    f->passed = open < v->concurrency &&
                (!is_new || v->stage_count == 0 || taken < v->stage_count);
    snprintf(f->value, sizeof f->value,
             "%" PRId64 " open, %" PRId64 " in the stage", open, taken);
    f = &v->findings[v->n++];
    *f = (struct finding){.check = "pace", .code = S4_SLOTS};
    f->passed = (v->pace_grants == 0 || paced < v->pace_grants) &&
                (v->pace_bytes == 0 || bytes < v->pace_bytes);
    snprintf(f->value, sizeof f->value, "%" PRId64 " grants, %" PRId64 " bytes",
             paced, bytes);
    if (v->pace_grants == 0 && v->pace_bytes == 0)
        snprintf(f->limit, sizeof f->limit, "any");
    else
        snprintf(f->limit, sizeof f->limit,
                 "%" PRId64 " grants, %" PRId64 " bytes (0: any) in %" PRId64
                 " s",
                 v->pace_grants, v->pace_bytes, v->pace_s);
}

static int add_slots(struct sql *sql, const struct explaining *e,
                     struct verdict *v)
{
    struct sql_rows rows;
    int64_t tried;
    int err = sql_one_int(
        sql, &tried,
        "SELECT count(*) FROM attempt WHERE module = $1 AND plan = $2",
        SQL_ARGS(SQL_INT(e->module->id), SQL_INT(v->plan)));

    if (err)
        return err;
    err = sql_query(sql, &rows,
                    "SELECT open, taken, pace_slot, paced, paced_bytes FROM "
                    "plan WHERE id = $1",
                    SQL_ARGS(SQL_INT(v->plan)));
    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE)
        tell_slots(&rows, e, v, tried == 0);
    sql_done(&rows);
    return err < 0 ? err : 0;
}

static int complete(struct sql *sql, struct explaining *e)
{
    int err = 0;

    for (unsigned i = 0; !err && i < e->n_plans; i++) {
        struct verdict *v = &e->plans[i];

        err = add_tries(sql, e, v);
        if (!err)
            err = add_slots(sql, e, v);
        for (unsigned k = v->n; k-- > 0;) {
            if (!v->findings[k].passed)
                v->code = v->findings[k].code;
        }
    }
    return err;
}

/* ---- in words ---- */

static json_t *plan_json(const struct verdict *v)
{
    json_t *checks = json_array();

    for (unsigned i = 0; i < v->n; i++)
        json_array_append_new(checks, json_pack("{s:s, s:i, s:b, s:s, s:s}",
                                                "check", v->findings[i].check,
                                                "code", v->findings[i].code,
                                                "passed", v->findings[i].passed,
                                                "value", v->findings[i].value,
                                                "limit", v->findings[i].limit));
    return json_pack("{s:I, s:s, s:s, s:i, s:o}", "plan", (json_int_t)v->plan,
                     "name", v->name, "target", v->target, "code", v->code,
                     "checks", checks);
}

/* What a number means in the dialect of the module's class. */
static const char *meaning_of(const char *class_name, const char *stage,
                              int64_t number)
{
    const struct dfota_family *family =
        dfota_family_named(dfota_families, dfota_families_count, class_name);

    if (!family)
        family = &dfota_family_bg96_softbank;
    return dfota_meaning_text(dfota_code_find(strcmp(stage, "http") == 0
                                                  ? &family->download
                                                  : &family->update,
                                              (int32_t)number)
                                  ->meaning);
}

static int64_t number_in(const json_t *attempt, const char *name)
{
    return json_integer_value(json_object_get(attempt, name));
}

static void tell_attempt(const struct explaining *e, json_t *attempt)
{
    const char *state = json_string_value(json_object_get(attempt, "state"));
    const char *stage = json_string_value(json_object_get(attempt, "stage"));
    bool loaded = strcmp(stage, "loaded") == 0;
    char words[200];

    if (strcmp(state, "open") == 0)
        snprintf(words, sizeof words, "%s",
                 loaded ? "has the package, its result is awaited"
                        : "was told to load, nothing was heard since");
    else if (strcmp(state, "done") == 0)
        snprintf(words, sizeof words, "updated");
    else if (strcmp(state, "stopped") == 0)
        snprintf(words, sizeof words, "stopped with its plan");
    else if (strcmp(state, "lost") == 0)
        snprintf(words, sizeof words, "silent %s until its time was over",
                 loaded ? "after the download" : "after the answer");
    else if (number_in(attempt, "http_err") > 0)
        snprintf(words, sizeof words, "the download failed with %d: %s",
                 (int)number_in(attempt, "http_err"),
                 meaning_of(e->module->class_name, "http",
                            number_in(attempt, "http_err")));
    else if (number_in(attempt, "update_err") > 0)
        snprintf(words, sizeof words, "the update failed with %d: %s",
                 (int)number_in(attempt, "update_err"),
                 meaning_of(e->module->class_name, "update",
                            number_in(attempt, "update_err")));
    else
        snprintf(words, sizeof words,
                 "reported success, but with another version");
    json_object_set_new(attempt, "words", json_string(words));
}

#define HISTORY                                                                \
    "SELECT id, plan, to_version, state, stage, cause, http_err, "             \
    "update_err, version, granted, deadline, closed FROM attempt WHERE "       \
    "module = $1 ORDER BY granted DESC LIMIT 3"

static int tell_attempts(struct sql *sql, const struct explaining *e,
                         json_t **out)
{
    json_t *attempt;
    size_t i;
    int err =
        api_rows(sql,
                 "attempt:s plan:i target:s state:s stage:s cause:s http_err:i "
                 "update_err:i version:s granted:t deadline:t closed:t",
                 out, HISTORY, SQL_ARGS(SQL_INT(e->module->id)));

    if (err)
        return err;
    json_array_foreach(*out, i, attempt)
    {
        tell_attempt(e, attempt);
    }
    return 0;
}

/* A module polls every 14 days and up to 24 hours. */
static json_t *due_json(const struct explaining *e)
{
    char from[32], to[32];

    if (e->module->last_seen == 0)
        return json_null();
    units_moment_text(e->module->last_seen + (int64_t)14 * DAY_S, from);
    units_moment_text(e->module->last_seen + (int64_t)15 * DAY_S, to);
    return json_pack("{s:s, s:s}", "from", from, "to", to);
}

/* What its next poll gets, as a poll is looked at: device-api.md. */
static int next_code(const struct api_call *call, const struct explaining *e,
                     const json_t *attempts)
{
    const json_t *latest = json_array_get(attempts, 0);
    const char *state = json_string_value(json_object_get(latest, "state"));
    int code = S4_NO_PLAN;

    if (node_clock_is_off(call->api->node))
        return S4_SERVICE;
    if (e->module->state == MODULE_BLOCKED)
        return S4_TOKEN_SCOPE;
    if (state && strcmp(state, "open") == 0) {
        bool runs = false;

        for (unsigned i = 0; i < e->n_plans; i++)
            runs |= e->plans[i].plan == number_in(latest, "plan");
        return !runs ? S4_PLAN_ENDED
               : strcmp(json_string_value(json_object_get(latest, "stage")),
                        "loaded") == 0
                   ? S4_STATE
                   : 0;
    }
    for (unsigned i = 0; i < e->n_plans; i++) {
        if (e->plans[i].code == 0)
            return 0;
        if (code == S4_NO_PLAN)
            code = e->plans[i].code;
    }
    return code;
}

static int answer(struct api_call *call, const struct explaining *e,
                  json_t *module, json_t *attempts)
{
    json_t *plans = json_array();
    int code = next_code(call, e, attempts);

    for (unsigned i = 0; i < e->n_plans; i++)
        json_array_append_new(plans, plan_json(&e->plans[i]));
    return api_answer(
        call, 200,
        json_pack("{s:o, s:i, s:s, s:o, s:o, s:o}", "module", module, "code",
                  code, "next_poll", code ? decide_words(code) : "an update",
                  "due", due_json(e), "plans", plans, "attempts", attempts));
}

static int explain(struct api_call *call, struct sql *sql,
                   const struct module_view *module, json_t *row)
{
    struct explaining *e = calloc(1, sizeof *e);
    json_t *attempts = NULL;
    int err = e ? 0 : DFOTA_E_NOMEM;

    if (!err) {
        e->module = module;
        e->now = api_now(call);
        e->poll = (struct poll){
            .imei = module->imei,
            .model = module->model,
            .version = module->version,
            .battery = module->battery,
            .rssi = module->rssi,
            .access = PLAN_POLLED | PLAN_HOST |
                      lwm2m_plans_access(call->api->lwm2m, module->imei)};
        fleet_each_plan(call->api->node->fleet, module->tenant, look_at_plan,
                        e);
        err = complete(sql, e);
    }
    if (!err)
        err = tell_attempts(sql, e, &attempts);
    if (!err)
        err = answer(call, e, row, attempts);
    else
        json_decref(row);
    free(e);
    return err;
}

int api_explain_module(struct api_call *call, struct sql *sql)
{
    struct module_view module;
    uint64_t imei;
    json_t *row;
    int err = api_module_find(call, sql, &row);

    if (err)
        return err;
    if (!plan_imei_parse(call->parts[0], &imei) ||
        fleet_find(call->api->node->fleet, imei, &module) != 0) {
        json_decref(row);
        return api_refuse(call, 404, "this module is retired");
    }
    module.tried = true; /* the database tells of slots */
    return explain(call, sql, &module, row);
}
