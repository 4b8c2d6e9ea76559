/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan would do, before anybody approves it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/api/plan_row.h"
#include "server/fleet/fleet_plans.h"
#include "server/fleet/forecast.h"
#include "server/fleet/units.h"

enum { DAY_S = 86400, SOURCES_MAX = 65 };

/* A package by the version that it is from; "": the full image. */
struct source {
    char version[FLEET_VERSION_MAX + 1];
    int64_t size;
};

struct left_out {
    const char *check;
    int code;
    int64_t modules;
};

struct census {
    const struct plan *plan;
    int64_t now;
    int64_t takes, bytes, by_full_image;
    int64_t of_stage[PLAN_STAGES_MAX];
    struct left_out left_out[DECIDE_CHECKS_MAX];
    unsigned n_left_out;
    struct source sources[SOURCES_MAX];
    unsigned n_sources;
};

static int read_sources(struct sql *sql, int64_t firmware, struct census *c)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT coalesce(s.version, ''), k.size FROM package k "
                        "LEFT JOIN firmware s ON s.id = k.source WHERE "
                        "k.target = $1 AND k.state = 'ready' ORDER BY k.id",
                        SQL_ARGS(SQL_INT(firmware)));

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE &&
           c->n_sources < SOURCES_MAX) {
        struct source *s = &c->sources[c->n_sources++];

        err = 0;
        snprintf(s->version, sizeof s->version, "%s", sql_text(&rows, 0));
        s->size = sql_int(&rows, 1);
    }
    sql_done(&rows);
    return err < 0 ? err : 0;
}

static const struct source *source_of(const struct census *c,
                                      const char *version)
{
    for (unsigned i = 0; i < c->n_sources; i++) {
        if (strcmp(c->sources[i].version, version) == 0)
            return &c->sources[i];
    }
    return NULL;
}

static void count_left_out(struct census *c, const char *check, int code)
{
    unsigned i = 0;

    while (i < c->n_left_out && strcmp(c->left_out[i].check, check) != 0)
        i++;
    if (i == c->n_left_out)
        c->left_out[c->n_left_out++] = (struct left_out){check, code, 0};
    c->left_out[i].modules++;
}

static void count_taken(struct census *c, const struct module_view *module)
{
    const struct source *full = source_of(c, ""),
                        *own = source_of(c, module->version);

    c->takes++;
    if (!own || (full && full->size <= own->size)) {
        own = full;
        c->by_full_image++;
    }
    c->bytes += own ? own->size : 0;
    for (size_t i = 0; i < c->plan->spec.n_stages; i++) {
        int percent = c->plan->spec.stages[i].percent;

        c->of_stage[i] +=
            percent > 0 &&
            decide_place(c->plan->id, module->imei) < (unsigned)percent * 100;
    }
}

/* By what it last told: who has not told battery or signal is left out, as it
 * would be. */
static void count_module(void *ctx, const struct module_view *module)
{
    struct census *c = ctx;
    const struct poll poll = {.imei = module->imei,
                              .model = module->model,
                              .version = module->version,
                              .battery = module->battery,
                              .rssi = module->rssi};
    const char *check;
    int code;

    if (strcmp(module->model, c->plan->model) != 0)
        return;
    code = decide_first(c->plan, module, &poll, c->now, &check);
    if (code)
        count_left_out(c, check, code);
    else
        count_taken(c, module);
}

/* The plan as it is for modules that come at the right moment, in its last
 * stage. */
static void open_wide(struct plan *plan)
{
    plan->stage = PLAN_STAGES_MAX;
    plan->full_until = 0;
    plan->spec.from = plan->spec.to = 0;
    plan->spec.start = plan->spec.end = 0;
}

/* Why a check keeps modules out that come at the right moment. */
static const char *words_of(const char *check)
{
    static const char *const words[][2] = {
        {"version", "run a version that the plan does not select"},
        {"group", "are in another group"},
        {"tag", "have none of the tags"},
        {"list", "are not in the list"},
        {"excluded", "are excluded from the plan"},
        {"held", "are held or blocked"},
        {"target", "have the target already"},
        {"wear", "have had as many updates as their flash should"},
        {"battery", "told too low a battery, or none"},
        {"signal", "told too weak a signal, or none"}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i][0], check) == 0)
            return words[i][1];
    }
    return "do not fit";
}

static json_t *left_out_json(const struct census *c)
{
    json_t *all = json_array();

    for (unsigned i = 0; i < c->n_left_out; i++)
        json_array_append_new(
            all, json_pack("{s:s, s:i, s:I, s:s}", "check",
                           c->left_out[i].check, "code", c->left_out[i].code,
                           "modules", (json_int_t)c->left_out[i].modules, "why",
                           words_of(c->left_out[i].check)));
    return all;
}

static json_t *stages_json(const struct census *c)
{
    json_t *all = json_array();

    for (size_t i = 0; i < c->plan->spec.n_stages; i++) {
        const struct plan_stage *stage = &c->plan->spec.stages[i];
        int64_t modules = stage->percent > 0        ? c->of_stage[i]
                          : stage->count < c->takes ? stage->count
                                                    : c->takes;

        json_array_append_new(all, json_pack("{s:i, s:I}", "stage", (int)i + 1,
                                             "modules", (json_int_t)modules));
    }
    return all;
}

/* Grants of a period: also as many as the period's bytes give at the packages'
 * average size, and one at least. 0: no limit */
static int64_t pace_of(const struct plan_spec *spec, const struct census *c)
{
    int64_t size = c->takes > 0 ? c->bytes / c->takes : 0;
    int64_t by_bytes =
        spec->pace_bytes == 0 || size == 0 ? 0 : spec->pace_bytes / size;

    if (spec->pace_bytes == 0)
        return spec->pace_grants;
    if (by_bytes == 0)
        by_bytes = 1;
    return spec->pace_grants > 0 && spec->pace_grants < by_bytes
               ? spec->pace_grants
               : by_bytes;
}

static json_t *days_json(const struct plan_spec *spec, const struct census *c,
                         int64_t begin)
{
    const struct forecast_question q = {.from = spec->from,
                                        .to = spec->to,
                                        .modules = c->takes,
                                        .concurrency = spec->concurrency,
                                        .pace = pace_of(spec, c),
                                        .pace_min = spec->pace_s / 60};
    struct forecast f;
    char moment[32];

    forecast(&q, &f);
    units_moment_text(begin + (int64_t)f.days_95 * DAY_S, moment);
    return json_pack("{s:i, s:i, s:i, s:f, s:s}", "half", f.days_50, "most",
                     f.days_95, "all", f.days_99, "percent_after_30",
                     f.permille_30 / 10.0, "finish", moment);
}

/* The table by version and state, with the package that each gets. */
static int count_by_version(struct api_call *call, struct sql *sql,
                            const struct plan_row *row, json_t **out)
{
    return api_rows(
        sql, "version:s state:s modules:i package:i package_state:s size:i",
        out,
        "SELECT m.version, m.state, count(*), k.id, k.state, k.size FROM "
        "module m LEFT JOIN firmware s ON s.tenant = m.tenant AND "
        "s.model = m.model AND s.version = m.version LEFT JOIN package k ON "
        "k.source = s.id AND k.target = $3 WHERE m.tenant = $1 AND "
        "m.model = $2 AND m.state <> 'retired' GROUP BY m.version, m.state, "
        "k.id, k.state, k.size ORDER BY m.version, m.state",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_TEXT(row->model),
                 SQL_INT(row->firmware)));
}

static int take_census(struct api_call *call, struct sql *sql,
                       const struct plan_row *row, json_t *answer)
{
    struct census c = {.now = api_now(call)};
    struct plan_spec said;
    struct plan plan;
    int err = fleet_plan_read(sql, row->id, &plan);

    if (err)
        return err;
    said = plan.spec; /* of which the plan keeps the parts */
    open_wide(&plan);
    c.plan = &plan;
    err = read_sources(sql, row->firmware, &c);
    if (!err) {
        fleet_each_module(call->api->node->fleet, call->actor.tenant,
                          count_module, &c);
        json_object_update_new(
            answer,
            json_pack(
                "{s:I, s:I, s:I, s:o, s:o, s:o}", "takes", (json_int_t)c.takes,
                "bytes", (json_int_t)c.bytes, "full_images",
                (json_int_t)c.by_full_image, "left_out", left_out_json(&c),
                "stages", stages_json(&c), "days",
                days_json(&said, &c, said.start > c.now ? said.start : c.now)));
    }
    fleet_plan_release(&plan);
    return err;
}

int plan_row_preview(struct api_call *call, struct sql *sql,
                     const struct plan_row *row)
{
    json_t *versions, *missing, *answer;
    int err = count_by_version(call, sql, row, &versions);

    if (err)
        return err;
    err = plan_row_unready(sql, row->firmware, &missing);
    if (err) {
        json_decref(versions);
        return err;
    }
    answer = json_pack("{s:I, s:s, s:s, s:o, s:o}", "plan", (json_int_t)row->id,
                       "model", row->model, "target", row->version, "versions",
                       versions, "not_ready", missing);
    err = take_census(call, sql, row, answer);
    if (err) {
        json_decref(answer);
        return err;
    }
    return api_answer(call, 200, answer);
}
