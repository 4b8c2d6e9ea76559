/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The service for those who watch the server: /live, /ready, /metrics.
 *
 * Layer: server. It answers from memory, but for /metrics, which asks the
 * database, too.
 */
#ifndef DFOTA_SERVER_WATCH_ADMIN_H
#define DFOTA_SERVER_WATCH_ADMIN_H

#include "server/fleet/node.h"
#include "server/http/http.h"

struct housekeeping;
struct lwm2m_service;
struct tls;

/* Borrowed. NULL: there is none. */
struct admin {
    struct node *node;
    struct housekeeping *housekeeping;
    struct lwm2m_service *lwm2m;
    struct tls *tls;
};

/** ctx: struct admin; NULL: only /live, for a server without a database */
enum MHD_Result admin_answer(void *ctx, const struct http_request *request);

#endif
