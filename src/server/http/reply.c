/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/reply.h"

#include <stdio.h>
#include <string.h>

enum MHD_Result reply_queue(struct MHD_Connection *connection, unsigned status,
                            struct MHD_Response *response)
{
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned status,
                           const char *text, const char *name,
                           const char *value)
{
    struct MHD_Response *response;
    char line[160];

    snprintf(line, sizeof line, "%s\n", text);
    response = MHD_create_response_from_buffer(strlen(line), line,
                                               MHD_RESPMEM_MUST_COPY);
    if (response) {
        MHD_add_response_header(response, "Content-Type", "text/plain");
        if (name)
            MHD_add_response_header(response, name, value);
    }
    return reply_queue(connection, status, response);
}
