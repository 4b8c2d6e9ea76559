/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A CoAP peer out in the network, by name: UDP or DTLS, driven by libuv.
 *
 * Layer: link, on coap_exchange and dtls. The side that opens: a module's
 * downloads and its LwM2M client. Both CoAP roles work over it. Callbacks
 * come from the loop, none from inside a call here.
 */
#ifndef DFOTA_LINK_COAP_SOCKET_H
#define DFOTA_LINK_COAP_SOCKET_H

#include "link/coap_exchange.h"
#include "link/dtls.h"
#include "link/fault.h"
#include "link/link.h"

struct coap_socket;

struct coap_socket_ops {
    /* The name is resolved and, with DTLS, the handshake done: the peer may
     * be used from here on. May be NULL. */
    void (*open)(void *ctx, struct coap_socket *s);
    /* No way there, DTLS failed or was closed. Requests under way get no
     * callback; only coap_socket_close() is useful from here on. */
    void (*failed)(void *ctx, struct coap_socket *s, enum link_error error,
                   const char *text);
    /* Requests of the peer: as in struct coap_peer_ops, may be NULL. */
    void (*request)(void *ctx, struct coap_socket *s,
                    const struct coap_ticket *ticket, const struct coap_msg *m);
};

struct coap_socket_config {
    const char *host; /* name or address, no brackets */
    uint16_t port;
    uint8_t ip_type;                  /* 0 IPv4, 1 IPv6, 2 both */
    struct dtls_credentials *dtls;    /* NULL: plain; a hold is taken */
    const struct coap_params *params; /* kept by pointer */
    uint64_t handshake_ms;            /* of real time, resolving included */
    struct fault *fault;              /* NULL: none; kept by pointer */
};

/**
 * Begin to resolve and connect. returns NULL without memory
 */
struct coap_socket *coap_socket_open(uv_loop_t *loop,
                                     const struct coap_socket_config *c,
                                     const struct coap_socket_ops *ops,
                                     void *ctx);

/** Close and free; no callback comes any more. Legal in every callback and
 * with NULL. The loop must run once more before it is closed. */
void coap_socket_close(struct coap_socket *s);

/** Valid until close. Time for its functions: coap_socket_now(). */
struct coap_peer *coap_socket_peer(struct coap_socket *s);
uint64_t coap_socket_now(const struct coap_socket *s);

/** A datagram of the peer came since open. */
bool coap_socket_heard(const struct coap_socket *s);

/** The session, NULL without DTLS. */
struct dtls *coap_socket_dtls(struct coap_socket *s);

#endif
