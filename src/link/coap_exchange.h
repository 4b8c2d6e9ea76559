/* SPDX-License-Identifier: Apache-2.0 */
/**
 * CoAP with one remote endpoint: messages, requests, observations.
 *
 * Layer: link, on coap_msg. Sans-I/O: datagrams and milliseconds go in;
 * datagrams, answers and the time of the next wake-up come out, so a test
 * runs an hour in a moment and a server keeps 100 000 of these in one table
 * (coap_endpoint.h). Both roles at once, as LwM2M needs them.
 *
 * What it holds (RFC 7252 4 and 5, RFC 7641):
 *  - retransmission of CON with back-off; NSTART 1: one outstanding message,
 *    the rest waits in a bounded queue, in order;
 *  - separate responses both ways; a response stands for a lost ACK;
 *  - de-duplication: the last 16 message ids of the peer for
 *    EXCHANGE_LIFETIME with what was answered. A duplicate gets the same
 *    bytes again and reaches no callback: requests, CON responses and CON
 *    notifications alike;
 *  - observations: newer-than rule as client, replacement of a notification
 *    that was not yet acknowledged as server.
 *
 * Time is any monotonic count of milliseconds; calls must not go back in it.
 * All memory is the heap's and bounded: at rest a peer is struct coap_peer
 * and nothing else. Callbacks may call every function here but
 * coap_peer_release().
 */
#ifndef DFOTA_LINK_COAP_EXCHANGE_H
#define DFOTA_LINK_COAP_EXCHANGE_H

#include "link/coap_msg.h"

#define COAP_NEVER UINT64_MAX

enum {
    COAP_DEDUP_MAX = 16,    /* message ids remembered */
    COAP_ANSWER_KEPT = 64,  /* longer answers are kept as a recipe, if any */
    COAP_RECIPE_MAX = 48,   /* bytes */
    COAP_QUEUE_MAX = 32,    /* messages that wait for NSTART */
    COAP_PENDING_MAX = 256, /* requests without their last response */
};

/* RFC 7252 4.8. Scaled as a whole by who plays with time. */
struct coap_params {
    uint32_t ack_timeout_ms;  /* first wait is 1 to 1.5 times this */
    uint32_t response_ms;     /* wait for a separate response after its ACK */
    uint32_t lifetime_ms;     /* EXCHANGE_LIFETIME: duplicates are known */
    uint32_t con_interval_ms; /* a notification is CON at least this often */
    uint8_t max_retransmit;   /* at most 8 */
};

/* 2 s, 93 s, 247 s, 24 h, 4. */
extern const struct coap_params coap_params_rfc;

/** The longest time from the first transmission to giving up:
 * MAX_TRANSMIT_WAIT, 93 s with the values of the RFC. */
uint32_t coap_params_wait_ms(const struct coap_params *p);

/** So many milliseconds of the RFC's time on this clock. */
static inline uint64_t coap_params_scale(const struct coap_params *p,
                                         uint64_t ms)
{
    return ms * p->ack_timeout_ms / 2000;
}

struct coap_peer;

/* What a request needs to be answered, also much later: copy it. */
struct coap_ticket {
    uint16_t mid;
    bool con;
    uint8_t token_len;
    uint8_t token[COAP_TOKEN_MAX];
};

/* A response. Pointers are read during the call only. */
struct coap_answer {
    uint8_t code;
    const uint8_t *options; /* struct coap_options' data, or NULL */
    size_t options_len;     /* at most COAP_OPTIONS_MAX */
    const uint8_t *payload;
    size_t payload_len; /* at most COAP_PAYLOAD_MAX */
    /* A few bytes from which rebuild() makes this answer again; NULL: an
     * answer of any length is kept whole for its duplicates. */
    const uint8_t *recipe;
    size_t recipe_len; /* at most COAP_RECIPE_MAX */
};

struct coap_peer_ops {
    /* A datagram for the peer. Losing it is legal. */
    void (*send)(void *ctx, const uint8_t *data, size_t len);
    /*
     * A request, once for each message id. coap_peer_answer() from inside
     * makes a piggy-backed response; without it the request is acknowledged
     * when the callback returns, and coap_peer_answer() with a copy of the
     * ticket makes a separate response later. m is valid until the return.
     * NULL: every request is answered 4.04.
     */
    void (*request)(void *ctx, const struct coap_ticket *ticket,
                    const struct coap_msg *m);
    /* The request behind `recipe` came again: call `answer` once with what
     * coap_peer_answer() was given then. May be NULL if no answer ever has
     * a recipe. */
    void (*rebuild)(void *ctx, const uint8_t *recipe, size_t recipe_len,
                    void (*answer)(void *answer_ctx,
                                   const struct coap_answer *a),
                    void *answer_ctx);
    /* coap_peer_wake() is another time than before. May be NULL. */
    void (*wake)(void *ctx, uint64_t at_ms);
};

/* Private to coap_exchange.c; here so that it may be embedded. */
struct coap_peer {
    const struct coap_peer_ops *ops;
    void *ctx;
    const struct coap_params *params;
    uint64_t random, now, wake;
    struct coap_seen *seen; /* newest first */
    struct coap_out *queue; /* the first may be in flight */
    struct coap_pending *pending;
    struct coap_observer *observers;
    uint16_t next_mid;
    uint8_t seen_count, queue_count;
    uint16_t pending_count;
};

/**
 * params   kept by pointer
 * seed     of message ids, tokens and time-outs: unpredictable bits in a
 *          program, a fixed number in a test. Allocates nothing.
 */
void coap_peer_init(struct coap_peer *p, const struct coap_peer_ops *ops,
                    void *ctx, const struct coap_params *params, uint64_t seed);

/** Forget everything; no callback comes. Harmless when zeroed. */
void coap_peer_release(struct coap_peer *p);

/** A datagram came from the peer. Any bytes are legal. */
void coap_peer_receive(struct coap_peer *p, uint64_t now, const uint8_t *data,
                       size_t len);

/** The clock reached coap_peer_wake(), or any other time. */
void coap_peer_tick(struct coap_peer *p, uint64_t now);

/** When coap_peer_tick() must be called at the latest; COAP_NEVER. Also
 * set when only old message ids are to be forgotten. */
static inline uint64_t coap_peer_wake(const struct coap_peer *p)
{
    return p->wake;
}

/** Nothing under way in either direction and no observation: only message
 * ids are remembered, so a server that is short of room may drop the peer. */
bool coap_peer_idle(const struct coap_peer *p);

/** A message of ours waits for its turn or its ACK. */
bool coap_peer_owes(const struct coap_peer *p);

/* ---- client -------------------------------------------------------------- */

enum coap_outcome {
    COAP_ANSWERED, /* m is the response */
    COAP_RESET,    /* the peer answered with RST */
    COAP_SILENT,   /* no ACK within MAX_TRANSMIT_WAIT, or no response */
    COAP_BROKEN,   /* no memory for it */
};

struct coap_reply {
    enum coap_outcome outcome;
    const struct coap_msg *m; /* ANSWERED; valid until the return */
    bool last;                /* false: notifications will follow */
};

typedef void coap_reply_fn(void *ctx, const struct coap_reply *r);

struct coap_request {
    uint8_t code;
    bool non; /* sent once, no retransmission; the response is awaited */
    /* With Observe 0 among them the request stays until it is cancelled,
     * or a response without Observe or of class 4 or 5 ends it. */
    const uint8_t *options;
    size_t options_len; /* at most COAP_OPTIONS_MAX */
    const uint8_t *payload;
    size_t payload_len; /* at most COAP_PAYLOAD_MAX */
    coap_reply_fn *reply;
    void *ctx;
};

/**
 * Send a request, or queue it behind what is outstanding.
 *
 * id       out, may be NULL: for coap_peer_cancel(); never 0
 * errors   E_FULL too many wait, E_NOMEM, E_ARG too long; no callback then.
 *          Otherwise reply() is called exactly once with last set, never
 *          from inside this call, unless it is cancelled before.
 */
int coap_peer_request(struct coap_peer *p, uint64_t now,
                      const struct coap_request *r, uint32_t *id);

/**
 * Forget a request: no callback comes any more. An observation ends: the
 * next notification is answered with RST (RFC 7641 3.6). Harmless with an
 * id that is not (any more) known.
 */
void coap_peer_cancel(struct coap_peer *p, uint64_t now, uint32_t id);

/* ---- server -------------------------------------------------------------- */

/**
 * Answer a request: piggy-backed inside the request callback, else separate
 * (CON to a CON, NON to a NON).
 *
 * Every request takes one answer; a second one with the same ticket would
 * go out as another separate response.
 * errors   E_ARG too long, E_FULL, E_NOMEM
 */
int coap_peer_answer(struct coap_peer *p, uint64_t now,
                     const struct coap_ticket *ticket,
                     const struct coap_answer *a);

/* One who observes a resource here; the caller's memory, which must stay
 * until it is unobserved or gone() was called. */
struct coap_observer {
    /* Set by the caller. The peer answered a notification with RST, or not
     * at all: the observation is over and was taken off. */
    void (*gone)(void *ctx, struct coap_observer *o);
    void *ctx;
    /* Set by coap_peer_observe(). */
    struct coap_observer *next;
    uint8_t token[COAP_TOKEN_MAX];
    uint8_t token_len;
    bool fresh;      /* no notification yet */
    uint16_t mid;    /* of the newest notification sent */
    uint32_t seq;    /* of it, 24 bits */
    uint64_t con_ms; /* when one was confirmable */
};

/**
 * Take the sender of a request with Observe 0 on. The answer to that
 * request must carry Observe coap_observer_seq(); an observer of the same
 * token is replaced by this one (gone() is called on the old one).
 */
void coap_peer_observe(struct coap_peer *p, uint64_t now,
                       struct coap_observer *o,
                       const struct coap_ticket *ticket);

/** Take it off. Harmless when it is not on. */
void coap_peer_unobserve(struct coap_peer *p, struct coap_observer *o);

/** The observer of a token, for Observe 1; NULL. */
struct coap_observer *coap_peer_find_observer(const struct coap_peer *p,
                                              const uint8_t *token,
                                              size_t token_len);

static inline uint32_t coap_observer_seq(const struct coap_observer *o)
{
    return o->seq;
}

/**
 * Send a notification; Observe is added to the options. One that still
 * waits for its ACK is replaced (RFC 7641 4.5.2); an answer of class 4 or 5
 * ends the observation (gone() is not called). NON become CON once in
 * con_interval_ms, so that a peer that is no more is noticed.
 * errors   as coap_peer_answer()
 */
int coap_peer_notify(struct coap_peer *p, uint64_t now, struct coap_observer *o,
                     const struct coap_answer *a, bool con);

#endif
