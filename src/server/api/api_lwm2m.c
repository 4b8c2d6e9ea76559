/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LwM2M clients: who is registered, what they are asked, their updates. A
 * question is answered by its number: a client may need its time, and this
 * interface does not wait.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/firmware_job.h"
#include "server/api/api_lead.h"
#include "server/fleet/package_url.h"
#include "server/fleet/registrations.h"
#include "server/lwm2m/lwm2m_service.h"

enum { URI_MAX = 255, URL_LIFE_S = 7 * 86400 };

/* Handlers have a service: without one all but the list is 404. */
static int need_service(struct api_call *call)
{
    return call->api->lwm2m
               ? 0
               : api_refuse(call, 404,
                            "this server has no LwM2M; start it with --lwm2m");
}

static int no_such_client(struct api_call *call)
{
    return api_refuse(call, 404, "no client %.100s is registered",
                      call->parts[0]);
}

/* ---- whose is it? -------------------------------------------------------- */

/* A client belongs to the tenant of its module; one that no module is known
 * for to the first tenant, whose the site is. */
static int find_tenant(struct sql *sql, const char *endpoint, int64_t *tenant)
{
    char text[24] = "";
    uint64_t imei;
    int err;

    if (registration_imei(endpoint, &imei))
        snprintf(text, sizeof text, "%015" PRIu64, imei);
    err = sql_one_int(sql, tenant,
                      text[0] ? "SELECT tenant FROM module WHERE imei = $1"
                              : "SELECT tenant FROM module WHERE endpoint = $1",
                      SQL_ARGS(SQL_TEXT(text[0] ? text : endpoint)));
    if (err == DFOTA_E_NOTFOUND)
        *tenant = 1;
    return err == DFOTA_E_NOTFOUND ? 0 : err;
}

static int check_owner(struct api_call *call, struct sql *sql,
                       const char *endpoint)
{
    int64_t tenant = 0;
    int err = find_tenant(sql, endpoint, &tenant);

    return !err && tenant != call->actor.tenant ? no_such_client(call) : err;
}

struct told {
    struct job job;
    struct api_call *call;
    const char *action, *detail;
};

static int run_told(struct sql *sql, struct job *job)
{
    const struct told *told = (struct told *)job;
    char object[160];

    snprintf(object, sizeof object, "lwm2m:%.140s", told->call->parts[0]);
    return api_audit(told->call, sql, told->action, object, told->detail);
}

/* Before it is done: what a client does then is no part of a transaction. */
static int tell(struct api_call *call, const char *action, const char *detail)
{
    struct told told = {.job = {.run = run_told},
                        .call = call,
                        .action = action,
                        .detail = detail ? detail : ""};

    return store_do(call->api->node->store, &told.job);
}

/* ---- who is there -------------------------------------------------------- */

static int keep_own(struct api_call *call, struct sql *sql, json_t *items)
{
    size_t i = 0;
    int err = 0;

    while (!err && i < json_array_size(items)) {
        json_t *item = json_array_get(items, i);
        int64_t tenant = 0;

        err = find_tenant(
            sql, json_string_value(json_object_get(item, "endpoint")), &tenant);
        if (!err && tenant == call->actor.tenant) {
            err = api_lead_add(call, sql, item);
            i++;
        } else if (!err) {
            json_array_remove(items, i);
        }
    }
    return err;
}

static int list(struct api_call *call, struct sql *sql)
{
    size_t limit = (size_t)api_limit(call);
    json_t *items, *last, *answer;
    int err;

    items = call->api->lwm2m
                ? lwm2m_service_list(call->api->lwm2m,
                                     api_query(call, "cursor"), limit + 1)
                : json_array();
    answer = json_pack("{s:o, s:n}", "items", items, "next");
    if (json_array_size(items) > limit) {
        json_array_remove(items, limit);
        last = json_array_get(items, limit - 1);
        json_object_set(answer, "next", json_object_get(last, "endpoint"));
    }
    err = keep_own(call, sql, items);
    if (!err)
        return api_answer(call, 200, answer);
    json_decref(answer);
    return err;
}

static int show(struct api_call *call, struct sql *sql)
{
    json_t *client;
    int err = check_owner(call, sql, call->parts[0]);

    if (err)
        return err;
    client = lwm2m_service_show(call->api->lwm2m, call->parts[0]);
    err = client ? api_lead_add(call, sql, client) : no_such_client(call);
    if (!err)
        return api_answer(call, 200, client);
    json_decref(client);
    return err;
}

/* ---- questions ----------------------------------------------------------- */

static int ask(struct api_call *call, enum lwm2m_action action,
               const char *path, const char *value)
{
    uint32_t id;
    int err = lwm2m_service_ask(call->api->lwm2m, call->parts[0], action, path,
                                value, &id);

    switch (err) {
    case 0:
        return api_answer(call, 202, json_pack("{s:I}", "id", (json_int_t)id));
    case DFOTA_E_NOTFOUND:
        return no_such_client(call);
    case DFOTA_E_SYNTAX:
        return api_refuse(call, 400, "path: /object/instance/resource");
    case DFOTA_E_FULL:
        return api_refuse(call, 503, "too many questions wait");
    case DFOTA_E_CONNECT:
        return api_refuse(call, 409, "there is no way to this client now");
    default:
        return err;
    }
}

static int ask_path(struct api_call *call, struct sql *sql,
                    enum lwm2m_action action)
{
    static const char *const names[] = {"path", NULL};
    const char *path;
    int err = check_owner(call, sql, call->parts[0]);

    if (!err)
        err = api_only(call, names);
    if (err)
        return err;
    path = api_text(call, "path", 64, false);
    if (!path)
        return DFOTA_E_CANCELLED;
    if (action == LWM2M_EXECUTE)
        err = tell(call, "lwm2m.execute", path);
    return err ? err : ask(call, action, path, NULL);
}

static int read_value(struct api_call *call, struct sql *sql)
{
    return ask_path(call, sql, LWM2M_READ);
}

static int discover(struct api_call *call, struct sql *sql)
{
    return ask_path(call, sql, LWM2M_DISCOVER);
}

static int execute(struct api_call *call, struct sql *sql)
{
    return ask_path(call, sql, LWM2M_EXECUTE);
}

static int write_value(struct api_call *call, struct sql *sql)
{
    static const char *const names[] = {"path", "value", NULL};
    const char *path, *value;
    int err = check_owner(call, sql, call->parts[0]);

    if (!err)
        err = api_only(call, names);
    if (err)
        return err;
    path = api_text(call, "path", 64, false);
    if (!path)
        return DFOTA_E_CANCELLED;
    /* "" is a value: it resets an update. */
    value = json_string_value(json_object_get(call->body, "value"));
    if (!value || strlen(value) > 1024)
        return api_refuse(call, 400, "value: a text of at most 1024 bytes");
    err = tell(call, "lwm2m.write", path);
    return err ? err : ask(call, LWM2M_WRITE, path, value);
}

static int answer_of(struct api_call *call, struct sql *sql)
{
    json_t *answer;
    int64_t id;
    int err;

    if (!api_number(call->parts[0], &id) || id < 1 || id > UINT32_MAX)
        return api_refuse(call, 404, "there is no such question");
    answer = lwm2m_service_answer(call->api->lwm2m, (uint32_t)id);
    if (!answer)
        return api_refuse(call, 404, "there is no such question any more");
    err = check_owner(call, sql,
                      json_string_value(json_object_get(answer, "endpoint")));
    if (!err)
        return api_answer(call, 200, answer);
    json_decref(answer);
    return err == DFOTA_E_CANCELLED
               ? api_refuse(call, 404, "there is no such question any more")
               : err;
}

/* ---- updates ------------------------------------------------------------- */

struct chosen {
    char sha256[VAULT_HEX_ROOM];
    char version[REGISTRAR_VERSION_MAX + 1];
    char uri[4][PACKAGE_URL_ROOM]; /* coap, coaps, http, https */
};

/* The package of a number: its content and the version it makes. */
static int find_package(struct api_call *call, struct sql *sql, int64_t id,
                        struct chosen *out)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT k.sha256, t.version FROM package k JOIN "
                        "firmware t ON t.id = k.target WHERE k.tenant = $1 "
                        "AND k.id = $2 AND k.state = 'ready'",
                        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(id)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        snprintf(out->sha256, sizeof out->sha256, "%s", sql_text(&rows, 0));
        snprintf(out->version, sizeof out->version, "%s", sql_text(&rows, 1));
        err = 0;
    } else if (!err) {
        err = api_refuse(call, 404,
                         "there is no such package, or it is not ready");
    }
    sql_done(&rows);
    return err;
}

/* URLs of it at this server, for a pull. */
static void make_urls(struct api_call *call, struct chosen *c)
{
    static const unsigned bits[4] = {PLAN_COAP, PLAN_COAPS, PLAN_HTTP,
                                     PLAN_HTTPS};

    for (int i = 0; i < 4; i++)
        if (package_url_make(call->api->node, bits[i], c->sha256,
                             api_now(call) + URL_LIFE_S, "package",
                             c->uri[i]) != 0)
            c->uri[i][0] = '\0';
}

/* A URI of another server. returns 0 or E_CANCELLED */
static int take_uri(struct api_call *call, const char *uri, struct chosen *c)
{
    static const char *const schemes[] = {"coap://", "coaps://", "http://",
                                          "https://"};

    for (int i = 0; i < 4; i++) {
        if (strncmp(uri, schemes[i], strlen(schemes[i])) != 0)
            continue;
        snprintf(c->uri[i], sizeof c->uri[i], "%s", uri);
        return 0;
    }
    return api_refuse(call, 400, "uri: coap, coaps, http or https");
}

static int choose(struct api_call *call, struct sql *sql, struct chosen *c)
{
    const char *uri = api_text(call, "uri", URI_MAX, true);
    const json_t *package = json_object_get(call->body, "package");
    int err = 0;

    if ((!uri && json_object_get(call->body, "uri")) ||
        (package && !json_is_integer(package)))
        return api_refuse(call, 400,
                          "package: a number; uri: at most 255 bytes");
    if (!uri && !package)
        return api_refuse(call, 400, "package or uri is wanted");
    if (package) {
        err = find_package(call, sql, json_integer_value(package), c);
        if (!err)
            make_urls(call, c);
    }
    return err || !uri ? err : take_uri(call, uri, c);
}

static int method_of(struct api_call *call, int *method)
{
    static const char *const words[] = {
        [JOB_AUTO] = "auto", [JOB_PUSH] = "push", [JOB_PULL] = "pull"};
    const char *word = api_text(call, "method", 8, true);

    *method = JOB_AUTO;
    for (int i = 0; word && i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            *method = i;
            return 0;
        }
    return word ? api_refuse(call, 400, "method: auto, push or pull") : 0;
}

static int begin(struct api_call *call, struct chosen *c, int method)
{
    const char *version =
        api_text(call, "version", REGISTRAR_VERSION_MAX, true);
    struct lwm2m_update u = {.method = method,
                             .version = version         ? version
                                        : c->version[0] ? c->version
                                                        : NULL};
    size_t len = 0;
    int err = c->sha256[0]
                  ? vault_get(call->api->vault, c->sha256, &u.package, &len)
                  : 0;

    u.length = (uint32_t)len;
    for (int i = 0; i < 4; i++)
        u.uri[i] = c->uri[i][0] ? c->uri[i] : NULL;
    if (!err)
        err = lwm2m_service_update(call->api->lwm2m, call->parts[0], &u);
    if (err)
        free(u.package);
    if (err == DFOTA_E_NOTFOUND)
        return no_such_client(call);
    if (err == DFOTA_E_BUSY)
        return api_refuse(call, 409, "an update of it is under way");
    return err ? err
               : api_answer(
                     call, 202,
                     lwm2m_service_show(call->api->lwm2m, call->parts[0]));
}

static int update(struct api_call *call, struct sql *sql)
{
    static const char *const names[] = {"package", "uri", "version", "method",
                                        NULL};
    struct chosen c = {.sha256 = ""};
    int method, err = check_owner(call, sql, call->parts[0]);

    if (!err)
        err = api_only(call, names);
    if (!err)
        err = method_of(call, &method);
    if (!err)
        err = choose(call, sql, &c);
    if (!err)
        err = tell(call, "lwm2m.update", c.version);
    return err ? err : begin(call, &c, method);
}

static int cancel(struct api_call *call, struct sql *sql)
{
    int err = check_owner(call, sql, call->parts[0]);

    if (!err)
        err = tell(call, "lwm2m.cancel", "");
    if (err)
        return err;
    if (lwm2m_service_cancel(call->api->lwm2m, call->parts[0]) != 0)
        return api_refuse(call, 404, "no update of it is under way");
    return api_answer(call, 200, json_object());
}

const struct api_route api_lwm2m_routes[] = {
    {HTTP_GET, "lwm2m", ROLE_VIEWER, API_READS, list, NULL},
    {HTTP_GET, "lwm2m/{}", ROLE_VIEWER, API_READS, show, need_service},
    {HTTP_GET, "lwm2m/requests/{}", ROLE_VIEWER, API_READS, answer_of,
     need_service},
    {HTTP_POST, "lwm2m/{}/read", ROLE_VIEWER, API_READS, read_value,
     need_service},
    {HTTP_POST, "lwm2m/{}/discover", ROLE_VIEWER, API_READS, discover,
     need_service},
    {HTTP_POST, "lwm2m/{}/write", ROLE_OPERATOR, API_SLOW, write_value,
     need_service},
    {HTTP_POST, "lwm2m/{}/execute", ROLE_OPERATOR, API_SLOW, execute,
     need_service},
    {HTTP_POST, "lwm2m/{}/update", ROLE_OPERATOR, API_SLOW, update,
     need_service},
    {HTTP_POST, "lwm2m/{}/cancel", ROLE_OPERATOR, API_SLOW, cancel,
     need_service},
    {HTTP_OTHER, NULL, ROLE_SITE, API_READS, NULL, NULL}};
