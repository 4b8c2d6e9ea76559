/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A bad network in user space: loss, round-trip time, stalls, cuts, wrong
 * bytes.
 *
 * Layer: link. One struct fault is the network of a module; every transport
 * asks it. Datagrams are dropped and delayed one by one. A stream (HTTP)
 * runs through a pump between two sockets that knows no protocol, so TLS is
 * hit as a network would hit it. All choices come from one seed. A change
 * counts from the next datagram on, or the next connection of a stream.
 */
#ifndef DFOTA_LINK_FAULT_H
#define DFOTA_LINK_FAULT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

struct fault {
    uint32_t rtt_ms; /* half of it each way */
    uint8_t loss;    /* percent of datagrams, each way, and of a stream's
                      * segments: those come later by a time-out */
    /* Once each, when so many bytes have come to the module; 0: never. */
    uint64_t stall_at;   /* nothing comes or goes any more on what is open */
    uint64_t cut_at;     /* the connection breaks; over UDP: is refused */
    uint64_t corrupt_at; /* this byte, counted from 1, comes wrong */
    uint64_t random;
};

void fault_init(struct fault *f, uint64_t seed);

/** Nothing happens to anything. NULL is such a network too. */
bool fault_is_none(const struct fault *f);

/** Whether this datagram or segment is lost. */
bool fault_drops(struct fault *f);

enum fault_event { FAULT_NONE, FAULT_STALL, FAULT_CUT };

/**
 * Bytes came in: counts them, spoils the one that is to be, and says what
 * happens behind them.
 */
enum fault_event fault_take(struct fault *f, uint8_t *data, size_t len);

/* ---- datagrams ----------------------------------------------------------- */

enum fault_way { FAULT_OUT, FAULT_IN };

struct fault_line_ops {
    /* A datagram arrives at that end. */
    void (*arrive)(void *ctx, enum fault_way way, const uint8_t *data,
                   size_t len);
    /* cut_at came. */
    void (*cut)(void *ctx);
};

struct fault_line;

/** f: kept by pointer, may be NULL. returns NULL without memory */
struct fault_line *fault_line_create(uv_loop_t *loop, struct fault *f,
                                     const struct fault_line_ops *ops,
                                     void *ctx);

/** Send one way: arrive() is called at once, later, or never. At most 1024
 * datagrams are on their way; more are lost. */
void fault_line_send(struct fault_line *l, enum fault_way way,
                     const uint8_t *data, size_t len);

/** What is on its way is lost; no callback comes. NULL is harmless. */
void fault_line_destroy(struct fault_line *l);

/* ---- streams ------------------------------------------------------------- */

/**
 * Listen on loopback for one connection and pump it to peer through the bad
 * network.
 *
 * here     out: where to connect to instead of peer
 * errors   E_NOMEM, E_IO; a peer that refuses shows as a connection that
 *          closes at once
 */
int fault_stream_open(uv_loop_t *loop, struct fault *f,
                      const struct sockaddr *peer, size_t peer_len,
                      struct sockaddr_in *here);

#endif
