/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admin.h"

#include <string.h>

#include "server/reply.h"

enum MHD_Result admin_answer(void *ctx, const struct http_request *request)
{
    (void)ctx;
    if (strcmp(request->path, "live") != 0)
        return reply_text(request->connection, MHD_HTTP_NOT_FOUND, "not found",
                          NULL, NULL);
    if (request->method == HTTP_OTHER)
        return reply_text(request->connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                          "only GET and HEAD", "Allow", "GET, HEAD");
    return reply_text(request->connection, MHD_HTTP_OK, "live", "Cache-Control",
                      "no-store");
}
