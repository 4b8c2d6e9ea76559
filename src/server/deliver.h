/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The package service: files of one folder by GET and HEAD.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_DELIVER_H
#define DFOTA_SERVER_DELIVER_H

#include "server/blobs.h"
#include "server/http.h"

/* The ctx of deliver_answer(); all borrowed. */
struct deliver {
    int folder; /* from folder_open() */
    struct blobs *blobs;
};

/**
 * Answer with a file: 200, 206, 304, 404, 405, 412, 416, or 503 when the
 * file cannot be read now.
 *
 * source   RFC 9110 13.2.2 (the order of the preconditions), 14, 15
 */
enum MHD_Result deliver_answer(void *ctx, const struct http_request *request);

#endif
