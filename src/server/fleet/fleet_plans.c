/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/fleet_plans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"

void fleet_plan_release(struct plan *plan)
{
    free(plan->name);
    free(plan->model);
    free(plan->version);
    free(plan->kept_out.all);
    plan_spec_release(&plan->spec);
}

void fleet_plans_release(struct fleet_plans *plans)
{
    for (size_t i = 0; i < plans->n; i++)
        fleet_plan_release(&plans->all[i]);
    free(plans->all);
    *plans = (struct fleet_plans){0};
}

static int take_plan(struct plan *plan, const struct sql_rows *rows)
{
    char why[PLAN_WHY_ROOM];
    json_t *json = json_loads(sql_text(rows, 7), 0, NULL);
    int err;

    *plan = (struct plan){.id = sql_int(rows, 0),
                          .tenant = sql_int(rows, 1),
                          .generation = sql_int(rows, 2),
                          .firmware = sql_int(rows, 3),
                          .name = strdup(sql_text(rows, 4)),
                          .model = strdup(sql_text(rows, 5)),
                          .version = strdup(sql_text(rows, 6)),
                          .stage = sql_int(rows, 8),
                          .taken = sql_int(rows, 9)};
    err = plan->name && plan->model && plan->version
              ? plan_spec_parse(json, &plan->spec, why)
              : DFOTA_E_NOMEM;
    json_decref(json);
    if (err == DFOTA_E_SYNTAX)
        log_error("plan %lld cannot be read, so nobody gets it: %s",
                  (long long)plan->id, why);
    if (err)
        fleet_plan_release(plan);
    return err;
}

/* The first to be asked in front: by priority, then age. */
static int compare(const void *a, const void *b)
{
    const struct plan *x = a, *y = b;

    if (x->spec.priority != y->spec.priority)
        return x->spec.priority > y->spec.priority ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int add_kept_out(struct plan_imeis *kept, uint64_t imei)
{
    uint64_t *all;

    if ((kept->n & (kept->n - 1)) == 0) { /* none, or as many as fit */
        all = realloc(kept->all, (kept->n ? kept->n * 2 : 1) * sizeof *all);
        if (!all)
            return DFOTA_E_NOMEM;
        kept->all = all;
    }
    kept->all[kept->n++] = imei;
    return 0;
}

static int read_kept_out(struct sql *sql, struct plan *plan)
{
    struct sql_rows rows;
    uint64_t imei;
    int err = sql_query(sql, &rows,
                        "SELECT m.imei FROM plan_module k JOIN module m ON "
                        "m.id = k.module WHERE k.plan = $1 AND k.kept_out = 1 "
                        "ORDER BY m.imei",
                        SQL_ARGS(SQL_INT(plan->id)));

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE)
        err = plan_imei_parse(sql_text(&rows, 0), &imei)
                  ? add_kept_out(&plan->kept_out, imei)
                  : 0;
    sql_done(&rows);
    return err;
}

static struct plan *one_more(struct fleet_plans *plans)
{
    struct plan *all = realloc(plans->all, (plans->n + 1) * sizeof *all);

    if (!all)
        return NULL;
    plans->all = all;
    return &all[plans->n];
}

/* id 0: all that run */
static int read_plans(struct sql *sql, int64_t id, struct fleet_plans *out)
{
    struct sql_rows rows;
    struct plan *plan;
    int err = sql_query(
        sql, &rows,
        "SELECT p.id, p.tenant, p.generation, p.firmware, p.name, f.model,"
        " f.version, p.spec, p.stage, p.taken FROM plan p"
        " JOIN firmware f ON f.id = p.firmware WHERE p.id = $1 OR"
        " ($1 = 0 AND p.state = 'running')",
        SQL_ARGS(SQL_INT(id)));

    *out = (struct fleet_plans){0};
    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        plan = one_more(out);
        err = plan ? take_plan(plan, &rows) : DFOTA_E_NOMEM;
        if (!err)
            out->n++;
        else if (err == DFOTA_E_SYNTAX)
            err = 0;
    }
    sql_done(&rows);
    for (size_t i = 0; !err && i < out->n; i++)
        err = read_kept_out(sql, &out->all[i]);
    if (err)
        fleet_plans_release(out);
    return err;
}

int fleet_plans_read(struct sql *sql, struct fleet_plans *out)
{
    int err = read_plans(sql, 0, out);

    if (!err && out->n > 0)
        qsort(out->all, out->n, sizeof *out->all, compare);
    return err;
}

int fleet_plan_read(struct sql *sql, int64_t id, struct plan *out)
{
    struct fleet_plans one;
    int err = read_plans(sql, id, &one);

    if (err || one.n == 0)
        return err ? err : DFOTA_E_NOTFOUND;
    *out = one.all[0];
    free(one.all);
    return 0;
}

static int64_t stage_count(const struct plan *plan)
{
    if (plan->stage < 0 || (size_t)plan->stage >= plan->spec.n_stages)
        return 0;
    return plan->spec.stages[plan->stage].count;
}

static void choose(const struct plan *plan, int code, struct choice *choice)
{
    *choice = (struct choice){.code = code,
                              .plan = plan->id,
                              .generation = plan->generation,
                              .firmware = plan->firmware,
                              .stage = plan->stage,
                              .stage_count = stage_count(plan),
                              .concurrency = plan->spec.concurrency,
                              .attempts = plan->spec.attempts,
                              .download_s = plan->spec.download_s,
                              .update_s = plan->spec.update_s,
                              .pace_grants = plan->spec.pace_grants,
                              .pace_bytes = plan->spec.pace_bytes,
                              .pace_s = plan->spec.pace_s,
                              .transport = plan->spec.transport};
    snprintf(choice->version, sizeof choice->version, "%s", plan->version);
}

int fleet_plans_choose(const struct fleet_plans *plans,
                       const struct module_view *module,
                       const struct poll *poll, int64_t now,
                       struct choice *choices, unsigned *n_choices)
{
    unsigned taken = 0, refused = 0;
    int refusal = S4_NO_PLAN;

    *n_choices = 0;
    for (size_t i = 0; i < plans->n; i++) {
        int code = decide(&plans->all[i], module, poll, now, NULL, NULL);
        unsigned *n = code ? &refused : &taken;

        if (code == S4_NO_PLAN)
            continue;
        if (refusal == S4_NO_PLAN)
            refusal = code;
        if (++*n <= FLEET_CHOICES_MAX / 2)
            choose(&plans->all[i], code, &choices[(*n_choices)++]);
    }
    return taken > 0 ? 0 : refusal;
}
