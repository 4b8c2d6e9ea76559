/* SPDX-License-Identifier: Apache-2.0 */
/* What people say of single modules of a plan: another attempt, or none. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/api/plan_row.h"
#include "server/fleet/attempts.h"

static bool is_over(const struct plan_row *row)
{
    return strcmp(row->state, "finished") == 0 ||
           strcmp(row->state, "aborted") == 0;
}

static int tell_retry(struct api_call *call, struct sql *sql,
                      const struct plan_row *row, int number, bool lost)
{
    char object[32], text[64];
    int64_t modules = 0;
    int err =
        attempts_retry(sql, row->id, number, lost, api_now(call), &modules);

    snprintf(object, sizeof object, "plan:%" PRId64, row->id);
    snprintf(text, sizeof text, "%" PRId64 " modules, number %d%s", modules,
             number, lost ? ", lost" : "");
    if (!err)
        err = api_audit(call, sql, "plan.retry", object, text);
    return err ? err
               : api_answer(call, 200,
                            json_pack("{s:I}", "modules", (json_int_t)modules));
}

int plan_row_retry(struct api_call *call, struct sql *sql,
                   const struct plan_row *row)
{
    static const char *const names[] = {"number", "cause", NULL};
    const json_t *number = json_object_get(call->body, "number"),
                 *cause = json_object_get(call->body, "cause");
    int err = api_only(call, names);

    if (err)
        return err;
    if (number && (!json_is_integer(number) || json_integer_value(number) < 1 ||
                   json_integer_value(number) > 99999))
        return api_refuse(call, 400, "number: 1 to 99999");
    if (cause && (!json_is_string(cause) || number ||
                  strcmp(json_string_value(cause), "lost") != 0))
        return api_refuse(call, 400, "cause: \"lost\", and then no number");
    if (is_over(row))
        return api_refuse(call, 409, "a plan that is %s gives no attempts",
                          row->state);
    return tell_retry(call, sql, row, (int)json_integer_value(number),
                      cause != NULL);
}

static int write_exclusion(struct sql *sql, const struct plan_row *row,
                           int64_t module, bool excluded)
{
    int err = sql_run(
        sql,
        "INSERT INTO plan_module (plan, module, kept_out, allowed, forgiven) "
        "VALUES ($1, $2, $3, 0, -1) ON CONFLICT (plan, module) DO UPDATE SET "
        "kept_out = excluded.kept_out",
        SQL_ARGS(SQL_INT(row->id), SQL_INT(module), SQL_INT(excluded)), NULL);

    /* a node that has not heard of it grants nothing more */
    return err ? err
               : sql_run(sql,
                         "UPDATE plan SET generation = generation + 1, "
                         "edition = edition + 1 WHERE id = $1",
                         SQL_ARGS(SQL_INT(row->id)), NULL);
}

int plan_row_exclude(struct api_call *call, struct sql *sql,
                     const struct plan_row *row)
{
    static const char *const names[] = {"imei", "excluded", NULL};
    const json_t *excluded = json_object_get(call->body, "excluded");
    const char *imei = api_text(call, "imei", 15, false);
    char object[32], text[48];
    int64_t module;
    int err = imei ? api_only(call, names) : DFOTA_E_CANCELLED;

    if (err)
        return err;
    if (excluded && !json_is_boolean(excluded))
        return api_refuse(call, 400, "excluded: true or false");
    if (is_over(row))
        return api_refuse(call, 409, "a plan that is %s takes no modules",
                          row->state);
    err = sql_one_int(sql, &module,
                      "SELECT id FROM module WHERE imei = $1 AND tenant = $2",
                      SQL_ARGS(SQL_TEXT(imei), SQL_INT(call->actor.tenant)));
    if (err == DFOTA_E_NOTFOUND)
        return api_refuse(call, 404, "there is no such module");
    if (!err)
        err = write_exclusion(sql, row, module, !json_is_false(excluded));
    snprintf(object, sizeof object, "plan:%" PRId64, row->id);
    snprintf(text, sizeof text, "%s %.15s",
             json_is_false(excluded) ? "takes back" : "excludes", imei);
    if (!err)
        err = api_audit(call, sql, "plan.exclude", object, text);
    if (!err)
        err = api_changed(call, sql, "plan", row->id);
    return err ? err : plan_row_answer(call, sql, row->id, 200);
}
