/* SPDX-License-Identifier: Apache-2.0 */
/* GET /fota/v1/plan */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "server/device_api/device_calls.h"
#include "server/fleet/package_url.h"
#include "server/fleet/recheck.h"
#include "server/fleet/units.h"
#include "server/http/reply_json.h"

struct plan_call {
    struct job job;
    struct doubt doubt;
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

    if (!text || *text == '\0' || strlen(text) > FLEET_VERSION_MAX ||
        !dfota_is_text(text, strlen(text)))
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

/* What the module says that it can, and its dialect. */
static unsigned protocols(const struct plan_call *call)
{
    unsigned access = call->poll.access ? call->poll.access : PLAN_POLLED;

    return call->grant.transport &
           package_url_loadable(call->module.class_name, access);
}

static struct MHD_Response *plan_response(const struct plan_call *call)
{
    const struct node *node = call->api->node;
    const struct grant *grant = &call->grant;
    char url[PACKAGE_URL_ROOM], name[PACKAGE_NAME_ROOM], plan[24];

    package_url_name(call->model, grant->version, name);
    if (package_url_make(node, protocols(call), grant->sha256, grant->url_until,
                         name, url) != 0)
        return NULL;
    snprintf(plan, sizeof plan, "%" PRId64, grant->plan);
    return json_response(json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "plan",
                                   plan, "attempt", grant->attempt, "url", url,
                                   "size", (json_int_t)grant->size, "sha256",
                                   grant->sha256, "version", grant->version),
                         NULL);
}

static void answer(struct plan_call *call, int code)
{
    struct MHD_Response *response = code ? NULL : plan_response(call);

    if (!response) {
        code = code ? code : S4_SERVICE;
        response = device_refusal(code, NULL);
    }
    http_resume(call->later, code ? decide_status(code) : 200, response);
    free(call);
}

static void plan_done(struct job *job, int err)
{
    struct plan_call *call = (struct plan_call *)job;

    if (!err && (call->code == 0 || call->code == S4_STATE))
        fleet_set_tried(call->api->node->fleet, call->poll.imei);
    answer(call, err ? S4_SERVICE : call->code);
}

static void give_to_writer(struct plan_call *call)
{
    call->job = (struct job){.run = run_plan, .done = plan_done};
    secrets_id(call->attempt);
    if (store_post(call->api->node->store, &call->job) != 0)
        plan_done(&call->job, DFOTA_E_FULL);
}

/* returns 0: only a transaction can tell; else the number to refuse with, if
 * no other node knows better */
static int from_memory(const struct plan_call *call)
{
    struct choice choices[FLEET_CHOICES_MAX];
    const struct node *node = call->api->node;
    unsigned n;

    if (call->module.tried)
        return 0;
    return fleet_choose(node->fleet, &call->module, &call->poll,
                        clock_wall(node->clock), choices, &n);
}

static struct plan_call *call_of(struct doubt *doubt)
{
    return (struct plan_call *)((char *)doubt -
                                offsetof(struct plan_call, doubt));
}

static void doubt_settled(struct doubt *doubt, bool tried, int err)
{
    struct plan_call *call = call_of(doubt);
    int code = 0;

    if (!err && !tried)
        err =
            fleet_find(call->api->node->fleet, call->poll.imei, &call->module);
    if (err)
        code = S4_SERVICE;
    else if (!tried)
        code = from_memory(call);
    if (code)
        answer(call, code);
    else
        give_to_writer(call);
}

static enum MHD_Result wait_for_others(struct plan_call *call,
                                       const struct http_request *request)
{
    call->doubt =
        (struct doubt){.module = call->module.id, .settled = doubt_settled};
    call->later = http_suspend(request);
    if (recheck_post(call->api->node->recheck, &call->doubt) != 0)
        answer(call, S4_SERVICE);
    return MHD_YES;
}

static enum MHD_Result decide_call(struct plan_call *call,
                                   const struct http_request *request)
{
    const struct node *node = call->api->node;
    int code = node_clock_is_off(node) ? S4_SERVICE : from_memory(call);

    if (code && code != S4_SERVICE && node->recheck)
        return wait_for_others(call, request);
    if (code) {
        free(call);
        return device_refuse(request, code);
    }
    call->later = http_suspend(request);
    give_to_writer(call);
    return MHD_YES;
}

enum MHD_Result device_answer_plan(struct device_api *api,
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
    if (code) {
        free(call);
        return device_refuse(request, code);
    }
    call->poll.imei = call->module.imei;
    fleet_seen(api->node->fleet, &call->poll, clock_wall(api->node->clock));
    return decide_call(call, request);
}
