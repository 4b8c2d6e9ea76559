/* SPDX-License-Identifier: Apache-2.0 */
/* Modules: the register, and why one of them gets what it gets. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"
#include "server/fleet/token.h"
#include "server/fleet/units.h"

enum { IMPORT_MAX = 10000, TEXT_MAX = 64, TAGS_ROOM = 256 };

#define MODULE_COLUMNS                                                         \
    "id:i imei:s name:s model:s version:s class:s group:s tags:s state:s "     \
    "battery:i rssi:i last_seen:t updates:i created:t"
#define MODULE_QUERY                                                           \
    "SELECT id, imei, name, model, version, class, grp, tags, state, "         \
    "battery, rssi, last_seen, updates, created FROM module "                  \
    "WHERE tenant = $1 "

static int list(struct api_call *call, struct sql *sql)
{
    return api_page(
        call, sql, MODULE_COLUMNS,
        MODULE_QUERY "AND id > $2 AND ($3 = '' OR model = $3) AND "
                     "($4 = '' OR version = $4) AND ($5 = '' OR grp = $5) AND "
                     "($6 = '' OR state = $6) ORDER BY id LIMIT $7",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(api_cursor(call, 0)),
                 SQL_TEXT(api_query(call, "model")),
                 SQL_TEXT(api_query(call, "version")),
                 SQL_TEXT(api_query(call, "group")),
                 SQL_TEXT(api_query(call, "state")),
                 SQL_INT(api_limit(call) + 1)));
}

static int find(struct api_call *call, struct sql *sql, json_t **out)
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
    int err = find(call, sql, &module);

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

static int edit(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"state", "group", "tags", NULL};
    char tags[TAGS_ROOM], object[32];
    json_t *module;
    const char *state, *group, *text;
    int err = find(call, sql, &module);

    if (err)
        return err;
    call->number = json_integer_value(json_object_get(module, "id"));
    json_decref(module);
    err = api_only(call, fields);
    if (err)
        return err;
    state = api_text(call, "state", 10, true);
    group = json_string_value(json_object_get(call->body, "group"));
    text = json_string_value(json_object_get(call->body, "tags"));
    if (state && !is_state(state))
        return api_refuse(call, 400, "state: active, held, blocked or retired");
    if ((group && strlen(group) > TEXT_MAX) || (text && strlen(text) > 200))
        return api_refuse(call, 400, "group: at most 64 bytes; tags: 200");
    if (state)
        err = set_column(call, sql,
                         "UPDATE module SET state = $1 WHERE imei = $2 AND "
                         "tenant = $3",
                         state);
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
    snprintf(object, sizeof object, "module:%.15s", call->parts[0]);
    if (!err)
        err = api_audit(call, sql, "module.edit", object, state ? state : "");
    if (!err)
        err = api_changed(call, sql, "module", call->number);
    return err ? err : show(call, sql);
}

/* ---- many at once ---- */

static const char *text_of(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);

    if (!value)
        return "";
    if (!json_is_string(value) || json_string_length(value) > 200)
        return NULL;
    return json_string_value(value);
}

struct enrolled {
    const char *imei, *name, *password, *model, *version, *class_name, *group,
        *tags;
};

/* returns NULL, or what is wrong */
static const char *read_row(const json_t *row, struct enrolled *m)
{
    uint64_t imei;

    if (!json_is_object(row))
        return "not an object";
    *m = (struct enrolled){text_of(row, "imei"),     text_of(row, "name"),
                           text_of(row, "password"), text_of(row, "model"),
                           text_of(row, "version"),  text_of(row, "class"),
                           text_of(row, "group"),    text_of(row, "tags")};
    if (!m->imei || !m->name || !m->password || !m->model || !m->version ||
        !m->class_name || !m->group || !m->tags)
        return "a field is no text of at most 200 bytes";
    if (!plan_imei_parse(m->imei, &imei))
        return "imei: 15 digits are wanted";
    if (*m->model == '\0' || strlen(m->model) > TEXT_MAX)
        return "model: 1 to 64 bytes are wanted";
    if (strlen(m->name) > TEXT_MAX || strlen(m->group) > TEXT_MAX ||
        strlen(m->version) > TEXT_MAX || strlen(m->class_name) > TEXT_MAX)
        return "name, group, version and class have at most 64 bytes";
    if (*m->password && strlen(m->password) < TOKEN_PASSWORD_MIN)
        return "password: at least 16 bytes; leave it out for one made here";
    return NULL;
}

static int insert(struct api_call *call, struct sql *sql,
                  const struct enrolled *m, const char *password, int64_t *id)
{
    char hash[SECRETS_HEX_ROOM], tags[TAGS_ROOM];
    int err;

    token_hash_password(call->api->node, password, hash);
    wrap_tags(m->tags, tags);
    err = sql_one_int(
        sql, id,
        "INSERT INTO module (tenant, imei, name, model, version, class, grp, "
        "tags, password, state, updates, created) VALUES ($1, $2, $3, $4, $5, "
        "$6, $7, $8, $9, 'active', 0, $10) ON CONFLICT DO NOTHING RETURNING id",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_TEXT(m->imei),
                 SQL_TEXT(*m->name ? m->name : m->imei), SQL_TEXT(m->model),
                 SQL_TEXT(m->version), SQL_TEXT(m->class_name),
                 SQL_TEXT(m->group), SQL_TEXT(tags), SQL_TEXT(hash),
                 SQL_INT(api_now(call))));
    return err == DFOTA_E_NOTFOUND ? 0 : err;
}

/* A row that is wrong is told with its number and keeps no other away. */
static int import_row(struct api_call *call, struct sql *sql, json_t *row,
                      size_t number, bool dry, json_t *made, json_t *wrong)
{
    char password[SECRETS_WORD_ROOM];
    struct enrolled m;
    const char *why = read_row(row, &m);
    int64_t id = 0;
    int err = 0;

    secrets_word(password);
    if (!why)
        err = insert(call, sql, &m, *m.password ? m.password : password, &id);
    if (err)
        return err;
    if (!why && id == 0)
        why = "this IMEI or name is there already";
    if (why)
        return json_array_append_new(
            wrong, json_pack("{s:i, s:s}", "row", (int)number + 1, "why", why));
    if (!dry)
        err = fleet_note_change(sql, "module", id, api_now(call));
    json_array_append_new(made, *m.password ? json_pack("{s:s}", "imei", m.imei)
                                            : json_pack("{s:s, s:s}", "imei",
                                                        m.imei, "password",
                                                        dry ? "" : password));
    return err;
}

static int import(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"modules", "dry_run", NULL};
    json_t *rows = json_object_get(call->body, "modules"), *row, *made, *wrong;
    bool dry = json_is_true(json_object_get(call->body, "dry_run"));
    char text[48];
    size_t i;
    int err = api_only(call, fields);

    if (err)
        return err;
    if (!json_is_array(rows) || json_array_size(rows) == 0 ||
        json_array_size(rows) > IMPORT_MAX)
        return api_refuse(call, 400, "modules: a list of 1 to 10000 objects");
    made = json_array();
    wrong = json_array();
    json_array_foreach(rows, i, row)
    {
        if (!err)
            err = import_row(call, sql, row, i, dry, made, wrong);
    }
    snprintf(text, sizeof text, "%zu modules", json_array_size(made));
    if (!err && !dry)
        err = api_audit(call, sql, "module.import", "modules", text);
    call->job.changed = !dry;
    if (!err)
        api_answer(call, 200,
                   json_pack("{s:O, s:O, s:b}", "made", made, "refused", wrong,
                             "dry_run", dry));
    json_decref(made);
    json_decref(wrong);
    return err || !dry ? err : DFOTA_E_CANCELLED; /* nothing is kept */
}

/* ---- why ---- */

struct explaining {
    json_t *plans;
    const struct module_view *module;
    struct poll poll;
    int64_t now;
};

static void explain_plan(void *ctx, const struct plan *plan)
{
    struct explaining *e = ctx;
    struct finding findings[DECIDE_CHECKS_MAX];
    json_t *checks = json_array();
    unsigned n = 0;
    int code = decide(plan, e->module, &e->poll, e->now, findings, &n);

    for (unsigned i = 0; i < n; i++)
        json_array_append_new(
            checks,
            json_pack("{s:s, s:i, s:b, s:s, s:s}", "check", findings[i].check,
                      "code", findings[i].code, "passed", findings[i].passed,
                      "value", findings[i].value, "limit", findings[i].limit));
    json_array_append_new(
        e->plans, json_pack("{s:I, s:s, s:s, s:i, s:o}", "plan",
                            (json_int_t)plan->id, "name", plan->name, "target",
                            plan->version, "code", code, "checks", checks));
}

#define HISTORY                                                                \
    "SELECT id, plan, to_version, state, stage, cause, http_err, "             \
    "update_err, granted, deadline, closed FROM attempt WHERE module = $1 "    \
    "ORDER BY granted DESC LIMIT 3"

static int verdict(struct api_call *call, const struct explaining *e,
                   json_t *attempts)
{
    const json_t *latest = json_array_get(attempts, 0);
    const char *state = json_string_value(json_object_get(latest, "state"));
    struct choice choices[FLEET_CHOICES_MAX];
    unsigned n;

    if (e->module->state == MODULE_BLOCKED)
        return S4_TOKEN_SCOPE;
    if (state && strcmp(state, "open") == 0)
        return strcmp(json_string_value(json_object_get(latest, "stage")),
                      "loaded") == 0
                   ? S4_STATE
                   : 0;
    return fleet_choose(call->api->node->fleet, e->module, &e->poll, e->now,
                        choices, &n);
}

static int explain(struct api_call *call, struct sql *sql)
{
    struct module_view module;
    struct explaining e = {.module = &module, .now = api_now(call)};
    json_t *row, *attempts;
    uint64_t imei;
    int err = find(call, sql, &row), code;

    if (err)
        return err;
    if (!plan_imei_parse(call->parts[0], &imei) ||
        fleet_find(call->api->node->fleet, imei, &module) != 0) {
        json_decref(row);
        return api_refuse(call, 404, "this module is retired");
    }
    e.poll = (struct poll){.imei = imei,
                           .model = module.model,
                           .version = module.version,
                           .battery = module.battery,
                           .rssi = module.rssi};
    err = api_rows(sql,
                   "attempt:s plan:i target:s state:s stage:s cause:s "
                   "http_err:i update_err:i granted:t deadline:t closed:t",
                   &attempts, HISTORY, SQL_ARGS(SQL_INT(module.id)));
    if (err) {
        json_decref(row);
        return err;
    }
    e.plans = json_array();
    fleet_each_plan(call->api->node->fleet, module.tenant, explain_plan, &e);
    code = verdict(call, &e, attempts);
    return api_answer(call, 200,
                      json_pack("{s:o, s:i, s:s, s:o, s:o}", "module", row,
                                "code", code, "next_poll",
                                code ? decide_words(code) : "an update",
                                "plans", e.plans, "attempts", attempts));
}

const struct api_route api_module_routes[] = {
    {HTTP_GET, "modules", ROLE_VIEWER, false, list, NULL},
    {HTTP_POST, "modules/import", ROLE_ADMIN, true, import, NULL},
    {HTTP_GET, "modules/{}", ROLE_VIEWER, false, show, NULL},
    {HTTP_PATCH, "modules/{}", ROLE_OPERATOR, true, edit, NULL},
    {HTTP_GET, "modules/{}/explain", ROLE_VIEWER, false, explain, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, false, NULL, NULL}};
