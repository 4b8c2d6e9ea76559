/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: made, approved by a second person, run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"
#include "server/api/api_lead.h"
#include "server/api/plan_row.h"
#include "server/depot/depot.h"
#include "server/fleet/plan_watch.h"

enum { NAME_MAX_LEN = 100 };

static int list(struct api_call *call, struct sql *sql)
{
    return api_page(call, sql, PLAN_COLUMNS,
                    PLAN_QUERY "AND p.id > $2 AND ($3 = '' OR p.state = $3) "
                               "ORDER BY p.id LIMIT $4",
                    SQL_ARGS(SQL_INT(call->actor.tenant),
                             SQL_INT(api_cursor(call, 0)),
                             SQL_TEXT(api_query(call, "state")),
                             SQL_INT(api_limit(call) + 1)));
}

static int show(struct api_call *call, struct sql *sql)
{
    return plan_row_answer(call, sql, call->number, 200);
}

static int show_it(struct api_call *call, struct sql *sql)
{
    struct plan_row row;
    int err = plan_row_read(call, sql, &row);

    if (err)
        return err;
    plan_row_release(&row);
    call->number = row.id;
    return show(call, sql);
}

/* Another firmware of the same model, whose packages are made at once: on the
 * day that they are needed nobody wants to wait. */
static int check_way_back(struct api_call *call, struct sql *sql,
                          int64_t firmware, int64_t back)
{
    int64_t n = 0, id;
    int err =
        back == 0
            ? 0
            : sql_one_int(sql, &n,
                          "SELECT count(*) FROM firmware b JOIN firmware t ON "
                          "t.model = b.model AND t.tenant = b.tenant WHERE "
                          "b.id = $1 AND t.id = $2 AND b.id <> t.id",
                          SQL_ARGS(SQL_INT(back), SQL_INT(firmware)));

    if (err || back == 0)
        return err;
    if (n == 0)
        return api_refuse(call, 400,
                          "spec.rollback: the number of another firmware of "
                          "that model is wanted");
    err =
        depot_want(sql, call->actor.tenant, firmware, back, api_now(call), &id);
    return err ? err : plan_row_want_packages(call, sql, back);
}

/* The body's spec, checked, for a plan to that firmware. spec: out, freed by
 * the caller; NULL after an error */
static int take_spec(struct api_call *call, struct sql *sql, int64_t firmware,
                     char **text)
{
    json_t *json = json_object_get(call->body, "spec");
    char why[PLAN_WHY_ROOM];
    struct plan_spec spec;
    int64_t back;
    int err;

    *text = NULL;
    if (json) {
        if (plan_spec_parse(json, &spec, why) != 0)
            return api_refuse(call, 400, "spec.%s", why);
        back = spec.rollback;
        plan_spec_release(&spec);
        err = check_way_back(call, sql, firmware, back);
        if (err)
            return err;
    }
    *text = json ? json_dumps(json, JSON_COMPACT) : strdup("{}");
    return *text ? 0 : DFOTA_E_NOMEM;
}

static int find_firmware(struct api_call *call, struct sql *sql, int64_t *id)
{
    const json_t *value = json_object_get(call->body, "firmware");
    int64_t n = 0;
    int err;

    if (!json_is_integer(value))
        return api_refuse(call, 400, "firmware: the number of one is wanted");
    *id = json_integer_value(value);
    err = sql_one_int(
        sql, &n, "SELECT count(*) FROM firmware WHERE id = $1 AND tenant = $2",
        SQL_ARGS(SQL_INT(*id), SQL_INT(call->actor.tenant)));
    if (!err && n == 0)
        err = api_refuse(call, 404, "firmware: there is no such one");
    return err;
}

static const char *const fields[] = {"name", "firmware", "spec", NULL};

static int create(struct api_call *call, struct sql *sql)
{
    const char *name = api_text(call, "name", NAME_MAX_LEN, false);
    int64_t firmware = 0, id = 0;
    char object[32], *spec;
    int err = name ? api_only(call, fields) : DFOTA_E_CANCELLED;

    if (!err)
        err = find_firmware(call, sql, &firmware);
    if (err)
        return err;
    err = take_spec(call, sql, firmware, &spec);
    if (err)
        return err;
    err = sql_one_int(
        sql, &id,
        "INSERT INTO plan (tenant, name, state, edition, generation, firmware, "
        "spec, stage, stage_since, open, taken, made_by, edited_by, created) "
        "VALUES ($1, $2, 'draft', 1, 1, $3, $4, 0, 0, 0, 0, $5, $5, $6) "
        "RETURNING id",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_TEXT(name), SQL_INT(firmware),
                 SQL_TEXT(spec), SQL_TEXT(call->actor.name),
                 SQL_INT(api_now(call))));
    free(spec);
    if (!err)
        err = plan_row_want_packages(call, sql, firmware);
    snprintf(object, sizeof object, "plan:%" PRId64, id);
    if (!err)
        err = api_audit(call, sql, "plan.create", object, name);
    if (!err)
        err = events_plan(sql, id, api_now(call));
    if (err)
        return err;
    depot_wake(call->api->depot);
    return plan_row_answer(call, sql, id, 201);
}

/* An edit drops the approval. */
static int write_edit(struct api_call *call, struct sql *sql,
                      const struct plan_row *row, const char *spec)
{
    const char *name = api_text(call, "name", NAME_MAX_LEN, true);
    char object[32];
    int64_t changed;
    int err = sql_run(
        sql,
        "UPDATE plan SET name = $2, spec = $3, edited_by = $4, state = "
        "'draft', approved_by = NULL, edition = edition + 1, generation = "
        "generation + 1 WHERE id = $1 AND edition = $5",
        SQL_ARGS(SQL_INT(row->id), SQL_TEXT(name ? name : row->name),
                 SQL_TEXT(spec), SQL_TEXT(call->actor.name),
                 SQL_INT(row->edition)),
        &changed);

    if (!err && changed == 0)
        err = DFOTA_E_BUSY; /* another node was faster: look again */
    snprintf(object, sizeof object, "plan:%" PRId64, row->id);
    if (!err)
        err = api_audit(call, sql, "plan.edit", object, "");
    if (!err)
        err = api_changed(call, sql, "plan", row->id);
    return err ? err : plan_row_answer(call, sql, row->id, 200);
}

static int edit(struct api_call *call, struct sql *sql)
{
    static const char *const editable[] = {"name", "spec", NULL};
    struct plan_row row;
    char *spec = NULL;
    int err = plan_row_read(call, sql, &row);

    if (err)
        return err;
    err = api_check_edition(call, "plan", row.edition);
    if (!err)
        err = api_only(call, editable);
    if (!err && strcmp(row.state, "draft") != 0 &&
        strcmp(row.state, "approved") != 0 && strcmp(row.state, "paused") != 0)
        err = api_refuse(call, 409,
                         "a plan that is %s cannot be edited; "
                         "pause it first",
                         row.state);
    if (!err) {
        if (json_object_get(call->body, "spec"))
            err = take_spec(call, sql, row.firmware, &spec);
        else
            spec = strdup(row.spec);
        if (!err)
            err = spec ? write_edit(call, sql, &row, spec) : DFOTA_E_NOMEM;
    }
    free(spec);
    plan_row_release(&row);
    return err;
}

/* ---- from state to state ---- */

static int refuse_state(struct api_call *call, const struct plan_row *row,
                        const char *verb)
{
    return api_refuse(call, 409, "a plan that is %s cannot be %s", row->state,
                      verb);
}

static int move(struct api_call *call, struct sql *sql,
                const struct plan_row *row, const char *state)
{
    const char *why = json_string_value(json_object_get(call->body, "why"));
    int err = plan_move(call->api->node, sql, call->actor.tenant, row->id,
                        row->state, state, call->actor.name, why ? why : "");

    call->job.changed = true;
    return err ? err : plan_row_answer(call, sql, row->id, 200);
}

static int write_approval(struct api_call *call, struct sql *sql,
                          const struct plan_row *row)
{
    int err = sql_run(sql,
                      "UPDATE plan SET approved_by = $2 WHERE id = $1 AND "
                      "edition = $3",
                      SQL_ARGS(SQL_INT(row->id), SQL_TEXT(call->actor.name),
                               SQL_INT(row->edition)),
                      NULL);

    return err ? err : move(call, sql, row, "approved");
}

static int approve_row(struct api_call *call, struct sql *sql,
                       const struct plan_row *row)
{
    const struct node *node = call->api->node;
    const char *me = call->actor.name;
    int err;

    if (strcmp(row->state, "draft") != 0)
        return refuse_state(call, row, "approved");
    if (node->second_person &&
        (strcmp(me, row->made_by) == 0 || strcmp(me, row->edited_by) == 0))
        return api_refuse(call, 403,
                          "a second person has to approve: you made "
                          "or edited this plan");
    err = api_lead_check(call, sql, row);
    if (err)
        return err;
    /* the fleet may have versions that it had not when the plan was made */
    err = plan_row_want_packages(call, sql, row->firmware);
    if (err)
        return err;
    depot_wake(call->api->depot);
    return write_approval(call, sql, row);
}

static int start_row(struct api_call *call, struct sql *sql,
                     const struct plan_row *row)
{
    int err;

    if (strcmp(row->state, "approved") != 0)
        return refuse_state(call, row, "started");
    err = plan_row_packages_are_ready(call, sql, row);
    return err ? err : move(call, sql, row, "running");
}

static int pause_it_row(struct api_call *call, struct sql *sql,
                        const struct plan_row *row)
{
    return strcmp(row->state, "running") == 0
               ? move(call, sql, row, "paused")
               : refuse_state(call, row, "paused");
}

/* One that was edited in its pause has to be approved first. */
static int resume_row(struct api_call *call, struct sql *sql,
                      const struct plan_row *row)
{
    return strcmp(row->state, "paused") == 0
               ? move(call, sql, row, "running")
               : refuse_state(call, row, "resumed");
}

static int abort_it_row(struct api_call *call, struct sql *sql,
                        const struct plan_row *row)
{
    return strcmp(row->state, "finished") == 0 ||
                   strcmp(row->state, "aborted") == 0
               ? refuse_state(call, row, "aborted")
               : move(call, sql, row, "aborted");
}

static int finish_row(struct api_call *call, struct sql *sql,
                      const struct plan_row *row)
{
    return strcmp(row->state, "running") == 0 ||
                   strcmp(row->state, "paused") == 0
               ? move(call, sql, row, "finished")
               : refuse_state(call, row, "finished");
}

static int with_row(struct api_call *call, struct sql *sql,
                    int (*act)(struct api_call *, struct sql *,
                               const struct plan_row *))
{
    struct plan_row row;
    int err = plan_row_read(call, sql, &row);

    if (err)
        return err;
    /* who says what they looked at is told if it is another by now */
    if ((call->route->how & API_WRITES) &&
        http_header(call->request, "If-Match"))
        err = api_check_edition(call, "plan", row.edition);
    if (!err)
        err = act(call, sql, &row);
    plan_row_release(&row);
    return err;
}

#define VERB(name)                                                             \
    static int name(struct api_call *call, struct sql *sql)                    \
    {                                                                          \
        return with_row(call, sql, name##_row);                                \
    }
VERB(approve)
VERB(start)
VERB(pause_it)
VERB(resume)
VERB(abort_it)
VERB(finish)

/* One switch for a bad day. */
static int pause_all(struct api_call *call, struct sql *sql)
{
    int64_t ids[256];
    struct sql_rows rows;
    size_t n = 0;
    int err = sql_query(sql, &rows,
                        "SELECT id FROM plan WHERE state = 'running' AND "
                        "tenant = $1 ORDER BY id LIMIT 256",
                        SQL_ARGS(SQL_INT(call->actor.tenant)));

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        ids[n++] = sql_int(&rows, 0);
        err = 0;
    }
    sql_done(&rows);
    for (size_t i = 0; !err && i < n; i++)
        err = plan_move(call->api->node, sql, call->actor.tenant, ids[i],
                        "running", "paused", call->actor.name, "all at once");
    call->job.changed = true;
    return err ? err
               : api_answer(call, 200,
                            json_pack("{s:I}", "paused", (json_int_t)n));
}

static int preview(struct api_call *call, struct sql *sql)
{
    return with_row(call, sql, plan_row_preview);
}

static int retry(struct api_call *call, struct sql *sql)
{
    return with_row(call, sql, plan_row_retry);
}

static int exclude(struct api_call *call, struct sql *sql)
{
    return with_row(call, sql, plan_row_exclude);
}

const struct api_route api_plan_routes[] = {
    {HTTP_GET, "plans", ROLE_VIEWER, false, list, NULL},
    {HTTP_POST, "plans", ROLE_OPERATOR, true, create, NULL},
    {HTTP_POST, "plans/pause", ROLE_OPERATOR, true, pause_all, NULL},
    {HTTP_GET, "plans/{}", ROLE_VIEWER, false, show_it, NULL},
    {HTTP_PATCH, "plans/{}", ROLE_OPERATOR, true, edit, NULL},
    {HTTP_GET, "plans/{}/preview", ROLE_VIEWER, false, preview, NULL},
    {HTTP_POST, "plans/{}/approve", ROLE_APPROVER, true, approve, NULL},
    {HTTP_POST, "plans/{}/start", ROLE_OPERATOR, true, start, NULL},
    {HTTP_POST, "plans/{}/pause", ROLE_OPERATOR, true, pause_it, NULL},
    {HTTP_POST, "plans/{}/resume", ROLE_OPERATOR, true, resume, NULL},
    {HTTP_POST, "plans/{}/abort", ROLE_OPERATOR, true, abort_it, NULL},
    {HTTP_POST, "plans/{}/finish", ROLE_OPERATOR, true, finish, NULL},
    {HTTP_POST, "plans/{}/retry", ROLE_OPERATOR, true, retry, NULL},
    {HTTP_POST, "plans/{}/exclude", ROLE_OPERATOR, true, exclude, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, false, NULL, NULL}};
