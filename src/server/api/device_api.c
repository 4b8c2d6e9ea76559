/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/device_api.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/api/device_calls.h"
#include "server/fleet/units.h"
#include "server/reply.h"
#include "server/reply_json.h"

struct MHD_Response *device_refusal(int code, const char *words)
{
    struct MHD_Response *response =
        json_response(json_pack("{s:i, s:s}", "code", code, "message",
                                words ? words : decide_words(code)),
                      NULL);
    unsigned status = decide_status(code);

    if (response && status == 429)
        MHD_add_response_header(response, "Retry-After", "60");
    else if (response && status == 503)
        MHD_add_response_header(response, "Retry-After", "5");
    if (response && status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    return response;
}

enum MHD_Result device_refuse(const struct http_request *request, int code)
{
    return reply_queue(request->connection, decide_status(code),
                       device_refusal(code, NULL));
}

enum MHD_Result device_malformed(const struct http_request *request,
                                 const char *what)
{
    char words[120];

    snprintf(words, sizeof words, "malformed: %s", what);
    return reply_queue(request->connection, 400,
                       device_refusal(S4_SERVICE, words));
}

/* A certificate that names somebody else than the module, or nobody. */
static bool is_certified_otherwise(const struct http_request *request,
                                   const char *imei)
{
    char name[64];
    int err = http_peer_name(request, name, sizeof name);

    return err != DFOTA_E_NOTFOUND && (err || strcmp(name, imei) != 0);
}

int device_authorise(struct device_api *api, const struct http_request *request,
                     const char *imei_text, char scope,
                     struct module_view *module)
{
    struct module_view owner;
    struct token token;
    uint64_t imei;
    int code;

    if (!plan_imei_parse(imei_text, &imei))
        return S4_NO_IMEI;
    code = token_check(api->node, http_header(request, "Authorization"),
                       clock_wall(api->node->clock), &token);
    if (code)
        return code;
    if (!strchr(token.scope, scope))
        return S4_TOKEN_SCOPE;
    if (fleet_find(api->node->fleet, token.imei, &owner) == 0 &&
        owner.state == MODULE_BLOCKED)
        return S4_TOKEN_SCOPE;
    if (token.imei != imei || is_certified_otherwise(request, imei_text))
        return S4_OTHER_MODULE;
    if (fleet_find(api->node->fleet, imei, module) != 0 ||
        module->tenant != token.tenant)
        return S4_NO_MODULE;
    return 0;
}

/* ---- the plan ---- */

struct plan_call {
    struct job job;
    struct device_api *api;
    struct http_later *later;
    struct module_view module;
    struct poll poll;
    char model[FLEET_VERSION_MAX + 1], version[FLEET_VERSION_MAX + 1];
    char attempt[SECRETS_ID_ROOM];
    struct grant grant;
    int code;
};

static bool take_number(const struct http_request *request, const char *name,
                        int low, int high, int *out)
{
    const char *text = http_query(request, name);
    int64_t number;

    *out = POLL_UNSAID;
    if (!text)
        return true;
    if (!units_number(text, low, high, &number))
        return false;
    *out = (int)number;
    return true;
}

static bool take_text(const struct http_request *request, const char *name,
                      char out[FLEET_VERSION_MAX + 1])
{
    const char *text = http_query(request, name);

    if (!text || *text == '\0' || strlen(text) > FLEET_VERSION_MAX)
        return false;
    snprintf(out, FLEET_VERSION_MAX + 1, "%s", text);
    return true;
}

/* returns NULL, or what is wrong */
static const char *read_poll(const struct http_request *request,
                             struct plan_call *call)
{
    const char *access = http_query(request, "access");

    if (!take_text(request, "model", call->model))
        return "model, 1 to 64 bytes";
    if (!take_text(request, "version", call->version))
        return "version, 1 to 64 bytes";
    if (!take_number(request, "battery", 0, 100, &call->poll.battery))
        return "battery, 0 to 100";
    if (!take_number(request, "rssi", -200, 0, &call->poll.rssi))
        return "rssi, -200 to 0";
    if (access && !plan_access_parse(access, &call->poll.access))
        return "access, a list of http, https, coap, coaps";
    call->poll.model = call->model;
    call->poll.version = call->version;
    return NULL;
}

static int run_plan(struct sql *sql, struct job *job)
{
    struct plan_call *call = (struct plan_call *)job;
    struct node *node = call->api->node;
    int err = attempts_ask(node, sql, &call->module, &call->poll, call->attempt,
                           &call->grant, &call->code);

    if (err == DFOTA_E_BUSY) /* the memory is too old for the database */
        fleet_refresh(node->fleet);
    return err;
}

static const char *base_url(const struct node *node, const struct grant *grant,
                            unsigned access)
{
    unsigned may = grant->transport & (access ? access : 15);

    if ((may & PLAN_HTTPS) && node->public_https[0])
        return node->public_https;
    return (may & PLAN_HTTP) && node->public_http[0] ? node->public_http : NULL;
}

static void file_name(const struct plan_call *call, char out[48])
{
    size_t len = (size_t)snprintf(out, 44, "%.24s-%.16s", call->model,
                                  call->grant.version);

    for (char *c = out; *c; c++) {
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                    "0123456789-_.",
                    *c))
            *c = '_';
    }
    if (out[0] == '.')
        out[0] = '_';
    snprintf(out + len, 5, ".pkg");
}

static struct MHD_Response *plan_response(const struct plan_call *call)
{
    const struct node *node = call->api->node;
    const struct grant *grant = &call->grant;
    const char *base = base_url(node, grant, call->poll.access);
    char path[160], url[NODE_URL_ROOM + 160], name[48], plan[24];

    file_name(call, name);
    if (!base || token_sign_path(node, grant->sha256, grant->url_until, name,
                                 path, sizeof path) != 0)
        return NULL;
    snprintf(url, sizeof url, "%s%s", base, path);
    snprintf(plan, sizeof plan, "%" PRId64, grant->plan);
    return json_response(json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "plan",
                                   plan, "attempt", grant->attempt, "url", url,
                                   "size", (json_int_t)grant->size, "sha256",
                                   grant->sha256, "version", grant->version),
                         NULL);
}

static void plan_done(struct job *job, int err)
{
    struct plan_call *call = (struct plan_call *)job;
    struct fleet *fleet = call->api->node->fleet;
    struct MHD_Response *response = NULL;
    int code = err ? S4_SERVICE : call->code;
    unsigned status = 200;

    if (!err)
        fleet_set_open(fleet, call->poll.imei, code == 0 || code == S4_STATE);
    if (code == 0)
        response = plan_response(call);
    if (!response) {
        code = code ? code : S4_SERVICE;
        status = decide_status(code);
        response = device_refusal(code, NULL);
    }
    http_resume(call->later, status, response);
    free(call);
}

/* What the memory refuses is answered from there, unless an attempt is open:
 * then there may be another answer. */
static int from_memory(struct plan_call *call)
{
    struct choice choices[FLEET_CHOICES_MAX];
    struct node *node = call->api->node;
    unsigned n;

    if (atomic_load(&node->clock_is_off))
        return S4_SERVICE;
    if (fleet_may_be_open(node->fleet, call->poll.imei))
        return 0;
    return fleet_choose(node->fleet, &call->module, &call->poll,
                        clock_wall(node->clock), choices, &n);
}

static enum MHD_Result give_to_writer(struct plan_call *call,
                                      const struct http_request *request)
{
    call->job = (struct job){.run = run_plan, .done = plan_done};
    secrets_id(call->attempt);
    call->later = http_suspend(request);
    if (store_post(call->api->node->store, &call->job) != 0)
        plan_done(&call->job, DFOTA_E_FULL);
    return MHD_YES;
}

static enum MHD_Result answer_plan(struct device_api *api,
                                   const struct http_request *request)
{
    struct plan_call *call = calloc(1, sizeof *call);
    const char *wrong;
    int code;

    if (!call)
        return MHD_NO;
    call->api = api;
    wrong = read_poll(request, call);
    if (wrong) {
        free(call);
        return device_malformed(request, wrong);
    }
    code = device_authorise(api, request, http_query(request, "imei"),
                            TOKEN_SCOPE_PLAN, &call->module);
    if (!code) {
        call->poll.imei = call->module.imei;
        fleet_seen(api->node->fleet, &call->poll, clock_wall(api->node->clock));
        code = from_memory(call);
    }
    if (!code)
        return give_to_writer(call, request);
    free(call);
    return device_refuse(request, code);
}

/* ---- the way in ---- */

struct route {
    const char *path;
    enum http_method method;
    enum MHD_Result (*answer)(struct device_api *api,
                              const struct http_request *request);
};

static const struct route routes[] = {
    {"fota/v1/token", HTTP_POST, device_answer_token},
    {"fota/v1/plan", HTTP_GET, answer_plan},
    {"fota/v1/result", HTTP_POST, device_answer_result},
};

bool device_api_serves(const char *path)
{
    return strncmp(path, "fota/", 5) == 0;
}

enum MHD_Result device_api_answer(struct device_api *api,
                                  const struct http_request *request)
{
    for (unsigned i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].path, request->path) != 0)
            continue;
        if (routes[i].method != request->method)
            return reply_text(request->connection, 405, "another method",
                              "Allow",
                              routes[i].method == HTTP_GET ? "GET" : "POST");
        return routes[i].answer(api, request);
    }
    return reply_text(request->connection, 404, "not found", NULL, NULL);
}
