/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts that somebody else leads than the module: its host, which asks for
 * a URL and tells how it went; and what of the nodes' attempts over LwM2M is
 * shown.
 */
#include "server/api/api_lead.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/api/plan_row.h"
#include "server/device_api/device_calls.h"
#include "server/fleet/attempts.h"
#include "server/fleet/package_url.h"
#include "server/fleet/registrations.h"
#include "server/fleet/units.h"

enum { WORDS_MAX = 160, NOTES_MAX = 16 };

/* ---- may the plan run from here? ----------------------------------------- */

static int find_class(struct sql *sql, int64_t firmware, char *out, size_t room)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows, "SELECT class FROM firmware WHERE id = $1",
                        SQL_ARGS(SQL_INT(firmware)));

    if (!err)
        err = sql_next(&rows);
    snprintf(out, room, "%s", err == DFOTA_MORE ? sql_text(&rows, 0) : "");
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err;
}

int api_lead_check(struct api_call *call, struct sql *sql,
                   const struct plan_row *row)
{
    char class_name[FLEET_VERSION_MAX + 1], why[PLAN_WHY_ROOM + 200];
    const struct package_kind kind = {class_name, row->model, row->version};
    json_t *json = json_loads(row->spec, 0, NULL);
    struct plan_spec spec;
    int err = plan_spec_parse(json, &spec, why);

    json_decref(json);
    if (err)
        return err == DFOTA_E_SYNTAX ? api_refuse(call, 409, "spec.%s", why)
                                     : err;
    err = find_class(sql, row->firmware, class_name, sizeof class_name);
    if (!err && !package_url_check(call->api->node, &kind, spec.transport, why,
                                   sizeof why))
        err = api_refuse(call, 409, "%s", why);
    plan_spec_release(&spec);
    return err;
}

/* ---- a URL for a host ---------------------------------------------------- */

static int refuse_code(struct api_call *call, int code)
{
    return api_refuse(call, code == S4_SERVICE ? 503 : 409, "%d: %s", code,
                      decide_words(code));
}

/* returns 0 or E_CANCELLED */
static int find_module(struct api_call *call, struct module_view *out)
{
    const char *text = api_text(call, "imei", 15, false);
    uint64_t imei;

    if (!text)
        return DFOTA_E_CANCELLED;
    if (!plan_imei_parse(text, &imei))
        return api_refuse(call, 400, "imei: 15 digits are wanted");
    if (fleet_find(call->api->node->fleet, imei, out) != 0 ||
        out->tenant != call->actor.tenant)
        return api_refuse(call, 404, "there is no such module");
    return out->state == MODULE_BLOCKED
               ? api_refuse(call, 409, "this module is blocked")
               : 0;
}

static int answer_grant(struct api_call *call, const struct module_view *module,
                        const struct grant *grant)
{
    const struct node *node = call->api->node;
    char url[PACKAGE_URL_ROOM], name[PACKAGE_NAME_ROOM];
    char until[32];

    package_url_name(module->model, grant->version, name);
    if (package_url_make(node,
                         package_url_loadable(module->class_name, PLAN_POLLED),
                         grant->sha256, grant->url_until, name, url) != 0)
        return api_refuse(call, 409, "the server has no public address");
    units_moment_text(grant->url_until, until);
    return api_answer(
        call, 200,
        json_pack("{s:I, s:s, s:s, s:I, s:s, s:s, s:s}", "plan",
                  (json_int_t)grant->plan, "attempt", grant->attempt, "url",
                  url, "size", (json_int_t)grant->size, "sha256", grant->sha256,
                  "version", grant->version, "until", until));
}

static int prepare_url(struct api_call *call)
{
    secrets_id(call->text); /* run may run again */
    return 0;
}

static int take_url(struct api_call *call, struct sql *sql,
                    const struct plan_row *row)
{
    struct node *node = call->api->node;
    struct module_view module = {0};
    struct poll poll = {.battery = POLL_UNSAID, .rssi = POLL_UNSAID};
    struct grant grant;
    int err = find_module(call, &module), code = 0;

    if (err)
        return err;
    if (node_clock_is_off(node))
        return refuse_code(call, S4_SERVICE);
    poll.imei = module.imei;
    poll.model = module.model;
    poll.version = api_text(call, "version", FLEET_VERSION_MAX, true);
    if (!poll.version)
        poll.version = module.version;
    poll.access = PLAN_HOST;
    err = attempts_ask(node, sql, &module, &poll, call->text, &grant, &code);
    if (err == DFOTA_E_BUSY)
        fleet_refresh(node->fleet);
    if (err)
        return err;
    if (code)
        return refuse_code(call, code);
    if (grant.plan != row->id)
        return api_refuse(call, 409, "it is plan %" PRId64 " that is its turn",
                          grant.plan);
    if (!(grant.transport & PLAN_HOST))
        return refuse_code(call, S4_ACCESS);
    err = sql_run(sql, "UPDATE attempt SET via = 'host' WHERE id = $1",
                  SQL_ARGS(SQL_TEXT(grant.attempt)), NULL);
    fleet_set_tried(node->fleet, module.imei);
    return err ? err : answer_grant(call, &module, &grant);
}

static int url(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"imei", "version", NULL};
    struct plan_row row;
    int err = plan_row_read(call, sql, &row);

    if (err)
        return err;
    err = api_only(call, fields);
    if (!err)
        err = take_url(call, sql, &row);
    plan_row_release(&row);
    return err;
}

/* ---- what the host says of it -------------------------------------------- */

static int find_attempt(struct api_call *call, struct sql *sql, uint64_t *imei,
                        int64_t *plan)
{
    struct sql_rows rows;
    const char *via;
    int err = sql_query(
        sql, &rows,
        "SELECT imei, plan, via FROM attempt WHERE id = $1 AND tenant = $2",
        SQL_ARGS(SQL_TEXT(call->parts[0]), SQL_INT(call->actor.tenant)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        via = sql_text(&rows, 2);
        plan_imei_parse(sql_text(&rows, 0), imei);
        *plan = sql_int(&rows, 1);
        err = via && strcmp(via, "host") == 0
                  ? 0
                  : api_refuse(call, 409, "that attempt is not a host's");
    } else if (!err) {
        err = api_refuse(call, 404, "there is no such attempt");
    }
    sql_done(&rows);
    return err;
}

static int keep_words(struct api_call *call, struct sql *sql, const char *words)
{
    int64_t n;
    int err =
        sql_one_int(sql, &n, "SELECT count(*) FROM note WHERE attempt = $1",
                    SQL_ARGS(SQL_TEXT(call->parts[0])));

    if (err || n >= NOTES_MAX)
        return err;
    return sql_run(
        sql,
        "INSERT INTO note (attempt, at, text) SELECT $1, $2, $3 WHERE NOT "
        "EXISTS (SELECT 1 FROM note WHERE attempt = $1 AND text = $3)",
        SQL_ARGS(SQL_TEXT(call->parts[0]), SQL_INT(api_now(call)),
                 SQL_TEXT(words)),
        NULL);
}

static int answer_attempt(struct api_call *call, struct sql *sql)
{
    json_t *items, *item;
    int err = api_rows(sql,
                       "attempt:s plan:i imei:s state:s stage:s cause:s "
                       "http_err:i update_err:i version:s",
                       &items,
                       "SELECT id, plan, imei, state, stage, cause, http_err, "
                       "update_err, version FROM attempt WHERE id = $1",
                       SQL_ARGS(SQL_TEXT(call->parts[0])));

    if (err)
        return err;
    item = json_incref(json_array_get(items, 0));
    json_decref(items);
    return api_answer(call, 200, item);
}

static int report(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"version", "http_err", "update_err",
                                         "words", NULL};
    const char *words = api_text(call, "words", WORDS_MAX, true);
    struct report r = {.attempt = call->parts[0]};
    struct module_view module;
    int err = api_only(call, fields), code = 0;

    if (!err)
        err = find_attempt(call, sql, &r.imei, &r.plan);
    if (err)
        return err;
    r.version = api_text(call, "version", FLEET_VERSION_MAX, false);
    if (!r.version)
        return DFOTA_E_CANCELLED;
    if (!device_take_err(call->body, "http_err", &r.http_err) ||
        !device_take_err(call->body, "update_err", &r.update_err))
        return api_refuse(call, 400, "http_err, update_err: whole numbers");
    if (fleet_find(call->api->node->fleet, r.imei, &module) != 0)
        return api_refuse(call, 404, "this module is retired");
    err = attempts_report(call->api->node, sql, &module, &r, &code);
    if (!err && code)
        err = refuse_code(call, code);
    if (!err && words)
        err = keep_words(call, sql, words);
    if (err)
        return err;
    fleet_slot_is_free(call->api->node->fleet);
    return answer_attempt(call, sql);
}

/* ---- the endpoint of a module -------------------------------------------- */

int api_lead_endpoint(struct api_call *call, struct sql *sql, int64_t module)
{
    const json_t *value = json_object_get(call->body, "endpoint");
    const char *endpoint = NULL;
    uint64_t imei;

    if (!value)
        return 0;
    if (!json_is_string(value) || json_string_length(value) > 0) {
        endpoint =
            api_text(call, "endpoint", REGISTRATION_ENDPOINT_ROOM - 1, false);
        if (!endpoint)
            return DFOTA_E_CANCELLED;
    }
    if (endpoint && registration_imei(endpoint, &imei))
        return api_refuse(call, 400,
                          "endpoint: that one tells its module's IMEI by "
                          "itself");
    return sql_run(sql, "UPDATE module SET endpoint = $2 WHERE id = $1",
                   SQL_ARGS(SQL_INT(module), SQL_TEXT(endpoint)), NULL);
}

/* ---- what is led over LwM2M ---------------------------------------------- */

int api_lead_add(struct api_call *call, struct sql *sql, json_t *client)
{
    const char *endpoint =
        json_string_value(json_object_get(client, "endpoint"));
    json_t *items, *item;
    int err = api_rows(
        sql, "imei:s attempt:s plan:i via:s stage:s granted:t deadline:t",
        &items,
        "SELECT m.imei, a.id, a.plan, a.via, CASE WHEN a.stage = 'granted' AND "
        "a.begun IS NOT NULL THEN 'begun' ELSE a.stage END, a.granted, "
        "a.deadline FROM lwm2m_registration r JOIN module m ON m.id = r.module "
        "LEFT JOIN attempt a ON a.module = m.id AND a.state = 'open' WHERE "
        "r.endpoint = $1 AND m.tenant = $2",
        SQL_ARGS(SQL_TEXT(endpoint), SQL_INT(call->actor.tenant)));

    if (err)
        return err;
    item = json_array_get(items, 0);
    json_object_set(client, "imei", json_object_get(item, "imei"));
    json_object_del(item, "imei");
    if (!json_is_string(json_object_get(item, "attempt")))
        item = NULL;
    json_object_set_new(client, "attempt",
                        item ? json_incref(item) : json_null());
    if (!json_object_get(client, "imei"))
        json_object_set_new(client, "imei", json_null());
    json_decref(items);
    return 0;
}

const struct api_route api_lead_routes[] = {
    {HTTP_POST, "plans/{}/url", ROLE_OPERATOR, API_WRITES, url, prepare_url},
    {HTTP_POST, "attempts/{}/result", ROLE_OPERATOR, API_WRITES, report, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, API_READS, NULL, NULL}};
