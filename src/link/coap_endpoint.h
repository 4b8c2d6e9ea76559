/* SPDX-License-Identifier: Apache-2.0 */
/**
 * All CoAP peers behind one server socket: a table by address, a heap of
 * wake-ups, DTLS sessions with their cookies.
 *
 * Layer: link, on coap_exchange and dtls. Sans-I/O, like a peer: datagrams
 * with the address they came from, and milliseconds. Nothing here is linear
 * in the number of remotes. State for an address exists only after a valid
 * request (plain) or a valid cookie (DTLS).
 */
#ifndef DFOTA_LINK_COAP_ENDPOINT_H
#define DFOTA_LINK_COAP_ENDPOINT_H

#include "link/coap_exchange.h"
#include "link/dtls.h"

enum { COAP_ADDRESS_MAX = 56 }; /* two socket addresses: theirs and ours */

struct coap_endpoint;
struct coap_remote;

struct coap_endpoint_ops {
    /* A datagram for an address that was given to receive. */
    void (*send)(void *ctx, const void *addr, size_t addr_len,
                 const uint8_t *data, size_t len);
    /* As in struct coap_peer_ops. */
    void (*request)(void *ctx, struct coap_remote *r,
                    const struct coap_ticket *ticket, const struct coap_msg *m);
    void (*rebuild)(void *ctx, struct coap_remote *r, const uint8_t *recipe,
                    size_t recipe_len,
                    void (*answer)(void *answer_ctx,
                                   const struct coap_answer *a),
                    void *answer_ctx);
    /* The remote goes: its DTLS session closed or began anew, or it was
     * idle and its room was needed. May be NULL. Whoever holds a pointer to
     * it must drop it now. */
    void (*gone)(void *ctx, struct coap_remote *r);
    /* Its DTLS session was resumed by a ticket: a client that was here
     * before, under the same identity, maybe from another address. May be
     * NULL. */
    void (*resumed)(void *ctx, struct coap_remote *r);
};

struct coap_endpoint_config {
    const struct coap_params *params; /* kept by pointer */
    struct dtls_credentials *dtls;    /* a server's; NULL: plain */
    uint32_t max;                     /* remotes */
    uint32_t loose_max; /* of those that are not held; 0: as many as all */
    uint64_t idle_ms;   /* a DTLS session unused for so long is closed */
    uint64_t seed;      /* unpredictable bits */
};

/** returns NULL without memory */
struct coap_endpoint *coap_endpoint_create(const struct coap_endpoint_config *c,
                                           const struct coap_endpoint_ops *ops,
                                           void *ctx);
void coap_endpoint_destroy(struct coap_endpoint *e);

/** Other credentials for the handshakes to come; sessions keep theirs. Not in
 * a callback. */
void coap_endpoint_set_dtls(struct coap_endpoint *e,
                            struct dtls_credentials *dtls);

/**
 * A datagram came.
 *
 * addr     bytes that tell remotes apart and lead back to them, at most
 *          COAP_ADDRESS_MAX; without padding whose bytes may vary
 * When the table is full, or there are loose_max that are not held, the one
 * of these that was silent longest makes room; when all are held the datagram
 * is dropped.
 */
void coap_endpoint_receive(struct coap_endpoint *e, uint64_t now,
                           const void *addr, size_t addr_len,
                           const uint8_t *data, size_t len);

/** A bounded number of remotes at once: coap_endpoint_wake() is not after now
 * if there are more. */
void coap_endpoint_tick(struct coap_endpoint *e, uint64_t now);
uint64_t coap_endpoint_wake(const struct coap_endpoint *e);
uint32_t coap_endpoint_count(const struct coap_endpoint *e);

/* ---- one remote ---------------------------------------------------------- */

struct coap_peer *coap_remote_peer(struct coap_remote *r);

/** The PSK identity or the certificate's common name; NULL over plain UDP */
const char *coap_remote_identity(const struct coap_remote *r);

const void *coap_remote_address(const struct coap_remote *r, size_t *len);

/** A pointer of the user's, NULL at first. */
void *coap_remote_user(const struct coap_remote *r);
void coap_remote_set_user(struct coap_remote *r, void *user);

/** Not to be dropped for want of room (a registration stands on it). */
void coap_remote_hold(struct coap_remote *r, bool held);

/** The remote of an address, or NULL. */
struct coap_remote *coap_endpoint_find(struct coap_endpoint *e,
                                       const void *addr, size_t addr_len);

/**
 * The remote of an address that is known from before, made if it is not
 * there: a server that was restarted goes on where it was. Hold it at once.
 *
 * returns  NULL: no room or memory, or over DTLS, where there is no session
 */
struct coap_remote *coap_endpoint_open(struct coap_endpoint *e, uint64_t now,
                                       const void *addr, size_t addr_len);

/** Forget it (and close its DTLS session) as soon as the running callback
 * has returned; gone() is called. */
void coap_remote_drop(struct coap_remote *r);

#endif
