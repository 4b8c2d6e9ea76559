/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/fleet_plans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"

static void release_plan(struct plan *plan)
{
    free(plan->name);
    free(plan->model);
    free(plan->version);
    plan_spec_release(&plan->spec);
}

void fleet_plans_release(struct fleet_plans *plans)
{
    for (size_t i = 0; i < plans->n; i++)
        release_plan(&plans->all[i]);
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
        release_plan(plan);
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

static struct plan *one_more(struct fleet_plans *plans)
{
    struct plan *all = realloc(plans->all, (plans->n + 1) * sizeof *all);

    if (!all)
        return NULL;
    plans->all = all;
    return &all[plans->n];
}

int fleet_plans_read(struct sql *sql, struct fleet_plans *out)
{
    struct sql_rows rows;
    struct plan *plan;
    int err = sql_query(
        sql, &rows,
        "SELECT p.id, p.tenant, p.generation, p.firmware, p.name, f.model,"
        " f.version, p.spec, p.stage, p.taken FROM plan p"
        " JOIN firmware f ON f.id = p.firmware WHERE p.state = 'running'",
        SQL_NONE);

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
    if (err)
        fleet_plans_release(out);
    else if (out->n > 0)
        qsort(out->all, out->n, sizeof *out->all, compare);
    return err;
}

static int64_t stage_count(const struct plan *plan)
{
    if (plan->stage < 0 || (size_t)plan->stage >= plan->spec.n_stages)
        return 0;
    return plan->spec.stages[plan->stage].count;
}

static void choose(const struct plan *plan, struct choice *choice)
{
    *choice = (struct choice){.plan = plan->id,
                              .generation = plan->generation,
                              .firmware = plan->firmware,
                              .stage = plan->stage,
                              .stage_count = stage_count(plan),
                              .concurrency = plan->spec.concurrency,
                              .attempts = plan->spec.attempts,
                              .download_s = plan->spec.download_s,
                              .update_s = plan->spec.update_s,
                              .transport = plan->spec.transport};
    snprintf(choice->version, sizeof choice->version, "%s", plan->version);
}

int fleet_plans_choose(const struct fleet_plans *plans,
                       const struct module_view *module,
                       const struct poll *poll, int64_t now,
                       struct choice *choices, unsigned *n_choices)
{
    int refusal = S4_NO_PLAN, code;

    *n_choices = 0;
    for (size_t i = 0; i < plans->n; i++) {
        code = decide(&plans->all[i], module, poll, now, NULL, NULL);
        if (code == 0 && *n_choices < FLEET_CHOICES_MAX)
            choose(&plans->all[i], &choices[(*n_choices)++]);
        else if (refusal == S4_NO_PLAN && code != 0)
            refusal = code;
    }
    return *n_choices > 0 ? 0 : refusal;
}
