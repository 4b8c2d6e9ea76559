/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The service for people and scripts: /api/v1, described by
 * src/server/api/openapi.json.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_API_API_H
#define DFOTA_SERVER_API_API_H

#include "server/api/api_call.h"

/** ctx: struct api */
enum MHD_Result api_service_answer(void *ctx,
                                   const struct http_request *request);
struct http_content api_service_content(void *ctx,
                                        const struct http_request *request);

#endif
