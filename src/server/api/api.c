/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "server/api/openapi.h"
#include "server/reply.h"
#include "server/reply_json.h"

enum { JSON_MAX = 4 << 20, KEY_MAX = 80 };

static const struct api_route *const tables[] = {
    api_firmware_routes, api_package_routes, api_module_routes,
    api_plan_routes,     api_result_routes,  api_people_routes,
    api_system_routes,   api_lwm2m_routes};

/* ---- who ---- */

/* On the machine itself: its superuser, and the user of the server. */
static int authorise_local(struct api_call *call)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        call->request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer;
    socklen_t len = sizeof peer;
    int64_t tenant;

    if (!info ||
        getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) !=
            0 ||
        (peer.uid != 0 && peer.uid != geteuid()))
        return api_refuse(call, 403, "only root and the server's user may");
    if (!api_number(api_query(call, "tenant"), &tenant))
        tenant = 1;
    call->actor = (struct actor){.role = ROLE_SITE, .tenant = tenant};
    snprintf(call->actor.name, sizeof call->actor.name, "local:%u", peer.uid);
    return 0;
}

static int authorise(struct api_call *call)
{
    const char *header = http_header(call->request, "Authorization");
    struct sql *sql;
    int err;

    if (call->api->local)
        return authorise_local(call);
    if (!header || strncasecmp(header, "Bearer ", 7) != 0)
        return api_refuse(call, 401,
                          "an API token is needed: Authorization: "
                          "Bearer ..");
    err = store_read_begin(call->api->node->store, &sql);
    if (err)
        return err;
    err = people_by_token(sql, header + 7, api_now(call), &call->actor);
    store_read_end(call->api->node->store, sql);
    return err == DFOTA_E_NOTFOUND
               ? api_refuse(call, 401, "this API token is not valid")
               : err;
}

/* ---- the answer ---- */

static void free_call(struct api_call *call)
{
    json_decref(call->body);
    json_decref(call->answer);
    free(call->path);
    free(call);
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
    response =
        json_response(json_incref(call->answer),
                      call->status >= 400 ? "application/problem+json" : NULL);
    if (response && call->status == 503)
        MHD_add_response_header(response, "Retry-After", "5");
    if (response && call->etag && call->status < 400) {
        snprintf(etag, sizeof etag, "\"%lld\"", (long long)call->etag);
        MHD_add_response_header(response, "ETag", etag);
    }
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

static void answer_later(struct job *job, int err)
{
    struct api_call *call = (struct api_call *)job;
    struct http_later *later = call->later;
    struct MHD_Response *response = make_response(call, err);
    unsigned status = call->status;

    free_call(call);
    http_resume(later, status, response);
}

/* ---- repeated requests ---- */

static const char *idempotency_key(const struct api_call *call)
{
    const char *key = http_header(call->request, "Idempotency-Key");

    return key && *key && strlen(key) <= KEY_MAX ? key : NULL;
}

/* What an answer says once and nobody keeps must not be kept here either. */
static bool says_secrets(const struct api_call *call)
{
    return strcmp(call->route->path, "tokens") == 0 ||
           strcmp(call->route->path, "modules/import") == 0;
}

/* The key belongs to who sent it; the request is known by its hash. */
static void name_request(const struct api_call *call, const char *key,
                         char name[160], char hash[SECRETS_HEX_ROOM])
{
    char *body = call->body ? json_dumps(call->body, JSON_SORT_KEYS) : NULL;
    char head[400];

    snprintf(name, 160, "%lld %.64s %.80s", (long long)call->actor.tenant,
             call->actor.name, key);
    snprintf(head, sizeof head, "%d %.300s ", call->request->method,
             call->request->path);
    secrets_hash(head, strlen(head), hash);
    if (body) {
        char text[2 * SECRETS_HEX_ROOM];

        secrets_hash(body, strlen(body), text + SECRETS_HEX_ROOM - 1);
        memcpy(text, hash, SECRETS_HEX_ROOM - 1);
        secrets_hash(text, strlen(text), hash);
    }
    free(body);
}

/* returns E_NOTFOUND: it is new */
static int answer_again(struct api_call *call, struct sql *sql,
                        const char *name, const char *hash)
{
    struct sql_rows rows;
    int err = sql_query(
        sql, &rows,
        "SELECT request, status, answer FROM idempotency WHERE key = $1",
        SQL_ARGS(SQL_TEXT(name)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        if (strcmp(sql_text(&rows, 0), hash) != 0)
            err = api_refuse(call, 422,
                             "this Idempotency-Key was used for "
                             "another request");
        else
            err = api_answer(
                call, (unsigned)sql_int(&rows, 1),
                json_loads(sql_text(&rows, 2), JSON_DECODE_ANY, NULL));
    } else if (!err) {
        err = DFOTA_E_NOTFOUND;
    }
    sql_done(&rows);
    return err;
}

static int keep_answer(struct api_call *call, struct sql *sql, const char *name,
                       const char *hash)
{
    char *text = json_dumps(call->answer, JSON_COMPACT | JSON_ENCODE_ANY);
    int err = text ? sql_run(sql,
                             "INSERT INTO idempotency (key, request, status, "
                             "answer, at) VALUES ($1, $2, $3, $4, $5)",
                             SQL_ARGS(SQL_TEXT(name), SQL_TEXT(hash),
                                      SQL_INT(call->status), SQL_TEXT(text),
                                      SQL_INT(api_now(call))),
                             NULL)
                   : DFOTA_E_NOMEM;

    free(text);
    return err;
}

static int run_job(struct sql *sql, struct job *job)
{
    struct api_call *call = (struct api_call *)job;
    const char *key = idempotency_key(call);
    char name[160], hash[SECRETS_HEX_ROOM];
    int err = DFOTA_E_NOTFOUND;

    if (key) {
        name_request(call, key, name, hash);
        err = answer_again(call, sql, name, hash);
    }
    if (err != DFOTA_E_NOTFOUND)
        return err;
    err = call->route->run(call, sql);
    if (err || !key || says_secrets(call))
        return err;
    return keep_answer(call, sql, name, hash);
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

    for (unsigned t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const struct api_route *r = tables[t]; r->path; r++) {
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

static int take_body(struct api_call *call)
{
    const struct http_request *request = call->request;
    json_error_t error;

    if (request->body_len == 0 || request->body_fd >= 0)
        return 0;
    call->body = json_loadb(request->body, request->body_len,
                            JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(call->body))
        return api_refuse(call, 400, "a JSON object is wanted: %s, line %d",
                          call->body ? "this is another value" : error.text,
                          error.line);
    return 0;
}

static int prepare(struct api_call *call)
{
    int err = authorise(call);

    if (!err)
        err = find_route(call);
    if (!err && call->actor.role < call->route->role)
        err = api_refuse(call, 403,
                         "this takes the role \"%s\"; yours is "
                         "\"%s\"",
                         people_role_word(call->route->role),
                         people_role_word(call->actor.role));
    if (!err)
        err = take_body(call);
    if (!err && call->route->prepare)
        err = call->route->prepare(call);
    return err;
}

static enum MHD_Result run_reading(struct api_call *call)
{
    struct store *store = call->api->node->store;
    struct sql *sql;
    int err = store_read_begin(store, &sql);

    if (!err) {
        err = call->route->run(call, sql);
        store_read_end(store, sql);
    }
    return answer_now(call, err);
}

static enum MHD_Result run_writing(struct api_call *call)
{
    call->job = (struct job){.run = run_job, .done = answer_later};
    call->later = http_suspend(call->request);
    if (store_post(call->api->node->store, &call->job) != 0)
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
    err = call->path ? prepare(call) : DFOTA_E_NOMEM;
    if (err)
        return answer_now(call, err);
    return call->route->writes ? run_writing(call) : run_reading(call);
}

/* Images go into a file, the rest into memory. */
struct http_content api_service_content(void *ctx,
                                        const struct http_request *request)
{
    const struct api *api = ctx;

    if (request->method == HTTP_POST &&
        strcmp(request->path, "api/v1/firmware") == 0)
        return (struct http_content){.max = API_UPLOAD_MAX,
                                     .folder = api->node->folder};
    return (struct http_content){.max = JSON_MAX};
}
