/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The service for machines that watch this one: /live, /ready, /metrics.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_ADMIN_H
#define DFOTA_SERVER_ADMIN_H

#include "server/fleet/node.h"
#include "server/http.h"

/**
 * 200 for /live: the process runs and answers. With a node also /ready (503
 * while it takes no facts) and /metrics (Prometheus text).
 *
 * ctx  struct node, or NULL: only packages are delivered
 */
enum MHD_Result admin_answer(void *ctx, const struct http_request *request);

#endif
