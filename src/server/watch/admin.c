/* SPDX-License-Identifier: Apache-2.0 */
#include "server/watch/admin.h"

#include <stdatomic.h>
#include <string.h>

#include "os/buffer.h"
#include "server/http/reply.h"
#include "server/watch/metrics.h"

static enum MHD_Result answer_ready(const struct node *node,
                                    const struct http_request *request)
{
    if (atomic_load(&node->clock_is_off))
        return reply_text(request->connection, 503, "the clock is off",
                          "Cache-Control", "no-store");
    if (atomic_load(&node->database_is_off))
        return reply_text(request->connection, 503,
                          "the database cannot be written", "Cache-Control",
                          "no-store");
    return reply_text(request->connection, 200, "ready", "Cache-Control",
                      "no-store");
}

static enum MHD_Result answer_metrics(const struct admin *admin,
                                      const struct http_request *request)
{
    struct MHD_Response *response;
    struct buffer b;

    buffer_init(&b, 1 << 20);
    metrics_write(admin, &b);
    response =
        MHD_create_response_from_buffer(b.len, b.data, MHD_RESPMEM_MUST_COPY);
    buffer_release(&b);
    if (response)
        MHD_add_response_header(response, "Content-Type",
                                "text/plain; version=0.0.4");
    return reply_queue(request->connection, 200, response);
}

enum MHD_Result admin_answer(void *ctx, const struct http_request *request)
{
    const struct admin *admin = ctx;
    bool live = strcmp(request->path, "live") == 0;
    bool ready = ctx && strcmp(request->path, "ready") == 0;
    bool metrics = ctx && strcmp(request->path, "metrics") == 0;

    if (!live && !ready && !metrics)
        return reply_text(request->connection, MHD_HTTP_NOT_FOUND, "not found",
                          NULL, NULL);
    if (request->method > HTTP_HEAD)
        return reply_text(request->connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                          "only GET and HEAD", "Allow", "GET, HEAD");
    if (ready)
        return answer_ready(admin->node, request);
    if (metrics)
        return answer_metrics(admin, request);
    return reply_text(request->connection, MHD_HTTP_OK, "live", "Cache-Control",
                      "no-store");
}
