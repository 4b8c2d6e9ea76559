/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "server/api/api_lead.h"
#include "server/api/api_schema.h"
#include "server/api/openapi.h"
#include "server/events/courier.h"
#include "server/events/streams.h"
#include "server/http/reply.h"
#include "server/http/reply_json.h"

enum {
    JSON_MAX = 4 << 20,
    JSON_OF_VIEWERS = 64 << 10,
    JSON_OF_ANYBODY = 16384,
    JSON_VALUES_MAX = 300000, /* 100000 IMEIs, 10000 modules of nine fields */
    JSON_LISTS_MAX = 20000
};

static const struct api_route *const tables[] = {api_firmware_routes,
                                                 api_package_routes,
                                                 api_import_routes,
                                                 api_module_routes,
                                                 api_plan_routes,
                                                 api_result_routes,
                                                 api_people_routes,
                                                 api_system_routes,
                                                 api_lwm2m_routes,
                                                 api_session_routes,
                                                 api_tenant_routes,
                                                 api_event_routes,
                                                 api_webhook_routes,
                                                 api_view_routes,
                                                 api_export_routes,
                                                 api_lead_routes,
                                                 NULL};

const struct api_route *api_table(unsigned i)
{
    return i < sizeof tables / sizeof tables[0] ? tables[i] : NULL;
}

/* ---- the answer ---- */

static void free_call(struct api_call *call)
{
    json_decref(call->body);
    json_decref(call->answer);
    free(call->path);
    explicit_bzero(call, sizeof *call);
    free(call);
}

static struct MHD_Response *take_response(struct api_call *call)
{
    struct MHD_Response *response = call->response;

    call->response = NULL;
    if (response)
        return response;
    if (call->route && call->route->how & API_SECRET && call->status < 400)
        api_once_fill(call, call->answer);
    return json_response(json_incref(call->answer),
                         call->status >= 400 ? "application/problem+json"
                                             : NULL);
}

static struct MHD_Response *make_response(struct api_call *call, int err)
{
    struct MHD_Response *response;
    char etag[24];

    if (err && err != DFOTA_E_CANCELLED) {
        unsigned status =
            err == DFOTA_E_FULL || err == DFOTA_E_BUSY || err == DFOTA_E_CONNECT
                ? 503
                : 500;

        api_refuse(call, err == DFOTA_E_STATE ? 409 : status, "%s",
                   err == DFOTA_E_STATE ? "that is there already, or in use"
                                        : dfota_strerror(err));
    }
    response = take_response(call);
    if (response && call->status == 503)
        MHD_add_response_header(response, "Retry-After", "5");
    if (response && call->etag && call->status < 400) {
        snprintf(etag, sizeof etag, "\"%lld\"", (long long)call->etag);
        MHD_add_response_header(response, "ETag", etag);
    }
    if (response && call->cookie[0] && call->status < 400)
        MHD_add_response_header(response, "Set-Cookie", call->cookie);
    return response;
}

static enum MHD_Result answer_now(struct api_call *call, int err)
{
    struct MHD_Connection *connection = call->request->connection;
    struct MHD_Response *response = make_response(call, err);
    unsigned status = call->status;

    free_call(call);
    return reply_queue(connection, status, response);
}

static void wake(const struct api *api)
{
    streams_wake(api->streams);
    courier_wake(api->courier);
}

static void answer_later(struct job *job, int err)
{
    struct api_call *call = (struct api_call *)job;
    struct http_later *later = call->later;
    struct MHD_Response *response = make_response(call, err);
    unsigned status = call->status;
    struct delays *delays = call->waits ? call->api->delays : NULL;

    if (call->job.changed || (call->route->how & API_WRITES && !err))
        wake(call->api);
    free_call(call);
    if (delays)
        delays_resume(delays, later, status, response);
    else
        http_resume(later, status, response);
}

/* ---- where ---- */

/* Match "plans/{}/approve"; what stands for {} are the call's parts. */
static bool matches(struct api_call *call, const char *pattern, char *path)
{
    call->n_parts = 0;
    for (;;) {
        size_t len = strcspn(path, "/"), wanted = strcspn(pattern, "/");

        if (wanted == 2 && pattern[0] == '{')
            call->parts[call->n_parts++] = path;
        else if (len != wanted || strncmp(path, pattern, len) != 0)
            return false;
        if (path[len] != pattern[wanted])
            return false;
        if (path[len] == '\0')
            return true;
        path += len + 1;
        pattern += wanted + 1;
    }
}

static void cut_parts(struct api_call *call)
{
    for (unsigned i = 0; i < call->n_parts; i++) {
        char *part = call->path + (call->parts[i] - call->path);

        part[strcspn(part, "/")] = '\0';
    }
}

static int find_route(struct api_call *call)
{
    bool path_known = false;

    for (unsigned t = 0; api_table(t); t++) {
        for (const struct api_route *r = api_table(t); r->path; r++) {
            if (!matches(call, r->path, call->path))
                continue;
            path_known = true;
            if (r->method != call->request->method &&
                !(r->method == HTTP_GET && call->request->method == HTTP_HEAD))
                continue;
            call->route = r;
            cut_parts(call);
            return 0;
        }
    }
    return path_known ? api_refuse(call, 405, "another method is wanted here")
                      : api_refuse(call, 404, "there is no such path");
}

/* A value takes up to a hundred times the memory of its text: "{}," 240 bytes.
 * So they are counted before any is made. */
static bool is_modest(const char *text, size_t len)
{
    size_t values = 0, lists = 0;
    bool quoted = false;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            quoted = !quoted;
        else if (quoted)
            i += text[i] == '\\';
        else if (text[i] == ',')
            values++;
        else
            lists += text[i] == '{' || text[i] == '[';
    }
    return values <= JSON_VALUES_MAX && lists <= JSON_LISTS_MAX;
}

static int take_body(struct api_call *call)
{
    const struct http_request *request = call->request;
    json_error_t error;

    if (request->body_len == 0 || request->body_fd >= 0)
        return 0;
    if (!is_modest(request->body, request->body_len))
        return api_refuse(call, 400, "at most %d values, %d of them objects",
                          JSON_VALUES_MAX, JSON_LISTS_MAX);
    call->body = json_loadb(request->body, request->body_len,
                            JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(call->body))
        return api_refuse(call, 400, "a JSON object is wanted: %s, line %d",
                          call->body ? "this is another value" : error.text,
                          error.line);
    return 0;
}

static int check_role(struct api_call *call)
{
    if (call->actor.role >= call->route->role)
        return 0;
    return api_refuse(call, 403, "this takes the role \"%s\"; yours is \"%s\"",
                      people_role_word(call->route->role),
                      people_role_word(call->actor.role));
}

/* A stranger is not told which paths there are. */
static int admit(struct api_call *call)
{
    int unknown = find_route(call), err = 0;

    if (unknown || !(call->route->how & API_ANYBODY))
        err = api_authorise(call);
    if (err)
        return err;
    if (unknown)
        return find_route(call); /* to say so */
    return call->route->how & API_ANYBODY ? 0 : check_role(call);
}

static enum MHD_Result judge_word(void *ctx, enum MHD_ValueKind kind,
                                  const char *name, const char *value)
{
    bool *text = ctx;

    (void)kind;
    *text = *text && dfota_is_text(name, strlen(name)) &&
            (!value || dfota_is_text(value, strlen(value)));
    return MHD_YES;
}

/* What is in the address, and the key, goes into the database as it is. */
static int check_words(struct api_call *call)
{
    const char *key = http_header(call->request, "Idempotency-Key");
    const char *path = call->request->path;
    bool text = dfota_is_text(path, strlen(path)) &&
                (!key || dfota_is_text(key, strlen(key)));

    MHD_get_connection_values(call->request->connection, MHD_GET_ARGUMENT_KIND,
                              judge_word, &text);
    return text ? 0
                : api_refuse(call, 400,
                             "the address or the Idempotency-Key is no text: "
                             "UTF-8 without control characters is wanted");
}

static int check_limit(struct api_call *call)
{
    const char *limit = api_query(call, "limit");
    int64_t n;

    return *limit == '\0' ||
                   (api_number(limit, &n) && n > 0 && n <= API_LIMIT_MAX)
               ? 0
               : api_refuse(call, 400, "limit: 1 to 1000");
}

static int run_prepare(struct api_call *call)
{
    int err = api_once_look(call);

    return err || !call->route->prepare ? err : call->route->prepare(call);
}

static int run_reading(struct api_call *call)
{
    struct store *store = call->api->node->store;
    struct sql *sql;
    int err = store_read_begin(store, &sql);

    if (!err) {
        err = call->route->run(call, sql);
        store_read_end(store, sql);
    }
    return err;
}

static int run_job(struct sql *sql, struct job *job)
{
    return api_once_run((struct api_call *)job, sql);
}

static void post(struct api_call *call)
{
    call->job = (struct job){.run = run_job, .done = answer_later};
    if (store_post(call->api->node->store, &call->job) != 0)
        answer_later(&call->job, DFOTA_E_FULL);
}

static void run_slow(struct work *work)
{
    struct api_call *call =
        (struct api_call *)((char *)work - offsetof(struct api_call, work));
    int err = run_prepare(call);

    if (!err && call->route->how & API_WRITES)
        post(call);
    else
        answer_later(&call->job, err ? err : run_reading(call));
}

/* Suspended before anybody else has it. */
static enum MHD_Result run_later(struct api_call *call)
{
    bool slow = call->route->how & API_SLOW;

    call->later = http_suspend(call->request);
    call->work.run = run_slow;
    call->work.of_stranger = call->route->how & API_ANYBODY;
    if (!slow)
        post(call);
    else if (workers_post(call->api->workers, &call->work) != 0)
        answer_later(&call->job, DFOTA_E_FULL);
    return MHD_YES;
}

static enum MHD_Result answer_openapi(const struct http_request *request)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        openapi_json_len, (void *)(uintptr_t)openapi_json,
        MHD_RESPMEM_PERSISTENT);

    if (response)
        MHD_add_response_header(response, "Content-Type", "application/json");
    return reply_queue(request->connection, 200, response);
}

enum MHD_Result api_service_answer(void *ctx,
                                   const struct http_request *request)
{
    struct api_call *call;
    int err;

    if (strcmp(request->path, "api/openapi.json") == 0)
        return answer_openapi(request);
    if (strncmp(request->path, "api/v1/", 7) != 0)
        return reply_text(request->connection, 404, "not found", NULL, NULL);
    call = calloc(1, sizeof *call);
    if (!call)
        return MHD_NO;
    call->api = ctx;
    call->request = request;
    call->path = strdup(request->path + 7);
    secrets_word(call->seed);
    err = call->path ? admit(call) : DFOTA_E_NOMEM;
    if (!err)
        err = check_words(call);
    if (!err)
        err = take_body(call);
    if (!err)
        err = api_schema_check(call);
    if (!err)
        err = check_limit(call);
    if (!err && !(call->route->how & API_SLOW))
        err = run_prepare(call);
    if (err)
        return answer_now(call, err);
    return call->route->how & (API_WRITES | API_SLOW)
               ? run_later(call)
               : answer_now(call, run_reading(call));
}

/* Long content only from who may write: a stranger could fill the memory. */
static size_t content_max(struct api *api, const struct http_request *request)
{
    const char *length = http_header(request, "Content-Length");
    struct api_call call = {.api = api, .request = request};
    int err = api_authorise(&call);

    json_decref(call.answer);
    if (err)
        return length && strtoull(length, NULL, 10) > JSON_OF_ANYBODY
                   ? 0
                   : JSON_OF_ANYBODY;
    return call.actor.role >= ROLE_OPERATOR ? JSON_MAX : JSON_OF_VIEWERS;
}

/* Images go into a file, the rest into memory. */
struct http_content api_service_content(void *ctx,
                                        const struct http_request *request)
{
    struct api *api = ctx;
    size_t max = content_max(api, request);

    if (max == JSON_MAX && request->method == HTTP_POST &&
        strcmp(request->path, "api/v1/firmware") == 0)
        return (struct http_content){.max = API_UPLOAD_MAX,
                                     .folder = api->node->folder};
    return (struct http_content){.max = max};
}
