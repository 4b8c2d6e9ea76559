/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Short answers in plain text.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_HTTP_REPLY_H
#define DFOTA_SERVER_HTTP_REPLY_H

#include <microhttpd.h>

/**
 * Queue an answer of one line.
 *
 * text     without line end; copied
 * name, value  one more header field, or NULL; "Connection", "close" ends
 *          the connection after the answer
 * returns  what the handler of libmicrohttpd has to return
 */
enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned status,
                           const char *text, const char *name,
                           const char *value);

/** Queue a response and let go of it. NULL (it could not be made): the
 * connection is closed. */
enum MHD_Result reply_queue(struct MHD_Connection *connection, unsigned status,
                            struct MHD_Response *response);

#endif
