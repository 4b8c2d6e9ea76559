/* SPDX-License-Identifier: Apache-2.0 */
#include "server/delivery/public.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/token.h"
#include "server/http/reply.h"
#include "server/watch/doctor.h"

int public_package_path(const struct node *node, const char *path, char *out,
                        size_t room)
{
    char content[SECRETS_SIG_ROOM];
    int err = token_check_path(node, path, clock_wall(node->clock), content);

    if (err)
        return err == DFOTA_E_SIGNATURE || err == DFOTA_E_TIMEOUT
                   ? err
                   : DFOTA_E_NOTFOUND;
    return (size_t)snprintf(out, room, "id/%s", content) < room ? 0
                                                                : DFOTA_E_FULL;
}

static enum MHD_Result answer_package(struct public_service *service,
                                      const struct http_request *request)
{
    struct http_request inner = *request;
    char path[SECRETS_SIG_ROOM + 4];
    int err = public_package_path(service->api.node, request->path, path,
                                  sizeof path);

    switch (err) {
    case 0:
        break;
    case DFOTA_E_SIGNATURE:
        return reply_text(request->connection, 403,
                          "the signature of this address is wrong", NULL, NULL);
    case DFOTA_E_TIMEOUT:
        return reply_text(request->connection, 410,
                          "this address is over its time", NULL, NULL);
    default:
        return reply_text(request->connection, 404, "not found", NULL, NULL);
    }
    inner.path = path;
    return deliver_answer(&service->deliver, &inner);
}

/* "Who are you?" of `dfotactl doctor`: proven, so that another server cannot
 * pass for this one. To everybody else it is a 404 as any. */
static enum MHD_Result answer_doctor(const struct node *node,
                                     const struct http_request *request)
{
    char proof[DOCTOR_PROOF_ROOM];

    if (doctor_prove(node, request->path + strlen(DOCTOR_PATH), proof) != 0)
        return reply_text(request->connection, 404, "not found", NULL, NULL);
    return reply_text(request->connection, 404, "not found", DOCTOR_FIELD,
                      proof);
}

static bool serves_api(const struct public_service *service,
                       const struct http_request *request)
{
    return (service->has_plain_api || request->is_secure) &&
           device_api_serves(request->path);
}

enum MHD_Result public_answer(void *ctx, const struct http_request *request)
{
    struct public_service *service = ctx;

    if (strncmp(request->path, DOCTOR_PATH, strlen(DOCTOR_PATH)) == 0)
        return answer_doctor(service->api.node, request);
    if (strncmp(request->path, "p/", 2) == 0)
        return answer_package(service, request);
    if (serves_api(service, request))
        return device_api_answer(&service->api, request);
    return reply_text(request->connection, 404, "not found", NULL, NULL);
}

struct http_content public_content(void *ctx,
                                   const struct http_request *request)
{
    const struct public_service *service = ctx;

    if (!serves_api(service, request))
        return (struct http_content){0};
    return (struct http_content){.max = DEVICE_CONTENT_MAX};
}
