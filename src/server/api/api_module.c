/* SPDX-License-Identifier: Apache-2.0 */
/* Modules: the register, and why one of them gets what it gets. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"
#include "server/api/api_explain.h"
#include "server/api/api_lead.h"
#include "server/fleet/attempts.h"

enum { TEXT_MAX = 64, TAGS_ROOM = 256 };

#define MODULE_COLUMNS                                                         \
    "id:i imei:s name:s model:s version:s class:s group:s tags:s state:s "     \
    "battery:i rssi:i last_seen:t updates:i created:t attempts:i "             \
    "endpoint:s"
#define MODULE_QUERY                                                           \
    "SELECT id, imei, name, model, version, class, grp, tags, state, "         \
    "battery, rssi, last_seen, updates, created, attempts, endpoint FROM "     \
    "module "                                                                  \
    "WHERE tenant = $1 "

static int list(struct api_call *call, struct sql *sql)
{
    return api_page(
        call, sql, MODULE_COLUMNS,
        MODULE_QUERY "AND id > $2 AND ($3 = '' OR model = $3) AND "
                     "($4 = '' OR version = $4) AND ($5 = '' OR grp = $5) AND "
                     "($6 = '' OR state = $6) AND ($8 = '' OR substr(imei, 1, "
                     "length($8)) = $8 OR lower(substr(name, 1, length($8))) = "
                     "lower($8)) ORDER BY id LIMIT $7",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(api_cursor(call, 0)),
                 SQL_TEXT(api_query(call, "model")),
                 SQL_TEXT(api_query(call, "version")),
                 SQL_TEXT(api_query(call, "group")),
                 SQL_TEXT(api_query(call, "state")),
                 SQL_INT(api_limit(call) + 1), SQL_TEXT(api_query(call, "q"))));
}

int api_module_find(struct api_call *call, struct sql *sql, json_t **out)
{
    json_t *items;
    int err = api_rows(
        sql, MODULE_COLUMNS, &items, MODULE_QUERY "AND imei = $2",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_TEXT(call->parts[0])));

    if (err)
        return err;
    *out = json_incref(json_array_get(items, 0));
    json_decref(items);
    return *out ? 0 : api_refuse(call, 404, "there is no such module");
}

static int show(struct api_call *call, struct sql *sql)
{
    json_t *module;
    int err = api_module_find(call, sql, &module);

    return err ? err : api_answer(call, 200, module);
}

/* ---- one module's settings ---- */

static bool is_state(const char *word)
{
    return strcmp(word, "active") == 0 || strcmp(word, "held") == 0 ||
           strcmp(word, "blocked") == 0 || strcmp(word, "retired") == 0;
}

/* "a,b" is kept as ",a,b,", so that one tag is found as ",a,". */
static void wrap_tags(const char *tags, char out[TAGS_ROOM])
{
    if (*tags == '\0')
        out[0] = '\0';
    else
        snprintf(out, TAGS_ROOM, ",%s,", tags);
}

static int set_column(struct api_call *call, struct sql *sql,
                      const char *statement, const char *value)
{
    return sql_run(sql, statement,
                   SQL_ARGS(SQL_TEXT(value), SQL_TEXT(call->parts[0]),
                            SQL_INT(call->actor.tenant)),
                   NULL);
}

/* A text that may be "", or not be there. false: it was refused */
static bool may_be_empty(struct api_call *call, const char *name, size_t max,
                         const char **out)
{
    const json_t *value = json_object_get(call->body, name);

    *out = value && json_string_length(value) == 0 ? json_string_value(value)
                                                   : NULL;
    if (!value || *out)
        return true;
    *out = api_text(call, name, max, false);
    return *out != NULL;
}

/* It logs in no more, and what it had under way counts for nothing. */
static int retire(struct api_call *call, struct sql *sql)
{
    int64_t now = api_now(call);
    int err = sql_run(sql, "DELETE FROM refresh WHERE module = $1",
                      SQL_ARGS(SQL_INT(call->number)), NULL);

    return err ? err : attempts_withdraw(sql, call->number, "retired", now);
}

static int edit(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"state",    "group",    "tags",
                                         "attempts", "endpoint", NULL};
    char tags[TAGS_ROOM], object[32];
    const json_t *attempts;
    json_t *module;
    const char *state, *group, *text;
    int err = api_module_find(call, sql, &module);

    if (err)
        return err;
    call->number = json_integer_value(json_object_get(module, "id"));
    json_decref(module);
    err = api_only(call, fields);
    if (err)
        return err;
    state = api_text(call, "state", 10, true);
    if (!may_be_empty(call, "group", TEXT_MAX, &group) ||
        !may_be_empty(call, "tags", TAGS_ROOM - 56, &text) ||
        call->status >= 400)
        return DFOTA_E_CANCELLED;
    attempts = json_object_get(call->body, "attempts");
    if (attempts &&
        (!json_is_integer(attempts) || json_integer_value(attempts) < 0 ||
         json_integer_value(attempts) > 100))
        return api_refuse(call, 400, "attempts: 0 (as the plan says) to 100");
    if (state && !is_state(state))
        return api_refuse(call, 400, "state: active, held, blocked or retired");
    if (state)
        err = set_column(call, sql,
                         "UPDATE module SET state = $1 WHERE imei = $2 AND "
                         "tenant = $3",
                         state);
    if (!err && attempts)
        err = sql_run(sql, "UPDATE module SET attempts = $2 WHERE id = $1",
                      SQL_ARGS(SQL_INT(call->number),
                               SQL_INT(json_integer_value(attempts))),
                      NULL);
    if (!err)
        err = api_lead_endpoint(call, sql, call->number);
    if (!err && group)
        err = set_column(call, sql,
                         "UPDATE module SET grp = $1 WHERE imei = $2 AND "
                         "tenant = $3",
                         group);
    if (!err && text) {
        wrap_tags(text, tags);
        err = set_column(call, sql,
                         "UPDATE module SET tags = $1 WHERE imei = $2 AND "
                         "tenant = $3",
                         tags);
    }
    if (!err && state && strcmp(state, "retired") == 0)
        err = retire(call, sql);
    snprintf(object, sizeof object, "module:%.15s", call->parts[0]);
    if (!err)
        err = api_audit(call, sql, "module.edit", object, state ? state : "");
    if (!err)
        err = api_changed(call, sql, "module", call->number);
    return err ? err : show(call, sql);
}

const struct api_route api_module_routes[] = {
    {HTTP_GET, "modules", ROLE_VIEWER, false, list, NULL},
    {HTTP_GET, "modules/{}", ROLE_VIEWER, false, show, NULL},
    {HTTP_PATCH, "modules/{}", ROLE_OPERATOR, true, edit, NULL},
    {HTTP_GET, "modules/{}/explain", ROLE_VIEWER, false, api_explain_module,
     NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, false, NULL, NULL}};
