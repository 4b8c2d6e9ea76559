/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/reply_json.h"

#include <stdlib.h>
#include <string.h>

struct MHD_Response *json_response(json_t *json, const char *type)
{
    struct MHD_Response *response = NULL;
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!text)
        return NULL;
    response = MHD_create_response_from_buffer(strlen(text), text,
                                               MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return NULL;
    }
    MHD_add_response_header(response, "Content-Type",
                            type ? type : "application/json");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    return response;
}
