/* SPDX-License-Identifier: Apache-2.0 */
/* POST /fota/v1/token */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/device_api/device_calls.h"
#include "server/http/reply_json.h"

enum { NAME_MAX_LEN = 64, PASSWORD_MAX_LEN = 128 };

struct token_call {
    struct job job;
    struct device_api *api;
    struct http_later *later;
    uint64_t imei;
    char name[NAME_MAX_LEN + 1], password[PASSWORD_MAX_LEN + 1];
    char refresh[SECRETS_WORD_ROOM]; /* given, or the one to give */
    bool by_refresh, waits;
    struct token_pair pair;
    int code;
};

static int run(struct sql *sql, struct job *job)
{
    struct token_call *call = (struct token_call *)job;
    const struct node *node = call->api->node;

    if (call->by_refresh)
        return token_by_refresh(node, sql, call->refresh, call->imei,
                                &call->pair, &call->code);
    return token_by_password(node, sql, call->name, call->password, call->imei,
                             call->refresh, &call->pair, &call->code);
}

static struct MHD_Response *response_of(const struct token_call *call, int code)
{
    if (code)
        return device_refusal(code, NULL);
    return json_response(json_pack("{s:s, s:s, s:I}", "access_token",
                                   call->pair.access, "refresh_token",
                                   call->pair.refresh, "expires_in",
                                   (json_int_t)call->pair.expires_in),
                         NULL);
}

/* Of a queue that is full another try helps soon; of a database that does not
 * answer nobody knows. As many as may wait for a guess do: then a wrong one is
 * refused at once, and the right one still gets its token. */
static void done(struct job *job, int err)
{
    struct token_call *call = (struct token_call *)job;
    struct delays *delays = call->api->delays;
    int code = err == DFOTA_E_FULL ? S4_SERVICE : err ? S4_AUTH : call->code;
    bool waits = call->waits && !delays_are_full(delays);
    struct MHD_Response *response;

    if (code == S4_PASSWORD) {
        delays_wrong(delays, call->name);
        if (call->waits && !waits)
            code = S4_TOKEN_FAILED;
    }
    response = response_of(call, code);
    if (waits)
        delays_resume(delays, call->later, code ? decide_status(code) : 200,
                      response);
    else
        http_resume(call->later, code ? decide_status(code) : 200, response);
    explicit_bzero(call, sizeof *call);
    free(call);
}

/* A text of the body; "" when it is not there. false: another type, or too
 * long */
static bool take(const json_t *body, const char *name, char *out, size_t room)
{
    const json_t *value = json_object_get(body, name);

    out[0] = '\0';
    if (!value)
        return true;
    if (!json_is_string(value) || json_string_length(value) >= room)
        return false;
    snprintf(out, room, "%s", json_string_value(value));
    return true;
}

/* returns 0, a number to refuse with, or -1: malformed */
static int read_call(const json_t *body, struct token_call *call)
{
    char imei[24];

    if (!json_is_object(body) ||
        !take(body, "name", call->name, sizeof call->name) ||
        !take(body, "password", call->password, sizeof call->password) ||
        !take(body, "imei", imei, sizeof imei))
        return -1;
    call->by_refresh = json_object_get(body, "refresh_token") != NULL;
    if (call->by_refresh &&
        !take(body, "refresh_token", call->refresh, sizeof call->refresh))
        return S4_REFRESH;
    if (!call->by_refresh && (!call->name[0] || !call->password[0]))
        return S4_EMPTY;
    return plan_imei_parse(imei, &call->imei) ? 0 : S4_NO_IMEI;
}

static enum MHD_Result start(struct token_call *call,
                             const struct http_request *request)
{
    call->job = (struct job){.run = run, .done = done};
    if (!call->by_refresh) {
        secrets_word(call->refresh);
        call->waits = delays_must_wait(call->api->delays, call->name);
    }
    call->later = http_suspend(request);
    if (store_post(call->api->node->store, &call->job) != 0)
        done(&call->job, DFOTA_E_FULL);
    return MHD_YES;
}

enum MHD_Result device_answer_token(struct device_api *api,
                                    const struct http_request *request)
{
    json_t *body = json_loadb(request->body, request->body_len,
                              JSON_REJECT_DUPLICATES, NULL);
    struct token_call *call = calloc(1, sizeof *call);
    int code;

    if (!call) {
        json_decref(body);
        return MHD_NO;
    }
    call->api = api;
    code = read_call(body, call);
    json_decref(body);
    if (code == 0)
        return start(call, request);
    free(call);
    return code < 0 ? device_malformed(request, "a JSON object with name, "
                                                "password and imei, or "
                                                "refresh_token and imei")
                    : device_refuse(request, code);
}
