/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The open connections of a listener, and the sweeper that ends the slow
 * ones: libmicrohttpd's own time-out only counts silence, so a byte now and
 * then would hold a connection for ever.
 *
 * Layer: server. One thread sweeps; the others only report what phase a
 * connection is in, by one atomic store.
 */
#ifndef DFOTA_SERVER_HTTP_CONNS_H
#define DFOTA_SERVER_HTTP_CONNS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum conn_phase {
    CONN_HANDSHAKE, /* of TLS */
    CONN_HEAD,      /* a request head is on its way in */
    CONN_ANSWER,    /* an answer is on its way out */
    CONN_IDLE,      /* kept for the next request */
    CONN_BODY,      /* a short content is on its way in */
    CONN_UPLOAD,    /* a long one is */
    CONN_STREAM     /* an answer without an end, with a sign of life now and
                       then */
};

/* A report is a running number above the phase. */
enum { CONN_PHASE_BITS = 3 };

/* What the sweeper lets pass. */
enum {
    CONN_HANDSHAKE_MS = 60000,
    CONN_HEAD_MS = 15000,
    CONN_IDLE_MS = 75000,
    CONN_BODY_MS = 30000,
    CONN_STREAM_MS = 60000,   /* without the peer confirming anything */
    CONN_ANSWER_MS = 600000,  /* in each such window an answer must ... */
    CONN_ANSWER_BYTES = 30000 /* ... get this far, as the peer confirms it;
                                 and an upload that we received */
};

/* Of the sweeper alone. */
struct conn_clock {
    unsigned seen; /* the report this clock was started for */
    enum conn_phase phase;
    int64_t since_ms;
    uint64_t bytes; /* at since_ms: confirmed when answering, else received */
};

/* Bytes since the connection was made, as the kernel counts them. */
struct conn_traffic {
    uint64_t received, confirmed;
};

/**
 * Look at one connection.
 *
 * report   from conn_report(), the latest
 * now_ms   a clock that never goes back
 * returns  true: it is over its time, shut it down
 */
bool conn_overdue(struct conn_clock *clock, unsigned report, int64_t now_ms,
                  const struct conn_traffic *traffic);

struct handshake;

struct conn {
    int fd; /* borrowed */
    atomic_uint report;
    struct conn_clock clock;
    void *tls;                   /* what the listener keeps for it, or NULL */
    struct handshake *handshake; /* or NULL */
    TAILQ_ENTRY(conn) all;
};

struct conns;

/** returns NULL: out of memory */
struct conns *conns_create(void);

/** All connections must have been removed. NULL is harmless. */
void conns_destroy(struct conns *conns);

/** returns NULL: out of memory */
struct conn *conns_add(struct conns *conns, int fd, enum conn_phase phase);

/** Before the descriptor is closed. NULL is harmless. */
void conns_remove(struct conns *conns, struct conn *conn);

/** From the thread that serves the connection. NULL is harmless. */
void conn_report(struct conn *conn, enum conn_phase phase);

/** Shut down what is overdue; the library then sees the end and cleans up.
 * cost: one getsockopt a connection, so about once a second. */
void conns_sweep(struct conns *conns, int64_t now_ms);

#endif
