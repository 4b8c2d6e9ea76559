/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The package service: files of one folder by GET and HEAD.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_DELIVERY_DELIVER_H
#define DFOTA_SERVER_DELIVERY_DELIVER_H

#include "server/delivery/blobs.h"
#include "server/depot/vault.h"
#include "server/http/http.h"

/* The ctx of deliver_answer(); all borrowed. */
struct deliver {
    int folder; /* from folder_open() */
    struct blobs *blobs;
    /* Whose folder it is: "id/NAME" is that content or nothing, and what is
     * missing may come from the database. NULL: a folder as it is */
    struct vault *vault;
};

/**
 * Answer with a file: 200, 206, 304, 404, 405, 412, 416, or 503 when the
 * file cannot be read now. A content that has to be brought first is answered
 * when it is here; the connection's thread goes on meanwhile.
 *
 * source   RFC 9110 13.2.2 (the order of the preconditions), 14, 15
 */
enum MHD_Result deliver_answer(void *ctx, const struct http_request *request);

#endif
