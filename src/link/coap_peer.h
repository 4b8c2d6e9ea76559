/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the coap_*.c of one peer share.
 *
 * Layer: link, private to those. Rule of all lists here: a callback of
 * the user may add to them and take from them, so whatever it concerns is
 * unlinked before it is told, and no pointer into a list lives across it.
 */
#ifndef DFOTA_LINK_COAP_PEER_H
#define DFOTA_LINK_COAP_PEER_H

#include "link/coap_exchange.h"

/* A message of ours that is sent in turn (NSTART). Only the first of the
 * queue is ever in flight. */
struct coap_out {
    struct coap_out *next;
    struct coap_observer *observer; /* a notification's, or NULL */
    uint64_t due;                   /* next transmission, once in flight */
    uint32_t timeout_ms;            /* the wait that ends at due */
    uint32_t request;               /* id, or 0 */
    uint16_t mid;
    bool con, in_flight;
    uint8_t sent; /* transmissions so far */
    uint16_t len;
    uint8_t bytes[];
};

/* A request without its last response. Its id is its token. */
struct coap_pending {
    struct coap_pending *next;
    coap_reply_fn *reply;
    void *ctx;
    uint64_t due; /* the response must be there; COAP_NEVER */
    uint32_t id;
    uint16_t mid;
    bool observe;  /* asked for */
    bool observed; /* a response with Observe came */
    uint32_t seq;  /* of the newest */
    uint64_t seq_ms;
};

enum coap_seen_state {
    COAP_SEEN_OPEN,   /* in its callback */
    COAP_SEEN_SILENT, /* nothing is answered to a duplicate */
    COAP_SEEN_BYTES,  /* bytes are sent again */
    COAP_SEEN_RECIPE, /* bytes are what rebuild() takes */
};

/* A message id of the peer and what was answered to it. */
struct coap_seen {
    struct coap_seen *next;
    uint64_t until;
    uint32_t sum; /* CRC-32 of the datagram */
    uint16_t mid;
    uint8_t state;
    uint16_t len;
    uint8_t bytes[];
};

/* ---- coap_exchange.c ----------------------------------------------------- */

uint64_t coap_peer_random(struct coap_peer *p);
uint16_t coap_peer_new_mid(struct coap_peer *p);
void coap_peer_note_time(struct coap_peer *p, uint64_t now);

/** Send what may be sent and say when to wake: the end of every public
 * function. */
void coap_peer_settle(struct coap_peer *p);

/** A message without token, options and payload. */
void coap_peer_send_empty(struct coap_peer *p, enum coap_type type,
                          uint16_t mid);

/** Put m into the queue; its mid is given here.
 * errors   E_FULL, E_NOMEM, E_ARG */
int coap_peer_enqueue(struct coap_peer *p, struct coap_msg *m,
                      struct coap_out **out);

void coap_peer_unlink(struct coap_peer *p, struct coap_out *out);

/* ---- coap_request.c ------------------------------------------------------ */

struct coap_pending *coap_pending_by_id(const struct coap_peer *p, uint32_t id);

/** The request that a message has the token of, or NULL. */
struct coap_pending *coap_pending_for(const struct coap_peer *p,
                                      const struct coap_msg *m);

/** A request that waits for its response; not an observation, whose message
 * id may long be another's. */
struct coap_pending *coap_pending_waiting(const struct coap_peer *p,
                                          uint16_t mid);

/** The last word on a request; its own message goes too. */
void coap_pending_conclude(struct coap_peer *p, struct coap_pending *q,
                           enum coap_outcome outcome, const struct coap_msg *m);

/** A response came, of any type. */
void coap_pending_take(struct coap_peer *p, struct coap_pending *q,
                       const struct coap_msg *m);

/** Give up those whose response did not come in time. */
void coap_pending_expire(struct coap_peer *p);
void coap_pending_release(struct coap_peer *p);
uint64_t coap_pending_wake(const struct coap_peer *p);

/* ---- coap_seen.c --------------------------------------------------------- */

/** The entry of a datagram that was seen before, or NULL. A message id that
 * comes again with other content is a new message (a peer that restarted),
 * and its old entry is dropped. */
struct coap_seen *coap_seen_find(struct coap_peer *p, uint16_t mid,
                                 uint32_t sum);

/** Remember a datagram; the oldest of 16 goes. NULL: no memory. */
struct coap_seen *coap_seen_add(struct coap_peer *p, uint16_t mid,
                                uint32_t sum);

struct coap_seen *coap_seen_by_mid(struct coap_peer *p, uint16_t mid);

/** What a duplicate gets. Without memory for it: nothing. */
void coap_seen_set(struct coap_peer *p, uint16_t mid,
                   enum coap_seen_state state, const void *bytes, size_t len);

/** Forget what is past its time. */
void coap_seen_expire(struct coap_peer *p);
void coap_seen_release(struct coap_peer *p);
uint64_t coap_seen_wake(const struct coap_peer *p);

/* ---- coap_observe.c ------------------------------------------------------ */

/** A RST for this message id came: true if it was a notification's. */
bool coap_observe_reset(struct coap_peer *p, uint16_t mid);

/** The peer does not answer, or refused: take off and tell. */
void coap_observe_gone(struct coap_peer *p, struct coap_observer *o);

/** The notification that waits behind `out` for the same observer. */
struct coap_out *coap_observe_newer(const struct coap_out *out);

#endif
