/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The service for machines that watch this one: /live.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_ADMIN_H
#define DFOTA_SERVER_ADMIN_H

#include "server/http.h"

/** 200 for /live: the process runs and answers. ctx is not used. */
enum MHD_Result admin_answer(void *ctx, const struct http_request *request);

#endif
