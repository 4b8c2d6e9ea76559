/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One request and its answer, as http.c keeps them between the calls of the
 * library.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_HTTP_EXCHANGE_H
#define DFOTA_SERVER_HTTP_EXCHANGE_H

#include <stdbool.h>

#include "os/buffer.h"
#include "server/http/http.h"
#include "server/http/proxy.h"

struct exchange {
    struct http_request request;
    bool begun;    /* the head was checked */
    bool has_body; /* and says that content follows */
    bool answered; /* the service was called */
    bool too_large, broken;
    int path_err;   /* of url_path_decode() */
    size_t raw_len; /* bytes of the request target */
    size_t taken;   /* bytes of content */
    struct http_content wanted;
    struct buffer body;
    gnutls_datum_t certificate;   /* DER, that a proxy handed over; or empty */
    char client[PROXY_TEXT_ROOM]; /* that a trusted proxy named; "" */
    /* Of an answer that comes later. */
    struct MHD_Response *late;
    unsigned late_status;
    char path[];
};

/** target: raw. returns NULL: no memory */
struct exchange *exchange_create(struct MHD_Connection *connection,
                                 const char *target);

/** NULL is harmless. */
void exchange_destroy(struct exchange *exchange);

/** Content will come. errors: E_IO no file could be made (said in the log) */
int exchange_expect(struct exchange *exchange,
                    const struct http_content *wanted);

/** A piece of it. What is too much is dropped and told at the end. */
void exchange_add(struct exchange *exchange, const char *data, size_t len);

/** All of it is here: request.body and body_fd are set. errors: E_FULL it
 * was too large, or could not be kept */
int exchange_finish(struct exchange *exchange);

/** After http_resume(). returns what the library's handler has to return */
enum MHD_Result exchange_answer_late(struct exchange *exchange);

#endif
