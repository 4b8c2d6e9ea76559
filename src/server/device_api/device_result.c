/* SPDX-License-Identifier: Apache-2.0 */
/* POST /fota/v1/result */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "server/device_api/device_calls.h"
#include "server/fleet/units.h"
#include "server/http/reply_json.h"

struct result_call {
    struct job job;
    struct device_api *api;
    struct http_later *later;
    struct module_view module;
    struct report report;
    char attempt[SECRETS_ID_ROOM], version[FLEET_VERSION_MAX + 1], imei[24];
    int code;
};

static int run(struct sql *sql, struct job *job)
{
    struct result_call *call = (struct result_call *)job;

    return attempts_report(call->api->node, sql, &call->module, &call->report,
                           &call->code);
}

static void done(struct job *job, int err)
{
    struct result_call *call = (struct result_call *)job;
    int code = err ? S4_SERVICE : call->code;

    if (code == 0)
        fleet_slot_is_free(call->api->node->fleet);
    http_resume(call->later, code ? decide_status(code) : 200,
                code ? device_refusal(code, NULL)
                     : json_response(json_object(), NULL));
    free(call);
}

static bool take_text(const json_t *body, const char *name, char *out,
                      size_t room)
{
    const json_t *value = json_object_get(body, name);

    if (!json_is_string(value) || json_string_length(value) >= room ||
        !dfota_is_text(json_string_value(value), json_string_length(value)))
        return false;
    snprintf(out, room, "%s", json_string_value(value));
    return true;
}

bool device_take_err(const json_t *body, const char *name, int *out)
{
    const json_t *value = json_object_get(body, name);

    *out = -1;
    if (!value)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > 99999)
        return false;
    *out = (int)json_integer_value(value);
    return true;
}

/* A plan is told as it was given, a text; a number is understood too. */
static bool take_plan(const json_t *body, int64_t *out)
{
    const json_t *value = json_object_get(body, "plan");

    *out = json_is_integer(value) ? json_integer_value(value) : 0;
    if (json_is_string(value))
        return units_number(json_string_value(value), 1, INT64_MAX, out);
    return !value || *out > 0;
}

static const char *read_call(const json_t *body, struct result_call *call)
{
    struct report *report = &call->report;

    if (!json_is_object(body))
        return "a JSON object";
    if (!take_plan(body, &report->plan))
        return "plan, as it was given";
    if (!take_text(body, "attempt", call->attempt, sizeof call->attempt))
        return "attempt, as it was given";
    if (!take_text(body, "version", call->version, sizeof call->version))
        return "version, at most 64 bytes";
    if (!device_take_err(body, "http_err", &report->http_err) ||
        !device_take_err(body, "update_err", &report->update_err))
        return "http_err and update_err, whole numbers";
    take_text(body, "imei", call->imei, sizeof call->imei);
    report->attempt = call->attempt;
    report->version = call->version;
    return NULL;
}

/* The version that a module reports is the truth. */
static void note_version(struct result_call *call)
{
    const struct poll said = {.imei = call->module.imei,
                              .version = call->version,
                              .battery = POLL_UNSAID,
                              .rssi = POLL_UNSAID};

    if (call->version[0])
        fleet_seen(call->api->node->fleet, &said,
                   clock_wall(call->api->node->clock));
}

enum MHD_Result device_answer_result(struct device_api *api,
                                     const struct http_request *request)
{
    json_t *body = json_loadb(request->body, request->body_len,
                              JSON_REJECT_DUPLICATES, NULL);
    struct result_call *call = calloc(1, sizeof *call);
    const char *wrong;
    int code;

    if (!call) {
        json_decref(body);
        return MHD_NO;
    }
    call->api = api;
    wrong = read_call(body, call);
    json_decref(body);
    code = wrong ? 0
                 : device_authorise(api, request, call->imei,
                                    TOKEN_SCOPE_RESULT, &call->module);
    if (wrong || code) {
        free(call);
        return wrong ? device_malformed(request, wrong)
                     : device_refuse(request, code);
    }
    call->report.imei = call->module.imei;
    note_version(call);
    call->job = (struct job){.run = run, .done = done};
    call->later = http_suspend(request);
    if (store_post(api->node->store, &call->job) != 0)
        done(&call->job, DFOTA_E_FULL);
    return MHD_YES;
}
