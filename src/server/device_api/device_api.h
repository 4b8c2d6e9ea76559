/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The calls of modules that poll: token, plan, result. docs/device-api.md is
 * the contract; the numbers are those a module prints after HTTPEND.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_DEVICE_API_DEVICE_API_H
#define DFOTA_SERVER_DEVICE_API_DEVICE_API_H

#include "server/device_api/delays.h"
#include "server/fleet/node.h"
#include "server/http/http.h"

struct device_api {
    struct node *node;
    struct delays *delays;
};

enum { DEVICE_CONTENT_MAX = 4096 };

/** Is it one of its paths? */
bool device_api_serves(const char *path);

enum MHD_Result device_api_answer(struct device_api *api,
                                  const struct http_request *request);

#endif
