/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Answers in JSON.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_HTTP_REPLY_JSON_H
#define DFOTA_SERVER_HTTP_REPLY_JSON_H

#include <jansson.h>
#include <microhttpd.h>

/** A response, not to be stored by anybody. json: taken over; NULL gives
 * NULL. type: NULL is application/json */
struct MHD_Response *json_response(json_t *json, const char *type);

#endif
