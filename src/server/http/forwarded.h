/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A request that came through a proxy: who asks, by what, with which
 * certificate.
 *
 * Layer: server. Between http.c and proxy.c.
 */
#ifndef DFOTA_SERVER_HTTP_FORWARDED_H
#define DFOTA_SERVER_HTTP_FORWARDED_H

#include "server/http/exchange.h"
#include "server/http/proxy.h"

/* Borrowed. */
struct forwarded {
    const struct proxies *proxies; /* NULL: nobody is believed */
    struct tls *clients; /* checks their certificates; NULL: none are asked
                            for */
};

/**
 * Once for each request over plain HTTP, its head being here: sets
 * exchange's client, certificate and request.is_secure.
 *
 * why      out, one static phrase, if refused
 * returns  0: go on; else the HTTP status of the refusal
 */
unsigned forwarded_take(const struct forwarded *forwarded,
                        struct exchange *exchange, const char **why);

/** Who is at the other end of the connection; "" for a local socket. */
void forwarded_peer(struct MHD_Connection *connection,
                    char text[PROXY_TEXT_ROOM]);

#endif
