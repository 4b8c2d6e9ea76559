/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants, and modules that go from one to another. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"

enum { NAME_MAX_LEN = 64 };

#define TENANT_COLUMNS "id:i name:s modules:i people:i"
#define TENANT_QUERY                                                           \
    "SELECT t.id, t.name, (SELECT count(*) FROM module m WHERE m.tenant = "    \
    "t.id AND m.state <> 'retired'), (SELECT count(*) FROM person p WHERE "    \
    "p.tenant = t.id AND p.gone IS NULL) FROM tenant t "

static int list(struct api_call *call, struct sql *sql)
{
    return api_page(
        call, sql, TENANT_COLUMNS,
        TENANT_QUERY "WHERE t.id > $1 ORDER BY t.id LIMIT $2",
        SQL_ARGS(SQL_INT(api_cursor(call, 0)), SQL_INT(api_limit(call) + 1)));
}

static int show_id(struct api_call *call, struct sql *sql, int64_t id,
                   unsigned status)
{
    return api_one(call, sql, TENANT_COLUMNS, status, "there is no such tenant",
                   TENANT_QUERY "WHERE t.id = $1", SQL_ARGS(SQL_INT(id)));
}

static int show(struct api_call *call, struct sql *sql)
{
    int64_t id;

    return api_number(call->parts[0], &id)
               ? show_id(call, sql, id, 200)
               : api_refuse(call, 404, "there is no such tenant");
}

static const char *take_name(struct api_call *call)
{
    static const char *const fields[] = {"name", NULL};
    const char *name = api_text(call, "name", NAME_MAX_LEN, false);

    return name && api_only(call, fields) == 0 ? name : NULL;
}

static int tell(struct api_call *call, struct sql *sql, const char *action,
                int64_t id, const char *name)
{
    char object[32];

    snprintf(object, sizeof object, "tenant:%" PRId64, id);
    return api_audit(call, sql, action, object, name);
}

static int add(struct api_call *call, struct sql *sql)
{
    const char *name = take_name(call);
    int64_t id = 0;
    int err;

    if (!name)
        return DFOTA_E_CANCELLED;
    err = sql_one_int(sql, &id,
                      "INSERT INTO tenant (name) VALUES ($1) ON CONFLICT DO "
                      "NOTHING RETURNING id",
                      SQL_ARGS(SQL_TEXT(name)));
    if (err == DFOTA_E_NOTFOUND)
        return api_refuse(call, 409, "there is a tenant of that name");
    if (!err)
        err = tell(call, sql, "tenant.add", id, name);
    return err ? err : show_id(call, sql, id, 201);
}

static int edit(struct api_call *call, struct sql *sql)
{
    const char *name = take_name(call);
    int64_t id = 0, changed = 0;
    int err = name ? 0 : DFOTA_E_CANCELLED;

    if (!err && api_number(call->parts[0], &id))
        err = sql_run(sql, "UPDATE tenant SET name = $2 WHERE id = $1",
                      SQL_ARGS(SQL_INT(id), SQL_TEXT(name)), &changed);
    if (err == DFOTA_E_STATE)
        return api_refuse(call, 409, "there is a tenant of that name");
    if (!err && changed == 0)
        return api_refuse(call, 404, "there is no such tenant");
    if (!err)
        err = tell(call, sql, "tenant.rename", id, name);
    return err ? err : show_id(call, sql, id, 200);
}

/* ---- from one to another ---- */

struct moving {
    int64_t id, open;
};

static int find_module(struct api_call *call, struct sql *sql,
                       struct moving *out)
{
    struct sql_rows rows;
    int err = sql_query(
        sql, &rows,
        "SELECT m.id, (SELECT count(*) FROM attempt a WHERE a.module = m.id "
        "AND a.state = 'open') FROM module m WHERE m.imei = $1 AND "
        "m.tenant = $2",
        SQL_ARGS(SQL_TEXT(call->parts[0]), SQL_INT(call->actor.tenant)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE)
        *out = (struct moving){sql_int(&rows, 0), sql_int(&rows, 1)};
    sql_done(&rows);
    if (err == 0)
        return api_refuse(call, 404, "there is no such module");
    return err == DFOTA_MORE ? 0 : err;
}

static int find_tenant(struct api_call *call, struct sql *sql, int64_t *id)
{
    static const char *const fields[] = {"tenant", NULL};
    const json_t *value = json_object_get(call->body, "tenant");
    int64_t n = 0;
    int err = api_only(call, fields);

    if (err)
        return err;
    if (!json_is_integer(value))
        return api_refuse(call, 400, "tenant: the number of one is wanted");
    *id = json_integer_value(value);
    err = sql_one_int(sql, &n, "SELECT count(*) FROM tenant WHERE id = $1",
                      SQL_ARGS(SQL_INT(*id)));
    return !err && n == 0
               ? api_refuse(call, 404, "tenant: there is no such one")
               : err;
}

/* Tokens name the tenant, so it logs in anew; its past stays where it was. */
static int move_module(struct api_call *call, struct sql *sql)
{
    struct moving module = {0};
    char object[32], text[48];
    int64_t to = 0;
    int err = find_module(call, sql, &module);

    if (!err)
        err = find_tenant(call, sql, &to);
    if (!err && module.open > 0)
        err = api_refuse(call, 409,
                         "it has an attempt under way: wait, or abort its "
                         "plan");
    if (!err)
        err = sql_run(sql,
                      "UPDATE module SET tenant = $2, grp = '', tags = '' "
                      "WHERE id = $1",
                      SQL_ARGS(SQL_INT(module.id), SQL_INT(to)), NULL);
    if (!err)
        err = sql_run(sql, "DELETE FROM refresh WHERE module = $1",
                      SQL_ARGS(SQL_INT(module.id)), NULL);
    snprintf(object, sizeof object, "module:%.15s", call->parts[0]);
    snprintf(text, sizeof text, "to tenant %" PRId64, to);
    if (!err)
        err = api_audit(call, sql, "module.move", object, text);
    if (!err)
        err = api_changed(call, sql, "module", module.id);
    return err ? err
               : api_answer(call, 200,
                            json_pack("{s:s, s:I}", "imei", call->parts[0],
                                      "tenant", (json_int_t)to));
}

const struct api_route api_tenant_routes[] = {
    {HTTP_GET, "tenants", ROLE_SITE, API_READS, list, NULL},
    {HTTP_POST, "tenants", ROLE_SITE, API_WRITES, add, NULL},
    {HTTP_GET, "tenants/{}", ROLE_SITE, API_READS, show, NULL},
    {HTTP_PATCH, "tenants/{}", ROLE_SITE, API_WRITES, edit, NULL},
    {HTTP_POST, "modules/{}/move", ROLE_SITE, API_WRITES, move_module, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, API_READS, NULL, NULL}};
