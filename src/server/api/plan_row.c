/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/plan_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/depot/depot.h"
#include "server/fleet/plan_watch.h"

static char *copy(const struct sql_rows *rows, int column)
{
    const char *text = sql_text(rows, column);

    return strdup(text ? text : "");
}

/* What is read is what is written upon: another node waits until then. */
static int lock(struct api_call *call, struct sql *sql, int64_t id)
{
    if (!(call->route->how & API_WRITES))
        return 0;
    return sql_run(sql,
                   "UPDATE plan SET open = open WHERE id = $1 AND tenant = $2",
                   SQL_ARGS(SQL_INT(id), SQL_INT(call->actor.tenant)), NULL);
}

int plan_row_read(struct api_call *call, struct sql *sql, struct plan_row *row)
{
    struct sql_rows rows;
    int64_t id;
    int err;

    *row = (struct plan_row){0};
    if (!api_number(call->parts[0], &id))
        return api_refuse(call, 404, "there is no such plan");
    err = lock(call, sql, id);
    if (err)
        return err;
    err = sql_query(sql, &rows, PLAN_QUERY "AND p.id = $2",
                    SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(id)));
    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE)
        *row = (struct plan_row){.id = id,
                                 .edition = sql_int(&rows, 3),
                                 .firmware = sql_int(&rows, 4),
                                 .name = copy(&rows, 1),
                                 .state = copy(&rows, 2),
                                 .model = copy(&rows, 5),
                                 .version = copy(&rows, 6),
                                 .spec = copy(&rows, 7),
                                 .made_by = copy(&rows, 11),
                                 .edited_by = copy(&rows, 12)};
    sql_done(&rows);
    if (err == 0)
        return api_refuse(call, 404, "there is no such plan");
    if (err == DFOTA_MORE && row->name && row->state && row->model &&
        row->version && row->spec && row->made_by && row->edited_by)
        return 0;
    plan_row_release(row);
    return err == DFOTA_MORE ? DFOTA_E_NOMEM : err;
}

void plan_row_release(struct plan_row *row)
{
    free(row->name);
    free(row->state);
    free(row->spec);
    free(row->made_by);
    free(row->edited_by);
    free(row->model);
    free(row->version);
}

/* How its attempts went, by state and by cause. */
static int add_numbers(struct sql *sql, int64_t id, json_t *plan)
{
    struct plan_counts c;
    json_t *causes;
    int err = plan_count(sql, id, -1, &c);

    if (!err)
        err = api_rows(sql, "state:s cause:s count:i", &causes,
                       "SELECT state, cause, count(*) FROM attempt WHERE "
                       "plan = $1 AND cause IS NOT NULL GROUP BY state, cause "
                       "ORDER BY count(*) DESC, cause LIMIT 50",
                       SQL_ARGS(SQL_INT(id)));
    if (err)
        return err;
    json_object_set_new(plan, "causes", causes);
    json_object_set_new(
        plan, "attempts",
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "open", (json_int_t)c.open,
                  "done", (json_int_t)c.done, "failed", (json_int_t)c.failed,
                  "lost", (json_int_t)c.lost, "stopped",
                  (json_int_t)c.stopped));
    return 0;
}

int plan_row_answer(struct api_call *call, struct sql *sql, int64_t id,
                    unsigned status)
{
    json_t *items, *plan;
    int err = api_rows(sql, PLAN_COLUMNS, &items, PLAN_QUERY "AND p.id = $2",
                       SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(id)));

    if (err)
        return err;
    plan = json_incref(json_array_get(items, 0));
    json_decref(items);
    if (!plan)
        return api_refuse(call, 404, "there is no such plan");
    err = add_numbers(sql, id, plan);
    if (err) {
        json_decref(plan);
        return err;
    }
    call->etag = json_integer_value(json_object_get(plan, "edition"));
    return api_answer(call, status, plan);
}

/* ---- packages ---- */

int plan_row_want_packages(struct api_call *call, struct sql *sql,
                           int64_t firmware)
{
    int64_t sources[64], id;
    struct sql_rows rows;
    size_t n = 0;
    int err = sql_query(
        sql, &rows,
        "SELECT s.id FROM firmware s JOIN firmware t ON t.model = s.model AND "
        "t.tenant = s.tenant WHERE t.id = $1 AND s.id <> t.id AND EXISTS "
        "(SELECT 1 FROM module m WHERE m.tenant = s.tenant AND "
        "m.model = s.model AND m.version = s.version AND m.state <> 'retired') "
        "ORDER BY s.id LIMIT 64",
        SQL_ARGS(SQL_INT(firmware)));

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        sources[n++] = sql_int(&rows, 0);
        err = 0;
    }
    sql_done(&rows);
    for (size_t i = 0; !err && i < n; i++)
        err = depot_want(sql, call->actor.tenant, sources[i], firmware,
                         api_now(call), &id);
    return err ? err
               : depot_want(sql, call->actor.tenant, 0, firmware, api_now(call),
                            &id);
}

int plan_row_unready(struct sql *sql, int64_t firmware, json_t **out)
{
    return api_rows(sql, "package:i from:s state:s why:s", out,
                    "SELECT k.id, s.version, k.state, k.why FROM package k "
                    "LEFT JOIN firmware s ON s.id = k.source WHERE "
                    "k.target = $1 AND k.state <> 'ready' ORDER BY k.id",
                    SQL_ARGS(SQL_INT(firmware)));
}

int plan_row_packages_are_ready(struct api_call *call, struct sql *sql,
                                const struct plan_row *row)
{
    json_t *missing;
    const json_t *first;
    const char *from;
    int err = plan_row_unready(sql, row->firmware, &missing);

    if (err)
        return err;
    first = json_array_get(missing, 0);
    if (first) {
        from = json_string_value(json_object_get(first, "from"));
        err = api_refuse(
            call, 409,
            "%zu packages are not ready, such as number %lld %s%s: it is %s%s",
            json_array_size(missing),
            (long long)json_integer_value(json_object_get(first, "package")),
            from ? "from " : "(the full image)", from ? from : "",
            json_string_value(json_object_get(first, "state")),
            strcmp(json_string_value(json_object_get(first, "state")),
                   "unsigned") == 0
                ? "; dfotactl delta sign --key KEY.pem"
                : "");
    }
    json_decref(missing);
    return err;
}
