/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A bad network in user space: loss, round-trip time, stalls, cuts, wrong
 * bytes.
 *
 * Layer: link. One struct fault is the state of a module's network; every
 * transport asks it. Datagrams (CoAP) are dropped and delayed one by one.
 * Streams (HTTP) run through a pump between two sockets that knows no
 * protocol, so TLS is hit as it would be. All choices come from one seed.
 */
#ifndef DFOTA_LINK_FAULT_H
#define DFOTA_LINK_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fault {
    uint8_t loss;    /* percent of datagrams, each way; of a stream's
                      * segments, which then come a time-out later */
    uint32_t rtt_ms; /* half of it each way */
    /* Each happens once, when so many bytes have come; 0: not. */
    uint64_t stall_at;   /* nothing comes any more on this connection */
    uint64_t cut_at;     /* a stream breaks, a UDP peer refuses */
    uint64_t corrupt_at; /* that byte (counted from 1) comes wrong */
    uint64_t random;
};

void fault_init(struct fault *f, uint64_t seed);

/** Nothing is to be done to anything. NULL is such a network too. */
bool fault_is_none(const struct fault *f);

/** Whether this datagram or segment is lost. */
bool fault_drops(struct fault *f);

#endif
