/* SPDX-License-Identifier: Apache-2.0 */
#include "server/device_api/device_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/device_api/device_calls.h"
#include "server/fleet/fleet_fresh.h"
#include "server/http/reply.h"
#include "server/http/reply_json.h"

enum { RENEWED_MS = 20 };

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
    return http_peer_is(request, imei) == DFOTA_E_SIGNATURE;
}

static int authorise(struct device_api *api, const struct http_request *request,
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

/* A key, a module, its release may be another node's news. What is read
 * anew is at most 50 times a second, so nonsense is not answered slowly. */
int device_authorise(struct device_api *api, const struct http_request *request,
                     const char *imei_text, char scope,
                     struct module_view *module)
{
    int code = authorise(api, request, imei_text, scope, module);

    if ((code == S4_TOKEN_INVALID || code == S4_TOKEN_SCOPE ||
         code == S4_NO_MODULE) &&
        fleet_is_shared(api->node->fleet) &&
        fleet_renew(api->node->fleet, RENEWED_MS) == 0)
        code = authorise(api, request, imei_text, scope, module);
    return code;
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
    {"fota/v1/plan", HTTP_GET, device_answer_plan},
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
